package strongroom

import (
	"sync/atomic"
	"time"
)

// Clock tells the time that data clocks and events use: real time plus an
// offset that only a test instance may have. It keeps ticking. Leases, timeouts
// and TLS use real time instead. The zero Clock is real time. Safe for
// concurrent use.
type Clock struct{ offset atomic.Int64 }

// Now returns the clock's time in UTC with microsecond precision, which is what
// the engines store.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC().Truncate(time.Microsecond)
}

// Offset returns how far the clock is ahead of real time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// SetOffset moves the clock. The caller has made sure that the environment and
// the records allow it.
func (c *Clock) SetOffset(d time.Duration) { c.offset.Store(int64(d)) }
