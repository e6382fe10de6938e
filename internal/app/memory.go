package app

import (
	"os"
	"runtime/debug"
)

// What the garbage collector is told. An instance holds a few MiB that live long
// and makes some ten KiB of garbage a call, so at the usual setting a fifth of its
// processor time would go into collecting. Above memoryLimit it collects as often
// as it takes to stay there.
const (
	gcPercent   = 400
	memoryLimit = 512 << 20 // bytes
)

// TuneMemory sets up the garbage collector of this process for an instance at
// work. What the operator says with the variables GOGC and GOMEMLIMIT stands.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
