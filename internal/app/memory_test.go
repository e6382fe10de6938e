package app_test

import (
	"math"
	"runtime/debug"
	"testing"

	"strongroom/internal/app"
)

// TestTuneMemory: the operator's word stands, and without one ours does.
func TestTuneMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "off")
	app.TuneMemory()
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != 100 || l != math.MaxInt64 {
		t.Errorf("the operator's word did not stand: %d %%, %d bytes", p, l)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	app.TuneMemory()
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != 400 || l != 512<<20 {
		t.Errorf("%d %%, %d bytes", p, l)
	}
}
