package guard

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
)

// serve commits a group: those that are recorded in one transaction, the quiet
// ones in another, which does not take the head of the log.
func (g *Guard) serve(cs []*call) {
	var loud, quiet []*call
	for _, c := range cs {
		if c.quiet {
			quiet = append(quiet, c)
		} else {
			loud = append(loud, c)
		}
	}
	for _, group := range [][]*call{neighbours(loud), quiet} {
		for len(group) > 0 {
			group = group[g.attempt(group):]
		}
	}
}

// careful is how many transactions take savepoints after one that had to be
// begun again.
const careful = 32

// attempt commits the calls, as many as fit into the time of a transaction, and
// returns how many. It goes without savepoints first: that a member's work does
// not stand after it has written is rare, and to begin again once in a while
// costs less than a savepoint for everybody.
func (g *Guard) attempt(cs []*call) int {
	if g.careful > 0 {
		g.careful--
	} else {
		if n := g.commit(cs, false, true); n > 0 {
			return n
		}
		g.stats.redone.Add(1)
		g.careful = careful
	}
	return g.commit(cs, len(cs) == 1, false)
}

// batch is one attempt to commit a group.
type batch struct {
	g       *Guard
	tx      *db.Tx
	log     *audit.Batch // nil in a quiet one
	results []result
	alone   bool   // the group is one call and there is no attempt after this one
	light   bool   // without savepoints: if one cannot go back, all begin again
	lost    bool   // the transaction broke while members had their turns
	served  int    // how many calls this attempt took on
	fetched int    // for the calls before this one was fetched ahead
	joint   *Joint // of those who work together just now
	shared  map[any]any
	kept    map[any]any         // what readers know from before; nil: nothing is kept
	ended   map[string]struct{} // whose rights end with the turns so far
}

// result is what became of one call in this attempt.
type result struct {
	turn *turn // nil: it had no turn
	err  error
}

// commit runs the calls in one transaction, as many as fit into its time, and
// answers these. It returns how many; none if light did not do, which is the
// case to begin again without it.
func (g *Guard) commit(cs []*call, alone, light bool) int {
	b := &batch{g: g, results: make([]result, len(cs)), alone: alone, light: light, shared: make(map[any]any)}
	err := g.db.Update(context.Background(), func(tx *db.Tx) error {
		b.tx = tx
		return b.run(cs)
	})
	if err == nil {
		g.stats.commits.Add(1)
		b.leaveKept()
		b.end()
		b.answer(cs[:b.served])
		return b.served
	}
	if light && b.lost {
		return 0
	}
	b.end()
	g.stats.lost.Add(1)
	g.logger.Error("a transaction was not committed", slog.String("cause", err.Error()), slog.Int("calls", len(cs)))
	for i, c := range cs {
		r := b.results[i]
		switch {
		case r.turn == nil && r.err != nil:
			b.give(c, r.err)
		case b.lost && !alone:
			// Whose fault it was cannot be told: a statement may have travelled with
			// one of a later member. Alone, each answers for itself.
			g.stats.again.Add(1)
			g.commit([]*call{c}, true, false)
		default:
			b.give(c, unavailable(err))
		}
	}
	return len(cs)
}

// give answers c with err.
func (b *batch) give(c *call, err error) {
	b.g.stats.calls.Add(1)
	b.g.stats.refused.Add(1)
	if c.state.Load() == taken || c.take() {
		c.answer(err)
	}
}

// run gives each call its turn, then has everything recorded.
func (b *batch) run(cs []*call) error {
	if !cs[0].quiet {
		log, err := b.g.log.Begin(b.tx)
		if err != nil {
			return err
		}
		b.log = log
		b.takeKept(cs)
	}
	b.lost = true // until every turn is over and what was sent has arrived
	begun := time.Now()
	for i, c := range cs {
		if i > 0 && time.Since(begun) > b.g.span {
			break // those who had their turn must not wait for a flush too long
		}
		b.served = i + 1
		if err := b.join(i, cs); err != nil {
			return err
		}
		if err := b.fetch(i, cs); err != nil {
			return err
		}
		if err := b.member(i, c); err != nil {
			return err
		}
	}
	if err := b.part(); err != nil {
		return err
	}
	if err := b.tx.Settle(); err != nil {
		return err
	}
	b.lost = false
	if err := b.hooks(); err != nil {
		return err
	}
	if b.log != nil {
		return b.log.Flush()
	}
	return nil
}

// member gives one call its turn. An error is about the transaction; what became
// of the call stands in results.
func (b *batch) member(i int, c *call) error {
	if c.state.Load() != taken && !c.take() {
		b.results[i] = result{err: errCancelled(nil)}
		return nil
	}
	if err := c.ctx.Err(); err != nil {
		b.results[i] = result{err: errCancelled(err)}
		return nil
	}
	t := &turn{g: b.g, who: c.who, now: b.tx.Now(), quiet: c.quiet, shared: b.shared, batch: b, joint: b.joint != nil}
	t.decisions = append(t.decisions, c.before...)
	b.results[i].turn = t
	if b.light {
		b.tx.MarkLightly()
	} else {
		b.tx.Mark()
	}
	var mark int
	if b.log != nil {
		mark = b.log.Mark()
	}
	err := c.refusal
	if err == nil && c.snapshot {
		if err = t.current(); err != nil { // since it was decided
			t.deny(codeOf(err))
		}
	}
	if err == nil && !c.note {
		err = b.call(c, t)
		if err != nil && c.snapshot && meansNo(err) {
			t.deny(codeOf(err))
		}
	}
	if err == nil && !c.quiet {
		if cause := b.record(t, t.decisions); cause != nil {
			err = unrecorded(cause)
		}
	}
	if err == nil {
		b.endsWith(t)
		return nil
	}
	b.results[i].err = err
	if t.putOff {
		return err // what it left to others cannot be told from theirs
	}
	t.takeBack()
	if err := b.tx.RollbackToMark(); err != nil {
		return err
	}
	if c.quiet {
		return nil
	}
	b.log.Truncate(mark)
	return b.recordRefusal(t, err)
}

// call runs the function of c and says whether its work may stand.
func (b *batch) call(c *call, t *turn) error {
	tx := &Tx{Writer: b.tx.Writer, t: t}
	err := b.g.shield(func() error { return c.fn(b.g.watch.begin(c.ctx), tx) })
	inTime := b.g.watch.end()
	t.over = true
	if err == nil && !inTime {
		err = strongroom.Faultf(strongroom.Unavailable, "turn-limit", "the call held the transaction for too long and nothing was done")
	}
	if err = t.verdict(err); err != nil {
		if !inTime { // once is enough
			c.refusal, c.before = err, t.decisions
		}
		return err
	}
	if b.alone {
		// What was queued must have arrived, so that its failure is this one's.
		if err = b.tx.Settle(); err != nil {
			return err
		}
	} else if _, err = b.tx.Batch(sqlNothing, 0, nil); err != nil {
		// No statement is refused unless one failed and was ignored, or rows were
		// left open: neither may be built upon. Nothing is sent.
		return err
	}
	return b.tx.Sound()
}

// record appends one event for each decision.
func (b *batch) record(t *turn, ds []decision) error {
	for i := range ds {
		d := &ds[i]
		index, err := b.log.Append(audit.Event{
			Time: t.now, Action: d.action, Actor: t.who, Resource: d.resource,
			Outcome: d.outcome, Code: d.code, Purpose: d.purpose, Reference: d.reference,
			Policies: d.policies, Notes: d.notes, Names: d.names,
		})
		if err != nil {
			return err
		}
		if d.receipt != nil {
			d.receipt.index = uint64(index)
		}
	}
	return nil
}

// recordRefusal records that the work of t does not stand. It records less where
// the whole cannot be: an id that a caller chose must not keep the refusal, and
// everybody else in the group, from being recorded.
func (b *batch) recordRefusal(t *turn, err error) error {
	mark := b.log.Mark()
	ds := t.refusedEvents(err)
	if b.record(t, ds) == nil {
		return nil
	}
	b.log.Truncate(mark)
	for i := range ds {
		ds[i].resource = instance()
		ds[i].reference, ds[i].notes, ds[i].names = "", nil, nil
	}
	if b.record(t, ds) == nil {
		return nil
	}
	b.log.Truncate(mark)
	return b.record(t, []decision{{action: refused(), resource: instance(), outcome: audit.Failure, code: "event"}})
}

// hooks calls what must be done before the commit.
func (b *batch) hooks() error {
	b.g.watch.begin(context.Background())
	defer b.g.watch.end()
	// What is done once for the group comes last, so that it covers what the
	// members' own hooks left to do: one sync of a file serves them all.
	var once []hook
	for i := range b.results {
		if b.results[i].turn == nil {
			continue
		}
		for _, h := range b.results[i].turn.before {
			if h.key != nil {
				if !slices.ContainsFunc(once, func(o hook) bool { return o.key == h.key }) {
					once = append(once, h)
				}
				continue
			}
			if err := b.g.shield(h.fn); err != nil {
				return err
			}
		}
	}
	for _, h := range once {
		if err := b.g.shield(h.fn); err != nil {
			return err
		}
	}
	return nil
}

// answer tells every caller what became of it, after the commit.
func (b *batch) answer(cs []*call) {
	b.g.watch.begin(context.Background())
	defer b.g.watch.end()
	for i, c := range cs {
		r := b.results[i]
		if r.err != nil {
			b.g.stats.refused.Add(1)
		} else if r.turn != nil {
			for _, fn := range r.turn.after {
				// The work is done and durable; a mistake here is the operator's to know.
				_ = b.g.shield(func() error { fn(); return nil })
			}
			for j := range r.turn.decisions {
				if rec := r.turn.decisions[j].receipt; rec != nil {
					rec.durable = true
				}
			}
		}
		b.g.stats.calls.Add(1)
		c.answer(r.err)
	}
}

// shield calls fn and turns a panic into an error. The panic's value may hold
// anything and is not kept; the place is.
func (g *Guard) shield(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			g.logger.Error("a function panicked", slog.String("stack", stack()))
			err = strongroom.Faultf(strongroom.Internal, "panic", "the call failed inside and nothing was done")
		}
	}()
	return fn()
}

// stack names the functions and lines on the way to a panic, without arguments.
func stack() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		b.WriteString(f.Function)
		b.WriteByte(' ')
		b.WriteString(place(f))
		if !more {
			return b.String()
		}
		b.WriteString(" < ")
	}
}

func place(f runtime.Frame) string {
	return f.File[strings.LastIndexByte(f.File, '/')+1:] + ":" + strconv.Itoa(f.Line)
}

// deny turns the last allowance into a denial: the confirmation said no.
func (t *turn) deny(code string) {
	if n := len(t.decisions); n > 0 && t.decisions[n-1].outcome == audit.Success {
		t.decisions[n-1].outcome, t.decisions[n-1].code = audit.Denied, code
	}
}

func unrecorded(cause error) error {
	return strongroom.Faultf(strongroom.Internal, "event", "the event could not be recorded as it was, so nothing was done").Because(cause)
}

func errLost() error {
	return strongroom.Faultf(strongroom.Unavailable, "lost", "what became of the call is not known").Advise("look before trying again")
}

// unavailable is the answer when a whole transaction was not committed.
func unavailable(err error) error {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && f.Kind == strongroom.Unavailable {
		return err
	}
	return strongroom.Faultf(strongroom.Unavailable, "commit", "the transaction was not committed and nothing was done").Because(err)
}
