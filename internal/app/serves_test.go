package app_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/app"
)

// copyTo copies a folder as `cp -a` does.
func copyTo(t *testing.T, from, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		return errors.Join(err, os.Chmod(path, info.Mode().Perm()&0o700))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// A command on a copy of the data folder, whose configuration names the key folder
// of the original, is refused before anything is written: the original goes on.
func TestACopyDoesNotMoveTheCheckpoint(t *testing.T) {
	dir, made := instance(t)
	get(t, dir, "/v1/stores")
	side := copyTo(t, dir, filepath.Join(t.TempDir(), "copy"))
	before, err := os.ReadFile(filepath.Join(made.Keys, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.Open(t.Context(), app.Options{Dir: side})
	if !strongroom.IsKind(err, strongroom.Conflict) || !strings.Contains(err.Error(), "strongroom adopt --data "+side) {
		t.Fatalf("a copy is opened: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(made.Keys, "checkpoint")); err != nil || string(after) != string(before) {
		t.Errorf("the checkpoint moved: %v", err)
	}
	if status, _ := get(t, dir, "/v1/stores"); status != http.StatusOK {
		t.Errorf("the original: %d", status)
	}
	// Behind the original now, the copy still opens where it is adopted and says so.
	if err := app.Adopt(t.Context(), app.Options{Dir: side}); err != nil {
		t.Fatal(err)
	}
	if _, err = app.Open(t.Context(), app.Options{Dir: side}); err == nil || !strings.Contains(err.Error(), "log continue") {
		t.Errorf("an old copy: %v", err)
	}
	if _, err = app.Open(t.Context(), app.Options{Dir: dir}); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("the original after its keys were given away: %v", err)
	}
	if err := app.Adopt(t.Context(), app.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, dir, "/v1/stores"); status != http.StatusOK {
		t.Errorf("the original, given its keys back: %d", status)
	}
}

// A move needs no command: the data folder is gone from its old place, or the key
// folder was copied along. The second is how one looks into a copy.
func TestAMoveIsNoCopy(t *testing.T) {
	dir, made := instance(t)
	side := copyTo(t, dir, filepath.Join(t.TempDir(), "copy"))
	keys := copyTo(t, made.Keys, filepath.Join(t.TempDir(), "keys"))
	c, err := app.LoadConfig(side, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = keys
	if err := c.Write(side); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{side, dir} {
		if status, _ := get(t, d, "/v1/stores"); status != http.StatusOK {
			t.Errorf("%s: %d", d, status)
		}
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, moved, "/v1/stores"); status != http.StatusOK {
		t.Errorf("moved: %d", status)
	}
	// Put back from a backup at its place: another folder on the disk, the same path.
	again := copyTo(t, moved, moved+".backup")
	if err := os.RemoveAll(moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(again, moved); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, moved, "/v1/stores"); status != http.StatusOK {
		t.Errorf("put back: %d", status)
	}
}
