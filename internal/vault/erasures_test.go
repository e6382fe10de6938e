package vault_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// Calls that erase within one commit answer each for itself: one record counts
// once, a call that is refused erases nothing, and what is left is what each of
// them would have left alone.
func TestErasuresOfOneCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		var ids []string
		for i := range 21 {
			body := orderOf(fmt.Sprint(8000+i), fmt.Sprint("c", i), fmt.Sprintf(`"createdAt":"2026-11-01T09:00:00Z","note":"n%d"`, i))
			ids = append(ids, f.ingest("orders", body).Records[0].ID)
		}
		unknown := "rec_" + ids[0][4:29] + "z"
		var counts [4]int
		erase := func(n *int, ids ...string) func() error {
			return func() error {
				out, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: ids, Reason: "notice"})
				*n = out.Count
				return err
			}
		}
		errs := f.together(
			erase(&counts[0], ids[0]),
			erase(&counts[1], ids[1:19]...),
			erase(&counts[2], ids[19], unknown),
			erase(&counts[3], ids[0], ids[1], ids[2]))
		f.must(errs[0])
		f.must(errs[1])
		want(t, errs[2], strongroom.NotFound, "record")
		f.must(errs[3])
		if counts != [4]int{1, 18, 0, 0} {
			t.Errorf("erased %v", counts)
		}
		for i, id := range ids {
			_, err := f.reveal(id)
			if i < 19 {
				want(t, err, strongroom.Erased, "erased")
			} else if err != nil {
				t.Errorf("record %d, which nobody erased: %v", i, err)
			}
		}
		if got := len(f.events("key.destroy")); got != 2 {
			t.Errorf("%d destructions are recorded, want 2", got)
		}
		// The sealed parts went with the keys, before any sweep.
		var sealed int
		f.exec(func(tx *db.Tx) error {
			return tx.QueryRow("select count(*) from vault_record where body is not null or leaves is not null").Scan(&sealed)
		})
		if sealed != 2 {
			t.Errorf("%d records have sealed parts, want those of the two that live", sealed)
		}
		if _, cleared := f.sweep(); cleared != 19 {
			t.Errorf("cleared %d", cleared)
		}
		for _, mail := range []string{"mara.zarco@example.com"} {
			if out := f.ingest("customers", customerOf("c90", mail)); out.Dead != 1 {
				t.Errorf("the shopper's customer object came: %+v", out)
			}
		}
	})
}

// A denied destruction of keys leaves everything as it was, also for those who
// erase in the same commit.
func TestErasureIsDecidedForItself(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	a := f.ingest("orders", orderOf("8001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`)).Records[0].ID
	b := f.ingest("orders", orderOf("8002", "c2", `"createdAt":"2026-11-01T09:00:00Z"`)).Records[0].ID
	stranger := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{"application"}, Stores: []string{f.store}, Door: "http"}
	errs := f.together(
		func() error {
			_, err := f.Erase(ctx, stranger, vault.EraseRequest{Store: f.store, Records: []string{a}})
			return err
		},
		func() error {
			_, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{b}})
			return err
		})
	if !strongroom.IsKind(errs[0], strongroom.Denied) {
		t.Fatalf("a stranger: %v", errs[0])
	}
	f.must(errs[1])
	if _, err := f.reveal(a); err != nil {
		t.Errorf("what the stranger named is gone: %v", err)
	}
	_, err := f.reveal(b)
	want(t, err, strongroom.Erased, "erased")
}

// What died before is erased without being counted: its tombstone says from now on
// that it was erased, and no event claims a key that was gone.
func TestEraseCountsKeysAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		gone := f.ingest("orders", order).Records[0].ID
		also := f.ingest("orders", string(numbered(7))).Records[0].ID
		f.pass(61 * day)
		for more := true; more; { // their keys die, the clearing has not come yet
			var err error
			_, more, err = f.keys.ExpireStep(ctx, strongroom.System("sweeper"), 100)
			f.must(err)
		}
		lives := f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2027-01-10T09:00:00Z"`)).Records[0].ID
		erase := func(want int, ids ...string) {
			t.Helper()
			out, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: ids})
			f.must(err)
			if out.Count != want {
				t.Errorf("%d were counted, want %d", out.Count, want)
			}
		}
		erase(0, gone)
		erase(1, also, lives)
		if got := noted(f, "record.erase", "records"); got != 1 {
			t.Errorf("the events count %d", got)
		}
		_, err := f.reveal(gone)
		want(t, err, strongroom.Erased, "erased")
	})
}

// A damaged record is erased like any other, and takes nobody along that cannot be:
// its key says whose it is.
func TestDamagedRecordsAreErased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ctx := context.Background()
		other := f.addStore("Other shop")
		var ids []string
		for n := range 5 {
			ids = append(ids, f.ingest("orders", string(numbered(n))).Records[0].ID)
		}
		f.exec(func(tx *db.Tx) error {
			for _, id := range []string{ids[0], ids[1], ids[4]} {
				if _, err := tx.Exec("update vault_record set anchor = 300 where id = $1", vault.RowOf(id)); err != nil {
					return err
				}
			}
			if _, err := tx.Exec("delete from keys_data where record = $1", vault.RowOf(ids[1])); err != nil {
				return err
			}
			_, err := tx.Exec("update vault_record set store = store + 100 where id = $1", vault.RowOf(ids[2]))
			return err
		})
		erase := func(store string, ids ...string) (vault.Erased, error) {
			return f.Erase(ctx, f.who, vault.EraseRequest{Store: store, Records: ids})
		}
		// Another store has no claim to them.
		_, err := erase(other, ids[2])
		want(t, err, strongroom.NotFound, "record")
		_, err = erase(other, ids[4])
		want(t, err, strongroom.Internal, "row")

		out, err := erase(f.store, ids[:4]...)
		f.must(err)
		if out.Count != 3 || !slices.Equal(out.Failed, ids[1:2]) {
			t.Errorf("%d erased, failed %v", out.Count, out.Failed)
		}
		if g, err := f.Gauges(ctx); err != nil || g.Damaged != 1 {
			t.Errorf("the gauge says %d, %v", g.Damaged, err)
		}
		_, err = erase(f.store, ids[1])
		want(t, err, strongroom.Internal, "row")
		for _, id := range []string{ids[0], ids[2], ids[3]} {
			if _, err := f.reveal(id); err == nil {
				t.Errorf("%s opens", id)
			}
		}
		var left int64
		f.must(f.db.Read(ctx, func(r *db.Reader) error { return r.QueryRow("select count(*) from keys_data").Scan(&left) }))
		if left != 1 { // of the last one, which nobody of its store asked for
			t.Errorf("%d keys are left", left)
		}
		f.sweep()
		if out := f.ingest("orders", string(numbered(3))); out.Dead != 1 {
			t.Errorf("an erased order came back: %+v", out)
		}
	})
}
