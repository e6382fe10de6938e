package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

type fetching func(v *guard.View, items []any) error

// ask is a reader that has item fetched ahead and confirms with confirm.
func (f *fixture) ask(t *testing.T, id string, item any, fetch fetching, confirm func(*guard.Tx) error) func() error {
	return func() error {
		return f.Read(t.Context(), f.who, func(_ context.Context, v *guard.View) error {
			if err := v.Allow(reveal(), f.record(id), toTax()); err != nil {
				return err
			}
			v.Ahead("key", item, fetch)
			v.Confirm(confirm)
			return nil
		})
	}
}

// TestAhead: neighbours are asked for together, and what a change in between
// made is seen by those after it.
func TestAhead(t *testing.T) {
	f := fresh(t, guard.Options{})
	var asked [][]any
	var rows []int
	fetched, early := map[any]bool{}, false
	fetch := func(v *guard.View, items []any) error {
		asked = append(asked, items)
		n := 0
		r, err := v.Query(allRows)
		if err != nil {
			return err
		}
		for r.Next() {
			n++
		}
		rows = append(rows, n)
		for _, item := range items {
			fetched[item] = true
		}
		if v.Allow(reveal(), f.record(strongroom.NewID("rec")), toTax()) == nil {
			t.Error("something was decided while fetching ahead")
		}
		return r.Close()
	}
	one := func(n int) func() error {
		return f.ask(t, strongroom.NewID("rec"), n, fetch, func(*guard.Tx) error {
			early = early || !fetched[n]
			return nil
		})
	}
	change := func() error { return f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 1)) }
	before := f.Stats().Commits
	if err := errors.Join(f.together(t, one(1), one(2), one(3), change, one(4), one(5))...); err != nil {
		t.Fatal(err)
	}
	if n := f.Stats().Commits - before; n != 2 { // the one that held them up, and theirs
		t.Fatalf("%d commits", n)
	}
	if len(asked) != 2 || !slices.Equal(asked[0], []any{1, 2, 3}) || !slices.Equal(asked[1], []any{4, 5}) {
		t.Errorf("asked for %v", asked)
	}
	if early || !slices.Equal(rows, []int{0, 1}) {
		t.Errorf("early %v, rows seen %v", early, rows)
	}
}

// TestAheadFails: a question that fails answers nobody, and those who did not ask
// are served all the same.
func TestAheadFails(t *testing.T) {
	f := fresh(t, guard.Options{})
	for name, fetch := range map[string]fetching{
		"error": func(*guard.View, []any) error { return errors.New("no") },
		"panic": func(*guard.View, []any) error { panic("jane") },
		"rows left open": func(v *guard.View, _ []any) error {
			_, err := v.Query(allRows)
			return err
		},
	} {
		bystander, asker := strongroom.NewID("rec"), strongroom.NewID("rec")
		errs := f.together(t,
			func() error { return f.Do(t.Context(), f.who, f.add(bystander, 1)) },
			f.ask(t, asker, 1, fetch, func(*guard.Tx) error { return nil }))
		if errs[0] != nil || !f.rows(t)[1] {
			t.Errorf("%s: the bystander: %v", name, errs[0])
		}
		if errs[1] == nil || slices.ContainsFunc(f.eventsOf(t, asker), func(e audit.Event) bool { return e.Outcome == audit.Success }) {
			t.Errorf("%s: %v, events %+v", name, errs[1], f.eventsOf(t, asker))
		}
		f.clear(t, 1)
	}
}

// TestSharedIsUndone: those who share a transaction share a sum, written once;
// what a member added goes when its work does not stand.
func TestSharedIsUndone(t *testing.T) {
	f := fresh(t, guard.Options{})
	no := strongroom.Faultf(strongroom.Exhausted, "budget", "the budget is used up")
	writes := 0
	draw := func(n int64, fail error) func() error {
		return f.ask(t, strongroom.NewID("rec"), 1, func(*guard.View, []any) error { return nil }, func(tx *guard.Tx) error {
			sum := tx.Shared("sum", func() any { return new(int64) }).(*int64)
			for range 2 { // undone in reverse, or the first value is not what comes back
				before := *sum
				*sum += n
				tx.OnUndo(func() { *sum = before })
			}
			tx.BeforeCommitOnce(sum, func() error {
				writes++
				_, err := tx.Exec(insertRow, *sum, "sum")
				return err
			})
			return fail
		})
	}
	errs := f.together(t, draw(100, no), draw(1, nil), draw(10, no), draw(2, nil))
	if !errors.Is(errs[0], no) || errs[1] != nil || !errors.Is(errs[2], no) || errs[3] != nil {
		t.Fatal(errs)
	}
	if rows := f.rows(t); writes != 1 || len(rows) != 1 || !rows[6] {
		t.Errorf("%d writes, rows %v", writes, rows)
	}
	// The next transaction starts from nothing.
	if err := draw(5, nil)(); err != nil || !f.rows(t)[10] {
		t.Error(err, f.rows(t))
	}
}
