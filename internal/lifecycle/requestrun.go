package lifecycle

import (
	"context"
	"errors"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

// runner is who does what was asked for.
func runner() strongroom.Actor { return strongroom.System("requests") }

// storeStep is how many records of a store one transaction erases.
const storeStep = 500

// Run erases what a request asks for and settles it. It can be cut off anywhere and
// called again; a request that is done, waits or has its day still to come is left
// alone. An error means that it has to be called again.
func (rs *Requests) Run(ctx context.Context, id string) error {
	q, err := rs.look(ctx, id)
	if err != nil || q.State != RequestErasing {
		return err
	}
	var did vault.Erased
	var proof int64
	for _, store := range q.Stores {
		one, at, err := rs.erase(ctx, q, store)
		if isBroad(err) {
			return rs.wait(ctx, id)
		}
		if err != nil {
			return err
		}
		did.Count += one.Count
		did.Failed = append(did.Failed, one.Failed...)
		proof = max(proof, at)
	}
	return rs.settle(ctx, id, int64(did.Count), int64(len(did.Failed)), proof)
}

func (rs *Requests) look(ctx context.Context, id string) (q *held, err error) {
	err = rs.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		q, err = rs.load(r, id, r.Now())
		return err
	})
	return q, err
}

// erase does it in one store. One that is gone has nothing left. The position is that
// of the event, 0 where there are many.
func (rs *Requests) erase(ctx context.Context, q *held, store string) (did vault.Erased, at int64, err error) {
	if q.Scope == ScopeStore {
		did, err = rs.eraseStore(ctx, store)
		return did, 0, err
	}
	e := vault.ShopperErasure{Store: store, Orders: q.body.Orders, Shoppers: shoppersOf(q.body.Shoppers), Reason: "notice", Most: maxShopper}
	if q.Source == FromHand {
		e.Reason = "subject"
	}
	if q.body.Confirmed {
		e.Most = 0
	}
	did, receipt, err := rs.o.Records.EraseShopper(ctx, runner(), e)
	if strongroom.IsKind(err, strongroom.Erased) || strongroom.IsKind(err, strongroom.NotFound) {
		return did, 0, nil
	}
	if err == nil && receipt != nil {
		if n, ok := receipt.Index(); ok {
			at = int64(n)
		}
	}
	return did, at, err
}

// eraseStore ends a store: its records, its keys and its credentials.
func (rs *Requests) eraseStore(ctx context.Context, store string) (did vault.Erased, err error) {
	p, err := rs.o.Records.Disconnect(ctx, runner(), store, false)
	if strongroom.IsKind(err, strongroom.NotFound) || strongroom.IsKind(err, strongroom.Erased) {
		return did, nil
	}
	if err != nil {
		return did, err
	}
	for more := true; more; {
		if _, more, err = rs.o.Records.EraseStoreStep(ctx, runner(), store, storeStep); err != nil {
			return did, err
		}
	}
	did.Count = int(p.Records)
	return did, nil
}

// shoppersOf are the shoppers as the vault knows them. A platform that knows its
// people by a name has it where others have an id.
func shoppersOf(list []Shopper) (out []vault.Shopper) {
	for _, p := range list {
		out = append(out, vault.Shopper{ID: p.ID, Email: p.Email, Phone: p.Phone, NationalID: p.NationalID})
		if p.Username != "" && p.Username != p.ID {
			out = append(out, vault.Shopper{ID: p.Username})
		}
	}
	return out
}

func isBroad(err error) bool {
	f, ok := errors.AsType[*strongroom.Fault](err)
	return ok && f.Kind == strongroom.Conflict && f.Code == "broad"
}

// wait has a person look at a request first.
func (rs *Requests) wait(ctx context.Context, id string) error {
	return rs.change(ctx, id, func(tx *guard.Tx, q *held) error {
		q.Waits = []WaitReason{WaitBroad}
		return nil
	})
}

// settle notes that a request is done. Whom it was about is forgotten with it.
func (rs *Requests) settle(ctx context.Context, id string, records, failed, proof int64) error {
	return rs.change(ctx, id, func(tx *guard.Tx, q *held) error {
		q.Erased, q.Records = db.Time(db.Micros(tx.Now())), records
		q.body.Failed, q.body.Proof = failed, proof
		q.body.Epoch, _ = rs.o.Epoch() // a roll under way may have begun before the erasure
		q.body.forget()
		tx.Note("records", records)
		return nil
	})
}

// change stores what fn makes of a request that is being done. One that is not any
// more is left alone.
func (rs *Requests) change(ctx context.Context, id string, fn func(tx *guard.Tx, q *held) error) error {
	return rs.o.Guard.Do(ctx, runner(), func(_ context.Context, tx *guard.Tx) error {
		q, err := rs.load(&tx.Reader, id, tx.Now())
		if err != nil {
			return err
		}
		if err := tx.Allow(actionRequestRun, requestResource(id, q.store()), guard.Context{}); err != nil {
			return err
		}
		if q.State != RequestErasing {
			return nil
		}
		if err := fn(tx, q); err != nil {
			return err
		}
		return rs.write(tx, q)
	})
}

// tendLimit is how many requests are looked at in one transaction.
const tendLimit = 200

// Tend looks after requests: those whose day has come begin, those whose case is
// closed or whose older copies are dead are over, and what was asked by whom is
// forgotten once nobody can ask for it again. With nothing to do it makes no event.
func (rs *Requests) Tend(ctx context.Context) error {
	var due bool
	err := rs.each(ctx, func(r *db.Reader, q *held) error {
		next, err := rs.due(r, q)
		due = due || next != leave
		return err
	})
	if err != nil || !due {
		return errors.Join(err, rs.unmark(ctx))
	}
	err = rs.o.Guard.Do(ctx, runner(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionRequestRun, instance(), guard.Context{}); err != nil {
			return err
		}
		n := 0
		err := rs.eachOf(&tx.Reader, func(r *db.Reader, q *held) error {
			next, err := rs.due(r, q)
			if err != nil || next == leave {
				return err
			}
			n++
			if next == begin {
				return rs.o.Queue(tx, q.ID)
			}
			q.Closed = db.Time(db.Micros(tx.Now()))
			q.body.forget()
			return rs.write(tx, q)
		})
		tx.Note("count", n)
		return err
	})
	return errors.Join(err, rs.unmark(ctx))
}

// What is to be done about an open request.
type todo uint8

const (
	leave todo = iota
	begin
	finish
)

func (rs *Requests) due(r *db.Reader, q *held) (todo, error) {
	switch q.State {
	case RequestErasing:
		return begin, nil
	case RequestErased:
		if q.CopiesDead {
			return finish, nil
		}
	case RequestAnswering:
		c, err := rs.o.Cases.load(r, q.Case, r.Now())
		if err != nil {
			return leave, err
		}
		if c.State == CaseClosed {
			return finish, nil
		}
	}
	return leave, nil
}

// each calls fn with every open request.
func (rs *Requests) each(ctx context.Context, fn func(r *db.Reader, q *held) error) error {
	return rs.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error { return rs.eachOf(r, fn) })
}

func (rs *Requests) eachOf(r *db.Reader, fn func(r *db.Reader, q *held) error) error {
	for after := int64(0); ; {
		rows, err := listRequests(r, true, after, tendLimit)
		if err != nil {
			return err
		}
		for i := range rows {
			q, err := rs.open(&rows[i], r.Now())
			if err != nil {
				return err
			}
			if err := fn(r, q); err != nil {
				return err
			}
			after = rows[i].num
		}
		if len(rows) < tendLimit {
			return nil
		}
	}
}

// unmark removes the marks of requests about people whose last date has passed: until
// then they keep a repeated message from being done twice.
func (rs *Requests) unmark(ctx context.Context) error {
	any := false
	err := rs.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		rows, err := oldRequests(r, db.Micros(r.Now()), 1)
		any = len(rows) > 0
		return err
	})
	if err != nil || !any {
		return err
	}
	return rs.o.Guard.Do(ctx, runner(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionRequestRun, instance(), guard.Context{}); err != nil {
			return err
		}
		rows, err := oldRequests(&tx.Reader, db.Micros(tx.Now()), tendLimit)
		if err != nil {
			return err
		}
		tx.Note("count", len(rows))
		for i := range rows {
			q, err := rs.open(&rows[i], tx.Now())
			if err != nil {
				return err
			}
			q.mark = []byte{}
			if err := rs.write(tx, q); err != nil {
				return err
			}
		}
		return nil
	})
}
