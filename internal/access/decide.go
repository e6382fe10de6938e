package access

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Approve makes what a request asks for, in the commit of the decision. Who
// approves is neither who asked nor whom it is about, and gives nothing beyond
// what they hold. Breaking the glass is approved by whoever may break one. Faults:
// Invalid (remark), Denied, NotFound, Conflict where it is not open any more or
// cannot be made.
func (a *Access) Approve(ctx context.Context, who strongroom.Actor, id, remark string) (Request, error) {
	return a.decide(ctx, who, id, remark, func(tx *guard.Tx, q *Request) error {
		if err := a.holds(who, q); err != nil {
			return err
		}
		q.State = Approved
		return a.make(tx, q)
	})
}

// Refuse says no to a request.
func (a *Access) Refuse(ctx context.Context, who strongroom.Actor, id, remark string) (Request, error) {
	return a.decide(ctx, who, id, remark, func(_ *guard.Tx, q *Request) error {
		q.State = Refused
		return nil
	})
}

func (a *Access) decide(ctx context.Context, who strongroom.Actor, id, remark string, fn func(tx *guard.Tx, q *Request) error) (Request, error) {
	if err := checkReason("remark", remark, 0); err != nil {
		return Request{}, a.refuse(ctx, who, requestApprove, err)
	}
	return a.change(ctx, who, requestApprove, id, func(tx *guard.Tx, q *Request) error {
		if own, err := a.ownHand(&tx.Reader, q, who.ID); err != nil {
			return err
		} else if own {
			return strongroom.Faultf(strongroom.Denied, "four-eyes", "another person decides about it")
		}
		q.Remark = remark
		return fn(tx, q)
	})
}

// Withdraw takes a request back.
func (a *Access) Withdraw(ctx context.Context, who strongroom.Actor, id string) (Request, error) {
	return a.change(ctx, who, requestWithdraw, id, func(_ *guard.Tx, q *Request) error {
		q.State = Withdrawn
		return nil
	})
}

// change loads an open request, asks whether who may do act to it, and stores what
// fn makes of it. A request that does not exist is asked about all the same, so
// that the answer is recorded and tells a stranger nothing.
func (a *Access) change(ctx context.Context, who strongroom.Actor, act strongroom.Action, id string, fn func(tx *guard.Tx, q *Request) error) (Request, error) {
	if !strongroom.IsID("req", id) {
		return Request{}, a.refuse(ctx, who, act, noRequest())
	}
	var q *Request
	err := a.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		q, err = a.handle(tx, who, act, id)
		if err != nil {
			return err
		}
		q.Decided, q.Decider = tx.Now(), who.ID
		if err := fn(tx, q); err != nil {
			return err
		}
		q.blank()
		row, err := a.sealRequest(q)
		if err != nil {
			return err
		}
		return updateRequest(tx, row)
	})
	if err != nil {
		return Request{}, err
	}
	return *q, nil
}

func (a *Access) handle(tx *guard.Tx, who strongroom.Actor, act strongroom.Action, id string) (*Request, error) {
	row, err := loadRequest(&tx.Reader, id)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return nil, err
	}
	q := &Request{ID: id}
	if err == nil {
		if q, err = a.openRequest(row); err != nil {
			return nil, err
		}
	}
	missing := err != nil
	if act == requestApprove && q.Spec.Kind == BreakGlass {
		act = glassBreak
	}
	if act == requestApprove && !missing && local(who) {
		if q.Founding, err = a.lonely(&tx.Reader, q, tx.Now()); err != nil {
			return nil, err
		}
	}
	about, err := a.context(q.Spec)
	if err != nil {
		return nil, err
	}
	own, err := a.ownHand(&tx.Reader, q, who.ID)
	if err != nil {
		return nil, err
	}
	if act == requestWithdraw {
		own = q.isOwn(who)
	}
	if err := tx.Allow(act, q.resource(own, q.Founding), about); err != nil {
		return nil, err
	}
	if missing {
		return nil, noRequest()
	}
	a.note(tx, q)
	if q.Founding {
		tx.Note("mode", founding())
	}
	switch {
	case q.State != Open:
		return nil, strongroom.Faultf(strongroom.Conflict, "request-state", "the request is %s", q.State)
	case !tx.Now().Before(q.Ends) && act != requestExpire:
		return nil, strongroom.Faultf(strongroom.Conflict, "request-state", "the request has expired").Advise("ask again")
	}
	return q, nil
}

// ownHand reports whether one person can act as an account and as who asked for a
// request, whom it is about, or who would own what comes of it: nobody decides about
// what their own service asked (DPP 2.3.2).
func (a *Access) ownHand(r *db.Reader, q *Request, account string) (bool, error) {
	for _, x := range q.parties() {
		same, err := a.o.Services.SameHand(r, x, account)
		if err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// holds demands that who approves gives nothing beyond what they hold: stores of
// their own, and roles that they carry unless they are an owner. Nobody opens
// records for others who is not pledged themselves.
func (a *Access) holds(who strongroom.Actor, q *Request) error {
	if q.Founding {
		return nil
	}
	stores, all := q.stores()
	if err := within(who, stores, all); err != nil {
		return err
	}
	has := func(r string) bool { return slices.Contains(who.Roles, r) }
	owner := has(authz.Owner) || a.o.Environment == strongroom.Test && has(authz.TestEverything)
	for _, r := range q.roles() {
		if !owner && !has(r) {
			return strongroom.Faultf(strongroom.Denied, "beyond", "nobody gives a role that they do not hold").Advise("let an owner decide")
		}
	}
	opens := q.Spec.Kind == Elevation || q.Spec.Kind == BreakGlass
	if opens && who.Kind == strongroom.PersonActor && !who.Standing.Pledged && !(local(who) && a.o.Environment == strongroom.Test) {
		return strongroom.Faultf(strongroom.Denied, "beyond", "nobody opens records for others who may not open any")
	}
	return nil
}

// deciders are the roles that decide about requests in the shipped policies.
func deciders() []string { return []string{authz.Owner, authz.Privacy, authz.Security} }

// lonely reports whether there is nobody but who asked, and whom it is about, who
// could decide about a request. Where it cannot be told of somebody, it is an error.
func (a *Access) lonely(r *db.Reader, q *Request, now time.Time) (bool, error) {
	for _, role := range deciders() {
		rows, err := holders(r, role, db.MicrosOrZero(now))
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			g, err := a.openGrant(row)
			if err != nil {
				continue // gives no right
			}
			who := strongroom.Actor{Kind: strongroom.PersonActor, ID: g.Subject, Roles: []string{role}, Stores: g.Stores, AllStores: g.AllStores,
				Standing: strongroom.Standing{Pledged: true}}
			own, err := a.ownHand(r, q, who.ID)
			if err != nil {
				return false, err
			}
			if own || a.holds(who, q) != nil {
				continue
			}
			err = a.o.People.MaySignIn(r, g.Subject, now)
			if err == nil || !strongroom.IsKind(err, strongroom.Unauthenticated) {
				return false, err
			}
		}
	}
	return true, nil
}

// make makes what an approved request asks for.
func (a *Access) make(tx *guard.Tx, q *Request) error {
	if err := a.exists(tx, q); err != nil {
		return err
	}
	switch q.Spec.Kind {
	case Account:
		x, err := a.o.People.AddTx(tx, q.Spec.Person, q.ID)
		if err != nil {
			return err
		}
		q.Spec.Subject, q.Made = x.ID, append(q.Made, x.ID)
		tx.Note("account", x.ID)
		return a.giveRoles(tx, q)
	case Role:
		return a.giveRoles(tx, q)
	case Service:
		k, err := a.o.Services.AddServiceTx(tx, q.Spec.Service, q.ID)
		if err != nil {
			return err
		}
		q.Made = append(q.Made, k.ID)
		return nil
	}
	return a.giveRight(tx, q)
}
