package jobs

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Job is one run of a job, handed to its handler.
type Job struct {
	ID   string
	Kind Kind
	Args Args
	Try  int // 1 is the first

	q    *Queue
	turn int64 // fencing: the number of this lease
	done atomic.Bool
}

// Done ends the job inside tx, so that the handler's work and the end of the job
// are one commit. A runner that has lost its lease gets Conflict.
func (j *Job) Done(tx *guard.Tx) error {
	n, err := finishJob(tx, j.ID, j.turn, db.Micros(j.q.real.Now()))
	if err != nil {
		return err
	}
	if n == 0 {
		return strongroom.Faultf(strongroom.Conflict, "job-lease", "the lease of job %s was lost", j.ID)
	}
	tx.AfterCommit(func() { j.done.Store(true) })
	return nil
}

// againError asks for another run that is no failure.
type againError struct{ after time.Duration }

func (againError) Error() string { return "there is more to do" }

// Again is returned by a handler that works in steps and has not finished: the
// job runs again after d and no try is counted.
func Again(d time.Duration) error { return againError{max(d, 0)} }

// Run does due jobs until ctx ends, then waits for those that run. Handlers see
// ctx end and return early; an unfinished job runs again after its lease.
func (q *Queue) Run(ctx context.Context) error {
	slots := make(chan struct{}, q.o.Workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	poll := time.NewTicker(q.o.Poll)
	defer poll.Stop()
	for {
		if free := q.o.Workers - len(slots); free > 0 {
			for _, j := range q.lease(ctx, free) {
				slots <- struct{}{}
				wg.Go(func() {
					q.run(ctx, j)
					<-slots
					q.Wake()
				})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		case <-q.wake:
		}
	}
}

// lease plans what is scheduled and takes up to limit due jobs.
func (q *Queue) lease(ctx context.Context, limit int) []*Job {
	if ctx.Err() != nil {
		return nil
	}
	var taken []*Job
	err := q.o.Guard.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) error {
		taken = nil // a turn may be run again
		now := q.real.Now()
		if err := q.plan(tx, now); err != nil {
			return err
		}
		if err := dropDone(tx, db.Micros(now.Add(-keepDone))); err != nil {
			return err
		}
		due, err := dueJobs(&tx.Reader, db.Micros(now), scan)
		if err != nil {
			return err
		}
		for _, r := range due {
			if len(taken) == limit {
				break
			}
			j, err := q.take(tx, r, now)
			if err != nil {
				return err
			}
			if j != nil {
				taken = append(taken, j)
			}
		}
		return nil
	})
	if err != nil {
		q.o.Log.LogAttrs(ctx, slog.LevelWarn, "jobs wait", slog.String("kind", strongroom.KindOf(err).String()))
		return nil
	}
	return taken
}

// take leases one due row, or returns nil where it is not ours to run.
func (q *Queue) take(tx *guard.Tx, r row, now time.Time) (*Job, error) {
	h, ok := q.o.Handlers[r.kind]
	if !ok { // a newer program's job: it must not stand in the way of ours
		return nil, postponeJob(tx, r, db.Micros(now.Add(time.Minute)))
	}
	n, err := leaseJob(tx, r, db.Micros(now.Add(h.lease())))
	if err != nil || n == 0 {
		return nil, err // 0: another process was faster
	}
	j := &Job{ID: r.id, Kind: r.kind, Try: r.tries + 1, q: q, turn: r.turn + 1}
	if r.state == Running {
		j.Try++ // the last try ended with its process
	}
	if j.Args, err = decode(r.args); err != nil {
		// One row that somebody changed must not hold up every other job.
		q.o.Log.Error("job cannot be read", slog.String("job", j.ID), slog.String("name", h.Name))
		return nil, buryJob(tx, j.ID, j.turn, j.Try, codeOf(err))
	}
	if j.Try > h.tries() {
		return nil, buryJob(tx, j.ID, j.turn, h.tries(), "job-cut-off")
	}
	return j, nil
}

const (
	scan     = 64             // how many due rows to look at in a turn
	keepDone = 24 * time.Hour // how long the end of a job can be asked for
)

func (h Handler) lease() time.Duration {
	if h.Lease > 0 {
		return h.Lease
	}
	return time.Minute
}

func (h Handler) tries() int {
	switch {
	case h.Tries > 0:
		return h.Tries
	case h.Tries < 0:
		return math.MaxInt
	}
	return 12
}

// plan puts in the jobs whose time has come.
func (q *Queue) plan(tx *guard.Tx, now time.Time) error {
	for k, h := range q.o.Handlers {
		if h.Every <= 0 {
			continue
		}
		fired, err := turnSchedule(tx, k, db.Micros(now), db.Micros(now.Add(h.Every)))
		if err != nil {
			return err
		}
		if fired {
			if _, err := q.Enqueue(tx, Order{Kind: k, Once: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// run does one job and notes how it ended.
func (q *Queue) run(ctx context.Context, j *Job) {
	h := q.o.Handlers[j.Kind]
	jctx, cancel := context.WithCancel(ctx)
	beat := make(chan struct{})
	go func() { defer close(beat); q.renew(jctx, cancel, j, h.lease()) }()
	err := call(jctx, h, j)
	cancel()
	<-beat
	if j.done.Load() {
		return
	}
	if err != nil && ctx.Err() != nil {
		err = againError{} // the process ends; the job did not fail
	}
	if serr := q.settle(context.WithoutCancel(ctx), h, j, err); serr != nil {
		q.o.Log.LogAttrs(ctx, slog.LevelWarn, "job keeps its lease",
			slog.String("job", j.ID), slog.String("kind", strongroom.KindOf(serr).String()))
	}
}

// call runs the handler; a panic is a failure whose value nobody sees.
func call(ctx context.Context, h Handler, j *Job) (err error) {
	defer func() {
		if recover() != nil {
			err = strongroom.Faultf(strongroom.Internal, "panic", "job %s panicked", h.Name)
		}
	}()
	return h.Run(ctx, j)
}

// renew prolongs the lease until ctx ends, and ends the job when it is lost.
func (q *Queue) renew(ctx context.Context, lost context.CancelFunc, j *Job, lease time.Duration) {
	t := time.NewTicker(lease / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if j.done.Load() {
			return
		}
		var n int64
		err := q.o.Guard.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) (err error) {
			n, err = renewJob(tx, j.ID, j.turn, db.Micros(q.real.Now().Add(lease)))
			return err
		})
		if err == nil && n == 0 && !j.done.Load() {
			lost()
			return
		}
	}
}

// settle notes how a run ended: done, again, another try, or dead.
func (q *Queue) settle(ctx context.Context, h Handler, j *Job, err error) error {
	now := q.real.Now()
	dead, code, due := false, "", now
	again, isAgain := errors.AsType[againError](err)
	switch {
	case err == nil:
	case isAgain:
		due = now.Add(again.after)
	default:
		code = codeOf(err)
		dead = j.Try >= h.tries() || hopeless(err)
		due = now.Add(Backoff(j.Try))
	}
	qerr := q.o.Guard.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) error {
		switch {
		case err == nil:
			_, err := finishJob(tx, j.ID, j.turn, db.Micros(now))
			return err
		case isAgain:
			return returnJob(tx, j.ID, j.turn, j.Try-1, db.Micros(due), "")
		case dead:
			return buryJob(tx, j.ID, j.turn, j.Try, code)
		}
		return returnJob(tx, j.ID, j.turn, j.Try, db.Micros(due), code)
	})
	if code != "" {
		level := slog.LevelInfo
		if dead {
			level = slog.LevelError
		}
		q.o.Log.LogAttrs(ctx, level, "job failed", slog.String("job", j.ID), slog.String("name", h.Name),
			slog.Int("try", j.Try), slog.Bool("dead", dead), slog.String("code", code))
	}
	return qerr
}

// codeOf returns the code of err's fault if it is a name, else its kind.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && strongroom.CheckName("code", f.Code) == nil {
		return f.Code
	}
	return "internal"
}

// hopeless reports whether trying again cannot help.
func hopeless(err error) bool {
	k := strongroom.KindOf(err)
	return k == strongroom.Invalid || k == strongroom.Erased
}

// Backoff returns how long to wait after the given failed try: from a second,
// doubling to an hour, each a quarter more or less so that jobs that failed
// together do not come back together.
func Backoff(try int) time.Duration {
	d := time.Hour
	if try < 13 {
		d = min(d, time.Second<<max(try-1, 0))
	}
	return d - d/4 + rand.N(d/2+1)
}
