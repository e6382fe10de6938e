package apptest

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// CopyDir copies a folder as `cp -r` does, sockets left out.
func CopyDir(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o700))
	for _, p := range Files(t, from) {
		path := filepath.Join(to, p.Name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, p.Bytes, 0o600))
	}
}

// Copy is a copy of an instance's data taken at one moment.
type Copy struct {
	of       *Instance
	dir      string
	database string // on PostgreSQL: a database nobody writes to
}

// CopyData copies the data folder, and the database on PostgreSQL. The instance
// must be stopped, so that the copy is as good as a copy can be.
func (i *Instance) CopyData() *Copy {
	i.t.Helper()
	dir, err := os.MkdirTemp("", "sr-")
	must(i.t, err)
	i.t.Cleanup(func() { os.RemoveAll(dir) })
	c := &Copy{of: i, dir: filepath.Join(dir, "data")}
	CopyDir(i.t, i.Dir, c.dir)
	if i.Engine == db.Postgres {
		c.database = copyDatabase(i.t, i.Database)
	}
	return c
}

// CopyKeys copies the key folder and returns where to.
func (i *Instance) CopyKeys() string {
	i.t.Helper()
	dir, err := os.MkdirTemp("", "sr-")
	must(i.t, err)
	i.t.Cleanup(func() { os.RemoveAll(dir) })
	CopyDir(i.t, i.Keys, filepath.Join(dir, "keys"))
	return filepath.Join(dir, "keys")
}

// copyDatabase makes a new database with the content of another.
func copyDatabase(t testing.TB, url string) string {
	t.Helper()
	to := dbtest.Options(t, db.Postgres).URL
	restore(t, to, dumpPlain(t, url))
	return to
}

// PutBack puts the copy in the place of what the stopped instance has.
func (c *Copy) PutBack() {
	c.of.t.Helper()
	must(c.of.t, os.RemoveAll(c.of.Dir))
	CopyDir(c.of.t, c.dir, c.of.Dir)
	if c.database == "" {
		return
	}
	conf, err := app.LoadConfig(c.of.Dir, "")
	must(c.of.t, err)
	conf.Database = c.database
	must(c.of.t, conf.Write(c.of.Dir))
	c.of.t.Cleanup(c.of.Stop) // before this database goes
}

// Steal is what a thief does who has a copy of the data and a key folder with
// the root key: everything that stands between them and the records and is not
// a key is taken away: ledger, checkpoint, log. It returns a serving instance,
// or why there is none. Each call works on copies of its own.
func (c *Copy) Steal(t testing.TB, keys string) (*Instance, error) {
	t.Helper()
	root, err := os.MkdirTemp("", "sr-")
	must(t, err)
	i := &Instance{t: t, Root: root, Dir: filepath.Join(root, "data"), Keys: filepath.Join(root, "keys"), Engine: c.of.Engine, Lines: &Lines{}}
	t.Cleanup(func() { os.RemoveAll(root) })
	CopyDir(t, c.dir, i.Dir)
	if keys == "" {
		must(t, os.MkdirAll(i.Keys, 0o700))
	} else {
		CopyDir(t, keys, i.Keys)
	}
	for _, name := range []string{"erasures", "checkpoint"} {
		if err := os.Remove(filepath.Join(i.Keys, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	conf, err := app.LoadConfig(i.Dir, "")
	must(t, err)
	conf.Keys = i.Keys
	if c.database != "" {
		conf.Database = copyDatabase(t, c.database)
	}
	must(t, conf.Write(i.Dir))
	t.Cleanup(i.Stop) // before its database goes
	i.Made = c.of.Made
	if err := app.ContinueLog(context.Background(), app.Options{Dir: i.Dir}, "damage", strongroom.NewID("svc")); err != nil {
		t.Logf("log continue: %v", err) // perhaps it serves all the same
	}
	return i, i.TryServe()
}

// Roll rolls the epoch and waits for the end.
func (i *Instance) Roll() {
	i.t.Helper()
	var out struct{ Job string }
	i.Want(http.StatusAccepted, Request{Method: http.MethodPost, Path: "/v1/epoch/roll"}, &out)
	i.Await(out.Job)
}

// Await waits until a job is done.
func (i *Instance) Await(job string) {
	i.t.Helper()
	var out struct{ State, Code string }
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		i.Want(http.StatusOK, Request{Path: "/v1/jobs/" + job}, &out)
		switch {
		case out.State == "done":
			return
		case out.State == "dead" || time.Now().After(deadline):
			i.t.Fatalf("the job is %s: %s", out.State, out.Code)
		}
	}
}
