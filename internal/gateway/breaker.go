package gateway

import (
	"sync"
	"time"

	"strongroom"
)

// When a store's circuit opens, and for how long; numbers are ours.
const (
	breakAfter = 5                // failures one after another
	breakFor   = 15 * time.Second // of real time, then one call tries
)

// circuits keep a store whose platform fails from holding up its callers: after
// some failures one after another its calls are refused at once for a while, then
// one of them tries.
type circuits struct {
	mu sync.Mutex
	by map[string]*circuit
}

type circuit struct {
	failures int
	until    time.Time // refused until then; zero: closed
	trying   bool
}

// enter returns nil if a call may go out, else a fault of kind Unavailable. Who
// entered calls leave.
func (c *circuits) enter(store string, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.by[store]
	if one == nil || one.until.IsZero() {
		return nil
	}
	if now.Before(one.until) || one.trying {
		return strongroom.Faultf(strongroom.Unavailable, "circuit-open", "the platform of this store has failed repeatedly and is left alone for a moment").
			Advise("try again in %d seconds", int(breakFor/time.Second))
	}
	one.trying = true
	return nil
}

// leave says how a call ended.
func (c *circuits) leave(store string, ok bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.by[store]
	if ok {
		delete(c.by, store)
		return
	}
	if one == nil {
		one = &circuit{}
		c.by[store] = one
	}
	one.failures++
	one.trying = false
	if one.failures >= breakAfter {
		one.until = now.Add(breakFor)
	}
}

// quit takes an entered call back that came to no answer of the platform's.
func (c *circuits) quit(store string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.by[store]; one != nil {
		one.trying = false
	}
}
