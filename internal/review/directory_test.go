package review_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/review"
	"strongroom/internal/seal"
)

// house puts the real registers in the place of those in memory.
func house(t testing.TB, profile review.Profile) (*office, review.Directory) {
	o := enter(t)
	d := review.Directory{Services: identity.New(identity.Options{Guard: o.guard, Environment: strongroom.Production, Key: seal.NewKey(), Clock: o.clock})}
	d.People = people.New(people.Options{
		Guard: o.guard, Environment: strongroom.Production, Key: seal.NewKey(),
		Owners:  func(r *db.Reader, now time.Time) ([]string, error) { return d.Access.Owners(r, now) },
		Founded: []people.Hook{func(tx *guard.Tx, id string) error { return d.Access.FoundTx(tx, id) }},
		Ended:   []people.Hook{func(tx *guard.Tx, id string) error { return d.Access.EndTx(tx, id) }, d.Services.EndOwnedTx},
	})
	key := seal.NewKey()
	d.Access = access.New(access.Options{
		Guard: o.guard, Environment: strongroom.Production, Key: seal.NewKey(), People: d.People, Services: d.Services,
		Logged: func(what, word string) ([16]byte, error) {
			mac := key.MAC([]byte(what), []byte(word))
			return [16]byte(mac[:16]), nil
		},
	})
	o.opts.Registers, o.opts.Profile = d, profile
	o.Review = review.New(o.opts)
	return o, d
}

// settle makes the first owner and a second person, and returns both as sessions
// would show them.
func (o *office) settle(d review.Directory) (owner, clerk strongroom.Actor) {
	o.t.Helper()
	ctx := context.Background()
	spot := strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{authz.Maintenance}, AllStores: true, Door: "socket"}
	first, _, err := d.People.Found(ctx, spot, people.Spec{Name: "Ada Byron", Email: "ada@example.com", Employment: people.Employee})
	o.must(err)
	owner, clerk = o.chief, o.sec
	owner.ID = first.ID
	q, err := d.Access.Ask(ctx, owner, access.Spec{
		Kind: access.Account, Reason: "joins the desk", Roles: []string{authz.Operator}, Stores: []string{storeA, storeB},
		Person: people.Spec{Name: "Jane Doe", Email: "jane.doe@example.com", Employment: people.Employee},
	})
	o.must(err)
	q, err = d.Access.Approve(ctx, spot, q.ID, "")
	o.must(err)
	clerk.ID = q.Made[0]
	return owner, clerk
}

// With the real registers: a campaign narrows one right by a new request, ends one
// account, and reads both back.
func TestWithTheRegisters(t *testing.T) {
	o, d := house(t, review.Profile{})
	ctx := context.Background()
	owner, clerk := o.settle(d)
	seen, err := o.Present(ctx, owner, review.People)
	o.must(err)
	sorts := map[review.Sort]int{}
	grant := ""
	for _, i := range seen.Items {
		sorts[i.Sort]++
		if i.Case == "" {
			t.Errorf("%s has no case", i.ID)
		}
		if i.Sort == review.Right && i.Account == clerk.ID {
			grant = i.ID
		}
	}
	if sorts[review.Account] != 2 || sorts[review.Right] != 2 {
		t.Fatalf("%+v", seen.Items)
	}
	c, err := o.Open(ctx, owner, review.People)
	o.must(err)
	_, entries, err := o.Campaign(ctx, owner, c.ID)
	o.must(err)
	for _, e := range entries {
		switch {
		case e.Item.ID == grant:
			o.must(o.Decide(ctx, owner, c.ID, []review.Decision{narrow(e.Number, storeB)}, 0))
		case e.Item.Account == owner.ID:
			want(t, "self-review", o.Decide(ctx, owner, c.ID, []review.Decision{keep(e.Number)}, 0), strongroom.Denied, "")
			o.must(o.Decide(ctx, o.sec, c.ID, []review.Decision{keep(e.Number)}, 0))
		default:
			o.must(o.Decide(ctx, owner, c.ID, []review.Decision{keep(e.Number)}, 0))
		}
	}
	x, err := o.Execute(ctx, owner, c.ID)
	if err != nil || x != (review.Execution{Executed: 1, Verified: 1}) {
		_, entries, _ := o.Campaign(ctx, owner, c.ID)
		t.Fatalf("%+v, %v, %+v", x, err, entries)
	}
	_, err = o.Close(ctx, owner, c.ID)
	o.must(err)
	open, _, err := d.Access.Requests(ctx, owner, access.Query{State: access.Open})
	if err != nil || len(open) != 1 || !slices.Equal(open[0].Spec.Stores, []string{storeB}) || open[0].Spec.Subject != clerk.ID {
		t.Errorf("%+v, %v", open, err)
	}

	c, err = o.Open(ctx, owner, review.People)
	o.must(err)
	o.must(o.Decide(ctx, owner, c.ID, []review.Decision{remove(o.numberOf(c.ID, clerk.ID))}, 0))
	mine := o.numberOf(c.ID, owner.ID)
	o.must(o.Decide(ctx, o.sec, c.ID, []review.Decision{remove(mine)}, 0)) // planted: the last owner
	x, err = o.Execute(ctx, o.chief, c.ID)
	if err != nil || x.Executed != 1 || x.Verified != 1 || x.Failed != 1 || x.Waiting != 1 {
		t.Errorf("%+v, %v", x, err)
	}
	o.must(o.db.Read(ctx, func(r *db.Reader) error {
		want(t, "the one who was removed", d.Exists(r, clerk.ID), strongroom.NotFound, "")
		want(t, "no service", d.Exists(r, strongroom.NewID("svc")), strongroom.NotFound, "")
		return d.Exists(r, owner.ID)
	}))
}

// A right that could not be revoked after the smaller one was asked for is tried
// again without a second request.
func TestNarrowAsksOnce(t *testing.T) {
	o, d := house(t, review.Profile{})
	ctx := context.Background()
	owner, _ := o.settle(d)
	grants, _, err := d.Access.Grants(ctx, owner, access.GrantQuery{Person: owner.ID})
	o.must(err)
	it := review.Item{ID: grants[0].ID, Sort: review.Right, Account: owner.ID, Roles: []string{authz.Owner}, AllStores: true}
	to := review.Scope{Roles: []string{authz.Owner}, Stores: []string{storeA, storeB}}
	narrow := func(who strongroom.Actor, to review.Scope, requests int) {
		t.Helper()
		want(t, "the last owner", d.Narrow(ctx, who, it, to), strongroom.Conflict, "last-owner")
		open, _, err := d.Access.Requests(ctx, owner, access.Query{State: access.Open})
		if err != nil || len(open) != requests {
			t.Errorf("%d requests wait, and not %d: %v", len(open), requests, err)
		}
	}
	narrow(o.chief, to, 1)
	narrow(o.chief, to, 1)
	slices.Reverse(to.Stores)
	narrow(owner, to, 1)
	to.Until = o.clock.Now().Add(time.Hour) // planted: another right is another request
	narrow(o.chief, to, 2)
	narrow(o.chief, to, 2)
}

// A grant written into the database by hand has no case; by profile it is ended, and a
// dormant person is suspended.
func TestTendWithTheRegisters(t *testing.T) {
	o, d := house(t, review.Profile{Dormant: review.Suspend, Unapproved: review.Suspend})
	ctx := context.Background()
	owner, clerk := o.settle(d)
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{}) {
		t.Fatalf("%+v, %v", n, err)
	}
	o.exec(func(tx *db.Tx) error {
		return run(tx.Exec(`update access_grant set role = 'owner' where subject = $1`, clerk.ID))
	})
	list, _, err := o.Drift(ctx, owner, review.People)
	o.must(err)
	if !slices.ContainsFunc(list, func(f review.Finding) bool {
		return f.Flaw == review.FlawUnapproved && f.Item.Account == clerk.ID && f.Item.Sort == review.Right
	}) {
		t.Errorf("%+v", list)
	}
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{Ended: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	if n, err := d.Access.Orphans(ctx); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

// caseless loses the cases of services, as if their keys had been made by hand.
type caseless struct{ review.Directory }

func (c caseless) Items(r *db.Reader, kind review.Kind, now time.Time) ([]review.Item, error) {
	items, err := c.Directory.Items(r, kind, now)
	for i := range items {
		if kind == review.Services {
			items[i].Case = ""
		}
	}
	return items, err
}

// Services: a key without a case is unapproved and suspended once; a campaign of
// services revokes it.
func TestServicesWithTheRegisters(t *testing.T) {
	o, d := house(t, review.Profile{Unapproved: review.Suspend})
	ctx := context.Background()
	owner, clerk := o.settle(d)
	q, err := d.Access.Ask(ctx, owner, access.Spec{Kind: access.Service, Reason: "prints labels", Service: identity.KeySpec{
		Label: "labels", Roles: []string{authz.Application}, Stores: []string{storeA}, Owner: clerk.ID, Purpose: "shipping-labels",
	}})
	o.must(err)
	q, err = d.Access.Approve(ctx, o.chief, q.ID, "")
	o.must(err)
	k := q.Made[0]
	o.must(o.db.Read(ctx, func(r *db.Reader) error { return d.Exists(r, k) }))
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{}) { // planted: it has its case
		t.Errorf("%+v, %v", n, err)
	}
	o.opts.Registers = caseless{d}
	o.Review = review.New(o.opts)
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{Suspended: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	_, err = d.Services.Resume(ctx, owner, k)
	o.must(err)
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{}) {
		t.Errorf("what somebody let go on is suspended again: %+v, %v", n, err)
	}
	c, err := o.Open(ctx, owner, review.Services)
	o.must(err)
	if c.Entries != 1 {
		t.Fatalf("%+v", c)
	}
	o.must(o.Decide(ctx, owner, c.ID, []review.Decision{remove(1)}, 0))
	x, err := o.Execute(ctx, owner, c.ID)
	if err != nil || x != (review.Execution{Executed: 1, Verified: 1}) {
		t.Errorf("%+v, %v", x, err)
	}
	_, err = o.Close(ctx, owner, c.ID)
	o.must(err)
	o.must(o.db.Read(ctx, func(r *db.Reader) error {
		want(t, "a revoked service", d.Exists(r, k), strongroom.NotFound, "service")
		return nil
	}))
}
