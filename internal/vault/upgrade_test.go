package vault_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// A tombstone of an older release says in another column until when it stands. A
// living record keeps its date and its anchor.
func TestUpgradeKeepsTombstones(t *testing.T) {
	const insert = `insert into vault_record (id, store, kind, status, version, provider, platform, api, how, fetched_at, anchor, anchor_at,
		expires_at, period, leaf_count, leaf_next, classes, ident, facts, entries, body, leaves)
		values ($1, 1, 1, $2, 1, 1, 1, 1, 1, 1, 1, 55, $3, 1, 1, 1, 1, $4, $5, $5, $5, $5)`
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		d := dbtest.NewOn(t, engine, olderThan(t, "0004"))
		dates := []int64{8_000_000_000_000, 9_000_000_000_000, 9_500_000_000_000}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			for i, date := range dates { // alive, erased, expired
				ident := make([]byte, 16)
				ident[0] = byte(i)
				if _, err := tx.Exec(insert, i+1, i+1, date, ident, []byte{0}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Migrate(t.Context(), []db.Schema{vault.Schema()}); err != nil {
			t.Fatal(err)
		}
		const stands = 3650 * 24 * 3600 * 1_000_000 // its date keeps none of them longer
		want := [][2]int64{{55, dates[0]}, {dates[1], dates[1] - stands}, {dates[2], dates[2] - stands}}
		for i := range want {
			var got [2]int64
			err := d.Read(t.Context(), func(r *db.Reader) error {
				return r.QueryRow("select anchor_at, expires_at from vault_record where id = $1", i+1).Scan(&got[0], &got[1])
			})
			if err != nil || got != want[i] {
				t.Errorf("record %d: anchor_at and expires_at are %d, want %d: %v", i+1, got, want[i], err)
			}
		}
	})
}

// olderThan returns the schema without the files from one on.
func olderThan(t *testing.T, from string) db.Schema {
	t.Helper()
	s := vault.Schema()
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
