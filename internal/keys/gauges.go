package keys

import (
	"context"
	"errors"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Gauges are what a watcher asks about the data keys. Every number comes from
// the end of an index or from a bounded count, never from a scan.
type Gauges struct {
	// Overdue counts keys past their date that are not destroyed, and records
	// whose key is gone and whose remains are not cleared, each up to
	// OverdueLimit.
	Overdue int64
	// NextDue is the earliest erase-by date; zero if there is no key.
	NextDue time.Time
	// OldestRecord is the least record id that has a key; record ids begin with
	// their time. Zero if there is none.
	OldestRecord uint64
	// Aside counts the keys that a roll could not open and put aside, up to
	// AsideLimit. It is not 0 only if somebody changed the database.
	Aside int64
	// Epoch tells about the epochs; an epoch much older than its length means
	// that a roll waits.
	Epoch Epoch
}

// OverdueLimit bounds each part of Gauges.Overdue.
const OverdueLimit = 100_000

// Gauges returns the gauges as of now.
func (k *Keys) Gauges(ctx context.Context) (g Gauges, err error) {
	err = k.guard.Quiet(ctx, guard.Tally, func(_ context.Context, tx *guard.Tx) error {
		g, err = k.readGauges(&tx.Writer.Reader)
		return err
	})
	g.Epoch = k.Epoch()
	return g, err
}

// Overdue returns Gauges.Overdue.
func (k *Keys) Overdue(ctx context.Context) (int64, error) {
	g, err := k.Gauges(ctx)
	return g.Overdue, err
}

func (k *Keys) readGauges(r *db.Reader) (g Gauges, err error) {
	var late, dead, next, oldest int64
	if err := r.QueryRow(sqlOverdue, db.Micros(r.Now()), OverdueLimit).Scan(&late, &dead); err != nil {
		return g, err
	}
	if err := r.QueryRow(sqlNextDue, lowest).Scan(&next); err != nil {
		return g, err
	}
	if err := r.QueryRow(sqlOldest).Scan(&oldest); err != nil {
		return g, err
	}
	aside, err := asideRecords(r)
	if err != nil {
		return g, err
	}
	for _, record := range aside {
		k.guard.Damage().Saw(strongroom.RecordID(record)) // met by a process before this one
	}
	k.due.doubt(next)
	g.Aside = int64(len(aside))
	g.Overdue, g.OldestRecord = late+min(dead, OverdueLimit), uint64(oldest)
	if oldest != 0 {
		g.NextDue = db.Time(next)
	}
	return g, nil
}

// faultCode returns the stable code of an error for an event.
func faultCode(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && f.Code != "" {
		return f.Code
	}
	return "internal"
}
