package people

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type personRow struct {
	id                                            string
	sealed, wrapped                               []byte // wrapped is read only
	state                                         string
	created, starts, ends, ended, revoked, erased int64
}

// tokenRow is a link, or an enrolment, which has an id.
type tokenRow struct {
	digest     []byte
	id, person string
	expires    int64
	proof      []byte
}

type passwordRow struct {
	id, person string
	sealed     []byte
	set        int64
	current    bool
	must       bool
}

type factorRow struct {
	id, person, kind    string
	lookup, sealed      []byte
	created, used, step int64
	pending             bool
}

type standingRow struct {
	person, kind, version, by, reference string
	given, recorded                      int64
	proof                                []byte
}

const (
	personColumns = `id, sealed, state, created_at, starts_at, ends_at, ended_at, revoked_at, erased_at`
	personAndKey  = personColumns + `, wrapped from people_person left join people_key on person = id`

	sqlInsertPerson = `insert into people_person (` + personColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlUpdatePerson = `update people_person set sealed = $2, state = $3, created_at = $4, starts_at = $5, ends_at = $6,
		ended_at = $7, revoked_at = $8, erased_at = $9 where id = $1`
	sqlLoadPerson  = `select ` + personAndKey + ` where id = $1`
	sqlListPersons = `select ` + personAndKey + ` where id > $1 order by id limit $2`
	sqlListInState = `select ` + personAndKey + ` where id > $1 and state = $3 order by id limit $2`
	sqlAnyPerson   = `select count(*) from (select id from people_person limit 1) as one`
	sqlDue         = `select id from people_person where state in ('invited', 'active', 'suspended')
		and ends_at > 0 and ends_at <= $1 order by ends_at limit $2`
	sqlGone      = `select id from people_person where erased_at = 0 and revoked_at > 0 and revoked_at <= $1 order by revoked_at limit $2`
	sqlCountIn   = `select state, count(*) from people_person group by state order by state`
	sqlInsertKey = `insert into people_key (person, wrapped) values ($1, $2)`
	sqlLoadKey   = `select wrapped from people_key where person = $1`
	sqlDeleteKey = `delete from people_key where person = $1`

	sqlInsertMail = `insert into people_mail (digest, person) values ($1, $2)`
	sqlLoadMail   = `select person from people_mail where digest = $1`
	sqlDeleteMail = `delete from people_mail where person = $1`

	sqlInsertLink  = `insert into people_link (digest, person, expires_at, proof) values ($1, $2, $3, $4)`
	sqlLoadLink    = `select digest, '', person, expires_at, proof from people_link where digest = $1`
	sqlDeleteLinks = `delete from people_link where person = $1`

	sqlInsertEnrolment  = `insert into people_enrolment (digest, id, person, expires_at, proof) values ($1, $2, $3, $4, $5)`
	sqlLoadEnrolment    = `select digest, id, person, expires_at, proof from people_enrolment where digest = $1`
	sqlEnrolmentOf      = `select digest, id, person, expires_at, proof from people_enrolment where person = $1`
	sqlDeleteEnrolments = `delete from people_enrolment where person = $1`

	sqlInsertPassword  = `insert into people_password (id, person, sealed, set_at, current, must_change) values ($1, $2, $3, $4, $5, $6)`
	sqlUpdatePassword  = `update people_password set sealed = $2, current = $3, must_change = $4 where id = $1`
	sqlDeletePassword  = `delete from people_password where id = $1`
	sqlPasswordsOf     = `select id, person, sealed, set_at, current, must_change from people_password where person = $1 order by set_at desc, id`
	sqlCurrentPassword = `select id, person, sealed, set_at, current, must_change from people_password where person = $1 and current = 1`
	sqlDeletePasswords = `delete from people_password where person = $1`
	sqlOldestPassword  = `select coalesce(min(set_at), 0) from people_password where current = 1`
	sqlStalePasswords  = `select count(*) from people_password where current = 1 and set_at <= $1`

	sqlOneFactor = `select count(*) from people_person x where state = 'active'
		and not exists (select 1 from people_factor f where f.person = x.id and kind = 'passkey' and pending = 0)
		and not (exists (select 1 from people_factor f where f.person = x.id and kind = 'totp' and pending = 0)
			and exists (select 1 from people_password w where w.person = x.id and current = 1))`

	sqlInsertFactor = `insert into people_factor (id, person, kind, lookup, sealed, created_at, used_at, step, pending)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlUpdateFactor  = `update people_factor set sealed = $2, used_at = $3, step = $4, pending = $5 where id = $1`
	sqlFactorsOf     = `select id, person, kind, lookup, sealed, created_at, used_at, step, pending from people_factor where person = $1 order by created_at, id`
	sqlFindFactor    = `select id, person, kind, lookup, sealed, created_at, used_at, step, pending from people_factor where lookup = $1`
	sqlDeleteFactor  = `delete from people_factor where id = $1`
	sqlDeleteFactors = `delete from people_factor where person = $1`
	sqlDeleteKind    = `delete from people_factor where person = $1 and kind = $2`

	sqlPutCeremony = `insert into people_ceremony (person, sealed, expires_at) values ($1, $2, $3)
		on conflict (person) do update set sealed = excluded.sealed, expires_at = excluded.expires_at`
	sqlLoadCeremony   = `select sealed from people_ceremony where person = $1`
	sqlDeleteCeremony = `delete from people_ceremony where person = $1`

	sqlPutStanding = `insert into people_standing (person, kind, given_at, version, recorded_at, recorded_by, reference, proof)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (person, kind, given_at) do update set version = excluded.version,
		recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by, reference = excluded.reference,
		proof = excluded.proof`
	sqlStandingOf = `select person, kind, given_at, version, recorded_at, recorded_by, reference, proof from people_standing
		where person = $1 order by given_at, kind`
	sqlDeleteStanding = `delete from people_standing where person = $1`

	sqlPutRecovery = `insert into people_recovery (person, asked_at, proof) values ($1, $2, $3)
		on conflict (person) do update set asked_at = excluded.asked_at, proof = excluded.proof`
	sqlLoadRecovery   = `select person, asked_at, proof from people_recovery where person = $1`
	sqlRecoveries     = `select person, asked_at, proof from people_recovery order by asked_at, person`
	sqlDeleteRecovery = `delete from people_recovery where person = $1`
)

func scanPerson(s db.Scanner) (r personRow, err error) {
	err = s.Scan(&r.id, &r.sealed, &r.state, &r.created, &r.starts, &r.ends, &r.ended, &r.revoked, &r.erased, &r.wrapped)
	return r, err
}

func scanToken(s db.Scanner) (r tokenRow, err error) {
	err = s.Scan(&r.digest, &r.id, &r.person, &r.expires, &r.proof)
	return r, err
}

func scanPassword(s db.Scanner) (r passwordRow, err error) {
	var current, must int64
	err = s.Scan(&r.id, &r.person, &r.sealed, &r.set, &current, &must)
	r.current, r.must = current == 1, must == 1
	return r, err
}

func scanFactor(s db.Scanner) (r factorRow, err error) {
	var pending int64
	err = s.Scan(&r.id, &r.person, &r.kind, &r.lookup, &r.sealed, &r.created, &r.used, &r.step, &pending)
	r.pending = pending == 1
	return r, err
}

func scanStanding(s db.Scanner) (r standingRow, err error) {
	err = s.Scan(&r.person, &r.kind, &r.given, &r.version, &r.recorded, &r.by, &r.reference, &r.proof)
	return r, err
}

type recoveryRow struct {
	person string
	asked  int64
	proof  []byte
}

func scanRecovery(s db.Scanner) (r recoveryRow, err error) {
	err = s.Scan(&r.person, &r.asked, &r.proof)
	return r, err
}

func putRecovery(tx *guard.Tx, r recoveryRow) error {
	_, err := tx.Exec(sqlPutRecovery, r.person, r.asked, r.proof)
	return err
}

func recoveryOf(r *db.Reader, person string) ([]recoveryRow, error) {
	rows, err := r.Query(sqlLoadRecovery, person)
	return db.Collect(rows, err, scanRecovery)
}

func recoveries(r *db.Reader) ([]recoveryRow, error) {
	rows, err := r.Query(sqlRecoveries)
	return db.Collect(rows, err, scanRecovery)
}

func deleteRecovery(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteRecovery, person)
	return err
}

func scanID(s db.Scanner) (id string, err error) {
	err = s.Scan(&id)
	return id, err
}

func personArgs(r personRow) []any {
	return []any{r.id, r.sealed, r.state, r.created, r.starts, r.ends, r.ended, r.revoked, r.erased}
}

func insertPerson(tx *guard.Tx, r personRow, wrapped, mail []byte) error {
	if _, err := tx.Exec(sqlInsertPerson, personArgs(r)...); err != nil {
		return err
	}
	if err := insertKey(tx, r.id, wrapped); err != nil {
		return err
	}
	return insertMail(tx, mail, r.id)
}

func insertMail(tx *guard.Tx, digest []byte, person string) error {
	_, err := tx.Exec(sqlInsertMail, digest, person)
	return err
}

func insertKey(tx *guard.Tx, person string, wrapped []byte) error {
	_, err := tx.Exec(sqlInsertKey, person, wrapped)
	return err
}

func updatePerson(tx *guard.Tx, r personRow) error {
	_, err := tx.Exec(sqlUpdatePerson, personArgs(r)...)
	return err
}

func loadPerson(r *db.Reader, id string) (personRow, error) {
	return scanPerson(r.QueryRow(sqlLoadPerson, id))
}

func listPersons(r *db.Reader, after string, limit int, state State) ([]personRow, error) {
	if state != "" {
		rows, err := r.Query(sqlListInState, after, limit, string(state))
		return db.Collect(rows, err, scanPerson)
	}
	rows, err := r.Query(sqlListPersons, after, limit)
	return db.Collect(rows, err, scanPerson)
}

func anyPerson(r *db.Reader) (bool, error) {
	var n int64
	err := r.QueryRow(sqlAnyPerson).Scan(&n)
	return n > 0, err
}

func due(r *db.Reader, now int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlDue, now, limit)
	return db.Collect(rows, err, scanID)
}

func gone(r *db.Reader, before int64, limit int) ([]string, error) {
	rows, err := r.Query(sqlGone, before, limit)
	return db.Collect(rows, err, scanID)
}

func loadKey(r *db.Reader, person string) (wrapped []byte, err error) {
	err = r.QueryRow(sqlLoadKey, person).Scan(&wrapped)
	return wrapped, err
}

func loadMail(r *db.Reader, digest []byte) (person string, err error) {
	return scanID(r.QueryRow(sqlLoadMail, digest))
}

func insertLink(tx *guard.Tx, t tokenRow) error {
	_, err := tx.Exec(sqlInsertLink, t.digest, t.person, t.expires, t.proof)
	return err
}

func loadLink(r *db.Reader, digest []byte) (tokenRow, error) {
	return scanToken(r.QueryRow(sqlLoadLink, digest))
}

func insertEnrolment(tx *guard.Tx, t tokenRow) error {
	_, err := tx.Exec(sqlInsertEnrolment, t.digest, t.id, t.person, t.expires, t.proof)
	return err
}

func loadEnrolment(r *db.Reader, digest []byte) (tokenRow, error) {
	return scanToken(r.QueryRow(sqlLoadEnrolment, digest))
}

func enrolmentOf(r *db.Reader, person string) (tokenRow, error) {
	return scanToken(r.QueryRow(sqlEnrolmentOf, person))
}

func deleteLinks(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteLinks, person)
	return err
}

func deleteEnrolments(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteEnrolments, person)
	return err
}

func insertPassword(tx *guard.Tx, r passwordRow) error {
	_, err := tx.Exec(sqlInsertPassword, r.id, r.person, r.sealed, r.set, r.current, r.must)
	return err
}

func updatePassword(tx *guard.Tx, r passwordRow) error {
	_, err := tx.Exec(sqlUpdatePassword, r.id, r.sealed, r.current, r.must)
	return err
}

func deletePassword(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlDeletePassword, id)
	return err
}

// passwordsOf returns the passwords of a person, the newest first.
func passwordsOf(r *db.Reader, person string) ([]passwordRow, error) {
	rows, err := r.Query(sqlPasswordsOf, person)
	return db.Collect(rows, err, scanPassword)
}

func currentPassword(r *db.Reader, person string) (passwordRow, error) {
	return scanPassword(r.QueryRow(sqlCurrentPassword, person))
}

func insertFactor(tx *guard.Tx, r factorRow) error {
	_, err := tx.Exec(sqlInsertFactor, r.id, r.person, r.kind, r.lookup, r.sealed, r.created, r.used, r.step, r.pending)
	return err
}

func updateFactor(tx *guard.Tx, r factorRow) error {
	_, err := tx.Exec(sqlUpdateFactor, r.id, r.sealed, r.used, r.step, r.pending)
	return err
}

func factorsOf(r *db.Reader, person string) ([]factorRow, error) {
	rows, err := r.Query(sqlFactorsOf, person)
	return db.Collect(rows, err, scanFactor)
}

func findFactor(r *db.Reader, lookup []byte) (factorRow, error) {
	return scanFactor(r.QueryRow(sqlFindFactor, lookup))
}

func deleteFactor(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlDeleteFactor, id)
	return err
}

func deleteKind(tx *guard.Tx, person string, kind FactorKind) error {
	_, err := tx.Exec(sqlDeleteKind, person, string(kind))
	return err
}

func putCeremony(tx *guard.Tx, person string, sealed []byte, expires int64) error {
	_, err := tx.Exec(sqlPutCeremony, person, sealed, expires)
	return err
}

func loadCeremony(r *db.Reader, person string) (sealed []byte, err error) {
	err = r.QueryRow(sqlLoadCeremony, person).Scan(&sealed)
	return sealed, err
}

func deleteCeremony(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteCeremony, person)
	return err
}

// dropProofs deletes all by which a person could sign in.
func dropProofs(tx *guard.Tx, person string) error {
	if err := deleteLinks(tx, person); err != nil {
		return err
	}
	if err := deleteEnrolments(tx, person); err != nil {
		return err
	}
	if err := deleteCeremony(tx, person); err != nil {
		return err
	}
	_, err := tx.Exec(sqlDeleteFactors, person)
	return err
}

func deletePasswords(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeletePasswords, person)
	return err
}

func deleteMail(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteMail, person)
	return err
}

func deleteKey(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteKey, person)
	return err
}

func putStanding(tx *guard.Tx, r standingRow) error {
	_, err := tx.Exec(sqlPutStanding, r.person, r.kind, r.given, r.version, r.recorded, r.by, r.reference, r.proof)
	return err
}

func standingOf(r *db.Reader, person string) ([]standingRow, error) {
	rows, err := r.Query(sqlStandingOf, person)
	return db.Collect(rows, err, scanStanding)
}

func deleteStanding(tx *guard.Tx, person string) error {
	_, err := tx.Exec(sqlDeleteStanding, person)
	return err
}

func oldestPassword(r *db.Reader) (at int64, err error) {
	err = r.QueryRow(sqlOldestPassword).Scan(&at)
	return at, err
}

func stalePasswords(r *db.Reader, before int64) (n int64, err error) {
	err = r.QueryRow(sqlStalePasswords, before).Scan(&n)
	return n, err
}

func oneFactor(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlOneFactor).Scan(&n)
	return n, err
}

type stateCount struct {
	state string
	n     int64
}

func countStates(r *db.Reader) ([]stateCount, error) {
	rows, err := r.Query(sqlCountIn)
	return db.Collect(rows, err, func(s db.Scanner) (c stateCount, err error) {
		err = s.Scan(&c.state, &c.n)
		return c, err
	})
}
