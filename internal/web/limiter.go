package web

import (
	"net/netip"
	"sync"
	"time"

	"strongroom"
)

// Numbers of a [Limiter]; all are ours. A sign-in takes three calls, an enrolment
// eight: an office behind one address lets eighty people in at once.
const (
	LimitBurst  = 240                    // calls a source may make at once
	LimitRefill = 250 * time.Millisecond // and then one more each
	limitKept   = 1 << 15                // sources told apart in a generation; there are two
)

// CodeSource is the code of the fault of a source that calls too often.
const CodeSource = "source-limit"

// Limiter bounds how often one source may ask for what is open to everybody. A
// source is an address of IPv4, or a network of 64 bits of IPv6, which one
// subscriber has all of. It keeps a count of each in memory, of 65,536 at most, and
// writes nothing. The zero value is ready; it is safe for concurrent use.
type Limiter struct {
	mu         sync.Mutex
	begun      time.Time            // of the present generation
	young, old map[netip.Addr]meter // by the first address of the source
}

// meter is what a source has used up: it fills by calls and drains with time.
type meter struct {
	used float64
	at   time.Time
}

// Allow counts a call of a source at a real time. The fault is Exhausted once the
// source has used up what it may. A caller of a Unix socket has no source and is not
// counted. Memory is kept in two generations: a source that has not called for as
// long as it takes to be forgiven everything is forgotten. Only under a flood of
// more sources than are told apart is one forgotten sooner.
func (l *Limiter) Allow(source netip.Addr, now time.Time) error {
	if !source.IsValid() {
		return nil
	}
	source = sourceOf(source)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	m, known := l.young[source]
	if !known {
		m = l.old[source]
	}
	if past := now.Sub(m.at); past > 0 { // a clock that goes back forgives nothing
		m.used, m.at = max(0, m.used-float64(past)/float64(LimitRefill)), now
	}
	if m.used > LimitBurst-1 {
		l.young[source] = m
		return strongroom.Faultf(strongroom.Exhausted, CodeSource, "too many calls come from this source").
			Advise("try again in a moment; signed-in callers are not counted")
	}
	m.used++
	l.young[source] = m
	return nil
}

// turn begins a generation when the present one has lasted long enough for
// everything in the one before to be forgiven, or is full.
func (l *Limiter) turn(now time.Time) {
	if l.young == nil || len(l.young) >= limitKept || now.Sub(l.begun) > LimitBurst*LimitRefill {
		l.old, l.young, l.begun = l.young, make(map[netip.Addr]meter), now
	}
}

// Kept returns how many sources are remembered, for a gauge.
func (l *Limiter) Kept() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.young) + len(l.old)
}

// sourceOf returns what counts as one source with an address.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
