package guardtest

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/db"
)

// Events returns the log, decoded: all of it, or the events of the named actions.
func (g *Ground) Events(t testing.TB, actions ...string) (out []audit.Event) {
	t.Helper()
	entries, err := g.Log.Events(context.Background(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			t.Fatal(err)
		}
		if len(actions) == 0 || slices.Contains(actions, e.Action.Name) {
			out = append(out, e)
		}
	}
	return out
}

// Disk returns every byte at rest: the files on SQLite, the log, and on both engines
// what dump reads and puts, rows of a text and of bytes each. dump may be nil.
func (g *Ground) Disk(t testing.TB, dump func(r *db.Reader, put func(*db.Rows, error))) []byte {
	t.Helper()
	var all bytes.Buffer
	if dump != nil {
		err := g.DB.Read(context.Background(), func(r *db.Reader) error {
			dump(r, func(rows *db.Rows, err error) { copyRows(t, &all, rows, err) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if g.Dir != "" {
		err := filepath.WalkDir(g.Dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	entries, err := g.Log.Events(context.Background(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all.Write(e.Leaf)
	}
	return all.Bytes()
}

func copyRows(t testing.TB, to *bytes.Buffer, rows *db.Rows, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a string
		var b []byte
		if err := rows.Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		to.WriteString(a)
		to.Write(b)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
