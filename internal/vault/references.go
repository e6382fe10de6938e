package vault

import (
	"cmp"
	"slices"
	"sync"

	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// references remembers which references are known to lie beside their records, so
// that the usual one, the order itself, is written once and not at every reveal.
// A reference stays as long as its record lives and no record's id comes twice,
// so what is remembered stays true. Safe for concurrent use.
type references struct {
	mu    sync.Mutex
	known map[reference]struct{}
}

type reference struct {
	record recordID
	hash   hash
}

// maxReferences bounds what is remembered: some 3 MiB.
const maxReferences = 1 << 16

func (r *references) has(record recordID, h hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.known[reference{record, h}]
	return ok
}

// add remembers a reference that is durable.
func (r *references) add(record recordID, h hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxReferences {
		r.known = make(map[reference]struct{})
	}
	r.known[reference{record, h}] = struct{}{}
}

// referenceAD is the context of a sealed reference.
func (v *Vault) referenceAD(store string, id recordID, version uint32, h hash) []byte {
	return seal.AD("strongroom/reference/1", string(v.env), store, uint64(id), version, h[:], partReference)
}

// drop forgets a reference that is not there any more.
func (r *references) drop(record recordID, h hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, reference{record, h})
}

const sqlReferenceDrop = `delete from vault_reference where record = $1 and hash = $2`

// sealedReference is a reference as it lies beside its record.
type sealedReference struct {
	hash   hash
	sealed []byte
}

func loadReferences(r *db.Reader, id recordID) ([]sealedReference, error) {
	rows, err := r.Query(sqlReferences, uint64(id))
	if err != nil {
		return nil, err
	}
	var list []sealedReference
	for rows.Next() {
		var h, b []byte
		var at int64
		if err := rows.Scan(&h, &at, &b); err != nil {
			rows.Close()
			return nil, err
		}
		if len(h) == len(hash{}) {
			list = append(list, sealedReference{hash(h), b})
		}
	}
	return list, rows.Close()
}

// resealReferences moves the references of a record to its new version's key. One
// that does not open is lost whatever is done: it goes, is counted as damaged, and
// does not keep the new version out.
func (v *Vault) resealReferences(tx *guard.Tx, store string, old *row, oldKey seal.Key, s *sealed) error {
	list, err := loadReferences(&tx.Reader, old.id)
	if err != nil {
		return err
	}
	for _, ref := range list {
		text, err := oldKey.Open(nil, v.referenceAD(store, old.id, old.version, ref.hash), ref.sealed)
		if err != nil {
			tx.AfterCommit(func() {
				v.references.drop(old.id, ref.hash)
				v.damaged(old.id.String())
				v.log.Warn("a reference beside a record does not open and was removed", "record", old.id.String())
			})
			if err := tx.Queue(sqlReferenceDrop, uint64(old.id), ref.hash[:]); err != nil {
				return err
			}
			continue
		}
		again := s.key.Seal(nil, v.referenceAD(store, s.id, s.version, ref.hash), text)
		if err := tx.Queue(sqlReferenceReseal, uint64(s.id), ref.hash[:], again); err != nil {
			return err
		}
	}
	return nil
}

// referenceWidth is how many references sqlReferencesAdd writes.
const referenceWidth = 8

const (
	sqlReferenceAdd  = `insert into vault_reference (record, hash, at, sealed) values ($1, $2, $3, $4) on conflict do nothing`
	sqlReferencesAdd = `insert into vault_reference (record, hash, at, sealed) values ($1, $2, $3, $4), ($5, $6, $7, $8),
		($9, $10, $11, $12), ($13, $14, $15, $16), ($17, $18, $19, $20), ($21, $22, $23, $24), ($25, $26, $27, $28),
		($29, $30, $31, $32) on conflict do nothing`
)

// put off are the references that the reveals of one transaction write together.
type putOff struct{ rows [][]any }

type putOffKey struct{}

func putOffOf(tx *guard.Tx) *putOff {
	return tx.Shared(putOffKey{}, func() any { return new(putOff) }).(*putOff)
}

// putReference writes a reference, or leaves that to addReferences.
func putReference(tx *guard.Tx, row []any) error {
	if !tx.Joint() {
		return tx.Queue(sqlReferenceAdd, row...)
	}
	tx.PutOff()
	p := putOffOf(tx)
	p.rows = append(p.rows, row)
	return nil
}

// endReveals writes what reveals that stand together put off.
func endReveals(tx *guard.Tx) error {
	if err := putAccounts(tx); err != nil {
		return err
	}
	return addReferences(tx)
}

// addReferences writes what was put off, in the order of the records, so that those
// of one page come together.
func addReferences(tx *guard.Tx) error {
	p := putOffOf(tx)
	rows := p.rows
	p.rows = nil
	slices.SortFunc(rows, func(a, b []any) int { return cmp.Compare(a[0].(int64), b[0].(int64)) })
	for len(rows) >= referenceWidth {
		if err := tx.Queue(sqlReferencesAdd, slices.Concat(rows[:referenceWidth]...)...); err != nil {
			return err
		}
		rows = rows[referenceWidth:]
	}
	for _, row := range rows {
		if err := tx.Queue(sqlReferenceAdd, row...); err != nil {
			return err
		}
	}
	return nil
}

// named reports whether the reference is what the platform calls the record itself.
func (r *reveal) named() bool {
	key, err := r.v.keys.StoreKey(r.store, keys.Ident)
	return err == nil && identOf(key, r.row.kind, r.asked.reference) == r.row.ident
}

// remember seals the reference beside the record, under the same key, unless it is
// there already: as it is, or as the record's own name in its sealed body. It comes
// last in a turn, when nothing can refuse any more: a turn that has written cannot
// be taken back by itself. Together with its neighbours it waits for the last of
// them and not for the commit, because who comes behind in it may seal the record
// anew, or clear what it left.
func (r *reveal) remember(tx *guard.Tx) (err error) {
	if r.own || r.v.references.has(r.id, r.asked.hash) {
		return nil
	}
	if r.key, err = r.v.keys.Open(r.store, r.wrapped); err != nil {
		r.key = seal.Key{}
		return nil // the opening after the commit fails in the same way, and says so
	}
	sealed := r.key.Seal(nil, r.v.referenceAD(r.store, r.id, r.wrapped.Version, r.asked.hash), []byte(r.asked.reference))
	tx.AfterCommit(func() { r.v.references.add(r.id, r.asked.hash) })
	return putReference(tx, []any{int64(r.id), r.asked.hash[:], db.Micros(tx.Now()), sealed})
}
