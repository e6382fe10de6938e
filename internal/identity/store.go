package identity

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type keyRow struct {
	id, owner                       string
	sealed                          []byte
	created, expires, revoked, used int64
}

type secretRow struct {
	digest      []byte
	id, account string
	expires     int64
	proof       []byte
}

type receiptRow struct {
	request  []byte
	status   int
	resource string
}

const (
	sqlInsertKey  = `insert into identity_key (id, owner, sealed, created_at, expires_at) values ($1, $2, $3, $4, $5)`
	sqlReseal     = `update identity_key set owner = $2, sealed = $3 where id = $1`
	sqlKeyColumns = `select id, owner, sealed, created_at, expires_at, revoked_at, coalesce(used_at, 0)
		from identity_key left join identity_use on account = id `
	sqlLoadKey   = sqlKeyColumns + `where id = $1`
	sqlListKeys  = sqlKeyColumns + `where id > $1 order by id limit $2`
	sqlLiveKeys  = sqlKeyColumns + `where id > $1 and revoked_at = 0 order by id limit $2`
	sqlOwned     = `select id from identity_key where owner = $1 and revoked_at = 0 order by id`
	sqlRevokeKey = `update identity_key set revoked_at = $2 where id = $1`
	sqlSetUsed   = `insert into identity_use (account, used_at) values ($1, $2)
		on conflict (account) do update set used_at = excluded.used_at where identity_use.used_at < excluded.used_at`

	sqlInsertSecret  = `insert into identity_secret (digest, id, account, expires_at, proof) values ($1, $2, $3, $4, $5)`
	sqlLoadSecret    = `select digest, id, account, expires_at, proof from identity_secret where digest = $1`
	sqlSecretsOf     = `select digest, id, account, expires_at, proof from identity_secret where account = $1`
	sqlDeleteSecrets = `delete from identity_secret where account = $1`

	sqlInsertReceipt  = `insert into identity_receipt (name, request, expires_at) values ($1, $2, $3) on conflict (name) do nothing`
	sqlLoadReceipt    = `select request, status, resource from identity_receipt where name = $1`
	sqlFinishReceipt  = `update identity_receipt set status = $2, resource = $3 where name = $1`
	sqlDeleteReceipt  = `delete from identity_receipt where name = $1`
	sqlDropReceipt    = `delete from identity_receipt where name = $1 and expires_at <= $2`
	sqlExpireReceipts = `delete from identity_receipt where expires_at <= $1`
)

func insertKey(tx *guard.Tx, k Key, sealed []byte) error {
	_, err := tx.Exec(sqlInsertKey, k.ID, k.Owner, sealed, db.Micros(k.Created), db.Micros(k.Expires))
	return err
}

func reseal(tx *guard.Tx, k Key, sealed []byte) error {
	_, err := tx.Exec(sqlReseal, k.ID, k.Owner, sealed)
	return err
}

func scanKey(s db.Scanner) (k keyRow, err error) {
	err = s.Scan(&k.id, &k.owner, &k.sealed, &k.created, &k.expires, &k.revoked, &k.used)
	return k, err
}

func loadKey(r *db.Reader, id string) (keyRow, error) { return scanKey(r.QueryRow(sqlLoadKey, id)) }

func listKeys(r *db.Reader, after string, limit int) ([]keyRow, error) {
	rows, err := r.Query(sqlListKeys, after, limit)
	return db.Collect(rows, err, scanKey)
}

func liveKeys(r *db.Reader, after string, limit int) ([]keyRow, error) {
	rows, err := r.Query(sqlLiveKeys, after, limit)
	return db.Collect(rows, err, scanKey)
}

// owned returns the ids of the services of a person that are not revoked.
func owned(r *db.Reader, person string) ([]string, error) {
	rows, err := r.Query(sqlOwned, person)
	return db.Collect(rows, err, func(s db.Scanner) (id string, err error) {
		err = s.Scan(&id)
		return id, err
	})
}

func revoke(tx *guard.Tx, id string, at int64) error {
	tx.Ends(id)
	if _, err := tx.Exec(sqlRevokeKey, id, at); err != nil {
		return err
	}
	return deleteSecrets(tx, id)
}

func setUsed(tx *guard.Tx, id string, at int64) error {
	_, err := tx.Exec(sqlSetUsed, id, at)
	return err
}

func insertSecret(tx *guard.Tx, s secretRow) error {
	_, err := tx.Exec(sqlInsertSecret, s.digest, s.id, s.account, s.expires, s.proof)
	return err
}

func scanSecret(s db.Scanner) (x secretRow, err error) {
	err = s.Scan(&x.digest, &x.id, &x.account, &x.expires, &x.proof)
	return x, err
}

func loadSecret(r *db.Reader, digest []byte) (secretRow, error) {
	return scanSecret(r.QueryRow(sqlLoadSecret, digest))
}

func secretsOf(r *db.Reader, account string) ([]secretRow, error) {
	rows, err := r.Query(sqlSecretsOf, account)
	return db.Collect(rows, err, scanSecret)
}

func deleteSecrets(tx *guard.Tx, account string) error {
	_, err := tx.Exec(sqlDeleteSecrets, account)
	return err
}

func insertReceipt(tx *guard.Tx, name, request []byte, expires int64) (int64, error) {
	return tx.Exec(sqlInsertReceipt, name, request, expires)
}

func loadReceipt(r *db.Reader, name []byte) (x receiptRow, err error) {
	err = r.QueryRow(sqlLoadReceipt, name).Scan(&x.request, &x.status, &x.resource)
	return x, err
}

func finishReceipt(tx *guard.Tx, name []byte, status int, resource string) error {
	_, err := tx.Exec(sqlFinishReceipt, name, status, resource)
	return err
}

func deleteReceipt(tx *guard.Tx, name []byte) error {
	_, err := tx.Exec(sqlDeleteReceipt, name)
	return err
}

func dropReceipt(tx *guard.Tx, name []byte, now int64) error {
	_, err := tx.Exec(sqlDropReceipt, name, now)
	return err
}

func expireReceipts(tx *guard.Tx, now int64) error {
	_, err := tx.Exec(sqlExpireReceipts, now)
	return err
}
