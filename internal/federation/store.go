package federation

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type flowRow struct {
	mark, sealed, source []byte
	until                int64
}

type linkRow struct {
	mark             []byte
	person, provider string
	created          int64
	proof            []byte
}

type userRow struct {
	id                        string
	nameMark, extMark, sealed []byte
	person, request           string
	active, created, changed  int64
	version                   int64
}

type groupRow struct {
	id                        string
	nameMark, sealed          []byte
	created, changed, version int64
}

type leaverRow struct {
	person       string
	left, probed int64
	ways         string
	proof        []byte
}

const (
	sqlInsertFlow = `insert into federation_flow (mark, sealed, source, until_at) values ($1, $2, $3, $4)`
	sqlLoadFlow   = `select mark, sealed, source, until_at from federation_flow where mark = $1`
	sqlDropFlow   = `delete from federation_flow where mark = $1`
	sqlDropFlows  = `delete from federation_flow where until_at <= $1`
	sqlFlowsFrom  = `select count(*) from federation_flow where source = $1`
	sqlAllFlows   = `select count(*) from federation_flow`

	sqlInsertLink = `insert into federation_link (mark, person, provider, created_at, proof) values ($1, $2, $3, $4, $5)`
	sqlLoadLink   = `select mark, person, provider, created_at, proof from federation_link where mark = $1`
	sqlHasLink    = `select count(*) from federation_link where person = $1 and provider = $2`
	sqlAnyLink    = `select count(*) from federation_link where person = $1`
	sqlDropLinks  = `delete from federation_link where person = $1`

	userColumns     = `id, name_mark, ext_mark, person, request, active, created_at, changed_at, version, sealed`
	sqlInsertUser   = `insert into federation_user (` + userColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	sqlUpdateUser   = `update federation_user set name_mark = $2, ext_mark = $3, person = $4, request = $5, active = $6, created_at = $7, changed_at = $8, version = $9, sealed = $10 where id = $1`
	sqlLoadUser     = `select ` + userColumns + ` from federation_user where id = $1`
	sqlFindUser     = `select ` + userColumns + ` from federation_user where name_mark = $1`
	sqlUsersWith    = `select ` + userColumns + ` from federation_user where ext_mark = $1 order by created_at, id`
	sqlUsersOf      = `select ` + userColumns + ` from federation_user where person = $1 order by created_at, id`
	sqlAllUsers     = `select ` + userColumns + ` from federation_user order by created_at, id`
	sqlWaitingUsers = `select ` + userColumns + ` from federation_user where active = 1 and person = '' and request > ''
		and (changed_at > $1 or changed_at = $1 and id > $2) order by changed_at, id limit $3`
	sqlGoneUsers = `select id from federation_user where active = 0 and changed_at <= $1 order by changed_at, id limit $2`
	sqlDropUser  = `delete from federation_user where id = $1`

	groupColumns   = `id, name_mark, created_at, changed_at, version, sealed`
	sqlInsertGroup = `insert into federation_group (` + groupColumns + `) values ($1, $2, $3, $4, $5, $6)`
	sqlUpdateGroup = `update federation_group set name_mark = $2, created_at = $3, changed_at = $4, version = $5, sealed = $6 where id = $1`
	sqlLoadGroup   = `select ` + groupColumns + ` from federation_group where id = $1`
	sqlFindGroup   = `select ` + groupColumns + ` from federation_group where name_mark = $1`
	sqlAllGroups   = `select ` + groupColumns + ` from federation_group order by created_at, id`
	sqlGroupsOf    = `select ` + groupColumns + ` from federation_group where id in
		(select in_group from federation_member where member = $1) order by created_at, id`
	sqlDropGroup = `delete from federation_group where id = $1`

	sqlInsertMember    = `insert into federation_member (in_group, member) values ($1, $2)`
	sqlMembersOf       = `select member from federation_member where in_group = $1 order by member`
	sqlDropMember      = `delete from federation_member where in_group = $1 and member = $2`
	sqlDropMemberships = `delete from federation_member where member = $1`

	leaverColumns = `person, left_at, probed_at, ways, proof`
	sqlPutLeaver  = `insert into federation_leaver (` + leaverColumns + `) values ($1, $2, $3, $4, $5)
		on conflict (person) do update set left_at = excluded.left_at, probed_at = excluded.probed_at, ways = excluded.ways, proof = excluded.proof`
	sqlLoadLeaver   = `select ` + leaverColumns + ` from federation_leaver where person = $1`
	sqlLeaversSince = `select ` + leaverColumns + ` from federation_leaver where left_at >= $1 order by left_at, person limit $2`
	sqlLeaversAfter = `select ` + leaverColumns + ` from federation_leaver
		where left_at >= $1 and (left_at > $2 or left_at = $2 and person > $3) order by left_at, person limit $4`
	sqlTally    = `select coalesce(sum(case when probed_at = 0 then 1 else 0 end), 0), coalesce(sum(case when ways = '' then 0 else 1 end), 0) from federation_leaver`
	sqlUnprobed = `select ` + leaverColumns + ` from federation_leaver
		where probed_at = 0 and (left_at > $1 or left_at = $1 and person > $2) order by left_at, person limit $3`
)

func scanUser(s db.Scanner) (r userRow, err error) {
	err = s.Scan(&r.id, &r.nameMark, &r.extMark, &r.person, &r.request, &r.active, &r.created, &r.changed, &r.version, &r.sealed)
	return r, err
}

func scanGroup(s db.Scanner) (r groupRow, err error) {
	err = s.Scan(&r.id, &r.nameMark, &r.created, &r.changed, &r.version, &r.sealed)
	return r, err
}

func scanLeaver(s db.Scanner) (r leaverRow, err error) {
	err = s.Scan(&r.person, &r.left, &r.probed, &r.ways, &r.proof)
	return r, err
}

func scanID(s db.Scanner) (id string, err error) {
	err = s.Scan(&id)
	return id, err
}

func scanCount(s db.Scanner) (n int, err error) {
	var x int64
	err = s.Scan(&x)
	return int(x), err
}

func insertFlow(tx *guard.Tx, r flowRow) error {
	_, err := tx.Exec(sqlInsertFlow, r.mark, r.sealed, r.source, r.until)
	return err
}

func loadFlow(r *db.Reader, mark []byte) (f flowRow, err error) {
	err = r.QueryRow(sqlLoadFlow, mark).Scan(&f.mark, &f.sealed, &f.source, &f.until)
	return f, err
}

func dropFlow(tx *guard.Tx, mark []byte) error {
	_, err := tx.Exec(sqlDropFlow, mark)
	return err
}

func dropFlows(tx *guard.Tx, now int64) error {
	_, err := tx.Exec(sqlDropFlows, now)
	return err
}

func flowsFrom(r *db.Reader, source []byte) (int, error) {
	return scanCount(r.QueryRow(sqlFlowsFrom, source))
}

func allFlows(r *db.Reader) (int, error) {
	return scanCount(r.QueryRow(sqlAllFlows))
}

func insertLink(tx *guard.Tx, r linkRow) error {
	_, err := tx.Exec(sqlInsertLink, r.mark, r.person, r.provider, r.created, r.proof)
	return err
}

func loadLink(r *db.Reader, mark []byte) (l linkRow, err error) {
	err = r.QueryRow(sqlLoadLink, mark).Scan(&l.mark, &l.person, &l.provider, &l.created, &l.proof)
	return l, err
}

func hasLink(r *db.Reader, person, provider string) (bool, error) {
	n, err := scanCount(r.QueryRow(sqlHasLink, person, provider))
	return n > 0, err
}

func anyLink(r *db.Reader, person string) (bool, error) {
	n, err := scanCount(r.QueryRow(sqlAnyLink, person))
	return n > 0, err
}

func dropLinks(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDropLinks, person)
	return err
}

func userArgs(r userRow) []any {
	return []any{r.id, r.nameMark, r.extMark, r.person, r.request, r.active, r.created, r.changed, r.version, r.sealed}
}

func insertUser(tx *guard.Tx, r userRow) error {
	_, err := tx.Exec(sqlInsertUser, userArgs(r)...)
	return err
}

func updateUser(tx *guard.Tx, r userRow) error {
	_, err := tx.Exec(sqlUpdateUser, userArgs(r)...)
	return err
}

func loadUser(r *db.Reader, id string) (userRow, error) { return scanUser(r.QueryRow(sqlLoadUser, id)) }

func findUser(r *db.Reader, mark []byte) (userRow, error) {
	return scanUser(r.QueryRow(sqlFindUser, mark))
}

func usersWith(r *db.Reader, mark []byte) ([]userRow, error) {
	rows, err := r.Query(sqlUsersWith, mark)
	return db.Collect(rows, err, scanUser)
}

func usersOf(r *db.Reader, person string) ([]userRow, error) {
	rows, err := r.Query(sqlUsersOf, person)
	return db.Collect(rows, err, scanUser)
}

func allUsers(r *db.Reader) ([]userRow, error) {
	rows, err := r.Query(sqlAllUsers)
	return db.Collect(rows, err, scanUser)
}

// waitingUsers returns the users who wait for an account, those after one of them.
func waitingUsers(r *db.Reader, after userRow, limit int) ([]userRow, error) {
	rows, err := r.Query(sqlWaitingUsers, after.changed, after.id, limit)
	return db.Collect(rows, err, scanUser)
}

func goneUsers(r *db.Reader, before int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlGoneUsers, before, limit)
	return db.Collect(rows, err, scanID)
}

func dropUser(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlDropUser, id)
	return err
}

func insertGroup(tx *guard.Tx, r groupRow) error {
	_, err := tx.Exec(sqlInsertGroup, r.id, r.nameMark, r.created, r.changed, r.version, r.sealed)
	return err
}

func updateGroup(tx *guard.Tx, r groupRow) error {
	_, err := tx.Exec(sqlUpdateGroup, r.id, r.nameMark, r.created, r.changed, r.version, r.sealed)
	return err
}

func loadGroup(r *db.Reader, id string) (groupRow, error) {
	return scanGroup(r.QueryRow(sqlLoadGroup, id))
}

func findGroup(r *db.Reader, mark []byte) (groupRow, error) {
	return scanGroup(r.QueryRow(sqlFindGroup, mark))
}

func allGroups(r *db.Reader) ([]groupRow, error) {
	rows, err := r.Query(sqlAllGroups)
	return db.Collect(rows, err, scanGroup)
}

func groupsOf(r *db.Reader, user string) ([]groupRow, error) {
	rows, err := r.Query(sqlGroupsOf, user)
	return db.Collect(rows, err, scanGroup)
}

func dropGroup(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlDropGroup, id)
	return err
}

func insertMember(tx *guard.Tx, group, user string) error {
	_, err := tx.Exec(sqlInsertMember, group, user)
	return err
}

func membersOf(r *db.Reader, group string) ([]string, error) {
	rows, err := r.Query(sqlMembersOf, group)
	return db.Collect(rows, err, scanID)
}

func dropMember(tx *guard.Tx, group, user string) error {
	_, err := tx.Exec(sqlDropMember, group, user)
	return err
}

func dropMemberships(tx *guard.Tx, user string) error {
	_, err := tx.Exec(sqlDropMemberships, user)
	return err
}

func putLeaver(tx *guard.Tx, r leaverRow) error {
	_, err := tx.Exec(sqlPutLeaver, r.person, r.left, r.probed, r.ways, r.proof)
	return err
}

func loadLeaver(r *db.Reader, person string) (leaverRow, error) {
	return scanLeaver(r.QueryRow(sqlLoadLeaver, person))
}

func leaversSince(r *db.Reader, since int64, limit int) ([]leaverRow, error) {
	rows, err := r.Query(sqlLeaversSince, since, limit)
	return db.Collect(rows, err, scanLeaver)
}

func leaversAfter(r *db.Reader, since int64, after leaverRow, limit int) ([]leaverRow, error) {
	rows, err := r.Query(sqlLeaversAfter, since, after.left, after.person, limit)
	return db.Collect(rows, err, scanLeaver)
}

func tally(r *db.Reader) (waiting, open int64, err error) {
	err = r.QueryRow(sqlTally).Scan(&waiting, &open)
	return waiting, open, err
}

// unprobed lists who was not probed after a place in the order in which they left.
func unprobed(r *db.Reader, after leaverRow, limit int) ([]leaverRow, error) {
	rows, err := r.Query(sqlUnprobed, after.left, after.person, limit)
	return db.Collect(rows, err, scanLeaver)
}
