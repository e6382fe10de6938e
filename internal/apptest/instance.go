package apptest

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// Options say what is special about an instance. The zero value is an instance
// of the test environment at real time on this run's engine.
type Options struct {
	// At is where the clock stands when the instance begins to serve.
	At time.Time
	// Engine is the engine; empty is the one of this run.
	Engine db.Engine
	// Cluster is the PostgreSQL server; nil is the one tests share,
	// whose write-ahead log holds what other tests wrote.
	Cluster *dbtest.Cluster
	// Config changes the configuration before the instance is made.
	Config func(*app.Config)
	// Owner is the first owner; a production instance has one anyhow.
	Owner app.FirstOwner
}

// Instance is a whole instance. Its methods are safe for concurrent use, except
// those that start and stop it.
type Instance struct {
	t        testing.TB
	Root     string // parent of all its folders
	Dir      string // data folder
	Keys     string // key folder
	Engine   db.Engine
	Database string // URL on PostgreSQL, else empty
	Made     app.Made
	URL      string // base URL while it serves
	Lines    *Lines // operational log at the level of debugging

	cluster *dbtest.Cluster
	app     *app.App
	stop    context.CancelFunc
	ended   chan error
	client  client
}

// Start makes an instance and serves it. It is stopped and removed with the test.
func Start(t testing.TB, o Options) *Instance {
	t.Helper()
	i := Make(t, o)
	i.Serve()
	if !o.At.IsZero() {
		i.SetClock(o.At)
	}
	return i
}

// Make makes an instance without serving it.
func Make(t testing.TB, o Options) *Instance {
	t.Helper()
	// Not t.TempDir: the path of a socket has at most 107 bytes.
	root, err := os.MkdirTemp("", "sr-")
	must(t, err)
	i := &Instance{t: t, Root: root, Dir: filepath.Join(root, "data"), Keys: filepath.Join(root, "keys"), Lines: &Lines{}}
	t.Cleanup(func() { os.RemoveAll(root) })
	if o.Engine == "" {
		o.Engine = dbtest.Engine(t)
	}
	i.Engine = o.Engine
	c := app.Config{
		Environment: strongroom.Test, Keys: i.Keys, Root: app.RootConfig{File: filepath.Join(root, "root", "root.key")},
		Listen: "127.0.0.1:0", TLS: "off",
	}
	if o.Engine == db.Postgres {
		if i.cluster = o.Cluster; i.cluster != nil {
			i.Database = newDatabase(t, i.cluster)
		} else {
			i.Database = dbtest.Options(t, db.Postgres, app.Schemas()...).URL
		}
		c.Database = i.Database
	}
	t.Cleanup(i.Stop) // before its database goes
	if o.Config != nil {
		o.Config(&c)
	}
	owner := o.Owner
	if c.Environment == strongroom.Production && owner == (app.FirstOwner{}) {
		owner = app.FirstOwner{Name: OwnerName, Email: OwnerEmail}
	}
	i.Made, err = app.Init(context.Background(), i.Dir, c, owner, nil)
	must(t, err)
	return i
}

// Serve opens the instance and serves it; a failure ends the test.
func (i *Instance) Serve() {
	i.t.Helper()
	must(i.t, i.TryServe())
}

// TryServe opens the instance and serves it, or returns why it cannot.
func (i *Instance) TryServe() error {
	ctx, stop := context.WithCancel(context.Background())
	log := slog.New(slog.NewJSONHandler(i.Lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.Open(ctx, app.Options{Dir: i.Dir, Log: log})
	if err != nil {
		stop()
		fmt.Fprintf(i.Lines, "%v\n", err) // what a person at the terminal sees
		return err
	}
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(url string) { ready <- url }) }()
	select {
	case i.URL = <-ready:
	case err := <-ended:
		stop()
		return errors.Join(errors.New("the instance ended at once"), err)
	}
	i.app, i.stop, i.ended = a, stop, ended
	i.client.open(filepath.Join(i.Dir, app.SocketName), i.Roots())
	return nil
}

// Roots returns what a caller trusts who trusts the certificate that the instance made
// for itself, and no other. Without one it trusts nothing.
func (i *Instance) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	if text, err := os.ReadFile(filepath.Join(i.Dir, "tls", "tls.crt")); err == nil {
		roots.AppendCertsFromPEM(text)
	}
	return roots
}

// Stop stops a serving instance as a signal would. It may be called twice.
func (i *Instance) Stop() {
	if i.app == nil {
		return
	}
	i.client.close()
	i.stop()
	if err := <-i.ended; err != nil {
		i.t.Errorf("the instance did not stop cleanly: %v", err)
	}
	i.app = nil
}

// Restart stops the instance and serves it again.
func (i *Instance) Restart() {
	i.t.Helper()
	i.Stop()
	i.Serve()
}

// The first owner of a production instance, whom nobody else is called.
const (
	OwnerName  = "Ottilie Vandersmissen"
	OwnerEmail = "ottilie@vandersmissen.example"
)

// Lines is a log in memory, safe for concurrent use.
type Lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends p.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Bytes returns a copy of what was written.
func (l *Lines) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

var _ io.Writer = (*Lines)(nil)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
