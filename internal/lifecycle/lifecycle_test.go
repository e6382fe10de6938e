package lifecycle_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom"
	"strongroom/internal/lifecycle"
)

// fake holds numbers of keys due and remains waiting.
type fake struct {
	mu           sync.Mutex
	due, remains int
	fail         error
	started      time.Time
	clock        *strongroom.Clock
	rolls, tries atomic.Int32
	rollFail     error
	waits        bool
	order        []string
	old          int // records that have outlived their month
	indexFail    error
}

func (f *fake) ExpireStep(_ context.Context, _ strongroom.Actor, limit int) (int, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return 0, false, f.fail
	}
	n := min(limit, f.due)
	f.due, f.remains = f.due-n, f.remains+n
	f.order = append(f.order, "expire")
	return n, f.due > 0, nil
}

func (f *fake) ClearStep(_ context.Context, _ strongroom.Actor, limit int) (int, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(limit, f.remains)
	f.remains -= n
	f.order = append(f.order, "clear")
	return n, f.remains > 0, nil
}

func (f *fake) IndexStep(context.Context, strongroom.Actor, int) (int, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.indexFail != nil {
		return 0, false, f.indexFail
	}
	n := min(f.old, 2)
	f.old -= n
	return n, f.old > 0, nil
}

func (f *fake) Roll(_ context.Context, _ strongroom.Actor, progress func(int64, int64)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	progress(1, 1)
	f.tries.Add(1)
	if !f.waits {
		f.started = f.clock.Now()
	}
	if f.waits = f.rollFail != nil; f.waits {
		return f.rollFail
	}
	f.rolls.Add(1)
	return nil
}

func (f *fake) RollWaits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waits
}

// mend ends the failures while the lifecycle runs.
func (f *fake) mend() { f.set(func() { f.fail, f.rollFail = nil, nil }) }

// set changes the fake while the lifecycle runs.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) EpochStarted() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started
}

func TestSweepKillsKeysBeforeItClears(t *testing.T) {
	clock := new(strongroom.Clock)
	f := &fake{due: 25, clock: clock}
	l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Batch: 10})
	s, err := l.Sweep(t.Context(), strongroom.System("sweeper"))
	if err != nil || s.Expired != 25 || s.Cleared != 25 {
		t.Fatalf("swept %+v, %v", s, err)
	}
	if f.order[0] != "expire" || f.order[2] != "expire" || f.order[3] != "clear" {
		t.Fatalf("order %v: every key dies before the first row is cleared", f.order)
	}
	if st := l.Status(); st.Expired != 25 || st.Cleared != 25 || st.Err != nil || st.SweptAt.IsZero() {
		t.Fatalf("status %+v", st)
	}
}

func TestFailureIsVisibleAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(strongroom.Clock)
		f := &fake{due: 3, clock: clock, started: clock.Now(), fail: errors.New("disk full")}
		l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Every: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go l.Run(ctx)
		synctest.Wait()
		if st := l.Status(); st.Err == nil || !st.SweptAt.IsZero() {
			t.Fatalf("the failure does not show: %+v", st)
		}
		f.mend()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if st := l.Status(); st.Err != nil || st.Expired != 3 {
			t.Fatalf("not tried again: %+v", st)
		}
		stop()
		synctest.Wait()
	})
}

func TestRollHappensOnceAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(strongroom.Clock)
		f := &fake{clock: clock, started: clock.Now()}
		l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Every: time.Minute, EpochLength: 24 * time.Hour})
		ctx, stop := context.WithCancel(t.Context())
		go l.Run(ctx)
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if n := f.rolls.Load(); n != 0 {
			t.Fatalf("%d rolls before the epoch is over", n)
		}
		time.Sleep(50 * time.Hour)
		synctest.Wait()
		if n := f.rolls.Load(); n != 3 {
			t.Fatalf("%d rolls in 73 hours, want 3", n)
		}
		clock.SetOffset(48 * time.Hour)
		l.Wake()
		synctest.Wait()
		if n := f.rolls.Load(); n != 4 {
			t.Fatalf("%d rolls after the clock was moved, want 4", n)
		}
		stop()
		synctest.Wait()
	})
}

// A roll that was cut off has begun a young epoch; it is finished all the same,
// and until then it shows, whatever the sweeps in between do.
func TestRollThatWaitsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(strongroom.Clock)
		f := &fake{clock: clock, started: clock.Now().Add(-24 * time.Hour), rollFail: errors.New("a replica lags")}
		l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Every: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go l.Run(ctx)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if st := l.Status(); st.Err == nil || st.SweptAt.IsZero() {
			t.Fatalf("the roll that waits does not show: %+v", st)
		}
		if n := f.tries.Load(); n < 10 || n > 60 {
			t.Fatalf("%d attempts in two hours: a roll that fails is tried again, and ever less often", n)
		}
		f.mend()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if st := l.Status(); st.Rolls != 1 || st.Err != nil {
			t.Fatalf("%+v", st)
		}
		stop()
		synctest.Wait()
	})
}

// What failed is tried again long before the next tick, and ever later while it
// goes on failing; a roll that somebody else asked for counts as well.
func TestFailureIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(strongroom.Clock)
		f := &fake{clock: clock, started: clock.Now()}
		l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Every: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		go l.Run(ctx)
		synctest.Wait()
		f.set(func() { f.rollFail = errors.New("the database is gone") })
		if err := l.Roll(ctx, strongroom.System("roll"), nil); err == nil {
			t.Fatal("the roll did not fail")
		}
		f.set(func() { f.rollFail, f.waits = nil, false }) // it failed before it began
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if st := l.Status(); st.Err != nil || st.Rolls != 1 {
			t.Fatalf("a second later: %+v", st)
		}
		before := 0
		f.set(func() { f.fail, before = errors.New("disk full"), len(f.order) })
		l.Wake()
		time.Sleep(59 * time.Second)
		f.set(func() {
			f.fail = nil
			if len(f.order) != before {
				t.Error("the failure went by")
			}
		})
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if st := l.Status(); st.Err != nil {
			t.Fatalf("a tick later: %v", st.Err)
		}
		stop()
		synctest.Wait()
	})
}

// A roll that does not finish is an alarm; only a sweep that does not finish
// keeps data beyond its day.
func TestStatusTellsSweepsFromRolls(t *testing.T) {
	clock := new(strongroom.Clock)
	f := &fake{clock: clock, rollFail: errors.New("the root is away")}
	l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock})
	if err := l.Roll(t.Context(), strongroom.System("roll"), nil); err == nil {
		t.Fatal("the roll succeeded")
	}
	if st := l.Status(); st.Err == nil || st.SweepErr != nil {
		t.Errorf("after a failed roll: %+v", st)
	}
	f.fail = errors.New("disk full")
	if _, err := l.Sweep(t.Context(), strongroom.System("sweeper")); err == nil {
		t.Fatal("the sweep succeeded")
	}
	if st := l.Status(); st.SweepErr == nil {
		t.Errorf("after a failed sweep: %+v", st)
	}
}

// Records that outlived their month are indexed anew with every tick. Where that
// fails it shows, is tried again, and keeps neither sweep nor roll from their work.
func TestOldMonthsAreIndexedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(strongroom.Clock)
		f := &fake{old: 5, clock: clock, started: clock.Now().Add(-48 * time.Hour), indexFail: errors.New("broken")}
		l := lifecycle.New(lifecycle.Options{Keys: f, Vault: f, Clock: clock, Every: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go l.Run(ctx)
		synctest.Wait()
		if st := l.Status(); st.Err == nil || st.SweepErr != nil || st.Rolls != 1 || st.SweptAt.IsZero() {
			t.Fatalf("status %+v", st)
		}
		f.set(func() { f.indexFail = nil })
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if st := l.Status(); st.Err != nil || st.Indexed != 5 {
			t.Fatalf("not tried again: %+v", st)
		}
		stop()
	})
}
