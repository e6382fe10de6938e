package guard

import (
	"context"
	"slices"
)

// fetch fetches ahead for the readers from the i-th call on who stand next to
// each other, unless it was done with the turn of an earlier one. A call that
// changes ends the row: what comes after it is asked anew.
func (b *batch) fetch(i int, cs []*call) error {
	if i < b.fetched || cs[i].ahead == nil {
		return nil
	}
	b.fetched = i
	var wishes []*ahead
	for _, c := range cs[i:] {
		if !c.snapshot {
			break
		}
		b.fetched++
		if c.ahead != nil {
			wishes = append(wishes, c.ahead)
		}
	}
	// A failure is the transaction's: what was sent along with a question may be
	// another member's statement.
	for len(wishes) > 0 {
		first := wishes[0]
		var items []any
		wishes = slices.DeleteFunc(wishes, func(a *ahead) bool {
			if a.key == first.key {
				items = append(items, a.item)
			}
			return a.key == first.key
		})
		b.g.watch.begin(context.Background())
		view := &View{Reader: b.tx.Reader, t: &turn{g: b.g, now: b.tx.Now(), batch: b, over: true}}
		err := b.g.shield(func() error { return first.fetch(view, items) })
		b.g.watch.end()
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBack undoes what the function of t left in memory and forgets its hooks.
func (t *turn) takeBack() {
	for _, fn := range slices.Backward(t.undo) {
		fn()
	}
	t.before, t.after, t.undo, t.ends = nil, nil, nil, nil
}
