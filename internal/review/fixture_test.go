package review_test

import (
	"context"
	"slices"
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
	"strongroom/internal/review"
	"strongroom/internal/seal"
)

// office is a Review over a real database, log and guard, and registers in memory.
type office struct {
	*review.Review
	t      testing.TB
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	clock  *strongroom.Clock
	opts   review.Options
	reg    *registers
	chief  strongroom.Actor // an owner
	sec    strongroom.Actor // security
}

// registers keeps persons, services and rights in memory.
type registers struct {
	mu        sync.Mutex
	items     map[string]review.Item
	hands     map[string]string // services and the person who holds the key
	stuck     map[string]bool   // removals that report success and do nothing
	refuse    map[string]error
	suspended map[string]review.Why
	broken    string // an account whose row was changed
	calls     []string
}

func kindOf(i review.Item) review.Kind {
	if len(i.Account) > 3 && i.Account[:3] == "svc" {
		return review.Services
	}
	return review.People
}

func (g *registers) Items(_ *db.Reader, kind review.Kind, now time.Time) (out []review.Item, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range g.items {
		if kindOf(i) == kind && (i.Until.IsZero() || i.Until.After(now)) {
			i.Roles, i.Stores = slices.Clone(i.Roles), slices.Clone(i.Stores)
			_, i.Suspended = g.suspended[i.ID]
			out = append(out, i)
		}
	}
	return out, nil
}

func (g *registers) Exists(_ *db.Reader, account string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.items[account]; !ok {
		return strongroom.Faultf(strongroom.NotFound, "account", "there is no such account")
	}
	return nil
}

func (g *registers) SameHand(_ *db.Reader, a, b string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b == g.broken {
		return false, strongroom.Faultf(strongroom.Internal, "account", "the row was changed")
	}
	return a == b || g.hands[a] == b || g.hands[b] == a, nil
}

func (g *registers) Remove(_ context.Context, _ strongroom.Actor, it review.Item) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, "remove "+it.ID)
	if err := g.refuse[it.ID]; err != nil {
		return err
	}
	if g.stuck[it.ID] {
		return nil
	}
	for id, x := range g.items {
		if id == it.ID || it.Sort == review.Account && x.Account == it.ID {
			delete(g.items, id)
		}
	}
	return nil
}

func (g *registers) Narrow(_ context.Context, _ strongroom.Actor, it review.Item, to review.Scope) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, "narrow "+it.ID)
	if err := g.refuse[it.ID]; err != nil {
		return err
	}
	if x, ok := g.items[it.ID]; ok && !g.stuck[it.ID] {
		x.Roles, x.Stores, x.AllStores, x.Until = to.Roles, to.Stores, to.AllStores, to.Until
		g.items[it.ID] = x
	}
	return nil
}

func (g *registers) SuspendPerson(_ *guard.Tx, person string, why review.Why) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspended[person] = why
	return nil
}

func (g *registers) SuspendService(_ context.Context, _ strongroom.Actor, id string) error {
	return g.SuspendPerson(nil, id, "service")
}

func enter(t testing.TB, change ...func(*review.Options)) *office {
	t.Helper()
	o := &office{t: t, clock: new(strongroom.Clock), reg: &registers{
		items: map[string]review.Item{}, hands: map[string]string{}, stuck: map[string]bool{}, refuse: map[string]error{}, suspended: map[string]review.Why{},
	}}
	o.ground = guardtest.Open(t, o.clock, identity.Schema(), people.Schema(), access.Schema(), review.Schema())
	o.db, o.log = o.ground.DB, o.ground.Log
	o.guard = o.ground.Start(t, strongroom.Production, guard.Options{})
	o.opts = review.Options{Guard: o.guard, Environment: strongroom.Production, Key: seal.NewKey(), Registers: o.reg}
	for _, f := range change {
		f(&o.opts)
	}
	o.Review = review.New(o.opts)
	o.chief, o.sec = o.hire(authz.Owner), o.hire(authz.Security)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) put(i review.Item) string {
	o.reg.mu.Lock()
	defer o.reg.mu.Unlock()
	if i.From.IsZero() {
		i.From = o.clock.Now()
	}
	o.reg.items[i.ID] = i
	return i.ID
}

// hire makes a person with a role everywhere, and returns them as a session would.
func (o *office) hire(role string) strongroom.Actor {
	id := strongroom.NewID("usr")
	o.put(review.Item{ID: id, Sort: review.Account, Account: id, Case: strongroom.NewID("req")})
	o.grant(id, role)
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: id, Roles: []string{role}, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
	}
}

// grant gives a role everywhere, or at stores.
func (o *office) grant(person, role string, stores ...string) string {
	return o.put(review.Item{
		ID: strongroom.NewID("grt"), Sort: review.Right, Account: person, Roles: []string{role}, Stores: stores, AllStores: len(stores) == 0,
		Case: strongroom.NewID("req"),
	})
}

func (o *office) service(owner string) string {
	id := strongroom.NewID("svc")
	return o.put(review.Item{
		ID: id, Sort: review.Account, Account: id, Owner: owner, Roles: []string{authz.Application}, Stores: []string{storeA}, Case: strongroom.NewID("req"),
	})
}

const (
	storeA = "str_0000000000000000000000000a"
	storeB = "str_0000000000000000000000000b"
)

// keepAll has the chief and security keep what neither of them has decided, each
// leaving out what concerns them.
func (o *office) keepAll(id string) {
	o.t.Helper()
	_, entries, err := o.Campaign(context.Background(), o.chief, id)
	o.must(err)
	for _, e := range entries {
		if e.Verdict != "" {
			continue
		}
		who := o.chief
		if e.Item.Account == who.ID || e.Item.Owner == who.ID {
			who = o.sec
		}
		o.must(o.Decide(context.Background(), who, id, []review.Decision{keep(e.Number)}, 0))
	}
}

func keep(n int) review.Decision {
	return review.Decision{Entry: n, Verdict: review.Keep, Reason: review.Needed}
}

func remove(n int) review.Decision {
	return review.Decision{Entry: n, Verdict: review.Remove, Reason: review.Moved, Text: "works elsewhere"}
}

func narrow(n int, stores ...string) review.Decision {
	return review.Decision{Entry: n, Verdict: review.Change, Reason: review.TooWide, Wanted: review.Scope{Roles: []string{authz.Operator}, Stores: stores}}
}

// numberOf returns the entry of an item.
func (o *office) numberOf(campaign, item string) int {
	o.t.Helper()
	_, entries, err := o.Campaign(context.Background(), o.chief, campaign)
	o.must(err)
	for _, e := range entries {
		if e.Item.ID == item {
			return e.Number
		}
	}
	o.t.Fatalf("%s is not in the campaign", item)
	return 0
}

func (o *office) ahead(d time.Duration) { o.clock.SetOffset(o.clock.Offset() + d) }

// events returns all events of an action.
func (o *office) events(action string) []audit.Event { return o.ground.Events(o.t, action) }

func note(e audit.Event, key string) any {
	for _, n := range e.Notes {
		if n.Key == key {
			return n.Value
		}
	}
	return nil
}

// exec changes the database behind the product's back.
func (o *office) exec(change func(tx *db.Tx) error) {
	o.t.Helper()
	o.must(o.db.Update(context.Background(), change))
}

// want fails unless err is a fault of the kind and code.
func want(t testing.TB, what string, err error, kind strongroom.Kind, code string) {
	t.Helper()
	guardtest.Want(t, what, err, kind, code)
}
