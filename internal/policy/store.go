package policy

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	sqlInsert = `insert into policy_version (id, number, state, author, created_at, restores, digest, sealed, proof)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlColumns = `id, number, state, author, created_at, decided_by, decided_at, active_at, base, restores, digest, sealed, proof`
	sqlByID    = `select ` + sqlColumns + ` from policy_version where id = $1`
	sqlByNum   = `select ` + sqlColumns + ` from policy_version where number = $1`
	sqlList    = `select ` + sqlColumns + ` from policy_version where number < $1 order by number desc limit $2`
	sqlLast    = `select coalesce(max(number), 0) from policy_version`
	sqlOpen    = `select count(*) from policy_version where state < 3`
	sqlDecide  = `update policy_version set state = $2, decided_by = $3, decided_at = $4, active_at = $5, base = $6, proof = $7
		where id = $1`

	sqlCurrent = `select turn, number, at, proof from policy_current where one = 1`
	sqlTurn    = `insert into policy_current (one, turn, number, at, proof) values (1, $1, $2, $3, $4)
		on conflict (one) do update set turn = excluded.turn, number = excluded.number, at = excluded.at, proof = excluded.proof`
)

// row is a version as it is stored.
type row struct {
	id       string
	number   int64
	state    State
	author   string
	created  int64
	decider  string
	decided  int64
	active   int64
	base     int64
	restores int64
	digest   []byte
	sealed   []byte
	proof    []byte
}

// current is the row that says which version is in force.
type current struct {
	turn   int64
	number int64
	at     int64
	proof  []byte
}

func scanRow(s db.Scanner) (r row, err error) {
	err = s.Scan(&r.id, &r.number, &r.state, &r.author, &r.created, &r.decider, &r.decided, &r.active, &r.base,
		&r.restores, &r.digest, &r.sealed, &r.proof)
	return r, err
}

func rowByID(r *db.Reader, id string) (row, error) { return scanRow(r.QueryRow(sqlByID, id)) }
func rowByNumber(r *db.Reader, number int64) (row, error) {
	return scanRow(r.QueryRow(sqlByNum, number))
}

func listRows(r *db.Reader, before int64, limit int) ([]row, error) {
	rows, err := r.Query(sqlList, before, limit)
	return db.Collect(rows, err, scanRow)
}

func lastNumber(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlLast).Scan(&n)
	return n, err
}

func openCount(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlOpen).Scan(&n)
	return n, err
}

func insertRow(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlInsert, r.id, r.number, int64(r.state), r.author, r.created, r.restores, r.digest, r.sealed, r.proof)
	return err
}

func decideRow(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlDecide, r.id, int64(r.state), r.decider, r.decided, r.active, r.base, r.proof)
	return err
}

// currentRow returns the zero row where no version was ever in force.
func currentRow(r *db.Reader) (c current, err error) {
	err = r.QueryRow(sqlCurrent).Scan(&c.turn, &c.number, &c.at, &c.proof)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return current{}, nil
	}
	return c, err
}

func putCurrent(tx *guard.Tx, c current) error {
	_, err := tx.Exec(sqlTurn, c.turn, c.number, c.at, c.proof)
	return err
}
