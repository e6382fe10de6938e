package guard_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
)

// jointly is a set of calls that put their rows off to be written together.
type jointly struct {
	f     *fixture
	rows  []int64
	begun [][]any
	ended int
	joint int   // turns that worked together
	fail  error // what Begin returns
}

func (j *jointly) call(t *testing.T, m *member) func() error {
	with := guard.Joint{Key: "rows", Item: m.n,
		Begin: func(tx *guard.Tx, items []any) error {
			j.rows, j.begun = nil, append(j.begun, items)
			if tx.Allow(ingest(), j.f.record(m.id), guard.Context{}) == nil {
				t.Error("something was decided before the first turn")
			}
			return j.fail
		},
		End: func(tx *guard.Tx) error {
			j.ended++
			for _, n := range j.rows {
				if err := tx.Queue(insertRow, n, "together"); err != nil {
					return err
				}
			}
			return nil
		},
	}
	return func() error {
		return j.f.DoJointly(m.ctx, j.f.who, with, func(ctx context.Context, tx *guard.Tx) error {
			m.runs++
			if !tx.Joint() {
				tx.PutOff() // means nothing here
				return errors.Join(j.f.add(m.id, m.n)(ctx, tx), m.fails(ctx, tx))
			}
			j.joint++
			if err := tx.Allow(ingest(), j.f.record(m.id), guard.Context{}); err != nil {
				return err
			}
			j.rows = append(j.rows, m.n)
			tx.PutOff()
			return m.fails(ctx, tx)
		})
	}
}

func (m *member) fails(ctx context.Context, tx *guard.Tx) error {
	if m.fault == nil {
		return nil
	}
	return m.fault(ctx, tx)
}

// TestJointly: those who work together come first and are asked and written for
// at once; the others see what they wrote.
func TestJointly(t *testing.T) {
	f := fresh(t, guard.Options{})
	j := &jointly{f: f}
	ms := f.members(5)
	var seen []int64
	look := func() error {
		return f.Do(t.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(ingest(), f.record(ms[2].id), guard.Context{}); err != nil {
				return err
			}
			if tx.Joint() {
				t.Error("a call that works alone was told that it does not")
			}
			rows, err := tx.Query(allRows)
			if err != nil {
				return err
			}
			for rows.Next() {
				var n int64
				if err := rows.Scan(&n); err != nil {
					return err
				}
				seen = append(seen, n)
			}
			if err := rows.Close(); err != nil {
				return err
			}
			_, err = tx.Exec(insertRow, ms[2].n, "alone")
			return err
		})
	}
	errs := f.together(t, j.call(t, ms[0]), j.call(t, ms[1]), look, j.call(t, ms[3]), j.call(t, ms[4]))
	f.agree(t, ms, errs)
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if len(j.begun) != 1 || !slices.Equal(j.begun[0], []any{ms[0].n, ms[1].n, ms[3].n, ms[4].n}) || j.ended != 1 || j.joint != 4 {
		t.Errorf("begun %v, ended %d times, %d joint turns", j.begun, j.ended, j.joint)
	}
	if !slices.Equal(seen, []int64{0, 1, 3, 4}) {
		t.Errorf("the other saw %v", seen)
	}
}

// TestJointlyOneOfMany: whatever goes wrong with one of those who work together,
// it alone is refused.
func TestJointlyOneOfMany(t *testing.T) {
	const n, k = 6, 3
	for _, c := range []struct {
		name  string
		fault func(ctx context.Context, tx *guard.Tx) error
		begin error
		n     int64 // the row of member k
		stay  bool  // nobody is refused
	}{
		{name: "error", fault: func(context.Context, *guard.Tx) error { return context.Canceled }, n: k},
		{name: "panic", fault: func(context.Context, *guard.Tx) error { panic("x") }, n: k},
		{name: "constraint at the end", n: 99},
		{name: "the question fails", begin: errors.New("no"), n: k, stay: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, engine db.Engine) {
				f := open(t, dbtest.NewOn(t, engine, audit.Schema(), probeSchema()), guard.Options{})
				if err := f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 99)); err != nil {
					t.Fatal(err)
				}
				j := &jointly{f: f, fail: c.begin}
				ms := f.members(n)
				ms[k].fault, ms[k].n = c.fault, c.n
				var calls []func() error
				for _, m := range ms {
					calls = append(calls, j.call(t, m))
				}
				errs := f.together(t, calls...)
				for i, err := range errs {
					if (err == nil) != (i != k || c.stay) {
						t.Errorf("member %d: %v", i, err)
					}
				}
				if ms[k].n == 99 { // there was such a row before
					ms, errs = slices.Delete(ms, k, k+1), slices.Delete(errs, k, k+1)
				}
				f.agree(t, ms, errs)
				if f.Stats().Redone != 1 {
					t.Errorf("stats %+v", f.Stats())
				}
			})
		})
	}
}

// TestJointlyLeft: what a caller who has left brought is not looked at.
func TestJointlyLeft(t *testing.T) {
	f := fresh(t, guard.Options{})
	j := &jointly{f: f}
	ms := f.members(3)
	ctx, cancel := context.WithCancel(context.Background())
	ms[1].ctx = ctx
	left := make(chan error, 1)
	errs := f.together(t, j.call(t, ms[0]),
		func() error {
			err := j.call(t, ms[1])()
			left <- err
			return err
		},
		func() error {
			cancel()
			<-left
			return j.call(t, ms[2])()
		})
	f.agree(t, ms, errs)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil || !slices.Equal(j.begun[0], []any{ms[0].n, ms[2].n}) {
		t.Error(errs, j.begun)
	}
}
