package audit

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"strongroom"
)

// Limits of [Refusals]: sources told apart in one second, and seconds kept until
// somebody takes them. What is beyond is still counted, without its source.
const (
	maxSources = 1024
	maxSeconds = 64
)

// Refusals counts callers nobody knows, so that a flood of them is one event per
// source and second. Memory is bounded. The zero value is ready; it is safe for
// concurrent use.
type Refusals struct {
	mu      sync.Mutex
	seconds []refusedSecond // oldest first
}

type refusedSecond struct {
	at      int64 // Unix seconds
	sources map[string]int64
	others  int64 // of sources beyond the limit
}

// Add counts one refusal. source is a keyed hash of the caller's address, never
// the address; one that is no hash counts among the others.
func (r *Refusals) Add(source string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.second(at.Unix())
	if _, known := s.sources[source]; known || validHash(source) && len(s.sources) < maxSources {
		s.sources[source]++
		return
	}
	s.others++
}

// second returns the bucket of a second. When too many wait, or time went back,
// the newest one goes on counting.
func (r *Refusals) second(at int64) *refusedSecond {
	n := len(r.seconds)
	if n == 0 || at > r.seconds[n-1].at && n < maxSeconds {
		r.seconds = append(r.seconds, refusedSecond{at: at, sources: make(map[string]int64)})
		n++
	}
	return &r.seconds[n-1]
}

// Take returns the events of all seconds but the present one and forgets them:
// one per source and second with the count of its refusals, and one without a
// source for those beyond the limits. A second that lies ahead, because time went
// back, does not wait until it comes again.
func (r *Refusals) Take(now time.Time) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Event
	for len(r.seconds) > 0 && r.seconds[0].at != now.Unix() {
		out = r.seconds[0].events(out)
		r.seconds = r.seconds[1:]
	}
	return out
}

func (s *refusedSecond) events(out []Event) []Event {
	first := len(out)
	for source, n := range s.sources {
		out = append(out, s.event(n, Note{"source", source}))
	}
	// A map has no order, the log has.
	slices.SortFunc(out[first:], func(a, b Event) int {
		return cmp.Compare(a.Notes[1].Value.(string), b.Notes[1].Value.(string))
	})
	if s.others > 0 {
		out = append(out, s.event(s.others))
	}
	return out
}

func (s *refusedSecond) event(n int64, source ...Note) Event {
	return Event{
		Time: time.Unix(s.at, 0).UTC(), Action: Refuse, Outcome: Denied, Code: "unknown-caller",
		Actor: strongroom.System("door"), Resource: strongroom.Resource{Type: "Door", ID: "door"},
		Notes: append([]Note{{"count", min(n, 999_999_999)}}, source...),
	}
}
