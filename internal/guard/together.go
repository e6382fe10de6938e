package guard

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// Together says what calls of Read ask together before each decides for itself.
type Together struct {
	// Key names those who ask together; it must be comparable.
	Key any
	// Item is what Load learns of this call and leave writes into. Nobody else
	// touches it before ReadTogether runs its function.
	Item any
	// Load asks for all items at once, at the newest committed state. It decides
	// nothing, writes into no item and runs on after its limit has passed. What it
	// found, leave puts into the items, in memory alone; nothing of it is disclosed
	// but by a call that was allowed to. leave may be nil, after an error too, and is
	// not called once the limit has passed. An item that is left empty is asked for
	// by its own call.
	Load func(r *db.Reader, items []any) (leave func(), err error)
}

const (
	// togetherMost is how many calls ask together at most.
	togetherMost = 64
	// togetherLimit is how long they wait for what they ask together, for a
	// connection too. Then each asks for itself.
	togetherLimit = 2 * time.Second
)

// ReadTogether is [Guard.Read] for functions that begin with the same question.
// Those that are about to ask share one, which is older by then than what they ask
// on their own: what must still hold is for [View.Confirm], as ever. A call whose
// context ends before its own turn to read never runs fn: it leaves at once while
// it waits for the question of others, and with the answer, or at the limit, once
// its own is asked.
func (g *Guard) ReadTogether(ctx context.Context, who strongroom.Actor, w Together, fn func(ctx context.Context, v *View) error) error {
	if InTransaction(ctx) {
		return errNested()
	}
	g.coming.Add(1)
	err := g.asks.ask(ctx, g, w)
	g.coming.Add(-1)
	if err != nil {
		return err
	}
	return g.Read(ctx, who, fn)
}

// asks has one of those who want to ask do it for all.
type asks struct {
	limit   time.Duration
	mu      sync.Mutex
	waiting []*asking
	leads   bool // somebody leads, or was told to
}

// asking is one call that waits for what it asked. It is told true to lead those
// who wait, itself among them, and false when its item was served.
type asking struct {
	Together
	told  chan bool
	taken bool // its question is asked; under the lock
}

// ask returns when the item of w was served, or an error if ctx ended before.
func (a *asks) ask(ctx context.Context, g *Guard, w Together) error {
	if err := ctx.Err(); err != nil {
		return errCancelled(err)
	}
	me := &asking{Together: w, told: make(chan bool, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, me)
	lead := !a.leads
	a.leads = true
	a.mu.Unlock()
	if !lead {
		select {
		case lead = <-me.told:
		case <-ctx.Done():
			if a.leave(me) {
				return errCancelled(ctx.Err())
			}
			<-me.told // only those who still wait are told to lead
		}
	}
	if lead {
		a.lead(g, me)
	}
	if err := ctx.Err(); err != nil {
		return errCancelled(err)
	}
	return nil
}

// leave takes me off the list of those who wait, unless its question is asked. If me
// was told to lead, the next one is.
func (a *asks) leave(me *asking) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if me.taken {
		return false
	}
	a.waiting = slices.DeleteFunc(a.waiting, func(m *asking) bool { return m == me })
	select {
	case <-me.told:
		a.next()
	default:
	}
	return true
}

// next hands on to the first of those who wait. It is called under the lock.
func (a *asks) next() {
	if a.leads = len(a.waiting) > 0; a.leads {
		a.waiting[0].told <- true
	}
}

// lead asks for those who wait and hands on to the next of those who came
// meanwhile. The callers just answered are let run once before, as in gather.
func (a *asks) lead(g *Guard, me *asking) {
	runtime.Gosched()
	mine := a.take(me)
	items := make([]any, len(mine))
	for i, m := range mine {
		items[i] = m.Item
	}
	over := false // under the lock
	end := func(leave func()) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if over {
			return
		}
		over = true
		if leave != nil {
			_ = g.shield(func() error { leave(); return nil })
		}
		a.next()
		for _, m := range mine {
			if m != me {
				m.told <- false
			}
		}
	}
	var leave func()
	late := time.AfterFunc(a.limit, func() { end(nil) })
	ctx, cancel := context.WithTimeout(context.Background(), a.limit)
	defer func() {
		late.Stop()
		cancel()
		end(leave)
	}()
	// What goes wrong shows again where each asks for itself. Nobody's context ends
	// the question of the others.
	_ = g.shield(func() error {
		return g.db.Read(ctx, func(r *db.Reader) (err error) {
			leave, err = me.Load(r, items)
			return err
		})
	})
}

// take removes up to togetherMost of those who wait under the key of me from the
// list, me among them.
func (a *asks) take(me *asking) []*asking {
	a.mu.Lock()
	defer a.mu.Unlock()
	me.taken = true
	mine := []*asking{me}
	a.waiting = slices.DeleteFunc(a.waiting, func(m *asking) bool {
		if m != me && (m.Key != me.Key || len(mine) == togetherMost) {
			return false
		}
		if m != me {
			m.taken = true
			mine = append(mine, m)
		}
		return true
	})
	return mine
}
