package connect

import (
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	sqlAppAdd  = `insert into connect_app (id, at, by_whom, sealed) values ($1, $2, $3, $4)`
	sqlApp     = `select id, at, by_whom, sealed from connect_app where id = $1`
	sqlApps    = `select id, at, by_whom, sealed from connect_app order by at, id limit $1`
	sqlAppDrop = `delete from connect_app where id = $1`

	grantColumns = `id, store, app, shop, how, at, by_whom, shown, digest, scope, ended_at, cause, person, secrets, proof`
	sqlGrantAdd  = `insert into connect_grant (` + grantColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	sqlGrantSet   = `update connect_grant set ended_at = $2, cause = $3, secrets = $4, proof = $5 where id = $1`
	sqlGrants     = `select ` + grantColumns + ` from connect_grant where store = $1 order by at desc, id desc limit $2`
	sqlGrantsOpen = `select ` + grantColumns + ` from connect_grant where store = $1 and ended_at = 0 order by at desc, id desc`
	sqlGrantsShop = `select ` + grantColumns + ` from connect_grant where shop = $1 order by at desc, id desc limit 1`
	sqlGrantsOf   = `select count(*) from connect_grant where app = $1 and ended_at = 0`
	sqlLatest     = `select ` + grantColumns + ` from connect_grant g where not exists (
		select 1 from connect_grant n where n.store = g.store and (n.at > g.at or n.at = g.at and n.id > g.id)) order by store`

	sqlTokenAdd  = `insert into connect_token (mark, store, at) values ($1, $2, $3) on conflict (mark) do nothing`
	sqlTokenSeen = `select store from connect_token where mark = $1`
)

// appRow is a row of connect_app.
type appRow struct {
	id, by string
	at     int64
	sealed []byte
}

func scanApp(s db.Scanner) (a appRow, err error) {
	err = s.Scan(&a.id, &a.at, &a.by, &a.sealed)
	return a, err
}

func insertApp(tx *guard.Tx, a appRow) error {
	_, err := tx.Exec(sqlAppAdd, a.id, a.at, a.by, a.sealed)
	return err
}

// loadApp returns NotFound for one that is not there.
func loadApp(r *db.Reader, id string) (appRow, error) { return scanApp(r.QueryRow(sqlApp, id)) }

func listApps(r *db.Reader) ([]appRow, error) {
	rows, err := r.Query(sqlApps, maxApps)
	return db.Collect(rows, err, scanApp)
}

func dropApp(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlAppDrop, id)
	return err
}

// grantRow is a row of connect_grant. Instants are microseconds, 0 is never.
type grantRow struct {
	id, store, app, by, scope string
	shop, digest              []byte
	how, at, shown            int64
	ended, cause              int64
	person, secrets, proof    []byte
}

func scanGrant(s db.Scanner) (g grantRow, err error) {
	err = s.Scan(&g.id, &g.store, &g.app, &g.shop, &g.how, &g.at, &g.by, &g.shown, &g.digest, &g.scope, &g.ended, &g.cause,
		&g.person, &g.secrets, &g.proof)
	return g, err
}

func insertGrant(tx *guard.Tx, g *grantRow) error {
	_, err := tx.Exec(sqlGrantAdd, g.id, g.store, g.app, g.shop, g.how, g.at, g.by, g.shown, g.digest, g.scope, g.ended, g.cause,
		g.person, g.secrets, g.proof)
	return err
}

func updateGrant(tx *guard.Tx, g *grantRow) error {
	_, err := tx.Exec(sqlGrantSet, g.id, g.ended, g.cause, g.secrets, g.proof)
	return err
}

// maxReceipts is how many grants of a store are listed.
const maxReceipts = 200

func grantsOf(r *db.Reader, store string) ([]grantRow, error) {
	rows, err := r.Query(sqlGrants, store, maxReceipts)
	return db.Collect(rows, err, scanGrant)
}

func openGrants(r *db.Reader, store string) ([]grantRow, error) {
	rows, err := r.Query(sqlGrantsOpen, store)
	return db.Collect(rows, err, scanGrant)
}

// grantOfShop returns the newest grant of a shop, nil if there was none.
func grantOfShop(r *db.Reader, shop []byte) (*grantRow, error) {
	rows, err := r.Query(sqlGrantsShop, shop)
	list, err := db.Collect(rows, err, scanGrant)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// latestGrants returns the newest grant of each store.
func latestGrants(r *db.Reader) ([]grantRow, error) {
	rows, err := r.Query(sqlLatest)
	return db.Collect(rows, err, scanGrant)
}

func countGrants(r *db.Reader, app string) (n int64, err error) {
	err = r.QueryRow(sqlGrantsOf, app).Scan(&n)
	return n, err
}

// seenToken reports whether a token came before.
func seenToken(r *db.Reader, mark []byte) (bool, error) {
	rows, err := r.Query(sqlTokenSeen, mark)
	list, err := db.Collect(rows, err, func(s db.Scanner) (store string, err error) {
		err = s.Scan(&store)
		return store, err
	})
	return len(list) > 0, err
}

func noteToken(tx *guard.Tx, mark []byte, store string, at time.Time) error {
	_, err := tx.Exec(sqlTokenAdd, mark, store, db.Micros(at))
	return err
}
