package keys_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/keys"
)

// Keys die in the order of their dates. Where more of the dead wait than one step
// takes, they are cleared in the order of their records, each once.
func TestQueueIsPutInOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		start := f.clock.Now()
		for r := range uint64(60) {
			f.put(r+1, 1, start.Add(time.Hour+time.Duration(r*37%60)*time.Second))
		}
		f.put(100, 1, start.Add(1000*time.Hour))
		if _, err := f.destroy(keys.Subject, 100); err != nil {
			t.Fatal(err)
		}
		f.clock.SetOffset(2 * time.Hour)
		for more := true; more; {
			var err error
			_, more, err = f.ExpireStep(ctx, f.who, 7)
			f.must(err)
		}
		records := func(dead []keys.Dead) (out []uint64) {
			for _, d := range dead {
				out = append(out, d.Record)
				if want := map[bool]keys.Reason{true: keys.Subject, false: keys.Expired}[d.Record == 100]; d.Reason != want {
					t.Errorf("record %d died of %v", d.Record, d.Reason)
				}
			}
			return out
		}
		if all := records(f.dead(100)); len(all) != 61 || all[0] != 100 || slices.IsSorted(all[1:]) {
			t.Fatalf("planted: as they died they stand in the order of their dates, not %v", all)
		}
		if wait, err := f.DeadWait(ctx); !wait || err != nil {
			t.Error("nobody is said to wait:", err)
		}
		var cleared []uint64
		for range 6 {
			cleared = append(cleared, records(f.dead(8))...)
			f.forget(8)
			if n, err := f.Overdue(ctx); int(n) != 61-len(cleared) || err != nil {
				t.Errorf("after %d were cleared %d wait: %v", len(cleared), n, err)
			}
		}
		for _, r := range []uint64{50, 60} {
			_, err := f.load(r)
			wantKind(t, "not cleared yet", err, strongroom.Erased)
		}
		_, err := f.load(5)
		wantKind(t, "cleared", err, strongroom.NotFound)
		cleared = append(cleared, records(f.dead(100))...)
		f.forget(100)
		if !slices.IsSorted(slices.DeleteFunc(slices.Clone(cleared), func(r uint64) bool { return r == 100 })) {
			t.Errorf("cleared in the order %v", cleared)
		}
		if wait, err := f.DeadWait(ctx); wait || err != nil {
			t.Error("somebody is said to wait:", err)
		}
		slices.Sort(cleared)
		if len(slices.Compact(cleared)) != 61 || len(f.dead(100)) != 0 {
			t.Errorf("%d records were cleared, %d wait", len(cleared), len(f.dead(100)))
		}
	})
}

// What a batch says of its size hides none of those who wait: the gauge counts them.
func TestOverdueCountsWhoWaits(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		for r := range uint64(3) {
			f.put(r+1, 1, f.clock.Now().Add(time.Hour))
		}
		f.clock.SetOffset(2 * time.Hour)
		if _, _, err := f.ExpireStep(ctx, f.who, 2); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{2, 0, -1000} { // planted: the first is true
			f.must(f.db.Update(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec("update keys_died set n = $1", n)
				return err
			}))
			if got, err := f.Overdue(ctx); got != 3 || err != nil {
				t.Errorf("with a batch of %d, %d are overdue: %v", n, got, err)
			}
		}
		if dead := f.dead(10); len(dead) != 2 {
			t.Errorf("%d wait to be cleared", len(dead))
		}
	})
}

// A batch whose number is 0 is taken off the queue like any other.
func TestBatchZeroIsForgotten(t *testing.T) {
	f := openOn(t, db.SQLite) // PostgreSQL gives no such number
	f.fill(3, f.clock.Now().Add(time.Hour))
	f.clock.SetOffset(2 * time.Hour)
	if n, _, err := f.ExpireStep(context.Background(), f.who, 10); n != 3 || err != nil {
		t.Fatalf("%d died: %v", n, err)
	}
	f.exec(func(tx *db.Tx) error { return first(tx.Exec("update keys_died set num = 0")) })
	for _, left := range []int{2, 0} { // a part, then the rest
		f.forget(3 - left)
		if dead := f.dead(10); len(dead) != left {
			t.Errorf("%d wait to be cleared, want %d", len(dead), left)
		}
	}
}
