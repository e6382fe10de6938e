package keys

import (
	"golang.org/x/sys/unix"

	"strongroom"
)

// ProtectMemory keeps the memory of this process, where keys lie, out of core
// dumps and out of reach of other processes of the same user. Call it once at
// the start, before any key is read.
func ProtectMemory() error {
	none := unix.Rlimit{}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &none); err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "memory", "cannot switch core dumps off").Because(err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "memory", "cannot keep memory private").Because(err)
	}
	return nil
}
