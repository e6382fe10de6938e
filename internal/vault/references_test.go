package vault_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// TestReferenceOnce: a reference lies beside its record once, however often it is
// named, after a start as well.
func TestReferenceOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		id := f.ingest("orders", order).Records[0].ID
		other := f.ingest("orders", string(numbered(7))).Records[0].ID
		see := func(what string, want int64) {
			t.Helper()
			if got := f.count().references; got != want {
				t.Errorf("%s: %d references, want %d", what, got, want)
			}
		}
		reveal := func(ids ...string) {
			t.Helper()
			var calls []func() error
			for _, id := range ids {
				calls = append(calls, func() error { _, err := f.reveal(id); return err })
			}
			for _, err := range f.together(calls...) {
				f.must(err)
			}
		}
		reveal(id, id)
		see("two at once", 1)
		reveal(id)
		see("again", 1)
		reveal(id, other)
		see("of another record", 2)
		f.Vault = vault.New(f.opt) // knows nothing of before
		reveal(id, other, id)
		see("after a start", 2)
		_, err := f.Erase(t.Context(), f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
		f.must(err)
		f.sweep()
		see("after an erasure", 1)
		f.exec(func(tx *db.Tx) error { // planted: what is remembered is not written again
			_, err := tx.Exec("delete from vault_reference")
			return err
		})
		reveal(other)
		see("planted", 0)
	})
}

// opens fails unless the references beside a record open, as of its version now.
func (f *fixture) opens(id string, want ...string) {
	f.t.Helper()
	got, err := vault.References(f.Vault, f.guard, f.who, f.store, id)
	f.must(err)
	if !slices.Equal(got, want) {
		f.t.Errorf("beside the record lies %q, want %q", got, want)
	}
}

// A new version takes the reference along, under its own key.
func TestNewVersionTakesReference(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		id := f.ingest("orders", order).Records[0].ID
		_, err := f.reveal(id)
		f.must(err)
		f.opens(id, "order-1047")
		newer := strings.NewReplacer("mamey", "azul", "T10:00:00Z", "T11:00:00Z").Replace(order)
		if out := f.ingest("orders", newer); out.Stored != 1 || out.Records[0].ID != id {
			t.Fatalf("no new version: %+v", out)
		}
		f.opens(id, "order-1047")
		f.exec(func(tx *db.Tx) error { // planted: it does not open with what it was not sealed for
			_, err := tx.Exec("update vault_record set version = version + 1")
			return err
		})
		if _, err := vault.References(f.Vault, f.guard, f.who, f.store, id); err == nil {
			t.Error("a reference opens as of another version")
		}
	})
}

// reclassified returns an order whose stored form a decision has made old.
func (f *fixture) reclassified() (id string) {
	f.t.Helper()
	id = f.ingest("orders", odd).Records[0].ID
	_, err := f.Classify(context.Background(), f.who, vault.Classification{Store: f.store, Field: f.fields()["loyaltyTier"].ID, As: "clear"})
	f.must(err)
	return id
}

const oddAgain = `{"order":{"id":"7001","number":"7001","customer":{"id":"c1"},"loyaltyTier":"silver","dates":{"createdAt":"2026-11-10T09:00:00Z","updatedAt":"2026-11-19T09:00:00Z"}}}`

// A reveal and a new version of the record share a commit: the reference goes along,
// and later versions come in.
func TestReferenceSealedAnewInOneCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		id := f.reclassified()
		for _, err := range f.together(
			func() error { _, err := f.reveal(id); return err },
			func() error {
				_, _, err := f.ReclassifyStep(context.Background(), f.who, f.store, "orders", "", 0)
				return err
			},
		) {
			f.must(err)
		}
		f.opens(id, "order-1047")
		if out := f.ingest("orders", oddAgain); out.Stored != 1 {
			t.Errorf("%+v", out)
		}
		f.opens(id, "order-1047")
		if g, err := f.Gauges(t.Context()); err != nil || g.Damaged != 0 {
			t.Errorf("the gauge says %d, %v", g.Damaged, err)
		}
	})
}

// A reference that does not open keeps no version of its record out.
func TestDamagedReferenceIsDropped(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		id := f.reclassified()
		_, err := f.reveal(id)
		f.must(err)
		f.exec(func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_reference set sealed = hash")
			return err
		})
		if out := f.ingest("orders", oddAgain); out.Stored != 1 {
			t.Errorf("%+v", out)
		}
		f.opens(id)
		if g, err := f.Gauges(t.Context()); err != nil || g.Damaged != 1 {
			t.Errorf("the gauge says %d, %v", g.Damaged, err)
		}
		_, err = f.reveal(id) // it is written again
		f.must(err)
		f.opens(id, "order-1047")
	})
}

// A reveal, the erasure of its record and the clearing share a commit: nothing of
// the reference is left.
func TestReferenceGoesWithItsRecord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		id := f.ingest("orders", order).Records[0].ID
		for _, err := range f.together(
			func() error { _, err := f.reveal(id); return err },
			func() error {
				_, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, All: true})
				return err
			},
			func() error { return vault.ClearNow(f.Vault, f.who) },
		) {
			f.must(err)
		}
		if c := f.count(); c.references != 0 || c.entries != 0 {
			t.Errorf("of erased records %d references and %d entries are left", c.references, c.entries)
		}
	})
}
