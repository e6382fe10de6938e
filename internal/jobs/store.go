package jobs

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type row struct {
	id      string
	kind    Kind
	state   State
	due     int64
	tries   int
	turn    int64
	args    string
	once    []byte
	code    string
	created int64
}

const (
	sqlInsert = `insert into jobs_job (id, kind, due_at, args, once, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (once) do nothing`
	sqlWaiting = `select id from jobs_job where once = $1`
	sqlDue     = `select id, kind, state, due_at, tries, turn, args, code from jobs_job
		where state = 0 and due_at <= $1 or state = 1 and lease_until <= $1 order by due_at, id limit $2`
	sqlLoad = `select id, kind, state, due_at, tries, turn, args, code from jobs_job where id = $1`
	sqlList = `select id, kind, state, due_at, tries, turn, args, code from jobs_job
		where state between $1 and $2 and id > $3 order by id limit $4`
	sqlDead = `select count(*) from (select 1 from jobs_job where state = 2 limit 100000) d`

	// turn is the fencing number: whoever holds an older one has lost the lease. A
	// row leased again has state 1: its last try ended with its process and counts.
	sqlLease = `update jobs_job set tries = tries + state, state = 1, lease_until = $4, turn = turn + 1, once = null
		where id = $1 and turn = $2 and state = $3`
	sqlPostpone = `update jobs_job set state = 0, due_at = $3 where id = $1 and turn = $2`
	sqlRenew    = `update jobs_job set lease_until = $3 where id = $1 and turn = $2 and state = 1`
	sqlFinish   = `update jobs_job set state = 3, due_at = $3, args = '', code = '' where id = $1 and turn = $2 and state = 1`
	sqlReturn   = `update jobs_job set state = 0, tries = $3, due_at = $4, code = $5 where id = $1 and turn = $2 and state = 1`
	sqlBury     = `update jobs_job set state = 2, tries = $3, code = $4 where id = $1 and turn = $2 and state = 1`
	sqlRevive   = `update jobs_job set state = 0, tries = 0, due_at = $2 where id = $1 and state = 2`
	sqlDrop     = `delete from jobs_job where state = 3 and due_at < $1`

	sqlSchedule = `insert into jobs_schedule (kind, due_at) values ($1, $2) on conflict (kind) do nothing`
	sqlTurn     = `update jobs_schedule set due_at = $3 where kind = $1 and due_at <= $2`
)

func insertJob(tx *guard.Tx, r row) (int64, error) {
	var once any
	if r.once != nil {
		once = r.once
	}
	return tx.Exec(sqlInsert, r.id, int64(r.kind), r.due, r.args, once, r.created)
}

// waitingJob returns the id of the job that waits under once.
func waitingJob(r *db.Reader, once []byte) (id string, err error) {
	err = r.QueryRow(sqlWaiting, once).Scan(&id)
	return id, err
}

func dueJobs(r *db.Reader, now int64, limit int) ([]row, error) {
	rows, err := r.Query(sqlDue, now, limit)
	return db.Collect(rows, err, scanJob)
}

func listJobs(r *db.Reader, states [2]State, after string, limit int) ([]row, error) {
	rows, err := r.Query(sqlList, int64(states[0]), int64(states[1]), after, limit)
	return db.Collect(rows, err, scanJob)
}

func countDead(r *db.Reader) (n int64, err error) {
	err = r.QueryRow(sqlDead).Scan(&n)
	return n, err
}

func scanJob(s db.Scanner) (x row, err error) {
	err = s.Scan(&x.id, &x.kind, &x.state, &x.due, &x.tries, &x.turn, &x.args, &x.code)
	return x, err
}

func loadJob(r *db.Reader, id string) (row, error) { return scanJob(r.QueryRow(sqlLoad, id)) }

func leaseJob(tx *guard.Tx, r row, until int64) (int64, error) {
	return tx.Exec(sqlLease, r.id, r.turn, int64(r.state), until)
}

func postponeJob(tx *guard.Tx, r row, due int64) error {
	_, err := tx.Exec(sqlPostpone, r.id, r.turn, due)
	return err
}

func renewJob(tx *guard.Tx, id string, turn, until int64) (int64, error) {
	return tx.Exec(sqlRenew, id, turn, until)
}

func finishJob(tx *guard.Tx, id string, turn, now int64) (int64, error) {
	return tx.Exec(sqlFinish, id, turn, now)
}

func returnJob(tx *guard.Tx, id string, turn int64, tries int, due int64, code string) error {
	_, err := tx.Exec(sqlReturn, id, turn, tries, due, code)
	return err
}

func buryJob(tx *guard.Tx, id string, turn int64, tries int, code string) error {
	_, err := tx.Exec(sqlBury, id, turn, tries, code)
	return err
}

func reviveJob(tx *guard.Tx, id string, now int64) (int64, error) {
	return tx.Exec(sqlRevive, id, now)
}

func dropDone(tx *guard.Tx, before int64) error {
	_, err := tx.Exec(sqlDrop, before)
	return err
}

// turnSchedule reports whether the time of kind has come, and sets the next.
func turnSchedule(tx *guard.Tx, k Kind, now, next int64) (bool, error) {
	if _, err := tx.Exec(sqlSchedule, int64(k), now); err != nil {
		return false, err
	}
	n, err := tx.Exec(sqlTurn, int64(k), now, next)
	return n > 0, err
}
