package vault

import (
	"slices"

	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// intake is what placings know of the database and have not written yet: those of
// one call, or of all calls that bring bodies in within one transaction. New
// records wait here, so that one statement writes several; whoever is about to
// look for them, or to change one, writes first.
type intake struct {
	known map[hash]*row             // by ident; nil: asked for and not there
	byID  map[recordID]*row         // the same rows: one row in memory for each record
	wraps map[recordID]keys.Wrapped // as they stand, or will once all is written
	rows  []*row                    // new records
	put   map[recordID]struct{}     // whose wraps changed
	index []indexEntry              // new entries
}

func newIntake() *intake {
	return &intake{
		known: make(map[hash]*row), byID: make(map[recordID]*row),
		wraps: make(map[recordID]keys.Wrapped), put: make(map[recordID]struct{}),
	}
}

// know remembers what an object is stored as, nil for nothing. Whoever comes later
// sees the same row, and what was changed about it.
func (in *intake) know(ident hash, r *row) {
	in.known[ident] = r
	if r != nil {
		in.byID[r.id] = r
	}
}

// byIdent returns the record an object is stored as, nil if there is none.
func (in *intake) byIdent(r *db.Reader, ident hash) (*row, error) {
	if one, ok := in.known[ident]; ok {
		return one, nil
	}
	one, err := loadIdent(r, ident)
	if err == nil {
		in.know(ident, one)
	}
	return one, err
}

// same returns rows that were just loaded, with those that are known in the place
// of their copies: what is decided from one is decided from what others made of it.
func (in *intake) same(rows []*row) []*row {
	for i, r := range rows {
		if known, ok := in.byID[r.id]; ok {
			rows[i] = known
		}
	}
	return rows
}

type intakeKey struct{ v *Vault }

// intakeOf returns the transaction's intake where calls work together, else one
// of the caller's own.
func (v *Vault) intakeOf(tx *guard.Tx) *intake {
	if !tx.Joint() {
		return newIntake()
	}
	return tx.Shared(intakeKey{v}, func() any { return newIntake() }).(*intake)
}

// bringing is what a call of IngestMany brings to its neighbours' question.
type bringing struct {
	store string
	docs  []*doc
}

// begin reads what the calls of one transaction need: their stores, and the
// records that their objects are stored as.
func (v *Vault) begin(tx *guard.Tx, items []any) error {
	var idents []hash
	for _, item := range items {
		b := item.(*bringing)
		if _, err := v.sharedStore(tx, b.store); err != nil && !gone(err) {
			return err
		}
		idents = append(idents, identsOf(b.docs)...)
	}
	return v.intakeOf(tx).find(v, tx, idents)
}

// end writes what the calls left to be written together.
func (v *Vault) end(tx *guard.Tx) error { return v.intakeOf(tx).write(v, tx) }

func identsOf(docs []*doc) []hash {
	var idents []hash
	for _, d := range docs {
		if d.err == nil {
			for _, w := range d.work {
				idents = append(idents, w.ident)
			}
		}
	}
	return idents
}

// find loads the records of objects, and the keys of those that are live, unless
// they are known.
func (in *intake) find(v *Vault, tx *guard.Tx, idents []hash) error {
	idents = slices.DeleteFunc(idents, func(h hash) bool { _, ok := in.known[h]; return ok })
	if len(idents) == 0 {
		return nil
	}
	found := make(map[hash]*row, len(idents))
	if err := loadIdents(&tx.Reader, idents, found); err != nil {
		return err
	}
	var alive []uint64
	for _, h := range idents {
		r := found[h]
		in.know(h, r)
		if r != nil && r.status == live {
			alive = append(alive, uint64(r.id))
		}
	}
	if len(alive) == 0 {
		return nil
	}
	wraps, err := v.keys.LoadManyTx(tx, alive)
	for id, w := range wraps {
		in.wraps[recordID(id)] = w
	}
	return err
}

// keep has a wrap written, in the place of one that waits for the same record.
func (in *intake) keep(w keys.Wrapped) {
	id := recordID(w.Record)
	in.wraps[id], in.put[id] = w, struct{}{}
}

// write writes what waits.
func (in *intake) write(v *Vault, tx *guard.Tx) error {
	if err := insertRows(tx, in.rows); err != nil {
		return err
	}
	if err := addNew(tx, in.index); err != nil {
		return err
	}
	fresh := make([]keys.Wrapped, len(in.rows))
	for i, r := range in.rows {
		fresh[i] = in.wraps[r.id]
		delete(in.put, r.id)
	}
	var changed []keys.Wrapped
	for id := range in.put {
		changed = append(changed, in.wraps[id])
	}
	in.rows, in.index = nil, nil
	clear(in.put)
	if err := v.keys.AddTx(tx, fresh); err != nil {
		return err
	}
	return v.keys.PutTx(tx, changed)
}
