package jobs

import (
	"context"
	"crypto/sha256"
	"embed"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Kind numbers a sort of job. The number is what stands on disk, so it never
// changes its meaning and is never used again.
type Kind uint16

// Handler does the jobs of one kind.
type Handler struct {
	Name string // what operators and logs call it: "store.erase"
	// Run does the job. The context ends with the process or with the lease. An
	// error means another try; see [Again] for work that goes on in steps.
	Run   func(ctx context.Context, j *Job) error
	Tries int           // before it is a dead letter; 12 if zero, without end if negative
	Lease time.Duration // renewed while it runs; 1 minute if zero
	Every time.Duration // also run this often, without arguments; 0 is never
	Words []string      // all that may stand among its arguments beside ids and numbers
}

// Options configure a [Queue].
type Options struct {
	Guard    *guard.Guard
	Handlers map[Kind]Handler
	Workers  int           // jobs at a time, 2 if zero
	Poll     time.Duration // how often to look for due jobs of other processes, 1 s if zero
	Log      *slog.Logger  // operational log; nil discards
}

// Queue is the durable queue. Make it with [New].
type Queue struct {
	o    Options
	real strongroom.Clock // real time: leases and back-off do not follow a moved clock
	wake chan struct{}
}

// New returns a queue. It panics where guard or a handler is missing: that is a
// mistake of the program.
func New(o Options) *Queue {
	if o.Guard == nil {
		panic("jobs: guard is required")
	}
	for _, h := range o.Handlers {
		if h.Run == nil || strongroom.CheckName("name", h.Name) != nil {
			panic("jobs: each kind needs a name and a function")
		}
		for _, w := range h.Words {
			if strongroom.CheckName("word", w) != nil {
				panic("jobs: a word of a kind obeys the grammar of names")
			}
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	return &Queue{o: o, wake: make(chan struct{}, 1)}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "jobs", FS: schema} }

// Limits of a job's arguments.
const (
	maxArgs  = 64
	maxAfter = 366 * 24 * time.Hour
)

// Args are a job's arguments.
type Args struct {
	IDs  []string // ids as [strongroom.NewID] draws them, or of [Handler.Words]
	Nums []int64
}

// Order is a job to be put in.
type Order struct {
	Kind  Kind
	Args  Args
	After time.Duration // not before this much real time has passed
	// Once puts it in only if no job of the same kind and arguments waits already.
	Once bool
}

// Enqueue puts a job in with the transaction tx and returns its id, or where Once
// found one waiting, the id of that. Faults: Invalid for a kind that is not known and for
// arguments that are neither ids nor words of the kind.
func (q *Queue) Enqueue(tx *guard.Tx, o Order) (string, error) {
	h, ok := q.o.Handlers[o.Kind]
	if !ok {
		return "", strongroom.Faultf(strongroom.Invalid, "job-kind", "there is no such kind of job")
	}
	if o.After < 0 || o.After > maxAfter {
		return "", strongroom.Faultf(strongroom.Invalid, "job-after", "a job of %s waits at most a year", h.Name)
	}
	text, err := o.Args.encode(h.Words)
	if err != nil {
		return "", err
	}
	now := q.real.Now()
	r := row{
		id: strongroom.NewID("job"), kind: o.Kind, args: text,
		due: db.Micros(now.Add(o.After)), created: db.Micros(now),
	}
	if o.Once {
		sum := sha256.Sum256([]byte(strconv.Itoa(int(o.Kind)) + " " + text))
		r.once = sum[:]
	}
	n, err := insertJob(tx, r)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return waitingJob(&tx.Reader, r.once)
	}
	tx.AfterCommit(q.Wake)
	return r.id, nil
}

// Submit puts a job in on behalf of who, as an act of its own.
func (q *Queue) Submit(ctx context.Context, who strongroom.Actor, o Order) (id string, err error) {
	err = q.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(jobRun, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		id, err = q.Enqueue(tx, o)
		return err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Wake makes the queue look for due jobs now.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default: // one look sees all
	}
}

// encode writes the arguments as words: numbers first, each behind a #. Beside ids
// it takes the given words alone.
func (a Args) encode(known []string) (string, error) {
	if len(a.IDs)+len(a.Nums) > maxArgs {
		return "", strongroom.Faultf(strongroom.Invalid, "job-args", "a job takes at most %d arguments", maxArgs)
	}
	words := make([]string, 0, len(a.IDs)+len(a.Nums))
	for _, n := range a.Nums {
		words = append(words, "#"+strconv.FormatInt(n, 10))
	}
	for _, id := range a.IDs {
		if !strongroom.IsAnyID(id) && !slices.Contains(known, id) {
			return "", strongroom.Faultf(strongroom.Invalid, "job-args", "an argument of a job is neither an id nor a word of its kind")
		}
		words = append(words, id)
	}
	return strings.Join(words, " "), nil
}

// decode reads what encode wrote.
func decode(text string) (a Args, err error) {
	for _, w := range strings.Fields(text) {
		if !strings.HasPrefix(w, "#") {
			a.IDs = append(a.IDs, w)
			continue
		}
		n, err := strconv.ParseInt(w[1:], 10, 64)
		if err != nil {
			return Args{}, strongroom.Faultf(strongroom.Internal, "job-args", "a job's arguments cannot be read")
		}
		a.Nums = append(a.Nums, n)
	}
	return a, nil
}
