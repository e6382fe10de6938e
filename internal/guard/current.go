package guard

import (
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
)

// markLife is how long an end is remembered. A call that was let in before it is
// over by then, or was recognised anew; if not, it is refused.
const markLife = time.Hour

// sweepFrom is how many ends there are before those past their life are dropped.
const sweepFrom = 1024

// ends knows whose rights have ended or changed, so that a call that was let in
// before finds out before anything is decided for it (DPP 2.2.12).
type ends struct {
	turn atomic.Uint64 // begins with 1 and grows with each commit that ends something

	mu    sync.RWMutex
	of    map[string]end // by the id of an account, a session or a secret
	sweep int            // how many there are when it is swept next
	since uint64         // the newest turn of an end that was dropped
}

// end is the newest end of one holder.
type end struct {
	turn uint64
	at   time.Time // real time
}

// add remembers that what the holders were recognised for has ended by a commit.
func (e *ends) add(now time.Time, holders []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.of) >= max(e.sweep, sweepFrom) {
		for id, x := range e.of {
			if now.Sub(x.at) > markLife {
				delete(e.of, id)
				e.since = max(e.since, x.turn)
			}
		}
		e.sweep = 2 * len(e.of)
	}
	if e.of == nil {
		e.of = make(map[string]end)
	}
	turn := e.turn.Load() + 1
	for _, id := range holders {
		e.of[id] = end{turn, now}
	}
	e.turn.Store(turn)
}

// over reports whether what who was recognised for has ended since, or may have.
func (e *ends) over(who *strongroom.Actor) bool {
	if who.Seen == 0 || who.Seen == e.turn.Load() {
		return false
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if who.Seen < e.since {
		return true // it may have been among those dropped
	}
	return e.of[who.ID].turn > who.Seen || who.Session != "" && e.of[who.Session].turn > who.Seen
}

// Turn returns what a recogniser puts into [strongroom.Actor.Seen]. It takes it
// before it reads what the actor may do. Safe for concurrent use.
func (g *Guard) Turn() uint64 { return g.ends.turn.Load() }

// Current returns nil if nothing that who was recognised for has ended in this
// process since, else the fault with which a decision is refused: Unauthenticated,
// code "rights-changed". An end by another process that shares the database is seen
// when the actor is recognised anew. It reads memory alone and takes well below a
// microsecond. Safe for concurrent use.
func (g *Guard) Current(who strongroom.Actor) error {
	if g.ends.over(&who) {
		return errChanged()
	}
	return nil
}

// Ends says that what a holder was recognised for, the id of an account, a session
// or a secret, ends or changes with this work: from the next turn on nothing is
// decided for an actor of it who was recognised before the commit. Who does the work
// goes on with it.
func (tx *Tx) Ends(holder string) { tx.t.ends = append(tx.t.ends, holder) }

// current refuses who was recognised for what has ended, by a commit or by an
// earlier turn of this transaction.
func (t *turn) current() error {
	over := t.g.ends.over(&t.who)
	if !over && t.who.Seen > 0 && t.batch != nil && len(t.batch.ended) > 0 {
		_, account := t.batch.ended[t.who.ID]
		_, session := t.batch.ended[t.who.Session]
		over = account || session
	}
	if over {
		return errChanged()
	}
	return nil
}

// endsWith remembers for the turns to come what ends with a turn whose work stands.
func (b *batch) endsWith(t *turn) {
	for _, id := range t.ends {
		if b.ended == nil {
			b.ended = make(map[string]struct{})
		}
		b.ended[id] = struct{}{}
	}
}

// end makes what ended in the transaction known to everybody, after the commit and
// before anybody is answered. After a commit that failed too, because it may stand
// all the same: whoever it would have ended is recognised anew.
func (b *batch) end() {
	if len(b.ended) == 0 {
		return
	}
	holders := make([]string, 0, len(b.ended))
	for id := range b.ended {
		holders = append(holders, id)
	}
	b.g.ends.add(b.g.real.Now(), holders)
}

func errChanged() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "rights-changed", "a session, key or right ended while the call was under way, and nothing was done").
		Advise("call again, and sign in anew if that is refused")
}
