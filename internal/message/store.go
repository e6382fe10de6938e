package message

import (
	"embed"

	"strongroom/internal/db"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "message", FS: schema} }

const (
	sqlOwnPut  = `insert into message_own (id, made, sealed) values ($1, $2, $3)`
	sqlOwn     = `select id, made, sealed from message_own order by made desc, id limit 8`
	sqlOwnOver = `delete from message_own where made <= $1`

	clientColumns   = `id, holder, added, author, until, sealed`
	sqlClientPut    = `insert into message_client (` + clientColumns + `) values ($1, $2, $3, $4, $5, $6)`
	sqlClientsOf    = `select ` + clientColumns + ` from message_client where holder = $1 order by added desc, id limit 8`
	sqlClients      = `select ` + clientColumns + ` from message_client order by holder, added desc, id limit 1000`
	sqlClientsCount = `select count(*) from message_client where holder = $1`
	sqlClientDrop   = `delete from message_client where id = $1`
)

// ownRow is a row of message_own. Instants are microseconds.
type ownRow struct {
	id     string
	made   int64
	sealed []byte
}

func loadOwn(r *db.Reader) ([]ownRow, error) {
	rows, err := r.Query(sqlOwn)
	return db.Collect(rows, err, func(s db.Scanner) (o ownRow, err error) {
		err = s.Scan(&o.id, &o.made, &o.sealed)
		return o, err
	})
}

// clientRow is a row of message_client.
type clientRow struct {
	id, holder string
	added      int64
	author     string
	until      int64
	sealed     []byte
}

func scanClient(s db.Scanner) (c clientRow, err error) {
	err = s.Scan(&c.id, &c.holder, &c.added, &c.author, &c.until, &c.sealed)
	return c, err
}

func clientsOf(r *db.Reader, holder string) ([]clientRow, error) {
	rows, err := r.Query(sqlClientsOf, holder)
	return db.Collect(rows, err, scanClient)
}

func allClients(r *db.Reader) ([]clientRow, error) {
	rows, err := r.Query(sqlClients)
	return db.Collect(rows, err, scanClient)
}
