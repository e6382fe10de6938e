package keys

import (
	"embed"
	"math"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schemaFS embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "keys", FS: schemaFS} }

// Marks in keys_mark. The numbers are stored.
const (
	markLedger    = 1 // entries of the ledger known to be applied
	markRollEpoch = 2 // the epoch that markRollNext belongs to
	markRollNext  = 3 // the record the roll goes on with
)

// lowest is the least record id as the engines order ids.
const lowest = int64(math.MinInt64)

const (
	sqlPut = `
insert into keys_data (record, version, store, epoch, erase_by, wrap) values ($1, $2, $3, $4, $5, $6)
on conflict (record) do update set version = excluded.version, store = excluded.store,
	epoch = excluded.epoch, erase_by = excluded.erase_by, wrap = excluded.wrap, aside = 0
where keys_data.version <= excluded.version`

	sqlLoad = `select record, version, store, epoch, erase_by, wrap, aside from keys_data where record = $1`

	sqlLoadMany = `
select record, version, store, epoch, erase_by, wrap, aside from keys_data where record in
	($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

	sqlOwner = `select store from keys_data where record = $1`

	sqlOwners = `
select record, store from keys_data where record in
	($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

	sqlDeleteMany = `
delete from keys_data where record in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

	sqlDeleteWide = `
delete from keys_data where record in
	($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
	$25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,
	$49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64)`

	// The sweep starts at the earliest date there can be: PostgreSQL walks over the
	// index entries of rows that died until they are vacuumed. What it found is deleted
	// by name, as it was entered in the ledger.
	sqlDue = `
select record, erase_by from keys_data where erase_by >= $1 and erase_by <= $2 order by erase_by, record limit $3`

	sqlNextDue = `select coalesce(min(erase_by), 9223372036854775807) from keys_data where erase_by >= $1`

	sqlOld = `
select record, version, store, epoch, erase_by, wrap, aside from keys_data
where record >= $1 and epoch <> $2 and aside = 0 order by record limit $3`
	sqlRewrap     = `update keys_data set epoch = $1, wrap = $2 where record = $3 and wrap = $4`
	sqlUnsetAside = `update keys_data set aside = 0 where record = $1 and aside <> 0`
	sqlAnyOld     = `select record from keys_data where epoch <> $1 and aside = 0 limit 1`
	sqlAside      = `
select record, version, store, epoch, erase_by, wrap, aside from keys_data
where aside <> 0 and record >= $1 order by record limit $2`
	sqlAsideRecords = `select record from keys_data where aside <> 0 order by record limit $1`
	sqlSetAside     = `update keys_data set aside = 1 where record = $1 and wrap = $2 and aside = 0`
	sqlCount        = `select count(*) from keys_data`
	sqlOldest       = `select coalesce(min(record), 0) from keys_data`
	sqlOverdue      = `
select (select count(*) from (select 1 from keys_data where erase_by <= $1 limit $2) d),
	(select coalesce(sum(size), 0) / 8 from (select length(records) as size from keys_died order by num limit $2) d)`

	sqlMark    = `select value from keys_mark where name = $1`
	sqlSetMark = `
insert into keys_mark (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value`
)

func (w *Wrapped) args(dst []any) []any {
	return append(dst, int64(w.Record), int64(w.Version), int64(w.Store), int64(w.Epoch), db.Micros(w.EraseBy), w.Wrap)
}

func readRow(r *db.Reader, record uint64) (Wrapped, error) {
	return scanRow(r.QueryRow(sqlLoad, record))
}

// scanRow reads one row of keys_data, from a row or from rows.
func scanRow(row interface{ Scan(...any) error }) (Wrapped, error) {
	var w Wrapped
	var version, store, epoch, us, aside int64 // the types the engine has: others cost reflection
	if err := row.Scan(&w.Record, &version, &store, &epoch, &us, &w.Wrap, &aside); err != nil {
		return Wrapped{}, err
	}
	w.Version, w.Store, w.Epoch, w.EraseBy = uint32(version), uint32(store), uint32(epoch), db.Time(us)
	w.aside = aside != 0
	return w, nil
}

// mark returns a mark's value, 0 if it was never set.
func mark(tx *guard.Tx, name int) (int64, error) {
	var v int64
	_, err := found(tx.QueryRow(sqlMark, name).Scan(&v))
	return v, err
}

// found turns the fault of a missing row into false.
func found(err error) (bool, error) {
	if strongroom.IsKind(err, strongroom.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func setMark(tx *guard.Tx, name int, v int64) error {
	return tx.Queue(sqlSetMark, name, v)
}
