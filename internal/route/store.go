package route

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	sqlColumns = `id, name, number, state, author, created_at, decided_by, decided_at, sealed, proof`
	sqlInsert  = `insert into route_version (` + sqlColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	sqlByID    = `select ` + sqlColumns + ` from route_version where id = $1`
	sqlActive  = `select ` + sqlColumns + ` from route_version where name = $1 and state = 2`
	sqlList    = `select ` + sqlColumns + ` from route_version where state < 3 or $1 = 1 order by name, number limit 500`
	sqlLast    = `select coalesce(max(number), 0) from route_version where name = $1`
	sqlOpen    = `select count(*) from route_version where state = 1`
	sqlDecide  = `update route_version set state = $2, decided_by = $3, decided_at = $4, proof = $5 where id = $1`

	sqlUse = `select hour, calls, tokens from route_use where name = $1 and store = $2`
	sqlPut = `insert into route_use (name, store, hour, calls, tokens) values ($1, $2, $3, $4, $5)
		on conflict (name, store) do update set hour = excluded.hour, calls = excluded.calls, tokens = excluded.tokens`
	sqlForget = `delete from route_use where store = $1`
)

type row struct {
	id, name      string
	number        int64
	state         State
	author        string
	created       int64
	decider       string
	decided       int64
	sealed, proof []byte
}

func scanRow(s db.Scanner) (r row, err error) {
	err = s.Scan(&r.id, &r.name, &r.number, &r.state, &r.author, &r.created, &r.decider, &r.decided, &r.sealed, &r.proof)
	return r, err
}

func insertRow(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlInsert, r.id, r.name, r.number, int64(r.state), r.author, r.created, r.decider, r.decided, r.sealed, r.proof)
	return err
}

func rowByID(r *db.Reader, id string) (row, error) { return scanRow(r.QueryRow(sqlByID, id)) }

func activeRow(r *db.Reader, name string) (row, error) { return scanRow(r.QueryRow(sqlActive, name)) }

func listRows(r *db.Reader, all bool) ([]row, error) {
	every := int64(0)
	if all {
		every = 1
	}
	rows, err := r.Query(sqlList, every)
	return db.Collect(rows, err, scanRow)
}

func lastNumber(r *db.Reader, name string) (n int64, err error) {
	err = r.QueryRow(sqlLast, name).Scan(&n)
	return n, err
}

func openCount(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlOpen).Scan(&n)
	return n, err
}

func decideRow(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlDecide, r.id, int64(r.state), r.decider, r.decided, r.proof)
	return err
}

// use is what went out by a route at a store in an hour.
type use struct{ hour, calls, tokens int64 }

func loadUse(r *db.Reader, name, store string) (u use, err error) {
	err = r.QueryRow(sqlUse, name, store).Scan(&u.hour, &u.calls, &u.tokens)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return use{}, nil
	}
	return u, err
}

func putUse(tx *guard.Tx, name, store string, u use) error {
	_, err := tx.Exec(sqlPut, name, store, u.hour, u.calls, u.tokens)
	return err
}

func forgetUse(tx *guard.Tx, store string) error {
	_, err := tx.Exec(sqlForget, store)
	return err
}
