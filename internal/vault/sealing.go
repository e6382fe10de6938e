package vault

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// sealed is one version of a record, ready to be written.
type sealed struct {
	id       recordID
	version  uint32
	key      seal.Key
	wrapped  keys.Wrapped
	leafNext uint32
	open     *body // what a tokenised answer is made from

	body, leaves []byte
}

// The parts of a record that have a seal of their own.
const (
	partBody      = "body"
	partLeaves    = "leaves"
	partReference = "reference"
)

// sealAD is the context of a part's seal: who it belongs to, where it came from,
// what decisions are told about it and which part it is. A row moved to another
// record, store, environment or origin, one that says less of itself than it
// holds, or a part of another version, does not open. The erase-by date and the
// epoch are bound by the wrap of the key, so that both can change without
// touching the seal.
func (v *Vault) sealAD(store string, id recordID, version uint32, o origin, u outline, part string) []byte {
	return seal.AppendAD(make([]byte, 0, 224), "strongroom/record/1", string(v.env), store,
		int(o.provider), int(o.platform), int(o.api), int(o.how), db.Micros(o.fetched),
		int(u.kind), u.classes, u.leafCount, u.leafNext, uint64(id), version, part)
}

// outline is what stands of a version in plain columns, for decisions, and never
// changes while the version lives.
type outline struct {
	kind      kind
	classes   uint64
	leafCount int
	leafNext  uint32
}

// outline returns what a stored row says of itself.
func (r *row) outline() outline { return outline{r.kind, r.classes, r.leafCount, r.leafNext} }

// origin returns a stored record's origin. What has no column is in the body.
func (r *row) origin() origin {
	return origin{provider: r.provider, platform: r.platform, api: r.api, how: r.how, fetched: r.fetched}
}

// sealFirst seals an object as the first version of a new record, on trust that
// there is none yet. Its date is the one its own facts give; the transaction
// knows better where fulfilments or orders have a say.
func (v *Vault) sealFirst(w *work) (*sealed, error) {
	var n numbering
	vd := v.profile.clock(w.obj.Kind, w.facts)
	return v.sealVersion(w, v.ids.next(w.doc.from.fetched), 1, &n, vd.eraseBy)
}

// sealVersion seals one version of a record under a fresh key.
func (v *Vault) sealVersion(w *work, id recordID, version uint32, n *numbering, eraseBy time.Time) (*sealed, error) {
	numbers, err := n.number(w.obj)
	if err != nil {
		return nil, err
	}
	s := &sealed{id: id, version: version, leafNext: n.next}
	if s.open, err = v.bodyOf(w, numbers); err != nil {
		return nil, err
	}
	store := w.doc.in.Store
	if s.key, s.wrapped, err = v.keys.NewData(store, uint64(id), version, eraseBy); err != nil {
		return nil, err
	}
	from, line := w.doc.from, outline{w.obj.Kind, w.classes, len(w.obj.Leaves), n.next}
	plain := s.open.appendTo(make([]byte, 0, len(s.open.Template)+128))
	s.body = s.key.Seal(make([]byte, 0, len(plain)+seal.Overhead), v.sealAD(store, id, version, from, line, partBody), plain)
	plain = appendLeaves(plain[:0], w.obj, numbers)
	s.leaves = s.key.Seal(make([]byte, 0, len(plain)+seal.Overhead), v.sealAD(store, id, version, from, line, partLeaves), plain)
	return s, nil
}

// bodyOf makes the first part of an object: the template with the names that
// must not lie in clear.
func (v *Vault) bodyOf(w *work, numbers []uint32) (*body, error) {
	b := &body{
		ExternalID: w.external, OrderID: w.obj.OrderID, CustomerID: w.obj.CustomerID,
		Endpoint: w.doc.from.endpoint, Platform: w.doc.from.spelt,
	}
	var key seal.Key
	for i := range w.obj.Leaves {
		l := &w.obj.Leaves[i]
		if l.Treatment != fieldmap.Pseudonym {
			continue
		}
		if key.IsZero() {
			var err error
			if key, err = v.keys.StoreKey(w.doc.in.Store, keys.Pseudonym); err != nil {
				return nil, err
			}
		}
		sum := key.MAC(l.Text(w.obj.Raw))
		b.Pseudonyms = append(b.Pseudonyms, pseudonym{numbers[i], [pseudonymSize]byte(sum[:])})
	}
	b.Template = fieldmap.AppendTemplate(make([]byte, 0, len(w.obj.Raw)), w.obj, func(i int) uint32 { return numbers[i] })
	return b, nil
}

// opened is a stored version with both parts open. It lives inside the vault and
// no longer than the call.
type opened struct {
	*body
	leaves leaves
	size   int // of all leaves with their lengths, in bytes
}

// openBody opens the part that a tokenised answer is made from.
func (v *Vault) openBody(store string, r *row, key seal.Key) (*body, error) {
	p, err := key.Open(nil, v.sealAD(store, r.id, r.version, r.origin(), r.outline(), partBody), r.body)
	if err != nil {
		return nil, errTampered()
	}
	return parseBody(p)
}

// openRow opens both parts.
func (v *Vault) openRow(store string, r *row, key seal.Key) (*opened, error) {
	b, err := v.openBody(store, r, key)
	if err != nil {
		return nil, err
	}
	p, err := key.Open(nil, v.sealAD(store, r.id, r.version, r.origin(), r.outline(), partLeaves), r.leaves)
	if err != nil {
		return nil, errTampered()
	}
	l, err := parseLeaves(p, r.leafCount)
	if err != nil {
		return nil, err
	}
	return &opened{b, l, len(p)}, nil
}

// IsDamaged reports whether err says that a stored row does not open, or not as
// what it says it is: it was changed, moved or cut behind the product's back.
func IsDamaged(err error) bool {
	switch faultCode(err) {
	case "tampered", "row", "wrap":
		return true
	}
	return false
}

// Damaged returns how many rows did not open since the process began; see
// [Gauges].
func (v *Vault) Damaged() int64 { return v.guard.Damage().Count() }

// damaged notes that the row of a record or store was met and does not open.
func (v *Vault) damaged(id string) { v.guard.Damage().Saw(id) }

// errTampered is the answer to a row that does not open: it was changed, moved
// or damaged.
func errTampered() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Internal, "tampered", "the record does not open: its row was changed, moved or damaged").
		Advise("open an incident; restore it from a recovery point")
}
