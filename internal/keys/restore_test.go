package keys_test

import (
	"context"

	"strongroom/internal/db"
)

// saved is a copy of the package's tables, as a stolen or restored database has
// them.
type saved struct {
	data [][6]any
	dead [][6]any
	mark [][2]any
}

const (
	sqlAllData = "select record, version, store, epoch, erase_by, wrap from keys_data"
	sqlAllDead = "select reason, at, least, most, n, records from keys_died order by num"
	sqlAllMark = "select name, value from keys_mark"
	sqlNoData  = "delete from keys_data"
	sqlNoDead  = "delete from keys_died"
	sqlNoMark  = "delete from keys_mark"
	sqlInData  = "insert into keys_data (record, version, store, epoch, erase_by, wrap) values ($1, $2, $3, $4, $5, $6)"
	sqlInDead  = "insert into keys_died (reason, at, least, most, n, records) values ($1, $2, $3, $4, $5, $6)"
	sqlInMark  = "insert into keys_mark (name, value) values ($1, $2)"
)

func (f *fixture) rows() (s saved) {
	f.t.Helper()
	f.must(f.db.Read(context.Background(), func(r *db.Reader) error {
		rows, err := r.Query(sqlAllData)
		for err == nil && rows.Next() {
			var v [6]any
			err = rows.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5])
			s.data = append(s.data, v)
		}
		f.must(err)
		f.must(rows.Close())
		rows, err = r.Query(sqlAllDead)
		for err == nil && rows.Next() {
			var v [6]any
			err = rows.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5])
			s.dead = append(s.dead, v)
		}
		f.must(err)
		f.must(rows.Close())
		rows, err = r.Query(sqlAllMark)
		for err == nil && rows.Next() {
			var v [2]any
			err = rows.Scan(&v[0], &v[1])
			s.mark = append(s.mark, v)
		}
		f.must(err)
		return rows.Close()
	}))
	return s
}

// restore puts the tables back as they were.
func (f *fixture) restore(s saved) {
	f.t.Helper()
	f.exec(func(tx *db.Tx) error {
		for _, err := range []error{first(tx.Exec(sqlNoData)), first(tx.Exec(sqlNoDead)), first(tx.Exec(sqlNoMark))} {
			f.must(err)
		}
		for _, v := range s.data {
			f.must(first(tx.Exec(sqlInData, v[:]...)))
		}
		for _, v := range s.dead {
			f.must(first(tx.Exec(sqlInDead, v[:]...)))
		}
		for _, v := range s.mark {
			f.must(first(tx.Exec(sqlInMark, v[:]...)))
		}
		return nil
	})
}

func first(_ int64, err error) error { return err }
