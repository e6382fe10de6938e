package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

const killSelf = `select pg_terminate_backend(pg_backend_pid())`

// TestKilledConnection kills the writer's connection in the middle of a
// transaction: nothing more is sent, nothing is committed, and the next call
// works.
func TestKilledConnection(t *testing.T) {
	d := open(t, db.Postgres)
	update(t, d, func(tx *db.Tx) error { return add(tx, 1, "before") })
	err := d.Update(context.Background(), func(tx *db.Tx) error {
		tx.Mark()
		if err := add(tx, 2, "lost"); err != nil {
			return err
		}
		wantKind(t, tx.QueryRow(killSelf).Scan(new(bool)), strongroom.Unavailable)
		wantKind(t, tx.Sound(), strongroom.Unavailable)
		wantKind(t, tx.RollbackToMark(), strongroom.Unavailable)
		wantKind(t, add(tx, 3, "refused"), strongroom.Unavailable)
		return nil
	})
	wantKind(t, err, strongroom.Unavailable)
	update(t, d, func(tx *db.Tx) error { return add(tx, 4, "after") })
	if got := titles(t, d); got != "before after" {
		t.Fatalf("titles are %q", got)
	}
}

// TestServerThatComesBack kills the whole server like a power failure does.
func TestServerThatComesBack(t *testing.T) {
	c, err := dbtest.StartCluster(true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	d, err := db.Open(context.Background(), db.Options{URL: c.URL("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *db.Tx) error { return add(tx, 1, "durable") })
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	err = d.Update(context.Background(), func(tx *db.Tx) error { return add(tx, 2, "lost") })
	wantKind(t, err, strongroom.Unavailable)
	wantKind(t, d.Ping(context.Background()), strongroom.Unavailable)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := d.Ping(context.Background()); err != nil {
		t.Fatalf("no recovery without a restart: %v", err)
	}
	update(t, d, func(tx *db.Tx) error { return add(tx, 3, "after") })
	if got := titles(t, d); got != "durable after" {
		t.Fatalf("titles are %q", got)
	}
}

// TestFullDisk fills the file to its page limit in a member of a group.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	opened := func(pages int) *db.DB {
		d, err := db.Open(context.Background(), db.Options{Path: path, MaxPages: pages})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := opened(20)
	defer d.Close()
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *db.Tx) error { return add(tx, 1, "before") })
	err := d.Update(context.Background(), func(tx *db.Tx) error {
		tx.Mark()
		if err := add(tx, 2, "member"); err != nil {
			return err
		}
		tx.Mark()
		_, err := tx.Exec(`insert into shelf_book (id, title) values (3, $1)`, strings.Repeat("x", 100_000))
		wantKind(t, err, strongroom.Unavailable)
		wantKind(t, add(tx, 4, "refused"), strongroom.Unavailable)
		if err := tx.Sound(); err != nil {
			return err
		}
		if err := tx.RollbackToMark(); err != nil {
			return err
		}
		return nil
	})
	switch {
	case err == nil: // SQLite kept the transaction: the first member counts
		if got := titles(t, d); got != "before member" {
			t.Fatalf("titles are %q", got)
		}
	case strongroom.IsKind(err, strongroom.Unavailable): // SQLite rolled it back
		if got := titles(t, d); got != "before" {
			t.Fatalf("titles are %q", got)
		}
	default:
		t.Fatal(err)
	}
	for id := int64(100); ; id++ {
		if err := d.Update(context.Background(), func(tx *db.Tx) error { return add(tx, id, strings.Repeat("y", 2000)+strconv.FormatInt(id, 10)) }); err != nil {
			wantKind(t, err, strongroom.Unavailable)
			break
		}
	}
	update(t, d, func(tx *db.Tx) error { _, err := tx.Exec(`delete from shelf_book`); return err })
	if err := d.Probe(context.Background()); err != nil {
		t.Fatalf("there is room again, but: %v", err)
	}
	update(t, d, func(tx *db.Tx) error { return add(tx, 5, "room-again") })
	if got := titles(t, d); got != "room-again" {
		t.Fatalf("titles are %q", got)
	}
}

// TestAnotherProcessHoldsTheFile stands in for one with a second handle.
func TestAnotherProcessHoldsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		tx.Rollback()
	}()
	update(t, d, func(tx *db.Tx) error { return add(tx, 1, "patient") })
	if got := titles(t, d); got != "patient" {
		t.Fatalf("titles are %q", got)
	}
}

// TestEveryCallerWaitsForARoom: more readers than connections take turns.
func TestMoreReadersThanConnections(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		o := dbtest.Options(t, e, shelf())
		o.Readers = 1
		d, err := db.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		err = d.Read(context.Background(), func(*db.Reader) error {
			return d.Read(ctx, func(*db.Reader) error { return nil })
		})
		wantKind(t, err, strongroom.Unavailable)
		if err := d.Ping(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestProbeAndCheck: both pass on a healthy database; what makes them fail is
// planted in TestCheckFindsDamage and TestFullDisk.
func TestProbeAndCheck(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		for range 2 {
			if err := d.Probe(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Check(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckFindsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *db.Tx) error {
		_, err := tx.Batch(insertBook, 2000, func(i int) []any { return []any{i, fmt.Sprintf("title %06d", i)} })
		return err
	})
	d.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[len(b)/2:], make([]byte, 8192))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err = db.Open(context.Background(), db.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	wantKind(t, d.Check(context.Background()), strongroom.Unavailable)
}
