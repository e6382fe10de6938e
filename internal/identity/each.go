package identity

import "strongroom/internal/db"

// Each calls fn for every service that is neither revoked nor over, suspended or not,
// in order of their ids, from the state that r sees. One that does not open comes as
// damaged. It decides nothing: it is for reviews and counts of a package that has.
func (i *Identity) Each(r *db.Reader, fn func(Key) error) error {
	for after := ""; ; {
		rows, err := liveKeys(r, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.id
			k, err := i.openAccount(row)
			if err != nil {
				k = Key{ID: row.id, Damaged: true}
			} else if !k.Expires.After(r.Now()) {
				continue
			}
			if err := fn(k); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}
