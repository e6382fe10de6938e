package guard

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

// Run serves the calls until ctx is done or [Guard.Close] is called. It then
// refuses new calls, finishes those that wait, and returns nil. It may be called
// once.
func (g *Guard) Run(ctx context.Context) error {
	if g.running.Swap(true) {
		return strongroom.Faultf(strongroom.Internal, "running", "the guard is served already")
	}
	var now []*call
	defer func() {
		// Reached with calls unanswered only if a function ended this goroutine
		// (runtime.Goexit). Nobody may be left waiting.
		g.shut()
		for _, c := range now {
			c.answer(errLost())
		}
		close(g.stopped)
		g.watch.stop()
	}()
	for {
		now = now[:0]
		select {
		case c := <-g.queue:
			now = g.gather(append(now, c))
		case <-ctx.Done():
			g.shut()
		case <-g.closing:
		}
		if len(now) == 0 {
			now = g.gather(now)
			if len(now) == 0 {
				return nil
			}
		}
		g.serve(now)
		clear(now) // let go of what the functions held
	}
}

// Close refuses new calls, waits until those that wait are finished, and returns
// nil. Closing twice is harmless.
func (g *Guard) Close() error {
	g.shut()
	if g.running.Load() {
		<-g.stopped
	}
	return nil
}

func (g *Guard) shut() { g.close.Do(func() { close(g.closing) }) }

// yields is how often gather lets others run, at most: while readers are on their
// way to their turn, a larger group is worth more than an earlier one.
const yields = 8

// gather adds the calls that wait. After the first sweep it lets other
// goroutines run once: the callers just answered are about to come back, and
// with few cores they could not until now; then a few times more, while readers are
// on their way. It does not wait for anybody.
func (g *Guard) gather(cs []*call) []*call {
	for round := 0; ; round++ {
		for len(cs) < g.group {
			select {
			case c := <-g.queue:
				cs = append(cs, c)
				continue
			default:
			}
			break
		}
		if len(cs) == g.group || round == yields || round > 0 && g.coming.Load() == 0 {
			return cs
		}
		runtime.Gosched()
	}
}

// unblock answers everybody who waits, because the turn under way has passed its
// limit. It frees a function that called the guard from inside with a context
// that did not say so.
func (g *Guard) unblock() {
	g.logger.Error("a turn is past its time limit")
	for {
		select {
		case c := <-g.queue:
			if c.take() {
				c.done <- strongroom.Faultf(strongroom.Unavailable, "stuck", "the transaction is held up and nothing was done").Advise("try again later")
			}
		default:
			return
		}
	}
}

// undecidable tells the operator that a policy or a request is broken.
func (g *Guard) undecidable(a strongroom.Action, d authz.Decision) {
	g.logger.Error("a decision could not be made and was a denial",
		slog.String("action", a.Name), slog.String("cause", d.Err.Error()))
}

// watch keeps the time of turns. One timer serves them all.
type watch struct {
	limit time.Duration
	late  func() // called when a turn passes the limit, and again each limit

	mu     sync.Mutex
	timer  *time.Timer
	begun  time.Time // zero: no turn is under way
	life   context.Context
	cancel context.CancelFunc
}

func (w *watch) init(limit time.Duration, late func()) {
	w.limit, w.late = limit, late
	w.life, w.cancel = context.WithCancel(context.Background())
	w.timer = time.AfterFunc(time.Hour, w.fire)
	w.timer.Stop()
}

// begin starts a turn and returns its context.
func (w *watch) begin(values context.Context) *turnContext {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.life.Err() != nil {
		w.life, w.cancel = context.WithCancel(context.Background())
	}
	w.begun = time.Now()
	w.timer.Reset(w.limit)
	return &turnContext{values: values, life: w.life, deadline: w.begun.Add(w.limit)}
}

// end ends the turn and reports whether it was within its limit.
func (w *watch) end() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ok := time.Since(w.begun) < w.limit
	w.begun = time.Time{}
	w.timer.Stop()
	return ok
}

func (w *watch) fire() {
	w.mu.Lock()
	late := !w.begun.IsZero() && time.Since(w.begun) >= w.limit
	if late {
		w.cancel()
		w.timer.Reset(w.limit)
	}
	w.mu.Unlock()
	if late {
		w.late()
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.cancel()
}
