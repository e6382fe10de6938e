package document

import (
	"embed"

	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "document", FS: schema} }

const (
	fileColumns = `id, store, record, kind, size, at, route, author`

	sqlFilePut  = `insert into document_file (` + fileColumns + `, body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlFile     = `select ` + fileColumns + ` from document_file where id = $1`
	sqlFileBody = `select body from document_file where id = $1`
	sqlFilesOf  = `select ` + fileColumns + ` from document_file where store = $1 and ($2 = '' or record = $2) and id > $3 order by id limit $4`
	sqlFiles    = `select ` + fileColumns + ` from document_file where id > $1 order by id limit $2`
	sqlBeside   = `select count(*) from document_file where record = $1`
	sqlFileDrop = `delete from document_file where id = $1`
	sqlForget   = `delete from document_file where store = $1`

	sqlLinkPut    = `insert into document_link (digest, document, until, sealed) values ($1, $2, $3, $4)`
	sqlLink       = `select document, until, sealed from document_link where digest = $1`
	sqlLinkDrop   = `delete from document_link where digest = $1`
	sqlLinksOver  = `delete from document_link where until <= $1 or not exists (select 1 from document_file f where f.id = document_link.document)`
	sqlLinksCount = `select count(*) from document_link where until <= $1 or not exists (select 1 from document_file f where f.id = document_link.document)`
	sqlLinksOf    = `select count(*) from document_link where document = $1 and until > $2`
)

// fileRow is a row of document_file without its body. at is in microseconds.
type fileRow struct {
	id, store, record string
	kind, size, at    int64
	route, author     string
}

func scanFile(s db.Scanner) (f fileRow, err error) {
	err = s.Scan(&f.id, &f.store, &f.record, &f.kind, &f.size, &f.at, &f.route, &f.author)
	return f, err
}

func putFile(tx *guard.Tx, f *fileRow, body []byte) error {
	_, err := tx.Exec(sqlFilePut, f.id, f.store, f.record, f.kind, f.size, f.at, f.route, f.author, body)
	return err
}

func loadFile(r *db.Reader, id string) (fileRow, error) { return scanFile(r.QueryRow(sqlFile, id)) }

func loadBody(r *db.Reader, id string) (body []byte, err error) {
	err = r.QueryRow(sqlFileBody, id).Scan(&body)
	return body, err
}

func listFiles(r *db.Reader, store, record, after string, limit int) ([]fileRow, error) {
	rows, err := r.Query(sqlFilesOf, store, record, after, limit)
	return db.Collect(rows, err, scanFile)
}

// walkFiles returns the files behind one, of all stores.
func walkFiles(r *db.Reader, after string, limit int) ([]fileRow, error) {
	rows, err := r.Query(sqlFiles, after, limit)
	return db.Collect(rows, err, scanFile)
}

func count(row interface{ Scan(...any) error }) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

// linkRow is a row of document_link. until is in microseconds.
type linkRow struct {
	digest   []byte
	document string
	until    int64
	sealed   []byte
}

func putLink(tx *guard.Tx, l *linkRow) error {
	_, err := tx.Exec(sqlLinkPut, l.digest, l.document, l.until, l.sealed)
	return err
}

func loadLink(r *db.Reader, digest []byte) (l linkRow, err error) {
	l.digest = digest
	err = r.QueryRow(sqlLink, digest).Scan(&l.document, &l.until, &l.sealed)
	return l, err
}

func dropLink(tx *guard.Tx, digest []byte) error {
	_, err := tx.Exec(sqlLinkDrop, digest)
	return err
}
