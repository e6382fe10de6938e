package db_test

import (
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/db"
)

func TestAnswersOfPostgres(t *testing.T) {
	for code, want := range map[string]strongroom.Kind{
		"23505": strongroom.Conflict,
		"23502": strongroom.Internal,
		"22P02": strongroom.Internal,
		"42703": strongroom.Internal,
		"42501": strongroom.Unavailable,
		"22021": strongroom.Invalid,
		"54000": strongroom.TooLarge,
		"53100": strongroom.Unavailable,
		"53300": strongroom.Unavailable,
		"25006": strongroom.Unavailable,
		"25P02": strongroom.Unavailable,
		"40001": strongroom.Unavailable,
		"40P01": strongroom.Unavailable,
		"55P03": strongroom.Unavailable,
		"57014": strongroom.Unavailable,
		"57P01": strongroom.Unavailable,
		"08006": strongroom.Unavailable,
		"58030": strongroom.Unavailable,
		"XX001": strongroom.Unavailable,
		"":      strongroom.Internal,
	} {
		f := db.PgFault(code, `invalid input: "anna"`, "Key (email)=(anna) exists")
		if f.Kind != want {
			t.Errorf("%s is %v, want %v", code, f.Kind, want)
		}
		if f.Kind == strongroom.Unavailable && f.Hint == "" {
			t.Errorf("%s comes without advice", code)
		}
		if strings.HasPrefix(code, "42") {
			continue // about the statement, which is a constant
		}
		if strings.Contains(f.Error(), "anna") {
			t.Errorf("%s repeats a value: %v", code, f)
		}
	}
}

func TestWhatCountsAsReading(t *testing.T) {
	for sql, want := range map[string]bool{
		"select 1":                true,
		"\n\t SELECT id from a":   true,
		"insert into a values ()": false,
		"with x as (delete from a returning id) select id from x": false,
		"-- select\nupdate a set b = 1":                           false,
		"":                                                        false,
		"selec":                                                   false,
	} {
		if db.IsRead(sql) != want {
			t.Errorf("%q: reading is %v", sql, !want)
		}
	}
}

func TestPostgresWithoutTLSIsWrongOverTheNetworkOnly(t *testing.T) {
	for socket, want := range map[string]bool{"unix": true, "tcp": false} {
		facts := db.Judge([]db.Fact{{Name: "ssl", Value: "off"}, {Name: "socket", Value: socket}}, db.Postgres)
		if facts[0].OK != want {
			t.Errorf("ssl off over %s counts as OK: %v", socket, facts[0].OK)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"schema/0001_init.sqlite.sql", "schema/1_.postgres.sql", "schema/00010_x.sqlite.sql", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		number, title, engine, ok := db.ParseName(s)
		if ok && (number < 1 || number > 9999 || title == "" || engine != db.SQLite && engine != db.Postgres) {
			t.Errorf("%q became %d %q %q", s, number, title, engine)
		}
	})
}
