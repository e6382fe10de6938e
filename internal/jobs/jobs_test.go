package jobs_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/jobs"
)

const (
	first jobs.Kind = iota + 1
	second
)

// fixture is a guard over a real database; queues are made over it.
type fixture struct {
	*guard.Guard
	db *db.DB
}

func fresh(t testing.TB) *fixture {
	t.Helper()
	ground := guardtest.Open(t, nil, jobs.Schema())
	f := &fixture{db: ground.DB, Guard: ground.Start(t, strongroom.Production, guard.Options{})}
	return f
}

// start runs run until the test ends.
func start(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func (f *fixture) queue(h map[jobs.Kind]jobs.Handler) *jobs.Queue {
	return jobs.New(jobs.Options{Guard: f.Guard, Handlers: h, Poll: 20 * time.Millisecond})
}

func operator() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{"operator"}, AllStores: true, Door: "command",
		Standing: strongroom.Standing{Trained: true}}
}

func submit(t testing.TB, q *jobs.Queue, o jobs.Order) string {
	t.Helper()
	id, err := q.Submit(t.Context(), operator(), o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// wait polls until the job is in the wanted state.
func wait(t testing.TB, q *jobs.Queue, id string, want jobs.State) jobs.Status {
	t.Helper()
	var s jobs.Status
	for range 400 {
		var err error
		if s, err = q.Status(t.Context(), operator(), id); err != nil {
			t.Fatal(err)
		}
		if s.State == want {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("job is %v after %d tries (%s), want %v", s.State, s.Tries, s.Code, want)
	return s
}

func one(run func(context.Context, *jobs.Job) error) map[jobs.Kind]jobs.Handler {
	return map[jobs.Kind]jobs.Handler{first: {Name: "first", Run: run}}
}

func TestJobRuns(t *testing.T) {
	f := fresh(t)
	var got jobs.Args
	h := one(func(_ context.Context, j *jobs.Job) error { got = j.Args; return nil })
	h[first] = jobs.Handler{Name: "first", Run: h[first].Run, Words: []string{"a#1"}}
	q := f.queue(h)
	store := strongroom.NewID("str")
	id := submit(t, q, jobs.Order{Kind: first, Args: jobs.Args{IDs: []string{store, "a#1"}, Nums: []int64{-7, 1 << 40}}})
	if s, err := q.Status(t.Context(), operator(), id); err != nil || s.State != jobs.Waiting || s.Name != "first" {
		t.Errorf("before: %+v, %v", s, err)
	}
	start(t, q.Run)
	wait(t, q, id, jobs.Done)
	if len(got.IDs) != 2 || got.IDs[0] != store || got.IDs[1] != "a#1" || len(got.Nums) != 2 || got.Nums[0] != -7 || got.Nums[1] != 1<<40 {
		t.Errorf("arguments %+v", got)
	}
}

// A job exists exactly if the transaction that made it necessary was committed.
func TestJobSharesTheTransaction(t *testing.T) {
	f := fresh(t)
	var runs atomic.Int64
	q := f.queue(one(func(context.Context, *jobs.Job) error { runs.Add(1); return nil }))
	start(t, q.Run)
	var lost string
	failed := errors.New("changed my mind")
	err := f.Quiet(t.Context(), guard.Lease, func(_ context.Context, tx *guard.Tx) (err error) {
		if lost, err = q.Enqueue(tx, jobs.Order{Kind: first}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if _, err := q.Status(t.Context(), operator(), lost); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("a job of a transaction that was rolled back: %v", err)
	}
	wait(t, q, submit(t, q, jobs.Order{Kind: first}), jobs.Done)
	if runs.Load() != 1 {
		t.Errorf("%d runs", runs.Load())
	}
}

func TestArgumentsAreNoValues(t *testing.T) {
	f := fresh(t)
	h := one(func(context.Context, *jobs.Job) error { return nil })
	h[first] = jobs.Handler{Name: "first", Run: h[first].Run, Words: []string{"orders"}}
	q := f.queue(h)
	id := strongroom.NewID("str")
	submit(t, q, jobs.Order{Kind: first, Args: jobs.Args{IDs: []string{id, "orders"}}})
	for _, bad := range []string{
		"Jane-Doe", "orders2", "Orders", "customers", id + "0", id[:len(id)-1], strings.ToUpper(id), "Jane_" + id[4:], "_" + id[4:], id[4:],
		"", "Jane Doe", "jane.doe@example.com", "206-555-0164", "4000002760003184", "#1", strings.Repeat("x", 65), "a\nb",
	} {
		if _, err := q.Submit(t.Context(), operator(), jobs.Order{Kind: first, Args: jobs.Args{IDs: []string{bad}}}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q was taken: %v", bad, err)
		} else if bad != "" && strings.Contains(err.Error(), "Jane") {
			t.Errorf("the fault repeats the value: %v", err)
		}
	}
	for name, o := range map[string]jobs.Order{
		"unknown kind": {Kind: 99}, "in the past": {Kind: first, After: -1}, "too many": {Kind: first, Args: jobs.Args{Nums: make([]int64, 65)}},
	} {
		if _, err := q.Submit(t.Context(), operator(), o); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := q.Submit(t.Context(), strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"),
		Roles: []string{"application"}, AllStores: true, Door: "http"}, jobs.Order{Kind: first}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application started a job: %v", err)
	}
}

func TestFailuresAndDeadLetters(t *testing.T) {
	f := fresh(t)
	var good atomic.Bool
	q := f.queue(map[jobs.Kind]jobs.Handler{
		first: {Name: "first", Tries: 1, Run: func(context.Context, *jobs.Job) error {
			if good.Load() {
				return nil
			}
			return strongroom.Faultf(strongroom.Unavailable, "upstream", "jane.doe@example.com does not answer")
		}},
		second: {Name: "second", Run: func(_ context.Context, j *jobs.Job) error {
			switch j.Args.Nums[0] {
			case 0:
				return strongroom.Faultf(strongroom.Invalid, "shape", "cannot be read")
			case 1:
				panic("jane.doe@example.com")
			}
			return errors.New("jane.doe@example.com")
		}},
	})
	start(t, q.Run)
	dead := submit(t, q, jobs.Order{Kind: first})
	if s := wait(t, q, dead, jobs.Dead); s.Code != "upstream" || s.Tries != 1 {
		t.Errorf("dead letter %+v", s)
	}
	hopeless := submit(t, q, jobs.Order{Kind: second, Args: jobs.Args{Nums: []int64{0}}})
	if s := wait(t, q, hopeless, jobs.Dead); s.Code != "shape" || s.Tries != 1 {
		t.Errorf("hopeless %+v", s)
	}
	for n, code := range map[int64]string{1: "panic", 2: "internal"} {
		id := submit(t, q, jobs.Order{Kind: second, Args: jobs.Args{Nums: []int64{n}}})
		for range 200 {
			s, err := q.Status(t.Context(), operator(), id)
			if err != nil {
				t.Fatal(err)
			}
			if s.Tries == 1 && s.State == jobs.Waiting {
				if s.Code != code || !s.Due.After(time.Now()) {
					t.Errorf("%+v, want code %s", s, code)
				}
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	letters, err := q.DeadLetters(t.Context(), operator(), 10)
	if err != nil || len(letters) != 2 {
		t.Errorf("%d dead letters, %v", len(letters), err)
	}
	if n, err := q.Dead(t.Context()); err != nil || n != 2 {
		t.Errorf("the gauge says %d, %v", n, err)
	}
	seen := map[string]string{}
	for cursor := ""; ; {
		page, next, err := q.List(t.Context(), operator(), "", cursor, 1)
		if err != nil || len(page) > 1 {
			t.Fatalf("%d jobs, %v", len(page), err)
		}
		for _, s := range page {
			seen[s.ID] = s.State.String()
		}
		if cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 4 || seen[dead] != "dead" || seen[hopeless] != "dead" {
		t.Errorf("all jobs, page by page: %v", seen)
	}
	if list, _, err := q.List(t.Context(), operator(), "waiting", "", 10); err != nil || len(list) != 2 {
		t.Errorf("%d wait, %v", len(list), err)
	}
	for _, c := range [][2]string{{"gone", ""}, {"", "Jane Doe"}} {
		if _, _, err := q.List(t.Context(), operator(), c[0], c[1], 10); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%v: %v", c, err)
		}
	}
	good.Store(true)
	if err := q.Retry(t.Context(), operator(), dead); err != nil {
		t.Fatal(err)
	}
	wait(t, q, dead, jobs.Done)
	if err := q.Retry(t.Context(), operator(), dead); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("retrying what is no dead letter: %v", err)
	}
}

// A row that somebody changed is given up; the jobs behind it run.
func TestUnreadableJobHoldsUpNobody(t *testing.T) {
	f := fresh(t)
	q := f.queue(one(func(context.Context, *jobs.Job) error { return nil }))
	spoilt := submit(t, q, jobs.Order{Kind: first, Args: jobs.Args{Nums: []int64{1}}})
	err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`update jobs_job set args = '#one'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	behind := submit(t, q, jobs.Order{Kind: first, Args: jobs.Args{Nums: []int64{2}}})
	start(t, q.Run)
	wait(t, q, behind, jobs.Done)
	if s := wait(t, q, spoilt, jobs.Dead); s.Code != "job-args" {
		t.Errorf("%+v", s)
	}
}

// Work that was promised is not given up, however often it failed; the same job
// with a number of tries is.
func TestTriesWithoutEnd(t *testing.T) {
	f := fresh(t)
	fail := func(context.Context, *jobs.Job) error {
		return strongroom.Faultf(strongroom.Unavailable, "full", "the disk is full")
	}
	q := f.queue(map[jobs.Kind]jobs.Handler{first: {Name: "first", Tries: -1, Run: fail}, second: {Name: "second", Run: fail}})
	promised, other := submit(t, q, jobs.Order{Kind: first}), submit(t, q, jobs.Order{Kind: second})
	err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`update jobs_job set tries = 11`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, q.Run)
	wait(t, q, other, jobs.Dead)
	for range 200 {
		s, err := q.Status(t.Context(), operator(), promised)
		if err != nil || s.State == jobs.Dead {
			t.Fatalf("%+v, %v", s, err)
		}
		if s.State == jobs.Waiting && s.Tries == 12 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it is not tried again")
}

func TestSteps(t *testing.T) {
	f := fresh(t)
	var runs atomic.Int64
	q := f.queue(one(func(_ context.Context, j *jobs.Job) error {
		if j.Try != 1 {
			t.Errorf("a step counted as try %d", j.Try)
		}
		if runs.Add(1) < 20 {
			return jobs.Again(0)
		}
		return nil
	}))
	start(t, q.Run)
	wait(t, q, submit(t, q, jobs.Order{Kind: first}), jobs.Done)
	if runs.Load() != 20 {
		t.Errorf("%d steps", runs.Load())
	}
}

func TestOnceAndSchedule(t *testing.T) {
	f := fresh(t)
	q := f.queue(one(func(context.Context, *jobs.Job) error { return nil }))
	store := strongroom.NewID("str")
	o := jobs.Order{Kind: first, Once: true, Args: jobs.Args{IDs: []string{store}}}
	id := submit(t, q, o)
	if again := submit(t, q, o); id == "" || again != id {
		t.Errorf("put in twice: %q, %q", id, again)
	}
	stop := start(t, q.Run)
	wait(t, q, id, jobs.Done)
	if again := submit(t, q, o); again == id {
		t.Error("not put in after the first was done")
	}
	stop()

	var ticks atomic.Int64
	s := f.queue(map[jobs.Kind]jobs.Handler{second: {Name: "tick", Every: 100 * time.Millisecond,
		Run: func(context.Context, *jobs.Job) error { ticks.Add(1); return nil }}})
	start(t, s.Run)
	for range 200 {
		if ticks.Load() >= 3 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d ticks", ticks.Load())
}

// A runner whose lease was lost commits nothing: the work and the end of a job
// are one, for one runner.
func TestDoneIsFenced(t *testing.T) {
	f := fresh(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var commits atomic.Int64
	finish := func(ctx context.Context, j *jobs.Job) error {
		return f.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) error {
			if err := j.Done(tx); err != nil {
				return err
			}
			tx.AfterCommit(func() { commits.Add(1) })
			return nil
		})
	}
	slow := jobs.New(jobs.Options{Guard: f.Guard, Workers: 1, Poll: 10 * time.Millisecond, Handlers: map[jobs.Kind]jobs.Handler{
		first: {Name: "first", Lease: time.Hour, Run: func(ctx context.Context, j *jobs.Job) error {
			close(entered)
			<-release
			return finish(context.WithoutCancel(ctx), j)
		}},
	}})
	id := submit(t, slow, jobs.Order{Kind: first})
	stopSlow := start(t, slow.Run)
	<-entered
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let) // a failure must not leave it hanging
	// The first runner hangs; its lease runs out.
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(endLeases, id); return err }); err != nil {
		t.Fatal(err)
	}
	quick := f.queue(map[jobs.Kind]jobs.Handler{first: {Name: "first", Run: func(ctx context.Context, j *jobs.Job) error {
		if j.Try != 2 {
			t.Errorf("try %d: a run that was cut off counts", j.Try)
		}
		return finish(ctx, j)
	}}})
	start(t, quick.Run)
	wait(t, quick, id, jobs.Done)
	let()
	stopSlow()
	if commits.Load() != 1 {
		t.Errorf("%d commits of one job", commits.Load())
	}
	wait(t, quick, id, jobs.Done)
}

const endLeases = "update jobs_job set lease_until = 1 where id = $1"

func TestUnknownKindWaits(t *testing.T) {
	f := fresh(t)
	newer := f.queue(map[jobs.Kind]jobs.Handler{second: {Name: "second", Run: func(context.Context, *jobs.Job) error { return nil }}})
	id := submit(t, newer, jobs.Order{Kind: second})
	q := f.queue(one(func(context.Context, *jobs.Job) error { return nil }))
	start(t, q.Run)
	wait(t, q, submit(t, q, jobs.Order{Kind: first}), jobs.Done)
	if s, err := q.Status(t.Context(), operator(), id); err != nil || s.State != jobs.Waiting {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSeveralRunners(t *testing.T) {
	f := fresh(t)
	var mu sync.Mutex
	runs := map[string]int{}
	h := one(func(_ context.Context, j *jobs.Job) error { mu.Lock(); runs[j.ID]++; mu.Unlock(); return nil })
	a, b := f.queue(h), f.queue(h)
	var ids []string
	for range 40 {
		ids = append(ids, submit(t, a, jobs.Order{Kind: first}))
	}
	start(t, a.Run)
	start(t, b.Run)
	for _, id := range ids {
		wait(t, a, id, jobs.Done)
	}
	for id, n := range runs {
		if n != 1 {
			t.Errorf("%s ran %d times", id, n)
		}
	}
}

func TestBackoff(t *testing.T) {
	for try, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 11: 1024 * time.Second, 12: 2048 * time.Second, 13: time.Hour, 1000: time.Hour} {
		for range 50 {
			if d := jobs.Backoff(try); d < want*3/4 || d > want*5/4 {
				t.Errorf("try %d waits %v, want about %v", try, d, want)
			}
		}
	}
}
