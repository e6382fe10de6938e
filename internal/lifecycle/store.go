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

	requestColumns = `num, id, kind, scope, source, wait, store, mark, received_at, issued_at, delete_by, gone_by, erase_at,
		erased_at, closed_at, closed_for, answer, records, sealed`

	sqlRequestAdd = `insert into lifecycle_request (` + requestColumns + `)
		select coalesce(max(num), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 from lifecycle_request`
	sqlRequest      = `select ` + requestColumns + ` from lifecycle_request where id = $1`
	sqlRequests     = `select ` + requestColumns + ` from lifecycle_request where num > $1 order by num limit $2`
	sqlRequestsOpen = `select ` + requestColumns + ` from lifecycle_request where num > $1 and closed_at = 0 order by num limit $2`
	sqlRequestsSeen = `select ` + requestColumns + ` from lifecycle_request where mark = $1 order by num desc limit 16`
	sqlRequestsOld  = `select ` + requestColumns + ` from lifecycle_request
		where closed_at > 0 and gone_by < $1 and scope = 2 and mark <> $2 order by num limit $3`
	sqlRequestSet = `update lifecycle_request set kind = $2, scope = $3, source = $4, wait = $5, store = $6, mark = $7, received_at = $8,
		issued_at = $9, delete_by = $10, gone_by = $11, erase_at = $12, erased_at = $13, closed_at = $14, closed_for = $15,
		answer = $16, records = $17, sealed = $18 where id = $1`
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

// requestRow is a row of lifecycle_request. Instants are microseconds, 0 is never.
type requestRow struct {
	num                       int64
	id, store, answer         string
	kind, scope, source, wait int64
	mark                      []byte
	received, issued          int64
	deleteBy, goneBy, eraseAt int64
	erased, closed, closedFor int64
	records                   int64
	sealed                    []byte
}

func scanRequest(s db.Scanner) (r requestRow, err error) {
	err = s.Scan(&r.num, &r.id, &r.kind, &r.scope, &r.source, &r.wait, &r.store, &r.mark, &r.received, &r.issued, &r.deleteBy, &r.goneBy,
		&r.eraseAt, &r.erased, &r.closed, &r.closedFor, &r.answer, &r.records, &r.sealed)
	return r, err
}

// args returns the cells in the order of requestColumns, without num.
func (r *requestRow) args() []any {
	return []any{r.id, r.kind, r.scope, r.source, r.wait, r.store, r.mark, r.received, r.issued, r.deleteBy, r.goneBy, r.eraseAt,
		r.erased, r.closed, r.closedFor, r.answer, r.records, r.sealed}
}

func insertRequest(tx *guard.Tx, r *requestRow) error {
	_, err := tx.Exec(sqlRequestAdd, r.args()...)
	return err
}

func updateRequest(tx *guard.Tx, r *requestRow) error {
	_, err := tx.Exec(sqlRequestSet, r.args()...)
	return err
}

// loadRequest returns a row by its id; a fault of kind NotFound if there is none.
func loadRequest(r *db.Reader, id string) (requestRow, error) {
	return scanRequest(r.QueryRow(sqlRequest, id))
}

// listRequests returns up to limit rows after a number, oldest first.
func listRequests(r *db.Reader, open bool, after int64, limit int) ([]requestRow, error) {
	if open {
		rows, err := r.Query(sqlRequestsOpen, after, limit)
		return db.Collect(rows, err, scanRequest)
	}
	rows, err := r.Query(sqlRequests, after, limit)
	return db.Collect(rows, err, scanRequest)
}

// seenRequests returns the newest rows with a mark, newest first.
func seenRequests(r *db.Reader, mark []byte) ([]requestRow, error) {
	rows, err := r.Query(sqlRequestsSeen, mark)
	return db.Collect(rows, err, scanRequest)
}

// oldRequests returns requests about people that are over and still have a mark.
func oldRequests(r *db.Reader, before int64, limit int) ([]requestRow, error) {
	rows, err := r.Query(sqlRequestsOld, before, []byte{}, limit)
	return db.Collect(rows, err, scanRequest)
}
