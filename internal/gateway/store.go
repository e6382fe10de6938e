package gateway

import (
	"embed"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "gateway", FS: schema} }

const (
	sqlAdd = `insert into gateway_allowed (id, store, number, state, author, approver, at, card)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlLast   = `select coalesce(max(number), 0) from gateway_allowed where store = $1`
	sqlOne    = `select id, store, number, state, author, approver, at, card from gateway_allowed where store = $1 and id = $2`
	sqlAll    = `select id, store, number, state, author, approver, at, card from gateway_allowed where store = $1 order by number`
	sqlChange = `update gateway_allowed set state = $2, approver = $3, card = $4 where id = $1`
)

// row is a call that somebody proposed to allow.
type row struct {
	id, store        string
	number           int64
	state            state
	author, approver string
	at               int64
	card             []byte
}

func scan(from func(...any) error) (r row, err error) {
	err = from(&r.id, &r.store, &r.number, &r.state, &r.author, &r.approver, &r.at, &r.card)
	return r, err
}

func add(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlAdd, r.id, r.store, r.number, r.state, r.author, r.approver, r.at, r.card)
	return err
}

func change(tx *guard.Tx, r row) error {
	_, err := tx.Exec(sqlChange, r.id, r.state, r.approver, r.card)
	return err
}

func last(r *db.Reader, store string) (n int64, err error) {
	err = r.QueryRow(sqlLast, store).Scan(&n)
	return n, err
}

// one returns NotFound for what is no call of the store.
func one(r *db.Reader, store, id string) (row, error) {
	return scan(r.QueryRow(sqlOne, store, id).Scan)
}

func all(r *db.Reader, store string) (out []row, err error) {
	rows, err := r.Query(sqlAll, store)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			_ = rows.Close() // the first failure counts
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Close()
}
