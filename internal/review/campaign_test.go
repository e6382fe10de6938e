package review_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/review"
)

// A review of persons: frozen and hashed, decided by others, carried out, read back.
func TestObligation_2_2_10(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	extra := o.grant(clerk.ID, authz.Privacy)
	wide := o.grant(clerk.ID, authz.Operator, storeA, storeB)
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	opened := o.events("review.open")[0]
	if c.Entries != 8 || note(opened, "digest") != c.Digest {
		t.Fatalf("%+v, event %+v", c, opened.Notes)
	}
	_, err = o.Open(ctx, o.chief, review.People)
	want(t, "a second campaign of the kind", err, strongroom.Conflict, "open")

	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed while undecided", err, strongroom.Conflict, "undecided")
	if said := "8 entries of the campaign have no verdict: 1, 2, 3, 4, 5, 6, 7, 8; decide them"; !strings.HasPrefix(err.Error(), said) {
		t.Errorf("%v\nwant %s", err, said)
	}
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{remove(o.numberOf(c.ID, extra)), narrow(o.numberOf(c.ID, wide), storeA)}, 2))
	o.keepAll(c.ID)
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed before it was executed", err, strongroom.Conflict, "unverified")
	if said := "2 entries to go and still there: "; !strings.HasPrefix(err.Error(), said) {
		t.Errorf("%v\nwant %s", err, said)
	}

	x, err := o.Execute(ctx, o.sec, c.ID)
	o.must(err)
	if x.Executed != 2 || x.Verified != 2 || x.Failed+x.Waiting != 0 {
		t.Errorf("%+v", x)
	}
	if _, there := o.reg.items[extra]; there || len(o.reg.items[wide].Stores) != 1 {
		t.Error("the rights are as before")
	}
	c, err = o.Close(ctx, o.chief, c.ID)
	o.must(err)
	if c.Decided != 8 || c.Due != 2 || c.Verified != 2 || c.Closed.IsZero() {
		t.Errorf("%+v", c)
	}
	want(t, "decided after the close", o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(o.numberOf(c.ID, clerk.ID))}, 0), strongroom.Conflict, "closed")
	_, err = o.Execute(ctx, o.chief, c.ID)
	want(t, "executed after the close", err, strongroom.Conflict, "closed")
}

// A review of services is one of its own; who answers for a service does not review it.
func TestObligation_2_2_11(t *testing.T) {
	o, ctx := enter(t), context.Background()
	own, other := o.service(o.chief.ID), o.service(o.sec.ID)
	c, err := o.Open(ctx, o.chief, review.Services)
	o.must(err)
	if c.Entries != 2 {
		t.Fatalf("%+v", c)
	}
	want(t, "the own service", o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(o.numberOf(c.ID, own))}, 0), strongroom.Denied, "")
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{remove(o.numberOf(c.ID, other))}, 0))
	o.must(o.Decide(ctx, o.sec, c.ID, []review.Decision{keep(o.numberOf(c.ID, own))}, 0))
	_, err = o.Execute(ctx, o.sec, c.ID)
	o.must(err)
	_, err = o.Close(ctx, o.sec, c.ID)
	o.must(err)
	if _, there := o.reg.items[other]; there {
		t.Error("the service is still there")
	}
	if d, err := o.Deadlines(ctx); err != nil || !d[0].Last.IsZero() || d[1].Last.IsZero() {
		t.Errorf("a review of services counted for persons: %+v, %v", d, err)
	}
}

func TestNobodyReviewsThemselves(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	extra := o.grant(o.sec.ID, authz.Auditor)
	c, err := o.Open(ctx, o.sec, review.People)
	o.must(err)
	mine, theirs := o.numberOf(c.ID, o.sec.ID), o.numberOf(c.ID, clerk.ID)
	want(t, "alone", o.Decide(ctx, o.sec, c.ID, []review.Decision{keep(mine)}, 0), strongroom.Denied, "own")
	bulk := []review.Decision{keep(theirs), keep(mine), keep(o.numberOf(c.ID, extra)), keep(99)}
	err = o.Decide(ctx, o.sec, c.ID, bulk, len(bulk))
	want(t, "in bulk", err, strongroom.Denied, "own")
	if said := fmt.Sprintf("nobody reviews their own access: 2 entries (%d, %d) of the call; leave it to another person", mine, bulk[2].Entry); !strings.HasPrefix(err.Error(), said) {
		t.Errorf("%v\nwant %s", err, said)
	}
	got, _, err := o.Campaign(ctx, o.chief, c.ID)
	if err != nil || got.Decided != 0 {
		t.Errorf("a refused bulk left %d decisions, %v", got.Decided, err)
	}
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(mine)}, 0)) // planted: somebody else may
	want(t, "without the right", o.Decide(ctx, clerk, c.ID, []review.Decision{keep(mine)}, 0), strongroom.Denied, "")
	limited := o.sec
	limited.AllStores, limited.Stores = false, []string{storeA}
	want(t, "with some stores", o.Decide(ctx, limited, c.ID, []review.Decision{keep(theirs)}, 0), strongroom.Denied, "stores")
	_, err = o.Open(ctx, limited, review.Services)
	want(t, "half a population", err, strongroom.Denied, "stores")
}

// Who holds the key of a service, whoever owns it, is no other pair of eyes.
func TestNobodyReviewsWhatTheyHold(t *testing.T) {
	o, ctx := enter(t), context.Background()
	svc, broken := o.service(o.chief.ID), o.service(o.chief.ID)
	o.reg.hands[svc] = o.sec.ID
	third := o.hire(authz.Security)
	c, err := o.Open(ctx, o.chief, review.Services)
	o.must(err)
	n := o.numberOf(c.ID, svc)
	want(t, "who holds the key", o.Decide(ctx, o.sec, c.ID, []review.Decision{keep(n)}, 0), strongroom.Denied, "")
	o.must(o.Decide(ctx, third, c.ID, []review.Decision{keep(n)}, 0)) // planted: somebody else may

	// Of an account whose row was changed nothing can be told: it can only go.
	o.reg.broken = broken
	n = o.numberOf(c.ID, broken)
	want(t, "a changed row kept", o.Decide(ctx, third, c.ID, []review.Decision{keep(n)}, 0), strongroom.Internal, "")
	o.must(o.Decide(ctx, third, c.ID, []review.Decision{remove(n)}, 0))

	seen, err := o.Present(ctx, o.chief, review.Services)
	o.must(err)
	_, err = o.Approve(ctx, o.chief, review.Services, seen.Digest)
	o.must(err)
	o.reg.broken = ""
	next := o.service(o.chief.ID)
	o.reg.hands[next] = o.sec.ID
	seen, err = o.Present(ctx, o.sec, review.Services)
	o.must(err)
	_, err = o.Approve(ctx, o.sec, review.Services, seen.Digest)
	want(t, "a new service that they hold, approved", err, strongroom.Denied, "own")
	_, err = o.Approve(ctx, third, review.Services, seen.Digest)
	o.must(err)
}

func TestBulkWithCare(t *testing.T) {
	o, ctx := enter(t), context.Background()
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	n := o.numberOf(c.ID, o.sec.ID)
	many := make([]review.Decision, review.MaxBulk+1)
	for i := range many {
		many[i] = keep(i + 1)
	}
	for name, x := range map[string]struct {
		list    []review.Decision
		confirm int
		code    string
	}{
		"nothing":                {nil, 0, "bulk"},
		"too many":               {many, len(many), "bulk"},
		"without the count":      {[]review.Decision{keep(n), keep(n + 1)}, 0, "confirm"},
		"with another count":     {[]review.Decision{keep(n), keep(n + 1)}, 3, "confirm"},
		"twice":                  {[]review.Decision{keep(n), remove(n)}, 2, "bulk"},
		"no verdict":             {[]review.Decision{{Entry: n, Reason: review.Needed}}, 0, "verdict"},
		"no reason":              {[]review.Decision{{Entry: n, Verdict: review.Keep}}, 0, "verdict"},
		"other without words":    {[]review.Decision{{Entry: n, Verdict: review.Keep, Reason: review.Other}}, 0, "reason"},
		"kept as left":           {[]review.Decision{{Entry: n, Verdict: review.Keep, Reason: review.Left}}, 0, "reason"},
		"removed as needed":      {[]review.Decision{{Entry: n, Verdict: review.Remove, Reason: review.Needed}}, 0, "reason"},
		"with an address inside": {[]review.Decision{{Entry: n, Verdict: review.Remove, Reason: review.Left, Text: "ask jane.doe@example.com"}}, 0, "reason-personal"},
		"an account changed":     {[]review.Decision{narrow(n, storeA)}, 0, "change"},
	} {
		want(t, name, o.Decide(ctx, o.chief, c.ID, x.list, x.confirm), strongroom.Invalid, x.code)
	}
	want(t, "no entry", o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(99)}, 0), strongroom.NotFound, "entry")
	want(t, "no campaign", o.Decide(ctx, o.chief, strongroom.NewID("cmp"), []review.Decision{keep(1)}, 0), strongroom.NotFound, "entry")
}

func TestChangeNeverWidens(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	g := o.grant(clerk.ID, authz.Operator, storeA)
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	n := o.numberOf(c.ID, g)
	for name, w := range map[string]review.Scope{
		"another store": {Roles: []string{authz.Operator}, Stores: []string{storeB}},
		"all stores":    {Roles: []string{authz.Operator}, AllStores: true},
		"another role":  {Roles: []string{authz.Owner}, Stores: []string{storeA}},
	} {
		want(t, name, o.Decide(ctx, o.chief, c.ID, []review.Decision{{Entry: n, Verdict: review.Change, Reason: review.TooWide, Wanted: w}}, 0), strongroom.Invalid, "wider")
	}
	want(t, "no change", o.Decide(ctx, o.chief, c.ID, []review.Decision{narrow(n, storeA)}, 0), strongroom.Invalid, "change")
	want(t, "an empty change", o.Decide(ctx, o.chief, c.ID, []review.Decision{narrow(n)}, 0), strongroom.Invalid, "change")
}

// A removal that reports success and does nothing, one that is refused, and one that
// comes back: none of them closes a campaign, and none keeps the others.
func TestRemovalThatDidNotTake(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	stuck, refused, good := o.grant(clerk.ID, authz.Privacy), o.grant(clerk.ID, authz.Auditor), o.grant(clerk.ID, authz.Security)
	o.reg.stuck[stuck] = true
	o.reg.refuse[refused] = strongroom.Faultf(strongroom.Conflict, "last-owner", "no")
	was := o.reg.items[good]
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{
		remove(o.numberOf(c.ID, stuck)), remove(o.numberOf(c.ID, refused)), remove(o.numberOf(c.ID, good)),
	}, 3))
	o.keepAll(c.ID)
	x, err := o.Execute(ctx, o.sec, c.ID)
	o.must(err)
	if x.Executed != 2 || x.Failed != 1 || x.Verified != 1 || x.Waiting != 2 {
		t.Errorf("%+v", x)
	}
	_, entries, err := o.Campaign(ctx, o.chief, c.ID)
	o.must(err)
	if e := entries[o.numberOf(c.ID, refused)-1]; e.Failure != "last-owner" || !e.Executed.IsZero() {
		t.Errorf("%+v", e)
	}
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed with a removal that did not take", err, strongroom.Conflict, "unverified")

	// Who refused can be decided anew; the stuck one takes; execution goes on.
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(o.numberOf(c.ID, refused))}, 0))
	delete(o.reg.stuck, stuck)
	calls := len(o.reg.calls)
	x, err = o.Execute(ctx, o.sec, c.ID)
	o.must(err)
	if x.Executed != 1 || x.Verified != 2 || len(o.reg.calls) != calls+1 {
		t.Errorf("%+v, calls %v", x, o.reg.calls[calls:])
	}
	o.put(was) // it comes back
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed with a right that came back", err, strongroom.Conflict, "unverified")
	_, err = o.Execute(ctx, o.sec, c.ID)
	o.must(err)
	_, err = o.Close(ctx, o.chief, c.ID)
	o.must(err)
}

// What was frozen stays: new rights wait for the next campaign and change its digest,
// and whoever edits the rows does not get the campaign closed.
func TestPopulationChangedAfterFreezing(t *testing.T) {
	o, ctx := enter(t), context.Background()
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	before, err := o.Present(ctx, o.chief, review.People)
	o.must(err)
	if before.Digest != c.Digest {
		t.Error("the same population has two digests")
	}
	o.grant(o.sec.ID, authz.Auditor)
	after, err := o.Present(ctx, o.chief, review.People)
	o.must(err)
	if after.Digest == c.Digest {
		t.Error("the digest does not notice a new right")
	}
	o.keepAll(c.ID)
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`delete from review_entry where number = 1`)) })
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed without an entry", err, strongroom.Conflict, "digest")
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_entry set verdict = 3 where number = 2`)) })
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed with an edited entry", err, strongroom.Internal, "review-sealed")
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_campaign set digest = $1`, make([]byte, 32))) })
	_, err = o.Close(ctx, o.chief, c.ID)
	want(t, "closed with another digest", err, strongroom.Internal, "review-sealed")
}

func run(_ int64, err error) error { return err }
