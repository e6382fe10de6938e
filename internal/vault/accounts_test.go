package vault_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// TestManyAccountsInOneCommit: many principals who reveal in one commit are each
// held to a budget of their own, which is asked for and written together. The last
// of them has used up his before: he alone is refused.
func TestManyAccountsInOneCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		const people, each = 21, 3
		f := openWith(t, setup{engine: engine, budgets: vault.Budgets{RecordsHour: each, RecordsDay: 100, FieldsHour: 1000, FieldsDay: 1000}})
		id := f.ingest("orders", order).Records[0].ID
		reveals := func(n int) (refused int) {
			var calls []func() error
			for i := range n {
				who := f.who
				who.ID = vault.Numbered("svc", i)
				calls = append(calls, func() error {
					_, err := f.Reveal(t.Context(), who, vault.RevealRequest{
						Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "order-1047",
					})
					return err
				})
			}
			for i, err := range f.together(calls...) {
				if strongroom.IsKind(err, strongroom.Exhausted) && i == people-1 {
					refused++
				} else if err != nil {
					t.Errorf("principal %d: %v", i, err)
				}
			}
			return refused
		}
		accounts := func(want, records int64) {
			t.Helper()
			var n, sum, most int64
			f.must(f.db.Read(t.Context(), func(r *db.Reader) error {
				return r.QueryRow("select count(*), cast(sum(hour_records) as bigint), max(hour_records) from vault_budget").Scan(&n, &sum, &most)
			}))
			if n != want || sum != records || most > each {
				t.Errorf("%d accounts with %d records, at most %d; want %d with %d", n, sum, most, want, records)
			}
		}
		for range each - 1 {
			reveals(people)
		}
		accounts(people, people*(each-1))
		who := f.who
		who.ID = vault.Numbered("svc", people-1)
		_, err := f.Reveal(t.Context(), who, vault.RevealRequest{
			Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "order-1047",
		})
		f.must(err)
		f.Vault = vault.New(f.opt) // knows nothing of before
		if n := reveals(people); n != 1 {
			t.Errorf("%d were refused, want the one whose budget was used up", n)
		}
		accounts(people, people*each)
	})
}
