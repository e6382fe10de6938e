package keys

import (
	"context"
	"math"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// A key that does not open with the epoch key its row names was changed, moved or
// given another date: the keyring is in memory and whole, so nothing that passes
// can look like it. Its row is put aside. Nothing is destroyed by that, and nothing
// of the row is changed but the mark: it stays its record's row, dies on its date
// and with its record, and where the change is undone, or the right keyring is
// brought back, while the epoch key it names still lives, the next roll takes it
// back. But the roll waits for it no longer. What a change of the database can
// come to is therefore the loss of that one record, as if its row had been deleted.

// asideTold is how many records one step of a roll names in events of their own.
// The step's event counts the others too.
const asideTold = 1000

// AsideLimit bounds what Aside and Gauges.Aside return.
const AsideLimit = 1000

// putAside names each row in an event and then marks it. After a crash in between
// the roll meets the rows again.
func (k *Keys) putAside(ctx context.Context, who strongroom.Actor, shut []Wrapped, receipt *guard.Receipt) error {
	if len(shut) == 0 {
		return nil
	}
	names := k.ring.now.Load().byNumber
	index, _ := receipt.Index()
	for i, w := range shut {
		k.guard.Damage().Saw(strongroom.RecordID(w.Record))
		if i >= asideTold {
			continue
		}
		if err := k.guard.Failed(ctx, who, actEpochRoll, recordResource(w.Record, names[w.Store]), "tampered", index); err != nil {
			return err
		}
	}
	k.o.Log.ErrorContext(ctx, "data keys do not open and were put aside", "records", len(shut), "first", strongroom.RecordID(shut[0].Record))
	return k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actEpochRoll, epochResource(k.Epoch().Current), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", stageAside())
		n, err := tx.Batch(sqlSetAside, len(shut), func(i int) []any {
			return []any{int64(shut[i].Record), shut[i].Wrap}
		})
		tx.Note("keys", n)
		return err
	})
}

func recordResource(record uint64, store string) strongroom.Resource {
	return strongroom.Resource{Type: "Record", ID: strongroom.RecordID(record), Store: store}
}

func stageAside() audit.Term { return audit.Word("aside") }

// takeBack moves the rows that open after all to the current epoch.
func (k *Keys) takeBack(ctx context.Context, who strongroom.Actor) error {
	for next := lowest; next != math.MaxInt64; {
		rows, err := k.asideRows(ctx, next)
		if err != nil {
			return err
		}
		next = math.MaxInt64
		if len(rows) == rollBatch {
			next = int64(rows[rollBatch-1].Record) + 1
		}
		if err := k.takeBackSome(ctx, who, rows); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keys) takeBackSome(ctx context.Context, who strongroom.Actor, rows []Wrapped) error {
	rows, dead := k.putBack(rows)
	fresh, err := k.ring.rewrapAll(rows)
	if err != nil {
		return err
	}
	var back []uint64
	for i, w := range rows {
		if fresh[i] != nil {
			back = append(back, w.Record)
		}
	}
	if len(back)+len(dead) == 0 {
		return nil
	}
	return k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		epoch := k.Epoch().Current
		if err := tx.Allow(actEpochRoll, epochResource(epoch), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", stageBack())
		n, err := putRewrapped(tx, rows, fresh, epoch)
		if err != nil {
			return err
		}
		tx.Note("keys", int64(n))
		if _, err := tx.Batch(sqlUnsetAside, len(back), func(i int) []any { return []any{int64(back[i])} }); err != nil {
			return err
		}
		_, err = k.DestroyTx(tx, dead, Replayed)
		return err
	})
}

func stageBack() audit.Term { return audit.Word("back") }

// asideRows returns a batch of the rows that were put aside, from a record on.
func (k *Keys) asideRows(ctx context.Context, from int64) (rows []Wrapped, err error) {
	err = k.guard.Quiet(ctx, guard.Cursor, func(_ context.Context, tx *guard.Tx) error {
		rows, err = listRows(tx.Query(sqlAside, from, rollBatch))
		return err
	})
	return rows, err
}

// Aside returns the first records whose keys a roll put aside, up to AsideLimit.
// They are damaged; erasing them ends it. It names ids alone and asks no policy.
func (k *Keys) Aside(ctx context.Context) (records []uint64, err error) {
	err = k.guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		records, err = asideRecords(r)
		return err
	})
	return records, err
}

func asideRecords(r *db.Reader) (records []uint64, err error) {
	rows, err := r.Query(sqlAsideRecords, AsideLimit)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var record uint64
		if err := rows.Scan(&record); err != nil {
			return nil, closing(rows, err)
		}
		records = append(records, record)
	}
	return records, rows.Close()
}
