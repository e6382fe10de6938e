package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"strongroom"
	"strongroom/internal/db"
)

// side is one of the two contestants. Its methods are safe for concurrent use
// and return when the work is on disk. Ids are the side's own.
type side interface {
	Ingest(ctx context.Context, body []byte) (id string, err error)
	IngestMany(ctx context.Context, bodies [][]byte) (ids []string, err error)
	// Reveal returns the original. The reference is what it is said to be for.
	Reveal(ctx context.Context, id, reference string) (body []byte, err error)
	// Find returns how many orders an e-mail address leads to.
	Find(ctx context.Context, email string) (int, error)
	Erase(ctx context.Context, id string) error
}

// What an act of the floor is, in its log.
const (
	actIngest = iota + 1
	actReveal
	actFind
	actErase
	actPurge
)

// floor keeps orders as plain rows.
type floor struct {
	db    *db.DB
	group *group
	next  atomic.Int64
	swept int64 // orders up to here were purged
	bared int64 // the same without indexes
}

const floorActor = "svc_plain"

func openFloor(ctx context.Context, at place, name string) (*floor, error) {
	d, err := at.open(ctx, name, new(strongroom.Clock), Schema())
	if err != nil {
		return nil, err
	}
	var last int64
	if err := d.Read(ctx, func(r *db.Reader) error { return r.QueryRow(sqlOrderLast).Scan(&last) }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	f := &floor{db: d, group: newGroup(d)}
	f.next.Store(last)
	return f, nil
}

// Close ends the floor.
func (f *floor) Close() error {
	f.group.close()
	return f.db.Close()
}

func (f *floor) log(tx *db.Tx, act int, record, count int64, purpose, reference string) error {
	return tx.Queue(sqlLogAdd, db.Micros(tx.Now()), floorActor, act, record, count, purpose, reference)
}

func (f *floor) row(body []byte, at int64) []any {
	c := columnsOf(body)
	return []any{f.next.Add(1), 1, c.externalID, c.email, c.phone, c.name, c.postal, c.national, at, string(body)}
}

func (f *floor) Ingest(_ context.Context, body []byte) (string, error) {
	row := f.row(body, db.Micros(f.db.Clock().Now()))
	id := row[0].(int64)
	return strconv.FormatInt(id, 10), f.group.do(func(tx *db.Tx) error {
		if err := tx.Queue(sqlOrderPut, row...); err != nil {
			return err
		}
		return f.log(tx, actIngest, id, 1, "", "")
	})
}

func (f *floor) IngestMany(_ context.Context, bodies [][]byte) ([]string, error) {
	rows, ids := make([][]any, len(bodies)), make([]string, len(bodies))
	at := db.Micros(f.db.Clock().Now())
	for i, b := range bodies {
		rows[i] = f.row(b, at)
		ids[i] = strconv.FormatInt(rows[i][0].(int64), 10)
	}
	return ids, f.group.do(func(tx *db.Tx) error {
		if _, err := tx.Batch(sqlOrderPut, len(rows), func(i int) []any { return rows[i] }); err != nil {
			return err
		}
		return f.log(tx, actIngest, 0, int64(len(rows)), "", "")
	})
}

// ingestPage stores the orders of a page in one commit of their own.
func (f *floor) ingestPage(ctx context.Context, bodies [][]byte) error {
	rows := make([][]any, len(bodies))
	at := db.Micros(f.db.Clock().Now())
	for i, b := range bodies {
		rows[i] = f.row(b, at)
	}
	return f.db.Update(ctx, func(tx *db.Tx) error {
		if _, err := tx.Batch(sqlOrderPut, len(rows), func(i int) []any { return rows[i] }); err != nil {
			return err
		}
		return f.log(tx, actIngest, 0, int64(len(rows)), "", "")
	})
}

func (f *floor) Reveal(ctx context.Context, id, reference string) ([]byte, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, err
	}
	var body string
	err = f.db.Read(ctx, func(r *db.Reader) error { return r.QueryRow(sqlOrderBody, n, 1).Scan(&body) })
	if err != nil {
		return nil, err
	}
	err = f.group.do(func(tx *db.Tx) error { return f.log(tx, actReveal, n, 1, "fulfilment", reference) })
	return []byte(body), err
}

func (f *floor) Find(ctx context.Context, email string) (int, error) {
	hits := 0
	err := f.db.Read(ctx, func(r *db.Reader) error {
		rows, err := r.Query(sqlOrderFind, 1, strings.ToLower(email), 51)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id, at int64
			var external string
			if err := rows.Scan(&id, &external, &at); err != nil {
				return errors.Join(err, rows.Close())
			}
			hits++
		}
		return rows.Close()
	})
	if err != nil {
		return 0, err
	}
	return hits, f.group.do(func(tx *db.Tx) error { return f.log(tx, actFind, 0, int64(hits), "", "") })
}

func (f *floor) Erase(_ context.Context, id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return err
	}
	return f.group.do(func(tx *db.Tx) error {
		if err := tx.Queue(sqlOrderDelete, n, 1); err != nil {
			return err
		}
		return f.log(tx, actErase, n, 1, "", "")
	})
}

// bare copies all orders into the table without indexes.
func (f *floor) bare(ctx context.Context) error {
	return f.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(sqlBarePut)
		return err
	})
}

// bareCount returns how many orders the table without indexes holds.
func (f *floor) bareCount(ctx context.Context) (n int64, err error) {
	err = f.db.Read(ctx, func(r *db.Reader) error { return r.QueryRow(sqlBareCount).Scan(&n) })
	return n, err
}

// purgeBare deletes up to n of the orders without indexes, oldest first, and
// returns how many there were.
func (f *floor) purgeBare(n int) (done int, err error) {
	err = f.group.do(func(tx *db.Tx) error {
		gone, err := tx.Exec(sqlBarePurge, f.bared, f.bared+int64(n))
		done = int(gone)
		return errors.Join(err, f.log(tx, actPurge, 0, gone, "", ""))
	})
	f.bared += int64(n)
	return done, err
}

// purge deletes up to n orders with their index entries, oldest first.
func (f *floor) purge(n int) (done int, err error) {
	err = f.group.do(func(tx *db.Tx) error {
		gone, err := tx.Exec(sqlOrderPurge, f.swept, f.swept+int64(n))
		done = int(gone)
		return errors.Join(err, f.log(tx, actPurge, 0, gone, "", ""))
	})
	f.swept += int64(n)
	return done, err
}

// ids names the first n orders.
func (f *floor) ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i + 1)
	}
	return out
}

var errWrong = errors.New("an answer was wrong")

func wrong(what string) error { return fmt.Errorf("%w: %s", errWrong, what) }
