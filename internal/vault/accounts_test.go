package vault_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/audit"
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
		f.ingest("orders", string(numbered(5))) // a change: what was known of the accounts is asked for again
		if n := reveals(people); n != 1 {
			t.Errorf("%d were refused, want the one whose budget was used up", n)
		}
		accounts(people, people*each)
	})
}

// TestAccountsAreKnownFromBefore: a budget holds over reveals that remember it from
// their last transaction, and over one that another process takes from it.
func TestAccountsAreKnownFromBefore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine, budgets: vault.Budgets{RecordsHour: 4, RecordsDay: 100, FieldsHour: 1000, FieldsDay: 1000}})
		id := f.ingest("orders", order).Records[0].ID
		again := func(want bool) {
			t.Helper()
			if _, err := f.reveal(id); (err == nil) != want || err != nil && !strongroom.IsKind(err, strongroom.Exhausted) {
				t.Errorf("%v, want it allowed: %v", err, want)
			}
		}
		again(true)
		again(true)
		// Another process takes one off. It records an event, as everybody does.
		f.must(f.db.Update(t.Context(), func(tx *db.Tx) error {
			b, err := f.log.Begin(tx)
			if err != nil {
				return err
			}
			if _, err := tx.Exec("update vault_budget set hour_records = hour_records + 1"); err != nil {
				return err
			}
			_, err = b.Append(audit.Event{
				Action: strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 2}, Actor: f.who,
				Resource: strongroom.Resource{Type: "Record", ID: id, Store: f.store}, Outcome: audit.Success,
			})
			if err != nil {
				return err
			}
			return b.Flush()
		}))
		again(true)
		again(false)
		again(false)
	})
}
