package vault_test

import (
	"slices"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// One row that somebody changed or put in keeps no month's key alive, neither of
// its own store nor of another.
func TestOneBadRowKeepsNoMonth(t *testing.T) {
	rows := map[string]func(tx *db.Tx, id int64) error{
		"a number that does not fit": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set anchor = 300 where id = $1", id)
			return err
		},
		"of no key": func(tx *db.Tx, id int64) error { return plant(tx, id, 1) },
		"of no key, with a number that does not fit": func(tx *db.Tx, id int64) error {
			return plant(tx, id, 300)
		},
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, engine db.Engine) {
				f := openWith(t, setup{engine: engine})
				id := f.ingest("customers", customerOf("c1", "mara.zarco@example.com")).Records[0].ID
				f.ingest("customers", customerOf("c2", "nadia.roble@example.com"))
				own, other := f.store, f.addStore("Other shop")
				f.store = other
				f.ingest("customers", customerOf("c9", "x.y@example.com"))
				f.exec(func(tx *db.Tx) error { return change(tx, vault.RowOf(id)) })
				f.pass(57 * day) // all of them live three days more
				f.index()
				f.pass(2 * time.Minute)
				f.index()
				for _, store := range []string{own, other} {
					if months := f.keys.LivePeriods(store); slices.Contains(months, "2026-11") {
						t.Errorf("the keys of a store are of %v", months)
					}
				}
				if got := noted(f, "retention.sweep", "failed"); got != 1 {
					t.Errorf("events count %d rows that did not open, want 1", got)
				}
				if g, err := f.Gauges(t.Context()); err != nil || g.Damaged != 1 {
					t.Errorf("the gauge says %d, %v", g.Damaged, err)
				}
				f.pass(120 * day)
				f.sweep()
				f.index() // the row without a key moves on once more
				f.pass(2 * time.Minute)
				f.index()
				if months := f.keys.LivePeriods(other); len(months) != 0 {
					t.Errorf("months later the other store has keys of %v", months)
				}
			})
		})
	}
}

// plant puts a row in that is like another and has no key.
func plant(tx *db.Tx, id int64, anchor int) error {
	_, err := tx.Exec(`insert into vault_record (id, store, kind, status, version, provider, platform, api, how, fetched_at, anchor, anchor_at,
			expires_at, period, leaf_count, leaf_next, classes, ident, facts, entries, body, leaves)
		select id + 1, store, kind, status, version, provider, platform, api, how, fetched_at, $3, anchor_at,
			expires_at, period, leaf_count, leaf_next, classes, $2, facts, entries, body, leaves from vault_record where id = $1`,
		id, []byte("0123456789abcdef"), anchor)
	return err
}

// noted sums up what the events of an action say under a key.
func noted(f *fixture, action, key string) (sum int64) {
	for _, e := range f.events(action) {
		for _, n := range e.Notes {
			if v, ok := n.Value.(int64); ok && n.Key == key {
				sum += v
			}
		}
	}
	return sum
}

// A key that cannot be had now says nothing about its row: the record stays in the
// index, its month's key stays with it, and the next look takes both.
func TestAbsentEpochIsNoDamage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
		epoch := func(step int) {
			f.exec(func(tx *db.Tx) error {
				_, err := tx.Exec("update keys_data set epoch = epoch + $1", step)
				return err
			})
		}
		epoch(1)
		f.pass(57 * day)
		if moved := f.index(); moved != 0 {
			t.Errorf("%d records moved without their key", moved)
		}
		if months := f.keys.LivePeriods(f.store); !slices.Contains(months, "2026-11") {
			t.Errorf("the record is in the index of a month whose key is gone: %v", months)
		}
		if g, err := f.Gauges(t.Context()); err != nil || g.Damaged != 0 {
			t.Errorf("the gauge says %d, %v", g.Damaged, err)
		}
		epoch(-1)
		f.pass(7 * time.Hour)
		if moved := f.index(); moved != 1 {
			t.Errorf("with the key %d records moved, want 1", moved)
		}
		if got := f.find(vault.FindQuery{Store: f.store, Email: "mara.zarco@example.com"}); len(got) != 1 {
			t.Errorf("found %d records", len(got))
		}
	})
}
