package db_test

import (
	"context"
	"strings"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func TestUnnumbered(t *testing.T) {
	for in, want := range map[string]string{
		"select 1":                           "select 1",
		"select $1":                          "select ?",
		"insert into t values ($1, $2),($3)": "insert into t values (?, ?),(?)",
		"select $1 + $2 - $3":                "select ? + ? - ?",
		"where a = $9 and b = $10":           "", // not from the first
		"where a = $2 and b = $1":            "",
		"where a = $1 or b = $1":             "",
		"where a = $1 or b = $3":             "",
		"where a = $01":                      "",
		"where a = $1x":                      "",
		"where a = $name":                    "",
		"where a = $":                        "",
		"where a = $1 and b = '$2'":          "",
		`where "a$1" = $1`:                   "",
		"where a = $1 -- $2":                 "",
		"where a = $1 /* $2 */":              "",
		"where a = ? and b = $1":             "",
	} {
		if want == "" {
			want = in
		}
		if got := db.Unnumbered(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	long, plain := "values ($1", "values (?"
	for _, n := range strings.Fields("2 3 4 5 6 7 8 9 10 11 12") {
		long, plain = long+", $"+n, plain+", ?"
	}
	if got := db.Unnumbered(long + ")"); got != plain+")" {
		t.Error(got)
	}
}

// TestArgumentsKeepTheirPlace: whatever becomes of the numbers, each argument
// lands where its number stands.
func TestArgumentsKeepTheirPlace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := open(t, e)
		err := d.Read(context.Background(), func(r *db.Reader) error {
			var a, b, c int
			if err := r.QueryRow("select cast($1 as bigint), cast($2 as bigint), cast($3 as bigint)", 1, 2, 3).Scan(&a, &b, &c); err != nil {
				return err
			}
			if a != 1 || b != 2 || c != 3 {
				t.Errorf("in order: %d %d %d", a, b, c)
			}
			if err := r.QueryRow("select cast($3 as bigint), cast($1 as bigint), cast($2 as bigint) + cast($1 as bigint)", 1, 2, 3).Scan(&a, &b, &c); err != nil {
				return err
			}
			if a != 3 || b != 1 || c != 3 {
				t.Errorf("in disorder: %d %d %d", a, b, c)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
