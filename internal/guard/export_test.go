package guard

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
