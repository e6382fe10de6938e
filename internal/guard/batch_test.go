package guard_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
)

// clear removes a row, so that the next case can write it.
func (f *fixture) clear(t testing.TB, n int64) {
	t.Helper()
	err := f.Quiet(context.Background(), guard.Tally, func(_ context.Context, tx *guard.Tx) error {
		_, err := tx.Exec("delete from probe_row where id = $1", n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// member is one call of a group, with its fault, if any.
type member struct {
	id    string
	n     int64
	fault func(ctx context.Context, tx *guard.Tx) error
	ctx   context.Context
	runs  int
}

func (f *fixture) members(n int) []*member {
	out := make([]*member, n)
	for i := range out {
		out[i] = &member{id: strongroom.NewID("rec"), n: int64(i), ctx: context.Background()}
	}
	return out
}

func (f *fixture) calls(ms []*member) []func() error {
	var out []func() error
	for _, m := range ms {
		out = append(out, func() error {
			return f.Do(m.ctx, f.who, func(ctx context.Context, tx *guard.Tx) error {
				m.runs++
				if err := f.add(m.id, m.n)(ctx, tx); err != nil || m.fault == nil {
					return err
				}
				return m.fault(ctx, tx)
			})
		})
	}
	return out
}

// agree checks that state, log and answers say the same of every member: nil and
// a row and a success, or an error and no row and no success. An error that is
// not Unavailable has an event.
func (f *fixture) agree(t *testing.T, ms []*member, errs []error) {
	t.Helper()
	rows := f.rows(t)
	for i, m := range ms {
		var success, refused int
		for _, e := range f.eventsOf(t, m.id) {
			if e.Outcome == audit.Success {
				success++
			} else {
				refused++
			}
		}
		switch {
		case errs[i] == nil && (!rows[m.n] || success != 1 || refused != 0):
			t.Errorf("member %d was told yes: row %v, %d successes, %d refusals", i, rows[m.n], success, refused)
		case errs[i] != nil && (rows[m.n] || success != 0):
			t.Errorf("member %d was told %v: row %v, %d successes", i, errs[i], rows[m.n], success)
		case errs[i] != nil && refused != 1 && !strongroom.IsKind(errs[i], strongroom.Unavailable):
			t.Errorf("member %d was told %v: %d refusals in the log", i, errs[i], refused)
		}
	}
}

// TestOneOfMany puts one fault into member k of n, on both engines.
func TestOneOfMany(t *testing.T) {
	const n, k = 9, 4
	for _, c := range []struct {
		name  string
		fault func(ctx context.Context, tx *guard.Tx) error
		again bool // the loss is seen after the turn on PostgreSQL: all run once more, alone
	}{
		{"none", nil, false},
		{"error", func(context.Context, *guard.Tx) error { return context.Canceled }, false},
		{"panic", func(context.Context, *guard.Tx) error { panic("x") }, false},
		{"constraint", func(_ context.Context, tx *guard.Tx) error {
			_, err := tx.Exec(insertRow, 0, "taken by the first")
			return err
		}, false},
		{"constraint swallowed", func(_ context.Context, tx *guard.Tx) error {
			_, _ = tx.Exec(insertRow, 0, "taken by the first")
			return nil
		}, false},
		{"rows left open", func(_ context.Context, tx *guard.Tx) error {
			rows, err := tx.Query(allRows)
			if err == nil {
				rows.Next()
			}
			return err
		}, false},
		{"queued and failed", func(_ context.Context, tx *guard.Tx) error { return tx.Queue(insertRow, 0, "taken by the first") }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, engine db.Engine) {
				f := open(t, dbtest.NewOn(t, engine, audit.Schema(), probeSchema()), guard.Options{})
				ms := f.members(n)
				ms[k].fault = c.fault
				// The call that holds them up is one commit, the group the other.
				before, runs, commits := f.Stats().Commits, 2, int64(2)
				if c.fault == nil {
					runs = 1
				}
				if c.again && engine == db.Postgres {
					runs, commits = 3, 1+n
				}
				errs := f.together(t, f.calls(ms)...)
				f.agree(t, ms, errs)
				for i, err := range errs {
					if (err == nil) != (i != k || c.fault == nil) {
						t.Errorf("member %d: %v", i, err)
					}
					if ms[i].runs < 1 || ms[i].runs > runs {
						t.Errorf("member %d ran %d times, want %d at most", i, ms[i].runs, runs)
					}
				}
				if got := f.Stats().Commits - before; got != commits {
					t.Errorf("%d commits, want %d", got, commits)
				}
			})
		})
	}
}

// TestLightly: savepoints are taken for a while after a member that had written
// failed, and not before; one that failed before it wrote costs nobody anything.
func TestLightly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := open(t, dbtest.NewOn(t, engine, audit.Schema(), probeSchema()), guard.Options{})
		for round, want := range []struct {
			early  bool // the fault comes before the first write
			runs   int
			redone int64
		}{{true, 1, 0}, {false, 2, 1}, {false, 1, 1}} {
			ms := f.members(3)
			for i, m := range ms {
				m.n = int64(10*round + i)
			}
			calls := f.calls(ms)
			ms[1].fault = func(context.Context, *guard.Tx) error { return context.Canceled }
			if want.early {
				calls[1] = func() error {
					return f.Do(t.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
						return errors.Join(tx.Allow(ingest(), f.record(ms[1].id), guard.Context{}), context.Canceled)
					})
				}
			}
			errs := f.together(t, calls...)
			f.agree(t, ms, errs)
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Error(errs)
			}
			if got := f.Stats().Redone; ms[0].runs != want.runs || got != want.redone {
				t.Errorf("round %d: %d runs, %d begun again", round, ms[0].runs, got)
			}
		}
	})
}

// TestSlowOnce: a function that held the transaction too long is not run again
// for the sake of the others.
func TestSlowOnce(t *testing.T) {
	f := fresh(t, guard.Options{TurnLimit: 50 * time.Millisecond})
	ms := f.members(3)
	ms[1].fault = func(context.Context, *guard.Tx) error { time.Sleep(80 * time.Millisecond); return nil }
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	if errs[0] != nil || errs[2] != nil || !strongroom.IsKind(errs[1], strongroom.Unavailable) {
		t.Error(errs)
	}
	if ms[0].runs != 2 || ms[1].runs != 1 {
		t.Errorf("%d and %d runs", ms[0].runs, ms[1].runs)
	}
	if got := f.eventsOf(t, ms[1].id); len(got) != 1 || got[0].Code != "turn-limit" {
		t.Errorf("events %+v", got)
	}
}

func TestCancelBeforeTheTurn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := open(t, dbtest.NewOn(t, engine, audit.Schema(), probeSchema()), guard.Options{})
		ms := f.members(5)
		ctx, cancel := context.WithCancel(context.Background())
		ms[3].ctx = ctx
		// The second cancels the fourth, whose turn has not come.
		ms[1].fault = func(context.Context, *guard.Tx) error { cancel(); return nil }
		errs := f.together(t, f.calls(ms)...)
		f.agree(t, ms, errs)
		if errs[3] == nil || ms[3].runs != 0 {
			t.Errorf("the one that left: %v, %d runs", errs[3], ms[3].runs)
		}
		for _, i := range []int{0, 1, 2, 4} {
			if errs[i] != nil {
				t.Errorf("member %d: %v", i, errs[i])
			}
		}
	})
}

// TestKilledConnection: PostgreSQL ends the connection in the turn of member k.
// All are run again, with savepoints and then alone; the others stand and it is
// refused.
func TestKilledConnection(t *testing.T) {
	const n, k = 7, 3
	f := open(t, dbtest.NewOn(t, db.Postgres, audit.Schema(), probeSchema()), guard.Options{})
	ms := f.members(n)
	ms[k].fault = func(_ context.Context, tx *guard.Tx) error {
		var ok bool
		return tx.QueryRow(killMyself).Scan(&ok)
	}
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	for i, err := range errs {
		if (err == nil) != (i != k) {
			t.Errorf("member %d: %v", i, err)
		}
		if i == k && !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Errorf("the one whose turn it was: %v", err)
		}
		if i > k && ms[i].runs != 1 || i <= k && ms[i].runs != 3 {
			t.Errorf("member %d ran %d times", i, ms[i].runs)
		}
	}
	if s := f.Stats(); s.Again != n || s.Lost != 2 {
		t.Errorf("stats %+v", s)
	}
}

// TestFullDisk: SQLite runs out of room in the turn of member k, and has room
// again later.
func TestFullDisk(t *testing.T) {
	const n, k = 6, 2
	o := dbtest.Options(t, db.SQLite, audit.Schema(), probeSchema())
	o.MaxPages = 96
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Migrate(t.Context(), []db.Schema{audit.Schema(), probeSchema()}); err != nil {
		t.Fatal(err)
	}
	f := open(t, d, guard.Options{})
	ms := f.members(n)
	ms[k].fault = func(_ context.Context, tx *guard.Tx) error {
		_, err := tx.Exec(insertRow, 99, strings.Repeat("x", 1<<20))
		return err
	}
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	for i, err := range errs {
		if (err == nil) != (i != k) {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if !strongroom.IsKind(errs[k], strongroom.Unavailable) {
		t.Errorf("the one that filled it: %v", errs[k])
	}
	if err := f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 50)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestLogThatCannotRecord: nobody in the group is told yes, nothing is done, and
// the guard serves again once the log can record.
func TestLogThatCannotRecord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := open(t, dbtest.NewOn(t, engine, audit.Schema(), probeSchema()), guard.Options{})
		rename := func(q func(tx *db.Tx) error) {
			if err := f.db.Update(context.Background(), q); err != nil {
				t.Fatal(err)
			}
		}
		rename(func(tx *db.Tx) error {
			_, err := tx.Exec("alter table audit_event rename to audit_event_away")
			return err
		})
		ms := f.members(4)
		ms[1].fault = func(context.Context, *guard.Tx) error { panic("x") }
		errs := f.together(t, f.calls(ms)...)
		for i, err := range errs {
			if !strongroom.IsKind(err, strongroom.Unavailable) {
				t.Errorf("member %d: %v", i, err)
			}
		}
		if rows := f.rows(t); len(rows) != 0 {
			t.Errorf("rows %v", rows)
		}
		rename(func(tx *db.Tx) error {
			_, err := tx.Exec("alter table audit_event_away rename to audit_event")
			return err
		})
		f.agree(t, ms, errs)
		if err := f.Do(t.Context(), f.who, f.add(ms[0].id, 0)); err != nil {
			t.Errorf("once it can: %v", err)
		}
	})
}

func TestBeforeCommit(t *testing.T) {
	f := fresh(t, guard.Options{})
	ms := f.members(6)
	var each, once, behind, undone int
	for i, m := range ms {
		m.fault = func(_ context.Context, tx *guard.Tx) error {
			tx.BeforeCommit(func() error { each++; return nil })
			tx.BeforeCommitOnce("ledger", func() error { once, behind = once+1, each; return nil })
			if i == 2 {
				tx.BeforeCommit(func() error { undone++; return nil })
				return context.Canceled
			}
			return nil
		}
	}
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	if each != 5 || once != 1 || behind != 5 || undone != 0 {
		t.Errorf("each %d, once %d behind %d, of the one undone %d", each, once, behind, undone)
	}
	ms = f.members(3)
	for i, m := range ms {
		m.n = int64(i + 100)
	}
	after := false
	ms[1].fault = func(_ context.Context, tx *guard.Tx) error {
		tx.BeforeCommit(func() error { return context.DeadlineExceeded })
		tx.AfterCommit(func() { after = true })
		return nil
	}
	errs = f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	for i, err := range errs {
		if !strongroom.IsKind(err, strongroom.Unavailable) || after {
			t.Errorf("member %d: %v, after %v", i, err, after)
		}
	}
}

// TestSpan: a group that takes too long is committed and the rest follows in the
// next, in order.
func TestSpan(t *testing.T) {
	f := fresh(t, guard.Options{Span: 5 * time.Millisecond})
	ms := f.members(6)
	for _, m := range ms {
		m.fault = func(context.Context, *guard.Tx) error { time.Sleep(4 * time.Millisecond); return nil }
	}
	before := f.Stats().Commits
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	if got := f.Stats().Commits - before; got < 3 {
		t.Errorf("%d commits: the group was not split", got)
	}
	for i, m := range ms {
		if errs[i] != nil || m.runs != 1 {
			t.Errorf("member %d: %v, %d runs", i, errs[i], m.runs)
		}
	}
}

// TestFunctionThatEndsTheLoop: a function that ends its goroutine ends the guard;
// nobody is left waiting and nothing is done.
func TestFunctionThatEndsTheLoop(t *testing.T) {
	f := fresh(t, guard.Options{})
	ms := f.members(4)
	ms[2].fault = func(context.Context, *guard.Tx) error { runtime.Goexit(); return nil }
	errs := f.together(t, f.calls(ms)...)
	f.agree(t, ms, errs)
	for i, err := range errs {
		if !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if err := f.Do(t.Context(), f.who, f.add(ms[0].id, 0)); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("afterwards: %v", err)
	}
	f.ended <- nil // Run never returned
}

// TestHooksThatCallTheGuard: they cannot work and must not hang.
func TestHooksThatCallTheGuard(t *testing.T) {
	f := fresh(t, guard.Options{TurnLimit: 200 * time.Millisecond})
	inner := make(chan error, 2)
	again := func() error {
		err := f.Do(context.Background(), f.who, f.add(strongroom.NewID("rec"), 9))
		inner <- err
		return err
	}
	err := f.Do(t.Context(), f.who, func(ctx context.Context, tx *guard.Tx) error {
		tx.AfterCommit(func() { _ = again() })
		return f.add(strongroom.NewID("rec"), 1)(ctx, tx)
	})
	if err != nil || !strongroom.IsKind(<-inner, strongroom.Unavailable) {
		t.Errorf("after the commit: %v", err)
	}
	err = f.Do(t.Context(), f.who, func(ctx context.Context, tx *guard.Tx) error {
		tx.BeforeCommit(again)
		return f.add(strongroom.NewID("rec"), 2)(ctx, tx)
	})
	if !strongroom.IsKind(err, strongroom.Unavailable) || !strongroom.IsKind(<-inner, strongroom.Unavailable) {
		t.Errorf("before the commit: %v", err)
	}
	if rows := f.rows(t); !rows[1] || rows[2] || rows[9] {
		t.Errorf("rows %v", rows)
	}
}
