package audit_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

// outsideSize reads the checkpoint file.
func (f *fixture) outsideSize(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tlog.OpenCheckpoint(b, f.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return c.Size
}

func (f *fixture) waitFor(t testing.TB, size int64) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); f.outsideSize(t) < size; {
		if time.Now().After(end) {
			t.Fatalf("the checkpoint stays at %d, want %d", f.outsideSize(t), size)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		run, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- f.Run(run) }()

		f.add(t, 3)
		f.waitFor(t, 3) // within a second or so
		began := time.Now()
		f.add(t, 1200)
		f.waitFor(t, 1203) // sooner, for there are many
		if d := time.Since(began); d > 900*time.Millisecond {
			t.Errorf("a thousand events waited %v for a checkpoint", d)
		}
		f.add(t, 2)
		stop()
		if err := <-done; err != nil {
			t.Fatalf("run: %v", err)
		}
		if n := f.outsideSize(t); n != 1205 {
			t.Errorf("after a graceful stop the checkpoint has %d events, want 1205", n)
		}
	})
}

func TestSealerRefusesAnotherTree(t *testing.T) {
	for name, change := range map[string]func(tx *db.Tx, tree []byte) error{
		"rewritten": func(tx *db.Tx, tree []byte) error {
			if _, err := tx.Exec(`update audit_event set leaf = $1`, []byte(golden)); err != nil {
				return err
			}
			_, err := tx.Exec(`update audit_head set frontier = $1`, tree)
			return err
		},
		"rewritten and longer": func(tx *db.Tx, tree []byte) error {
			if _, err := tx.Exec(`insert into audit_event (position, leaf) values (10, $1)`, []byte(golden)); err != nil {
				return err
			}
			if _, err := tx.Exec(`update audit_event set leaf = $1`, []byte(golden)); err != nil {
				return err
			}
			var f tlog.Frontier
			for range 11 {
				f.Append(tlog.LeafHash([]byte(golden)))
			}
			_, err := tx.Exec(`update audit_head set size = 11, frontier = $1`, f.Marshal())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := startedLog(t, dbtest.Engine(t))
			f.add(t, 10)
			if _, _, err := f.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			var tree tlog.Frontier
			for range 10 {
				tree.Append(tlog.LeafHash([]byte(golden)))
			}
			f.sabotage(t, func(tx *db.Tx) error { return change(tx, tree.Marshal()) })
			_, _, err := f.Seal(ctx)
			refused(t, err)
			if f.outsideSize(t) != 10 {
				t.Error("the outside checkpoint was replaced")
			}
			// From now on nothing is recorded, and the sealer stops with the reason.
			refused(t, f.Ready())
			refused(t, f.Run(ctx))
			broken(t, f.tryAdd(1))
		})
	}
}

func TestAppendNoticesADamagedEdge(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 10)
	f.Log = f.reopen(t) // forgets what it knew of the edge
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	f.sabotage(t, func(tx *db.Tx) error {
		_, err := tx.Exec(`update audit_event set leaf = $1 where position = 9`, []byte(golden))
		return err
	})
	broken(t, f.tryAdd(1))
}

// broken asserts that work was refused because the log is.
func broken(t *testing.T, err error) {
	t.Helper()
	var c *audit.ContinuityError
	if !strongroom.IsKind(err, strongroom.Unavailable) || !errors.As(err, &c) {
		t.Fatalf("got %v, want unavailable because of a continuity error", err)
	}
}

func TestCheckFindsAnOldEdit(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 600)
	if n, err := f.Check(ctx); err != nil || n != 600 {
		t.Fatalf("check: %d, %v", n, err)
	}
	f.sabotage(t, func(tx *db.Tx) error {
		_, err := tx.Exec(`update audit_event set leaf = $1 where position = 100`, []byte(golden))
		return err
	})
	_, err := f.Check(ctx)
	refused(t, err)
}

// Many writers, a sealer and readers at once: no gap, no torn checkpoint.
// Start checks the newest events and Run the others. Between them lies nothing,
// also where the process before ended without a last checkpoint: the edit here
// lies before what Start checks and after what that checkpoint would leave to Run.
func TestRunChecksWhatStartDoesNot(t *testing.T) {
	f := startedLog(t, db.SQLite)
	const tile = 256
	for range 256 + 2 {
		f.add(t, tile)
	}
	if _, _, err := f.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		f.add(t, tile)
	}
	f.sabotage(t, func(tx *db.Tx) error {
		_, err := tx.Exec(`update audit_event set leaf = $1 where position = 800`, []byte(golden))
		return err
	})
	l := f.reopen(t)
	if err := l.Start(ctx); err != nil {
		t.Fatal("Start is to check the newest events alone, or this proves nothing:", err)
	}
	end, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var broken *audit.ContinuityError
	if err := l.Run(end); !errors.As(err, &broken) {
		t.Errorf("an old event was edited and Run says %v", err)
	}
}

func TestConcurrency(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		run, stop := context.WithCancel(ctx)
		var wg, bg sync.WaitGroup
		bg.Go(func() {
			if err := f.Run(run); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		const writers, rounds = 8, 20
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					err := f.db.Update(ctx, func(tx *db.Tx) error {
						b, err := f.Begin(tx)
						if err != nil {
							return err
						}
						for range 1 + (w+i)%7 {
							if _, err := b.Append(reveal()); err != nil {
								return err
							}
						}
						if i%5 == 4 {
							return errUndo
						}
						return b.Flush()
					})
					if err != nil && !errors.Is(err, errUndo) {
						t.Errorf("update: %v", err)
					}
					if _, _, err := f.Seal(ctx); err != nil {
						t.Errorf("seal: %v", err)
					}
				}
			})
		}
		wg.Wait()
		stop()
		bg.Wait()
		n, err := f.Check(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(len(all(t, f.Log))); got != n || f.outsideSize(t) != n {
			t.Errorf("%d events are read, %d counted, %d sealed", got, n, f.outsideSize(t))
		}
	})
}

// Two processes on one database take turns; each makes the edge from what the
// other stored.
func TestTwoProcesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		one, two := f.Log, f.reopen(t)
		if err := two.Start(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			f.Log = one
			if i%2 == 1 {
				f.Log = two
			}
			f.add(t, 90)
			if _, _, err := f.Seal(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := two.Check(ctx); err != nil || n != 12*90 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

var errUndo = errors.New("undo")

func TestRefusals(t *testing.T) {
	var r audit.Refusals
	second := at.Truncate(time.Second)
	a, b := reference, "zz23456789abcdefghjkmnpqrs"
	for range 500 {
		r.Add(a, second)
	}
	r.Add(b, second.Add(300*time.Millisecond))
	r.Add("203.0.113.9", second) // no hash: counted, and never named
	r.Add(a, second.Add(time.Second))
	if got := r.Take(second); len(got) != 0 {
		t.Errorf("%d events of a second that is not over", len(got))
	}
	got := r.Take(second.Add(time.Second))
	if len(got) != 3 {
		t.Fatalf("%d events, want one per source and second", len(got))
	}
	for i, want := range []int64{500, 1, 1} {
		if n := got[i].Notes[0].Value; n != want {
			t.Errorf("event %d counts %v, want %d", i, n, want)
		}
		if _, err := audit.Leaf(got[i], got[i].Time); err != nil {
			t.Errorf("event %d is refused: %v", i, err)
		}
	}
	if len(got[2].Notes) != 1 {
		t.Error("the others have a source")
	}
	if got := r.Take(second.Add(time.Hour)); len(got) != 1 {
		t.Errorf("%d events of the next second, want 1", len(got))
	}
	r.Add(a, second.Add(time.Hour))
	if got := r.Take(second); len(got) != 1 {
		t.Errorf("%d events after time went back, want 1: it must not hold refusals up", len(got))
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	var r audit.Refusals
	total := int64(0)
	for s := range 200 {
		for range 2000 {
			r.Add(strongroom.NewID("x")[2:], at.Add(time.Duration(s)*time.Second))
			total++
		}
	}
	events := r.Take(at.Add(time.Hour))
	if len(events) > 64*1025 {
		t.Errorf("%d events are kept", len(events))
	}
	for _, e := range events {
		total -= e.Notes[0].Value.(int64)
	}
	if total != 0 {
		t.Errorf("%d refusals were not counted", total)
	}
}

func benchFlush(b *testing.B, engine db.Engine, n int) {
	f := startedLog(b, engine)
	e := reveal()
	b.ReportAllocs()
	for b.Loop() {
		err := f.db.Update(ctx, func(tx *db.Tx) error {
			batch, err := f.Begin(tx)
			if err != nil {
				return err
			}
			for range n {
				if _, err := batch.Append(e); err != nil {
					return err
				}
			}
			return batch.Flush()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkFlush1SQLite(b *testing.B)     { benchFlush(b, db.SQLite, 1) }
func BenchmarkFlush32SQLite(b *testing.B)    { benchFlush(b, db.SQLite, 32) }
func BenchmarkFlush32Postgres(b *testing.B)  { benchFlush(b, db.Postgres, 32) }
func BenchmarkFlush256SQLite(b *testing.B)   { benchFlush(b, db.SQLite, 256) }
func BenchmarkFlush256Postgres(b *testing.B) { benchFlush(b, db.Postgres, 256) }
