package vault

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// A record's date stands twice: beside its key and in its own row. One commit
// writes both, and the earlier of the two kills. So moving the date beside the key
// alone keeps nothing alive: the sweep finds the record by its row.

const (
	sqlLate      = `select id from vault_record where status = 1 and expires_at <= $1 order by expires_at limit $2`
	sqlLateCount = `select count(*) from (select 1 from vault_record where status = 1 and expires_at <= $1 limit $2) d`
)

// lateCount counts the live rows past their date, up to limit. Those whose keys the
// sweep took and whose remains wait are among them.
func lateCount(r *db.Reader, limit int) (n int64, err error) {
	err = r.QueryRow(sqlLateCount, db.Micros(r.Now()), limit).Scan(&n)
	return n, err
}

func (v *Vault) countLate(ctx context.Context, limit int) (n int64, err error) {
	err = v.guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		n, err = lateCount(r, limit)
		return err
	})
	return n, err
}

// clearLate destroys the keys of up to limit records that are past the date in
// their own row, for the next step to clear, and clears those that have none. forged
// are those whose key claims a later date; more says that there is work left.
func (v *Vault) clearLate(tx *guard.Tx, limit int) (n int, more bool, forged []recordID, err error) {
	ids, err := scanIDs(tx.Query(sqlLate, db.Micros(tx.Now()), limit))
	if err != nil || len(ids) == 0 {
		return 0, false, nil, err
	}
	records := make([]uint64, len(ids))
	for i, id := range ids {
		records[i] = uint64(id)
	}
	alive, err := v.keys.LoadManyTx(tx, records)
	if err != nil {
		return 0, false, nil, err
	}
	lapsed, err := v.keys.LapseTx(tx, records)
	if err != nil {
		return 0, false, nil, err
	}
	var keyless []keys.Dead
	for _, id := range ids {
		if _, ok := alive[uint64(id)]; ok {
			forged = append(forged, id)
		}
		if !slices.Contains(lapsed, uint64(id)) {
			keyless = append(keyless, keys.Dead{Record: uint64(id), Reason: keys.Expired, At: tx.Now()})
		}
	}
	n, err = v.bury(tx, keyless)
	return n, len(lapsed) > 0 || len(ids) == limit, forged, err
}

// tellForged names the records in events of their own.
func (v *Vault) tellForged(ctx context.Context, who strongroom.Actor, forged []recordID, receipt *guard.Receipt) error {
	for _, id := range forged {
		v.damaged(id.String())
		index, _ := receipt.Index()
		res := strongroom.Resource{Type: "Record", ID: id.String()}
		if err := v.guard.Failed(ctx, who, actionSweep, res, "tampered", index); err != nil {
			return err
		}
	}
	return nil
}
