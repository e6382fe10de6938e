package apptest_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"testing"

	"strongroom/internal/apptest"
	"strongroom/internal/db"
)

// cell is one value of a row that a thief of the database can write.
type cell struct {
	name     string
	get, set func(*db.Tx, uint64, *[]byte) error
}

// cells are the sealed parts of a record and its wrapped key.
func cells() []cell {
	return []cell{
		{"body", func(tx *db.Tx, id uint64, b *[]byte) error {
			return tx.QueryRow("select body from vault_record where id = $1", id).Scan(b)
		}, func(tx *db.Tx, id uint64, b *[]byte) error {
			_, err := tx.Exec("update vault_record set body = $2 where id = $1", id, *b)
			return err
		}},
		{"leaves", func(tx *db.Tx, id uint64, b *[]byte) error {
			return tx.QueryRow("select leaves from vault_record where id = $1", id).Scan(b)
		}, func(tx *db.Tx, id uint64, b *[]byte) error {
			_, err := tx.Exec("update vault_record set leaves = $2 where id = $1", id, *b)
			return err
		}},
		{"wrapped key", func(tx *db.Tx, id uint64, b *[]byte) error {
			return tx.QueryRow("select wrap from keys_data where record = $1", id).Scan(b)
		}, func(tx *db.Tx, id uint64, b *[]byte) error {
			_, err := tx.Exec("update keys_data set wrap = $2 where record = $1", id, *b)
			return err
		}},
	}
}

// database says where the database of an instance is.
func database(i *apptest.Instance) db.Options {
	if i.Engine == db.Postgres {
		return db.Options{URL: i.Database}
	}
	return db.Options{Path: filepath.Join(i.Dir, "strongroom.db")}
}

// offline runs fn on the database of a stopped instance, beside the product.
func offline(t *testing.T, i *apptest.Instance, fn func(tx *db.Tx) error) {
	t.Helper()
	d, err := db.Open(t.Context(), database(i))
	if err == nil {
		err = d.Update(t.Context(), fn)
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTamperedRows changes sealed parts in the database: a changed byte, the part
// of another record, a later date. Nothing opens, each try is in the log, and
// when the change is undone the record opens again.
func TestTamperedRows(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Tampered", "shopify")
	mine := apptest.NewOrder(1, start.AddDate(0, 0, -3))
	ids := []string{i.Take(store, mine), i.Take(store, apptest.NewOrder(2, start.AddDate(0, 0, -3)))}
	i.Stop()
	var nums []uint64
	offline(t, i, func(tx *db.Tx) error {
		rows, err := tx.Query("select id from vault_record order by id")
		if err != nil {
			return err
		}
		for rows.Next() {
			var n uint64
			if err := rows.Scan(&n); err != nil {
				return err
			}
			nums = append(nums, n)
		}
		return rows.Close()
	})
	refused := func(what string) {
		i.Serve()
		a := i.Call(apptest.Revealing(store, ids[0]))
		if a.Status < 400 || bytes.Contains(a.Body, []byte("Quintilia")) {
			t.Errorf("%s: opens with %d", what, a.Status)
		}
		if n := len(i.Events()); n == 0 || !failed(i) {
			t.Errorf("%s: no failure in the log", what)
		}
		i.Stop()
	}
	for _, c := range cells() {
		var own, other []byte
		offline(t, i, func(tx *db.Tx) error {
			if err := c.get(tx, nums[0], &own); err != nil {
				return err
			}
			return c.get(tx, nums[1], &other)
		})
		for what, text := range map[string][]byte{
			"first byte": flip(own, 0), "middle": flip(own, len(own)/2), "last byte": flip(own, len(own)-1),
			"cut": own[:len(own)-1], "of another record": other,
		} {
			offline(t, i, func(tx *db.Tx) error { return c.set(tx, nums[0], &text) })
			refused(c.name + ", " + what)
		}
		offline(t, i, func(tx *db.Tx) error { return c.set(tx, nums[0], &own) })
	}
	later := func(by int64) {
		offline(t, i, func(tx *db.Tx) error {
			if _, err := tx.Exec("update vault_record set expires_at = expires_at + $2 where id = $1", nums[0], by); err != nil {
				return err
			}
			_, err := tx.Exec("update keys_data set erase_by = erase_by + $2 where record = $1", nums[0], by)
			return err
		})
	}
	const year = 365 * 24 * 3600 * 1_000_000
	later(year)
	refused("a later date")
	later(-year)
	i.Serve() // the planted negative: as it was, it opens
	if got := i.Reveal(store, ids[0]); !bytes.Equal(got, mine.JSON()) {
		t.Errorf("as it was it opens as %s", got)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// failed reports whether the log's newest reveal failed.
func failed(i *apptest.Instance) bool {
	list := i.Events()
	for n := len(list) - 1; n >= 0; n-- {
		if bytes.Contains(list[n], []byte(`"operation":"record.reveal"`)) {
			return bytes.Contains(list[n], []byte(`"status":"Failure"`))
		}
	}
	return false
}

// TestHealthWithoutKeys asks what anybody may ask.
func TestHealthWithoutKeys(t *testing.T) {
	i := apptest.Start(t, apptest.Options{})
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/openapi.json": 200, "/metrics": 401, "/v1/stores": 401, "/v1/audit/events": 401} {
		if a := i.Call(apptest.Request{Path: path, Key: "none"}); a.Status != want {
			t.Errorf("%s without a key answers %d, want %d", path, a.Status, want)
		}
	}
	i.Want(http.StatusOK, apptest.Request{Path: "/metrics"}, nil)
}
