package keys_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// copyRing keeps the keyring's bytes as they are now.
func (f *fixture) copyRing() []byte {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.ringOpt.Dir, "keyring"))
	f.must(err)
	return b
}

func TestRoll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		const n = 4500 // three batches, the last one short
		f.fill(n, f.later())
		want := map[uint64]seal.Key{}
		for _, r := range []uint64{1, 2000, 2001, n} {
			k, err := f.load(r)
			f.must(err)
			want[r] = k
		}
		began := f.EpochStarted()
		f.clock.SetOffset(24 * time.Hour)
		var steps []int64
		f.must(f.Roll(context.Background(), f.who, func(done, total int64) {
			if total != n {
				t.Errorf("progress of %d", total)
			}
			steps = append(steps, done)
		}))
		if len(steps) != 3 || steps[2] != n {
			t.Errorf("progress %v", steps)
		}
		if e := f.Epoch(); e.Current != 2 || e.Old != 0 || !e.Made.After(began) {
			t.Errorf("after the roll: %+v", e)
		}
		for r, k := range want {
			if got, err := f.load(r); err != nil || !same(got, k) {
				t.Errorf("record %d after the roll: %v", r, err)
			}
		}
		f.ring = reopen(t, f.ring, f.ringOpt)
		f.renew()
		if got, err := f.load(n); err != nil || !same(got, want[n]) {
			t.Error("after the roll and a restart:", err)
		}
	})
}

// A copy of the database taken before an erasure does not open with what is left
// of the keys after one roll that began after it. Before the roll it does, which
// is the negative; and with a copy of the older keyring too, which is why the
// keyring never lies beside the data.
func TestCopyBeforeErasureIsDeadAfterOneRoll(t *testing.T) {
	f := open(t)
	_, copied := f.put(1, 1, f.later())
	_, kept := f.put(2, 1, f.later())
	oldRing := f.copyRing()
	if _, err := f.destroy(keys.Subject, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(f.store, copied); err != nil {
		t.Fatal("before the roll the copy still opens, or the test proves nothing:", err)
	}
	f.must(f.Roll(context.Background(), f.who, nil))
	for _, w := range []keys.Wrapped{copied, kept} { // the copy of a living record is as dead
		_, err := f.Open(f.store, w)
		wantKind(t, "the copy after the roll", err, strongroom.Erased)
	}
	// Nor with the file of the keyring and its root, in another process.
	f.ring = reopen(t, f.ring, f.ringOpt)
	f.renew()
	_, err := f.Open(f.store, copied)
	wantKind(t, "the copy with the keyring that is left", err, strongroom.Erased)
	for epoch := range uint32(4) { // whatever epoch the row claims
		forged := copied
		forged.Epoch = epoch
		if _, err := f.Open(f.store, forged); err == nil {
			t.Errorf("the copy opens as of epoch %d", epoch)
		}
	}
	if _, err := f.load(2); err != nil {
		t.Error("the living record:", err)
	}
	// The older keyring file does open it.
	dir := keyDir(t)
	f.must(os.WriteFile(filepath.Join(dir, "keyring"), oldRing, 0o600))
	o := f.ringOpt
	o.Dir = dir
	stolen, err := keys.OpenRing(context.Background(), o)
	f.must(err)
	defer stolen.Close()
	if _, err := keys.OpenAs(stolen, strongroom.Test, copied); err != nil {
		t.Error("the older keyring does not open its own epoch, so the test proves less than it says:", err)
	}
}

// A roll cut short after any number of steps is continued by the next, in this
// process or after a restart. What was erased meanwhile is dead after it all the
// same, because one more follows.
func TestRollResumes(t *testing.T) {
	for _, cut := range []int{0, 1, 2} {
		f := open(t)
		f.fill(5000, f.later())
		_, copied := f.put(5001, 1, f.later())
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		if cut == 0 {
			f.must(keys.NewEpoch(f.ring)) // died between the new epoch and the first step
		} else {
			err := f.Roll(ctx, f.who, func(int64, int64) {
				if steps++; steps == cut {
					cancel()
				}
			})
			if err == nil {
				t.Fatal("the roll was to be cut short")
			}
		}
		cancel()
		if e := f.Epoch(); e.Current != 2 || e.Old != 1 {
			t.Fatalf("cut short: %+v", e)
		}
		for _, r := range []uint64{1, 5000} {
			if _, err := f.load(r); err != nil {
				t.Error("in the middle of a roll:", err)
			}
		}
		// A copy of the database made now holds it under the epoch that is current.
		copied, err := f.Redate(f.store, copied, copied.EraseBy)
		f.must(err)
		if _, err := f.destroy(keys.Subject, 5001); err != nil {
			t.Fatal(err)
		}
		f.ring = reopen(t, f.ring, f.ringOpt)
		f.renew()
		var moved []int64
		f.must(f.Roll(context.Background(), f.who, func(done, _ int64) { moved = append(moved, done) }))
		if want := int64(5000 - 2000*cut); !slices.Contains(moved, want) || moved[len(moved)-1] != 5000 {
			t.Errorf("the continued roll moved %v keys, want %d, and the one behind it all", moved, want)
		}
		_, err = f.Open(f.store, copied)
		wantKind(t, "erased before the roll was continued", err, strongroom.Erased)
		if e := f.Epoch(); e.Current != 3 || e.Old != 0 {
			t.Errorf("after the continued roll: %+v", e)
		}
	}
}

// Whoever still needs the old key keeps it, and the roll is finished later.
func TestRollWaits(t *testing.T) {
	f := open(t)
	f.put(1, 1, f.later())
	objection := errors.New("a replica lags")
	f.opt.MayDestroy = []func(context.Context, uint32) error{func(_ context.Context, epoch uint32) error {
		if objection != nil && epoch != 1 {
			t.Errorf("asked about epoch %d", epoch)
		}
		return objection
	}}
	f.renew()
	for range 2 {
		err := f.Roll(context.Background(), f.who, nil)
		wantKind(t, "with an objection", err, strongroom.Unavailable)
		if e := f.Epoch(); e.Current != 2 || e.Old != 1 || !f.RollWaits() {
			t.Fatalf("waiting: %+v", e)
		}
	}
	objection = nil
	f.must(f.Roll(context.Background(), f.who, nil))
	if e := f.Epoch(); e.Current != 3 || e.Old != 0 || f.RollWaits() {
		t.Errorf("after waiting: %+v", e)
	}
}

// A key that is replaced, moved or destroyed while the roll goes on keeps its
// newest state.
func TestRollAmongWriters(t *testing.T) {
	f := open(t)
	f.fill(6000, f.later())
	stop, done := make(chan struct{}), make(chan struct{})
	newest := map[uint64]seal.Key{}
	go func() {
		defer close(done)
		for r := uint64(1); ; r = (r + 977) % 6000 {
			select {
			case <-stop:
				return
			default:
			}
			if r%5 == 0 {
				if _, err := f.destroy(keys.Operator, r+1); err != nil {
					t.Error(err)
				}
				delete(newest, r+1)
				continue
			}
			key, w, err := f.NewData(f.store, r+1, 2, f.later())
			if err == nil {
				err = f.do(func(tx *guard.Tx) error { return f.PutTx(tx, []keys.Wrapped{w}) })
			}
			if err != nil {
				t.Error(err)
				return
			}
			newest[r+1] = key
		}
	}()
	for range 3 {
		f.must(f.Roll(context.Background(), f.who, nil))
	}
	close(stop)
	<-done
	if len(newest) == 0 {
		t.Fatal("nothing was written meanwhile")
	}
	for r, want := range newest {
		if got, err := f.load(r); err != nil || !same(got, want) {
			t.Errorf("record %d: %v", r, err)
		}
	}
	if e := f.Epoch(); e.Current != 4 || e.Old != 0 {
		t.Errorf("%+v", e)
	}
}

func TestRollDenied(t *testing.T) {
	f := open(t)
	f.who = strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{"auditor"}, AllStores: true, Door: "http", Standing: strongroom.Standing{Trained: true}}
	wantKind(t, "auditor", f.Roll(context.Background(), f.who, nil), strongroom.Denied)
	_, _, err := f.RollStep(context.Background(), f.who, math.MinInt64, 10)
	wantKind(t, "a step", err, strongroom.Denied)
	if f.Epoch().Current != 1 {
		t.Error("a denied roll began an epoch")
	}
}

// Whoever loaded a key before the roll's last batch has the grace to open it.
func TestRollGrace(t *testing.T) {
	f := open(t)
	f.opt.ReaderGrace = 300 * time.Millisecond
	f.renew()
	_, w := f.put(1, 1, f.later())
	done := make(chan error, 1)
	go func() { done <- f.Roll(context.Background(), f.who, nil) }()
	for f.Epoch().Current == 1 {
		time.Sleep(time.Millisecond)
	}
	if _, err := f.Open(f.store, w); err != nil {
		t.Error("a reader within the grace:", err)
	}
	f.must(<-done)
	_, err := f.Open(f.store, w)
	wantKind(t, "after the grace", err, strongroom.Erased)
}
