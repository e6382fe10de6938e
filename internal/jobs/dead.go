package jobs

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// State is where a job stands. The numbers are those on disk.
type State int

// The states of a job.
const (
	Waiting State = iota
	Running
	Dead
	Done
)

var stateNames = [...]string{Waiting: "waiting", Running: "running", Dead: "dead", Done: "done"}

// String returns the state in a word.
func (s State) String() string {
	if s >= 0 && int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Status is what can be asked about a job.
type Status struct {
	ID    string
	Name  string // of its kind; empty if this program does not know it
	State State
	Tries int
	Due   time.Time // real time
	Code  string    // the code of its last failure
}

// Status returns where a job stands, NotFound a day after it was done.
func (q *Queue) Status(ctx context.Context, who strongroom.Actor, id string) (s Status, err error) {
	if err := strongroom.CheckName("job", id); err != nil {
		return Status{}, err
	}
	err = q.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(jobRun, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		r, err := loadJob(&v.Reader, id)
		s = q.status(r)
		return err
	})
	if err != nil {
		return Status{}, err
	}
	return s, nil
}

// DeadLetters lists up to limit jobs that were given up, oldest first.
func (q *Queue) DeadLetters(ctx context.Context, who strongroom.Actor, limit int) (out []Status, err error) {
	err = q.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(jobRun, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		rows, err := deadJobs(&v.Reader, min(max(limit, 1), 1000))
		out = nil
		for _, r := range rows {
			out = append(out, q.status(r))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Retry gives a dead letter all its tries again.
func (q *Queue) Retry(ctx context.Context, who strongroom.Actor, id string) error {
	if err := strongroom.CheckName("job", id); err != nil {
		return err
	}
	return q.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(jobRun, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		n, err := reviveJob(tx, id, db.Micros(q.real.Now()))
		if err == nil && n == 0 {
			return strongroom.Faultf(strongroom.NotFound, "job", "there is no such dead letter")
		}
		tx.AfterCommit(q.Wake)
		return err
	})
}

func (q *Queue) status(r row) Status {
	return Status{
		ID: r.id, Name: q.o.Handlers[r.kind].Name, State: r.state, Tries: r.tries, Due: db.Time(r.due), Code: r.code,
	}
}
