package keys_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/keys"
)

// Who waits to be cleared waits after an upgrade too: the queue of one row for each
// of the dead becomes the queue of batches.
func TestUpgradeKeepsTheQueue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		d := dbtest.NewOn(t, engine, olderThan(t, "0004"))
		want := []uint64{7, 1<<63 + 5, 9}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			for i, r := range want {
				if _, err := tx.Exec("insert into keys_dead (record, reason, at) values ($1, $2, $3)", r, keys.Subject, 100+i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Migrate(t.Context(), []db.Schema{keys.Schema()}); err != nil {
			t.Fatal(err)
		}
		var got []uint64
		err = d.Read(t.Context(), func(r *db.Reader) error {
			rows, err := r.Query("select reason, at, records from keys_died order by num")
			for err == nil && rows.Next() {
				var reason, at int64
				var records []byte
				if err = rows.Scan(&reason, &at, &records); err == nil && (reason != int64(keys.Subject) || at != int64(100+len(got))) {
					t.Errorf("batch %d has reason %d and time %d", len(got), reason, at)
				}
				got = append(got, keys.Unpacked(records)...)
			}
			if err != nil {
				return err
			}
			return rows.Close()
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the queue holds %v, want %v: %v", got, want, err)
		}
	})
}

// olderThan returns the schema without the files from one on.
func olderThan(t *testing.T, from string) db.Schema {
	t.Helper()
	s := keys.Schema()
	old := fstest.MapFS{}
	names, err := fs.Glob(s.FS, "schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.TrimPrefix(name, "schema/") >= from {
			continue
		}
		text, err := fs.ReadFile(s.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		old[name] = &fstest.MapFile{Data: text}
	}
	return db.Schema{Package: s.Package, FS: old}
}
