package lifecycle

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"strongroom"
)

// Keys is what lifecycle asks of package keys.
type Keys interface {
	// ExpireStep destroys up to limit data keys past their erase-by date.
	ExpireStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error)
	// Roll moves every live key to a new epoch key and destroys the old one.
	Roll(ctx context.Context, who strongroom.Actor, progress func(done, total int64)) error
	// EpochStarted tells when the current epoch key was made, by the data clock.
	EpochStarted() time.Time
	// RollWaits tells that a roll was begun and not finished: an older epoch key
	// is still there.
	RollWaits() bool
}

// Vault is what lifecycle asks of package vault.
type Vault interface {
	// ClearStep removes the rows of up to limit records whose keys are dead.
	ClearStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error)
	// IndexStep takes up to limit records out of the index of a month whose key is
	// to die, and lets the key die after the last one.
	IndexStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error)
}

// Options configure a Lifecycle.
type Options struct {
	Keys  Keys
	Vault Vault
	Clock *strongroom.Clock
	// Every is the pause between sweeps in real time; default 15 s. Dates are
	// refusals at once, so it bounds only how long dead bytes stay.
	Every time.Duration
	// EpochLength is the age at which an epoch key is rolled, by the data clock;
	// default 24 h.
	EpochLength time.Duration
	// Batch is how many records one step takes; default 2,000.
	Batch int
	Log   *slog.Logger // nil discards
}

// Lifecycle runs sweeps and rolls. It is safe for concurrent use; sweeps and
// rolls run one at a time.
type Lifecycle struct {
	o       Options
	turn    sync.Mutex // one sweep or roll at a time
	mu      sync.Mutex
	status  Status
	errs    [3]error // of the last sweep, roll and look at the index; under mu
	wake    chan struct{}
	failing chan struct{} // something failed and Run has not heard of it

	failed, pause int // rolls that failed in a row, ticks until the next; Run's own
}

// What [Lifecycle] does, as an index into its errors.
const (
	sweeping = iota
	rolling
	indexing
)

// firstRetry is how soon what failed is tried again; each time twice as late, up
// to the next tick.
const firstRetry = time.Second

// longestPause is how many ticks lie between two attempts at a roll that fails
// at most: an hour, with the default tick.
const longestPause = 240

// Status is what the last runs did.
type Status struct {
	SweptAt time.Time // end of the last complete sweep, by the data clock
	Expired int64     // keys destroyed by date since start
	Cleared int64     // records cleared since start
	Rolls   int64     // epoch rolls completed since start
	Indexed int64     // records indexed anew under the current month since start
	// Err is why the last sweep, or else the last roll or look at the index, did
	// not finish; nil if all did.
	Err error
	// SweepErr is the part of Err that keeps data beyond its day. A roll or a look
	// at the index that does not finish is an alarm; it is no reason to refuse work.
	SweepErr error
}

// New returns a Lifecycle. Keys, Vault and Clock are required.
func New(o Options) *Lifecycle {
	if o.Keys == nil || o.Vault == nil || o.Clock == nil {
		panic("lifecycle: Options needs Keys, Vault and Clock")
	}
	if o.Every == 0 {
		o.Every = 15 * time.Second
	}
	if o.EpochLength == 0 {
		o.EpochLength = 24 * time.Hour
	}
	if o.Batch == 0 {
		o.Batch = 2000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Lifecycle{o: o, wake: make(chan struct{}, 1), failing: make(chan struct{}, 1)}
}

// Run sweeps at once and then every Options.Every until ctx ends, and rolls the
// epoch when it is due or was begun and cut off. Errors do not end it; they stand
// in Status. What failed is tried again soon, because an instance is not ready
// while its background work fails and a database that was gone may be back.
func (l *Lifecycle) Run(ctx context.Context) error {
	tick := time.NewTicker(l.o.Every)
	defer tick.Stop()
	var soon <-chan time.Time
	pause := firstRetry
	for {
		l.tend(ctx)
		if l.Status().Err == nil {
			pause = firstRetry
		}
		for again := false; !again; {
			again = true
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			case <-l.wake:
			case <-soon:
				soon = nil
			case <-l.failing: // a job's roll may be what failed, so it is heard of here
				if again = false; soon == nil && pause < l.o.Every {
					soon, pause = time.After(pause), 2*pause
				}
			}
		}
	}
}

// Wake asks Run for a sweep now; it returns at once.
func (l *Lifecycle) Wake() { signal(l.wake) }

// signal leaves one message in c, at most.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tend does what is due.
func (l *Lifecycle) tend(ctx context.Context) {
	if _, err := l.Sweep(ctx, strongroom.System("sweeper")); err != nil {
		return // stands in Status
	}
	_ = l.index(ctx) // stands in Status; the roll does not wait for it
	if !l.rollDue() {
		return
	}
	if err := l.Roll(ctx, strongroom.System("roll"), nil); err != nil {
		// It stands in Status. Each attempt reads every key and leaves events, so
		// what fails again and again is tried less and less often.
		l.pause = min(1<<min(l.failed, 16)-1, longestPause)
		l.failed++
		return
	}
	l.failed, l.pause = 0, 0
}

// rollDue reports whether to roll at this tick. The epoch of a roll that was cut
// off is young; its older key must not wait until that epoch is over. A roll that
// somebody asked for and that failed is still asked for.
func (l *Lifecycle) rollDue() bool {
	l.mu.Lock()
	asked := l.errs[rolling] != nil
	l.mu.Unlock()
	if !asked && !l.o.Keys.RollWaits() && l.o.Clock.Now().Sub(l.o.Keys.EpochStarted()) < l.o.EpochLength {
		l.failed, l.pause = 0, 0
		return false
	}
	l.pause--
	return l.pause < 0
}

// Swept counts what one sweep did.
type Swept struct {
	Expired int64 `json:"expired"` // keys that reached their date and were destroyed
	Cleared int64 `json:"cleared"` // records whose remains were removed
}

// Sweep destroys every key that is past its date, then clears the remains of
// all dead records. What it did before an error stays done.
func (l *Lifecycle) Sweep(ctx context.Context, who strongroom.Actor) (s Swept, err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	defer func() { l.note(ctx, sweeping, err, func(st *Status) { st.SweptAt = l.o.Clock.Now() }) }()
	s.Expired, err = l.steps(ctx, who, l.o.Keys.ExpireStep)
	l.count(func(st *Status) { st.Expired += s.Expired })
	if err != nil {
		return s, err
	}
	s.Cleared, err = l.steps(ctx, who, l.o.Vault.ClearStep)
	l.count(func(st *Status) { st.Cleared += s.Cleared })
	return s, err
}

// steps repeats step until nothing is left.
func (l *Lifecycle) steps(ctx context.Context, who strongroom.Actor, step func(context.Context, strongroom.Actor, int) (int, bool, error)) (total int64, err error) {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		var n int
		n, more, err = step(ctx, who, l.o.Batch)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Roll rolls the epoch key now. progress may be nil.
func (l *Lifecycle) Roll(ctx context.Context, who strongroom.Actor, progress func(done, total int64)) (err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	defer func() { l.note(ctx, rolling, err, func(st *Status) { st.Rolls++ }) }()
	return l.o.Keys.Roll(ctx, who, progress)
}

// index has records that outlived their month indexed anew.
func (l *Lifecycle) index(ctx context.Context) (err error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	defer func() { l.note(ctx, indexing, err, func(*Status) {}) }()
	n, err := l.steps(ctx, strongroom.System("index"), l.o.Vault.IndexStep)
	l.count(func(st *Status) { st.Indexed += n })
	return err
}

// Status returns what the last runs did.
func (l *Lifecycle) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.SweepErr = l.errs[sweeping]
	s.Err = cmp.Or(s.SweepErr, l.errs[rolling], l.errs[indexing])
	return s
}

func (l *Lifecycle) count(change func(*Status)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.status)
}

// note keeps err for Status, or applies done and clears it.
func (l *Lifecycle) note(ctx context.Context, what int, err error, done func(*Status)) {
	if err != nil && ctx.Err() != nil {
		return // we were asked to stop; the next start goes on
	}
	if err != nil {
		l.o.Log.ErrorContext(ctx, "did not finish; it is tried again", "part", [...]string{sweeping: "sweep", rolling: "epoch roll", indexing: "index"}[what], "kind", strongroom.KindOf(err).String())
	}
	l.count(func(st *Status) {
		l.errs[what] = err
		if err == nil {
			done(st)
		}
	})
	if err != nil {
		signal(l.failing)
	}
}
