package guard_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard"
)

// flood has strangers ask for a turn while the writer is held up, and returns how
// many were told to come again. release lets the writer go on.
func flood(t *testing.T, f *fixture, strangers int, ctx context.Context) (refused int, release func()) {
	t.Helper()
	held, open := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = f.Quiet(context.Background(), guard.Tally, func(context.Context, *guard.Tx) error {
			close(held)
			<-open
			return nil
		})
	})
	<-held
	for range strangers {
		all.Go(func() {
			err := f.Quiet(ctx, guard.Attempt, func(context.Context, *guard.Tx) error { return nil })
			if err != nil && !strongroom.IsKind(err, strongroom.Unavailable) {
				t.Errorf("a stranger heard %v", err)
			}
		})
	}
	late := time.Now().Add(20 * time.Second)
	settled := func() int {
		x := f.Stats()
		return int(x.Turned) + int(x.Busy) + x.Waiting
	}
	for settled() < strangers && time.Now().Before(late) {
		runtime.Gosched()
	}
	if n := settled(); n != strangers {
		t.Fatalf("%d of %d strangers have asked", n, strangers)
	}
	return int(f.Stats().Turned), sync.OnceFunc(func() { close(open); all.Wait() })
}

// However many strangers there are, those who are known find room in the queue.
func TestStrangersLeaveRoom(t *testing.T) {
	const strangers = 1500
	for name, x := range map[string]struct {
		places int
		room   bool
	}{
		"as it is":               {0, true},
		"planted: without bound": {10_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t, guard.Options{Strangers: x.places})
			refused, release := flood(t, f, strangers, t.Context())
			defer release()
			if want := strangers - 64; x.room && refused != want {
				t.Errorf("%d strangers were told to come again, not %d", refused, want)
			}
			done := make(chan error, 1)
			go func() { done <- f.Do(context.Background(), f.who, f.add(strongroom.NewID("ord"), 1)) }()
			room := true
			select {
			case err := <-done: // at once: there was no place to wait
				if room = false; !strongroom.IsKind(err, strongroom.Unavailable) {
					t.Fatal(err)
				}
			case <-time.After(200 * time.Millisecond):
			}
			release()
			if room {
				if err := <-done; err != nil {
					t.Errorf("who is known: %v", err)
				}
			}
			if room != x.room {
				t.Errorf("room for who is known: %v", room)
			}
		})
	}
}

// A stranger who hangs up keeps the place until the turn: otherwise calls nobody
// waits for would fill the queue.
func TestStrangersWhoLeave(t *testing.T) {
	f := fresh(t, guard.Options{})
	ctx, leave := context.WithCancel(t.Context())
	_, release := flood(t, f, 64, ctx)
	leave()
	for range 200 {
		if err := f.Quiet(t.Context(), guard.Attempt, nil); !strongroom.IsKind(err, strongroom.Unavailable) {
			t.Fatalf("a place was free: %v", err)
		}
	}
	release()
	if err := f.Quiet(t.Context(), guard.Attempt, func(context.Context, *guard.Tx) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
