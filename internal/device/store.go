package device

import (
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type deviceRow struct {
	id, owner, proof                   string
	key, sealed                        []byte // key is the digest of the public key, nil until there is one
	enrolled, proved, expires, revoked int64
}

const (
	deviceColumns = `id, owner, proof, key_digest, sealed, enrolled_at, proved_at, expires_at, revoked_at`

	sqlInsertDevice = `insert into device_device (` + deviceColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlUpdateDevice = `update device_device set proof = $2, key_digest = $3, sealed = $4, proved_at = $5, revoked_at = $6 where id = $1`
	sqlLoadDevice   = `select ` + deviceColumns + ` from device_device where id = $1`
	sqlFindDevice   = `select ` + deviceColumns + ` from device_device where key_digest = $1`
	sqlDevicesOf    = `select ` + deviceColumns + ` from device_device where owner = $1 order by id`
	sqlListDevices  = `select ` + deviceColumns + ` from device_device where id > $1 order by id limit $2`
	sqlListOwn      = `select ` + deviceColumns + ` from device_device where owner = $1 and id > $2 order by id limit $3`

	sqlInsertCode  = `insert into device_code (digest, device, expires_at) values ($1, $2, $3)`
	sqlLoadCode    = `select device, expires_at from device_code where digest = $1`
	sqlDeleteCodes = `delete from device_code where device = $1`

	sqlInsertNonce  = `insert into device_nonce (digest, expires_at) values ($1, $2) on conflict (digest) do nothing`
	sqlExpireNonces = `delete from device_nonce where expires_at <= $1`
)

func scanDevice(s db.Scanner) (r deviceRow, err error) {
	err = s.Scan(&r.id, &r.owner, &r.proof, &r.key, &r.sealed, &r.enrolled, &r.proved, &r.expires, &r.revoked)
	if len(r.key) == 0 {
		r.key = nil
	}
	return r, err
}

func collect(rows *db.Rows, err error) ([]deviceRow, error) { return db.Collect(rows, err, scanDevice) }

// orNull keeps a digest that is not there out of the unique index.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func insertDevice(tx *guard.Tx, r deviceRow) error {
	_, err := tx.Exec(sqlInsertDevice, r.id, r.owner, r.proof, orNull(r.key), r.sealed, r.enrolled, r.proved, r.expires, r.revoked)
	return err
}

func updateDevice(tx *guard.Tx, r deviceRow) error {
	_, err := tx.Exec(sqlUpdateDevice, r.id, r.proof, orNull(r.key), r.sealed, r.proved, r.revoked)
	return err
}

func loadDevice(r *db.Reader, id string) (deviceRow, error) {
	return scanDevice(r.QueryRow(sqlLoadDevice, id))
}

func findDevice(r *db.Reader, digest []byte) (deviceRow, error) {
	return scanDevice(r.QueryRow(sqlFindDevice, digest))
}

func devicesOf(r *db.Reader, owner string) ([]deviceRow, error) {
	return collect(r.Query(sqlDevicesOf, owner))
}

func listDevices(r *db.Reader, owner, after string, limit int) ([]deviceRow, error) {
	if owner != "" {
		return collect(r.Query(sqlListOwn, owner, after, limit))
	}
	return collect(r.Query(sqlListDevices, after, limit))
}

func insertCode(tx *guard.Tx, digest []byte, device string, expires int64) error {
	_, err := tx.Exec(sqlInsertCode, digest, device, expires)
	return err
}

func loadCode(r *db.Reader, digest []byte) (device string, expires int64, err error) {
	err = r.QueryRow(sqlLoadCode, digest).Scan(&device, &expires)
	return device, expires, err
}

func deleteCodes(tx *guard.Tx, device string) error {
	_, err := tx.Exec(sqlDeleteCodes, device)
	return err
}

// insertNonce reports whether the number is new.
func insertNonce(tx *guard.Tx, digest []byte, expires int64) (bool, error) {
	n, err := tx.Exec(sqlInsertNonce, digest, expires)
	return n == 1, err
}

func expireNonces(tx *guard.Tx, now int64) error {
	_, err := tx.Exec(sqlExpireNonces, now)
	return err
}
