package guard_test

import (
	"context"
	"errors"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// ending is a call that ends what holder was recognised for; it fails afterwards if
// err says so.
func (f *fixture) ending(t *testing.T, holder string, err error) func() error {
	return func() error {
		who := f.who
		who.ID, who.Seen = strongroom.NewID("svc"), 0
		return f.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(ingest(), f.record(strongroom.NewID("rec")), guard.Context{}); err != nil {
				return err
			}
			tx.Ends(holder)
			return err
		})
	}
}

// changing and reading are calls of who about the record id.
func (f *fixture) changing(t *testing.T, who strongroom.Actor, id string, n int64) func() error {
	return func() error { return f.Do(t.Context(), who, f.add(id, n)) }
}

func (f *fixture) reading(t *testing.T, who strongroom.Actor, id string) func() error {
	return func() error {
		return f.Read(t.Context(), who, func(_ context.Context, v *guard.View) error {
			if err := v.Allow(reveal(), f.record(id), toTax()); err != nil {
				return err
			}
			v.Confirm(func(*guard.Tx) error { return nil })
			return nil
		})
	}
}

// TestNothingIsDecidedAfterTheEnd: of calls that were all let in, those whose turn
// comes after that of the end are refused, in the same transaction and after it, and
// the log says so. What follows the same calls without the end passes.
func TestNothingIsDecidedAfterTheEnd(t *testing.T) {
	planted := errors.New("the end does not stand")
	for name, c := range map[string]struct {
		holder  func(who strongroom.Actor) string
		fail    error
		seen    bool
		refused bool
	}{
		"its account":               {func(w strongroom.Actor) string { return w.ID }, nil, true, true},
		"its session":               {func(w strongroom.Actor) string { return w.Session }, nil, true, true},
		"planted: another's":        {func(strongroom.Actor) string { return strongroom.NewID("svc") }, nil, true, false},
		"planted: rolled back":      {func(w strongroom.Actor) string { return w.ID }, planted, true, false},
		"planted: not a recognised": {func(w strongroom.Actor) string { return w.ID }, nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t, guard.Options{})
			who := f.who
			who.Session = strongroom.NewID("key")
			if c.seen {
				who.Seen = f.Turn()
			}
			ids := []string{}
			for range 5 {
				ids = append(ids, strongroom.NewID("rec"))
			}
			errs := f.together(t, f.changing(t, who, ids[0], 1), f.reading(t, who, ids[1]),
				f.ending(t, c.holder(who), c.fail), f.changing(t, who, ids[2], 2), f.reading(t, who, ids[3]))
			errs = append(errs, f.changing(t, who, ids[4], 3)())
			if !errors.Is(errs[2], c.fail) {
				t.Errorf("the end: %v", errs[2])
			}
			for i, n := range []int{0, 1, 3, 4, 5} {
				late := n > 2
				want, outcome := late && c.refused, audit.Success
				if want {
					outcome = audit.Denied
				}
				if got := strongroom.IsKind(errs[n], strongroom.Unauthenticated); got != want || !want && errs[n] != nil {
					t.Errorf("call %d: %v", n, errs[n])
				}
				if es := f.eventsOf(t, ids[i]); len(es) != 1 || es[0].Outcome != outcome || want && es[0].Code != "rights-changed" {
					t.Errorf("call %d: events %+v", n, es)
				}
			}
			if rows := f.rows(t); !rows[1] || rows[2] == c.refused || rows[3] == c.refused {
				t.Errorf("rows %v", rows)
			}
			again := who
			again.Seen = f.Turn() // recognised anew
			if err := f.changing(t, again, strongroom.NewID("rec"), 4)(); err != nil {
				t.Errorf("recognised anew: %v", err)
			}
			if err := f.Current(who); (err != nil) != c.refused {
				t.Errorf("Current: %v", err)
			}
		})
	}
}

// TestWhoEndsGoesOn: who ends the own rights does what the call began to do.
func TestWhoEndsGoesOn(t *testing.T) {
	f := fresh(t, guard.Options{})
	who := f.who
	who.Seen = f.Turn()
	call := func() error {
		return f.Do(t.Context(), who, func(ctx context.Context, tx *guard.Tx) error {
			tx.Ends(who.ID)
			return f.add(strongroom.NewID("rec"), 1)(ctx, tx)
		})
	}
	if err := call(); err != nil {
		t.Errorf("in the work that ends them: %v", err)
	}
	if err := call(); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("planted: after it: %v", err)
	}
}

// TestEndsAreSwept: what is remembered of ends does not grow for ever, and none is
// dropped that may still count.
func TestEndsAreSwept(t *testing.T) {
	real := new(strongroom.Clock)
	f := fresh(t, guard.Options{Real: real})
	old, young := f.who, f.who
	old.ID, young.ID = strongroom.NewID("svc"), strongroom.NewID("svc")
	old.Seen, young.Seen = f.Turn(), f.Turn()
	many := func(last string) {
		err := f.Do(t.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
			for range guard.SweepFrom {
				tx.Ends(strongroom.NewID("svc"))
			}
			tx.Ends(last)
			return tx.Allow(ingest(), f.record(strongroom.NewID("rec")), guard.Context{})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	many(old.ID)
	if f.Current(old) == nil {
		t.Error("an end is not remembered")
	}
	real.SetOffset(guard.MarkLife + 1e9)
	lasting := f.who
	lasting.ID, lasting.Seen = strongroom.NewID("svc"), f.Turn()
	many(young.ID)
	many(young.ID)
	if f.Current(old) == nil {
		t.Error("who was recognised before an end that is forgotten is let through")
	}
	if err := f.Current(lasting); err != nil { // planted
		t.Errorf("who was recognised after all that were forgotten: %v", err)
	}
	if f.Current(young) == nil {
		t.Error("an end that counts was dropped")
	}
	if n := f.Ended(); n > 2*guard.SweepFrom+2 {
		t.Errorf("%d ends are remembered", n)
	}
}

// TestAnEndThatMayStandCounts: when the answer to a commit is not known, whoever it
// would have ended is recognised anew.
func TestAnEndThatMayStandCounts(t *testing.T) {
	f := fresh(t, guard.Options{})
	who, other := f.who, f.who
	other.ID = strongroom.NewID("svc")
	who.Seen, other.Seen = f.Turn(), f.Turn()
	err := f.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
		tx.Ends(who.ID)
		tx.BeforeCommit(func() error { return errors.New("the commit is lost") })
		return tx.Allow(ingest(), f.record(strongroom.NewID("rec")), guard.Context{})
	})
	if !strongroom.IsKind(err, strongroom.Unavailable) || f.Current(who) == nil {
		t.Errorf("%v, and who may have ended goes on", err)
	}
	if err := f.Current(other); err != nil { // planted
		t.Errorf("somebody else: %v", err)
	}
}

// BenchmarkCurrent measures what a decision pays to know that nothing has ended.
func BenchmarkCurrent(b *testing.B) {
	f := fresh(b, guard.Options{})
	who := f.who
	who.Session, who.Seen = strongroom.NewID("key"), f.Turn()
	run := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if f.Current(who) != nil {
				b.Fatal("not current")
			}
		}
	}
	b.Run("nothing-ended", run)
	err := f.Do(b.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
		for range 1000 {
			tx.Ends(strongroom.NewID("svc"))
		}
		return tx.Allow(ingest(), f.record(strongroom.NewID("rec")), guard.Context{})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("others-ended", run)
}
