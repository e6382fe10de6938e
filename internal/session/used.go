package session

import (
	"time"

	"strongroom/internal/db"
)

// LastUsed returns when each person last used a session, in real time, within some
// seconds and as far back as sessions are kept. It decides nothing: it is for reviews
// and counts of a package that has. It does not prove the stamps: who writes the
// database can make somebody look awake, and gains a late finding by it.
func (s *Sessions) LastUsed(r *db.Reader) (map[string]time.Time, error) {
	rows, err := r.Query(sqlLastUsed)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for rows.Next() {
		var person string
		var used int64
		if err := rows.Scan(&person, &used); err != nil {
			_ = rows.Close() // the first failure counts
			return nil, err
		}
		out[person] = db.Time(used)
	}
	return out, rows.Close()
}
