package vault_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// A changed row counts once, whoever meets it first and however often it is met.
func TestDamageCountsWhereverItIsMet(t *testing.T) {
	edits := map[string]func(tx *db.Tx, id int64) (int64, error){
		"a changed body and leaves": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update vault_record set body = leaves, leaves = body where id = $1", id)
		},
		"a number that does not fit": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update vault_record set anchor = 300 where id = $1", id)
		},
		"another record's key": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record <> $1) where record = $1", id)
		},
		"a version ahead of its key": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update vault_record set version = version + 1 where id = $1", id)
		},
		"a later date in the row": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update vault_record set expires_at = expires_at + 86400000000 where id = $1", id)
		},
		"a later date of the key": func(tx *db.Tx, id int64) (int64, error) {
			return tx.Exec("update keys_data set erase_by = erase_by + 86400000000 where record = $1", id)
		},
	}
	ctx := context.Background()
	verbs := map[string]func(f *fixture, id, token string){
		"reveal": func(f *fixture, id, _ string) {
			if _, err := f.reveal(id); !vault.IsDamaged(err) {
				f.t.Error("the reveal says", err)
			}
		},
		"reveal of a field": func(f *fixture, id, _ string) {
			_, err := f.Reveal(ctx, f.who, vault.RevealRequest{Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "1047", Fields: []string{"email"}})
			if !vault.IsDamaged(err) {
				f.t.Error("the reveal says", err)
			}
		},
		"reveal by token": func(f *fixture, _, token string) {
			if got := f.tokens(token); got[0].Error != "tampered" || got[0].Value != nil {
				f.t.Errorf("the token opens as %+v", got[0])
			}
		},
		"read": func(f *fixture, id, _ string) {
			if _, err := f.Record(ctx, f.who, f.store, id); !vault.IsDamaged(err) {
				f.t.Error("the read says", err)
			}
		},
	}
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		for what, edit := range edits {
			for name, verb := range verbs {
				t.Run(what+", "+name, func(t *testing.T) {
					f := openWith(t, setup{engine: engine})
					a, other := f.ingest("orders", order), f.ingest("orders", string(numbered(7)))
					id, token := a.Records[0].ID, text(t, a.Body, "order", "email")
					if n := f.Damaged(); n != 0 {
						t.Fatalf("planted: %d before anything was changed", n)
					}
					f.exec(func(tx *db.Tx) error {
						n, err := edit(tx, vault.RowOf(id))
						if n != 1 {
							t.Errorf("%d rows were changed", n)
						}
						return err
					})
					for range 2 {
						verb(f, id, token)
					}
					if n := f.Damaged(); n != 1 {
						t.Errorf("counted %d times", n)
					}
					action := "record.reveal"
					if name == "read" {
						action = "record.read"
					}
					events := f.events(action)
					if e := events[len(events)-1]; e.Outcome != audit.Failure || e.Resource.ID != id {
						t.Errorf("the newest event is %+v", e)
					}
					if _, err := f.reveal(other.Records[0].ID); err != nil && what != "another record's key" {
						t.Error("its neighbour:", err)
					}
				})
			}
		}
	})
}
