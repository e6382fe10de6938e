package access_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// room is an Access over a real database, log, guard and register of services, and
// a register of persons in memory.
type room struct {
	*access.Access
	t        testing.TB
	ground   *guardtest.Ground
	db       *db.DB
	log      *audit.Log
	guard    *guard.Guard
	services *identity.Identity
	clock    *strongroom.Clock
	opts     access.Options

	mu      sync.Mutex
	persons map[string]person
	added   map[string]people.Spec
	changed []string
	refused []string
}

// person is how somebody stands.
type person struct{ active, trained, pledged, ended, damaged bool }

var good = person{active: true, trained: true, pledged: true}

const (
	storeA = "str_0000000000000000000000000a"
	storeB = "str_0000000000000000000000000b"
)

func enter(t testing.TB, env strongroom.Environment) *room {
	t.Helper()
	r := &room{t: t, clock: new(strongroom.Clock), persons: map[string]person{}, added: map[string]people.Spec{}}
	r.ground = guardtest.Open(t, r.clock, identity.Schema(), people.Schema(), access.Schema())
	r.db, r.log = r.ground.DB, r.ground.Log
	r.guard = r.ground.Start(t, env, guard.Options{})
	r.services = identity.New(identity.Options{Guard: r.guard, Environment: env, Key: seal.NewKey(), Clock: r.clock})
	key := seal.NewKey()
	r.opts = access.Options{
		Guard: r.guard, Environment: env, Key: seal.NewKey(), People: (*register)(r), Services: r.services,
		Logged: func(what, word string) ([16]byte, error) {
			mac := key.MAC([]byte(what), []byte(word))
			return [16]byte(mac[:16]), nil
		},
		CheckStore: func(_ *db.Reader, store string) error {
			if store != storeA && store != storeB {
				return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
			}
			return nil
		},
		Changed: func(p string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changed = append(r.changed, p)
		},
		Refused: func(_ context.Context, _ netip.Addr, code string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.refused = append(r.refused, code)
		},
	}
	r.Access = access.New(r.opts)
	return r
}

// register is the register of persons in memory.
type register room

func (g *register) get(id string) (person, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.persons[id]
	return p, ok
}

func (g *register) AddTx(_ *guard.Tx, spec people.Spec, _ string) (people.Person, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := strongroom.NewID("usr")
	g.persons[id], g.added[id] = person{}, spec
	return people.Person{ID: id}, nil
}

func (g *register) Exists(_ *db.Reader, id string) error {
	if p, ok := g.get(id); !ok || p.ended {
		return strongroom.Faultf(strongroom.NotFound, "person", "there is no such person")
	}
	return nil
}

func (g *register) MaySignIn(_ *db.Reader, id string, _ time.Time) error {
	p, _ := g.get(id)
	if p.damaged {
		return strongroom.Faultf(strongroom.Internal, "people-sealed", "the account does not open")
	}
	if !p.active {
		return strongroom.Faultf(strongroom.Unauthenticated, "inactive", "the account cannot sign in now")
	}
	return nil
}

func (g *register) Standing(_ *db.Reader, id string, _ time.Time) (people.Standing, error) {
	p, _ := g.get(id)
	return people.Standing{Trained: p.trained, Pledged: p.pledged}, nil
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) stand(id string, p person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.persons[id] = p
}

// someone makes a person with roles at all stores, or at the named ones, as a
// session would show them. The roles come by no grant.
func (r *room) someone(roles []string, stores ...string) strongroom.Actor {
	id := strongroom.NewID("usr")
	r.stand(id, good)
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: id, Roles: roles, Stores: stores, AllStores: len(stores) == 0, Door: "http",
		Standing: strongroom.Standing{Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
	}
}

// onTheSpot is the OS user of a production instance.
func onTheSpot() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.Maintenance}, AllStores: true, Door: "socket"}
}

// found makes the first owner, as package people has it done.
func (r *room) found() strongroom.Actor {
	r.t.Helper()
	who := r.someone([]string{authz.Owner})
	r.decide(onTheSpot(), "person.found", func(tx *guard.Tx) error { return r.FoundTx(tx, who.ID) })
	return r.now(who)
}

// decide runs fn after a decision of another package.
func (r *room) decide(who strongroom.Actor, action string, fn func(tx *guard.Tx) error) {
	r.t.Helper()
	r.must(r.guard.Do(context.Background(), who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(strongroom.Action{Name: action, Class: 3001, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		return fn(tx)
	}))
}

// now returns who with the rights that the grants give.
func (r *room) now(who strongroom.Actor) strongroom.Actor {
	r.t.Helper()
	g := r.rights(who.ID)
	who.Roles, who.Stores, who.AllStores, who.Elevations = g.Roles, g.Stores, g.AllStores, g.Elevations
	return who
}

func (r *room) rights(person string) (g access.Granted) {
	r.t.Helper()
	r.must(r.db.Read(context.Background(), func(v *db.Reader) (err error) {
		g, err = r.Rights(v, person, r.clock.Now())
		return err
	}))
	return g
}

// granted asks for something and has it approved.
func (r *room) granted(asker, approver strongroom.Actor, spec access.Spec) access.Request {
	r.t.Helper()
	q, err := r.Ask(context.Background(), asker, spec)
	r.must(err)
	q, err = r.Approve(context.Background(), approver, q.ID, "")
	r.must(err)
	return q
}

// roleSpec asks for roles of a person at all stores.
func roleSpec(person string, roles ...string) access.Spec {
	return access.Spec{Kind: access.Role, Reason: "takes over the desk", Subject: person, Roles: roles, AllStores: true}
}

func rightSpec() access.Spec {
	return access.Spec{Kind: access.Elevation, Reason: "a parcel came back", Right: access.Right{
		Store: storeA, Purpose: strongroom.Fulfilment, Reference: "order-1", Classes: []string{"phone"}, Duration: 2 * time.Hour,
	}}
}

func glassSpec() access.Spec {
	s := rightSpec()
	s.Kind, s.Right.Reference = access.BreakGlass, ""
	return s
}

func serviceSpec(owner string) access.Spec {
	return access.Spec{Kind: access.Service, Reason: "prints labels", Service: identity.KeySpec{
		Label: "labels", Roles: []string{authz.Application}, Stores: []string{storeA}, Owner: owner, Purpose: "shipping-labels",
	}}
}

func personSpec(roles ...string) access.Spec {
	return access.Spec{
		Kind: access.Account, Reason: "joins the desk", Roles: roles, AllStores: len(roles) > 0,
		Person: people.Spec{Name: "Jane Doe", Email: "jane.doe@example.com", Employment: people.Employee},
	}
}

// ahead moves the data clock.
func (r *room) ahead(d time.Duration) { r.clock.SetOffset(r.clock.Offset() + d) }

// last returns the newest event of an action.
func (r *room) last(action string) audit.Event {
	r.t.Helper()
	if all := r.ground.Events(r.t, action); len(all) > 0 {
		return all[len(all)-1]
	}
	r.t.Fatalf("there is no event %s", action)
	return audit.Event{}
}

// exec changes the database behind the product's back.
func (r *room) exec(change func(tx *db.Tx) error) {
	r.t.Helper()
	r.must(r.db.Update(context.Background(), change))
}

// want fails unless err is a fault of the kind and code.
func want(t testing.TB, what string, err error, kind strongroom.Kind, code string) {
	t.Helper()
	guardtest.Want(t, what, err, kind, code)
}
