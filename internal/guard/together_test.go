package guard_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// question is one call of ReadTogether.
type question struct {
	id       string
	answered int // how often Load served it
	decided  bool
}

type loader = func(r *db.Reader, items []any) (leave func(), err error)

// askTogether has n calls ask while the question of an earlier one is under way,
// and returns them with what each was answered. load serves every question.
func askTogether(t *testing.T, f *fixture, n int, load loader) ([]*question, []error) {
	t.Helper()
	f.LimitAsking(time.Minute)
	entered, release := make(chan struct{}), make(chan struct{})
	qs, errs := make([]*question, n+1), make([]error, n+1)
	var wg sync.WaitGroup
	ask := func(i int, key string, load loader) {
		qs[i] = &question{id: strongroom.NewID("rec")}
		wg.Go(func() {
			errs[i] = f.ReadTogether(context.Background(), f.who, guard.Together{Key: key, Item: qs[i], Load: load},
				func(_ context.Context, v *guard.View) error {
					qs[i].decided = true
					return v.Allow(reveal(), f.record(qs[i].id), toTax())
				})
		})
	}
	ask(n, "first", func(*db.Reader, []any) (func(), error) {
		close(entered)
		<-release
		return nil, nil
	})
	<-entered
	for i := range n {
		ask(i, "rest", load)
	}
	for late := time.Now().Add(10 * time.Second); f.Asking() < n; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal("a call does not wait for the question of the others")
		}
	}
	close(release)
	wg.Wait()
	return qs[:n], errs[:n]
}

// TestReadTogether: those who wait share questions, 64 at most, and each decides
// for itself and is recorded.
func TestReadTogether(t *testing.T) {
	f := fresh(t, guard.Options{})
	var sizes []int // one leads at a time
	qs, errs := askTogether(t, f, 70, func(_ *db.Reader, items []any) (func(), error) {
		sizes = append(sizes, len(items))
		return func() {
			for _, item := range items {
				item.(*question).answered++
			}
		}, nil
	})
	if !slices.Equal(sizes, []int{64, 6}) {
		t.Errorf("questions of %v", sizes)
	}
	for i, q := range qs {
		if errs[i] != nil || q.answered != 1 || !q.decided || len(f.eventsOf(t, q.id)) != 1 {
			t.Fatalf("call %d: %v, answered %d times, decided %v", i, errs[i], q.answered, q.decided)
		}
	}
	if f.Asking() != 0 {
		t.Error("somebody is left waiting")
	}
	err := f.Read(t.Context(), f.who, func(ctx context.Context, v *guard.View) error {
		return errors.Join(v.Allow(reveal(), f.record(qs[0].id), toTax()), f.ReadTogether(ctx, f.who, guard.Together{}, nil))
	})
	if !strongroom.IsKind(err, strongroom.Internal) {
		t.Errorf("a question inside a call: %v", err)
	}
}

// TestReadTogetherFails: what goes wrong with a shared question is nobody's answer,
// and does not keep those who come later waiting.
func TestReadTogetherFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("no") },
		"a panic":  func() error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t, guard.Options{})
			var asked atomic.Int64
			for range 2 {
				qs, errs := askTogether(t, f, 3, func(*db.Reader, []any) (func(), error) { asked.Add(1); return nil, fail() })
				for i, q := range qs {
					if errs[i] != nil || q.answered != 0 || !q.decided {
						t.Errorf("%v, answered %d times, decided %v", errs[i], q.answered, q.decided)
					}
				}
			}
			if n := asked.Load(); n != 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestReadersWorkTogether: readers that stand beside each other put off to be
// written together and keep their places; a change between them parts them.
func TestReadersWorkTogether(t *testing.T) {
	f := fresh(t, guard.Options{})
	var seen []string
	reader := func(n int64) func() error {
		return func() error {
			return f.Read(t.Context(), f.who, func(_ context.Context, v *guard.View) error {
				if err := v.Allow(reveal(), f.record(strongroom.NewID("rec")), toTax()); err != nil {
					return err
				}
				v.Jointly(guard.Joint{Key: "readers", End: func(tx *guard.Tx) error {
					seen = append(seen, "end")
					return nil
				}})
				v.Confirm(func(tx *guard.Tx) error {
					if !tx.Joint() {
						t.Error("a reader works alone")
					}
					seen = append(seen, "reader")
					return nil
				})
				return nil
			})
		}
	}
	change := func() error {
		return f.Do(t.Context(), f.who, func(ctx context.Context, tx *guard.Tx) error {
			seen = append(seen, "change")
			return f.add(strongroom.NewID("rec"), 9)(ctx, tx)
		})
	}
	for _, err := range f.together(t, reader(1), reader(2), change, reader(3)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"reader", "reader", "end", "change", "reader", "end"}; !slices.Equal(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
}
