package keys_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// ledger reads the whole ledger.
func (f *fixture) ledger() []keys.Entry {
	f.t.Helper()
	var out []keys.Entry
	_, err := keys.ReadLedger(f.opt.Ledger, 0, func(e keys.Entry) error { out = append(out, e); return nil })
	f.must(err)
	return out
}

func (f *fixture) dead(limit int) (out []keys.Dead) {
	f.t.Helper()
	f.must(f.do(func(tx *guard.Tx) error {
		q, err := f.DeadTx(tx, limit)
		out = q.Dead
		return err
	}))
	return out
}

// forget takes the first n off the queue of the dead.
func (f *fixture) forget(n int) {
	f.t.Helper()
	f.must(f.do(func(tx *guard.Tx) error {
		q, err := f.DeadTx(tx, n)
		if err != nil {
			return err
		}
		return f.ForgetTx(tx, q)
	}))
}

func TestDestroy(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		f.fill(40, f.later())
		if n, err := f.destroy(keys.Subject, 7); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		_, err := f.load(7)
		wantKind(t, "destroyed", err, strongroom.Erased)
		if n, err := f.destroy(keys.Subject, 7); n != 0 || err != nil {
			t.Error("a second time:", n, err)
		}
		var many []uint64
		for r := uint64(1); r <= 38; r++ {
			many = append(many, r, r+1000) // half of them are not there
		}
		if n, err := f.destroy(keys.Disconnected, many...); n != 37 || err != nil {
			t.Error("many:", n, err)
		}
		for _, r := range []uint64{39, 40} {
			if _, err := f.load(r); err != nil {
				t.Error("a record nobody named is gone:", err)
			}
		}
		entries := f.ledger()
		if len(entries) != 38 || entries[0].Record != 7 || entries[0].Reason != keys.Subject || entries[1].Reason != keys.Disconnected {
			t.Errorf("the ledger has %d entries and begins with %+v", len(entries), entries[0])
		}
		dead := f.dead(100)
		if len(dead) != 38 || dead[0].Record != 7 || dead[0].Reason != keys.Subject || dead[0].At.IsZero() || dead[1].Reason != keys.Disconnected {
			t.Errorf("%d wait to be cleared: %+v", len(dead), dead)
		}
		f.forget(1)
		f.forget(3)
		got := f.dead(100)
		if len(got) != 34 || got[0] != dead[4] || got[33] != dead[37] {
			t.Errorf("%d wait after four were cleared", len(got))
		}
		f.forget(100)
		if got := f.dead(100); len(got) != 0 {
			t.Errorf("%d wait after all were cleared", len(got))
		}
		if f.events("key.destroy") != 2 {
			t.Errorf("%d events of destroyed keys, want 2", f.events("key.destroy"))
		}
	})
}

// Authority is not inherited: who may store may not destroy.
func TestDestroyDenied(t *testing.T) {
	f := open(t)
	f.put(1, 1, f.later())
	f.who = strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{"application"}, Stores: []string{f.store}, Door: "http"}
	_, err := f.destroy(keys.Subject, 1)
	wantKind(t, "an application", err, strongroom.Denied)
	if _, err := f.load(1); err != nil {
		t.Error("a denied destruction destroyed:", err)
	}
	if n := len(f.ledger()); n != 0 {
		t.Errorf("a denied destruction stands in the ledger: %d entries", n)
	}
}

// Work that is rolled back, for whatever reason, leaves key and ledger alone.
func TestDestroyRolledBack(t *testing.T) {
	f := open(t)
	f.put(1, 1, f.later())
	oops := errors.New("oops")
	err := f.do(func(tx *guard.Tx) error {
		if _, err := f.DestroyTx(tx, []uint64{1}, keys.Subject); err != nil {
			return err
		}
		return oops
	})
	if !errors.Is(err, oops) {
		t.Fatal(err)
	}
	if _, err := f.load(1); err != nil {
		t.Error("the key is gone:", err)
	}
	if n := len(f.ledger()); n != 0 {
		t.Errorf("the ledger has %d entries", n)
	}
}

// A ledger that cannot be written stops the destruction, and works again without
// a restart once it can.
func TestLedgerFailsClosed(t *testing.T) {
	f := open(t)
	f.fill(2, f.later())
	if _, err := f.destroy(keys.Subject, 1); err != nil {
		t.Fatal(err)
	}
	keys.BreakLedger(f.Keys)
	_, err := f.destroy(keys.Subject, 2)
	wantKind(t, "without a ledger", err, strongroom.Unavailable)
	if _, err := f.load(2); err != nil {
		t.Error("a key died unwritten:", err)
	}
	if n, err := f.destroy(keys.Subject, 2); n != 1 || err != nil {
		t.Error("the ledger does not recover:", err)
	}
	if e := f.ledger(); len(e) != 2 || e[1].Record != 2 {
		t.Errorf("the ledger reads %+v", e)
	}
}

// Every destruction of a shared commit stands in the ledger, whoever's turn came
// first, and a member that is rolled back does not.
func TestLedgerSharedCommit(t *testing.T) {
	f := open(t)
	const n = 200
	f.fill(n, f.later())
	var wg sync.WaitGroup
	for r := uint64(1); r <= n; r++ {
		wg.Go(func() {
			err := f.do(func(tx *guard.Tx) error {
				if _, err := f.DestroyTx(tx, []uint64{r}, keys.Operator); err != nil {
					return err
				}
				if r%10 == 0 {
					return errors.New("oops")
				}
				return nil
			})
			if (err != nil) != (r%10 == 0) {
				t.Error(r, err)
			}
		})
	}
	wg.Wait()
	var got []uint64
	for _, e := range f.ledger() {
		got = append(got, e.Record)
	}
	slices.Sort(got)
	if len(got) != n-n/10 || slices.Contains(got, 10) {
		t.Errorf("the ledger has %d entries, want %d", len(got), n-n/10)
	}
	if keys.LedgerUnsynced(f.Keys) != 0 {
		t.Error("entries of committed transactions are not synced")
	}
}

// A sweep takes what has reached its date and nothing else, in steps of the
// given size, also where many dates are the same.
func TestObligation_3_1_1_KeysDieOnTheirDate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		start := f.clock.Now()
		f.fill(50, start.Add(time.Hour)) // one second apart
		same := start.Add(2 * time.Hour)
		for r := uint64(101); r <= 130; r++ {
			f.put(r, 1, same)
		}
		step := func(limit int) (total int) {
			t.Helper()
			for {
				n, more, err := f.ExpireStep(ctx, f.who, limit)
				f.must(err)
				if total += n; !more {
					return total
				}
				if n == 0 || n > limit {
					t.Fatalf("a step of %d took %d", limit, n)
				}
			}
		}
		if n := step(7); n != 0 {
			t.Error("before any date:", n)
		}
		f.clock.SetOffset(time.Hour + 10*time.Second)
		n := step(7)
		if n < 10 || n > 12 {
			t.Errorf("after ten of the dates %d died", n)
		}
		if len(f.ledger()) != n || len(f.dead(1000)) != n {
			t.Errorf("%d died, %d in the ledger, %d to clear", n, len(f.ledger()), len(f.dead(1000)))
		}
		f.clock.SetOffset(3 * time.Hour)
		if m := step(7); n+m != 80 {
			t.Errorf("%d died in all, want 80", n+m)
		}
		for _, e := range f.ledger() {
			if e.Reason != keys.Expired {
				t.Fatal("reason", e.Reason)
			}
		}
		if n := step(7); n != 0 {
			t.Error("with none left:", n)
		}
	})
}

// A sweep with nothing to do leaves no trace; a new key, an earlier date and a
// restart are noticed all the same.
func TestExpireIsQuiet(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	sweep := func() int {
		t.Helper()
		n, _, err := f.ExpireStep(ctx, f.who, 100)
		f.must(err)
		return n
	}
	now := f.clock.Now()
	f.put(1, 1, now.Add(10*time.Hour))
	sweep() // asks the table once
	before := f.events("retention.sweep")
	for range 5 {
		sweep()
	}
	if n := f.events("retention.sweep"); n != before {
		t.Errorf("%d events of sweeps with nothing to do", n-before)
	}
	f.put(2, 1, now.Add(time.Hour))
	_, w := f.put(3, 1, now.Add(10*time.Hour))
	w, err := f.Redate(f.store, w, now.Add(time.Hour))
	f.must(err)
	f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, []keys.Wrapped{w}) }))
	f.clock.SetOffset(2 * time.Hour)
	if n := sweep(); n != 2 {
		t.Errorf("%d died, want the new key and the one with an earlier date", n)
	}
	f.put(4, 1, f.clock.Now().Add(time.Hour))
	f.renew()
	f.clock.SetOffset(20 * time.Hour)
	if n := sweep(); n != 2 {
		t.Errorf("%d died after a restart, want 2", n)
	}
}

// A date moved behind our back is seen by the gauge and taken by the next sweep,
// though the key itself would not open under it.
func TestExpireAfterTampering(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	f.put(1, 1, f.later())
	_, _, err := f.ExpireStep(ctx, f.who, 100)
	f.must(err)
	f.exec(func(tx *db.Tx) error {
		const past = "update keys_data set erase_by = 1 where record = 1"
		return first(tx.Exec(past))
	})
	if n, err := f.Overdue(ctx); n != 1 || err != nil {
		t.Fatalf("the gauge says %d: %v", n, err)
	}
	if n, _, err := f.ExpireStep(ctx, f.who, 100); n != 1 || err != nil {
		t.Errorf("the sweep took %d: %v", n, err)
	}
}

func TestGauges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		g, err := f.Gauges(ctx)
		f.must(err)
		if g.Overdue != 0 || !g.NextDue.IsZero() || g.OldestRecord != 0 || g.Epoch.Current != 1 {
			t.Errorf("empty: %+v", g)
		}
		first := f.clock.Now().Add(time.Hour)
		f.fill(10, first)
		g, _ = f.Gauges(ctx)
		if g.Overdue != 0 || !g.NextDue.Equal(first.Add(time.Second)) || g.OldestRecord != 1 {
			t.Errorf("ten: %+v", g)
		}
		f.clock.SetOffset(2 * time.Hour)
		if n, _ := f.Overdue(ctx); n != 10 {
			t.Errorf("all are late, the gauge says %d", n)
		}
		_, _, err = f.ExpireStep(ctx, f.who, 6)
		f.must(err)
		if n, _ := f.Overdue(ctx); n != 10 {
			t.Errorf("six are dead and not cleared, four late: the gauge says %d", n)
		}
		f.forget(3)
		if n, _ := f.Overdue(ctx); n != 7 {
			t.Errorf("three are cleared, the gauge says %d", n)
		}
		// The queue knows who died, of a batch of which some are cleared as well.
		_, err = f.load(3)
		wantKind(t, "cleared: no trace is left here", err, strongroom.NotFound)
		for _, r := range []uint64{4, 6} {
			_, err = f.load(r)
			wantKind(t, "not cleared yet", err, strongroom.Erased)
		}
	})
}

// A database restored from before an erasure forgets again what the ledger
// names; a canary erased before the copy stays dead; without the ledger's word
// the record would live, which is the negative.
func TestReplay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		f.fill(20, f.later())
		if _, err := f.destroy(keys.Operator, 1); err != nil { // the canary
			t.Fatal(err)
		}
		copied := f.rows()
		if _, err := f.destroy(keys.Subject, 5, 6, 7); err != nil {
			t.Fatal(err)
		}
		if _, err := f.destroy(keys.Notice, 8); err != nil {
			t.Fatal(err)
		}
		f.restore(copied)
		if n := len(f.rows().data); n != 19 {
			t.Fatalf("the restored copy holds %d keys, want those of the erased records too: 19", n)
		}
		f.renew()
		n, err := f.Replay(ctx, f.who)
		if n != 4 || err != nil {
			t.Fatalf("replayed %d, want 4: %v", n, err)
		}
		for _, r := range []uint64{1, 5, 6, 7, 8} {
			if _, err := f.load(r); !strongroom.IsKind(err, strongroom.Erased) {
				t.Errorf("record %d after replay: %v", r, err)
			}
		}
		if _, err := f.load(9); err != nil {
			t.Error("replay destroyed a record nobody erased:", err)
		}
		if len(f.dead(100)) != 5 {
			t.Errorf("%d wait to be cleared, want 5", len(f.dead(100)))
		}
		if n, err := f.Replay(ctx, f.who); n != 0 || err != nil {
			t.Error("a second replay:", n, err)
		}
	})
}

// After an ordinary stop, replay has next to nothing to read.
func TestReplayReadsFromTheMark(t *testing.T) {
	f := open(t)
	f.fill(10, f.later())
	for r := uint64(1); r <= 5; r++ {
		if _, err := f.destroy(keys.Subject, r); err != nil {
			t.Fatal(err)
		}
	}
	f.renew()
	before := f.events("retention.sweep")
	if n, err := f.Replay(context.Background(), f.who); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if got := f.events("retention.sweep") - before; got > 1 {
		t.Errorf("replay made %d events", got)
	}
	// A ledger shorter than the mark is another one: all of it counts.
	b, _ := os.ReadFile(f.opt.Ledger)
	os.WriteFile(f.opt.Ledger, b[:len(b)-4*46], 0o600)
	f.renew()
	if n, err := f.Replay(context.Background(), f.who); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}

// A row that was put back after its key died, and waits to be cleared already,
// does not hold the sweep up.
func TestExpireWhatIsQueuedAlready(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		ctx := context.Background()
		f.fill(3, f.later())
		before := f.rows()
		if _, err := f.destroy(keys.Subject, 2); err != nil {
			t.Fatal(err)
		}
		f.exec(func(tx *db.Tx) error {
			for _, v := range before.data {
				if v[0] == any(int64(2)) {
					return first(tx.Exec(sqlInData, v[:]...))
				}
			}
			return errors.New("there is no such row")
		})
		f.clock.SetOffset(60 * 24 * time.Hour)
		if n, more, err := f.ExpireStep(ctx, f.who, 100); n != 3 || more || err != nil {
			t.Fatalf("the sweep took %d: %v", n, err)
		}
		if len(f.rows().data) != 0 {
			t.Error("a key is left")
		}
		if got := f.dead(100); !slices.ContainsFunc(got, func(d keys.Dead) bool { return d.Record == 2 && d.Reason == keys.Subject }) {
			t.Errorf("the queue forgot why the record died: %+v", got)
		}
		f.forget(4) // one of them twice
		if got := f.dead(100); len(got) != 0 {
			t.Errorf("%d wait after all were cleared", len(got))
		}
	})
}
