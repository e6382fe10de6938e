package erasure

import (
	"embed"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schemaFS embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "erasure", FS: schemaFS} }

const (
	sqlSenderPut = `insert into erasure_sender (id, platform, set_at, used_at, sealed) values ($1, $2, $3, $4, $5)
		on conflict (id) do update set set_at = excluded.set_at, sealed = excluded.sealed`
	sqlSenders    = `select id, platform, set_at, used_at, sealed from erasure_sender order by id limit $1`
	sqlSenderUsed = `update erasure_sender set used_at = $2 where id = $1`
	sqlSenderDrop = `delete from erasure_sender where id = $1`

	sqlShopPut = `insert into erasure_shop (hash, store, at, sealed) values ($1, $2, $3, $4)
		on conflict (hash, store) do update set at = excluded.at, sealed = excluded.sealed`
	sqlShops     = `select hash, store, at, sealed from erasure_shop where hash = $1 or hash = $2 order by at desc, store limit $3`
	sqlShopsOf   = `select hash, store, at, sealed from erasure_shop where store = $1 order by at, hash limit $2`
	sqlShopsDrop = `delete from erasure_shop where store = $1`
)

// senderRow is a row of erasure_sender. Instants are microseconds, 0 is never.
type senderRow struct {
	id        string
	platform  int64
	set, used int64
	sealed    []byte
}

func scanSender(s db.Scanner) (r senderRow, err error) {
	err = s.Scan(&r.id, &r.platform, &r.set, &r.used, &r.sealed)
	return r, err
}

func listSenders(r *db.Reader) ([]senderRow, error) {
	rows, err := r.Query(sqlSenders, maxSenders)
	return db.Collect(rows, err, scanSender)
}

func putSender(tx *guard.Tx, r *senderRow) error {
	_, err := tx.Exec(sqlSenderPut, r.id, r.platform, r.set, r.used, r.sealed)
	return err
}

func useSender(tx *guard.Tx, id string) error {
	_, err := tx.Exec(sqlSenderUsed, id, db.Micros(tx.Now()))
	return err
}

// dropSender reports whether there was one.
func dropSender(tx *guard.Tx, id string) (bool, error) {
	n, err := tx.Exec(sqlSenderDrop, id)
	return n > 0, err
}

// shopRow is a row of erasure_shop.
type shopRow struct {
	hash   []byte
	store  string
	at     int64
	sealed []byte
}

func scanShop(s db.Scanner) (r shopRow, err error) {
	err = s.Scan(&r.hash, &r.store, &r.at, &r.sealed)
	return r, err
}

func putShop(tx *guard.Tx, r *shopRow) error {
	_, err := tx.Exec(sqlShopPut, r.hash, r.store, r.at, r.sealed)
	return err
}

// findShops returns the rows of either hash, newest first.
func findShops(r *db.Reader, a, b []byte) ([]shopRow, error) {
	rows, err := r.Query(sqlShops, a, b, maxShops)
	return db.Collect(rows, err, scanShop)
}

func shopsOf(r *db.Reader, store string) ([]shopRow, error) {
	rows, err := r.Query(sqlShopsOf, store, maxShops)
	return db.Collect(rows, err, scanShop)
}

// dropShops returns how many there were.
func dropShops(tx *guard.Tx, store string) (int64, error) { return tx.Exec(sqlShopsDrop, store) }
