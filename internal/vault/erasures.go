package vault

import (
	"slices"

	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

const (
	sqlByNumber16 = `select ` + allColumns + ` from vault_record
		where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	sqlByNumber64 = `select ` + allColumns + ` from vault_record where id` + inClearWidth

	// The sealed parts go at once: nothing opens them any more. What a record has in
	// the index goes with the sweep, which finds it by its entries.
	sqlMarkErased = `update vault_record set status = 2, anchor_at = $17, body = null, leaves = null
		where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

	graveAdd = `insert into vault_tombstone (hash, store, why, at, until) values `
	graveNew = ` on conflict (hash) do update set why = excluded.why, at = excluded.at, until = excluded.until`

	sqlGraveAdd   = graveAdd + `($1, $2, $3, $4, $5)` + graveNew
	sqlGravesAdd2 = graveAdd + `($1, $2, $3, $7, $8), ($4, $5, $6, $7, $8)` + graveNew
	sqlGravesAdd8 = graveAdd + `($1, $2, $3, $25, $26), ($4, $5, $6, $25, $26), ($7, $8, $9, $25, $26), ($10, $11, $12, $25, $26),
		($13, $14, $15, $25, $26), ($16, $17, $18, $25, $26), ($19, $20, $21, $25, $26), ($22, $23, $24, $25, $26)` + graveNew
	sqlGravesAdd32 = graveAdd + `($1, $2, $3, $97, $98), ($4, $5, $6, $97, $98), ($7, $8, $9, $97, $98), ($10, $11, $12, $97, $98),
		($13, $14, $15, $97, $98), ($16, $17, $18, $97, $98), ($19, $20, $21, $97, $98), ($22, $23, $24, $97, $98),
		($25, $26, $27, $97, $98), ($28, $29, $30, $97, $98), ($31, $32, $33, $97, $98), ($34, $35, $36, $97, $98),
		($37, $38, $39, $97, $98), ($40, $41, $42, $97, $98), ($43, $44, $45, $97, $98), ($46, $47, $48, $97, $98),
		($49, $50, $51, $97, $98), ($52, $53, $54, $97, $98), ($55, $56, $57, $97, $98), ($58, $59, $60, $97, $98),
		($61, $62, $63, $97, $98), ($64, $65, $66, $97, $98), ($67, $68, $69, $97, $98), ($70, $71, $72, $97, $98),
		($73, $74, $75, $97, $98), ($76, $77, $78, $97, $98), ($79, $80, $81, $97, $98), ($82, $83, $84, $97, $98),
		($85, $86, $87, $97, $98), ($88, $89, $90, $97, $98), ($91, $92, $93, $97, $98), ($94, $95, $96, $97, $98)` + graveNew
)

const markWidth = 16 // records of sqlMarkErased

// erasures are what erasures know of the database and have not written yet: those
// of one call, or of all calls that erase within one transaction. Nobody else has
// a turn before they are written.
type erasures struct {
	rows   map[recordID]*row // nil: asked for and not there
	wraps  map[recordID]keys.Wrapped
	marks  []recordID    // whose rows will say that they are erased
	graves []grave       // tombstones of shoppers
	dead   []keys.Doomed // whose keys wait to be removed
}

// grave is the tombstone of one identifier of a shopper.
type grave struct {
	hash  hash
	store int64
	why   keys.Reason
}

func newErasures() *erasures {
	return &erasures{rows: make(map[recordID]*row), wraps: make(map[recordID]keys.Wrapped)}
}

type erasuresKey struct{ v *Vault }

// erasuresOf returns the transaction's erasures where calls work together, else
// some of the caller's own.
func (v *Vault) erasuresOf(tx *guard.Tx) *erasures {
	if !tx.Joint() {
		return newErasures()
	}
	return tx.Shared(erasuresKey{v}, func() any { return newErasures() }).(*erasures)
}

// beginErasures reads the records that the calls of one transaction erase.
func (v *Vault) beginErasures(tx *guard.Tx, items []any) error {
	var ids []recordID
	for _, item := range items {
		ids = append(ids, item.([]recordID)...)
	}
	slices.Sort(ids)
	return v.erasuresOf(tx).find(v, tx, slices.Compact(ids))
}

// endErasures writes what the calls left to be written together.
func (v *Vault) endErasures(tx *guard.Tx) error { return v.erasuresOf(tx).write(v, tx) }

// find loads records, and the keys of those that live, unless they are known.
func (in *erasures) find(v *Vault, tx *guard.Tx, ids []recordID) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id recordID) bool { _, ok := in.rows[id]; return ok })
	if err := loadNumbers(&tx.Reader, ids, in.rows); err != nil {
		return err
	}
	var alive []uint64
	for _, id := range ids {
		if r := in.rows[id]; r != nil && (r.broken || r.status == live) {
			alive = append(alive, uint64(id))
		}
	}
	if len(alive) == 0 {
		return nil
	}
	found, err := v.keys.LoadManyTx(tx, alive)
	for id, w := range found {
		in.wraps[recordID(id)] = w
	}
	return err
}

// loadNumbers adds records to out: nil for those that are not there. Up to 64 go
// in one question.
func loadNumbers(r *db.Reader, ids []recordID, out map[recordID]*row) error {
	var room [clearWidth]any
	for len(ids) > 0 {
		n := min(clearWidth, len(ids))
		args := room[:]
		if n <= identChunk {
			args = room[:identChunk]
		}
		for i := range args {
			args[i] = uint64(ids[min(i, n-1)]) // a short chunk repeats its last
		}
		var rows *db.Rows
		var err error
		if n <= identChunk {
			rows, err = r.Query(sqlByNumber16, args...)
		} else {
			rows, err = r.Query(sqlByNumber64, args...)
		}
		found, err := scanRows(nil, rows, err, true)
		if err != nil {
			return err
		}
		for _, id := range ids[:n] {
			out[id] = nil
		}
		for _, one := range found {
			out[one.id] = one
		}
		ids = ids[n:]
	}
	return nil
}

// write writes what waits.
func (in *erasures) write(v *Vault, tx *guard.Tx) error {
	until := db.Micros(tx.Now().Add(v.profile.Tombstone))
	if err := in.writeMarks(tx, until); err != nil {
		return err
	}
	if err := writeGraves(tx, newestGraves(in.graves), until); err != nil {
		return err
	}
	dead := in.dead
	in.marks, in.graves, in.dead = nil, nil, nil
	return v.keys.BuryTx(tx, dead)
}

func (in *erasures) writeMarks(tx *guard.Tx, until int64) error {
	for ids := in.marks; len(ids) > 0; ids = ids[min(markWidth, len(ids)):] {
		args := make([]any, markWidth+1)
		for i := range markWidth {
			args[i] = uint64(ids[min(i, len(ids)-1)]) // a short chunk repeats its last
		}
		args[markWidth] = until
		if err := tx.Queue(sqlMarkErased, args...); err != nil {
			return err
		}
	}
	return nil
}

// writeGraves writes tombstones, each named once, as many to a statement as there
// is one for.
func writeGraves(tx *guard.Tx, list []grave, until int64) (err error) {
	now := db.Micros(tx.Now())
	take := func(n int) []any {
		args := make([]any, 0, 3*n+2)
		for i := range list[:n] {
			g := &list[i]
			args = append(args, g.hash[:], g.store, g.why)
		}
		list = list[n:]
		return append(args, now, until)
	}
	for len(list) > 0 && err == nil {
		switch n := len(list); {
		case n >= 32:
			err = tx.Queue(sqlGravesAdd32, take(32)...)
		case n >= 8:
			err = tx.Queue(sqlGravesAdd8, take(8)...)
		case n >= 2:
			err = tx.Queue(sqlGravesAdd2, take(2)...)
		default:
			err = tx.Queue(sqlGraveAdd, take(1)...)
		}
	}
	return err
}

// newestGraves returns each hash once, as it came last, in the order in which they
// lie in the table.
func newestGraves(list []grave) []grave {
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b grave) int { return compareHash(a.hash, b.hash) })
	return slices.CompactFunc(list, func(a, b grave) bool { return a.hash == b.hash })
}

// erasing is what one call erases. Until everything is decided it is kept apart
// from what its neighbours erase.
type erasing struct {
	v      *Vault
	tx     *guard.Tx
	st     *store
	why    keys.Reason
	in     *erasures
	marks  []recordID
	graves []grave
	dead   []uint64
	wraps  []keys.Wrapped // of the dead, as far as they are known
	failed []recordID     // damaged, and of no store that can be told
}

func (v *Vault) newErasing(tx *guard.Tx, why keys.Reason) *erasing {
	return &erasing{v: v, tx: tx, why: why, in: v.erasuresOf(tx)}
}

// records kills the named ones. One that is dead already is passed over; one
// that never was in this store is NotFound, and nothing is erased. A damaged row
// keeps no other from being erased: its key says which store it is of, and is
// destroyed. Where there is no such key the record is failed; if none is left, so
// is the call.
func (e *erasing) records(ids []recordID) error {
	if err := e.in.find(e.v, e.tx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		r := e.in.rows[id]
		switch {
		case r == nil:
			return noRecord(nil)
		case r.broken || r.store != e.st.num:
			if e.owns(id) {
				e.one(id) // nothing in its row is believed, so nobody is mourned
			} else if r.broken {
				e.failed = append(e.failed, id)
			} else {
				return noRecord(nil)
			}
		case r.status == erased:
		case r.status == expired:
			// It is gone, but an expired object may come back and an erased one may
			// not: the tombstone says from now on that it was erased.
			e.marks = append(e.marks, id)
		default:
			if err := e.mourn(r); err != nil {
				return err
			}
			e.one(id)
		}
	}
	if len(e.failed) == len(ids) {
		return badRow("numbers")
	}
	return nil
}

// owns reports whether a record's key is one of this store. The store is bound into
// the key, whatever the row says.
func (e *erasing) owns(id recordID) bool {
	w, ok := e.in.wraps[id]
	if !ok {
		return false
	}
	key, err := e.v.keys.Open(e.st.id, w)
	key.Zero()
	return err == nil
}

// one kills a live record.
func (e *erasing) one(id recordID) {
	e.marks, e.dead = append(e.marks, id), append(e.dead, uint64(id))
	if w, ok := e.in.wraps[id]; ok {
		e.wraps = append(e.wraps, w)
	}
}

// mourn opens a record for the last time and leaves keyed hashes of its
// shopper's identifiers, so that a customer object that was never here stays
// away too. A record that does not open dies without. It is not called where the
// whole store goes, because nothing is let in there.
func (e *erasing) mourn(r *row) error {
	if r.kind != kindOrder && r.kind != kindCustomer {
		return nil
	}
	obj := e.object(r)
	if obj == nil {
		return nil
	}
	ident, err := e.v.keys.StoreKey(e.st.id, keys.Ident)
	if err != nil {
		return err
	}
	for _, t := range terms(obj.Identifiers) {
		if t.marksShopper() {
			e.graves = append(e.graves, grave{graveHash(ident, t), e.st.num, e.why})
		}
	}
	return nil
}

// object opens a record and reads what it holds; nil if it does not open.
func (e *erasing) object(r *row) *fieldmap.Object {
	w, ok := e.in.wraps[r.id]
	if !ok {
		return nil
	}
	key, err := e.v.keys.Open(e.st.id, w)
	if err != nil {
		return nil
	}
	o, err := e.v.openRow(e.st.id, r, key)
	if err != nil {
		return nil
	}
	obj, err := e.v.reparse(e.st, r, o)
	if err != nil {
		return nil
	}
	return obj
}

// finish notes what was done on the erasure's event and destroys the keys, which
// is decided and recorded as an act of its own. What is to be written is written
// with what the neighbours erase. It returns how many records lost their key: one
// whose row says that it lives may have died before, and counts no more.
func (e *erasing) finish() (n int, err error) {
	living := keys.LivingOf(e.wraps)
	if len(e.wraps) < len(e.dead) { // date reached, or died before, or not asked for yet
		if living, err = e.v.keys.LivingTx(e.tx, e.dead); err != nil {
			return 0, err
		}
	}
	n = len(living.Records())
	e.tx.Note("records", int64(n))
	e.tx.Note("reason", reasonWord(e.why))
	if n > 1 {
		ids := make([]recordID, n)
		for i, id := range living.Records() {
			ids[i] = recordID(id)
		}
		e.tx.Note("digest", digest(ids))
	}
	if len(e.failed) > 0 {
		e.tx.Note("failed", int64(len(e.failed)))
		for _, id := range e.failed {
			e.v.damaged(id.String())
		}
	}
	doomed, err := e.v.keys.DoomTx(e.tx, living, e.why)
	if err != nil {
		return 0, err
	}
	e.tx.PutOff() // from here on our work is mixed with that of our neighbours
	e.in.marks, e.in.dead = append(e.in.marks, e.marks...), append(e.in.dead, doomed...)
	e.in.graves = append(e.in.graves, e.graves...)
	for _, id := range e.marks {
		if r := e.in.rows[id]; r != nil {
			r.status = erased
		}
	}
	if e.tx.Joint() {
		return n, nil
	}
	return n, e.in.write(e.v, e.tx)
}
