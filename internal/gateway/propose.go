package gateway

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

func noCall() error {
	return strongroom.Faultf(strongroom.NotFound, "endpoint", "the store has no such call")
}

// Propose stores a call that who wants to allow a store's mirror. Nothing passes
// until another person approves it. Faults: Invalid for a spec that cannot be,
// NotFound, Erased and Denied for the store, Exhausted where too many wait or are in
// force.
func (g *Gateway) Propose(ctx context.Context, who strongroom.Actor, store string, spec Spec) (out Allowed, err error) {
	if !strongroom.IsAnyID(store) {
		return out, strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	_, wrong := spec.endpoint()
	err = g.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionPropose, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		if err := g.o.Vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		rows, err := all(&tx.Reader, store)
		if err != nil {
			return err
		}
		if rows = slices.DeleteFunc(rows, func(r row) bool { return r.state == over }); len(rows) >= maxAllowed {
			return strongroom.Faultf(strongroom.Exhausted, "endpoints", "%d calls of the store wait or are in force", len(rows)).
				Advise("end those that nobody needs")
		}
		n, err := last(&tx.Reader, store)
		if err != nil {
			return err
		}
		r := row{id: strongroom.NewID("mir"), store: store, number: n + 1, state: proposed, author: who.ID, at: db.Micros(tx.Now())}
		if err := g.sealCard(&r, spec); err != nil {
			return err
		}
		tx.Note("version", r.number)
		if out, err = g.open(r); err != nil {
			return err
		}
		return add(tx, r)
	})
	return out, err
}

// Approve puts a proposed call in force, in the place of an older version of the same
// one. It wants another person than the author: what the mirror passes grows by it
// (DPP 2.3.2). Faults: NotFound, Conflict for what is not proposed, Denied for the
// author.
func (g *Gateway) Approve(ctx context.Context, who strongroom.Actor, store, id string) (Allowed, error) {
	return g.step(ctx, who, actionApprove, store, id, func(tx *guard.Tx, r *row, a *Allowed) error {
		same, err := g.o.SameHand(&tx.Reader, r.author, who.ID)
		if err != nil {
			return err
		}
		if same {
			return strongroom.Faultf(strongroom.Denied, "own-proposal", "nobody approves what they proposed themselves").
				Advise("have another person approve it")
		}
		if r.state != proposed {
			return strongroom.Faultf(strongroom.Conflict, "endpoint-state", "the call is not waiting to be approved")
		}
		rows, err := all(&tx.Reader, store)
		if err != nil {
			return err
		}
		for _, old := range rows {
			if old.state != inForce {
				continue
			}
			o, err := g.open(old)
			if err != nil {
				return err
			}
			if o.Spec.Method != a.Spec.Method || o.Spec.Path != a.Spec.Path {
				continue
			}
			old.state = over
			if err := g.sealCard(&old, o.Spec); err != nil {
				return err
			}
			if err := change(tx, old); err != nil {
				return err
			}
		}
		r.state, r.approver = inForce, who.ID
		return nil
	})
}

// End takes a call out of force, or a proposal back, at once and by one person. Doing
// it again changes nothing. Faults: NotFound.
func (g *Gateway) End(ctx context.Context, who strongroom.Actor, store, id string) (Allowed, error) {
	return g.step(ctx, who, actionEnd, store, id, func(_ *guard.Tx, r *row, _ *Allowed) error {
		r.state = over
		return nil
	})
}

// step runs fn about one call of a store and seals what became of it.
func (g *Gateway) step(ctx context.Context, who strongroom.Actor, action strongroom.Action, store, id string,
	fn func(tx *guard.Tx, r *row, a *Allowed) error) (out Allowed, err error) {
	if !strongroom.IsAnyID(store) {
		return out, strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	err = g.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(action, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		r, err := one(&tx.Reader, store, id)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return noCall()
		}
		if err != nil {
			return err
		}
		a, err := g.open(r)
		if err != nil {
			return err
		}
		if err := fn(tx, &r, &a); err != nil {
			return err
		}
		if err := g.sealCard(&r, a.Spec); err != nil {
			return err
		}
		tx.Note("version", r.number)
		if out, err = g.open(r); err != nil {
			return err
		}
		tx.AfterCommit(func() { g.allowances.forget(store) })
		return change(tx, r)
	})
	return out, err
}

// List returns the calls of a store, oldest first, those that are over as well.
func (g *Gateway) List(ctx context.Context, who strongroom.Actor, store string) (out []Allowed, err error) {
	if !strongroom.IsAnyID(store) {
		return nil, strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	var rows []row
	err = g.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) (err error) {
		if err := v.Allow(actionList, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		rows, err = all(&v.Reader, store)
		v.Note("count", int64(len(rows)))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		a, err := g.open(r)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
