package guard_test

import (
	"context"
	"errors"
	"testing"

	"strongroom"
	"strongroom/internal/guard"
)

// confirms is a reader whose confirmation counts, under one key, how often it was
// kept, and tells the count from before.
func (f *fixture) confirms(t testing.TB, seen *int, after func(tx *guard.Tx) error) func() error {
	return func() error {
		return f.Read(t.Context(), f.who, func(_ context.Context, v *guard.View) error {
			if err := v.Allow(reveal(), f.record(strongroom.NewID("rec")), toTax()); err != nil {
				return err
			}
			v.Confirm(func(tx *guard.Tx) error {
				n := tx.Kept("count", func() any { return new(int) }).(*int)
				*seen = *n
				*n++
				if after != nil {
					return after(tx)
				}
				return nil
			})
			return nil
		})
	}
}

// TestKept: what confirmations keep goes from one transaction to the next, and is
// gone after anything that may have changed it.
func TestKept(t *testing.T) {
	f := fresh(t, guard.Options{})
	other := open(t, f.db, guard.Options{})
	other.who, other.store = f.who, f.store
	var seen int
	read := f.confirms(t, &seen, nil)
	row := int64(0)
	change := func(f *fixture) func() error {
		return func() error {
			row++
			return f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), row))
		}
	}
	refused := func() error {
		err := f.Do(t.Context(), f.who, func(context.Context, *guard.Tx) error { return errors.New("no") })
		if err == nil {
			t.Error("a change that failed was answered as if it had not")
		}
		return nil
	}
	lost := func() error {
		err := f.confirms(t, new(int), func(tx *guard.Tx) error {
			tx.BeforeCommit(func() error { return errors.New("no") })
			return nil
		})()
		if err == nil {
			t.Error("a transaction that was lost was answered as if it stood")
		}
		return nil
	}
	quiet := func() error {
		return f.Quiet(t.Context(), guard.Tally, func(context.Context, *guard.Tx) error { return nil })
	}
	for _, c := range []struct {
		name string
		do   func() error
		want int // what a confirmation finds after two others and this
	}{
		{"nothing in between", func() error { return nil }, 2},
		{"another confirmation", f.confirms(t, new(int), nil), 3},
		{"quiet work", quiet, 2},
		{"a change", change(f), 0},
		{"a change that was refused", refused, 0},
		{"a transaction that was lost", lost, 0},
		{"a change by another process", change(other), 0},
		{"a confirmation by another process", other.confirms(t, new(int), nil), 0},
	} {
		if err := errors.Join(change(f)(), read(), read(), c.do(), read()); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if seen != c.want {
			t.Errorf("%s: %d confirmations are remembered, want %d", c.name, seen, c.want)
		}
	}
}

// TestKeptBesideAChange: who shares a transaction with a change keeps nothing, be
// it before or after it.
func TestKeptBesideAChange(t *testing.T) {
	f := fresh(t, guard.Options{})
	var before, after, next int
	change := func() error { return f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 1)) }
	if err := errors.Join(f.confirms(t, new(int), nil)(), f.confirms(t, &next, nil)()); err != nil || next != 1 {
		t.Fatalf("%v, %d", err, next)
	}
	err := errors.Join(f.together(t, f.confirms(t, &before, nil), change, f.confirms(t, &after, nil))...)
	if err = errors.Join(err, f.confirms(t, &next, nil)()); err != nil {
		t.Fatal(err)
	}
	if before != 0 || after != 0 || next != 0 {
		t.Errorf("%d, %d and %d confirmations are remembered", before, after, next)
	}
}

// TestKeptWithSavepoints: where a transaction was begun again, a confirmation finds
// what the ones before it left, once.
func TestKeptWithSavepoints(t *testing.T) {
	f := fresh(t, guard.Options{})
	first, third := -1, -1
	fails := f.confirms(t, new(int), func(tx *guard.Tx) error {
		if _, err := tx.Exec(insertRow, 1, "body"); err != nil {
			return err
		}
		return errors.New("after it had written")
	})
	errs := f.together(t, f.confirms(t, &first, nil), fails, f.confirms(t, &third, nil))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil || f.Stats().Redone != 1 {
		t.Fatalf("%v, begun again %d times", errs, f.Stats().Redone)
	}
	if first != 0 || third != 2 {
		t.Errorf("the first found %d, the third %d", first, third)
	}
}
