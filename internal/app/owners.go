package app

import (
	"time"

	"strongroom/internal/db"
	"strongroom/internal/identity"
)

// otherOwner reports whether an owner other than a person can sign in.
func (a *App) otherOwner(r *db.Reader, person string, now time.Time) (bool, error) {
	owners, err := a.access.Owners(r, now)
	if err != nil {
		return false, err
	}
	for _, id := range owners {
		if id == person {
			continue
		}
		if o, err := a.serviceOwner(r, id, now); err != nil || o == identity.OwnerActive {
			return true, err
		}
	}
	return false, nil
}
