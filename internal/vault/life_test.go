package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
)

// TestErasedStaysAway: whatever way an erased object comes back, it is dead on
// arrival, before and after the sweep, until a person lifts its tombstone.
func TestErasedStaysAway(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	id := f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`)).Records[0].ID
	f.parcel("7001", parcelOf("p1", "2026-11-02T23:30:00Z", "in_transit", "2026-11-03T00:00:00Z"))
	_, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{id}, Reason: "notice"})
	f.must(err)
	attempts := func(when string) {
		t.Helper()
		for _, how := range []string{"sync", "webhook", "proxy", "import", "api"} {
			in := f.in("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-20T11:00:00Z"`))
			in.How = how
			out, err := f.Ingest(ctx, f.who, in)
			f.must(err)
			if out.Dead != 1 || out.Stored != 0 {
				t.Errorf("%s, by %s: %+v", when, how, out)
			}
			if v := f.tokens(strings.TrimSuffix(text(t, out.Body, "order", "email"), "@pii.invalid")); v[0].Value != nil || v[0].Error != "erased" {
				t.Errorf("%s, by %s: its token opens %s (%s)", when, how, v[0].Value, v[0].Error)
			}
		}
		// The shopper's customer object and parcels of the order stay away too.
		if out := f.ingest("customers", customerOf("c1", "MARA.zarco+x@example.com")); out.Dead != 1 {
			t.Errorf("%s: the customer came: %+v", when, out)
		}
		if out := f.ingest("customers", customerOf("c77", "mara.zarco@example.com")); out.Dead != 1 {
			t.Errorf("%s: the customer came under another id: %+v", when, out)
		}
		if out := f.parcel("7001", parcelOf("p2", "2026-11-02T23:30:00Z", "in_transit", "2026-11-03T00:00:00Z")); out.Dead != 1 {
			t.Errorf("%s: a parcel of the order came: %+v", when, out)
		}
	}
	attempts("before the sweep")
	f.sweep()
	attempts("after the sweep")
	// Somebody else comes as usual: the tombstones are not a wall.
	if out := f.ingest("customers", customerOf("c2", "somebody.else@example.com")); out.Stored != 1 {
		t.Errorf("another customer: %+v", out)
	}
	// A new order of the same shopper is a new thing, and so is the customer then.
	if out := f.ingest("orders", orderOf("7009", "c1", `"createdAt":"2026-11-19T09:00:00Z"`)); out.Stored != 1 {
		t.Errorf("a new order: %+v", out)
	}
	if out := f.ingest("customers", customerOf("c1", "mara.zarco@example.com")); out.Stored != 1 {
		t.Errorf("the customer of a new order: %+v", out)
	}
	f.must(f.LiftTombstone(ctx, f.who, f.store, "order", "7001", "case/9"))
	if out := f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`)); out.Stored != 1 || out.Records[0].ID == id {
		t.Errorf("after the lift: %+v", out)
	}
	want(t, f.LiftTombstone(ctx, f.who, f.store, "order", "7001", "case/9"), strongroom.NotFound, "tombstone")
	f.must(f.LiftTombstone(ctx, f.who, f.store, "email", "Mara.Zarco@example.com", "case/9"))
	if out := f.ingest("customers", customerOf("c78", "mara.zarco@example.com")); out.Stored != 1 {
		t.Errorf("a customer after the lift: %+v", out)
	}
}

// After an older copy of the database was brought back, an erasure stands in the
// ledger alone: its key is destroyed again while the row still looks alive. A new
// order event brings back what expired, as everywhere, and never what was erased.
func TestErasedStaysAwayInAnOlderCopy(t *testing.T) {
	for reason, stored := range map[keys.Reason]int{keys.Subject: 0, keys.Notice: 0, keys.Expired: 1} {
		f := open(t)
		ctx := context.Background()
		f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`))
		var record uint64
		f.exec(func(tx *db.Tx) error { return tx.QueryRow("select min(record) from keys_data").Scan(&record) })
		f.must(f.guard.Do(ctx, strongroom.System("sweeper"), func(_ context.Context, tx *guard.Tx) error {
			_, err := f.keys.DestroyTx(tx, []uint64{record}, reason)
			return err
		}))
		out := f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-20T11:00:00Z"`))
		if out.Stored != stored || out.Dead != 1-stored {
			t.Errorf("%v: %+v", reason, out)
		}
	}
}

// TestExpiredStaysAway: an expired order comes back with a new order event that
// gives it a date in the future, and not by being fetched once more.
func TestExpiredStaysAway(t *testing.T) {
	const old = `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-05T09:00:00Z"`
	for _, swept := range []bool{false, true} {
		f := open(t)
		in := f.ingest("orders", orderOf("7001", "c1", old))
		f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
		f.pass(45 * day) // 2027-01-04: past 2026-12-31
		_, err := f.reveal(in.Records[0].ID)
		want(t, err, strongroom.Erased, "expired")
		if v := f.tokens(text(t, in.Body, "order", "email")); v[0].Error != "expired" || v[0].Value != nil {
			t.Errorf("its token opens %s (%s)", v[0].Value, v[0].Error)
		}
		if list := f.find(vault.FindQuery{Email: "mara.zarco@example.com"}); len(list) != 0 {
			t.Errorf("found %+v", list)
		}
		if swept {
			if expired, cleared := f.sweep(); expired != 2 || cleared != 2 {
				t.Errorf("expired %d, cleared %d", expired, cleared)
			}
		}
		if out := f.ingest("orders", orderOf("7001", "c1", old)); out.Dead != 1 {
			t.Errorf("swept %v: the same body came back: %+v", swept, out)
		}
		if out := f.ingest("customers", customerOf("c1", "mara.zarco@example.com")); out.Dead != 1 {
			t.Errorf("swept %v: the customer came back: %+v", swept, out)
		}
		// An event, but the clock has run out all the same.
		if out := f.ingest("orders", orderOf("7001", "c1", old+`,"deliveredAt":"2026-11-20T09:00:00Z"`)); out.Dead != 1 {
			t.Errorf("swept %v: a body past its date came back: %+v", swept, out)
		}
		fresh := `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2027-01-03T09:00:00Z"`
		if out := f.ingest("orders", orderOf("7001", "c1", fresh)); out.Stored != 1 {
			t.Errorf("swept %v: a new order event did not bring it back: %+v", swept, out)
		}
		f.runs("7001", "renewed", date("2027-01-03T09:00:00Z"), date("2027-03-04T09:00:00Z"))
		if out := f.ingest("customers", customerOf("c1", "mara.zarco@example.com")); out.Stored != 1 {
			t.Errorf("swept %v: the customer of a live order: %+v", swept, out)
		}
		if v := f.tokens(text(t, in.Body, "order", "email")); v[0].Value != nil {
			t.Error("a token of the dead record opens the new one")
		}
		f.sweep()
		for _, r := range f.all(f.store) {
			if _, err := f.reveal(r.ID); err != nil {
				t.Errorf("swept %v: %s does not open after the sweep: %v", swept, r.ExternalID, err)
			}
		}
	}
}

// TestRenewal: an open order lives sixty days from its last event, never beyond
// 180 from its creation, and a fetch is no event.
func TestRenewal(t *testing.T) {
	f := open(t)
	body := func(updated string) string {
		return orderOf("7001", "c1", `"createdAt":"2026-11-10T09:00:00Z","updatedAt":"`+updated+`"`)
	}
	f.ingest("orders", body("2026-11-15T09:00:00Z"))
	f.runs("7001", "created", date("2026-11-10T09:00:00Z"), date("2027-01-09T09:00:00Z"))
	f.pass(40 * day)
	f.ingest("orders", body("2026-11-15T09:00:00Z"))
	f.runs("7001", "created", date("2026-11-10T09:00:00Z"), date("2027-01-09T09:00:00Z"))
	f.ingest("orders", body("2026-12-30T09:00:00Z"))
	f.runs("7001", "renewed", date("2026-12-30T09:00:00Z"), date("2027-02-28T09:00:00Z"))
	f.pass(55 * day)
	f.ingest("orders", body("2027-02-22T09:00:00Z"))
	f.runs("7001", "renewed", date("2027-02-22T09:00:00Z"), date("2027-04-23T09:00:00Z"))
	f.pass(50 * day)
	f.ingest("orders", body("2027-04-13T09:00:00Z"))
	f.runs("7001", "renewed", date("2027-04-13T09:00:00Z"), date("2026-11-10T09:00:00Z").Add(180*day))
}

// TestVersions: an update seals anew under a fresh key; a token of a kept place
// opens the new value, one of a place that is gone opens nothing for good.
func TestVersions(t *testing.T) {
	f := open(t)
	first := f.ingest("orders", order)
	id := first.Records[0].ID
	email, note := text(t, first.Body, "order", "email"), text(t, first.Body, "order", "note")
	second := f.ingest("orders", strings.NewReplacer(
		"Inigo.Etxegoniz+shop@example.com", "inigo@example.org", `"note":"Portón color mamey"`, `"note":null,"cancelReason":"too late"`,
		"T10:00:00Z", "T11:00:00Z").Replace(order))
	if second.Stored != 1 || second.Records[0].ID != id {
		t.Fatalf("update: %+v", second)
	}
	if text(t, second.Body, "order", "email") != email {
		t.Error("the place kept its value's token not")
	}
	got := f.tokens(email, note)
	if string(got[0].Value) != `"inigo@example.org"` || got[1].Error != "token-retired" || got[1].Value != nil {
		t.Errorf("tokens open %+v", got)
	}
	// The note comes back: the old token stays retired.
	third := f.ingest("orders", strings.Replace(order, "T10:00:00Z", "T12:00:00Z", 1))
	if text(t, third.Body, "order", "note") == note {
		t.Error("a retired number was given again")
	}
	if got = f.tokens(note); got[0].Error != "token-retired" {
		t.Errorf("the retired token opens %+v", got)
	}
	// An older body changes nothing, and its answer opens what is stored now.
	stale := f.ingest("orders", strings.Replace(order, "mamey", "azul", 1))
	if stale.Unchanged != 1 || stale.Stored != 0 {
		t.Errorf("a stale body: %+v", stale)
	}
	if got = f.tokens(text(t, stale.Body, "order", "note")); string(got[0].Value) != `"Portón color mamey"` {
		t.Errorf("the stale answer's token opens %+v", got)
	}
	if n := len(f.find(vault.FindQuery{Email: "inigo@example.org"})); n != 0 {
		t.Errorf("found %d by an address that is gone", n)
	}
	if n := len(f.find(vault.FindQuery{Email: "inigo.etxegoniz@example.com"})); n != 1 {
		t.Errorf("found %d by the address", n)
	}
	r, err := f.Record(context.Background(), f.who, f.store, id)
	f.must(err)
	if r.Version != 3 {
		t.Errorf("version %d", r.Version)
	}
}

// TestStatedDatesAreKept: a body that no longer mentions a delivery does not take
// it back, and one that states it late ends the record at once.
func TestStatedDatesAreKept(t *testing.T) {
	f := open(t)
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-05T09:00:00Z","deliveredAt":"2026-11-05T09:00:00Z"`))
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-06T09:00:00Z"`))
	f.runs("7001", "delivered", date("2026-11-05T09:00:00Z"), date("2026-12-05T09:00:00Z"))

	id := f.ingest("orders", orderOf("7002", "c2", `"createdAt":"2026-10-01T09:00:00Z","updatedAt":"2026-11-05T09:00:00Z"`)).Records[0].ID
	out := f.ingest("orders", orderOf("7002", "c2", `"createdAt":"2026-10-01T09:00:00Z","updatedAt":"2026-11-06T09:00:00Z","deliveredAt":"2026-10-05T09:00:00Z"`))
	if out.Dead != 1 || out.Stored != 0 {
		t.Errorf("a body past its date: %+v", out)
	}
	_, err := f.reveal(id)
	want(t, err, strongroom.Erased, "expired")
}

// TestDisconnect: a store that was disconnected is closed at once, and its
// records and keys die step by step.
func TestDisconnect(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	f.stock(30)
	in := f.ingest("orders", order)
	id, note := in.Records[0].ID, text(t, in.Body, "order", "note")
	p, err := f.Disconnect(ctx, f.who, f.store, true)
	f.must(err)
	if p.Records != 31 {
		t.Errorf("the preview counts %d", p.Records)
	}
	_, err = f.reveal(id)
	f.must(err)
	_, err = f.Disconnect(ctx, f.who, f.store, false)
	f.must(err)
	_, err = f.reveal(id)
	want(t, err, strongroom.Erased, "store")
	if v := f.tokens(note); v[0].Value != nil || v[0].Error != "store" {
		t.Errorf("a token of a disconnected store opens %s (%s)", v[0].Value, v[0].Error)
	}
	_, err = f.Ingest(ctx, f.who, f.in("orders", order))
	want(t, err, strongroom.Erased, "store")
	total := 0
	for more := true; more; {
		var n int
		n, more, err = f.EraseStoreStep(ctx, strongroom.System("disconnect"), f.store, 7)
		f.must(err)
		total += n
	}
	if total != 31 {
		t.Errorf("erased %d", total)
	}
	if _, cleared := f.sweep(); cleared != 31 {
		t.Errorf("cleared %d", cleared)
	}
	if f.dump().holds("Nopalito") {
		t.Error("the store's name is readable")
	}
	list, _, err := f.Stores(ctx, f.who, "", 0)
	f.must(err)
	if len(list) != 1 || list[0].Name != "" || list[0].Disconnected.IsZero() {
		t.Errorf("stores %+v", list)
	}
	g, err := f.Gauges(ctx)
	f.must(err)
	if g.Overdue != 0 || !g.OldestPII.IsZero() {
		t.Errorf("gauges %+v", g)
	}
}

// TestTombstonesRunOut: after their time nothing of an erased object is left.
func TestTombstonesRunOut(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
	f.must(err)
	f.sweep()
	if n := f.count(); n.records != 1 || n.stones == 0 || n.entries != 0 {
		t.Errorf("after the sweep: %+v", n)
	}
	f.pass(91 * day)
	f.sweep()
	if n := f.count(); n.records != 0 || n.stones != 0 {
		t.Errorf("after the tombstones' time: %+v", n)
	}
	_, err = f.reveal(id)
	want(t, err, strongroom.NotFound, "record")
}

// TestIndexKeysDieWithTheirLastRecord: a month's index key is destroyed when no
// record of that month lives, and not before.
func TestIndexKeysDieWithTheirLastRecord(t *testing.T) {
	f := open(t)
	f.ingest("orders", order) // until 2027-01-09
	f.pass(40 * day)          // 2026-12-30
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-12-29T09:00:00Z"`))
	f.pass(5 * day) // 2027-01-04: two months later
	f.sweep()
	f.index()
	if got := f.keys.LivePeriods(f.store); len(got) != 2 {
		t.Errorf("while the record lives there are keys of %v", got)
	}
	f.pass(6 * day) // 2027-01-10
	f.sweep()
	f.index()
	f.pass(7 * time.Hour)
	f.sweep()
	f.index()
	if got := f.keys.LivePeriods(f.store); len(got) != 1 || got[0] != "2026-12" {
		t.Errorf("after its death there are keys of %v", got)
	}
	if list := f.find(vault.FindQuery{Email: "mara.zarco@example.com"}); len(list) != 1 {
		t.Errorf("found %d by a key that lives", len(list))
	}
}

// More tombstones than one step takes do not wait for the next look at them.
func TestAllTombstonesRunOut(t *testing.T) {
	f := open(t)
	f.stock(250)
	var ids []string
	for _, r := range f.all(f.store) {
		ids = append(ids, r.ID)
	}
	_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: ids})
	f.must(err)
	f.sweep()
	if c := f.count(); c.records != 250 || c.stones < 200 {
		t.Fatalf("tombstones %+v", c)
	}
	f.pass(91 * day)
	f.sweep() // a hundred a step
	if c := f.count(); c != (counts{}) {
		t.Errorf("left after their time: %+v", c)
	}
}

// A tokenised answer that is sent back would replace the values by their tokens
// for good. It is refused, and the record stays as it was.
func TestTokensAreNotTakenIn(t *testing.T) {
	f := open(t)
	out := f.ingest("orders", order)
	_, err := f.Ingest(context.Background(), f.who, f.in("orders", string(out.Body)))
	want(t, err, strongroom.Invalid, "tokens")
	body, err := f.reveal(out.Records[0].ID)
	f.must(err)
	if strings.Contains(body, "srt_") || !strings.Contains(body, "Zarzaparrilla") {
		t.Error("the values were replaced by their tokens")
	}
	// What only begins like one is a value like any other.
	f.ingest("orders", orderOf("9001", "c9", `"createdAt":"2026-11-01T09:00:00Z","note":"srt_is the name of a file format of subtitles"`))
}

// What expired and is erased after that stays away for the whole time of an
// erasure, and no longer.
func TestATombstoneThatIsErasedStandsLonger(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		id := f.ingest("orders", order).Records[0].ID
		other := f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`)).Records[0].ID
		f.pass(70 * day)
		f.sweep() // both expire
		f.pass(80 * day)
		_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
		f.must(err)
		f.pass(15 * day)
		f.sweep()
		left := func(id string) (n int) {
			f.exec(func(tx *db.Tx) error {
				return tx.QueryRow("select count(*) from vault_record where id = $1", vault.RowOf(id)).Scan(&n)
			})
			return n
		}
		if left(id) != 1 || left(other) != 0 {
			t.Errorf("95 days after their death: erased %d, expired %d", left(id), left(other))
		}
		f.pass(80 * day)
		f.sweep()
		if left(id) != 0 {
			t.Error("the tombstone outstays its time")
		}
	})
}
