package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

func TestLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		for _, n := range []int{1, 0, 3, 252, 1, 700, 300} { // across tiles, in and between batches
			f.add(t, n)
		}
		const total = 1257
		note, mark, err := f.Seal(ctx)
		if err != nil || mark.Size != total {
			t.Fatalf("checkpoint of %d events, %v; want %d", mark.Size, err, total)
		}
		entries := all(t, f.Log)
		if len(entries) != total {
			t.Fatalf("%d events are read, want %d", len(entries), total)
		}
		var tree tlog.Frontier
		for i, e := range entries {
			if e.Position != int64(i) || e.Origin != origin {
				t.Fatalf("event %d has position %d in log %q", i, e.Position, e.Origin)
			}
			tree.Append(e.Hash())
		}
		if tree.Root() != mark.Root {
			t.Fatal("the checkpoint is not over the events that are read")
		}
		proofs(t, f, entries, note, mark)

		// A new process goes on where the last one stopped.
		again := f.reopen(t)
		if err := again.Start(ctx); err != nil {
			t.Fatal(err)
		}
		f.Log = again
		f.add(t, 300)
		if _, mark, err := f.Seal(ctx); err != nil || mark.Size != total+300 {
			t.Fatalf("after a restart: %d events, %v", mark.Size, err)
		}
		if n, err := f.Check(ctx); err != nil || n != total+300 {
			t.Fatalf("check: %d, %v", n, err)
		}
	})
}

func proofs(t *testing.T, f *fixture, entries []audit.Entry, note []byte, mark tlog.Checkpoint) {
	t.Helper()
	v := f.Verifier()
	for _, i := range []int{0, 1, 255, 256, 257, 511, 1024, 1256} {
		p, err := f.Inclusion(ctx, int64(i))
		if err != nil {
			t.Fatalf("inclusion of %d: %v", i, err)
		}
		outside, err := tlog.ParseProof(tlog.FormatProof(p.Proof))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := outside.Check(entries[i].Leaf, v); err != nil {
			t.Errorf("inclusion of %d does not verify: %v", i, err)
		}
		if _, err := outside.Check(entries[(i+1)%len(entries)].Leaf, v); err == nil {
			t.Errorf("inclusion of %d verifies another event", i)
		}
	}
	var tree tlog.Frontier
	for i, e := range entries {
		if size := int64(i); size == 1 || size == 256 || size == 1000 {
			c, err := f.Consistency(ctx, size)
			if err != nil {
				t.Fatalf("consistency from %d: %v", size, err)
			}
			if err := tlog.CheckConsistency(c.Hashes, mark.Size, mark.Root, size, tree.Root()); err != nil || !bytes.Equal(c.Checkpoint, note) {
				t.Errorf("consistency from %d does not verify: %v", size, err)
			}
		}
		tree.Append(e.Hash())
	}
	for _, bad := range []int64{-1, 1257, 1 << 40, 1 << 60} {
		if _, err := f.Inclusion(ctx, bad); !strongroom.IsKind(err, strongroom.NotFound) {
			t.Errorf("inclusion of %d: %v, want not found", bad, err)
		}
	}
	if _, err := f.Consistency(ctx, 1258); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("consistency from the future: %v, want not found", err)
	}
}

// all reads every event, a page at a time.
func all(t *testing.T, l *audit.Log) (out []audit.Entry) {
	t.Helper()
	after := int64(-1)
	for {
		page, err := l.Events(ctx, after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		out = append(out, page...)
		after = page[len(page)-1].Position
	}
}

func TestRolledBackBatchLeavesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := startedLog(t, engine)
		f.add(t, 10)
		stop := errors.New("stop")
		for _, flush := range []bool{false, true} {
			err := f.db.Update(ctx, func(tx *db.Tx) error {
				b, err := f.Begin(tx)
				if err != nil {
					return err
				}
				for range 300 {
					if _, err := b.Append(reveal()); err != nil {
						return err
					}
				}
				if flush {
					if err := b.Flush(); err != nil {
						return err
					}
				}
				return stop
			})
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
			f.add(t, 5)
		}
		if n, err := f.Check(ctx); err != nil || n != 20 {
			t.Fatalf("%d events, %v; want 20", n, err)
		}
		if _, _, err := f.Seal(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMarkAndTruncate(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	var kept []int64
	err := f.db.Update(ctx, func(tx *db.Tx) error {
		b, err := f.Begin(tx)
		if err != nil {
			return err
		}
		add := func(code string, when time.Time) {
			e := reveal()
			e.Code, e.Time = code, when
			i, err := b.Append(e)
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, i)
		}
		add("first", at)
		mark := b.Mark()
		add("gone", at.Add(time.Hour))
		b.Truncate(mark)
		add("second", at.Add(time.Minute))
		b.Truncate(99) // beyond: nothing happens
		if err := b.Flush(); err != nil {
			return err
		}
		if _, err := b.Append(reveal()); err == nil {
			t.Error("an event was taken after the flush")
		}
		if b.Flush() == nil {
			t.Error("a second flush was taken")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(kept) != "[0 1 1]" {
		t.Errorf("positions %v", kept)
	}
	got := all(t, f.Log)
	if len(got) != 2 {
		t.Fatalf("%d events, want 2", len(got))
	}
	second, err := got[1].Event()
	if err != nil || second.Code != "second" || !second.Time.Equal(at.Add(time.Minute).Truncate(time.Millisecond)) {
		t.Errorf("the second event is %v, %v", second, err)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.clock.SetOffset(10 * time.Minute)
	f.add(t, 1)
	if f.Behind() != 0 {
		t.Errorf("behind by %v before the clock moved", f.Behind())
	}
	f.clock.SetOffset(0)
	if d := f.Behind(); d < 9*time.Minute || d > 10*time.Minute {
		t.Errorf("behind by %v, want about ten minutes", d)
	}
	err := f.db.Update(ctx, func(tx *db.Tx) error {
		b, err := f.Begin(tx)
		if err != nil {
			return err
		}
		if d := b.Behind(); d < 9*time.Minute {
			t.Errorf("the batch is behind by %v", d)
		}
		if _, err = b.Append(reveal()); err != nil {
			return err
		}
		return b.Flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	got := all(t, f.Log)
	first, _ := got[0].Event()
	second, _ := got[1].Event()
	if second.Time.Before(first.Time) {
		t.Error("an event is older than the one before it")
	}
	// A restart remembers.
	again := f.reopen(t)
	if err := again.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if again.Behind() < 9*time.Minute {
		t.Error("a restart forgot how far the clock is behind")
	}
}

func TestNothingBeforeStart(t *testing.T) {
	f := newFixture(t, dbtest.Engine(t))
	if err := f.tryAdd(1); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("an event before the start: %v, want unavailable", err)
	}
	if _, _, err := f.Checkpoint(); err == nil {
		t.Error("a checkpoint before the start")
	}
	if f.Origin() != "" || f.Ready() == nil {
		t.Error("ready before the start")
	}
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	f.add(t, 1)
	if f.Origin() != origin || f.Ready() != nil {
		t.Error("not ready after the start")
	}
}

func TestNewRefuses(t *testing.T) {
	d := dbtest.New(t, audit.Schema())
	for name, o := range map[string]audit.Options{
		"no signer":      {},
		"another origin": {Signer: signer(t), Origin: "elsewhere"},
	} {
		if _, err := audit.New(d, o); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func TestLifecycleEvents(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	events := append([]audit.Event{audit.Lifecycle(audit.Start)}, audit.Migrated([]db.Applied{
		{Package: "audit", Number: 1, Name: "init", Hash: fmt.Sprintf("%064x", 5), At: at},
	})...)
	if err := f.Record(ctx, append(events, audit.Lifecycle(audit.Stop))...); err != nil {
		t.Fatal(err)
	}
	if got := all(t, f.Log); len(got) != 3 {
		t.Fatalf("%d events, want 3", len(got))
	}
}

// What passes the grammar of a policy's id still meets the detector, and a
// refused event leaves no trace in its batch.
func TestObligation_3_6_7_DetectorRunsOnEveryEvent(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	err := f.db.Update(ctx, func(tx *db.Tx) error {
		b, err := f.Begin(tx)
		if err != nil {
			return err
		}
		for _, s := range []string{"jane.doe.at.example.com", "4111-1111-1111-1111", "123-45-6789", "DE89370400440532013000", "203.0.113.9"} {
			e := reveal()
			e.Policies = []string{s}
			if _, err := b.Append(e); !strongroom.IsKind(err, strongroom.Internal) || strings.Contains(err.Error(), s) {
				t.Errorf("%q: %v, want a refusal that does not repeat it", s, err)
			}
		}
		if i, err := b.Append(reveal()); err != nil || i != 0 {
			t.Errorf("the next event has position %d, %v", i, err)
		}
		return b.Flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, f.Log); len(got) != 1 {
		t.Errorf("%d events are stored, want 1", len(got))
	}
}

func TestClosedActions(t *testing.T) {
	f := newFixture(t, dbtest.Engine(t))
	l, err := audit.New(f.db, audit.Options{Signer: f.signer, CheckpointPath: f.path, Actions: []string{"store.add", "record.reveal"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"record.reveal": true, "instance.start": true, "maria.garcia": false} {
		e := reveal()
		e.Action.Name = name
		if err := l.Record(ctx, e); (err == nil) != want {
			t.Errorf("%s: %v, want taken: %v", name, err, want)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	f := startedLog(b, dbtest.Engine(b))
	for range 130 {
		f.add(b, 512)
	}
	if _, _, err := f.Seal(ctx); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := f.reopen(b).Start(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
