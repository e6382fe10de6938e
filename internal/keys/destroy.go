package keys

import (
	"context"
	"maps"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// word is the reason as the log spells it.
func (r Reason) word() audit.Term {
	switch r {
	case Expired:
		return audit.Word("expiry")
	case Subject:
		return audit.Word("subject")
	case Notice:
		return audit.Word("notice")
	case Disconnected:
		return audit.Word("disconnect")
	case Operator:
		return audit.Word("operator")
	case Replayed:
		return audit.Word("replay")
	}
	return audit.Word("unknown")
}

// DestroyTx destroys the data keys of the records, for the given reason, and
// queues their remains for clearing. It asks key.destroy for each store that has
// a record among them. The ledger is synced before the commit, once for all who
// share it. Records without a key are passed over; n counts the others.
func (k *Keys) DestroyTx(tx *guard.Tx, records []uint64, reason Reason) (n int, err error) {
	living, err := k.LivingTx(tx, records)
	if err != nil {
		return 0, err
	}
	doomed, err := k.DoomTx(tx, living, reason)
	if err != nil {
		return 0, err
	}
	return len(doomed), k.BuryTx(tx, doomed)
}

// LapseTx destroys the keys of records that are past the date in their own rows,
// whatever date stands beside their keys, and queues what is left of them. It asks
// for no decision of its own: it serves the sweep that has been allowed. It returns
// those that had a key.
func (k *Keys) LapseTx(tx *guard.Tx, records []uint64) (alive []uint64, err error) {
	alive, _, err = owners(tx, records)
	if err != nil || len(alive) == 0 {
		return nil, err
	}
	if err := k.enter(tx, alive, Expired); err != nil {
		return nil, err
	}
	doomed := make([]Doomed, len(alive))
	for i, r := range alive {
		doomed[i] = Doomed{r, Expired}
	}
	return alive, k.BuryTx(tx, doomed)
}

// Doomed is a record whose key must not live beyond the transaction.
type Doomed struct {
	record uint64
	reason Reason
}

// Living are records that have a key in this transaction.
type Living struct {
	records []uint64
	stores  []tally
}

// Records returns the records; the caller does not change them.
func (l Living) Records() []uint64 { return l.records }

// LivingTx returns those of the records that have a key, past its date or not.
func (k *Keys) LivingTx(tx *guard.Tx, records []uint64) (l Living, err error) {
	if len(records) > 0 {
		l.records, l.stores, err = owners(tx, records)
	}
	return l, err
}

// LivingOf is [Keys.LivingTx] for keys that were loaded in this very transaction
// and not destroyed since. It asks the database nothing.
func LivingOf(ws []Wrapped) Living {
	l := Living{records: make([]uint64, len(ws))}
	for i, w := range ws {
		l.records[i], l.stores = w.Record, count(l.stores, w.Store)
	}
	return l
}

// DoomTx is DestroyTx up to the last step: it decides, records and has the ledger
// written. The caller removes the keys with [Keys.BuryTx], in the same
// transaction, before anybody can look for one of them.
func (k *Keys) DoomTx(tx *guard.Tx, l Living, reason Reason) ([]Doomed, error) {
	alive := l.records
	if len(alive) == 0 {
		return nil, nil
	}
	for _, st := range l.stores {
		id := k.ring.now.Load().byNumber[st.number]
		r := strongroom.Resource{Type: "Key", ID: id, Store: id}
		if err := tx.Allow(actDestroy, r, guard.Context{}); err != nil {
			return nil, err
		}
		tx.Note("destroyed", int64(st.records))
		tx.Note("reason", reason.word())
	}
	doomed := make([]Doomed, len(alive))
	for i, r := range alive {
		doomed[i] = Doomed{r, reason}
	}
	return doomed, k.enter(tx, alive, reason)
}

// tally counts records of one store.
type tally struct {
	number  uint32
	records int
}

// owners returns those of the records that have a key, and their stores.
func owners(tx *guard.Tx, records []uint64) (alive []uint64, stores []tally, err error) {
	if len(records) == 1 {
		var number int64
		ok, err := found(tx.QueryRow(sqlOwner, records[0]).Scan(&number))
		if err != nil || !ok {
			return nil, nil, err
		}
		return records, []tally{{uint32(number), 1}}, nil
	}
	alive = make([]uint64, 0, len(records))
	var args [ownersWidth]any
	for len(records) > 0 {
		for i := range args {
			args[i] = records[min(i, len(records)-1)] // the last one fills up
		}
		rows, err := tx.Query(sqlOwners, args[:]...)
		if err != nil {
			return nil, nil, err
		}
		for rows.Next() {
			var r uint64
			var number int64
			if err := rows.Scan(&r, &number); err != nil {
				return nil, nil, closing(rows, err)
			}
			alive, stores = append(alive, r), count(stores, uint32(number))
		}
		if err := rows.Close(); err != nil {
			return nil, nil, err
		}
		records = records[min(ownersWidth, len(records)):]
	}
	return alive, stores, nil
}

// ownersWidth is how many records go in one statement.
const ownersWidth = 16

// count adds one record of a store. The records of one call are of one store, or
// of few, as a rule.
func count(stores []tally, number uint32) []tally {
	for i := range stores {
		if stores[i].number == number {
			stores[i].records++
			return stores
		}
	}
	return append(stores, tally{number, 1})
}

// enter has the ledger written before tx commits, if its work stands by then,
// and synced once for all who share the commit. The ledger's length so far is
// marked in the database: what stands before belongs to transactions that have
// ended, so a copy restored later knows where to begin replaying.
func (k *Keys) enter(tx *guard.Tx, records []uint64, reason Reason) error {
	l, at := k.ledger, tx.Now()
	l.synced = false
	tx.BeforeCommit(func() error { return l.add(records, reason, at) })
	tx.BeforeCommitOnce(l, l.sync)
	if reason != Expired {
		tx.AfterCommit(func() { k.gone.add(records, at) })
	}
	return k.markLedger(tx)
}

// markLedger writes the mark once for all who share the commit.
func (k *Keys) markLedger(tx *guard.Tx) error {
	type key struct{}
	marked, _ := tx.Shared(key{}, func() any { return new(bool) }).(*bool)
	if *marked {
		return nil
	}
	*marked = true
	tx.OnUndo(func() { *marked = false })
	return setMark(tx, markLedger, k.ledger.count())
}

// BuryTx removes the keys of the doomed, which may be those of several calls, and
// queues the records for clearing, those of one reason together.
func (k *Keys) BuryTx(tx *guard.Tx, doomed []Doomed) error {
	same := make(map[Reason][]uint64)
	for _, d := range doomed {
		same[d.reason] = append(same[d.reason], d.record)
	}
	for _, reason := range slices.Sorted(maps.Keys(same)) {
		if err := bury(tx, same[reason], reason); err != nil {
			return err
		}
	}
	return nil
}

// bury removes the keys of records and queues them.
func bury(tx *guard.Tx, records []uint64, reason Reason) error {
	if err := enqueue(tx, records, reason); err != nil {
		return err
	}
	for len(records) > 0 {
		n := min(len(records), loadWideWidth)
		var err error
		if n <= ownersWidth {
			err = tx.Queue(sqlDeleteMany, recordArgs(make([]any, ownersWidth), records[:n])...)
		} else {
			err = tx.Queue(sqlDeleteWide, recordArgs(make([]any, loadWideWidth), records[:n])...)
		}
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// closing closes rows after an error, which is what counts.
func closing(rows *db.Rows, err error) error {
	rows.Close()
	return err
}

// ExpireStep destroys up to limit data keys that have reached their date, in one
// transaction with one event that counts them. more says that others wait. With
// nothing to do the product itself makes no event; anybody else is decided about
// and recorded first. What it did is done whatever happens after,
// so a sweep goes on where the last one stopped.
func (k *Keys) ExpireStep(ctx context.Context, who strongroom.Actor, limit int) (n int, more bool, err error) {
	if who.Kind == strongroom.SystemActor && k.due.nothing(k.ring.clock.Now()) {
		return 0, false, nil
	}
	err = k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n, more, err = k.expire(tx, limit)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

func (k *Keys) expire(tx *guard.Tx, limit int) (n int, more bool, err error) {
	if err := tx.Allow(actSweep, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
		return 0, false, err
	}
	now := tx.Now()
	first := k.due.earliest()
	records, last, err := overdue(tx, first, now, limit)
	if err != nil {
		return 0, false, err
	}
	tx.Note("destroyed", int64(len(records)))
	if len(records) > 0 {
		if err := k.enter(tx, records, Expired); err != nil {
			return 0, false, err
		}
		if err := bury(tx, records, Expired); err != nil {
			return 0, false, err
		}
	}
	var next int64
	if err := tx.QueryRow(sqlNextDue, last).Scan(&next); err != nil {
		return 0, false, err
	}
	k.due.asked()
	tx.AfterCommit(func() { k.due.settle(next) })
	return len(records), next <= db.Micros(now), nil
}

// overdue lists the records to sweep, by date, and the date of the last; first
// itself if there is none.
func overdue(tx *guard.Tx, first int64, now time.Time, limit int) (records []uint64, last int64, err error) {
	last = first
	rows, err := tx.Query(sqlDue, first, db.Micros(now), limit)
	if err != nil {
		return nil, 0, err
	}
	for rows.Next() {
		var r uint64
		if err := rows.Scan(&r, &last); err != nil {
			return nil, 0, closing(rows, err)
		}
		records = append(records, r)
	}
	return records, last, rows.Close()
}
