package db_test

import (
	"context"
	"maps"
	"testing"
	"testing/fstest"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func files(pairs ...string) fstest.MapFS {
	m := make(fstest.MapFS)
	for i := 0; i < len(pairs); i += 2 {
		m["schema/"+pairs[i]+".sqlite.sql"] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		m["schema/"+pairs[i]+".postgres.sql"] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestMigrateForwardOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e)
		migrate := func(schemas ...db.Schema) ([]db.Applied, error) {
			return d.Migrate(context.Background(), schemas)
		}
		one := files("0001_init", "create table a_x (id integer primary key, n integer)")
		two := maps.Clone(one)
		maps.Copy(two, files("0002_more", "alter table a_x add column m integer; create table a_y (id integer primary key)"))
		b := db.Schema{Package: "b", FS: files("0001_init", "create table b_z (id integer primary key)")}

		applied, err := migrate(db.Schema{Package: "a", FS: one})
		if err != nil || len(applied) != 1 || applied[0].Package != "a" || applied[0].Number != 1 ||
			applied[0].Name != "init" || len(applied[0].Hash) != 64 || applied[0].At.IsZero() {
			t.Fatalf("applied %+v, error %v", applied, err)
		}
		applied, err = migrate(db.Schema{Package: "a", FS: one})
		if err != nil || len(applied) != 0 {
			t.Fatalf("applied %+v again, error %v", applied, err)
		}
		applied, err = migrate(b, db.Schema{Package: "a", FS: two})
		if err != nil || len(applied) != 2 || applied[0].Package != "b" || applied[1].Number != 2 {
			t.Fatalf("applied %+v, error %v", applied, err)
		}
		// An older release.
		_, err = migrate(b, db.Schema{Package: "a", FS: one})
		wantCode(t, err, "downgrade")
		_, err = migrate(db.Schema{Package: "a", FS: two})
		wantCode(t, err, "downgrade")
		// Another history.
		changed := maps.Clone(two)
		maps.Copy(changed, files("0001_init", "create table a_x (id integer primary key, n integer );"))
		_, err = migrate(b, db.Schema{Package: "a", FS: changed})
		wantCode(t, err, "migration-changed")
		// Still the same.
		if applied, err = migrate(b, db.Schema{Package: "a", FS: two}); err != nil || len(applied) != 0 {
			t.Fatalf("applied %+v, error %v", applied, err)
		}
	})
}

func TestMigrationIsWholeOrNot(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		d := dbtest.NewOn(t, e)
		bad := db.Schema{Package: "a", FS: files("0001_init", "create table a_x (id integer primary key); create table nonsense (")}
		if _, err := d.Migrate(context.Background(), []db.Schema{bad}); err == nil {
			t.Fatal("a broken file was applied")
		}
		good := db.Schema{Package: "a", FS: files("0001_init", "create table a_x (id integer primary key)")}
		if _, err := d.Migrate(context.Background(), []db.Schema{good}); err != nil {
			t.Fatalf("half of the broken file is left: %v", err)
		}
	})
}

func TestServersMigrateAtOnce(t *testing.T) {
	schema := []db.Schema{{Package: "a", FS: files("0001_init", "create table a_x (id integer primary key)")}}
	for range 5 {
		migrateAtOnce(t, dbtest.Options(t, db.Postgres), schema)
	}
}

// migrateAtOnce lets eight servers, opened before, find one empty database in
// the same moment.
func migrateAtOnce(t *testing.T, o db.Options, schema []db.Schema) {
	t.Helper()
	const servers = 8
	start, total := make(chan struct{}), make(chan int)
	for range servers {
		d, err := db.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		go func() {
			<-start
			applied, err := d.Migrate(context.Background(), schema)
			if err != nil {
				t.Error(err)
			}
			total <- len(applied)
		}()
	}
	close(start)
	sum := 0
	for range servers {
		sum += <-total
	}
	if sum != 1 {
		t.Errorf("the file was applied %d times", sum)
	}
}

func TestSchemaFilesAreChecked(t *testing.T) {
	d := dbtest.NewOn(t, db.SQLite)
	gap := files("0001_init", "select 1", "0003_gap", "select 1")
	twice := files("0001_init", "select 1", "0001_other", "select 1")
	odd := files("1_init", "select 1")
	lone := fstest.MapFS{"schema/0001_init.sqlite.sql": {Data: []byte("select 1")}}
	for name, fs := range map[string]fstest.MapFS{"gap": gap, "twice": twice, "odd": odd, "lone": lone, "none": {}} {
		_, err := d.Migrate(context.Background(), []db.Schema{{Package: "p", FS: fs}})
		if !strongroom.IsKind(err, strongroom.Internal) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	wantKind(t, err, strongroom.Conflict)
	if f, ok := err.(*strongroom.Fault); !ok || f.Code != code || f.Hint == "" {
		t.Fatalf("error is %v, want code %s and advice", err, code)
	}
}
