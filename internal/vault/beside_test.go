package vault_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

// lay keeps a secret beside a record of a store.
func (f *fixture) lay(store, record, name, secret string) error {
	return f.guard.Do(context.Background(), f.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(closing, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		return f.SealBesideTx(tx, store, record, name, []byte(secret))
	})
}

// lift opens what lies beside a record of a store.
func (f *fixture) lift(store, record, name string) (string, error) {
	var b *vault.Beside
	err := f.guard.Do(context.Background(), f.who, func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(closing, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		b, err = f.BesideTx(tx, store, record, name)
		return err
	})
	if err != nil {
		return "", err
	}
	out, err := b.Open()
	return string(out), err
}

// TestBesideLivesWithItsRecord: what lies beside a record opens while the record
// lives and its store is open, after a new version and a roll as well, and never
// after its erasure.
func TestBesideLivesWithItsRecord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		id := f.ingest("orders", order).Records[0].ID
		f.must(f.lay(f.store, id, "one", "first"))
		f.must(f.lay(f.store, id, "two", "second"))
		want(t, f.lay(f.store, id, "one", "again"), strongroom.Conflict, "beside")
		want(t, f.lay(f.store, id, "big", strings.Repeat("x", 257)), strongroom.Internal, "beside")
		both := func(when string) {
			t.Helper()
			for name, secret := range map[string]string{"one": "first", "two": "second"} {
				if got, err := f.lift(f.store, id, name); err != nil || got != secret {
					t.Errorf("%s: %q opens as %q, %v", when, name, got, err)
				}
			}
		}
		both("as it was laid")
		_, err := f.lift(f.store, id, "three")
		want(t, err, strongroom.NotFound, "beside")
		other := f.addStore("Zarzamora Sur")
		if _, err = f.lift(other, id, "one"); !strongroom.IsKind(err, strongroom.NotFound) {
			t.Errorf("by another store: %v", err)
		}
		newer := strings.NewReplacer("mamey", "azul", "T10:00:00Z", "T11:00:00Z").Replace(order)
		if out := f.ingest("orders", newer); out.Stored != 1 {
			t.Fatalf("no new version: %+v", out)
		}
		both("after a new version")
		f.must(f.keys.Roll(ctx, f.who, nil))
		both("after a roll")
		f.turn(f.CloseTx, f.store)
		_, err = f.lift(f.store, id, "one")
		want(t, err, strongroom.Denied, "store-closed")
		want(t, f.lay(f.store, id, "four", "x"), strongroom.Denied, "store-closed")
		f.turn(f.ReopenTx, f.store)
		both("after the store opened again")
		_, err = f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
		f.must(err)
		for _, when := range []string{"erased", "swept"} {
			if _, err = f.lift(f.store, id, "one"); !strongroom.IsKind(err, strongroom.Erased) {
				t.Errorf("%s: %v", when, err)
			}
			if err = f.lay(f.store, id, "five", "x"); !strongroom.IsKind(err, strongroom.Erased) {
				t.Errorf("laid beside what was %s: %v", when, err)
			}
			f.sweep()
		}
		if n := f.count().references; n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// TestBesideIsBound: what was changed, or changed places, does not open.
func TestBesideIsBound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		for name, change := range map[string]func(tx *db.Tx) error{
			"changed": func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_reference set sealed = hash")
				return err
			},
			"swapped": func(tx *db.Tx) error {
				// By way of values that are read first: a statement may see its own changes.
				rows, err := tx.Query("select hash, sealed from vault_reference")
				if err != nil {
					return err
				}
				var hashes, sealed [][]byte
				for rows.Next() {
					var h, b []byte
					if err := rows.Scan(&h, &b); err != nil {
						return err
					}
					hashes, sealed = append(hashes, bytes.Clone(h)), append(sealed, bytes.Clone(b))
				}
				if err := rows.Close(); err != nil {
					return err
				}
				for i := range hashes {
					if _, err := tx.Exec("update vault_reference set sealed = $1 where hash = $2", sealed[1-i], hashes[i]); err != nil {
						return err
					}
				}
				return nil
			},
		} {
			f := openWith(t, setup{engine: engine})
			id := f.ingest("orders", order).Records[0].ID
			f.must(f.lay(f.store, id, "one", "first"))
			f.must(f.lay(f.store, id, "two", "second"))
			f.exec(change)
			for _, one := range []string{"one", "two"} {
				if _, err := f.lift(f.store, id, one); !strongroom.IsKind(err, strongroom.Internal) || vault.FaultCode(err) != "tampered" {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}
