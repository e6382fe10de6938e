package session

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type sessionRow struct {
	id, person             string
	digest, sealed, rights []byte
	created, verified      int64
	ends, ended            int64
	proof                  []byte
	cause                  string
	used                   int64
	useProof               []byte
}

type attemptRow struct {
	mark                  []byte
	person                string
	failures, until, last int64
	proof                 []byte
	damaged               bool // the row was edited: it waits without end
}

type lockRow struct {
	person   string
	complete bool
	cause    string
	since    int64
	proof    []byte
}

const (
	sqlInsertChallenge = `insert into session_challenge (mark, sealed, step, until_at) values ($1, $2, $3, $4) on conflict (mark) do nothing`
	sqlLoadChallenge   = `select sealed, step from session_challenge where mark = $1`
	sqlMoveChallenge   = `update session_challenge set sealed = $3, step = step + 1 where mark = $1 and step = $2`
	sqlTryChallenge    = `update session_challenge set tries = tries + 1 where mark = $1`

	sqlInsertSession = `insert into session_session (id, person, digest, sealed, rights, created_at, verified_at, ends_at, proof)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlSession = `select id, person, digest, sealed, rights, created_at, verified_at, ends_at, session_session.proof, ended_at, cause,
		used_at, session_use.proof from session_session join session_use on session = id `
	sqlByID          = sqlSession + `where id = $1 and ended_at = 0`
	sqlByDigest      = sqlSession + `where digest = $1 and ended_at = 0`
	sqlSessionsOf    = sqlSession + `where person = $1 and (ended_at = 0 or ended_at > $2) order by created_at desc, id`
	sqlLastUsed      = `select person, max(used_at) from session_session join session_use on session = id group by person`
	sqlOwnerOf       = `select person from session_session where id = $1`
	sqlRotateSession = `update session_session set digest = $3, rights = $4, verified_at = $5, proof = $6
		where id = $1 and digest = $2 and ended_at = 0`
	sqlEndSession  = `update session_session set ended_at = $2, cause = $3 where id = $1 and ended_at = 0`
	sqlEndSessions = `update session_session set ended_at = $2, cause = $3 where person = $1 and ended_at = 0`
	sqlEndOthers   = `update session_session set ended_at = $2, cause = $3 where person = $1 and ended_at = 0 and id <> $4`
	sqlSetUsed     = `insert into session_use (session, used_at, proof) values ($1, $2, $3)
		on conflict (session) do update set used_at = excluded.used_at, proof = excluded.proof where session_use.used_at < excluded.used_at`

	sqlHoldAttempt = `insert into session_attempt (mark, person, failures, until_at, last_at, proof) values ($1, $2, 0, 0, 0, $3)
		on conflict (mark) do update set mark = excluded.mark`
	sqlLoadAttempt   = `select mark, person, failures, until_at, last_at, proof from session_attempt where mark = $1`
	sqlUpdateAttempt = `update session_attempt set failures = $2, until_at = $3, last_at = $4, proof = $5 where mark = $1`
	sqlTouchAttempt  = `update session_attempt set touched = touched + 1 where mark = $1`
	sqlDropAttempt   = `delete from session_attempt where mark = $1`
	sqlDropAttempts  = `delete from session_attempt where person = $1`

	sqlIsKnown  = `select count(*) from session_known where mark = $1`
	sqlKnownOf  = `select count(*) from session_known where person = $1`
	sqlSetKnown = `insert into session_known (mark, person, last_at) values ($1, $2, $3)
		on conflict (mark) do update set last_at = excluded.last_at`

	sqlLoadLock = `select person, complete, cause, since_at, proof from session_lock where person = $1`
	sqlLocks    = `select person, complete, cause, since_at, proof from session_lock order by since_at, person`
	sqlPutLock  = `insert into session_lock (person, complete, cause, since_at, proof) values ($1, $2, $3, $4, $5)
		on conflict (person) do update set complete = excluded.complete, cause = excluded.cause, since_at = excluded.since_at,
			proof = excluded.proof`
	sqlDropLock = `delete from session_lock where person = $1`

	sqlGauges = `select (select count(*) from session_session where ended_at = 0), (select count(*) from session_challenge),
		(select count(*) from session_lock), (select count(*) from session_lock where complete = 1)`

	sqlExpireChallenges = `delete from session_challenge where until_at <= $1`
	sqlExpireAttempts   = `delete from session_attempt where last_at < $1 and until_at < $2`
	sqlExpireKnown      = `delete from session_known where last_at < $1`
	sqlEndAbsolute      = `update session_session set ended_at = ends_at, cause = 'absolute' where ended_at = 0 and ends_at <= $1`
	sqlEndIdle          = `update session_session set ended_at = $2, cause = 'idle' where ended_at = 0
		and id in (select session from session_use where used_at <= $1)`
	sqlExpireUses     = `delete from session_use where session in (select id from session_session where ended_at > 0 and ended_at < $1)`
	sqlExpireSessions = `delete from session_session where ended_at > 0 and ended_at < $1`
)

func insertChallenge(tx *guard.Tx, mark []byte, step int64, sealed []byte, until int64) (int64, error) {
	return tx.Exec(sqlInsertChallenge, mark, sealed, step, until)
}

func loadChallenge(r *db.Reader, mark []byte) (sealed []byte, step int64, err error) {
	err = r.QueryRow(sqlLoadChallenge, mark).Scan(&sealed, &step)
	return sealed, step, err
}

func moveChallenge(tx *guard.Tx, mark []byte, step int64, sealed []byte) (int64, error) {
	return tx.Exec(sqlMoveChallenge, mark, step, sealed)
}

func tryChallenge(tx *guard.Tx, mark []byte) error {
	_, err := tx.Exec(sqlTryChallenge, mark)
	return err
}

func insertSession(tx *guard.Tx, r sessionRow) error {
	_, err := tx.Exec(sqlInsertSession, r.id, r.person, r.digest, r.sealed, r.rights, r.created, r.verified, r.ends, r.proof)
	return err
}

func scanSession(s db.Scanner) (r sessionRow, err error) {
	err = s.Scan(&r.id, &r.person, &r.digest, &r.sealed, &r.rights, &r.created, &r.verified, &r.ends, &r.proof,
		&r.ended, &r.cause, &r.used, &r.useProof)
	return r, err
}

func sessionByDigest(r *db.Reader, digest []byte) (sessionRow, error) {
	return scanSession(r.QueryRow(sqlByDigest, digest))
}

func sessionByID(r *db.Reader, id string) (sessionRow, error) {
	return scanSession(r.QueryRow(sqlByID, id))
}

// sessionsOf returns the sessions of a person that last, and those that ended
// after a time; never means none of these.
func sessionsOf(r *db.Reader, person string, after int64) ([]sessionRow, error) {
	rows, err := r.Query(sqlSessionsOf, person, after)
	return db.Collect(rows, err, scanSession)
}

func ownerOf(r *db.Reader, id string) (person string, err error) {
	err = r.QueryRow(sqlOwnerOf, id).Scan(&person)
	return person, err
}

func rotateSession(tx *guard.Tx, r sessionRow, old []byte) (int64, error) {
	return tx.Exec(sqlRotateSession, r.id, old, r.digest, r.rights, r.verified, r.proof)
}

func endSession(tx *guard.Tx, id string, at int64, cause string) (int64, error) {
	return tx.Exec(sqlEndSession, id, at, cause)
}

func endSessions(tx *guard.Tx, person string, at int64, cause string) (int64, error) {
	return tx.Exec(sqlEndSessions, person, at, cause)
}

func endOthers(tx *guard.Tx, person string, at int64, cause, but string) (int64, error) {
	return tx.Exec(sqlEndOthers, person, at, cause, but)
}

func setUsed(tx *guard.Tx, id string, at int64, proof []byte) error {
	_, err := tx.Exec(sqlSetUsed, id, at, proof)
	return err
}

func holdAttempt(tx *guard.Tx, a attemptRow) error {
	_, err := tx.Exec(sqlHoldAttempt, a.mark, a.person, a.proof)
	return err
}

func loadAttempt(r *db.Reader, mark []byte) (a attemptRow, found bool, err error) {
	err = r.QueryRow(sqlLoadAttempt, mark).Scan(&a.mark, &a.person, &a.failures, &a.until, &a.last, &a.proof)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return attemptRow{}, false, nil
	}
	return a, true, err
}

func updateAttempt(tx *guard.Tx, a attemptRow) error {
	_, err := tx.Exec(sqlUpdateAttempt, a.mark, a.failures, a.until, a.last, a.proof)
	return err
}

func touchAttempt(tx *guard.Tx, mark []byte) error {
	_, err := tx.Exec(sqlTouchAttempt, mark)
	return err
}

func dropAttempt(tx *guard.Tx, mark []byte) error {
	_, err := tx.Exec(sqlDropAttempt, mark)
	return err
}

func isKnown(r *db.Reader, mark []byte) (bool, error) {
	n := 0
	err := r.QueryRow(sqlIsKnown, mark).Scan(&n)
	return n > 0, err
}

func knownOf(r *db.Reader, person string) (n int, err error) {
	err = r.QueryRow(sqlKnownOf, person).Scan(&n)
	return n, err
}

func setKnown(tx *guard.Tx, mark []byte, person string, at int64) error {
	_, err := tx.Exec(sqlSetKnown, mark, person, at)
	return err
}

func scanLock(s db.Scanner) (l lockRow, err error) {
	err = s.Scan(&l.person, &l.complete, &l.cause, &l.since, &l.proof)
	return l, err
}

func loadLock(r *db.Reader, person string) (lockRow, error) {
	return scanLock(r.QueryRow(sqlLoadLock, person))
}

func locks(r *db.Reader) ([]lockRow, error) {
	rows, err := r.Query(sqlLocks)
	return db.Collect(rows, err, scanLock)
}

func putLock(tx *guard.Tx, l lockRow) error {
	_, err := tx.Exec(sqlPutLock, l.person, l.complete, l.cause, l.since, l.proof)
	return err
}

func gauges(r *db.Reader) (g Gauges, err error) {
	err = r.QueryRow(sqlGauges).Scan(&g.Open, &g.UnderWay, &g.Locked, &g.Complete)
	return g, err
}

// dropLock opens an account and forgets what failed at it.
func dropLock(tx *guard.Tx, person string) error {
	if _, err := tx.Exec(sqlDropLock, person); err != nil {
		return err
	}
	_, err := tx.Exec(sqlDropAttempts, person)
	return err
}

// expire removes what is over: challenges, failures, known places, sessions. What
// is given are instants before which each of them is.
func expire(tx *guard.Tx, now, over, forget, known, keep, idle int64) error {
	if _, err := tx.Exec(sqlExpireChallenges, over); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlExpireAttempts, forget, now); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlExpireKnown, known); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlEndAbsolute, now); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlEndIdle, idle, now); err != nil {
		return err
	}
	if _, err := tx.Exec(sqlExpireUses, keep); err != nil {
		return err
	}
	_, err := tx.Exec(sqlExpireSessions, keep)
	return err
}
