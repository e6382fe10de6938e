package keys_test

import (
	"context"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/keys"
)

// edits are what somebody with the right to change rows can do to record 4's key.
// Nothing of it keeps an old epoch key alive.
func edits() map[string]func(tx *db.Tx) error {
	run := func(do func(tx *db.Tx) (int64, error)) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { _, err := do(tx); return err }
	}
	return map[string]func(tx *db.Tx) error{
		"another record's wrap": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record = 5) where record = 4")
		}),
		"a later date": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set erase_by = erase_by + 1 where record = 4")
		}),
		"an epoch that never was": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set epoch = 900 where record = 4")
		}),
		"an epoch below all": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set epoch = -1 where record = 4")
		}),
		"another store": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set store = 77 where record = 4")
		}),
		"nothing for a wrap": run(func(tx *db.Tx) (int64, error) {
			return tx.Exec("update keys_data set wrap = $1 where record = 4", []byte{})
		}),
	}
}

// A changed row is put aside, counted and named; the roll comes to its end, and a
// copy of the database from before an erasure is as dead after it as ever.
func TestChangedRowHoldsNoRollBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		for name, edit := range edits() {
			t.Run(name, func(t *testing.T) {
				f := openOn(t, engine)
				f.fill(10, f.later())
				_, copied := f.put(11, 1, f.later())
				if _, err := f.destroy(keys.Subject, 11); err != nil {
					t.Fatal(err)
				}
				f.exec(edit)
				f.must(f.Roll(context.Background(), f.who, nil))
				if e := f.Epoch(); e.Current != 2 || e.Old != 0 || f.RollWaits() {
					t.Errorf("after the roll: %+v", e)
				}
				_, err := f.Open(f.store, copied)
				wantKind(t, "the erased record", err, strongroom.Erased)
				_, err = f.load(4)
				wantKind(t, "the changed row", err, strongroom.Denied) // damaged, and never taken for erased
				if _, err := f.load(5); err != nil {
					t.Error("its neighbour:", err)
				}
				f.wantAside(4)
				if failed := f.failures("epoch.roll"); !slices.Equal(failed, []string{strongroom.RecordID(4)}) {
					t.Errorf("the log names %v", failed)
				}
				f.renew() // another process knows
				f.wantAside(4)
				f.must(f.Roll(context.Background(), f.who, nil))
				if n := len(f.failures("epoch.roll")); n != 1 {
					t.Errorf("named %d times", n)
				}
				if n, err := f.destroy(keys.Operator, 4); n != 1 || err != nil { // the way out
					t.Fatal(n, err)
				}
				f.must(f.Roll(context.Background(), f.who, nil))
				f.renew()
				f.wantAside()
			})
		}
	})
}

// wantAside compares what a roll put aside, and the count of damaged records.
func (f *fixture) wantAside(records ...uint64) {
	f.t.Helper()
	got, err := f.Aside(context.Background())
	f.must(err)
	g, err := f.Gauges(context.Background())
	f.must(err)
	if !slices.Equal(got, records) || g.Aside != int64(len(records)) || f.guard.Damage().Count() < int64(len(records)) {
		f.t.Errorf("aside are %v, the gauges say %d and %d damaged, want %v", got, g.Aside, f.guard.Damage().Count(), records)
	}
}

// failures returns the resources of the failed events of an action.
func (f *fixture) failures(action string) (ids []string) {
	f.t.Helper()
	for after := int64(-1); ; {
		es, err := f.log.Events(context.Background(), after, 500)
		f.must(err)
		if len(es) == 0 {
			return ids
		}
		for _, e := range es {
			after = e.Position
			event, err := e.Event()
			f.must(err)
			if event.Action.Name == action && event.Outcome == audit.Failure {
				ids = append(ids, event.Resource.ID)
			}
		}
	}
}

// While the epoch key it names lives, a row whose change is undone comes back.
func TestRowPutAsideComesBack(t *testing.T) {
	f := open(t)
	f.fill(3, f.later())
	want, err := f.load(2)
	f.must(err)
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update keys_data set aside = 1 where record = 2") // a mark alone decides nothing
		return err
	})
	if _, err := f.load(2); err == nil {
		t.Error("a row with the mark opens before the roll has looked")
	}
	f.must(f.Roll(context.Background(), f.who, nil))
	if got, err := f.load(2); err != nil || !same(got, want) {
		t.Error("after the roll:", err)
	}
	if e := f.Epoch(); e.Current != 2 || e.Old != 0 {
		t.Errorf("%+v", e)
	}
	f.renew()
	f.wantAside() // planted: the gauges can be 0
}

// A row that nobody touched is never put aside because something else fails.
func TestFaultsPutNothingAside(t *testing.T) {
	f := open(t)
	f.fill(3, f.later())
	f.must(keys.NewEpoch(f.ring))
	dir := f.ringOpt
	f.must(f.ring.Close()) // its keys are wiped in the middle of the roll's work
	_, err := keys.RewrapAll(f.ring, []keys.Wrapped{{Record: 1, Epoch: 1}})
	wantKind(t, "with a closed ring", err, strongroom.Unavailable)
	f.ring, err = keys.OpenRing(context.Background(), dir)
	f.must(err)
	t.Cleanup(func() { f.ring.Close() })
	f.renew()
	f.must(f.Roll(context.Background(), f.who, nil))
	f.wantAside()
	for r := range uint64(3) {
		if _, err := f.load(r + 1); err != nil {
			t.Error(err)
		}
	}
}

// The row of a dead record that was put back is destroyed again, marked or not.
func TestMarkedRowOfTheDeadIsNotTakenBack(t *testing.T) {
	f := open(t)
	f.fill(2, f.later())
	var wrap []byte
	var store, date int64
	f.exec(func(tx *db.Tx) error {
		return tx.QueryRow("select wrap, store, erase_by from keys_data where record = 1").Scan(&wrap, &store, &date)
	})
	if _, err := f.destroy(keys.Subject, 1); err != nil {
		t.Fatal(err)
	}
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("insert into keys_data (record, version, store, epoch, erase_by, wrap, aside) values (1, 1, $1, 1, $2, $3, 1)", store, date, wrap)
		return err
	})
	f.must(f.Roll(context.Background(), f.who, nil))
	if _, err := f.load(1); err == nil {
		t.Error("an erased record is back")
	}
	if e := f.Epoch(); e.Old != 0 {
		t.Errorf("%+v", e)
	}
	f.wantAside()
}
