//go:build !linux

package keys

// ProtectMemory does nothing on this system: it offers no way known to us.
func ProtectMemory() error { return nil }
