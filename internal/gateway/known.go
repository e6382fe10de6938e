package gateway

import (
	"crypto/sha256"
	"sync"
	"time"

	"strongroom/internal/vault"
)

// Bounds of what is remembered of pages; ours.
const (
	knownBytes = 32 << 20        // of answers in a generation; there are two
	knownFor   = 2 * time.Minute // a generation is the young one
)

// known remembers what pages were made into, by a digest of the page, so that a
// page that is the same as a moment ago is not taken in again. The platform is asked
// each time all the same. It holds what callers were given: tokens, and nothing
// personal. An answer is good for the turn of its store, in which taking the page in
// would store nothing.
type known struct {
	mu         sync.Mutex
	begun      time.Time
	size       int
	young, old map[page]*made
}

// page names a page that was taken in.
type page struct {
	sum   [sha256.Size]byte
	store string
	turn  vault.Turn
	row   *Endpoint
	part  string // version, and the order that the path names
}

// made is what a page was made into.
type made struct {
	text []byte
	tag  string
}

// find returns what a page was made into, nil if that is not known.
func (k *known) find(p page, now time.Time) *made {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn(now)
	if m := k.young[p]; m != nil {
		return m
	}
	return k.old[p]
}

// keep remembers what a page was made into.
func (k *known) keep(p page, m *made, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn(now)
	if k.size += len(m.text); k.size > knownBytes {
		k.begun = time.Time{}
		k.turn(now)
		k.size = len(m.text)
	}
	k.young[p] = m
}

// turn begins a generation when the present one has lasted long enough, or is full.
func (k *known) turn(now time.Time) {
	if now.Sub(k.begun) < knownFor {
		return
	}
	old := k.young
	if now.Sub(k.begun) > 2*knownFor && !k.begun.IsZero() {
		old = nil // nobody came by for long
	}
	k.old, k.young, k.begun, k.size = old, make(map[page]*made), now, 0
}
