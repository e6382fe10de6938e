package keys

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// How many records one question or statement names. A short one repeats its last.
const (
	loadWidth     = 16
	loadHalfWidth = 32
	loadWideWidth = 64
	addWidth      = 8
)

const (
	loadColumns = `
select record, version, store, epoch, erase_by, wrap, aside from keys_data where record in
	(`
	load32 = `$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
	$25, $26, $27, $28, $29, $30, $31, $32`
	sqlLoadHalf = loadColumns + load32 + `)`
	sqlLoadWide = loadColumns + load32 + `, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,
	$49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64)`

	sqlAdd     = `insert into keys_data (record, version, store, epoch, erase_by, wrap) values ($1, $2, $3, $4, $5, $6)`
	sqlAddMany = sqlAdd + `,
	($7, $8, $9, $10, $11, $12), ($13, $14, $15, $16, $17, $18), ($19, $20, $21, $22, $23, $24),
	($25, $26, $27, $28, $29, $30), ($31, $32, $33, $34, $35, $36), ($37, $38, $39, $40, $41, $42), ($43, $44, $45, $46, $47, $48)`
)

// LoadMany is [Keys.Load] for many records at once. Those without a key, or past
// their date, are absent from the result.
func (k *Keys) LoadMany(v *guard.View, records []uint64) (map[uint64]Wrapped, error) {
	return k.loadMany(&v.Reader, records, v.Now())
}

// LoadManyTx is LoadMany inside a transaction.
func (k *Keys) LoadManyTx(tx *guard.Tx, records []uint64) (map[uint64]Wrapped, error) {
	return k.loadMany(&tx.Reader, records, tx.Now())
}

// LookMany is LoadMany for counting, where nothing is decided or disclosed.
func (k *Keys) LookMany(r *db.Reader, records []uint64) (map[uint64]Wrapped, error) {
	return k.loadMany(r, records, r.Now())
}

func (k *Keys) loadMany(r *db.Reader, records []uint64, now time.Time) (map[uint64]Wrapped, error) {
	out := make(map[uint64]Wrapped, len(records))
	keep := func(w Wrapped) {
		if now.Before(w.EraseBy) && !k.gone.has(w.Record) {
			out[w.Record] = w
		}
	}
	if len(records) == 1 {
		w, err := readRow(r, records[0])
		if strongroom.IsKind(err, strongroom.NotFound) {
			return out, nil
		}
		if err == nil {
			keep(w)
		}
		return out, err
	}
	var room [loadWideWidth]any
	for len(records) > 0 {
		var rows *db.Rows
		var err error
		n := min(loadWideWidth, len(records))
		switch {
		case n <= loadWidth:
			rows, err = r.Query(sqlLoadMany, recordArgs(room[:loadWidth], records[:n])...)
		case n <= loadHalfWidth:
			rows, err = r.Query(sqlLoadHalf, recordArgs(room[:loadHalfWidth], records[:n])...)
		default:
			rows, err = r.Query(sqlLoadWide, recordArgs(room[:], records[:n])...)
		}
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			w, err := scanRow(rows)
			if err != nil {
				return nil, closing(rows, err)
			}
			keep(w)
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		records = records[n:]
	}
	return out, nil
}

func recordArgs(args []any, records []uint64) []any {
	for i := range args {
		args[i] = int64(records[min(i, len(records)-1)]) // the type the engines have: others cost reflection
	}
	return args
}

// putMany upserts ws. They travel with the next statement.
func putMany(tx *guard.Tx, ws []Wrapped) error {
	for i := range ws {
		if err := tx.Queue(sqlPut, ws[i].args(nil)...); err != nil {
			return err
		}
	}
	return nil
}

// addMany inserts ws, eight to a statement while there are as many. They travel
// with the next statement.
func addMany(tx *guard.Tx, ws []Wrapped) error {
	for len(ws) >= addWidth {
		args := make([]any, 0, 6*addWidth)
		for i := range addWidth {
			args = ws[i].args(args)
		}
		if err := tx.Queue(sqlAddMany, args...); err != nil {
			return err
		}
		ws = ws[addWidth:]
	}
	for i := range ws {
		if err := tx.Queue(sqlAdd, ws[i].args(nil)...); err != nil {
			return err
		}
	}
	return nil
}
