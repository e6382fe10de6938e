package keys_test

import (
	"os"
	"syscall"
	"testing"
)

// dup returns a descriptor of its own for f.
func dup(t testing.TB, f *os.File) int {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
