package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"strongroom"
	"strongroom/internal/lifecycle"
)

// fake holds numbers of keys due and remains waiting.
type fake struct {
	due, remains int
	fail         error
	started      time.Time
	clock        *strongroom.Clock
	rolls        int
	tries        int
	rollFail     error
	waits        bool
	order        []string
}

func (f *fake) ExpireStep(_ context.Context, _ strongroom.Actor, limit int) (int, bool, error) {
	if f.fail != nil {
		return 0, false, f.fail
	}
	n := min(limit, f.due)
	f.due, f.remains = f.due-n, f.remains+n
	f.order = append(f.order, "expire")
	return n, f.due > 0, nil
}

func (f *fake) ClearStep(_ context.Context, _ strongroom.Actor, limit int) (int, bool, error) {
	n := min(limit, f.remains)
	f.remains -= n
	f.order = append(f.order, "clear")
	return n, f.remains > 0, nil
}

func (f *fake) Roll(_ context.Context, _ strongroom.Actor, progress func(int64, int64)) error {
	progress(1, 1)
	f.tries++
	if !f.waits {
		f.started = f.clock.Now()
	}
	if f.waits = f.rollFail != nil; f.waits {
		return f.rollFail
	}
	f.rolls++
	return nil
}

func (f *fake) RollWaits() bool { return f.waits }

func (f *fake) EpochStarted() time.Time { return f.started }

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
		f.fail = nil
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
		if f.rolls != 0 {
			t.Fatalf("%d rolls before the epoch is over", f.rolls)
		}
		time.Sleep(50 * time.Hour)
		synctest.Wait()
		if f.rolls != 3 {
			t.Fatalf("%d rolls in 73 hours, want 3", f.rolls)
		}
		clock.SetOffset(48 * time.Hour)
		l.Wake()
		synctest.Wait()
		if f.rolls != 4 {
			t.Fatalf("%d rolls after the clock was moved, want 4", f.rolls)
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
		if f.tries < 10 || f.tries > 60 {
			t.Fatalf("%d attempts in two hours: a roll that fails is tried again, and ever less often", f.tries)
		}
		f.rollFail = nil
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if st := l.Status(); f.rolls != 1 || st.Rolls != 1 || st.Err != nil {
			t.Fatalf("%d rolls, %+v", f.rolls, st)
		}
		stop()
		synctest.Wait()
	})
}
