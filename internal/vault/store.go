package vault

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// status of a record. The numbers are on disk.
type status uint8

const (
	live    status = 1
	erased  status = 2 // a tombstone: refused until it is lifted or runs out
	expired status = 3 // a tombstone: refused until a new order event
)

// row is a record as it lies in its table.
type row struct {
	id        recordID
	store     int64
	kind      kind
	status    status
	version   uint32
	provider  provider
	platform  platform
	api       apiVersion
	how       how
	fetched   time.Time
	anchor    Anchor
	anchorAt  time.Time
	expires   time.Time // of a tombstone: until when it stands, which is in anchor_at
	period    period
	leafCount int
	leafNext  uint32
	classes   uint64
	ident     hash
	facts     []byte

	entries, body, leaves []byte // sealed parts; nil unless asked for

	broken bool // it does not have the shape of a row; only its id and ident count
}

const (
	outlineColumns = `id, store, kind, status, version, provider, platform, api, how, fetched_at, anchor, anchor_at,
		expires_at, period, leaf_count, leaf_next, classes, ident, facts`
	allColumns = outlineColumns + `, entries, body, leaves`

	sqlRecord  = `select ` + allColumns + ` from vault_record where id = $1`
	sqlOutline = `select ` + outlineColumns + ` from vault_record where id = $1`
	// What a description needs: outline and tokenised part.
	sqlByIDs = `select ` + outlineColumns + `, null, body, null from vault_record
		where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) order by id`
	sqlByID = `select ` + outlineColumns + `, null, body, null from vault_record where id = $1`
	// The same for what one hash leads to in a connected store.
	sqlFound = `select r.id, r.store, r.kind, r.status, r.version, r.provider, r.platform, r.api, r.how, r.fetched_at, r.anchor, r.anchor_at,
		r.expires_at, r.period, r.leaf_count, r.leaf_next, r.classes, r.ident, r.facts, null, r.body, null
		from vault_index i join vault_record r on r.id = i.record join vault_store s on s.num = r.store and s.status = 1
		where i.hash = $1 and i.record > $2 order by i.record limit $3`
	sqlOfKind = `select ` + outlineColumns + ` from vault_record
		where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) and kind = $17 and status = 1`

	sqlByIdent    = `select ` + allColumns + ` from vault_record where ident = $1`
	sqlByIdents   = `select ` + allColumns + ` from vault_record where ident in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	sqlByIdents64 = `select ` + allColumns + ` from vault_record where ident in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
		$17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40,
		$41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64)`
	sqlList       = `select ` + allColumns + ` from vault_record where store = $1 and kind = $2 and id > $3 and status = 1 and expires_at > $4 order by id limit $5`
	sqlStoreLive  = `select id from vault_record where store = $1 and kind = $2 and id > $3 and status = 1 order by id limit $4`
	sqlCountLive  = `select count(*) from vault_record where store = $1 and kind = $2 and status = 1`
	sqlOldRecords = `select id from vault_record where store = $1 and kind = $2 and id > $3 order by id limit $4`

	sqlInsert = `insert into vault_record (` + allColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`
	sqlInserts = sqlInsert + `,
		($23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44),
		($45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66),
		($67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88)`
	// A new version of a live record. A tombstone does not come back: its row is
	// removed and a new record inserted.
	sqlReplace = `update vault_record set status = 1, version = $2, provider = $3, platform = $4, api = $5, how = $6,
		fetched_at = $7, anchor = $8, anchor_at = $9, expires_at = $10, period = $11, leaf_count = $12, leaf_next = $13,
		classes = $14, facts = $15, entries = $16, body = $17, leaves = $18 where id = $1`
	sqlRetime = `update vault_record set anchor = $2, anchor_at = $3, expires_at = $4, facts = $5 where id = $1 and status = 1`
	sqlRemove = `delete from vault_record where id = $1`

	sqlEntryRemove = `delete from vault_index where hash = $1 and record = $2`
	sqlLinks       = `select record from vault_index where hash = $1 order by record desc limit $2`
	sqlEntries     = `select record from vault_index where hash = $1 and record > $2 order by record limit $3`
	sqlEntries4    = `select record from (select record from vault_index where hash = $1 and record > $5 order by record limit $6) a
		union select record from (select record from vault_index where hash = $2 and record > $5 order by record limit $6) b
		union select record from (select record from vault_index where hash = $3 and record > $5 order by record limit $6) c
		union select record from (select record from vault_index where hash = $4 and record > $5 order by record limit $6) d
		order by record limit $6`

	sqlGrave      = `select until from vault_tombstone where hash = $1`
	sqlGraveLift  = `delete from vault_tombstone where hash = $1`
	sqlGraveSweep = `delete from vault_tombstone where hash in (select hash from vault_tombstone where until <= $1 limit $2)`

	sqlReferences      = `select hash, at, sealed from vault_reference where record = $1`
	sqlReferenceReseal = `update vault_reference set sealed = $3 where record = $1 and hash = $2`
	sqlReferenceRemove = `delete from vault_reference where record = $1`
)

// scanRow reads a row. One whose numbers do not fit is returned as broken, with
// the fault: somebody changed it behind the product's back, and it must not keep
// its neighbours out of a list.
func scanRow(scan func(...any) error, all bool) (*row, error) {
	var r row
	var n [16]int64 // the types the engine has: others cost reflection
	var ident []byte
	dest := [...]any{&n[0], &r.store, &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11],
		&n[12], &n[13], &n[14], &n[15], &ident, &r.facts, &r.entries, &r.body, &r.leaves}
	width := len(dest)
	if !all {
		width -= 3
	}
	if err := scan(dest[:width]...); err != nil {
		return nil, err
	}
	r.fill(numbers{id: n[0], kind: n[1], status: n[2], version: n[3], provider: n[4], platform: n[5], api: n[6], how: n[7],
		fetched: n[8], anchor: n[9], anchorAt: n[10], expires: n[11], period: n[12], leafCount: n[13], leafNext: n[14], classes: n[15]})
	if len(ident) == len(r.ident) {
		r.ident = hash(ident)
	} else {
		r.broken = true
	}
	if r.broken {
		return &r, badRow("numbers")
	}
	return &r, nil
}

// numbers are a row's cells as the engines have them.
type numbers struct {
	id, kind, status, version, provider, platform, api, how, fetched int64
	anchor, anchorAt, expires, period, leafCount, leafNext, classes  int64
}

// fill takes the numbers over and notes those that do not fit.
func (r *row) fill(n numbers) {
	r.id, r.classes = recordID(n.id), uint64(n.classes)
	r.fetched, r.anchorAt, r.expires = db.Time(n.fetched), db.Time(n.anchorAt), db.Time(n.expires)
	r.kind, r.status, r.version, r.provider = kind(n.kind), status(n.status), uint32(n.version), provider(n.provider)
	r.platform, r.api, r.how, r.anchor = platform(n.platform), apiVersion(n.api), how(n.how), Anchor(n.anchor)
	r.period, r.leafCount, r.leafNext = period(n.period), int(n.leafCount), uint32(n.leafNext)
	if r.status != live {
		r.expires = r.anchorAt // nothing that dying changes stands in an index
	}
	r.broken = n.kind != int64(r.kind) || n.status != int64(r.status) || n.version != int64(r.version) ||
		n.provider != int64(r.provider) || n.platform != int64(r.platform) || n.api != int64(r.api) ||
		n.how != int64(r.how) || n.anchor != int64(r.anchor) || n.leafNext != int64(r.leafNext)
}

// loadRow returns a record with its sealed parts; NotFound if there is none.
func loadRow(r *db.Reader, id recordID) (*row, error) {
	return scanRow(r.QueryRow(sqlRecord, uint64(id)).Scan, true)
}

func loadOutline(r *db.Reader, id recordID) (*row, error) {
	return scanRow(r.QueryRow(sqlOutline, uint64(id)).Scan, false)
}

// loadIdent returns the record an object is stored as, nil if there is none.
func loadIdent(r *db.Reader, ident hash) (*row, error) {
	out, err := scanRow(r.QueryRow(sqlByIdent, ident[:]).Scan, true)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, nil
	}
	if out != nil && out.broken {
		return out, nil // placing looks
	}
	return out, err
}

const (
	identChunk  = 16
	identsChunk = 64 // of sqlByIdents64
)

// loadIdents adds the records of many objects to out: nil for those that are not
// there. Up to 64 go in one question.
func loadIdents(r *db.Reader, idents []hash, out map[hash]*row) error {
	if len(idents) == 1 {
		found, err := loadIdent(r, idents[0])
		out[idents[0]] = found
		return err
	}
	for _, h := range idents {
		out[h] = nil
	}
	var room [identsChunk]any
	for len(idents) > 0 {
		var rows *db.Rows
		var err error
		n := min(identsChunk, len(idents))
		if n <= identChunk {
			rows, err = r.Query(sqlByIdents, identArgs(room[:identChunk], idents[:n])...)
		} else {
			rows, err = r.Query(sqlByIdents64, identArgs(room[:], idents[:n])...)
		}
		found, err := scanRows(nil, rows, err, true)
		if err != nil {
			return err
		}
		for _, one := range found {
			out[one.ident] = one
		}
		idents = idents[n:]
	}
	return nil
}

// identArgs fills args with idents; a short chunk repeats its last.
func identArgs(args []any, idents []hash) []any {
	for i := range args {
		args[i] = idents[min(i, len(idents)-1)][:]
	}
	return args
}

// loadShown returns those of the records that exist, in the order of ids, which
// are sorted, with the tokenised part alone. Sixteen go in one question.
func loadShown(r *db.Reader, ids []recordID) ([]*row, error) {
	if len(ids) == 1 {
		rows, err := r.Query(sqlByID, uint64(ids[0]))
		return scanRows(nil, rows, err, true)
	}
	var out []*row
	var args [identChunk]any
	for len(ids) > 0 {
		n := min(identChunk, len(ids))
		for i := range args {
			args[i] = uint64(ids[min(i, n-1)]) // a short chunk repeats its last
		}
		rows, err := r.Query(sqlByIDs, args[:]...)
		if out, err = scanRows(out, rows, err, true); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return out, nil
}

// loadFound is loadShown for the records after one that a hash leads to.
func loadFound(r *db.Reader, h hash, after recordID, limit int) ([]*row, error) {
	rows, err := r.Query(sqlFound, h[:], uint64(after), limit)
	return scanRows(nil, rows, err, true)
}

// listRows returns the live records of a store and kind after a record.
func listRows(r *db.Reader, store int64, k kind, after recordID, now time.Time, limit int) ([]*row, error) {
	rows, err := r.Query(sqlList, store, k, uint64(after), db.Micros(now), limit)
	return scanRows(nil, rows, err, true)
}

// scanRows appends the rows of a question to out, broken ones too, and closes it;
// all is as for scanRow.
func scanRows(out []*row, rows *db.Rows, err error, all bool) ([]*row, error) {
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		one, err := scanRow(rows.Scan, all)
		if one == nil {
			rows.Close()
			return nil, err
		}
		out = append(out, one) // broken or not
	}
	return out, rows.Close()
}

func scanIDs(rows *db.Rows, err error) ([]recordID, error) {
	if err != nil {
		return nil, err
	}
	var out []recordID
	for rows.Next() {
		var id recordID
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Close()
}

func storeLive(r *db.Reader, store int64, k kind, after recordID, limit int) ([]recordID, error) {
	return scanIDs(r.Query(sqlStoreLive, store, k, uint64(after), limit))
}

// indexed returns up to limit records after one that any of the hashes leads to,
// in order. Four hashes go in one question.
func indexed(r *db.Reader, hashes []hash, after recordID, limit int) ([]recordID, error) {
	if len(hashes) == 1 {
		return scanIDs(r.Query(sqlEntries, hashes[0][:], uint64(after), limit))
	}
	var out []recordID
	for len(hashes) > 0 {
		n := min(4, len(hashes))
		h := func(i int) []byte { return hashes[min(i, n-1)][:] }
		ids, err := scanIDs(r.Query(sqlEntries4, h(0), h(1), h(2), h(3), uint64(after), limit))
		if err != nil {
			return nil, err
		}
		out, hashes = append(out, ids...), hashes[n:]
	}
	return out, nil
}

// loadLinked returns the outlines of the live records of a kind that a hash leads
// to, of the newest limit that it leads to at all.
func loadLinked(r *db.Reader, h hash, k kind, limit int) ([]*row, error) {
	ids, err := scanIDs(r.Query(sqlLinks, h[:], limit))
	if err != nil {
		return nil, err
	}
	var out []*row
	var args [identChunk + 1]any
	args[identChunk] = k
	for len(ids) > 0 {
		n := min(identChunk, len(ids))
		for i := range identChunk {
			args[i] = uint64(ids[min(i, n-1)]) // a short chunk repeats its last
		}
		rows, err := r.Query(sqlOfKind, args[:]...)
		if out, err = scanRows(out, rows, err, false); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return out, nil
}

// insertWidth is how many records sqlInserts writes.
const insertWidth = 4

// insertRows writes new records.
func insertRows(tx *guard.Tx, rows []*row) error {
	for len(rows) >= insertWidth {
		args := make([]any, 0, 22*insertWidth)
		for _, r := range rows[:insertWidth] {
			args = r.args(args)
		}
		if err := tx.Queue(sqlInserts, args...); err != nil {
			return err
		}
		rows = rows[insertWidth:]
	}
	for _, r := range rows {
		if err := tx.Queue(sqlInsert, r.args(nil)...); err != nil {
			return err
		}
	}
	return nil
}

// args appends a record's cells in the order of allColumns, in the types the
// engines have: others cost reflection.
func (r *row) args(dst []any) []any {
	return append(dst, int64(r.id), r.store, int64(r.kind), int64(r.status), int64(r.version), int64(r.provider),
		int64(r.platform), int64(r.api), int64(r.how), db.Micros(r.fetched), int64(r.anchor), db.Micros(r.anchorAt),
		db.Micros(r.expires), int64(r.period), int64(r.leafCount), int64(r.leafNext), int64(r.classes), r.ident[:],
		r.facts, r.entries, r.body, r.leaves)
}

// replaceRow writes a new version over the old one.
func replaceRow(tx *guard.Tx, r *row) error {
	return tx.Queue(sqlReplace, uint64(r.id), r.version, r.provider, r.platform, r.api, r.how,
		db.Micros(r.fetched), r.anchor, db.Micros(r.anchorAt), db.Micros(r.expires), r.period, r.leafCount, r.leafNext,
		r.classes, r.facts, r.entries, r.body, r.leaves)
}

func retimeRow(tx *guard.Tx, id recordID, v verdict, f []byte) error {
	return tx.Queue(sqlRetime, uint64(id), v.anchor, db.Micros(v.at), db.Micros(v.eraseBy), f)
}
