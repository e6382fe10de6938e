package guard

import (
	"context"
	"slices"

	"strongroom"
)

// Joint says how calls that do the same thing work together when they share a
// transaction: one question before the first turn finds what all of them need,
// and what they put off is written for all of them after the last. Begin and End are
// those of the first neighbour.
type Joint struct {
	// Key names those who work together; it must be comparable.
	Key any
	// Item is what Begin learns of this call.
	Item any
	// Begin is called before the first turn with the items of all neighbours under
	// the key. It reads and decides nothing. The transaction may end before all of
	// them had their turns. Hooks given to its Tx, or to that of End, are not called.
	// nil asks nothing.
	Begin func(tx *Tx, items []any) error
	// End is called after the last turn and before any call of another sort. It
	// writes what was put off.
	End func(tx *Tx) error
}

// DoJointly is [Guard.Do] for a function that works together with its neighbours.
// Calls that wait are free to come in any order; those of one key come first and
// together. A function asks [Tx.Joint] whether they do: where they do not, Begin
// and End are not called and it does all of its own work in its turn.
func (g *Guard) DoJointly(ctx context.Context, who strongroom.Actor, j Joint, fn func(ctx context.Context, tx *Tx) error) error {
	return g.submit(&call{ctx: ctx, who: who, fn: fn, joint: &j})
}

// Joint reports whether this turn is one of several that work together: Begin was
// called and End will be.
func (tx *Tx) Joint() bool { return tx.t.joint }

// PutOff says that this turn left work to End. If the turn's work does not stand
// after that, the transaction is begun again for everybody, apart.
func (tx *Tx) PutOff() { tx.t.putOff = tx.t.joint }

// neighbours moves the calls that work together to the front, key by key.
//
// A reader keeps its place: it works together with those who stand beside it
// anyway, and what a change before it ended must be ended for it.
func neighbours(cs []*call) []*call {
	moves := func(c *call) bool { return c.joint != nil && !c.snapshot }
	if !slices.ContainsFunc(cs, moves) {
		return cs
	}
	var keys []any
	for _, c := range cs {
		if moves(c) && !slices.Contains(keys, c.joint.Key) {
			keys = append(keys, c.joint.Key)
		}
	}
	out := make([]*call, 0, len(cs))
	for _, k := range keys {
		for _, c := range cs {
			if moves(c) && c.joint.Key == k {
				out = append(out, c)
			}
		}
	}
	for _, c := range cs {
		if !moves(c) {
			out = append(out, c)
		}
	}
	return out
}

// join ends the work of those who came before the i-th call and begins that of
// its own key. With savepoints everybody works alone.
func (b *batch) join(i int, cs []*call) error {
	j := cs[i].joint
	if !b.light || b.joint != nil && j != nil && j.Key == b.joint.Key {
		return nil
	}
	if err := b.part(); err != nil || j == nil {
		return err
	}
	b.joint = j
	if j.Begin == nil {
		return nil
	}
	var items []any
	for _, c := range cs[i:] {
		if c.joint == nil || c.joint.Key != j.Key {
			break
		}
		// A caller who may still leave may do to its item what it likes.
		if c.state.Load() == taken || c.take() {
			items = append(items, c.joint.Item)
		}
	}
	return b.jointly(func(tx *Tx) error { return j.Begin(tx, items) })
}

// part ends the work of those who worked together until now.
func (b *batch) part() error {
	if b.joint == nil {
		return nil
	}
	j := b.joint
	b.joint = nil
	return b.jointly(j.End)
}

// jointly calls fn with a transaction in which nothing can be decided.
func (b *batch) jointly(fn func(tx *Tx) error) error {
	b.g.watch.begin(context.Background())
	defer b.g.watch.end()
	tx := &Tx{Writer: b.tx.Writer, t: &turn{g: b.g, now: b.tx.Now(), shared: b.shared, batch: b, joint: true, over: true}}
	return b.g.shield(func() error { return fn(tx) })
}
