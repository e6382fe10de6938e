package vault

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// PlatformOf returns the platform a store is on, "" if it has none or there is no
// such store. It is for what is put in without saying where it came from: the
// answer goes into the record's origin and is shown to nobody.
func (v *Vault) PlatformOf(ctx context.Context, id string) (string, error) {
	if !checkStoreID(id) {
		return "", nil
	}
	st := v.cachedStore(id)
	if st == nil {
		err := v.guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
			st, err = v.loadStore(r, id)
			return err
		})
		if strongroom.IsKind(err, strongroom.NotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
	if st.platform != 0 {
		return st.platform.String(), nil
	}
	s, err := v.describe(st)
	return s.Platform, err
}
