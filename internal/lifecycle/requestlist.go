package lifecycle

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

// Get returns one request. Faults: Denied, NotFound.
func (rs *Requests) Get(ctx context.Context, who strongroom.Actor, id string) (Request, error) {
	q, err := rs.get(ctx, who, id)
	if err != nil {
		return Request{}, err
	}
	return q.Request, nil
}

func (rs *Requests) get(ctx context.Context, who strongroom.Actor, id string) (q *held, err error) {
	if !strongroom.IsID(requestPrefix, id) {
		return nil, rs.refuse(ctx, who, actionRequestList, noRequest())
	}
	err = rs.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		var found error
		store := ""
		if q, found = rs.load(&v.Reader, id, v.Now()); found == nil {
			store = q.store()
		} else if !strongroom.IsKind(found, strongroom.NotFound) {
			return found
		}
		if err := v.Allow(actionRequestList, requestResource(id, store), guard.Context{}); err != nil {
			return err
		}
		if found == nil && !q.within(who) {
			return beyondRequest()
		}
		return found
	})
	return q, err
}

// RequestQuery asks for a page of requests.
type RequestQuery struct {
	Open   bool   // only those that are not over
	Cursor string // next of the page before
	Limit  int    // up to 200, default 50
}

// List returns requests, oldest first; who is limited to some stores gets those that
// lie within them, so a page may be shorter than asked. next is empty at the end.
func (rs *Requests) List(ctx context.Context, who strongroom.Actor, o RequestQuery) (list []Request, next string, err error) {
	if o.Cursor != "" && !strongroom.IsID(requestPrefix, o.Cursor) {
		return nil, "", rs.refuse(ctx, who, actionRequestList, badCursor())
	}
	limit := min(o.Limit, 200)
	if limit <= 0 {
		limit = 50
	}
	err = rs.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actionRequestList, instance(), guard.Context{}); err != nil {
			return err
		}
		list, next, err = rs.page(&v.Reader, v.Now(), who, o, limit)
		v.Note("count", len(list))
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

func (rs *Requests) page(r *db.Reader, now time.Time, who strongroom.Actor, o RequestQuery, limit int) (list []Request, next string, err error) {
	var after int64
	if o.Cursor != "" {
		row, err := loadRequest(r, o.Cursor)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return nil, "", badCursor()
		}
		if err != nil {
			return nil, "", err
		}
		after = row.num
	}
	rows, err := listRequests(r, o.Open, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].id
	}
	for i := range rows {
		q, err := rs.open(&rows[i], now)
		if err != nil {
			return nil, "", err
		}
		if q.within(who) {
			list = append(list, q.Request)
		}
	}
	return list, next, nil
}

// Matching returns the ids of the live records that a request is about, as who could
// find them: what is found for an answer is found by a person who may. The identifiers
// themselves are told to nobody. Faults: Denied, NotFound, Conflict (a request about a
// whole store, or one that is done).
func (rs *Requests) Matching(ctx context.Context, who strongroom.Actor, id string) (records []string, err error) {
	q, err := rs.get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if len(q.body.Shoppers)+len(q.body.Orders) == 0 || len(q.Stores) == 0 {
		return nil, rs.refuse(ctx, who, actionRequestList, strongroom.Faultf(strongroom.Conflict, "request-state", "the request names nobody, or it is done, or its store is not known"))
	}
	var ask []vault.FindQuery
	for _, p := range shoppersOf(q.body.Shoppers) {
		ask = append(ask, vault.FindQuery{ExternalID: p.ID}, vault.FindQuery{Email: p.Email}, vault.FindQuery{Phone: p.Phone}, vault.FindQuery{NationalID: p.NationalID})
	}
	for _, o := range q.body.Orders {
		ask = append(ask, vault.FindQuery{ExternalID: o})
	}
	for _, store := range q.Stores {
		for _, f := range ask {
			if f == (vault.FindQuery{}) {
				continue
			}
			f.Store, f.Limit = store, 200
			list, _, err := rs.o.Records.Find(ctx, who, f)
			if strongroom.IsKind(err, strongroom.Invalid) {
				continue // nothing to search by
			}
			if err != nil {
				return nil, err
			}
			for _, r := range list {
				if !slices.Contains(records, r.ID) {
					records = append(records, r.ID)
				}
			}
		}
	}
	slices.Sort(records)
	return records, nil
}

// RequestGauges are live facts of requests.
type RequestGauges struct {
	Open    int64 // not over
	Waiting int64 // for a person
	Overdue int64 // past a date of DPP 2.7, or of the law for an answer
	// Next is the first date to come of those that are not done, zero if there is none.
	Next time.Time
}

// Gauges returns live facts for metrics and findings.
func (rs *Requests) Gauges(ctx context.Context) (g RequestGauges, err error) {
	err = rs.each(ctx, func(r *db.Reader, q *held) error {
		g.Open++
		if q.State == RequestWaiting {
			g.Waiting++
		}
		if q.Overdue {
			g.Overdue++
			return nil
		}
		at := q.DeleteBy
		if !q.Erased.IsZero() {
			at = q.GoneBy
		}
		if g.Next.IsZero() || at.Before(g.Next) {
			g.Next = at
		}
		return nil
	})
	return g, err
}
