package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func TestUpdateCommitsOrChangesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error { return add(tx, 1, "one") })
		stop := errors.New("stop")
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			if err := add(tx, 2, "two"); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatalf("error is %v", err)
		}
		func() {
			defer func() { recover() }()
			d.Update(context.Background(), func(tx *db.Tx) error {
				add(tx, 3, "three")
				panic("planted")
			})
			t.Error("the panic did not go on")
		}()
		if got := titles(t, d); got != "one" {
			t.Fatalf("titles are %q", got)
		}
		update(t, d, func(tx *db.Tx) error { return nil }) // nothing at all
		update(t, d, func(tx *db.Tx) error { return add(tx, 4, "four") })
		if got := titles(t, d); got != "one four" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestValuesGoInAndOut(t *testing.T) {
	type enum uint8
	type label string
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		big := uint64(math.MaxUint64 - 5)
		digest := [4]byte{1, 0, 2, 255}
		update(t, d, func(tx *db.Tx) error {
			// Out of order and repeated on purpose: SQLite by itself would number
			// $3 as the first.
			_, err := tx.Exec(`insert into shelf_book (title, id, body, score, lent) values ($3, $1, $2, $4, $5)`,
				big, digest[:], label("Ünïcode ✓"), 2.5, true)
			if err != nil {
				return err
			}
			_, err = tx.Exec(`insert into shelf_book (id, title, body, lent) values ($2, $1, $3, $4)`, "empty", 1, []byte{}, enum(1))
			return err
		})
		err := d.Read(context.Background(), func(r *db.Reader) error {
			var (
				id    uint64
				title label
				body  [4]byte
				score *float64
				lent  bool
			)
			err := r.QueryRow(`select id, title, body, score, lent from shelf_book where title = $2 and id = $1`, big, "Ünïcode ✓").
				Scan(&id, &title, &body, &score, &lent)
			if err != nil {
				return err
			}
			if id != big || title != "Ünïcode ✓" || body != digest || *score != 2.5 || !lent {
				t.Errorf("got %d %s %v %v %v", id, title, body, *score, lent)
			}
			var (
				kind  enum
				raw   []byte
				none  sql.Null[float64]
				whole any
			)
			err = r.QueryRow(`select lent, body, score, title from shelf_book where id = 1`).Scan(&kind, &raw, &none, &whole)
			if err != nil {
				return err
			}
			if kind != 1 || raw == nil || len(raw) != 0 || none.Valid || whole != "empty" {
				t.Errorf("got %v %v %v %v", kind, raw, none, whole)
			}
			var sum, yes int64
			if err := r.QueryRow(`select sum(lent), count(*) > 1 from shelf_book`).Scan(&sum, &yes); err != nil {
				return err
			}
			if sum != 2 || yes != 1 {
				t.Errorf("sum %d, comparison %d", sum, yes)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestValuesThatDoNotFitAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error { return add(tx, 300, "x") })
		err := d.Read(context.Background(), func(r *db.Reader) error {
			var small uint8
			wantKind(t, r.QueryRow(`select id from shelf_book`).Scan(&small), strongroom.Internal)
			var f float64
			wantKind(t, r.QueryRow(`select score from shelf_book`).Scan(&f), strongroom.Internal)
			var a, b int
			wantKind(t, r.QueryRow(`select id from shelf_book`).Scan(&a, &b), strongroom.Internal)
			var at time.Time
			wantKind(t, r.QueryRow(`select id from shelf_book`).Scan(&at), strongroom.Internal)
			wantKind(t, r.QueryRow(`select id from shelf_book where id = 7`).Scan(&a), strongroom.NotFound)
			_, err := r.Query(`select id from shelf_book where title = $1`, "nul\x00")
			wantKind(t, err, strongroom.Invalid)
			_, err = r.Query(`select id from shelf_book where title = $1`, "\xff")
			wantKind(t, err, strongroom.Invalid)
			_, err = r.Query(`select id from shelf_book where id = $1`, time.Now())
			wantKind(t, err, strongroom.Internal)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestFaultsRepeatNoValue(t *testing.T) {
	const secret = "anna@example.org"
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error { return add(tx, 1, secret) })
		for name, fn := range map[string]func(tx *db.Tx) error{
			"unique": func(tx *db.Tx) error { return add(tx, 2, secret) },
			"type":   func(tx *db.Tx) error { _, err := tx.Exec(insertBook, secret, "t"); return err },
			"cast": func(tx *db.Tx) error {
				return tx.QueryRow(`select cast(title as integer) / 0 from shelf_book`).Scan(new(int64))
			},
			"notnull": func(tx *db.Tx) error { _, err := tx.Exec(insertBook, 9, nil); return err },
			"scan":    func(tx *db.Tx) error { return tx.QueryRow(`select title from shelf_book`).Scan(new(int64)) },
		} {
			err := d.Update(context.Background(), fn)
			if err == nil {
				t.Errorf("%s: no error", name)
				continue
			}
			for ; err != nil; err = errors.Unwrap(err) {
				if strings.Contains(err.Error(), "anna") {
					t.Errorf("%s: the error repeats a value: %v", name, err)
				}
			}
		}
		err := d.Update(context.Background(), func(tx *db.Tx) error { return add(tx, 2, secret) })
		wantKind(t, err, strongroom.Conflict)
	})
}

func TestSnapshotStandsStill(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		count := func(r *db.Reader) (n int) {
			if err := r.QueryRow(countBooks).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		insert := func(id int64, title string) {
			update(t, d, func(tx *db.Tx) error { return add(tx, id, title) })
		}
		d.Snapshot(context.Background(), func(r *db.Reader) error {
			if n := count(r); n != 0 {
				t.Errorf("count is %d", n)
			}
			insert(1, "one")
			if n := count(r); n != 0 {
				t.Errorf("the snapshot moved: count is %d", n)
			}
			return nil
		})
		d.Read(context.Background(), func(r *db.Reader) error {
			before := count(r)
			insert(2, "two")
			if n := count(r); n != before+1 {
				t.Errorf("a second statement does not see the newest state: %d", n)
			}
			return nil
		})
	})
}

func TestReadersCannotWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		for _, read := range []func(context.Context, func(*db.Reader) error) error{d.Read, d.Snapshot} {
			err := read(context.Background(), func(r *db.Reader) error {
				return r.QueryRow(`insert into shelf_book (id, title) values (1, 'x') returning id`).Scan(new(int64))
			})
			wantKind(t, err, strongroom.Unavailable)
		}
		if got := titles(t, d); got != "" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestOneOpenQueryAtATime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error { return errors.Join(add(tx, 1, "a"), add(tx, 2, "b")) })
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			rows, err := tx.Query(`select id from shelf_book order by id`)
			if err != nil {
				return err
			}
			rows.Next()
			_, err = tx.Exec(insertBook, 3, "c")
			wantKind(t, err, strongroom.Internal)
			return nil // rows left open
		})
		wantKind(t, err, strongroom.Internal)
		if got := titles(t, d); got != "a b" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestKeptHandleIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		var kept db.Tx
		update(t, d, func(tx *db.Tx) error { kept = *tx; return nil })
		_, err := kept.Exec(insertBook, 1, "late")
		wantKind(t, err, strongroom.Internal)
	})
}

func TestContextCountsBeforeTheWorkOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		ctx, cancel := context.WithCancel(context.Background())
		err := d.Update(ctx, func(tx *db.Tx) error {
			if err := add(tx, 1, "a"); err != nil {
				return err
			}
			cancel()
			return add(tx, 2, "b")
		})
		if err != nil {
			t.Fatalf("a cancelled caller took the transaction along: %v", err)
		}
		wantKind(t, d.Update(ctx, func(tx *db.Tx) error { return add(tx, 3, "c") }), strongroom.Unavailable)
		if got := titles(t, d); got != "a b" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestWritersTakeTurns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error { return add(tx, 0, "n") })
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					// A read, then a write that depends on it: only turns make this right.
					update(t, d, func(tx *db.Tx) error {
						var n int64
						if err := tx.QueryRow(`select id from shelf_book`).Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(`update shelf_book set id = $1`, n+1)
						return err
					})
				}
			})
		}
		wg.Wait()
		d.Read(context.Background(), func(r *db.Reader) error {
			var n int64
			if err := r.QueryRow(`select id from shelf_book`).Scan(&n); err != nil || n != 160 {
				t.Errorf("count is %d, error %v", n, err)
			}
			return nil
		})
	})
}

func TestOneInstantPerTransaction(t *testing.T) {
	clock := new(strongroom.Clock)
	clock.SetOffset(48 * time.Hour)
	d := dbtest.Open(t, dbtest.Engine(t), clock, shelf())
	update(t, d, func(tx *db.Tx) error {
		a := tx.Now()
		time.Sleep(time.Millisecond)
		if !tx.Now().Equal(a) || time.Until(a) < 47*time.Hour {
			t.Errorf("instants are %v and %v", a, tx.Now())
		}
		if !db.Time(db.Micros(a)).Equal(a) {
			t.Error("the instant is not what the engine would store")
		}
		return nil
	})
}

func TestFileIsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?#%20 name.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("%s has mode %v", filepath.Base(name), st.Mode())
		}
	}
}

func TestDeletedBytesAreOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := db.Open(context.Background(), db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(context.Background(), []db.Schema{shelf()}); err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *db.Tx) error { return add(tx, 1, "conspicuous-title") })
	d.Close()
	if b, _ := os.ReadFile(path); !bytes.Contains(b, []byte("conspicuous-title")) {
		t.Fatal("the planted title is not in the file: the test cannot fail")
	}
	if d, err = db.Open(context.Background(), db.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *db.Tx) error { _, err := tx.Exec(`delete from shelf_book`); return err })
	d.Close()
	if b, _ := os.ReadFile(path); bytes.Contains(b, []byte("conspicuous-title")) {
		t.Error("a deleted title is still in the file")
	}
}

func TestFactsAndSize(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		facts, err := d.Facts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "trusted_schema": "0", "foreign_keys": "1"}
		if e == db.Postgres {
			// The shared cluster runs without fsync, which must show.
			want = map[string]string{"fsync": "off", "synchronous_commit": "on", "ssl": "off", "socket": "unix"}
		}
		got := make(map[string]db.Fact)
		for _, f := range facts {
			got[f.Name] = f
			if !f.OK && f.Advice == "" {
				t.Errorf("%s is wrong without advice", f.Name)
			}
			if f.OK == (f.Name == "fsync" || f.Name == "full_page_writes") {
				t.Errorf("%s = %s counts as OK: %v", f.Name, f.Value, f.OK)
			}
		}
		for name, value := range want {
			if got[name].Value != value {
				t.Errorf("%s is %q, want %q", name, got[name].Value, value)
			}
		}
		if n, err := d.Size(context.Background()); err != nil || n < 4096 {
			t.Errorf("size is %d, error %v", n, err)
		}
	})
}

func TestOptionsMustMakeSense(t *testing.T) {
	for _, o := range []db.Options{{}, {Path: "a", URL: "postgres://"}, {URL: "postgres://u:topsecret@[::1/x"}} {
		_, err := db.Open(context.Background(), o)
		wantKind(t, err, strongroom.Invalid)
		if strings.Contains(err.Error(), "topsecret") {
			t.Error("the error repeats the password")
		}
	}
	_, err := db.Open(context.Background(), db.Options{Path: filepath.Join(t.TempDir(), "no", "such", "folder", "x.db")})
	wantKind(t, err, strongroom.Unavailable)
	_, err = db.Open(context.Background(), db.Options{URL: "postgres://u:topsecret@127.0.0.1:1/x"})
	wantKind(t, err, strongroom.Unavailable)
	if strings.Contains(err.Error(), "topsecret") {
		t.Error("the error repeats the password")
	}
}

func TestClosedDatabaseRefuses(t *testing.T) {
	d := open(t, dbtest.Engine(t))
	d.Close()
	wantKind(t, d.Ping(context.Background()), strongroom.Unavailable)
	wantKind(t, d.Update(context.Background(), func(*db.Tx) error { return nil }), strongroom.Unavailable)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
