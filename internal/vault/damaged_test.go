package vault_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// Whoever can change rows keeps no other record out of a list, a search or an
// ingest: his row stands as damaged, by its id alone, and each time is an event.
func TestDamagedRowsStandAlone(t *testing.T) {
	for name, tamper := range map[string]func(tx *db.Tx, id int64) error{
		"a changed body": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set body = leaves where id = $1", id)
			return err
		},
		"a number that does not fit": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set anchor = 300 where id = $1", id)
			return err
		},
		"a version ahead of its key": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set version = version + 1 where id = $1", id)
			return err
		},
		"another key": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update keys_data set wrap = (select d.wrap from keys_data d where d.record <> $1 order by d.record limit 1) where record = $1", id)
			return err
		},
		"a later date in the row": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set expires_at = expires_at + 1000000 where id = $1", id)
			return err
		},
		"an earlier date in the row": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update vault_record set expires_at = expires_at - 1000000 where id = $1", id)
			return err
		},
		"another date": func(tx *db.Tx, id int64) error {
			_, err := tx.Exec("update keys_data set erase_by = erase_by + 1000000 where record = $1", id)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			bodies := []string{order, strings.ReplaceAll(order, "6120448100001", "6120448100002"), strings.ReplaceAll(order, "6120448100001", "6120448100003")}
			var ids []string
			for _, b := range bodies {
				ids = append(ids, f.ingest("orders", b).Records[0].ID)
			}
			look := func() (list, found []vault.Record) {
				t.Helper()
				list, _, err := f.Records(context.Background(), f.who, vault.ListQuery{Store: f.store, Kind: "orders"})
				f.must(err)
				found, _, err = f.Find(context.Background(), f.who, vault.FindQuery{Store: f.store, Email: "inigo.etxegoniz@example.com"})
				f.must(err)
				return list, found
			}
			before, _ := look()
			f.exec(func(tx *db.Tx) error { return tamper(tx, vault.RowOf(ids[1])) })

			list, found := look()
			for where, got := range map[string][]vault.Record{"list": list, "search": found} {
				if len(got) != 3 || !reflect.DeepEqual(got[0], before[0]) || !reflect.DeepEqual(got[2], before[2]) {
					t.Fatalf("the %s is %+v", where, got)
				}
				if want := (vault.Record{ID: ids[1], Store: f.store, Damaged: true}); !reflect.DeepEqual(got[1], want) {
					t.Errorf("the %s shows of the damaged row %+v", where, got[1])
				}
			}
			for _, action := range []string{"record.list", "record.find"} {
				events := f.events(action)
				if e := events[len(events)-1]; e.Outcome != audit.Failure || e.Resource.ID != ids[1] {
					t.Errorf("the newest event of %s is %+v", action, e)
				}
			}
			if one, err := f.Record(context.Background(), f.who, f.store, ids[1]); err == nil {
				t.Errorf("the damaged record is shown: %+v", one)
			}

			// Its object is refused, the others come in.
			var ins []vault.In
			for _, b := range bodies {
				ins = append(ins, f.in("orders", strings.ReplaceAll(b, "Etxegoñiz", "Etxeberria")))
			}
			outs, err := f.IngestMany(context.Background(), f.who, ins)
			f.must(err)
			if outs[0].Err != nil || outs[0].Stored != 1 || outs[2].Err != nil || outs[2].Stored != 1 {
				t.Errorf("its neighbours: %+v, %+v", outs[0], outs[2])
			}
			if !vault.IsDamaged(outs[1].Err) {
				t.Errorf("the damaged one: %+v", outs[1])
			}
			events := f.events("record.ingest")
			if e := events[len(events)-2]; e.Outcome != audit.Failure || e.Code != "tampered" {
				t.Errorf("no event tells of the damage: %+v", e)
			}
			if _, err := f.Ingest(context.Background(), f.who, ins[1]); !vault.IsDamaged(err) {
				t.Errorf("alone: %v", err)
			}
			if looked, damaged, err := f.CheckRows(context.Background(), 1000); err != nil || looked != 3 || damaged != 1 {
				t.Errorf("looked at %d rows, %d damaged, %v", looked, damaged, err)
			}
			g, err := f.Gauges(context.Background())
			f.must(err)
			if g.Damaged != 1 {
				t.Errorf("the gauge says %d", g.Damaged)
			}
		})
	}
	f := open(t)
	f.ingest("orders", order)
	if looked, damaged, err := f.CheckRows(context.Background(), 1000); err != nil || looked != 1 || damaged != 0 {
		t.Errorf("untouched: looked at %d rows, %d damaged, %v", looked, damaged, err)
	}
	if g, err := f.Gauges(context.Background()); err != nil || g.Damaged != 0 {
		t.Errorf("untouched: %+v, %v", g, err) // planted: the gauge can be 0
	}
}

// The same for stores: one whose sealed card was changed is listed by its id.
func TestDamagedStoreStandsAlone(t *testing.T) {
	f := open(t)
	other := f.addStore("Another shop")
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_store set card = tag where id = $1", f.store)
		return err
	})
	list, _, err := f.Stores(context.Background(), f.who, "", 10)
	f.must(err)
	if len(list) != 2 || !reflect.DeepEqual(list[0], vault.Store{ID: f.store, Damaged: true}) || list[1].ID != other || list[1].Name != "Another shop" {
		t.Errorf("%+v", list)
	}
	events := f.events("store.list")
	if e := events[len(events)-1]; e.Outcome != audit.Failure || e.Resource.ID != f.store {
		t.Errorf("the newest event is %+v", e)
	}
}
