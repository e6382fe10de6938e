package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/keys"
)

// A rotation that finds another root than the one configured changes nothing:
// the configuration would name a key that opens nothing, and forget the one that
// does.
func TestRootRotateKeepsTheConfigurationOfAWrongRoot(t *testing.T) {
	dir, made := instance(t)
	right, err := os.ReadFile(made.RootKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(made.RootKeyFile)
	if _, err := keys.CreateRootFile(made.RootKeyFile); err != nil { // mounted wrongly
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next.key")
	for range 2 {
		if err := app.RotateRoot(t.Context(), app.Options{Dir: dir}, next); !strongroom.IsKind(err, strongroom.Denied) {
			t.Fatalf("rotated with a wrong root: %v", err)
		}
		if _, err := os.Stat(next); err == nil {
			t.Fatal("a key was made for nothing")
		}
	}
	if _, err := keys.CreateRootFile(next); err != nil { // not of this keyring either
		t.Fatal(err)
	}
	if err := app.RotateRoot(t.Context(), app.Options{Dir: dir}, next); !strongroom.IsKind(err, strongroom.Denied) {
		t.Fatalf("rotated with two wrong roots: %v", err)
	}
	os.Chmod(made.RootKeyFile, 0o600)
	if err := os.WriteFile(made.RootKeyFile, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Fatalf("the right root does not open any more: %d %s", status, body)
	}
}

// The rotation was cut off behind the keyring: calling it again finishes it, in
// the configuration file that is in use.
func TestRootRotateGoesOnInTheConfigurationInUse(t *testing.T) {
	dir, made := instance(t)
	file := filepath.Join(t.TempDir(), "strongroom.yaml")
	if err := os.Rename(filepath.Join(dir, app.ConfigName), file); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o := app.Options{Dir: dir, ConfigFile: file}
	next := filepath.Join(t.TempDir(), "next.key")
	for range 2 {
		if err := app.RotateRoot(t.Context(), o, next); err != nil {
			t.Fatal(err)
		}
		a, err := app.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("the configuration in use does not name the root: %v", err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, before, 0o600); err != nil { // as if cut off here
			t.Fatal(err)
		}
	}
	if made.RootKeyFile == next {
		t.Fatal("nothing was rotated")
	}
}

func TestRootRotateWaitsForTheServer(t *testing.T) {
	dir, _ := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	next := filepath.Join(t.TempDir(), "next.key")
	err = app.RotateRoot(t.Context(), app.Options{Dir: dir}, next)
	if !errors.Is(err, app.ErrLocked) || !strings.Contains(err.Error(), "stop the server") {
		t.Fatalf("beside a server: %v", err)
	}
	if _, err := os.Stat(next); err == nil {
		t.Error("a key was made for nothing")
	}
}

// A configuration that cannot be written does not end in a riddle: the fault says
// which key opens the keyring, and the same command finishes once it can.
func TestRootRotateSaysWhereItStands(t *testing.T) {
	dir, _ := instance(t)
	f, err := os.Open(filepath.Join(dir, app.ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	next := filepath.Join(t.TempDir(), "next.key")
	sealed := fmt.Sprintf("/proc/self/fd/%d", f.Fd()) // nothing can be made beside it
	for range 2 {
		err = app.RotateRoot(t.Context(), app.Options{Dir: dir, ConfigFile: sealed}, next)
		if !strongroom.IsKind(err, strongroom.Conflict) || !strings.Contains(err.Error(), "the new root key only") {
			t.Fatalf("the configuration could not be written: %v", err)
		}
	}
	if err := app.RotateRoot(t.Context(), app.Options{Dir: dir}, next); err != nil {
		t.Fatalf("the same with a file that can be written: %v", err)
	}
	if status, body := get(t, dir, "/readyz"); status != http.StatusOK {
		t.Fatalf("after it: %d %s", status, body)
	}
}
