package intake

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Connector is a stored credential as a review of services sees it: a way by which
// data of a store comes in (DPP 2.2.11). It holds no part of the credential.
type Connector struct {
	Store string
	Since time.Time // when the credential was put in last
	Used  time.Time // when it was used last; zero if never
}

// Connectors lists the stored credentials in the order of their stores, from the
// state that r sees. It decides nothing: it is for a package that has.
func (i *Intake) Connectors(r *db.Reader) (out []Connector, err error) {
	rows, err := r.Query(sqlConnectors)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var c Connector
		var since, used, fetched int64
		if err := rows.Scan(&c.Store, &since, &used, &fetched); err != nil {
			_ = rows.Close() // the first failure counts
			return nil, err
		}
		c.Since = db.Time(since)
		if used = max(used, fetched); used > 0 {
			c.Used = db.Time(used)
		}
		if noted := i.used.of(c.Store); noted.After(c.Used) {
			c.Used = noted
		}
		out = append(out, c)
	}
	return out, rows.Close()
}

// Forget takes a store's credential away and leaves the store and its records.
// Doing it again changes nothing. Faults: NotFound for what is no store's id.
func (i *Intake) Forget(ctx context.Context, who strongroom.Actor, store string) error {
	if !strongroom.IsAnyID(store) {
		return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	return i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionConnect, resourceOf(store), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("forget"))
		return dropStore(tx, store)
	})
}
