package keys_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/keys"
)

// Rows of an erased record that are put back, copied before the erasure and of
// the same epoch, do not open, not after a restart, and no roll carries them
// into a new epoch. Without the erasure the same rows open: the twin.
func TestErasedRowsThatArePutBackStayDead(t *testing.T) {
	for _, restart := range []bool{false, true} {
		f := open(t)
		f.put(1, 1, f.later())
		f.put(2, 1, f.later())
		before := f.rows()
		if _, err := f.destroy(keys.Subject, 1); err != nil {
			t.Fatal(err)
		}
		marks := f.rows().mark
		f.restore(saved{data: before.data, mark: marks}) // the mark stays: replay sees nothing to do
		if restart {
			f.renew()
		}
		if _, err := f.load(1); !strongroom.IsKind(err, strongroom.Erased) {
			t.Errorf("restart %v: a row put back opens: %v", restart, err)
		}
		if _, err := f.load(2); err != nil {
			t.Errorf("restart %v: its neighbour does not open: %v", restart, err)
		}
		f.must(f.Roll(context.Background(), f.who, nil))
		if left := f.rows().data; len(left) != 1 {
			t.Errorf("restart %v: %d rows after the roll, want the neighbour alone", restart, len(left))
		}
		if _, err := f.load(2); err != nil {
			t.Errorf("restart %v: after the roll its neighbour does not open: %v", restart, err)
		}
		f.restore(before) // once more, of an epoch that is gone
		if _, err := f.load(1); err == nil {
			t.Errorf("restart %v: a row of an epoch that is gone opens", restart)
		}
	}
}

// A roll that comes while such a row is back destroys it in an event of its own.
func TestARollSaysWhatWasPutBack(t *testing.T) {
	f := open(t)
	f.put(1, 1, f.later())
	before := f.rows()
	if _, err := f.destroy(keys.Operator, 1); err != nil {
		t.Fatal(err)
	}
	n := f.events("key.destroy")
	f.exec(func(tx *db.Tx) error {
		for _, v := range before.data {
			f.must(first(tx.Exec(sqlInData, v[:]...)))
		}
		return nil
	})
	f.must(f.Roll(context.Background(), f.who, nil))
	if got := f.events("key.destroy"); got != n+1 {
		t.Errorf("%d events of destruction after the roll, want %d", got, n+1)
	}
}
