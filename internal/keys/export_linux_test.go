package keys

import "golang.org/x/sys/unix"

// Dumpable tells whether the system may dump this process.
func Dumpable() int {
	n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return -1
	}
	return n
}
