package review_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/review"
)

// history is a log in memory.
type history struct {
	use    map[string]review.Use
	opened review.Opened
	shown  map[review.Kind]review.Approved
	err    error
	asked  int // for use
}

func (h *history) Verdicts(context.Context, string, time.Time) (map[int]review.Verdict, error) {
	return nil, h.err
}

func (h *history) Approvals(context.Context) (map[review.Kind]review.Approved, error) {
	return h.shown, h.err
}

func (h *history) Use(context.Context, time.Time) (map[string]review.Use, error) {
	h.asked++
	return h.use, h.err
}

func (h *history) Opened(context.Context, time.Time, time.Time, int) (review.Opened, error) {
	h.opened.Count = len(h.opened.Reveals)
	return h.opened, h.err
}

func verbs(role string) []string {
	return map[string][]string{
		authz.Owner:    {"store.add", "store.list", "key.add", "policy.approve"},
		authz.Operator: {"store.add", "store.list"},
		authz.Auditor:  {"log.read"},
	}[role]
}

// flawsOf returns the flaws of an item.
func (o *office) flawsOf(kind review.Kind, id string) (out []review.Flaw) {
	o.t.Helper()
	list, _, err := o.Drift(context.Background(), o.chief, kind)
	o.must(err)
	for _, f := range list {
		if f.Item.ID == id {
			out = append(out, f.Flaw)
		}
	}
	return out
}

// The signed baseline and what departs from it; by profile, what departs is stopped.
func TestObligation_2_2_6(t *testing.T) {
	o, ctx := enter(t, func(x *review.Options) {
		x.Profile = review.Profile{Dormant: review.Suspend, Unapproved: review.Suspend}
	}), context.Background()
	clerk := o.hire(authz.Auditor)
	desk := o.grant(clerk.ID, authz.Operator, storeA)
	seen, err := o.Present(ctx, o.chief, review.People)
	o.must(err)
	_, err = o.Approve(ctx, o.chief, review.People, seen.Digest[1:]+"0")
	want(t, "approved unseen", err, strongroom.Conflict, "digest")
	_, err = o.Approve(ctx, o.chief, review.People, seen.Digest)
	o.must(err)
	if got := o.flawsOf(review.People, desk); got != nil {
		t.Errorf("an approved right has flaws: %v", got)
	}

	caseless := o.grant(clerk.ID, authz.Privacy, storeA) // planted: no case
	asked := o.grant(clerk.ID, authz.Privacy, storeB)
	x := o.reg.items[caseless]
	x.Case = ""
	o.put(x)
	w := o.reg.items[desk] // planted: wider than approved
	w.Stores = []string{storeA, storeB}
	o.put(w)
	way := o.outside("root") // planted: nobody's
	for id, flaw := range map[string]review.Flaw{
		caseless: review.FlawUnapproved, asked: review.FlawNew, desk: review.FlawUnapproved, way: review.FlawUnbound,
	} {
		if got := o.flawsOf(review.People, id); !slices.Contains(got, flaw) {
			t.Errorf("want %s, got %v", flaw, got)
		}
	}
	if n, err := o.Tend(ctx); err != nil || n.Ended != 2 || n.Suspended != 0 {
		t.Errorf("%+v, %v", n, err)
	}
	if _, there := o.reg.items[caseless]; there {
		t.Error("a right without a case goes on")
	}
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{}) {
		t.Errorf("again: %+v, %v", n, err)
	}

	// After thirty days without use everybody is dormant; the last who can review stay.
	o.ahead(31 * 24 * time.Hour)
	if got := o.flawsOf(review.People, clerk.ID); !slices.Contains(got, review.FlawDormant) {
		t.Errorf("%v", got)
	}
	_, err = o.Tend(ctx)
	o.must(err)
	if len(o.reg.suspended) != 1 || o.reg.suspended[clerk.ID] != review.WhyDormant {
		t.Errorf("suspended: %v", o.reg.suspended)
	}
	delete(o.reg.suspended, clerk.ID) // somebody lets the clerk go on
	if n, err := o.Tend(ctx); err != nil || n != (review.Tended{}) {
		t.Errorf("suspended again before they could come: %+v, %v", n, err)
	}
	o.reg.suspended[clerk.ID] = review.WhyDormant
	used := o.reg.items[o.chief.ID]
	used.Used = o.clock.Now()
	o.put(used)
	_, err = o.Tend(ctx)
	o.must(err)
	if len(o.reg.suspended) != 2 || o.reg.suspended[o.sec.ID] != review.WhyDormant {
		t.Errorf("with an owner awake: %v", o.reg.suspended)
	}
}

// TestDriftReadsForWhoMayAsk: for who may not, the log is not read, and the refusal is
// recorded.
func TestDriftReadsForWhoMayAsk(t *testing.T) {
	h := &history{}
	o := enter(t, func(x *review.Options) { x.Events = h })
	nobody, part := o.chief, o.chief
	nobody.Roles, part.AllStores, part.Stores = nil, false, []string{storeA}
	for name, who := range map[string]strongroom.Actor{"without a role": nobody, "at some stores": part} {
		_, _, err := o.Drift(t.Context(), who, review.People)
		if want(t, name, err, strongroom.Denied, ""); h.asked != 0 {
			t.Errorf("%s has the log read", name)
		}
	}
	if n := len(o.events("review.read")); n != 2 {
		t.Errorf("%d of 2 refusals are recorded", n)
	}
	if _, _, err := o.Drift(t.Context(), o.chief, review.People); err != nil || h.asked != 1 { // planted
		t.Errorf("who may ask: %v, read %d times", err, h.asked)
	}
}

func TestBaselineIsSomebodyElses(t *testing.T) {
	o, ctx := enter(t), context.Background()
	approve := func(who strongroom.Actor) error {
		seen, err := o.Present(ctx, who, review.People)
		o.must(err)
		_, err = o.Approve(ctx, who, review.People, seen.Digest)
		return err
	}
	_, err := o.Baseline(ctx, o.sec, review.People)
	want(t, "before there is one", err, strongroom.NotFound, "baseline")
	o.must(approve(o.chief))
	o.grant(o.chief.ID, authz.Auditor)
	want(t, "the own new right", approve(o.chief), strongroom.Denied, "own")
	o.must(approve(o.sec))
	b, err := o.Baseline(ctx, o.sec, review.People)
	if err != nil || b.Version != 2 || b.Maker != o.sec.ID {
		t.Errorf("%+v, %v", b, err)
	}
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_baseline set maker = 'usr_x'`)) })
	_, _, err = o.Drift(ctx, o.chief, review.People)
	want(t, "an edited baseline", err, strongroom.Internal, "review-sealed")
	o.must(approve(o.sec)) // what two people approve takes its place
	o.must(approve(o.chief))
	if _, _, err := o.Drift(ctx, o.chief, review.People); err != nil {
		t.Errorf("approved anew: %v", err)
	}
}

// Granted beside used rights, with a proposal that gives nothing new; standing admins.
func TestObligation_2_3_2_GrantedAndUsed(t *testing.T) {
	h := &history{use: map[string]review.Use{}}
	o, ctx := enter(t, func(x *review.Options) { x.Events, x.Verbs = h, verbs }), context.Background()
	clerk := o.hire(authz.Auditor)
	both := o.put(review.Item{
		ID: strongroom.NewID("grt"), Sort: review.Right, Account: clerk.ID, Roles: []string{authz.Owner, authz.Operator},
		Stores: []string{storeA, storeB}, Case: strongroom.NewID("req"),
	})
	h.use[clerk.ID] = review.Use{Actions: map[string]time.Time{"store.list": o.clock.Now()}, Stores: []string{storeB}}
	_, less, err := o.Drift(ctx, o.chief, review.People)
	if err != nil || less != nil {
		t.Fatalf("rights of today are called unused: %+v, %v", less, err)
	}
	o.ahead(review.UsedWithin + time.Hour)
	all, less, err := o.Drift(ctx, o.chief, review.People)
	o.must(err)
	unused, found := 0, false
	for _, s := range less {
		if was := (review.Scope{Roles: s.Item.Roles, Stores: s.Item.Stores, AllStores: s.Item.AllStores}); !s.To.Within(was) {
			t.Errorf("a proposal widens: %+v", s)
		}
		if s.Item.ID == both {
			found = true
			if !slices.Equal(s.To.Roles, []string{authz.Operator}) || !slices.Equal(s.To.Stores, []string{storeB}) {
				t.Errorf("%+v", s.To)
			}
		}
	}
	standing := 0
	for _, f := range all {
		switch f.Flaw {
		case review.FlawUnusedRole:
			unused++
		case review.FlawStanding:
			standing++
		}
	}
	if !found || unused == 0 || standing != 2 {
		t.Errorf("%v, %d unused, %d standing", found, unused, standing)
	}
	h.err = strongroom.Faultf(strongroom.Unavailable, "log", "no")
	if _, _, err := o.Drift(ctx, o.chief, review.People); err == nil {
		t.Error("rights count as unused where the log cannot be read")
	}
}

// A lapse steps rights down: who was not looked at in time is suspended, those who
// can review stay.
func TestLapseStepsDown(t *testing.T) {
	o, ctx := enter(t, func(x *review.Options) { x.Profile.Lapse = review.Suspend }), context.Background()
	seen, late := o.hire(authz.Operator), o.hire(authz.Auditor)
	svc := o.service(late.ID)
	n, err := o.Tend(ctx)
	if err != nil || n != (review.Tended{}) {
		t.Fatalf("before it is due: %+v, %v", n, err)
	}
	o.ahead(80 * 24 * time.Hour)
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	_, entries, err := o.Campaign(ctx, o.chief, c.ID)
	o.must(err)
	for _, e := range entries {
		if e.Item.Account == seen.ID {
			o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(e.Number)}, 0))
		}
	}
	o.ahead(20 * 24 * time.Hour)
	d, err := o.Deadlines(ctx)
	if err != nil || !d[0].Overdue || d[0].Open != c.ID || !d[1].Overdue {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = o.Tend(ctx)
	o.must(err)
	if len(o.reg.suspended) != 2 || o.reg.suspended[late.ID] != review.WhyLapse || o.reg.suspended[svc] == "" {
		t.Errorf("%v", o.reg.suspended)
	}
	o.keepAll(c.ID)
	_, err = o.Close(ctx, o.chief, c.ID)
	o.must(err)
	if d, err = o.Deadlines(ctx); err != nil || d[0].Overdue || !d[0].Due.Equal(d[0].Last.AddDate(0, 3, 0)) {
		t.Errorf("after the close: %+v, %v", d, err)
	}
}
