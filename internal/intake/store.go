package intake

import (
	"time"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	sqlConnectionPut = `insert into intake_connection (store, card, at) values ($1, $2, $3)
		on conflict (store) do update set card = excluded.card, at = excluded.at, used = 0`
	sqlUsed           = `update intake_connection set used = $2 where store = $1 and used < $2`
	sqlConnection     = `select card from intake_connection where store = $1`
	sqlConnectionDrop = `delete from intake_connection where store = $1`

	sqlCursorPut = `insert into intake_cursor (store, resource, card, at) values ($1, $2, $3, $4)
		on conflict (store, resource) do update set card = excluded.card, at = excluded.at`
	sqlCursor      = `select card from intake_cursor where store = $1 and resource = $2`
	sqlCursorsDrop = `delete from intake_cursor where store = $1`

	sqlConnectors = `select c.store, c.at, c.used, coalesce(max(u.at), 0) from intake_connection c
		left join intake_cursor u on u.store = c.store group by c.store, c.at, c.used order by c.store`
)

func putConnection(tx *guard.Tx, store string, card []byte) error {
	_, err := tx.Exec(sqlConnectionPut, store, card, db.Micros(tx.Now()))
	return err
}

func stampUsed(tx *guard.Tx, store string, at time.Time) error {
	_, err := tx.Exec(sqlUsed, store, db.Micros(at))
	return err
}

// loadConnection returns NotFound for a store that was never connected.
func loadConnection(r *db.Reader, store string) (card []byte, err error) {
	err = r.QueryRow(sqlConnection, store).Scan(&card)
	return card, err
}

func putCursor(tx *guard.Tx, store string, r resource, card []byte) error {
	_, err := tx.Exec(sqlCursorPut, store, r, card, db.Micros(tx.Now()))
	return err
}

// loadCursor returns NotFound where nothing was fetched yet.
func loadCursor(tx *guard.Tx, store string, r resource) (card []byte, err error) {
	err = tx.QueryRow(sqlCursor, store, r).Scan(&card)
	return card, err
}

func dropStore(tx *guard.Tx, store string) error {
	if _, err := tx.Exec(sqlConnectionDrop, store); err != nil {
		return err
	}
	_, err := tx.Exec(sqlCursorsDrop, store)
	return err
}
