package access

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// step is how many rows one reading takes.
const step = 500

// FoundTx makes the first owner's grant with a case of its own, in the commit that
// makes the account. It has the form of a hook of package people. The caller has
// decided.
func (a *Access) FoundTx(tx *guard.Tx, person string) error {
	now := tx.Now()
	q := &Request{
		ID: strongroom.NewID("req"), State: Approved, Asker: tx.Actor().ID, Asked: now, Ends: now, Decided: now, Decider: tx.Actor().ID, Founding: true,
		Spec: Spec{
			Kind: Account, Reason: "founding", Subject: person, Roles: []string{authz.Owner}, AllStores: true, Person: people.Spec{Source: "founding"},
		},
		Made: []string{person},
	}
	tx.Note("mode", founding())
	if err := a.giveRoles(tx, q); err != nil {
		return err
	}
	row, err := a.sealRequest(q)
	if err != nil {
		return err
	}
	return insertRequest(tx, row)
}

// EndTx takes away what a person may do, in the commit that ends the account
// (DPP 2.2.12): grants end, and what the person asked for, or was to get, is
// withdrawn. It has the form of a hook of package people. The caller has decided.
func (a *Access) EndTx(tx *guard.Tx, person string) error {
	grants, err := notEndedOf(&tx.Reader, person)
	if err != nil {
		return err
	}
	for _, row := range grants {
		g, err := a.openGrant(row)
		if err != nil {
			continue // gives no right, and stays as evidence
		}
		if err := a.endRow(tx, g); err != nil {
			return err
		}
	}
	rows, err := openOf(&tx.Reader, person)
	if err != nil {
		return err
	}
	for _, row := range rows {
		q, err := a.openRequest(row)
		if err != nil {
			continue
		}
		q.State, q.Decided, q.Decider = Withdrawn, tx.Now(), tx.Actor().ID
		q.blank()
		if row, err = a.sealRequest(q); err != nil {
			return err
		}
		if err := updateRequest(tx, row); err != nil {
			return err
		}
	}
	a.changed(tx, person)
	return nil
}

// HasOpen reports whether a request waits that a person made or that is about them: a
// way in that a proof of the end must find closed (DPP 2.2.12).
func (a *Access) HasOpen(r *db.Reader, person string, _ time.Time) (bool, error) {
	rows, err := openOf(r, person)
	return len(rows) > 0, err
}

// Expire notes what is over: requests that nobody decided, and grants past their
// end. Neither counted since it was over. Each is an event. The sweeper calls it;
// doing it again does nothing more.
func (a *Access) Expire(ctx context.Context) (requests, grants int, err error) {
	sweeper := strongroom.System("sweeper")
	due := func(find func(r *db.Reader, now int64, limit int) ([]string, error)) (ids []string, err error) {
		err = a.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
			ids, err = find(r, db.MicrosOrZero(r.Now()), step)
			return err
		})
		return ids, err
	}
	ids, err := due(a.dueRequests)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		_, err := a.change(ctx, sweeper, requestExpire, id, func(_ *guard.Tx, q *Request) error {
			q.State = Expired
			return nil
		})
		if err != nil && !strongroom.IsKind(err, strongroom.Conflict) { // somebody was quicker
			return requests, grants, err
		}
		if err == nil {
			requests++
		}
	}
	if ids, err = due(a.dueGrants); err != nil {
		return requests, grants, err
	}
	for _, id := range ids {
		err := a.o.Guard.Do(ctx, sweeper, func(_ context.Context, tx *guard.Tx) error {
			g, err := a.handleGrant(tx, sweeper, id)
			if err != nil || g.Damaged || !g.Ended.IsZero() {
				return err
			}
			return a.endRow(tx, g)
		})
		if err != nil {
			return requests, grants, err
		}
		grants++
	}
	return requests, grants, nil
}

// dueRequests leaves out rows that do not open: nobody can decide about them.
func (a *Access) dueRequests(r *db.Reader, now int64, limit int) ([]string, error) {
	ids, err := dueRequests(r, now, limit)
	return slices.DeleteFunc(ids, func(id string) bool {
		row, err := loadRequest(r, id)
		if err == nil {
			_, err = a.openRequest(row)
		}
		return err != nil
	}), err
}

// dueGrants leaves out rows that do not open: they gave no right.
func (a *Access) dueGrants(r *db.Reader, now int64, limit int) ([]string, error) {
	ids, err := dueGrants(r, now, limit)
	return slices.DeleteFunc(ids, func(id string) bool {
		row, err := loadGrant(r, id)
		if err == nil {
			_, err = a.openGrant(row)
		}
		return err != nil
	}), err
}
