package audit_test

import (
	"bytes"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

// at appends n events at a time of the data clock.
func (f *fixture) at(t testing.TB, when time.Time, n int) {
	t.Helper()
	f.clock.SetOffset(time.Until(when))
	f.add(t, n)
}

// The place of an instant is that of a walk over all events, with the same root, on
// both sides of every step, whatever the sizes are.
func TestMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		for i, n := range []int{1, 300, 5, 700} {
			f.at(t, noon.AddDate(0, i, 0), n)
		}
		for i := range 5 {
			for _, by := range []time.Duration{-time.Hour, time.Hour} {
				checkMoment(t, f, noon.AddDate(0, i, 0).Add(by))
			}
		}
	})
}

// checkMoment holds a moment against a walk.
func checkMoment(t *testing.T, f *fixture, when time.Time) {
	t.Helper()
	var tree tlog.Frontier
	next, log := int64(0), int64(0)
	for _, e := range all(t, f.Log) {
		x, err := e.Event()
		if err != nil || !x.Time.Before(when) {
			break
		}
		if e.LogNumber() != log {
			tree, log = tlog.Frontier{}, e.LogNumber()
		}
		tree.Append(e.Hash())
		next = e.Position + 1
	}
	m, err := f.Moment(ctx, when)
	if err != nil || m.Next != next || m.Size != tree.Size() || m.Root != tree.Root() {
		t.Errorf("%s: %+v, %v, want position %d of %d", when, m, err, next, tree.Size())
	}
}

// In a log that was continued the place before the break is found too.
func TestMomentBeforeABreak(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.at(t, noon, 40)
	f.at(t, noon.AddDate(0, 1, 0), 40)
	if err := f.Continue(ctx, "drill", personID); err != nil {
		t.Fatal(err)
	}
	f.at(t, noon.AddDate(0, 2, 0), 40)
	for i := range 4 {
		checkMoment(t, f, noon.AddDate(0, i, 0).Add(-time.Hour))
		checkMoment(t, f, noon.AddDate(0, i, 0).Add(time.Hour))
	}
}

// Tiles that were changed give no root.
func TestMomentOfDamagedTiles(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.at(t, noon, 600)
	f.at(t, noon.AddDate(0, 1, 0), 600)
	f.sabotage(t, func(tx *db.Tx) error {
		_, err := tx.Exec(`update audit_tile set data = $1 where level = 0 and n = 2`, bytes.Repeat([]byte{1}, 256*tlog.HashSize))
		return err
	})
	if _, err := f.Moment(ctx, noon.Add(time.Hour)); err == nil {
		t.Error("a changed tile is not noticed")
	}
}

// What an instant costs does not grow with the log's age.
func TestMomentReadsLittle(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	per := func() time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			if _, err := f.Moment(ctx, noon.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	f.at(t, noon, 500)
	small := per()
	for i := range 20 {
		f.at(t, noon.AddDate(0, 1+i, 0), 1000)
	}
	if large := per(); large > 10*small+20*time.Millisecond {
		t.Errorf("%v for 500 events, %v for 20,500", small, large)
	}
}
