package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Every command that opens an instance in its own process can be handed the
// passphrase, not only serve.
func TestCommandsTakeThePassphrase(t *testing.T) {
	const fd = 97
	do := func(passphrase string, args ...string) (string, int) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w.WriteString(passphrase)
		w.Close()
		if err := unix.Dup3(int(r.Fd()), fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		r.Close()
		defer unix.Close(fd) // no matter whether the command has closed it
		var out, errs bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return out.String() + errs.String(), code
	}
	dir := filepath.Join(t.TempDir(), "data")
	const words = "nine owls over the quiet harbour"
	if out, code := do(words, "init", "--data", dir, "--environment", "test", "--tls", "off", "--passphrase", "--root-fd", "97"); code != 0 {
		t.Fatal(out)
	}
	if out, code := do(words, "store", "list", "--data", dir); code != 0 {
		t.Fatalf("with the passphrase: %s", out)
	}
	if out, code := do("nine owls over another harbour", "store", "list", "--data", dir); code != 1 {
		t.Fatalf("with another passphrase: %d %s", code, out)
	}
}
