package review_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/review"
)

// The numbers of gauges and doctor: what is undecided, waits, is late or departs.
func TestTally(t *testing.T) {
	h := &history{opened: review.Opened{Size: 40, Root: [32]byte{1}}}
	o, ctx := enter(t, func(x *review.Options) { x.Events = h }), context.Background()
	tally := func() review.Tally {
		t.Helper()
		x, err := o.Tally(ctx)
		o.must(err)
		return x
	}
	if x := tally(); x.Undecided+x.Waiting+x.Stale != 0 || len(x.Deadlines) != 2 || x.Findings[review.FlawUnbound] != 0 || x.Findings[review.FlawStanding] != 2 {
		t.Fatalf("%+v", x)
	}
	o.outside("postgres")
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	if x := tally(); x.Undecided != c.Entries || x.Findings[review.FlawUnbound] != 1 || x.Deadlines[0].Open != c.ID {
		t.Errorf("%+v", x)
	}
	o.keepAll(c.ID)
	_, err = o.Close(ctx, o.chief, c.ID)
	o.must(err)
	if x := tally(); x.Undecided != 0 || x.Deadlines[0].Open != "" {
		t.Errorf("%+v", x)
	}
	h.opened.Reveals = []review.Reveal{{Position: 1, Actor: o.sec.ID, Store: storeA, Purpose: strongroom.Tax}}
	o.ahead(40 * 24 * time.Hour)
	sys := strongroom.System("review")
	if n, err := o.DrawDue(ctx, sys); err != nil || n != 1 {
		t.Errorf("%d months drawn, %v", n, err)
	}
	if x := tally(); x.Waiting != 1 || x.Stale != 0 {
		t.Errorf("%+v", x)
	}
	// A sweeper that was away draws what it missed; what nobody judges is late.
	o.ahead(95 * 24 * time.Hour)
	if x := tally(); x.Stale < 2 {
		t.Errorf("%+v", x)
	}
	if n, err := o.DrawDue(ctx, sys); err != nil || n < 2 || n > 4 {
		t.Errorf("%d months drawn, %v", n, err)
	}
	if n, err := o.DrawDue(ctx, sys); err != nil || n != 0 {
		t.Errorf("drawn again: %d, %v", n, err)
	}
	h.opened.Size = 0
	o.ahead(31 * 24 * time.Hour)
	if n, err := o.DrawDue(ctx, sys); err != nil || n != 0 { // planted: a log that had not begun draws nothing
		t.Errorf("%d, %v", n, err)
	}
}

// Entries come a page at a time, and those without a verdict alone.
func TestEntriesByPages(t *testing.T) {
	o, ctx := enter(t), context.Background()
	for range 5 {
		o.hire(authz.Auditor)
	}
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	n := o.numberOf(c.ID, o.sec.ID)
	o.must(o.Decide(ctx, o.chief, c.ID, []review.Decision{keep(n)}, 0))
	walk := func(q review.EntryQuery) (out []int) {
		t.Helper()
		for {
			list, more, err := o.Entries(ctx, o.chief, c.ID, q)
			o.must(err)
			for _, e := range list {
				out = append(out, e.Number)
				q.After = e.Number
			}
			if !more {
				return out
			}
		}
	}
	if all := walk(review.EntryQuery{Limit: 4}); len(all) != c.Entries || all[0] != 1 || all[len(all)-1] != c.Entries {
		t.Errorf("%v of %d", all, c.Entries)
	}
	if open := walk(review.EntryQuery{Open: true, Limit: 4}); len(open) != c.Entries-1 {
		t.Errorf("%v of %d", open, c.Entries-1)
	}
	clerk := o.hire(authz.Operator)
	_, _, err = o.Entries(ctx, clerk, c.ID, review.EntryQuery{})
	want(t, "without the right", err, strongroom.Denied, "")
	for _, id := range []string{strongroom.NewID("cmp"), "campaign"} {
		_, _, err = o.Entries(ctx, o.chief, id, review.EntryQuery{})
		want(t, "no campaign", err, strongroom.NotFound, "campaign")
	}
}

// One call carries out so many and says how many are left.
func TestExecuteByParts(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	const extra = 30
	for range review.MaxExecute + extra {
		o.grant(clerk.ID, authz.Auditor, storeA)
	}
	c, err := o.Open(ctx, o.chief, review.People)
	o.must(err)
	for q := (review.EntryQuery{Limit: review.MaxBulk}); ; {
		list, more, err := o.Entries(ctx, o.chief, c.ID, q)
		o.must(err)
		var all []review.Decision
		for _, e := range list {
			q.After = e.Number
			if e.Item.Sort == review.Right && e.Item.Account == clerk.ID {
				all = append(all, remove(e.Number))
			}
		}
		if len(all) > 0 {
			o.must(o.Decide(ctx, o.chief, c.ID, all, len(all)))
		}
		if !more {
			break
		}
	}
	x, err := o.Execute(ctx, o.chief, c.ID)
	if err != nil || x.Executed != review.MaxExecute || x.Left != extra+1 || x.Verified != review.MaxExecute {
		t.Fatalf("%+v, %v", x, err)
	}
	if x, err = o.Execute(ctx, o.chief, c.ID); err != nil || x.Executed != extra+1 || x.Left != 0 {
		t.Errorf("%+v, %v", x, err)
	}
}
