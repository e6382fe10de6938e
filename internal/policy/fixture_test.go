package policy_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/policy"
	"strongroom/internal/seal"
)

// fixture is a book over a real database, guard and log.
type fixture struct {
	*policy.Book
	t      testing.TB
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	law    *policy.Law
	key    seal.Key
	clock  *strongroom.Clock
	env    strongroom.Environment

	mu     sync.Mutex
	actors map[string]strongroom.Actor // who there is today
}

// always is what the configuration of these tests says.
const always = `@id("conf/no-phones") forbid (principal, action == Action::"record.reveal", resource in Store::"str_labels");`

func conf() []authz.File { return []authz.File{{Name: "conf.cedar", Text: []byte(always)}} }

func fresh(t testing.TB) *fixture {
	t.Helper()
	return freshIn(t, strongroom.Production, nil)
}

// freshIn is a book of an environment; same says whose hands are one person's.
func freshIn(t testing.TB, env strongroom.Environment, same func(r *db.Reader, a, b string) (bool, error)) *fixture {
	t.Helper()
	f := &fixture{t: t, env: env, key: seal.NewKey(), clock: new(strongroom.Clock), actors: map[string]strongroom.Actor{}}
	f.ground = guardtest.Open(t, f.clock, policy.Schema())
	f.db, f.log = f.ground.DB, f.ground.Log
	var err error
	if f.law, err = f.open(false); err != nil {
		t.Fatal(err)
	}
	f.guard = f.ground.Start(t, strongroom.Production, guard.Options{Policy: f.law.Engine})
	f.Book = policy.New(policy.Options{Guard: f.guard, Law: f.law, Decisions: policy.FromLog(f.log), Actors: f.find, SameHand: same})
	return f
}

// open returns a law over the same database, as another process has it.
func (f *fixture) open(zero bool) (*policy.Law, error) {
	return policy.NewLaw(context.Background(), policy.LawOptions{
		DB: f.db, Environment: f.env, Files: conf(), Key: f.key, Zero: zero, Every: 5 * time.Millisecond,
	})
}

func (f *fixture) find(_ context.Context, _ strongroom.ActorKind, id string) (strongroom.Actor, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	who, ok := f.actors[id]
	return who, ok, nil
}

// person returns somebody who has shown what the guards ask for.
func (f *fixture) person(roles ...string) strongroom.Actor {
	who := strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: roles, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors[who.ID] = who
	return who
}

func (f *fixture) service(roles ...string) strongroom.Actor {
	who := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: roles, AllStores: true, Door: "http"}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors[who.ID] = who
	return who
}

// events returns the events of the log whose action is named.
func (f *fixture) events(action string) []audit.Event { return f.ground.Events(f.t, action) }

// ask has somebody ask for an action and reports whether it was allowed.
func (f *fixture) ask(who strongroom.Actor, action string, r strongroom.Resource, c guard.Context) bool {
	f.t.Helper()
	err := f.guard.Do(f.t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
		return tx.Allow(strongroom.Action{Name: action, Class: 6005, Activity: 1}, r, c)
	})
	if err != nil && !strongroom.IsKind(err, strongroom.Denied) {
		f.t.Fatal(err)
	}
	return err == nil
}

func own(text string) []authz.File { return []authz.File{{Name: "own.cedar", Text: []byte(text)}} }

const (
	// wider lets the auditor read records; narrower keeps operators from lists.
	wider    = `@id("own/auditor") permit (principal in Role::"auditor", action == Action::"record.read", resource);`
	narrower = `@id("own/operator") forbid (principal in Role::"operator", action == Action::"record.list", resource);`
)

func store(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: id, Store: id}
}

// must fails the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
