package vault

import (
	"context"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// A tombstone's date was over before it began to stand, so that those which have run
// out are at the front of the index by date.
const sqlStonesOver = `delete from vault_record where id in (
		select id from vault_record where expires_at <= $1 and status <> 1 and anchor_at <= $2 and entries is null
		order by expires_at limit $3)`

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
	waiting, err := v.keys.DeadWait(ctx)
	if err != nil {
		return 0, false, err
	}
	now := v.clock.Now()
	stones, left := now.UnixMicro() >= v.clearing.stones.Load(), false
	if waiting || stones {
		if n, more, left, err = v.clearStep(ctx, who, limit, stones); err != nil {
			return n, more, err
		}
	}
	if stones && !left {
		v.clearing.stones.Store(now.Add(stonesEvery).UnixMicro())
	}
	if more {
		return n, true, nil
	}
	late, err := v.lookForLate(ctx, limit)
	if err != nil || len(late) == 0 {
		return n, false, err
	}
	m, more, err := v.clearLateStep(ctx, who, late, limit)
	return n + m, more, err
}

// clearStep clears up to limit records of the queue in one transaction. left says
// that there are tombstones it had no room for.
func (v *Vault) clearStep(ctx context.Context, who strongroom.Actor, limit int, stones bool) (n int, more, left bool, err error) {
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, more, left = 0, false, false
		if err := tx.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		queue, err := v.keys.DeadTx(tx, limit)
		if err != nil {
			return err
		}
		if n, err = v.clear(tx, queue); err != nil {
			return err
		}
		if stones {
			if left, err = v.sweepStones(tx, limit); err != nil {
				return err
			}
		}
		more = len(queue.Dead) == limit || left
		tx.Note("cleared", int64(n))
		tx.Note("more", more)
		return nil
	})
	return n, more, left, err
}

// sweepStones removes up to limit tombstones of each sort that have run out, and
// tells whether others may be left.
func (v *Vault) sweepStones(tx *guard.Tx, limit int) (left bool, err error) {
	now := db.Micros(tx.Now())
	records, err := tx.Exec(sqlStonesOver, db.Micros(tx.Now().Add(-v.profile.Tombstone)), now, limit)
	if err != nil {
		return false, err
	}
	graves, err := tx.Exec(sqlGraveSweep, now, limit)
	return max(records, graves) >= int64(limit), err
}

// Gauges returns live facts of the vault and its keys for metrics.
func (v *Vault) Gauges(ctx context.Context) (Gauges, error) {
	g, err := v.keys.Gauges(ctx)
	if err != nil {
		return Gauges{}, err
	}
	late, err := v.countLate(ctx)
	if err != nil {
		return Gauges{}, err
	}
	// Where the sweep is behind both count the same records; where a key hides from
	// it behind another date, the rows still tell.
	out := Gauges{Overdue: max(g.Overdue, late), NextDue: g.NextDue, Damaged: v.Damaged()}
	if g.OldestRecord != 0 {
		out.OldestPII = recordID(g.OldestRecord).time()
	}
	return out, nil
}
