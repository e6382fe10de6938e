package vault

import (
	"time"

	"strongroom/internal/seal"
)

// newVersion replaces a stored version. The old data key is destroyed by the new
// one taking its place.
func (p *placing) newVersion(w *work, old *row, oldKey seal.Key, f facts, n *numbering) error {
	f, vd, err := p.clock(w, f, old.id)
	if err != nil {
		return err
	}
	if vd.deadAt(p.tx.Now()) {
		// The body says that the record is past its date: the date counts at once,
		// the body is not kept, the sweep destroys the key.
		if err := p.retime(old, f, vd); err != nil {
			return err
		}
		if err := p.spread(w, old, vd); err != nil {
			return err
		}
		return p.deadOnArrival(w)
	}
	s, err := p.v.sealVersion(w, old.id, old.version+1, n, vd.eraseBy)
	if err != nil {
		return err
	}
	r := p.rowOf(w, s, f, vd)
	if err := p.write(); err != nil {
		return err
	}
	if err := replaceRow(p.tx, r); err != nil {
		return err
	}
	if err := p.v.resealReferences(p.tx, p.st.id, old, oldKey, s); err != nil {
		return err
	}
	return p.written(w, s, r, vd, entriesOf(old.entries))
}

// rowOf makes the row of a version.
func (p *placing) rowOf(w *work, s *sealed, f facts, vd verdict) *row {
	from := w.doc.from
	return &row{
		id: s.id, store: p.st.num, kind: w.obj.Kind, status: live, version: s.version,
		provider: from.provider, platform: from.platform, api: from.api, how: from.how, fetched: from.fetched,
		anchor: vd.anchor, anchorAt: vd.at, expires: vd.eraseBy, period: w.period,
		leafCount: len(w.obj.Leaves), leafNext: s.leafNext, classes: w.classes, ident: w.ident,
		facts: f.appendTo(nil), entries: entriesBlob(w.links, w.entries), body: s.body, leaves: s.leaves,
	}
}

// written does what follows once a version's row is on its way: index, key,
// links, counts.
func (p *placing) written(w *work, s *sealed, r *row, vd verdict, before []hash) error {
	p.in.know(w.ident, r)
	if s.version == 1 {
		p.entriesNew(r.id, w.links, w.entries)
	} else if err := p.entriesChange(r.id, before, w.links, w.entries); err != nil {
		return err
	}
	wrapped := s.wrapped
	if !wrapped.EraseBy.Equal(vd.eraseBy) {
		var err error
		if wrapped, err = p.v.keys.Redate(p.st.id, wrapped, vd.eraseBy); err != nil {
			return err
		}
	}
	p.in.keep(wrapped)
	p.kinds |= 1 << w.obj.Kind
	p.tally(w)
	w.result = result{id: r.id, body: s.open, outcome: outcomeStored}
	p.stored++
	p.touched = append(p.touched, r.id)
	return p.spread(w, r, vd)
}

// retime gives a stored record another date: on its row, and bound into the
// wrap of its key.
func (p *placing) retime(r *row, f facts, vd verdict) error {
	if err := p.write(); err != nil {
		return err
	}
	blob := f.appendTo(nil)
	if err := retimeRow(p.tx, r.id, vd, blob); err != nil {
		return err
	}
	r.anchor, r.anchorAt, r.expires, r.facts = vd.anchor, vd.at, vd.eraseBy, blob
	return p.redate(r.id, vd.eraseBy)
}

func (p *placing) redate(id recordID, eraseBy time.Time) error {
	w, err := p.loadWrap(id)
	if gone(err) {
		return nil // dead already
	}
	if err != nil {
		return err
	}
	if w, err = p.v.keys.Redate(p.st.id, w, eraseBy); err != nil {
		return err
	}
	p.in.keep(w)
	return nil
}
