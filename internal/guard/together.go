package guard

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"strongroom"
	"strongroom/internal/db"
)

// Together says what calls of Read ask together before each decides for itself.
type Together struct {
	// Key names those who ask together; it must be comparable.
	Key any
	// Item is what Load learns of this call and writes into. Nobody else touches it
	// until Load has returned.
	Item any
	// Load asks for all items at once, at the newest committed state, and leaves in
	// each what it found. It decides nothing, and nothing it found is disclosed but
	// by a call that was allowed to. An item that it leaves empty, after an error
	// too, is asked for by its own call.
	Load func(r *db.Reader, items []any) error
}

// togetherMost is how many calls ask together at most.
const togetherMost = 64

// ReadTogether is [Guard.Read] for functions that begin with the same question.
// Those that are about to ask share one, which is older by then than what they ask
// on their own: what must still hold is for [View.Confirm], as ever.
func (g *Guard) ReadTogether(ctx context.Context, who strongroom.Actor, w Together, fn func(ctx context.Context, v *View) error) error {
	if InTransaction(ctx) {
		return errNested()
	}
	g.coming.Add(1)
	g.asks.ask(g, w)
	g.coming.Add(-1)
	return g.Read(ctx, who, fn)
}

// asks has one of those who want to ask do it for all.
type asks struct {
	mu      sync.Mutex
	waiting []*asking
	leads   bool // somebody leads, or was told to
}

// asking is one call that waits for what it asked. It is told true to lead those
// who wait, itself among them, and false when its item was served.
type asking struct {
	Together
	told chan bool
}

func (a *asks) ask(g *Guard, w Together) {
	me := &asking{w, make(chan bool, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, me)
	lead := !a.leads
	a.leads = true
	a.mu.Unlock()
	if !lead {
		lead = <-me.told
	}
	if lead {
		a.lead(g, me)
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
	// What goes wrong shows again where each asks for itself. Nobody's context ends
	// the question of the others.
	_ = g.shield(func() error {
		return g.db.Read(context.Background(), func(r *db.Reader) error { return me.Load(r, items) })
	})
	a.mu.Lock()
	if a.leads = len(a.waiting) > 0; a.leads {
		a.waiting[0].told <- true
	}
	a.mu.Unlock()
	for _, m := range mine {
		if m != me {
			m.told <- false
		}
	}
}

// take removes up to togetherMost of those who wait under the key of me from the
// list, me among them.
func (a *asks) take(me *asking) []*asking {
	a.mu.Lock()
	defer a.mu.Unlock()
	mine := []*asking{me}
	a.waiting = slices.DeleteFunc(a.waiting, func(m *asking) bool {
		if m != me && (m.Key != me.Key || len(mine) == togetherMost) {
			return false
		}
		if m != me {
			mine = append(mine, m)
		}
		return true
	})
	return mine
}
