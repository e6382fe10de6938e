package identity

import "time"

// maxStrangers bounds how many keys that are not known are remembered, half of
// them in each generation.
const maxStrangers = 4096

// strangers remembers keys that were looked up and are not known, so that a
// caller with a wrong key costs one reading in a while. It holds hashes, of a
// bounded number: when the younger generation is full it becomes the older one,
// whose own are forgotten. The zero value is empty; the caller locks.
type strangers struct{ young, old map[[32]byte]time.Time }

// has reports whether h was looked up after a time.
func (s *strangers) has(h [32]byte, after time.Time) bool {
	at, ok := s.young[h]
	if !ok {
		at, ok = s.old[h]
	}
	return ok && at.After(after)
}

func (s *strangers) add(h [32]byte, at time.Time) {
	if s.young == nil || len(s.young) >= maxStrangers/2 {
		s.young, s.old = make(map[[32]byte]time.Time), s.young
	}
	s.young[h] = at
}
