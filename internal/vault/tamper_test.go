package vault_test

import (
	"context"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// TestMovedRowsDoNotOpen changes the database behind the product's back, one way
// at a time. Nothing that was moved, redated or changed opens, and each attempt
// is a second event that names the first.
func TestMovedRowsDoNotOpen(t *testing.T) {
	cases := map[string]func(f *fixture, a, b, other int64) func(tx *db.Tx) error{
		"another record's parts": func(_ *fixture, a, b, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set body = (select r.body from vault_record r where r.id = $2), leaves = (select r.leaves from vault_record r where r.id = $2) where id = $1", a, b)
				return err
			}
		},
		"another record's key": func(_ *fixture, a, b, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record = $2) where record = $1", a, b)
				return err
			}
		},
		"another record's parts and key": func(_ *fixture, a, b, _ int64) func(tx *db.Tx) error {
			return both(
				func(tx *db.Tx) error {
					_, err := tx.Exec("update vault_record set body = (select r.body from vault_record r where r.id = $2), leaves = (select r.leaves from vault_record r where r.id = $2) where id = $1", a, b)
					return err
				},
				func(tx *db.Tx) error {
					_, err := tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record = $2) where record = $1", a, b)
					return err
				})
		},
		"another store's parts and key": func(_ *fixture, a, _, other int64) func(tx *db.Tx) error {
			return both(
				func(tx *db.Tx) error {
					_, err := tx.Exec("update vault_record set body = (select r.body from vault_record r where r.id = $2), leaves = (select r.leaves from vault_record r where r.id = $2) where id = $1", a, other)
					return err
				},
				func(tx *db.Tx) error {
					_, err := tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record = $2), store = (select d.store from keys_data d where d.record = $2) where record = $1", a, other)
					return err
				})
		},
		"another epoch": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update keys_data set epoch = epoch + 1 where record = $1", a)
				return err
			}
		},
		"a later date": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return both(
				func(tx *db.Tx) error {
					_, err := tx.Exec("update keys_data set erase_by = erase_by + 86400000000 where record = $1", a)
					return err
				},
				func(tx *db.Tx) error {
					_, err := tx.Exec("update vault_record set expires_at = expires_at + 86400000000 where id = $1", a)
					return err
				})
		},
		"another origin": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set how = 2 where id = $1", a)
				return err
			}
		},
		"another platform": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set platform = 2 where id = $1", a)
				return err
			}
		},
		"fewer classes": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set classes = 0 where id = $1", a)
				return err
			}
		},
		"another kind": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set kind = 4 where id = $1", a)
				return err
			}
		},
		"a lower leaf number to come": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set leaf_next = 1 where id = $1", a)
				return err
			}
		},
		"a later date in the row alone": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set expires_at = expires_at + 86400000000 where id = $1", a)
				return err
			}
		},
		"another version": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return both(func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set version = version + 1 where id = $1", a)
				return err
			},
				func(tx *db.Tx) error {
					_, err := tx.Exec("update keys_data set version = version + 1 where record = $1", a)
					return err
				})
		},
		"parts exchanged": func(_ *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Exec("update vault_record set body = leaves, leaves = body where id = $1", a)
				return err
			}
		},
		"a changed byte": func(f *fixture, a, _, _ int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				var b []byte
				if err := tx.QueryRow("select leaves from vault_record where id = $1", a).Scan(&b); err != nil {
					return err
				}
				b[len(b)/2] ^= 1
				_, err := tx.Exec("update vault_record set leaves = $2 where id = $1", a, b)
				return err
			}
		},
	}
	for name, tamper := range cases {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			a := f.ingest("orders", order).Records[0].ID
			b := f.ingest("orders", strings.ReplaceAll(order, "6120448100001", "6120448100002")).Records[0].ID
			in := f.in("orders", order)
			in.Store = f.addStore("Another shop")
			out, err := f.Ingest(context.Background(), f.who, in)
			f.must(err)
			if _, err := f.reveal(a); err != nil {
				t.Fatalf("untouched: %v", err)
			}
			f.exec(tamper(f, vault.RowOf(a), vault.RowOf(b), vault.RowOf(out.Records[0].ID)))
			body, err := f.reveal(a)
			if err == nil || body != "" {
				t.Fatal("a tampered row opens")
			}
			if k := strongroom.KindOf(err); k != strongroom.Internal && k != strongroom.Erased && k != strongroom.Denied && k != strongroom.Conflict {
				t.Errorf("the answer is %v: %v", k, err)
			}
			events := f.events("record.reveal")
			last := events[len(events)-1]
			if last.Outcome == audit.Success {
				t.Errorf("the last event says %v", last.Outcome)
			}
		})
	}
}

func both(fs ...func(tx *db.Tx) error) func(tx *db.Tx) error {
	return func(tx *db.Tx) error {
		for _, f := range fs {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestOtherEnvironmentDoesNotOpen: with every key at hand, an instance that takes
// itself for production opens nothing of a test instance.
func TestOtherEnvironmentDoesNotOpen(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	q := vault.RevealRequest{Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "1047"}
	other := vault.As(f.Vault, strongroom.Production)
	if out, err := other.Reveal(context.Background(), f.who, q); err == nil || out.Body != nil {
		t.Error("another environment opens the record")
	}
	same := vault.As(f.Vault, strongroom.Test)
	if _, err := same.Reveal(context.Background(), f.who, q); err != nil {
		t.Errorf("the same environment does not: %v", err)
	}
}

// A row of an erased record that is put back, with its key, is as dead as before,
// and does not drag the tokens of other records along.
func TestARowPutBackIsStillErased(t *testing.T) {
	f := open(t)
	a := f.ingest("orders", order)
	b := f.ingest("orders", strings.ReplaceAll(order, "6120448100001", "6120448100002"))
	id := vault.RowOf(a.Records[0].ID)
	var kept struct {
		status, expires int64
		body, leaves    []byte
		epoch, store    int64
		wrap            []byte
	}
	f.exec(func(tx *db.Tx) error {
		if err := tx.QueryRow("select status, expires_at, body, leaves from vault_record where id = $1", id).Scan(&kept.status, &kept.expires, &kept.body, &kept.leaves); err != nil {
			return err
		}
		return tx.QueryRow("select epoch, store, wrap from keys_data where record = $1", id).Scan(&kept.epoch, &kept.store, &kept.wrap)
	})
	if _, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{a.Records[0].ID}}); err != nil {
		t.Fatal(err)
	}
	f.exec(func(tx *db.Tx) error {
		if _, err := tx.Exec("update vault_record set status = $2, expires_at = $3, body = $4, leaves = $5 where id = $1", id, kept.status, kept.expires, kept.body, kept.leaves); err != nil {
			return err
		}
		_, err := tx.Exec("insert into keys_data (record, version, store, epoch, erase_by, wrap) values ($1, 1, $2, $3, $4, $5)", id, kept.store, kept.epoch, kept.expires, kept.wrap)
		return err
	})
	_, err := f.reveal(a.Records[0].ID)
	want(t, err, strongroom.Erased, "erased")
	got := f.tokens(text(t, a.Body, "order", "email"), text(t, b.Body, "order", "email"))
	if got[0].Error != "erased" || got[0].Value != nil || got[1].Value == nil {
		t.Errorf("the row put back: %+v; its neighbour: %+v", got[0], got[1])
	}
}
