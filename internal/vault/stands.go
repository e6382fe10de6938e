package vault

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// Stands reports whether a record lives at an instant: it was not erased, and has not
// come to its date.
func (v *Vault) Stands(r *db.Reader, now time.Time, record string) (bool, error) {
	id, err := parseRecordID(record)
	if err != nil {
		return false, err
	}
	row, err := loadOutline(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return v.alive(row, now) == nil, nil
}
