package db_test

import (
	"context"
	"errors"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// TestMembersOfAGroup walks the shape of a group commit: several members, each
// after a mark, some of which fail in different ways.
func TestMembersOfAGroup(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error {
			if err := add(tx, 1, "head"); err != nil {
				return err
			}
			tx.Mark() // a good member
			if err := add(tx, 2, "good"); err != nil {
				return err
			}
			tx.Mark() // writes, then breaks a unique key
			if err := add(tx, 3, "lost"); err != nil {
				return err
			}
			err := add(tx, 4, "good")
			wantKind(t, err, strongroom.Conflict)
			err = add(tx, 5, "refused")
			wantKind(t, err, strongroom.Unavailable)
			if err := tx.Sound(); err != nil {
				return err
			}
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			if err := add(tx, 5, "after-rollback"); err != nil {
				return err
			}
			tx.Mark() // writes nothing and is refused by its own rules
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			tx.Mark() // its first write fails
			wantKind(t, add(tx, 6, "good"), strongroom.Conflict)
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			tx.Mark() // writes with a query, twice rolled back
			for range 2 {
				var id int64
				if err := tx.QueryRow(`insert into shelf_book (id, title) values (7, 'returned') returning id`).Scan(&id); err != nil {
					return err
				}
				if err := tx.RollbackToMark(); err != nil {
					return err
				}
			}
			tx.Mark() // leaves rows open and fails
			if _, err := tx.Query(`select id from shelf_book`); err != nil {
				return err
			}
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			tx.Mark()
			return add(tx, 8, "last")
		})
		if got := titles(t, d); got != "head good after-rollback last" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestAQueryThatFailsAfterAWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error {
			if err := add(tx, 1, "one"); err != nil {
				return err
			}
			tx.Mark()
			err := tx.QueryRow(`insert into shelf_book (id, title) values (1, 'x') returning id`).Scan(new(int64))
			wantKind(t, err, strongroom.Conflict)
			if err := tx.Sound(); err != nil {
				return err
			}
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			return add(tx, 2, "two")
		})
		if got := titles(t, d); got != "one two" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestASwallowedFailureIsNotCommitted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			if err := add(tx, 1, "one"); err != nil {
				return err
			}
			add(tx, 1, "again")
			return nil
		})
		wantKind(t, err, strongroom.Unavailable)
		err = d.Update(context.Background(), func(tx *db.Tx) error {
			add(tx, 1, "one")
			add(tx, 1, "again")
			wantKind(t, tx.Sound(), strongroom.Unavailable) // no mark to go back to
			err := tx.RollbackToMark()
			if err == nil {
				t.Error("there was no mark to go back to")
			}
			return nil
		})
		wantKind(t, err, strongroom.Unavailable)
		if got := titles(t, d); got != "" {
			t.Fatalf("titles are %q", got)
		}
	})
}

func TestBatch(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		const n = 2500 // more than one round
		args := make([]any, 3)
		line := func(from int) func(i int) []any {
			return func(i int) []any {
				args[0], args[1], args[2] = 1, from+i, "w" // the same slice each time
				return args
			}
		}
		update(t, d, func(tx *db.Tx) error {
			tx.Mark()
			got, err := tx.Batch(insertNote, n, line(0))
			if err != nil || got != n {
				t.Fatalf("changed %d, error %v", got, err)
			}
			got, err = tx.Batch(insertNote, 0, nil)
			if err != nil || got != 0 {
				t.Fatalf("changed %d, error %v", got, err)
			}
			tx.Mark()
			// The last of the second round collides: all of the mark goes.
			_, err = tx.Batch(insertNote, n, line(1-n))
			wantKind(t, err, strongroom.Conflict)
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			got, err = tx.Batch(`delete from shelf_note where book = $1 and line >= $2 and word = $3`, 1, line(10))
			if err != nil || got != n-10 {
				t.Fatalf("changed %d, error %v", got, err)
			}
			tx.Mark()
			_, err = tx.Batch(insertNote, 2, func(int) []any { return []any{1, 100, "\xff"} })
			wantKind(t, err, strongroom.Invalid)
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			var left int
			if err := tx.QueryRow(`select count(*) from shelf_note`).Scan(&left); err != nil || left != 10 {
				t.Errorf("%d are left, error %v", left, err)
			}
			return nil
		})
	})
}

const insertNote = `insert into shelf_note (book, line, word) values ($1, $2, $3)`

func TestQueueTravelsWithWhatFollows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error {
			tx.Mark()
			err := errors.Join(tx.Queue(insertBook, 1, "a"), tx.Queue(insertBook, 2, "b"))
			if err != nil {
				return err
			}
			var n int
			if err := tx.QueryRow(countBooks).Scan(&n); err != nil || n != 2 {
				t.Errorf("a query does not see what was queued: %d, %v", n, err)
			}
			tx.Mark()
			if err := tx.Queue(insertBook, 3, "dropped"); err != nil {
				return err
			}
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			if err := tx.Queue(insertBook, 4, "d"); err != nil {
				return err
			}
			tx.Mark()
			tx.Queue(insertBook, 5, "e")
			err = tx.Queue(insertBook, 6, "e")
			if err == nil {
				err = tx.Settle()
			}
			wantKind(t, err, strongroom.Conflict)
			// On PostgreSQL nothing was settled since the mark before, whose work is
			// whole; the failure was ours and the mark stands.
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			return tx.Queue(insertBook, 7, "with-commit")
		})
		if got := titles(t, d); got != "a b d with-commit" {
			t.Fatalf("titles are %q", got)
		}
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			if err := tx.Queue(insertBook, 8, "x"); err != nil {
				return err
			}
			return tx.Queue(insertBook, 8, "y")
		})
		wantKind(t, err, strongroom.Conflict)
		if got := titles(t, d); got != "a b d with-commit" {
			t.Fatalf("titles are %q", got)
		}
	})
}

// TestQueuedWorkOfAnEarlierMark: what was queued before a mark and fails after
// it must not be taken for the later member's failure.
func TestQueuedWorkOfAnEarlierMark(t *testing.T) {
	d := open(t, db.Postgres)
	err := d.Update(context.Background(), func(tx *db.Tx) error {
		tx.Mark()
		add(tx, 1, "one")
		if err := tx.Queue(insertBook, 1, "collides"); err != nil {
			return err
		}
		tx.Mark()
		wantKind(t, add(tx, 2, "innocent"), strongroom.Conflict)
		wantKind(t, tx.Sound(), strongroom.Unavailable)
		wantKind(t, tx.RollbackToMark(), strongroom.Unavailable)
		return nil
	})
	wantKind(t, err, strongroom.Unavailable)
	if got := titles(t, d); got != "" {
		t.Fatalf("titles are %q", got)
	}
}

// TestAReadThatFailsBeforeAWrite pins what differs: PostgreSQL gives the
// transaction up, SQLite does not, and neither commits half of it.
func TestAReadThatFailsBeforeAWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			tx.Mark()
			if err := add(tx, 1, "earlier-member"); err != nil {
				return err
			}
			tx.Mark()
			if e == db.SQLite {
				// SQLite has no select that fails at run time but on overflow.
				err := tx.QueryRow(`select abs(-9223372036854775807 - id) from shelf_book`).Scan(new(int64))
				wantKind(t, err, strongroom.Internal)
				return tx.RollbackToMark()
			}
			err := tx.QueryRow(`select 1 / (id - id) from shelf_book`).Scan(new(int64))
			wantKind(t, err, strongroom.Internal)
			wantKind(t, tx.Sound(), strongroom.Unavailable)
			return tx.RollbackToMark()
		})
		if e == db.SQLite {
			if err != nil || titles(t, d) != "earlier-member" {
				t.Errorf("error %v, titles %q", err, titles(t, d))
			}
			return
		}
		wantKind(t, err, strongroom.Unavailable)
		if got := titles(t, d); got != "" {
			t.Errorf("titles are %q", got)
		}
	})
}

// TestAMarkOverAFailure: the next member must not bury the last one's failure.
func TestAMarkOverAFailure(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		err := d.Update(context.Background(), func(tx *db.Tx) error {
			tx.Mark()
			add(tx, 1, "half")
			wantKind(t, add(tx, 1, "of-it"), strongroom.Conflict)
			tx.Mark()
			wantKind(t, tx.Sound(), strongroom.Unavailable)
			wantKind(t, tx.RollbackToMark(), strongroom.Unavailable)
			wantKind(t, add(tx, 2, "next"), strongroom.Unavailable)
			return nil
		})
		wantKind(t, err, strongroom.Unavailable)
		if got := titles(t, d); got != "" {
			t.Fatalf("titles are %q", got)
		}
	})
}

// TestLightMark: before a write it is a mark like any other; after one there is
// no way back, and nothing of the transaction stands.
func TestLightMark(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		update(t, d, func(tx *db.Tx) error {
			if err := add(tx, 1, "one"); err != nil {
				return err
			}
			tx.MarkLightly()
			var n int
			if err := tx.QueryRow(countBooks).Scan(&n); err != nil {
				return err
			}
			if err := tx.RollbackToMark(); err != nil {
				return err
			}
			tx.MarkLightly()
			if err := add(tx, 2, "two"); err != nil {
				return err
			}
			tx.Mark() // one that can be gone back to
			if err := add(tx, 3, "three"); err != nil {
				return err
			}
			return tx.RollbackToMark()
		})
		for name, write := range map[string]func(tx *db.Tx){
			"written":   func(tx *db.Tx) { add(tx, 3, "three") },
			"queued":    func(tx *db.Tx) { tx.Queue(insertBook, 3, "three") },
			"collision": func(tx *db.Tx) { add(tx, 1, "again") },
		} {
			err := d.Update(context.Background(), func(tx *db.Tx) error {
				tx.MarkLightly()
				write(tx)
				wantKind(t, tx.RollbackToMark(), strongroom.Unavailable)
				wantKind(t, tx.Sound(), strongroom.Unavailable)
				return nil
			})
			if !strongroom.IsKind(err, strongroom.Unavailable) {
				t.Errorf("%s: the commit: %v", name, err)
			}
		}
		if got := titles(t, d); got != "one two" {
			t.Fatalf("titles are %q", got)
		}
	})
}
