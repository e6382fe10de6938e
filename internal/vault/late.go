package vault

import (
	"context"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// A record's date stands twice: beside its key and in its own row. One commit
// writes both, and the earlier of the two kills. So moving the date beside the key
// alone keeps nothing alive: the sweep finds the record by its row.

const (
	// The dead stand in the index by date among the living, so a look goes on where
	// the last one found nobody.
	sqlByDate = `select id, expires_at, status from vault_record
		where expires_at >= $1 and (expires_at > $1 or id > $2) and expires_at <= $3 order by expires_at, id limit $4`
	sqlLateCount = `select count(*) from (select 1 from vault_record where expires_at >= $1 and expires_at <= $2 and status = 1 limit $3) d`
	sqlStillLate = `select id from vault_record where id` + inClearWidth + ` and status = 1 and expires_at <= $65`
)

const (
	// lateEvery is how often the look for late records begins anew: a row whose date
	// somebody moved to before where the look is.
	lateEvery = 6 * time.Hour
	// latePage is how many rows one question of the look reads.
	latePage = 4000
)

// lateness is how far the look for late records has come: no record before it in
// the order of the dates is alive.
type lateness struct {
	mu    sync.Mutex
	from  stop
	begun time.Time // when the look began at the first date, by the data clock
}

// stop is a place in the index by date.
type stop struct {
	date int64 // microseconds
	id   recordID
}

// start returns where a look goes on as of now.
func (l *lateness) start(now time.Time) stop {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := now.Sub(l.begun); since < 0 || since >= lateEvery || db.Micros(now) < l.from.date {
		l.from, l.begun = stop{date: lowestDate}, now
	}
	return l.from
}

// passed notes that nobody is alive between two places.
func (l *lateness) passed(from, to stop) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == from {
		l.from = to
	}
}

// lowestDate is before every date.
const lowestDate = -1 << 63

// lookForLate returns up to limit live records that are past the date in their row.
func (v *Vault) lookForLate(ctx context.Context, limit int) (late []recordID, err error) {
	for {
		from := v.late.start(v.clock.Now())
		to, full := from, false
		err := v.guard.Look(ctx, guard.Tally, func(r *db.Reader) (err error) {
			late, to, full, err = readByDate(r, from, limit)
			return err
		})
		if err != nil {
			return nil, err
		}
		v.late.passed(from, to)
		if len(late) > 0 || !full {
			return late, nil
		}
	}
}

// readByDate reads a page of the rows that are past their date. It returns the live
// ones, the last place before the first of them, and whether there may be more rows.
func readByDate(r *db.Reader, from stop, limit int) (late []recordID, to stop, full bool, err error) {
	rows, err := r.Query(sqlByDate, from.date, uint64(from.id), db.Micros(r.Now()), latePage)
	if err != nil {
		return nil, from, false, err
	}
	to = from
	n := 0
	for rows.Next() {
		var at stop
		var is int64
		if err := rows.Scan(&at.id, &at.date, &is); err != nil {
			rows.Close()
			return nil, from, false, err
		}
		if n++; is != int64(live) && len(late) == 0 {
			to = at
		}
		if is == int64(live) && len(late) < limit {
			late = append(late, at.id)
		}
	}
	return late, to, n == latePage, rows.Close()
}

// countLate counts the live rows past their date, up to [keys.OverdueLimit]. Those
// whose keys the sweep took and whose remains wait are among them.
func (v *Vault) countLate(ctx context.Context) (n int64, err error) {
	from := v.late.start(v.clock.Now())
	err = v.guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		return r.QueryRow(sqlLateCount, from.date, db.Micros(r.Now()), keys.OverdueLimit).Scan(&n)
	})
	return n, err
}

// clearLateStep destroys the keys of late records, for the next step to clear, and
// clears those that have none. more says that there is work left.
func (v *Vault) clearLateStep(ctx context.Context, who strongroom.Actor, late []recordID, limit int) (n int, more bool, err error) {
	var forged []recordID
	var receipt *guard.Receipt
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, more, forged = 0, false, nil
		if err := tx.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		receipt = tx.Receipt()
		ids, err := stillLate(tx, late)
		if err != nil {
			return err
		}
		if n, more, forged, err = v.clearLate(tx, ids); err != nil {
			return err
		}
		more = more || len(late) == limit
		tx.Note("cleared", int64(n))
		tx.Note("more", more)
		return nil
	})
	if err == nil {
		err = v.tellForged(ctx, who, forged, receipt)
	}
	return n, more, err
}

// stillLate returns those of the records that are late in this transaction.
func stillLate(tx *guard.Tx, late []recordID) (out []recordID, err error) {
	args := make([]any, clearWidth+1)
	args[clearWidth] = db.Micros(tx.Now())
	for len(late) > 0 {
		n := min(clearWidth, len(late))
		for i := range clearWidth {
			args[i] = uint64(late[min(i, n-1)]) // the last one fills up
		}
		ids, err := scanIDs(tx.Query(sqlStillLate, args...))
		if err != nil {
			return nil, err
		}
		out, late = append(out, ids...), late[n:]
	}
	return out, nil
}

// clearLate destroys the keys of records that are past the date in their own row,
// and clears those that have none. forged are those whose key claims a later date;
// more says that keys died whose records wait now.
func (v *Vault) clearLate(tx *guard.Tx, ids []recordID) (n int, more bool, forged []recordID, err error) {
	if len(ids) == 0 {
		return 0, false, nil, nil
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
	return n, len(lapsed) > 0, forged, err
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
