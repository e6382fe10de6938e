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
		failed := 0
		for _, id := range found.ids {
			moved, ok, err := p.indexAnew(hk, id, found.upTo)
			if err != nil {
				return err
			}
			if moved {
				n++
			}
			if !ok {
				failed++
			}
		}
		tx.Note("store", found.store)
		tx.Note("records", int64(n))
		if failed > 0 {
			tx.Note("failed", int64(failed))
			v.log.WarnContext(ctx, "records could not be indexed anew", "store", found.store, "records", failed)
		}
		return p.finish()
	})
	return n, err
}

// indexAnew moves one record; ok is false where it could not be taken apart. One
// whose row does not open leaves the index: it is found and opened by nobody, and
// must not keep a key alive. One that opens and that the present maps do not take
// stays where it is, and its month's key stays with it.
func (p *placing) indexAnew(hk *hashKeys, id recordID, upTo period) (moved, ok bool, err error) {
	r, err := loadRow(&p.tx.Reader, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return false, true, nil
	}
	if err != nil || r.status != live || r.period > upTo || r.store != p.st.num {
		return false, true, err
	}
	entries, err := p.entriesAnew(hk, r)
	switch code := faultCode(err); {
	case err == nil:
		ok = true
	case code == "expired" || code == "erased":
		return false, true, nil // the sweep takes it, with its entries
	case code == "tampered" || code == "wrap" || code == "epoch" || strongroom.IsKind(err, strongroom.NotFound):
		// moves without entries
	case strongroom.IsKind(err, strongroom.Unavailable):
		return false, false, err
	default:
		return false, false, nil
	}
	links := linksOf(r.entries)
	if err := p.tx.Queue(sqlReindex, uint64(id), hk.period, entriesBlob(links, entries)); err != nil {
		return false, false, err
	}
	return true, ok, p.entriesChange(id, entriesOf(r.entries), links, entries)
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
