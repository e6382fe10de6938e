package vault

import (
	"context"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

const (
	sqlMarkErased = `update vault_record set status = 2, expires_at = $2 where id = $1`
	sqlRemains    = `select id, status, expires_at, facts, entries from vault_record
		where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	sqlReferencesRemove = `delete from vault_reference
		where record in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	sqlStonesOver = `delete from vault_record where id in (
		select id from vault_record where status <> 1 and expires_at <= $1 and body is null order by expires_at limit $2)`
)

// remains is what a dead record left behind.
type remains struct {
	id      recordID
	status  status
	expires time.Time
	facts   []byte
	entries []byte
}

// liftRecord removes the tombstone of one object.
func (v *Vault) liftRecord(ident seal.Key, kindName, externalID string) (func(*guard.Tx) error, error) {
	k, ok := fieldmap.ParseKind(kindName)
	if !ok {
		return nil, strongroom.Faultf(strongroom.Invalid, "kind", "kind must be order, customer, fulfillment, store, email, phone or national")
	}
	h := identOf(ident, k, externalID)
	return func(tx *guard.Tx) error {
		r, err := loadIdent(&tx.Reader, h)
		if err != nil {
			return err
		}
		if r == nil || r.status == live {
			return liftedOr(tx, 0)
		}
		if err := v.forgetRow(tx, r.id, r.entries); err != nil {
			return err
		}
		return liftedOr(tx, 1)
	}, nil
}

// forgetRow removes a dead record's row and whatever still hangs on it.
func (v *Vault) forgetRow(tx *guard.Tx, id recordID, entries []byte) error {
	for _, h := range entriesOf(entries) {
		if err := tx.Queue(sqlEntryRemove, append([]byte(nil), h[:]...), uint64(id)); err != nil {
			return err
		}
	}
	if err := tx.Queue(sqlReferenceRemove, uint64(id)); err != nil {
		return err
	}
	return tx.Queue(sqlRemove, uint64(id))
}

// stonesEvery is how often tombstones that have run out are looked for.
const stonesEvery = 6 * time.Hour

// clearing remembers when tombstones were last looked for.
type clearing struct{ stones atomic.Int64 }

// ClearStep removes what up to limit dead records left: index rows, references,
// the sealed parts that no key opens any more. The emptied row stays as
// tombstone for the profile's time. more says that others wait. With nothing to
// do it makes no event; what it did is done whatever happens after.
func (v *Vault) ClearStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error) {
	waiting, err := v.keys.Overdue(ctx)
	if err != nil {
		return 0, false, err
	}
	now := v.clock.Now()
	stones := now.UnixMicro() >= v.clearing.stones.Load()
	if waiting == 0 && !stones {
		return 0, false, nil
	}
	left := false // tombstones that this step had no room for
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, more, left = 0, false, false
		if err := tx.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		dead, err := v.keys.DeadTx(tx, limit)
		if err != nil {
			return err
		}
		if n, err = v.clear(tx, dead); err != nil {
			return err
		}
		more = len(dead) == limit
		if stones {
			if left, err = v.sweepStones(tx, limit); err != nil {
				return err
			}
			more = more || left
		}
		tx.Note("cleared", int64(n))
		tx.Note("more", more)
		return nil
	})
	if err != nil || !stones || left {
		return n, more, err
	}
	v.clearing.stones.Store(now.Add(stonesEvery).UnixMicro())
	return n, more, nil
}

// sweepStones removes up to limit tombstones of each sort that have run out, and
// tells whether others may be left.
func (v *Vault) sweepStones(tx *guard.Tx, limit int) (left bool, err error) {
	now := db.Micros(tx.Now())
	records, err := tx.Exec(sqlStonesOver, now, limit)
	if err != nil {
		return false, err
	}
	graves, err := tx.Exec(sqlGraveSweep, now, limit)
	return max(records, graves) >= int64(limit), err
}

// clear empties the rows of dead records and takes them off the queue.
func (v *Vault) clear(tx *guard.Tx, dead []keys.Dead) (int, error) {
	if len(dead) == 0 {
		return 0, nil
	}
	ids := make([]uint64, len(dead))
	why := make(map[recordID]keys.Reason, len(dead))
	for i, d := range dead {
		ids[i], why[recordID(d.Record)] = d.Record, d.Reason
	}
	rows, err := loadRemains(&tx.Reader, ids)
	if err != nil {
		return 0, err
	}
	count := 0
	for i := range rows {
		r := &rows[i]
		if r.entries == nil {
			continue // cleared before
		}
		if r.status == live {
			r.status, r.expires = expired, tx.Now().Add(v.profile.Tombstone)
			if why[r.id] != keys.Expired {
				r.status = erased // a ledger replayed after a restore knows no more than that
			}
		}
		if err := clearOne(tx, r); err != nil {
			return 0, err
		}
		count++
	}
	if err := removeReferences(tx, rows); err != nil {
		return 0, err
	}
	if err := removeRemains(tx, rows); err != nil {
		return 0, err
	}
	return count, v.keys.ForgetTx(tx, ids)
}

func clearOne(tx *guard.Tx, r *remains) error {
	f, err := parseFacts(r.facts)
	if err != nil {
		f = facts{Updated: tx.Now()} // nothing older will count as new
	}
	stone := f.headstone()
	return buryRow(tx, r.id, r.status, r.expires, stone.appendTo(nil))
}

// removeReferences removes the references of all records, sixteen to a
// statement. The last one fills up with its last record.
func removeReferences(tx *guard.Tx, rows []remains) error {
	args := make([]any, identChunk)
	_, err := tx.Batch(sqlReferencesRemove, (len(rows)+identChunk-1)/identChunk, func(i int) []any {
		for j := range args {
			args[j] = uint64(rows[min(i*identChunk+j, len(rows)-1)].id)
		}
		return args
	})
	return err
}

// removeRemains removes the index rows of all records in one batch.
func removeRemains(tx *guard.Tx, rows []remains) error {
	var entries []indexEntry
	for i := range rows {
		for _, h := range entriesOf(rows[i].entries) {
			entries = append(entries, indexEntry{h, rows[i].id})
		}
	}
	return eachEntries(tx, entries, removeEntries)
}

func loadRemains(r *db.Reader, ids []uint64) ([]remains, error) {
	var out []remains
	var args [identChunk]any
	for len(ids) > 0 {
		n := min(identChunk, len(ids))
		for i := range args {
			args[i] = ids[min(i, n-1)]
		}
		rows, err := r.Query(sqlRemains, args[:]...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var one remains
			var expires int64
			if err := rows.Scan(&one.id, &one.status, &expires, &one.facts, &one.entries); err != nil {
				rows.Close()
				return nil, err
			}
			one.expires = db.Time(expires)
			out = append(out, one)
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return out, nil
}

// Gauges returns live facts of the vault and its keys for metrics.
func (v *Vault) Gauges(ctx context.Context) (Gauges, error) {
	g, err := v.keys.Gauges(ctx)
	if err != nil {
		return Gauges{}, err
	}
	out := Gauges{Overdue: g.Overdue, NextDue: g.NextDue, Damaged: v.damage.count.Load()}
	if g.OldestRecord != 0 {
		out.OldestPII = recordID(g.OldestRecord).time()
	}
	return out, nil
}
