package dbtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"strongroom"
	"strongroom/internal/db"
)

// The environment variables that steer the tests.
const (
	EngineVar = "STRONGROOM_TEST_ENGINE"
	URLVar    = "STRONGROOM_TEST_PG_URL"
)

// Engine returns the engine this run is for.
func Engine(t testing.TB) db.Engine {
	t.Helper()
	switch e := db.Engine(os.Getenv(EngineVar)); e {
	case "":
		return db.SQLite
	case db.SQLite, db.Postgres:
		return e
	default:
		t.Fatalf("%s must be %s or %s", EngineVar, db.SQLite, db.Postgres)
		return ""
	}
}

// Each runs f once per engine, as subtests.
func Each(t *testing.T, f func(t *testing.T, engine db.Engine)) {
	t.Helper()
	for _, e := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

// New returns an empty database of this run's engine with the tables of
// schemas. It is closed and removed with the test.
func New(t testing.TB, schemas ...db.Schema) *db.DB {
	t.Helper()
	return Open(t, Engine(t), nil, schemas...)
}

// NewOn is New on the given engine.
func NewOn(t testing.TB, engine db.Engine, schemas ...db.Schema) *db.DB {
	t.Helper()
	return Open(t, engine, nil, schemas...)
}

// Open is NewOn with a clock, which may be nil.
func Open(t testing.TB, engine db.Engine, clock *strongroom.Clock, schemas ...db.Schema) *db.DB {
	t.Helper()
	o := Options(t, engine, schemas...)
	o.Clock = clock
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Migrate(context.Background(), schemas); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return d
}

// Options returns where a new database is, for tests that open it themselves.
// On PostgreSQL it is a copy of a template that holds the tables already, so
// that migrating it is a matter of looking.
func Options(t testing.TB, engine db.Engine, schemas ...db.Schema) db.Options {
	t.Helper()
	if engine == db.SQLite {
		return db.Options{Path: filepath.Join(t.TempDir(), "strongroom.db")}
	}
	return db.Options{URL: newDatabase(t, schemas)}
}
