package keys

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// The dead wait in batches: those that died together for one reason are one row.
const (
	sqlDied        = `insert into keys_died (reason, at, least, most, n, records) values ($1, $2, $3, $4, $5, $6)`
	sqlDiedOf      = `select reason, records from keys_died where least <= $1 and most >= $1`
	sqlDiedSizes   = `select num, n from keys_died order by num limit $1`
	sqlDiedTop     = `select num, reason, at, records from keys_died where num <= $1 order by num`
	sqlForget      = `delete from keys_died where num <= $1`
	sqlForgetFirst = `update keys_died set least = $2, n = $3, records = $4 where num = $1`
)

// Dead is a record whose key is gone and whose remains wait to be cleared.
type Dead struct {
	Record uint64
	Reason Reason
	At     time.Time
}

// Queue is the front of the queue of the dead, those who wait longest first. A
// record that somebody put back and that died again may stand in it twice.
type Queue struct {
	Dead []Dead

	whole int64    // the batches up to this number are in it as a whole; 0 is none
	part  int64    // the batch of which it holds a part; 0 is none
	left  []uint64 // what stays of that batch
}

// enqueue puts records, which are distinct, on the queue of the dead. It sorts a
// copy of them.
func enqueue(tx *guard.Tx, records []uint64, reason Reason) error {
	sorted := slices.Clone(records)
	slices.SortFunc(sorted, byEngine)
	least, most := sorted[0], sorted[len(sorted)-1]
	return tx.Queue(sqlDied, reason, db.Micros(tx.Now()), least, most, len(sorted), packed(sorted))
}

// byEngine orders records as the engines order their ids.
func byEngine(a, b uint64) int { return cmp.Compare(int64(a), int64(b)) }

func packed(records []uint64) []byte {
	out := make([]byte, 0, 8*len(records))
	for _, r := range records {
		out = binary.BigEndian.AppendUint64(out, r)
	}
	return out
}

// unpacked reads what packed wrote, as far as it has that shape.
func unpacked(b []byte) []uint64 {
	out := make([]uint64, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		out = append(out, binary.BigEndian.Uint64(b))
	}
	return out
}

// DeadTx returns up to limit records that wait to be cleared.
func (k *Keys) DeadTx(tx *guard.Tx, limit int) (q Queue, err error) {
	last, err := lastBatch(tx, limit)
	if err != nil || last == 0 {
		return q, err
	}
	rows, err := tx.Query(sqlDiedTop, last)
	if err != nil {
		return q, err
	}
	for rows.Next() {
		var num, reason, us int64
		var blob []byte
		if err := rows.Scan(&num, &reason, &us, &blob); err != nil {
			return Queue{}, closing(rows, err)
		}
		records := unpacked(blob)
		n := min(limit-len(q.Dead), len(records))
		for _, r := range records[:n] {
			q.Dead = append(q.Dead, Dead{r, Reason(reason), db.Time(us)})
		}
		if n == len(records) {
			q.whole = num
		} else {
			q.part, q.left = num, records[n:]
			break
		}
	}
	return q, rows.Close()
}

// lastBatch returns the number of the batch that holds the limit-th of the dead,
// or of the last one there is; 0 if nobody waits.
func lastBatch(tx *guard.Tx, limit int) (last int64, err error) {
	rows, err := tx.Query(sqlDiedSizes, limit)
	if err != nil {
		return 0, err
	}
	for total := int64(0); total < int64(limit) && rows.Next(); {
		var n int64
		if err := rows.Scan(&last, &n); err != nil {
			return 0, closing(rows, err)
		}
		total += max(n, 0)
	}
	return last, rows.Close()
}

// ForgetTx takes the records of q off the queue, because their remains are cleared.
// q comes from DeadTx in the same transaction, and nothing died in between.
func (k *Keys) ForgetTx(tx *guard.Tx, q Queue) error {
	if q.whole != 0 {
		if err := tx.Queue(sqlForget, q.whole); err != nil {
			return err
		}
	}
	if q.part == 0 {
		return nil
	}
	return tx.Queue(sqlForgetFirst, q.part, q.left[0], len(q.left), packed(q.left))
}

// diedOf returns why a record's key is gone, the gravest reason if it died twice,
// and 0 if it is not on the queue of the dead.
func diedOf(r *db.Reader, record uint64) (why Reason, err error) {
	rows, err := r.Query(sqlDiedOf, record)
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		var reason int64
		var blob []byte
		if err := rows.Scan(&reason, &blob); err != nil {
			return 0, closing(rows, err)
		}
		if _, there := slices.BinarySearchFunc(unpacked(blob), record, byEngine); there {
			why = max(why, Reason(reason))
		}
	}
	return why, rows.Close()
}
