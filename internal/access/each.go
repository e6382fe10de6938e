package access

import (
	"time"

	"strongroom/internal/db"
)

// Each calls fn for every grant that counts at a time of the data clock, and for
// every one that nobody ended and that does not open, in order of their ids, from the
// state that r sees. It decides nothing: it is for reviews and counts of a package
// that has.
func (a *Access) Each(r *db.Reader, now time.Time, fn func(Grant) error) error {
	for after := ""; ; {
		rows, err := listGrants(r, after, step, "", true)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.id
			g, err := a.openGrant(row)
			if err != nil {
				g = &Grant{ID: row.id, Subject: row.subject, Damaged: true}
			}
			if !g.Damaged && !g.Live(now) {
				continue
			}
			if err := fn(*g); err != nil {
				return err
			}
		}
		if len(rows) < step {
			return nil
		}
	}
}
