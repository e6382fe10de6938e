package vault_test

import (
	"context"
	"testing"
	"time"

	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// Whoever moves the date beside a key into the future keeps nothing: the gauge shows
// the record on its day, the sweep takes it, and the log names it.
func TestDateBesideTheKeyKeepsNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		id := f.ingest("orders", order).Records[0].ID
		row := vault.RowOf(id)
		f.exec(func(tx *db.Tx) error {
			_, err := tx.Exec("update keys_data set erase_by = erase_by + 315360000000000 where record = $1", row)
			return err
		})
		if n, _, err := f.ClearStep(ctx, f.who, 100); n != 0 || err != nil {
			t.Fatal("before its day:", n, err) // planted: the sweep leaves what is not due
		}
		list, _, err := f.Records(ctx, f.who, vault.ListQuery{Store: f.store})
		f.must(err)
		if len(list) != 1 || !list[0].Damaged {
			t.Errorf("before its day the list shows %+v", list)
		}
		f.clock.SetOffset(f.clock.Offset() + 400*24*time.Hour)
		g, err := f.Gauges(ctx)
		f.must(err)
		if g.Overdue != 1 {
			t.Errorf("past its day %d are overdue", g.Overdue)
		}
		f.sweep()
		var left, body int64
		f.exec(func(tx *db.Tx) error {
			if err := tx.QueryRow("select count(*) from keys_data where record = $1", row).Scan(&left); err != nil {
				return err
			}
			return tx.QueryRow("select count(*) from vault_record where id = $1 and body is not null", row).Scan(&body)
		})
		if left != 0 || body != 0 {
			t.Errorf("after the sweep %d keys and %d bodies are left", left, body)
		}
		if g, err = f.Gauges(ctx); err != nil || g.Overdue != 0 || g.Damaged != 1 {
			t.Errorf("after the sweep %+v, %v", g, err)
		}
		named := false
		for _, e := range f.events("retention.sweep") {
			named = named || e.Outcome == audit.Failure && e.Resource.ID == id
		}
		if !named {
			t.Error("no event names the record")
		}
	})
}

// A record whose key somebody deleted is cleared on its day all the same.
func TestRecordWithoutKeyIsClearedOnItsDay(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("delete from keys_data where record = $1", vault.RowOf(id))
		return err
	})
	f.clock.SetOffset(f.clock.Offset() + 400*24*time.Hour)
	if g, err := f.Gauges(context.Background()); err != nil || g.Overdue != 1 {
		t.Errorf("past its day: %+v, %v", g, err)
	}
	f.sweep()
	if g, err := f.Gauges(context.Background()); err != nil || g.Overdue != 0 || g.Damaged != 0 {
		t.Errorf("after the sweep: %+v, %v", g, err)
	}
}

// A date that somebody moves to before the place where the look for late records
// has come is seen when the look begins anew.
func TestDateMovedBehindTheLook(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	dies := f.ingest("orders", order).Records[0].ID
	f.clock.SetOffset(f.clock.Offset() + 58*24*time.Hour)
	later := `{"order":{"id":"7002","number":"7002","dates":{"createdAt":"` + f.clock.Now().Format(time.RFC3339) + `"}}}`
	moved := f.ingest("orders", later).Records[0].ID
	f.clock.SetOffset(f.clock.Offset() + 10*24*time.Hour)
	f.sweep() // the look passes the first one
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set expires_at = 1000 where id = $1", vault.RowOf(moved))
		return err
	})
	bodies := func() (n int64) {
		f.exec(func(tx *db.Tx) error {
			return tx.QueryRow("select count(*) from vault_record where body is not null").Scan(&n)
		})
		return n
	}
	f.sweep()
	if n := bodies(); n != 1 { // planted: the look is past that date
		t.Errorf("%d bodies are left of %s and %s", n, dies, moved)
	}
	f.clock.SetOffset(f.clock.Offset() + 7*time.Hour)
	if g, err := f.Gauges(ctx); err != nil || g.Overdue != 1 {
		t.Errorf("when the look began anew: %+v, %v", g, err)
	}
	f.sweep()
	if n := bodies(); n != 0 {
		t.Errorf("%d bodies are left after the look began anew", n)
	}
}
