package access

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type requestRow struct {
	id          string
	kind, state int64
	asker       string
	subject     string
	asked, ends int64
	decided     int64
	decider     string
	sealed      []byte
}

type grantRow struct {
	id, subject, role, request string
	from, until, ended         int64
	sealed                     []byte
	// decided is when the request was approved; 0 if there is none, or it was not.
	decided int64
}

type networkRow struct {
	made   int64
	sealed []byte
}

// stateApproved is 2 in these texts, see [States].
const (
	sqlRequest = `select id, kind, state, asker, subject, asked_at, ends_at, decided_at, decider, sealed from access_request `

	sqlInsertRequest = `insert into access_request (id, kind, state, asker, subject, asked_at, ends_at, decided_at, decider, sealed)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	sqlUpdateRequest = `update access_request set state = $3, subject = $5, decided_at = $8, decider = $9, sealed = $10
		where id = $1 and kind = $2 and asker = $4 and asked_at = $6 and ends_at = $7`
	sqlLoadRequest  = sqlRequest + `where id = $1`
	sqlListRequests = sqlRequest + `where id > $1 order by id limit $2`
	sqlListInState  = sqlRequest + `where id > $1 and state = $3 order by id limit $2`
	sqlOwnRequests  = sqlRequest + `where (asker = $3 or subject = $3) and id > $1 order by id limit $2`
	sqlOpenOf       = sqlRequest + `where asker = $1 and state = 1 union ` + sqlRequest + `where subject = $1 and state = 1`
	sqlCountOpen    = `select count(*) from access_request where asker = $1 and state = 1`
	sqlDueRequests  = `select id from access_request where state = 1 and ends_at <= $1 order by ends_at limit $2`

	sqlGrant = `select g.id, g.subject, g.role, g.request, g.from_at, g.until_at, g.ended_at, g.sealed, coalesce(r.decided_at, 0)
		from access_grant g left join access_request r on r.id = g.request and r.state = 2 `

	sqlInsertGrant = `insert into access_grant (id, subject, role, request, from_at, until_at, ended_at, sealed)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlEndGrant   = `update access_grant set ended_at = $2, sealed = $3 where id = $1`
	sqlLoadGrant  = sqlGrant + `where g.id = $1`
	sqlListGrants = sqlGrant + `where g.id > $1 order by g.id limit $2`
	sqlListLive   = sqlGrant + `where g.id > $1 and g.ended_at = 0 order by g.id limit $2`
	sqlGrantsOf   = sqlGrant + `where g.subject = $3 and g.id > $1 order by g.id limit $2`
	sqlLiveOf     = sqlGrant + `where g.subject = $1 and g.ended_at = 0 and (g.until_at = 0 or g.until_at > $2) order by g.id limit $3`
	sqlNotEndedOf = sqlGrant + `where g.subject = $1 and g.ended_at = 0 order by g.id`
	sqlHolders    = sqlGrant + `where g.role = $1 and g.ended_at = 0 and (g.until_at = 0 or g.until_at > $2) order by g.id`
	sqlDueGrants  = `select id from access_grant where ended_at = 0 and until_at > 0 and until_at <= $1 order by until_at limit $2`

	sqlPutNetworks = `insert into access_network (one, made_at, sealed) values (1, $1, $2)
		on conflict (one) do update set made_at = excluded.made_at, sealed = excluded.sealed`
	sqlNetworks = `select made_at, sealed from access_network where one = 1`
)

func scanRequest(s db.Scanner) (r requestRow, err error) {
	err = s.Scan(&r.id, &r.kind, &r.state, &r.asker, &r.subject, &r.asked, &r.ends, &r.decided, &r.decider, &r.sealed)
	return r, err
}

func scanGrant(s db.Scanner) (g grantRow, err error) {
	err = s.Scan(&g.id, &g.subject, &g.role, &g.request, &g.from, &g.until, &g.ended, &g.sealed, &g.decided)
	return g, err
}

func scanID(s db.Scanner) (id string, err error) {
	err = s.Scan(&id)
	return id, err
}

func (r requestRow) args() []any {
	return []any{r.id, r.kind, r.state, r.asker, r.subject, r.asked, r.ends, r.decided, r.decider, r.sealed}
}

func insertRequest(tx *guard.Tx, r requestRow) error {
	_, err := tx.Exec(sqlInsertRequest, r.args()...)
	return err
}

func updateRequest(tx *guard.Tx, r requestRow) error {
	_, err := tx.Exec(sqlUpdateRequest, r.args()...)
	return err
}

func loadRequest(r *db.Reader, id string) (requestRow, error) {
	return scanRequest(r.QueryRow(sqlLoadRequest, id))
}

func listRequests(r *db.Reader, q Query, who string) ([]requestRow, error) {
	limit := q.Limit + 1
	switch {
	case q.Own:
		rows, err := r.Query(sqlOwnRequests, q.Cursor, limit, who)
		return db.Collect(rows, err, scanRequest)
	case q.State != "":
		rows, err := r.Query(sqlListInState, q.Cursor, limit, db.Place(States(), q.State))
		return db.Collect(rows, err, scanRequest)
	}
	rows, err := r.Query(sqlListRequests, q.Cursor, limit)
	return db.Collect(rows, err, scanRequest)
}

func openOf(r *db.Reader, person string) ([]requestRow, error) {
	rows, err := r.Query(sqlOpenOf, person)
	return db.Collect(rows, err, scanRequest)
}

func countOpen(r *db.Reader, asker string) (n int64, err error) {
	err = r.QueryRow(sqlCountOpen, asker).Scan(&n)
	return n, err
}

func dueRequests(r *db.Reader, now int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlDueRequests, now, limit)
	return db.Collect(rows, err, scanID)
}

func insertGrant(tx *guard.Tx, g grantRow) error {
	_, err := tx.Exec(sqlInsertGrant, g.id, g.subject, g.role, g.request, g.from, g.until, g.ended, g.sealed)
	return err
}

func endGrant(tx *guard.Tx, g grantRow) error {
	_, err := tx.Exec(sqlEndGrant, g.id, g.ended, g.sealed)
	return err
}

func loadGrant(r *db.Reader, id string) (grantRow, error) {
	return scanGrant(r.QueryRow(sqlLoadGrant, id))
}

func listGrants(r *db.Reader, after string, limit int, subject string, live bool) ([]grantRow, error) {
	switch {
	case subject != "":
		rows, err := r.Query(sqlGrantsOf, after, limit, subject)
		return db.Collect(rows, err, scanGrant)
	case live:
		rows, err := r.Query(sqlListLive, after, limit)
		return db.Collect(rows, err, scanGrant)
	}
	rows, err := r.Query(sqlListGrants, after, limit)
	return db.Collect(rows, err, scanGrant)
}

func liveOf(r *db.Reader, person string, now int64) ([]grantRow, error) {
	rows, err := r.Query(sqlLiveOf, person, now, MaxGrants)
	return db.Collect(rows, err, scanGrant)
}

func notEndedOf(r *db.Reader, person string) ([]grantRow, error) {
	rows, err := r.Query(sqlNotEndedOf, person)
	return db.Collect(rows, err, scanGrant)
}

func holders(r *db.Reader, role string, now int64) ([]grantRow, error) {
	rows, err := r.Query(sqlHolders, role, now)
	return db.Collect(rows, err, scanGrant)
}

func dueGrants(r *db.Reader, now int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlDueGrants, now, limit)
	return db.Collect(rows, err, scanID)
}

func putNetworks(tx *guard.Tx, n networkRow) error {
	_, err := tx.Exec(sqlPutNetworks, n.made, n.sealed)
	return err
}

// loadNetworks returns the zero row where there never was a rule.
func loadNetworks(r *db.Reader) (n networkRow, err error) {
	err = r.QueryRow(sqlNetworks).Scan(&n.made, &n.sealed)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return networkRow{}, nil
	}
	return n, err
}
