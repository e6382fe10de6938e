package lifecycle

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Get returns one case. Faults: Denied, NotFound.
func (cs *Cases) Get(ctx context.Context, who strongroom.Actor, id string) (Case, error) {
	if !strongroom.IsID(casePrefix, id) {
		return Case{}, cs.refuse(ctx, who, actionCaseList, "", noCase())
	}
	var c Case
	err := cs.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		var found error
		if c, found = cs.load(&v.Reader, id, v.Now()); found != nil && !strongroom.IsKind(found, strongroom.NotFound) {
			return found
		}
		c.ID = id
		if err := v.Allow(actionCaseList, caseResource(&c), guard.Context{}); err != nil {
			return err
		}
		if found == nil && !c.within(who) {
			return errBeyond()
		}
		return found
	})
	if err != nil {
		return Case{}, err
	}
	return c, nil
}

// CaseQuery asks for a page of cases.
type CaseQuery struct {
	Open   bool   // only those that are not closed, overdue ones included
	Cursor string // next of the page before
	Limit  int    // up to 200, default 50
}

// List returns cases, oldest first; who is limited to some stores gets those that
// lie within them, so a page may be shorter than asked. next is empty at the end.
func (cs *Cases) List(ctx context.Context, who strongroom.Actor, q CaseQuery) (list []Case, next string, err error) {
	if q.Cursor != "" && !strongroom.IsID(casePrefix, q.Cursor) {
		return nil, "", cs.refuse(ctx, who, actionCaseList, "", badCursor())
	}
	limit := min(q.Limit, 200)
	if limit <= 0 {
		limit = 50
	}
	err = cs.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actionCaseList, instance(), guard.Context{}); err != nil {
			return err
		}
		list, next, err = cs.page(&v.Reader, v.Now(), who, q, limit)
		v.Note("count", len(list))
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// page reads limit rows after the cursor and keeps those within what who may see.
func (cs *Cases) page(r *db.Reader, now time.Time, who strongroom.Actor, q CaseQuery, limit int) (list []Case, next string, err error) {
	var after int64
	if q.Cursor != "" {
		row, err := loadCase(r, q.Cursor)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return nil, "", badCursor()
		}
		if err != nil {
			return nil, "", err
		}
		after = row.num
	}
	rows, err := listCases(r, q.Open, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].id
	}
	for i := range rows {
		c, err := cs.open(&rows[i], now)
		if err != nil {
			return nil, "", err
		}
		if c.within(who) {
			list = append(list, c)
		}
	}
	return list, next, nil
}

// CheckOpen returns nil while a case is open for a purpose in a store at the
// instant now, else a fault of kind Denied that says why not. It reads through r
// alone, so the answer holds as long as what r sees: within a writing transaction,
// until its commit. Safe for concurrent use.
func (cs *Cases) CheckOpen(r *db.Reader, now time.Time, id string, purpose strongroom.Purpose, store string) error {
	c, err := cs.load(r, id, now)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return denied("case", "this purpose needs an open case and the reference names none").
			Advise("open the case first and give its id as reference")
	}
	if err != nil {
		return err
	}
	switch {
	case c.Purpose != purpose:
		return denied("case-purpose", "the case is for another purpose")
	case !c.covers(store):
		return denied("case-store", "the case is not for this store")
	case c.State == CaseClosed:
		return denied("case-closed", "the case is closed")
	case c.State == CaseOverdue:
		return denied("case-overdue", "the case is past its due date").Advise("close it; what is still owed needs a case of its own")
	}
	return nil
}

func denied(code, what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Denied, code, "%s", what)
}
