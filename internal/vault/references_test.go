package vault_test

import (
	"testing"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// TestReferenceOnce: a reference lies beside its record once, however often it is
// named, after a start as well, and a new version takes it along.
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
