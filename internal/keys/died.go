package keys

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// The dead wait in batches: those that died together for one reason are one row.
const (
	sqlDied        = `insert into keys_died (reason, at, least, most, n, records) values ($1, $2, $3, $4, $5, $6)`
	sqlDiedOf      = `select reason, records from keys_died where least <= $1 and most >= $1`
	sqlDiedSizes   = `select num, reason, least, most, n from keys_died order by num limit $1`
	sqlDiedAny     = `select count(*) from (select 1 from keys_died limit 1) d`
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

	wholes, parts bool     // there are such batches
	whole         int64    // the batches up to this number are in it as a whole
	part          int64    // the batch of which it holds a part
	left          []uint64 // what stays of that batch
}

// enqueue puts records on the queue of the dead. It sorts a copy of them.
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

// DeadWait reports whether any of the dead wait to be cleared.
func (k *Keys) DeadWait(ctx context.Context) (bool, error) {
	var n int64
	err := k.guard.Look(ctx, guard.Tally, func(r *db.Reader) error { return r.QueryRow(sqlDiedAny).Scan(&n) })
	return n > 0, err
}

// DeadTx returns up to limit records that wait to be cleared.
func (k *Keys) DeadTx(tx *guard.Tx, limit int) (q Queue, err error) {
	front, err := frontOf(tx, limit)
	if err != nil || len(front) == 0 {
		return q, err
	}
	if tangled(front, limit) {
		if err := untangle(tx, front); err != nil {
			return q, err
		}
		if front, err = frontOf(tx, limit); err != nil {
			return q, err
		}
	}
	last := front[0].num
	for total, i := int64(0), 0; i < len(front) && total < int64(limit); i++ {
		last, total = front[i].num, total+max(front[i].n, 0)
	}
	rows, err := tx.Query(sqlDiedTop, last)
	if err != nil {
		return q, err
	}
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return Queue{}, closing(rows, err)
		}
		n := min(limit-len(q.Dead), len(b.records))
		for _, r := range b.records[:n] {
			q.Dead = append(q.Dead, Dead{r, b.reason, b.at})
		}
		if n < len(b.records) {
			q.parts, q.part, q.left = true, b.num, b.records[n:]
			break
		}
		q.wholes, q.whole = true, b.num
	}
	return q, rows.Close()
}

// batch is one row of the queue: its outline, or its records.
type batch struct {
	num            int64
	reason         Reason
	least, most, n int64

	at      time.Time
	records []uint64
}

func scanBatch(rows *db.Rows) (b batch, err error) {
	var reason, us int64
	var blob []byte
	if err := rows.Scan(&b.num, &reason, &us, &blob); err != nil {
		return b, err
	}
	b.reason, b.at, b.records = Reason(reason), db.Time(us), unpacked(blob)
	return b, nil
}

// frontOf returns the outlines of the first batches, which are enough for limit
// records.
func frontOf(tx *guard.Tx, limit int) (out []batch, err error) {
	rows, err := tx.Query(sqlDiedSizes, max(limit, tangleMost))
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var b batch
		var reason int64
		if err := rows.Scan(&b.num, &reason, &b.least, &b.most, &b.n); err != nil {
			return nil, closing(rows, err)
		}
		b.reason = Reason(reason)
		out = append(out, b)
	}
	return out, rows.Close()
}

const (
	tangleMost = 64   // batches that are put in order at once
	tangleSize = 2000 // records of a batch that was put in order
)

// tangled reports whether the records of the first batches lie among each other
// while there are more of them than one step takes. Keys die in the order of their
// dates, and rows lie in the order of the records: a step that takes neighbours
// changes a fraction of the pages.
func tangled(front []batch, limit int) bool {
	front = front[:min(tangleMost, len(front))]
	total := int64(0)
	for _, b := range front {
		total += max(b.n, 0)
	}
	if total <= int64(limit) {
		return false
	}
	front = slices.Clone(front)
	slices.SortFunc(front, func(a, b batch) int { return cmp.Or(cmp.Compare(a.reason, b.reason), cmp.Compare(a.least, b.least)) })
	for i := range front[1:] {
		if front[i].reason == front[i+1].reason && front[i+1].least <= front[i].most {
			return true
		}
	}
	return false
}

// untangle writes the first batches anew, in the order of their records. It takes
// memory for as many records as tangleMost batches hold.
func untangle(tx *guard.Tx, front []batch) error {
	last := front[min(tangleMost, len(front))-1].num
	rows, err := tx.Query(sqlDiedTop, last)
	if err != nil {
		return err
	}
	all := make(map[Reason][]uint64)
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return closing(rows, err)
		}
		all[b.reason] = append(all[b.reason], b.records...)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if err := tx.Queue(sqlForget, last); err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(all)) {
		records := all[reason]
		slices.SortFunc(records, byEngine)
		for part := range slices.Chunk(slices.Compact(records), tangleSize) {
			if err := enqueue(tx, part, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// ForgetTx takes the records of q off the queue, because their remains are cleared.
// q comes from DeadTx in the same transaction, and nothing died in between.
func (k *Keys) ForgetTx(tx *guard.Tx, q Queue) error {
	if q.wholes {
		if err := tx.Queue(sqlForget, q.whole); err != nil {
			return err
		}
	}
	if !q.parts {
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
