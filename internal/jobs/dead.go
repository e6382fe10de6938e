package jobs

import (
	"context"
	"slices"
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

// DeadLetters lists up to limit jobs that were given up, by their ids.
func (q *Queue) DeadLetters(ctx context.Context, who strongroom.Actor, limit int) ([]Status, error) {
	out, _, err := q.List(ctx, who, Dead.String(), "", limit)
	return out, err
}

// List returns up to limit jobs of a state, or of all for "", by their ids, those
// after the job cursor. next is empty at the end. Faults:
// Invalid for a word that is no state.
func (q *Queue) List(ctx context.Context, who strongroom.Actor, state, cursor string, limit int) (out []Status, next string, err error) {
	states, err := statesOf(state)
	if err == nil && cursor != "" {
		err = strongroom.CheckName("cursor", cursor)
	}
	if err != nil {
		return nil, "", err
	}
	limit = min(max(limit, 1), 1000)
	err = q.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(jobRun, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		rows, err := listJobs(&v.Reader, states, cursor, limit+1)
		out, next = nil, ""
		for _, r := range rows[:min(len(rows), limit)] {
			out = append(out, q.status(r))
		}
		if len(rows) > limit {
			next = out[limit-1].ID
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// statesOf returns the first and the last state that a word stands for.
func statesOf(word string) (span [2]State, err error) {
	if word == "" {
		return [2]State{0, State(len(stateNames) - 1)}, nil
	}
	i := slices.Index(stateNames[:], word)
	if i < 0 {
		return span, strongroom.Faultf(strongroom.Invalid, "state", "a job is waiting, running, done or dead")
	}
	return [2]State{State(i), State(i)}, nil
}

// Dead returns how many jobs were given up, for a gauge.
func (q *Queue) Dead(ctx context.Context) (n int64, err error) {
	err = q.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		n, err = countDead(r)
		return err
	})
	return n, err
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
