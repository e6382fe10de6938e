package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/lifecycle"
	"strongroom/internal/seal"
)

// room is a Cases over a real database, log and guard.
type room struct {
	*lifecycle.Cases
	t      testing.TB
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	clock  *strongroom.Clock
	known  string // the one store there is
	opts   lifecycle.CasesOptions
}

func enter(t testing.TB) *room {
	t.Helper()
	r := &room{t: t, clock: new(strongroom.Clock), known: strongroom.NewID("str")}
	r.set("2026-11-20T12:00:00Z")
	r.ground = guardtest.Open(t, r.clock, lifecycle.Schema())
	r.db, r.log = r.ground.DB, r.ground.Log
	g := r.ground.Start(t, strongroom.Production, guard.Options{})
	r.opts = lifecycle.CasesOptions{Guard: g, Environment: strongroom.Test, Key: seal.NewKey(), Store: func(_ *db.Reader, id string) error {
		if id != r.known {
			return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
		}
		return nil
	}}
	r.Cases = lifecycle.NewCases(r.opts)
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) set(at string) { r.clock.SetOffset(time.Until(date(at))) }

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// as returns somebody with a role, at the named stores or at all.
func as(role string, stores ...string) strongroom.Actor {
	return strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{role}, Stores: stores, AllStores: len(stores) == 0, Door: "http",
	}
}

// opened opens a case of a shopper's request for all stores.
func (r *room) opened() lifecycle.Case {
	r.t.Helper()
	c, err := r.Open(context.Background(), as(authz.Privacy), lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: "GDPR Art. 15(1)"})
	r.must(err)
	return c
}

// check asks whether a case opens a store's records now.
func (r *room) check(id string, p strongroom.Purpose, store string) (err error) {
	r.t.Helper()
	r.must(r.db.Read(context.Background(), func(v *db.Reader) error {
		err = r.CheckOpen(v, r.clock.Now(), id, p, store)
		return nil
	}))
	return err
}

// exec changes the database behind the product's back.
func (r *room) exec(change func(tx *db.Tx) error) {
	r.t.Helper()
	r.must(r.db.Update(context.Background(), change))
}

// events returns the events of an action, oldest first.
func (r *room) events(action string) []audit.Event { return r.ground.Events(r.t, action) }

// want fails unless err is a fault of the kind and code.
func want(t testing.TB, err error, kind strongroom.Kind, code string) {
	t.Helper()
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v, want %v with code %q", err, kind, code)
	}
}
