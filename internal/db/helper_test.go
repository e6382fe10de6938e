package db_test

import (
	"context"
	"testing"
	"testing/fstest"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// shelf is a small schema for the tests of this package.
func shelf() db.Schema {
	return db.Schema{Package: "shelf", FS: fstest.MapFS{
		"schema/0001_init.sqlite.sql": {Data: []byte(`
create table shelf_book (
	id    integer primary key,
	title text not null unique,
	body  blob,
	score real,
	lent  integer not null default 0
) strict;
create table shelf_note (book integer not null, line integer not null, word text not null, primary key (book, line)) strict;`)},
		"schema/0001_init.postgres.sql": {Data: []byte(`
create table shelf_book (
	id    bigint primary key,
	title text collate "C" not null unique,
	body  bytea,
	score double precision,
	lent  smallint not null default 0
);
create table shelf_note (book bigint not null, line bigint not null, word text collate "C" not null, primary key (book, line));`)},
	}}
}

const (
	insertBook = `insert into shelf_book (id, title) values ($1, $2)`
	countBooks = `select count(*) from shelf_book`
)

func open(t testing.TB, e db.Engine) *db.DB {
	t.Helper()
	return dbtest.NewOn(t, e, shelf())
}

func update(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// titles returns all titles in order, joined.
func titles(t testing.TB, d *db.DB) string {
	t.Helper()
	all := ""
	err := d.Read(context.Background(), func(r *db.Reader) error {
		rows, err := r.Query(`select title from shelf_book order by id`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return err
			}
			all += s + " "
		}
		return rows.Close()
	})
	if err != nil {
		t.Fatalf("titles: %v", err)
	}
	if all == "" {
		return ""
	}
	return all[:len(all)-1]
}

func wantKind(t testing.TB, err error, k strongroom.Kind) {
	t.Helper()
	if !strongroom.IsKind(err, k) {
		t.Fatalf("error is %v, want kind %v", err, k)
	}
}

func add(tx *db.Tx, id int64, title string) error {
	_, err := tx.Exec(insertBook, id, title)
	return err
}
