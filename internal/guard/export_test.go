package guard

import "time"

// What tests of ends see.
const (
	SweepFrom = sweepFrom
	MarkLife  = markLife
)

// Ended returns how many ends are remembered.
func (g *Guard) Ended() int {
	g.ends.mu.RLock()
	defer g.ends.mu.RUnlock()
	return len(g.ends.of)
}

// Asking returns how many calls wait to ask together.
func (g *Guard) Asking() int {
	g.asks.mu.Lock()
	defer g.asks.mu.Unlock()
	return len(g.asks.waiting)
}

// LimitAsking sets how long calls wait for what they ask together. It is called
// before any asks.
func (g *Guard) LimitAsking(d time.Duration) { g.asks.limit = d }
