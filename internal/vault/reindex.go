package vault

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/guard"
)

// Neither the month nor the entries of a row are bound into its seals: entries
// are keyed hashes, and which of them lead to a record is for the index to say.
const sqlReindex = `update vault_record set period = $2, entries = $3 where id = $1 and status = 1`

// indexAnew moves records of one store to the index of the current month, in one
// transaction with one event. It holds one record open at a time.
func (v *Vault) indexAnew(ctx context.Context, who strongroom.Actor, found outlived) (n int, err error) {
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		n = 0
		if err := tx.Allow(actionSweep, instance(), guard.Context{}); err != nil {
			return err
		}
		p, err := v.newPlacing(tx, found.store)
		if err != nil {
			return err
		}
		hk, err := v.hashKeys(found.store, periodOf(tx.Now()))
		if err != nil {
			return err
		}
		var failed, damaged int
		for _, id := range found.ids {
			what, err := p.indexAnew(hk, id, found.upTo)
			if err != nil {
				return err
			}
			if what == movedOn || what == movedOut {
				n++
			}
			if what == movedOut || what == leftBehind {
				failed++
			}
			if what == movedOut {
				damaged++
				v.damaged(id.String())
			}
		}
		tx.Note("store", found.store)
		tx.Note("records", int64(n))
		if failed > 0 {
			tx.Note("failed", int64(failed))
			v.log.WarnContext(ctx, "records could not be indexed anew", "store", found.store, "records", failed, "damaged", damaged)
		}
		return p.finish()
	})
	return n, err
}

// anew is what became of one record that had outlived its month.
type anew int

const (
	passedOver anew = iota // dead, or not of that month any more
	movedOn                // stands in the index of the current month
	movedOut               // does not open: stands in no index
	leftBehind             // stays in the index of its month, and the next look tries again
)

// indexAnew moves one record. One whose row does not open, or does not have the
// shape of a row, leaves the index: it is found and opened by nobody, and must not
// keep a key alive. One that opens and that the present maps do not take stays
// where it is, as does one whose key cannot be had now; its month's key stays with
// it. An error is about the transaction and never about one record.
func (p *placing) indexAnew(hk *hashKeys, id recordID, upTo period) (anew, error) {
	r, err := loadRow(&p.tx.Reader, id)
	switch {
	case strongroom.IsKind(err, strongroom.NotFound):
		return passedOver, nil
	case r == nil && strongroom.IsKind(err, strongroom.Unavailable):
		return 0, err
	case r == nil:
		return leftBehind, nil // not even its columns can be read
	case r.status != live || r.period > upTo || r.store != p.st.num:
		return passedOver, nil
	}
	what, entries := movedOut, []hash(nil)
	if !r.broken {
		if what, entries, err = p.entriesOrNone(hk, r); err != nil {
			return 0, err
		}
	}
	if what == passedOver || what == leftBehind {
		return what, nil
	}
	links := linksOf(r.entries)
	if err := p.tx.Queue(sqlReindex, uint64(id), hk.period, entriesBlob(links, entries)); err != nil {
		return 0, err
	}
	return what, p.entriesChange(id, entriesOf(r.entries), links, entries)
}

// entriesOrNone says what becomes of a record, and its new entries if it moves on.
func (p *placing) entriesOrNone(hk *hashKeys, r *row) (anew, []hash, error) {
	entries, err := p.entriesAnew(hk, r)
	if err == nil {
		return movedOn, entries, nil
	}
	switch code := faultCode(err); {
	case strongroom.IsKind(err, strongroom.Unavailable), code == "epoch":
		return leftBehind, nil, nil // says nothing about the row
	case code == "expired", code == "erased":
		return passedOver, nil, nil // the sweep takes it, with its entries
	case code == "tampered", code == "wrap", strongroom.IsKind(err, strongroom.NotFound):
		return movedOut, nil, nil
	}
	return leftBehind, nil, nil
}

// entriesAnew opens a record and returns its entries under the keys of a month.
func (p *placing) entriesAnew(hk *hashKeys, r *row) ([]hash, error) {
	key, err := p.openKey(r)
	if err != nil {
		return nil, err
	}
	o, err := p.v.openRow(p.st.id, r, key)
	if err != nil {
		return nil, err
	}
	obj, err := p.v.reparse(p.st, r, o)
	if err != nil {
		return nil, err
	}
	all := terms(obj.Identifiers)
	entries := make([]hash, 0, len(all))
	for _, t := range all {
		h, err := hk.entry(t)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(entries, h) {
			entries = append(entries, h)
		}
	}
	return entries, nil
}
