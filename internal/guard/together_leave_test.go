package guard_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// asker asks together under a key, in a goroutine of its own.
type asker struct {
	question
	err  error
	done chan struct{}
}

func (f *fixture) asker(ctx context.Context, key string, load loader) *asker {
	a := &asker{question: question{id: strongroom.NewID("rec")}, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.err = f.ReadTogether(ctx, f.who, guard.Together{Key: key, Item: &a.question, Load: load},
			func(_ context.Context, v *guard.View) error {
				a.decided = true
				return v.Allow(reveal(), f.record(a.id), toTax())
			})
	}()
	return a
}

// wait returns when the call has, and fails if it does not.
func (a *asker) wait(t *testing.T) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(time.Minute):
		t.Fatal("a call does not return")
	}
}

// gone reports whether the call went because its context ended, before it read.
func (a *asker) gone() bool {
	f, ok := errors.AsType[*strongroom.Fault](a.err)
	return ok && f.Kind == strongroom.Unavailable && f.Code == "cancelled" && errors.Is(a.err, context.Canceled) && !a.decided
}

// hold returns a Load that tells when it is entered, waits, and then answers.
func hold() (load loader, entered, release chan struct{}) {
	entered, release = make(chan struct{}), make(chan struct{})
	return func(_ *db.Reader, items []any) (func(), error) {
		close(entered)
		<-release
		return answer(items), nil
	}, entered, release
}

func answer(items []any) func() {
	return func() {
		for _, item := range items {
			item.(*question).answered++
		}
	}
}

func answers(_ *db.Reader, items []any) (func(), error) { return answer(items), nil }

// asking waits until n calls wait for the question of another.
func (f *fixture) asking(t *testing.T, n int) {
	t.Helper()
	for late := time.Now().Add(time.Minute); f.Asking() != n; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("%d calls wait, want %d", f.Asking(), n)
		}
	}
}

// TestWaiterLeaves: a call whose context ends leaves at once while it waits for the
// question of others, and those who stay are served.
func TestWaiterLeaves(t *testing.T) {
	f := fresh(t, guard.Options{})
	f.LimitAsking(time.Hour)
	load, entered, release := hold()
	first := f.asker(t.Context(), "first", load)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	leaver, stays := f.asker(ctx, "rest", answers), f.asker(t.Context(), "rest", answers)
	f.asking(t, 2)
	cancel()
	leaver.wait(t) // while the first still asks
	if !leaver.gone() || leaver.answered != 0 || f.Asking() != 1 {
		t.Errorf("left with %v, answered %d times, decided %v, %d wait", leaver.err, leaver.answered, leaver.decided, f.Asking())
	}
	close(release)
	for _, a := range []*asker{first, stays} {
		if a.wait(t); a.err != nil || a.answered != 1 || !a.decided {
			t.Errorf("%v, answered %d times, decided %v", a.err, a.answered, a.decided)
		}
	}
	late := f.asker(ctx, "rest", answers)
	if late.wait(t); !late.gone() || late.answered != 0 {
		t.Errorf("came with a context that has ended: %v", late.err)
	}
}

// TestTakenWaits: a call whose question is asked waits for the answer, which is
// written into its item, and then runs nothing if its context has ended. So does the
// one that asks.
func TestTakenWaits(t *testing.T) {
	f := fresh(t, guard.Options{})
	f.LimitAsking(time.Hour)
	load, entered, release := hold()
	first := f.asker(t.Context(), "first", load)
	<-entered
	rest, asked, answered := hold()
	ctx, cancel := context.WithCancel(t.Context())
	leads := f.asker(ctx, "rest", rest)
	f.asking(t, 1)
	taken, stays := f.asker(ctx, "rest", rest), f.asker(t.Context(), "rest", rest)
	f.asking(t, 3)
	close(release)
	<-asked
	cancel()
	for range 1000 { // time to leave too early
		runtime.Gosched()
	}
	select {
	case <-taken.done:
		t.Error("a call leaves while its item may be written")
	default:
	}
	close(answered)
	for _, a := range []*asker{leads, taken} {
		if a.wait(t); !a.gone() || a.answered != 1 {
			t.Errorf("%v, answered %d times, decided %v", a.err, a.answered, a.decided)
		}
	}
	for _, a := range []*asker{first, stays} {
		if a.wait(t); a.err != nil || a.answered != 1 || !a.decided {
			t.Errorf("%v, answered %d times, decided %v", a.err, a.answered, a.decided)
		}
	}
}

// TestSharedQuestionHasALimit: who waits for a question past its limit asks alone,
// and what is found too late is written into no item. The next question is asked
// while the first one hangs.
func TestSharedQuestionHasALimit(t *testing.T) {
	f := fresh(t, guard.Options{})
	limit := time.Millisecond
	for !f.hangs(t, limit) { // it passed before there was a connection
		limit *= 4
	}
}

// hangs has a shared question hang past the limit, and reports whether it was asked
// within it.
func (f *fixture) hangs(t *testing.T, limit time.Duration) bool {
	t.Helper()
	f.LimitAsking(time.Hour)
	load, entered, release := hold()
	first := f.asker(t.Context(), "first", load)
	<-entered
	hangs, asked, found := hold()
	stuck := f.asker(t.Context(), "rest", hangs)
	f.asking(t, 1)
	var wait []*asker
	for range 3 {
		wait = append(wait, f.asker(t.Context(), "rest", hangs))
	}
	f.asking(t, 4)
	f.LimitAsking(limit) // read by who leads next, after the release
	close(release)
	reached := false
	select {
	case <-asked:
		reached = true
	case <-stuck.done:
	}
	next := f.asker(t.Context(), "next", answers)
	for _, a := range append(wait, next) {
		if a.wait(t); a.err != nil || !a.decided {
			t.Errorf("%v, decided %v", a.err, a.decided)
		}
	}
	close(found)
	stuck.wait(t)
	first.wait(t)
	for _, a := range append(wait, stuck) {
		if a.err != nil || a.answered != 0 || !a.decided {
			t.Errorf("%v, answered %d times, decided %v", a.err, a.answered, a.decided)
		}
	}
	return reached
}

// TestManyLeaveTogether: whoever leaves whenever, nobody is left waiting, and who
// stays is decided.
func TestManyLeaveTogether(t *testing.T) {
	f := fresh(t, guard.Options{})
	f.LimitAsking(time.Minute)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 40 {
				ctx, cancel := context.WithCancel(context.Background())
				leaves := rand.IntN(2) == 0
				a := f.asker(ctx, string(rune('a'+i%2)), answers)
				if leaves {
					for range rand.IntN(20) {
						runtime.Gosched()
					}
					cancel()
				}
				select {
				case <-a.done:
				case <-time.After(time.Minute):
					t.Error("a call does not return")
				}
				if a.err != nil && !leaves || a.err == nil && !a.decided {
					t.Errorf("%v, decided %v", a.err, a.decided)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if f.Asking() != 0 {
		t.Error("somebody is left waiting")
	}
}
