package guard

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

// Options says what the guard stands on. DB, Log and Policy are required.
type Options struct {
	DB  *db.DB
	Log *audit.Log
	// Policy returns the engine to decide with. It is asked once per decision, so
	// that policies can be exchanged while it runs; nil from it denies.
	Policy func() *authz.Engine
	// Real is the clock by which a person's second factor ages; nil is real time.
	Real *strongroom.Clock
	// Logger is the operational log; nil discards it.
	Logger *slog.Logger
	// Queue is how many calls may wait; more are refused. 0 is 1,024.
	Queue int
	// Group is how many calls share a commit at most. 0 is 256.
	Group int
	// Strangers is how many calls of the reason [Attempt] may wait or be served at a
	// time; more are refused, so that who is known keeps a turn. 0 is 64.
	Strangers int
	// Span is how long a transaction takes on further calls; those that wait
	// longer go into the next one. 0 is 10 ms.
	Span time.Duration
	// TurnLimit is how long one function may hold the transaction. 0 is 10 s.
	TurnLimit time.Duration
}

// Guard is the one door. It is safe for concurrent use. Calls wait until
// [Guard.Run] serves them.
type Guard struct {
	db     *db.DB
	log    *audit.Log
	policy func() *authz.Engine
	real   *strongroom.Clock
	logger *slog.Logger
	group  int
	span   time.Duration
	public strangers

	queue   chan *call
	closing chan struct{} // no new calls
	stopped chan struct{} // Run has ended
	close   sync.Once
	running atomic.Bool
	watch   watch
	careful int  // how many transactions to come take savepoints; the loop's alone
	kept    kept // the loop's alone
	stats   stats
	damage  Damage
	ends    ends
	asks    asks
	coming  atomic.Int64 // readers on their way to their turn
}

// New returns a guard. It panics if a required option is missing, which is a
// mistake of the programmer.
func New(o Options) *Guard {
	if o.DB == nil || o.Log == nil || o.Policy == nil {
		panic("guard: DB, Log and Policy are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	if o.Group <= 0 {
		o.Group = 256
	}
	if o.Strangers <= 0 {
		o.Strangers = 64
	}
	if o.Span <= 0 {
		o.Span = 10 * time.Millisecond
	}
	if o.TurnLimit <= 0 {
		o.TurnLimit = 10 * time.Second
	}
	g := &Guard{
		db: o.DB, log: o.Log, policy: o.Policy, real: o.Real, logger: o.Logger, group: o.Group, span: o.Span,
		public:  make(strangers, o.Strangers),
		queue:   make(chan *call, o.Queue),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
		asks:    asks{limit: togetherLimit},
	}
	g.ends.turn.Store(1)
	g.watch.init(o.TurnLimit, g.unblock)
	return g
}

// Do runs fn in a transaction that it shares with other callers and commits what
// it did together with the events of its decisions. It returns what fn returned,
// or why its work does not stand. See the package for what fn must keep to.
func (g *Guard) Do(ctx context.Context, who strongroom.Actor, fn func(ctx context.Context, tx *Tx) error) error {
	return g.submit(&call{ctx: ctx, who: who, fn: fn})
}

// Read runs fn on a snapshot in the caller's goroutine. fn decides with
// [View.Allow] and says with [View.Confirm] what must be done and still be true
// when the event is recorded; both happen in a transaction shared with other
// callers before Read returns. Only after Read returned nil may what fn found be
// disclosed.
func (g *Guard) Read(ctx context.Context, who strongroom.Actor, fn func(ctx context.Context, v *View) error) error {
	if InTransaction(ctx) {
		return errNested()
	}
	g.coming.Add(1)
	t := &turn{g: g, who: who}
	var confirm []func(*Tx) error
	var before *ahead
	var joint *Joint
	ran := false
	err := g.db.Read(ctx, func(r *db.Reader) error {
		ran = true
		t.now = r.Now()
		v := &View{Reader: *r, t: t}
		err := g.shield(func() error { return fn(context.WithValue(ctx, mark{}, true), v) })
		confirm, before, joint = v.confirm, v.ahead, v.joint
		return err
	})
	g.coming.Add(-1)
	if err != nil && !ran {
		return err // the database is gone; nothing was decided
	}
	c := &call{ctx: ctx, who: who, before: t.decisions, snapshot: true}
	if err = t.verdict(err); err != nil {
		// It is recorded even if the caller has left: nobody tries without a trace.
		c.refusal, c.ctx = err, context.WithoutCancel(ctx)
	} else {
		c.ahead, c.joint = before, joint
		c.fn = func(_ context.Context, tx *Tx) error {
			for _, f := range confirm {
				if err := f(tx); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return g.submit(c)
}

// Quiet runs fn in a transaction without a decision and without an event. It is
// for rows that no decision reads; reason says which, and the call site is
// listed in [Sites]. What strangers ask for ([Attempt]) is refused as Unavailable
// while [Options.Strangers] of them wait.
func (g *Guard) Quiet(ctx context.Context, reason Reason, fn func(ctx context.Context, tx *Tx) error) error {
	if reason < LastSeen || reason > Tally {
		return strongroom.Faultf(strongroom.Internal, "quiet", "quiet work has no reason of the list")
	}
	if reason == Attempt {
		if !g.public.enter() {
			g.stats.turned.Add(1)
			return errBusy()
		}
		defer g.public.leave()
		ctx = context.WithoutCancel(ctx) // who leaves keeps the place until its turn, for the call still waits
	}
	return g.submit(&call{ctx: ctx, fn: fn, quiet: true})
}

// Failed records that what was allowed did not succeed afterwards, such as a
// seal that does not open. names is the index of the event that allowed it (see
// [Receipt]). It returns nil once the event is durable.
func (g *Guard) Failed(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, code string, names uint64) error {
	d := decision{action: a, resource: r, outcome: audit.Failure, code: code, names: &names}
	return g.submit(&call{ctx: context.WithoutCancel(ctx), who: who, before: []decision{d}, note: true})
}

// submit has c served and tells its trace of a refusal.
func (g *Guard) submit(c *call) error {
	err := g.await(c)
	if !c.quiet {
		traced(c.ctx, err)
	}
	return err
}

// await puts c into the queue and waits for its answer.
func (g *Guard) await(c *call) error {
	if InTransaction(c.ctx) {
		return errNested()
	}
	if err := c.ctx.Err(); err != nil {
		return errCancelled(err)
	}
	select {
	case <-g.closing:
		return errStopped()
	default:
	}
	c.done = make(chan error, 1)
	select {
	case g.queue <- c:
	default:
		g.stats.busy.Add(1)
		return errBusy()
	}
	select {
	case err := <-c.done:
		return err
	case <-c.ctx.Done():
		if c.leave() {
			return errCancelled(c.ctx.Err())
		}
	case <-g.stopped:
		if c.leave() {
			return errStopped()
		}
	}
	return <-c.done // its turn has begun: what became of it is known soon
}

// call is one caller's wish, waiting for its turn.
type call struct {
	ctx context.Context
	who strongroom.Actor
	fn  func(context.Context, *Tx) error

	before   []decision // made on a snapshot before its turn
	refusal  error      // it was refused on the snapshot: record and answer
	ahead    *ahead     // what it wants to be fetched before its turn
	joint    *Joint     // how it works together with its neighbours
	snapshot bool       // it came through Read
	note     bool       // it came through Failed: there is nothing to do but to record
	quiet    bool

	state    atomic.Uint32
	done     chan error // holds one answer
	answered bool       // used by the loop alone
}

const (
	waiting uint32 = iota
	taken
	left
)

// leave reports whether the caller may go: its turn has not begun and will not.
func (c *call) leave() bool { return c.state.CompareAndSwap(waiting, left) }

// take reports whether the turn may begin.
func (c *call) take() bool { return c.state.CompareAndSwap(waiting, taken) }

func (c *call) answer(err error) {
	if !c.answered {
		c.answered = true
		c.done <- err
	}
}

// Stats are counters since the start, for gauges.
type Stats struct {
	Commits int64 // transactions committed
	Calls   int64 // calls answered out of them
	Refused int64 // of these, with an error
	Again   int64 // calls run a second time, alone
	Redone  int64 // transactions begun again, with savepoints
	Lost    int64 // transactions that could not be committed
	Busy    int64 // calls refused because too many were waiting
	Turned  int64 // calls of strangers refused because too many of them were waiting
	Waiting int   // calls waiting now
}

type stats struct{ commits, calls, refused, again, redone, lost, busy, turned atomic.Int64 }

// Stats returns the counters.
func (g *Guard) Stats() Stats {
	s := &g.stats
	return Stats{
		Commits: s.commits.Load(), Calls: s.calls.Load(), Refused: s.refused.Load(),
		Again: s.again.Load(), Redone: s.redone.Load(), Lost: s.lost.Load(), Busy: s.busy.Load(), Turned: s.turned.Load(), Waiting: len(g.queue),
	}
}

func errNested() error {
	return strongroom.Faultf(strongroom.Internal, "nested", "a call to the guard was made inside a call to the guard")
}

func errCancelled(cause error) error {
	return strongroom.Faultf(strongroom.Unavailable, "cancelled", "the caller gave up before its turn and nothing was done").Because(cause)
}

func errStopped() error {
	return strongroom.Faultf(strongroom.Unavailable, "stopping", "the instance is stopping and nothing was done").Advise("try again later")
}

func errBusy() error {
	return strongroom.Faultf(strongroom.Unavailable, "busy", "too many calls are waiting and nothing was done").Advise("try again later")
}

// codeOf returns the stable code of an error as a word the log takes.
func codeOf(err error) string {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Code == "" || len(f.Code) > 32 || f.Code[0] < 'a' || f.Code[0] > 'z' {
		return "internal"
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, f.Code)
}
