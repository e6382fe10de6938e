package vault

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// checkPage is how many rows CheckRows takes at a time.
const checkPage = 200

// CheckRows opens the tokenised part of up to limit records of the stores
// that are not disconnected, oldest first in each, and counts those that do not open because somebody
// changed their rows. It tells numbers and nothing else, so it asks no policy.
func (v *Vault) CheckRows(ctx context.Context, limit int) (looked, damaged int, err error) {
	err = v.guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		stores, err := visibleStores(r, strongroom.Actor{AllStores: true}, 0, maxFindStores)
		if err != nil {
			return err
		}
		for _, st := range stores {
			if st.state == storeDisconnected {
				continue
			}
			for after, more := recordID(0), true; more && looked < limit; {
				rows, err := listKinds(r, st.num, []kind{kindOrder, kindCustomer, kindFulfillment, kindStore}, after, r.Now(), checkPage)
				if err != nil {
					return err
				}
				bad, err := v.countDamaged(r, st, rows)
				if err != nil {
					return err
				}
				looked, damaged = looked+len(rows), damaged+bad
				if more = len(rows) == checkPage; more {
					after = rows[len(rows)-1].id
				}
			}
		}
		return nil
	})
	return looked, damaged, err
}

// countDamaged returns how many of a store's rows do not open.
func (v *Vault) countDamaged(r *db.Reader, st *store, rows []*row) (n int, err error) {
	ids := make([]uint64, len(rows))
	for i, one := range rows {
		ids[i] = uint64(one.id)
	}
	wraps, err := v.keys.LookMany(r, ids)
	if err != nil {
		return 0, err
	}
	for _, one := range rows {
		w, there := wraps[uint64(one.id)]
		if !there {
			continue // it died meanwhile
		}
		bad, err := v.forged(r, one, w)
		if err != nil {
			return 0, err
		}
		if bad || one.version >= w.Version && !v.opens(st, one, w) { // else it was replaced meanwhile
			n++
		}
	}
	return n, nil
}

// forged reports whether a row says another version or date than its key, which
// was read after it. The product writes both in one commit, so a row that is still
// the same when it is read once more was changed behind its back. Where both agree
// this asks nothing.
func (v *Vault) forged(r *db.Reader, one *row, w keys.Wrapped) (bool, error) {
	if one.broken || one.version == w.Version && one.expires.Equal(w.EraseBy) {
		return false, nil
	}
	now, err := loadOutline(r, one.id)
	if now == nil {
		if strongroom.IsKind(err, strongroom.NotFound) {
			return false, nil
		}
		return false, err
	}
	return now.status == live && now.version == one.version && now.expires.Equal(one.expires), nil
}

// opens reports whether the tokenised part of a row opens with its key.
func (v *Vault) opens(st *store, r *row, w keys.Wrapped) bool {
	if r.broken || r.version != w.Version {
		return false
	}
	key, err := v.keys.Open(st.id, w)
	if err != nil {
		return false
	}
	defer key.Zero()
	_, err = v.openBody(st.id, r, key)
	return err == nil
}
