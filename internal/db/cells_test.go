package db_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func TestNoTimeIsZero(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 20, 30, 405060000, time.UTC)
	if us := db.MicrosOrZero(at); us != db.Micros(at) || !db.TimeOrZero(us).Equal(at) {
		t.Errorf("%v is kept as %d", at, us)
	}
	if us := db.MicrosOrZero(time.Time{}); us != 0 || !db.TimeOrZero(0).IsZero() {
		t.Errorf("no time is kept as %d", us)
	}
	if db.Time(0).IsZero() { // what the plain one gives: a time like another
		t.Error("1970 is no time")
	}
}

func TestPlaces(t *testing.T) {
	list := []string{"open", "closed"}
	for n, v := range map[int64]string{0: "", 1: "open", 2: "closed"} {
		if db.Place(list, v) != n || db.At(list, n) != v {
			t.Errorf("%q is %d, and %d is %q", v, db.Place(list, v), n, db.At(list, n))
		}
	}
	for _, n := range []int64{-1, 3, 1 << 40} {
		if v := db.At(list, n); v != "" {
			t.Errorf("%d is %q", n, v)
		}
	}
}

func TestCollect(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		title := func(s db.Scanner) (x string, err error) {
			err = s.Scan(&x)
			return x, err
		}
		update(t, d, func(tx *db.Tx) error { return errors.Join(add(tx, 1, "a"), add(tx, 2, "b"), add(tx, 3, "c")) })
		bad := errors.New("cannot be read")
		update(t, d, func(tx *db.Tx) error {
			rows, err := tx.Query(`select title from shelf_book order by id`)
			if got, err := db.Collect(rows, err, title); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
				t.Errorf("%q, %v", got, err)
			}
			rows, err = tx.Query(`select title from shelf_book where id > 9`)
			if got, err := db.Collect(rows, err, title); err != nil || got != nil {
				t.Errorf("of no rows: %q, %v", got, err)
			}
			// A row that cannot be read ends it, and leaves no query open behind it.
			n := 0
			rows, err = tx.Query(`select title from shelf_book order by id`)
			got, err := db.Collect(rows, err, func(s db.Scanner) (string, error) {
				if n++; n == 2 {
					return "", bad
				}
				return title(s)
			})
			if got != nil || !errors.Is(err, bad) || n != 2 {
				t.Errorf("%q after %d rows, %v", got, n, err)
			}
			if got, err := db.Collect(nil, bad, title); got != nil || !errors.Is(err, bad) {
				t.Errorf("of a query that failed: %q, %v", got, err)
			}
			x, err := title(tx.QueryRow(`select title from shelf_book where id = 2`))
			if x != "b" {
				t.Errorf("one row is read as %q", x)
			}
			return err
		})
	})
}
