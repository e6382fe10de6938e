package vault

import (
	"sync"

	"strongroom/internal/db"
	"strongroom/internal/guard"
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
