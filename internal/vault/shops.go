package vault

import (
	"strongroom"
	"strongroom/internal/db"
)

// Shop is a store as one that a message from a platform may be about.
type Shop struct {
	ID       string
	Name     string // as people call it; may be the shop's domain
	Platform string
}

// Shops returns the stores that hold something, connected or closed, oldest first.
// One whose row is damaged is left out. It is for a package that has decided, and
// discloses nothing by itself.
func (v *Vault) Shops(r *db.Reader) (list []Shop, err error) {
	rows, err := visibleStores(r, strongroom.Actor{AllStores: true}, 0, maxFindStores)
	if err != nil {
		return nil, err
	}
	for _, s := range rows {
		if s.state == storeDisconnected {
			continue
		}
		one, err := v.describe(s)
		if IsDamaged(err) {
			v.damaged(s.id)
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Shop{ID: s.id, Name: one.Name, Platform: one.Platform})
	}
	return list, nil
}
