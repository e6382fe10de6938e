package guardtest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/tlog"
)

// Ground is a database with a log in it.
type Ground struct {
	DB  *db.DB
	Dir string // of the database's files; empty on PostgreSQL
	Log *audit.Log
}

// Open returns a ground with the tables of the log and of schemas. It goes away
// with the test. clock is the time of transactions; nil is real time.
func Open(t testing.TB, clock *strongroom.Clock, schemas ...db.Schema) *Ground {
	t.Helper()
	schemas = append([]db.Schema{audit.Schema()}, schemas...)
	o := dbtest.Options(t, dbtest.Engine(t), schemas...)
	o.Clock = clock
	g := new(Ground)
	if o.Path != "" {
		g.Dir = filepath.Dir(o.Path)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	g.DB, err = db.Open(context.Background(), o)
	must(err)
	t.Cleanup(func() { _ = g.DB.Close() })
	_, err = g.DB.Migrate(context.Background(), schemas)
	must(err)
	signer, err := tlog.NewSigner("strongroom.test/log", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	must(err)
	g.Log, err = audit.New(g.DB, audit.Options{Signer: signer})
	must(err)
	must(g.Log.Start(context.Background()))
	return g
}

// Start returns a guard over the ground and runs it until the test ends. o needs
// neither database nor log; without a policy it decides by the built-in ones of env.
func (g *Ground) Start(t testing.TB, env strongroom.Environment, o guard.Options) *guard.Guard {
	t.Helper()
	if o.DB, o.Log = g.DB, g.Log; o.Policy == nil {
		engine, err := authz.New(nil, authz.Options{Environment: env})
		if err != nil {
			t.Fatal(err)
		}
		o.Policy = func() *authz.Engine { return engine }
	}
	made := guard.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- made.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("guard: %v", err)
		}
	})
	return made
}

// Person is somebody with roles at all stores who is trained and pledged and showed
// two factors at a time. An empty id is somebody new.
func Person(id string, verified time.Time, roles ...string) strongroom.Actor {
	if id == "" {
		id = strongroom.NewID("usr")
	}
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: id, Roles: roles, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Verified: verified},
	}
}

// Code returns the code of a fault: empty for nil, "internal" for another error.
func Code(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	if err != nil {
		return "internal"
	}
	return ""
}

// Want fails the test unless err, which what gave, is a fault of the kind and the
// code. An empty code is any.
func Want(t testing.TB, what string, err error, kind strongroom.Kind, code string) {
	t.Helper()
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Kind != kind || code != "" && f.Code != code {
		t.Errorf("%s: got %v, want %v with code %q", what, err, kind, code)
	}
}
