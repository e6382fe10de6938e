package access

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// GrantQuery says which grants to list.
type GrantQuery struct {
	Person string // those of one person, over or not; empty is all
	Live   bool   // of all, those that nobody ended
	Cursor string // the id after which to go on
	Limit  int    // 1 to 1,000; 100 if zero
}

// Grants lists grants in order of their ids. Who is limited to some stores sees
// those within them, and the own. next is empty at the end.
func (a *Access) Grants(ctx context.Context, who strongroom.Actor, q GrantQuery) (out []Grant, next string, err error) {
	if q.Cursor != "" && !strongroom.IsID("grt", q.Cursor) || q.Person != "" && !strongroom.IsID("usr", q.Person) {
		return nil, "", a.refuse(ctx, who, grantList, strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor or the person is none of ours"))
	}
	if q.Limit <= 0 || q.Limit > 1000 {
		q.Limit = 100
	}
	res := instance()
	res.Attrs = map[string]any{"own": q.Person != "" && q.Person == who.ID}
	err = a.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(grantList, res, guard.Context{}); err != nil {
			return err
		}
		out, next = nil, ""
		rows, err := listGrants(&v.Reader, q.Cursor, q.Limit+1, q.Person, q.Live)
		if err != nil {
			return err
		}
		if len(rows) > q.Limit {
			rows = rows[:q.Limit]
			next = rows[q.Limit-1].id
		}
		for _, r := range rows {
			g, err := a.openGrant(r)
			if err != nil {
				// Somebody changed the row. It must not keep the others out of the list.
				g = &Grant{ID: r.id, Subject: r.subject, Damaged: true}
			}
			stores, all := g.Stores, g.AllStores || g.Damaged
			if g.Role == "" {
				stores = []string{g.Right.Store}
			}
			if g.Subject == who.ID || within(who, stores, all) == nil {
				out = append(out, *g)
			}
		}
		return nil
	})
	return out, next, err
}

// Revoke ends a grant at once. Revoking it again changes nothing. A grant that
// does not open, and gives no right, is ended all the same.
func (a *Access) Revoke(ctx context.Context, who strongroom.Actor, id string) error {
	if !strongroom.IsID("grt", id) {
		return a.refuse(ctx, who, grantRevoke, noGrant())
	}
	return a.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		g, err := a.handleGrant(tx, who, id)
		if err != nil || !g.Ended.IsZero() {
			return err
		}
		return a.end(tx, g, false)
	})
}

// handleGrant loads a grant and asks whether who may revoke it.
func (a *Access) handleGrant(tx *guard.Tx, who strongroom.Actor, id string) (*Grant, error) {
	row, err := loadGrant(&tx.Reader, id)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return nil, err
	}
	missing := err != nil
	g := &Grant{ID: id}
	if !missing {
		if g, err = a.openGrant(row); err != nil {
			g = &Grant{ID: id, Subject: row.subject, Request: row.request, From: db.TimeOrZero(row.from), Damaged: true}
		}
	}
	res := strongroom.Resource{Type: "Grant", ID: id, Attrs: map[string]any{"own": g.Subject != "" && g.Subject == who.ID}}
	if g.Role != "" {
		res.Attrs["roles"] = []string{g.Role}
	}
	if err := tx.Allow(grantRevoke, res, guard.Context{}); err != nil {
		return nil, err
	}
	if missing {
		return nil, noGrant()
	}
	if strongroom.IsID("req", g.Request) {
		tx.Note("case", g.Request)
	}
	if strongroom.IsID("usr", g.Subject) {
		tx.Note("account", g.Subject)
	}
	return g, nil
}

func noGrant() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "grant", "there is no such grant")
}

// Orphans counts the grants that nobody ended and that have no case: rows that do
// not open, or whose request is not there and approved. There is none unless
// somebody wrote to the database by hand (DPP 2.2.1). It is for gauges and the
// doctor.
func (a *Access) Orphans(ctx context.Context) (n int, err error) {
	err = a.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		n = 0
		for after := ""; ; {
			rows, err := listGrants(r, after, step, "", true)
			if err != nil {
				return err
			}
			for _, row := range rows {
				after = row.id
				if !a.hasCase(r, row) {
					n++
				}
			}
			if len(rows) < step {
				return nil
			}
		}
	})
	return n, err
}

// hasCase reports whether a grant opens and its request does and names it.
func (a *Access) hasCase(r *db.Reader, row grantRow) bool {
	if _, err := a.openGrant(row); err != nil {
		return false
	}
	q, err := loadRequest(r, row.request)
	if err != nil {
		return false
	}
	x, err := a.openRequest(q)
	return err == nil && x.State == Approved && contains(x.Made, row.id)
}
