package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgconn"

	"strongroom"
	"strongroom/internal/db"
)

// place is where the databases of one engine lie during a run.
type place struct {
	engine db.Engine
	dir    string // everything that is a file
	server string // the PostgreSQL server, "" on SQLite
}

// folder makes a private folder for name.
func (p place) folder(name string) (string, error) {
	dir := filepath.Join(p.dir, string(p.engine)+"-"+name)
	err := os.MkdirAll(dir, 0o700)
	return dir, err
}

// options returns where the database called name lies; on PostgreSQL it is made
// if it is missing.
func (p place) options(ctx context.Context, name string, clock *strongroom.Clock) (db.Options, error) {
	o := db.Options{Clock: clock}
	if p.engine == db.SQLite {
		dir, err := p.folder(name)
		o.Path = filepath.Join(dir, "bench.db")
		return o, err
	}
	var err error
	o.URL, err = p.database(ctx, name)
	return o, err
}

// open opens the database called name and refuses one whose commits are not on
// disk: figures from it would flatter both sides.
func (p place) open(ctx context.Context, name string, clock *strongroom.Clock, schemas ...db.Schema) (*db.DB, error) {
	o, err := p.options(ctx, name, clock)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err = d.Migrate(ctx, schemas); err == nil {
		err = durable(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// durable returns nil if a commit is on disk when it is answered.
func durable(ctx context.Context, d *db.DB) error {
	facts, err := d.Facts(ctx)
	if err != nil {
		return err
	}
	want := map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
	if d.Engine() == db.SQLite {
		want = map[string]string{"synchronous": "2", "journal_mode": "wal", "secure_delete": "1"}
	}
	for _, f := range facts {
		if v, ok := want[f.Name]; ok && v == f.Value {
			delete(want, f.Name)
		}
	}
	for name, v := range want {
		return fmt.Errorf("%s: %s is not %s, so commits would be measured that are not on disk", d.Engine(), name, v)
	}
	return nil
}

// database makes the database called name on the server unless it is there, and
// returns its address.
func (p place) database(ctx context.Context, name string) (string, error) {
	u, err := url.Parse(p.server)
	if err != nil {
		return "", errors.New("the address of the PostgreSQL server cannot be read")
	}
	conn, err := pgconn.Connect(ctx, p.server)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, `create database "bench-`+name+`" template template0`).ReadAll()
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P04" {
		err = nil // it is there
	}
	u.Path = "/bench-" + name
	return u.String(), errors.Join(err, conn.Close(ctx))
}

// drop removes the database called name with its folder and its keys. Nothing
// may have it open.
func (p place) drop(ctx context.Context, name string) error {
	folder := filepath.Join(p.dir, string(p.engine)+"-"+name)
	err := errors.Join(os.RemoveAll(folder), os.RemoveAll(folder+"-keys"))
	if p.engine == db.SQLite {
		return err
	}
	conn, cause := pgconn.Connect(ctx, p.server)
	if cause != nil {
		return errors.Join(err, cause)
	}
	_, cause = conn.Exec(ctx, `drop database if exists "bench-`+name+`"`).ReadAll()
	return errors.Join(err, cause, conn.Close(ctx))
}
