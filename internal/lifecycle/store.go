package lifecycle

import (
	"embed"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schemaFS embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "lifecycle", FS: schemaFS} }

const (
	caseColumns = `num, id, purpose, store, opener, opened_at, due_at, extended_at, extended_for, closed_at, closed_for, sealed`

	sqlCaseAdd = `insert into lifecycle_case (num, id, purpose, store, opener, opened_at, due_at, sealed)
		select coalesce(max(num), 0) + 1, $1, $2, $3, $4, $5, $6, $7 from lifecycle_case`
	sqlCase      = `select ` + caseColumns + ` from lifecycle_case where id = $1`
	sqlCases     = `select ` + caseColumns + ` from lifecycle_case where num > $1 order by num limit $2`
	sqlCasesOpen = `select ` + caseColumns + ` from lifecycle_case where num > $1 and closed_at = 0 order by num limit $2`
	sqlCaseSet   = `update lifecycle_case set due_at = $2, extended_at = $3, extended_for = $4, closed_at = $5, closed_for = $6, sealed = $7
		where id = $1`
)

// caseRow is a row of lifecycle_case. Instants are microseconds, 0 is never.
type caseRow struct {
	num, purpose          int64
	id, store, opener     string
	opened, due           int64
	extended, extendedFor int64
	closed, closedFor     int64
	sealed                []byte
}

func scanCase(s db.Scanner) (c caseRow, err error) {
	err = s.Scan(&c.num, &c.id, &c.purpose, &c.store, &c.opener, &c.opened, &c.due, &c.extended, &c.extendedFor,
		&c.closed, &c.closedFor, &c.sealed)
	return c, err
}

func insertCase(tx *guard.Tx, c *caseRow) error {
	_, err := tx.Exec(sqlCaseAdd, c.id, c.purpose, c.store, c.opener, c.opened, c.due, c.sealed)
	return err
}

// loadCase returns a row by its id; a fault of kind NotFound if there is none.
func loadCase(r *db.Reader, id string) (caseRow, error) { return scanCase(r.QueryRow(sqlCase, id)) }

// listCases returns up to limit rows after a number, oldest first.
func listCases(r *db.Reader, open bool, after int64, limit int) ([]caseRow, error) {
	if open {
		rows, err := r.Query(sqlCasesOpen, after, limit)
		return db.Collect(rows, err, scanCase)
	}
	rows, err := r.Query(sqlCases, after, limit)
	return db.Collect(rows, err, scanCase)
}

func updateCase(tx *guard.Tx, c *caseRow) error {
	_, err := tx.Exec(sqlCaseSet, c.id, c.due, c.extended, c.extendedFor, c.closed, c.closedFor, c.sealed)
	return err
}
