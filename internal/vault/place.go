package vault

import (
	"bytes"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// placing puts the objects of one call into the database, inside the one writing
// transaction. Rows go through the queue of the transaction, so that on
// PostgreSQL a new record costs no round trip of its own.
type placing struct {
	v  *Vault
	tx *guard.Tx
	st *store

	in      *intake // kept up to date as records change
	ident   seal.Key
	kinds   uint64
	unknown map[hash]*unknownTally
	touched []recordID

	stored, unchanged, dead int
	damaged                 []*doc // whose stored record does not open
}

func (v *Vault) newPlacing(tx *guard.Tx, store string) (*placing, error) {
	st, err := v.sharedStore(tx, store)
	if err == nil {
		err = st.state.refusal()
	}
	if err != nil {
		return nil, err
	}
	ident, err := v.keys.StoreKey(store, keys.Ident)
	if err != nil {
		return nil, err
	}
	if _, err := v.layMaps(&tx.Reader, st); err != nil {
		return nil, err
	}
	return &placing{v: v, tx: tx, st: st, ident: ident, kinds: st.kinds, in: v.intakeOf(tx)}, nil
}

// placeAll places the objects of all bodies that can be placed, in order, and
// writes what it gathered on the way.
func (p *placing) placeAll(docs []*doc) error {
	p.treatAgain(docs)
	if err := p.in.find(p.v, p.tx, identsOf(docs)); err != nil {
		return err
	}
	p.tx.PutOff() // from here on our work is mixed with that of our neighbours
	for _, d := range docs {
		if d.err != nil {
			continue
		}
		for _, w := range d.work {
			err := p.place(w)
			if err == nil {
				continue
			}
			if !IsDamaged(err) {
				return err
			}
			d.err = errTampered().Because(err)
			if r := p.in.known[w.ident]; r != nil {
				p.v.damaged(r.id.String())
				if len(p.damaged) == 0 {
					p.tx.Note("record", r.id.String())
				}
			}
			p.damaged = append(p.damaged, d)
			break
		}
	}
	if len(p.damaged) > 0 {
		return errTampered() // what was placed of these bodies must not stand; the others come again
	}
	return p.finish()
}

// treatAgain prepares the bodies anew that were treated before a decision about
// a field was known here.
func (p *placing) treatAgain(docs []*doc) {
	for _, d := range docs {
		if d.err == nil && d.generation != p.st.fields {
			*d = *p.v.prepare(d.in, d.from.fetched)
		}
	}
}

// finish writes what was gathered on the way, or leaves it to the end of those who
// work together.
func (p *placing) finish() error {
	if p.kinds != p.st.kinds {
		forgetStores(p.tx)
		if err := p.tx.Queue(sqlStoreKinds, p.st.num, p.kinds); err != nil {
			return err
		}
	}
	if err := p.writeUnknown(); err != nil {
		return err
	}
	if p.tx.Joint() {
		return nil
	}
	return p.write()
}

// write writes what waits, before something looks for it or changes it.
func (p *placing) write() error { return p.in.write(p.v, p.tx) }

// place decides what becomes of one object.
func (p *placing) place(w *work) error {
	w.result = result{}
	old := p.in.known[w.ident]
	now := p.tx.Now()
	switch {
	case old == nil:
		return p.first(w, nil)
	case old.broken:
		return badRow("numbers")
	case old.status == live:
		key, err := p.openKey(old)
		if gone(err) {
			// The key is gone and the sweep has not come for the row yet. An erasure
			// that only the ledger remembers, after an older copy of the database was
			// brought back, shows here and not in the row.
			if faultCode(err) == "erased" {
				return p.deadOnArrival(w)
			}
			return p.after(w, old)
		}
		if err != nil {
			return err
		}
		return p.again(w, old, key)
	case now.Before(old.expires):
		return p.after(w, old)
	default: // the tombstone has run out
		return p.first(w, old)
	}
}

func gone(err error) bool {
	return strongroom.IsKind(err, strongroom.NotFound) || strongroom.IsKind(err, strongroom.Erased)
}

// openKey loads and opens the data key of a stored version.
func (p *placing) openKey(r *row) (seal.Key, error) {
	w, err := p.loadWrap(r.id)
	if err != nil {
		return seal.Key{}, err
	}
	if w.Version != r.version || w.EraseBy.UnixMicro() != r.expires.UnixMicro() { // one commit writes both
		return seal.Key{}, errTampered()
	}
	return p.v.keys.Open(p.st.id, w)
}

// loadWrap returns a record's wrapped key: the one that is known or about to be
// written, else the one in the table. One that a neighbour gave a date in the past
// is as gone as it would be from the table.
func (p *placing) loadWrap(id recordID) (keys.Wrapped, error) {
	if w, ok := p.in.wraps[id]; ok {
		if !p.tx.Now().Before(w.EraseBy) {
			return keys.Wrapped{}, errExpired()
		}
		return w, nil
	}
	return p.v.keys.LoadTx(p.tx, uint64(id))
}

// first stores an object as a new record. before is the dead row it replaces.
func (p *placing) first(w *work, before *row) error {
	f, vd, err := p.clock(w, w.facts, 0)
	if err != nil {
		return err
	}
	dead := vd.deadAt(p.tx.Now())
	if !dead && w.obj.Kind == kindCustomer {
		if dead, err = p.buried(w, f); err != nil {
			return err
		}
	}
	if dead {
		return p.deadOnArrival(w)
	}
	if before != nil {
		if err := p.forget(before); err != nil {
			return err
		}
	}
	r := p.rowOf(w, w.sealed, f, vd)
	p.in.rows = append(p.in.rows, r)
	return p.written(w, w.sealed, r, vd, nil)
}

// forget removes a dead row for good, to make room for a new record.
func (p *placing) forget(r *row) error {
	return p.v.forgetRow(p.tx, r.id, r.entries)
}

// after decides about an object whose record is dead. One that was erased stays
// dead until a person lifts its tombstone. One that expired comes back with a
// new order event alone, a customer with a live order, and never because it was
// fetched once more.
func (p *placing) after(w *work, old *row) error {
	if old.status == erased {
		return p.deadOnArrival(w)
	}
	was, err := parseFacts(old.facts)
	if err != nil {
		return err
	}
	f := w.facts
	if !was.Received.IsZero() {
		f.Received = was.Received
	}
	if w.obj.Kind == kindCustomer {
		if f, _, err = p.clock(w, f, 0); err != nil {
			return err
		}
		if f.LastOrder.IsZero() {
			return p.deadOnArrival(w)
		}
	} else {
		event := f.latest()
		if !event.After(was.latest()) {
			return p.deadOnArrival(w)
		}
		f.Renewed = event
	}
	w.facts.Renewed, w.facts.Received = f.Renewed, f.Received
	return p.first(w, old)
}

// deadOnArrival answers an object that is not kept: its tokens name a record
// that never was and never open. Nothing of it is stored.
func (p *placing) deadOnArrival(w *work) error {
	w.result = result{id: w.sealed.id, body: w.sealed.open, outcome: outcomeDead}
	p.dead++
	return nil
}

// again takes in an object that is stored and whose key lives.
func (p *placing) again(w *work, old *row, key seal.Key) error {
	was, err := parseFacts(old.facts)
	if err != nil {
		return err
	}
	have, err := p.v.openRow(p.st.id, old, key)
	if err != nil {
		return err
	}
	now := p.tx.Now()
	if !now.Before(old.expires) && !w.facts.latest().After(was.latest()) {
		return p.deadOnArrival(w) // past its date, the sweep has not come yet
	}
	raw, err := p.v.renderOpen(nil, p.st, old.id, have, nil)
	if err != nil {
		return err
	}
	if bytes.Equal(raw, w.obj.Raw) {
		return p.unchangedBody(w, old, have, was)
	}
	stale := !w.facts.Updated.IsZero() && was.Updated.After(w.facts.Updated)
	places, err := w.m.Places(have.Template, func(n uint32) []byte { return have.leaves[n] })
	if err != nil {
		return err
	}
	n := remember(places, old.leafNext)
	if stale {
		return p.staleBody(w, old, &n)
	}
	return p.newVersion(w, old, key, was.merge(w.facts), &n)
}

// unchangedBody notes that a known body was fetched again. A customer without an
// order counts from its last fetch, and a date that could not be believed before
// may count now; nothing else changes.
func (p *placing) unchangedBody(w *work, old *row, have *opened, was facts) error {
	f := was
	if w.obj.Kind == kindCustomer || f.latest() != w.facts.latest() {
		f = was.merge(w.facts)
	}
	f, vd, err := p.clock(w, f, old.id)
	if err != nil {
		return err
	}
	if !vd.eraseBy.Equal(old.expires) {
		if err := p.retime(old, f, vd); err != nil {
			return err
		}
		if err := p.spread(w, old, vd); err != nil {
			return err
		}
	}
	w.result = result{id: old.id, body: have.body, outcome: outcomeUnchanged}
	p.unchanged++
	return nil
}

// staleBody answers a body that is older than the stored one. Places that the
// stored version knows get their tokens; the others get tokens of nowhere,
// because a number given here would be taken by another place later.
func (p *placing) staleBody(w *work, old *row, n *numbering) error {
	numbers, err := n.number(w.obj)
	if err != nil {
		return err
	}
	b, err := p.v.bodyOf(w, numbers)
	if err != nil {
		return err
	}
	// At least 1: a cut of 0 would mean that there is none.
	w.result = result{id: old.id, body: b, cut: max(old.leafNext, 1), outcome: outcomeUnchanged}
	p.unchanged++
	return nil
}

// buried reports whether a customer belongs to a shopper who was erased: one of
// its identifiers has a tombstone and no order of it lives.
func (p *placing) buried(w *work, f facts) (bool, error) {
	if !f.LastOrder.IsZero() {
		return false, nil
	}
	for _, t := range w.terms {
		if !t.marksShopper() {
			continue
		}
		h := graveHash(p.ident, t)
		var until int64
		err := p.tx.QueryRow(sqlGrave, h[:]).Scan(&until)
		if strongroom.IsKind(err, strongroom.NotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if p.tx.Now().Before(db.Time(until)) {
			return true, nil
		}
	}
	return false, nil
}

// marksShopper reports whether a term is one shopper's own. Names and postal
// codes are shared by too many.
func (t term) marksShopper() bool {
	return t.kind == entryEmail || t.kind == entryPhone || t.kind == entryNational
}
