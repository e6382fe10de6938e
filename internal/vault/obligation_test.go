package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// TestObligation_2_8_1: information is tagged; a write without origin is refused
// at the door and by the schema.
func TestObligation_2_8_1(t *testing.T) {
	f := open(t)
	for _, strip := range []func(in *vault.In){
		func(in *vault.In) { in.How = "" },
		func(in *vault.In) { in.Version = "" },
		func(in *vault.In) { in.Store = "" },
	} {
		in := f.in("orders", order)
		strip(&in)
		if out, err := f.Ingest(context.Background(), f.who, in); err == nil {
			t.Errorf("a body without origin was taken in: %+v", out)
		}
	}
	if n := f.count().records; n != 0 {
		t.Errorf("%d records were stored without origin", n)
	}
	id := f.ingest("orders", order).Records[0].ID
	f.untagged(t, id, true)
	// The planted negative: an origin that is one passes the same constraint.
	f.untagged(t, id, false)
}

// untagged tries to take the origin off a row behind the product's back; plant
// says whether what it writes is none.
func (f *fixture) untagged(t *testing.T, id string, plant bool) {
	t.Helper()
	value := 1
	if plant {
		value = 0
	}
	for i, write := range []func(tx *db.Tx) error{
		func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_record set provider = $2 where id = $1", vault.RowOf(id), value)
			return err
		},
		func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_record set how = $2 where id = $1", vault.RowOf(id), value)
			return err
		},
		func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_record set store = $2 where id = $1", vault.RowOf(id), value)
			return err
		},
		func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_record set fetched_at = $2 where id = $1", vault.RowOf(id), value)
			return err
		},
	} {
		err := f.db.Update(context.Background(), write)
		if plant != (err != nil) {
			t.Errorf("column %d set to %d: %v", i, value, err)
		}
	}
}

// TestObligation_2_8_2: the tag tells where every record came from, in every
// answer, and a changed tag does not open.
func TestObligation_2_8_2(t *testing.T) {
	f := open(t)
	for how, provider := range map[string]string{"sync": "ecartapi", "webhook": "ecartapi", "proxy": "ecartapi", "import": "application", "api": "application"} {
		in := f.in("orders", strings.ReplaceAll(order, "6120448100001", "90"+how))
		in.How, in.Platform, in.Endpoint = how, "woocommerce", "/v2/orders"
		_, err := f.Ingest(context.Background(), f.who, in)
		f.must(err)
		r := f.all(f.store)["90"+how]
		want := vault.Origin{Provider: provider, Store: f.store, Platform: "woocommerce", Version: "v2", Endpoint: "/v2/orders", How: how, Fetched: r.Origin.Fetched}
		if r.Origin != want || r.Origin.Fetched.IsZero() {
			t.Errorf("origin %+v, want %+v", r.Origin, want)
		}
	}
	// The planted negative: another tag on the same row.
	r := f.all(f.store)["90sync"]
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set provider = 2 where id = $1", vault.RowOf(r.ID))
		return err
	})
	_, err := f.reveal(r.ID)
	want(t, err, strongroom.Internal, "tampered")
}

// TestObligation_3_0_1: every store is tainted from creation, before any record,
// and nothing can take the taint off.
func TestObligation_3_0_1(t *testing.T) {
	f := open(t)
	s, err := f.Store(context.Background(), f.who, f.store)
	f.must(err)
	if !s.Tainted || s.Records != 0 {
		t.Errorf("an empty store: %+v", s)
	}
	untaint := func(v int) error {
		return f.db.Update(context.Background(), func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_store set tainted = $1", v)
			return err
		})
	}
	if untaint(0) == nil {
		t.Error("the taint can be taken off")
	}
	if err := untaint(1); err != nil { // the planted negative: the column itself can be written
		t.Error(err)
	}
}

// TestObligation_3_1_1: thirty days after delivery the record is refused at once,
// its key is destroyed by the sweep, and "overdue" says what is not yet gone.
func TestObligation_3_1_1(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", orderOf("7001", "c1",
		`"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-05T09:00:00Z","deliveredAt":"2026-11-05T09:00:00Z"`)).Records[0].ID
	until := date("2026-12-05T09:00:00Z")
	f.setClock(until.Add(-time.Minute)) // the clock runs on: room for a slow machine
	if _, err := f.reveal(id); err != nil {
		t.Errorf("before its date: %v", err) // the planted negative: the date decides, nothing else
	}
	f.setClock(until)
	_, err := f.reveal(id)
	want(t, err, strongroom.Erased, "expired")
	g, err := f.Gauges(context.Background())
	f.must(err)
	if g.Overdue == 0 {
		t.Error("a key past its date is not overdue")
	}
	if expired, cleared := f.sweep(); expired != 1 || cleared != 1 {
		t.Errorf("expired %d, cleared %d", expired, cleared)
	}
	if g, err = f.Gauges(context.Background()); err != nil || g.Overdue != 0 {
		t.Errorf("after the sweep %d are overdue (%v)", g.Overdue, err)
	}
	if c := f.count(); c.entries != 0 || c.references != 0 {
		t.Errorf("left behind: %+v", c)
	}
}

// openCases are cases that are open for a purpose and never end.
type openCases map[string]strongroom.Purpose

func (c openCases) CheckOpen(_ *db.Reader, _ time.Time, id string, p strongroom.Purpose, _ string) error {
	if c[id] != p {
		return strongroom.Faultf(strongroom.Denied, "case-purpose", "not open for this")
	}
	return nil
}

// TestObligation_3_1_2: the purposes are a closed list; two of them need an open
// case.
func TestObligation_3_1_2(t *testing.T) {
	id := strongroom.NewID("cas")
	f := openWith(t, setup{cases: openCases{id: strongroom.SubjectRequest}})
	record := f.ingest("orders", order).Records[0].ID
	ask := func(p strongroom.Purpose, reference string) error {
		_, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{Store: f.store, Record: record, Purpose: p, Reference: reference})
		return err
	}
	for _, p := range []strongroom.Purpose{strongroom.Fulfilment, strongroom.Tax, strongroom.Invoice} {
		f.must(ask(p, "1047"))
	}
	for _, p := range []strongroom.Purpose{"", "marketing", "analytics", "Fulfilment", "fulfilment "} {
		want(t, ask(p, "1047"), strongroom.Invalid, "purpose")
	}
	want(t, ask(strongroom.LegalDuty, "1047"), strongroom.Denied, "case")
	want(t, ask(strongroom.SubjectRequest, "cas_7"), strongroom.Denied, "case")
	want(t, ask(strongroom.LegalDuty, id), strongroom.Denied, "case-purpose")
	f.must(ask(strongroom.SubjectRequest, id)) // the planted negative: with its case it opens
	if none := open(t); true {
		record := none.ingest("orders", order).Records[0].ID
		_, err := none.Reveal(context.Background(), none.who, vault.RevealRequest{Store: none.store, Record: record, Purpose: strongroom.SubjectRequest, Reference: id})
		want(t, err, strongroom.Denied, "case")
	}
}

// TestObligation_3_1_3: a purpose that ends early shrinks the date: a cancelled
// and refunded order goes after a week, not after a month or two.
func TestObligation_3_1_3(t *testing.T) {
	f := open(t)
	const created = `"createdAt":"2026-11-01T09:00:00Z","updatedAt":"2026-11-18T09:00:00Z"`
	f.ingest("orders", orderOf("7001", "c1", created+`,"canceledAt":"2026-11-18T09:00:00Z"`))
	f.runs("7001", "cancelled", date("2026-11-18T09:00:00Z"), date("2026-11-25T09:00:00Z"))
	f.ingest("orders", orderOf("7002", "c2", created)) // the planted negative
	f.runs("7002", "created", date("2026-11-01T09:00:00Z"), date("2026-12-31T09:00:00Z"))
	id := f.all(f.store)["7001"].ID
	f.setClock(date("2026-11-25T09:00:00Z"))
	for _, p := range strongroom.Purposes()[:3] {
		_, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{Store: f.store, Record: id, Purpose: p, Reference: "1047"})
		want(t, err, strongroom.Erased, "expired")
	}
}

// TestObligation_3_1_5: nothing of a record is stored or answered unprotected.
func TestObligation_3_1_5(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", order)
	f.reveal(in.Records[0].ID)
	values := []string{"Etxegoniz", "etxegoniz", "Zarzaparrilla", "ETNI850317QX4", "0000 6192", "525500006192", "mamey"}
	pages := f.dump()
	for _, v := range append(values, "6120448100001", "1268.00", "7730188240151") {
		if pages.holds(v) {
			t.Errorf("the database holds %q", v)
		}
	}
	for _, v := range values {
		if strings.Contains(string(in.Body), v) {
			t.Errorf("the answer holds %q", v)
		}
	}
	body, err := f.reveal(in.Records[0].ID)
	f.must(err)
	for _, v := range []string{"Zarzaparrilla", "mamey"} { // the planted negative: the search finds what is there
		if !strings.Contains(body, v) {
			t.Errorf("the reveal does not hold %q", v)
		}
	}
}

// TestObligation_3_4_1: at rest every part is sealed with AES-256, and a canary in
// a raw page would be seen.
func TestObligation_3_4_1(t *testing.T) {
	f := open(t)
	const canary = "Kanarienvogel-7719"
	id := f.ingest("orders", strings.Replace(order, "Portón color mamey", canary, 1)).Records[0].ID
	if f.dump().holds(canary) {
		t.Error("a page holds the canary")
	}
	if body, err := f.reveal(id); err != nil || !strings.Contains(body, canary) {
		t.Errorf("the canary is not in the record: %v", err)
	}
	f.exec(func(tx *db.Tx) error { // the planted negative
		_, err := tx.Exec("update vault_record set facts = $2 where id = $1", vault.RowOf(id), []byte(canary))
		return err
	})
	if !f.dump().holds(canary) {
		t.Error("the search does not see a canary that is there")
	}
}

// TestObligation_2_3_3: every opening carries purpose and reference and is
// decided by need to know; without them, or from another store, it is refused.
func TestObligation_2_3_3(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", order)
	id := in.Records[0].ID
	app := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application}, Stores: []string{f.store}, Door: "http"}
	elsewhere := app
	elsewhere.Stores = []string{f.addStore("Another shop")}
	operator := app
	operator.Roles = []string{authz.Operator}
	ask := func(who strongroom.Actor, p strongroom.Purpose, reference string) error {
		_, err := f.Reveal(context.Background(), who, vault.RevealRequest{Store: f.store, Record: id, Purpose: p, Reference: reference})
		return err
	}
	f.must(ask(app, strongroom.Fulfilment, "1047")) // the planted negative: who needs to know may
	want(t, ask(app, strongroom.Fulfilment, ""), strongroom.Invalid, "reference")
	want(t, ask(app, "", "1047"), strongroom.Invalid, "purpose")
	want(t, ask(elsewhere, strongroom.Fulfilment, "1047"), strongroom.Denied, "denied")
	want(t, ask(operator, strongroom.Fulfilment, "1047"), strongroom.Denied, "denied")
	_, err := f.RevealTokens(context.Background(), elsewhere, vault.TokenRequest{
		Purpose: strongroom.Fulfilment, Reference: "1047", Tokens: []string{text(t, in.Body, "order", "note")},
	})
	want(t, err, strongroom.Denied, "denied")
	if list, _, err := f.Find(context.Background(), elsewhere, vault.FindQuery{Email: "inigo.etxegoniz@example.com"}); err != nil || len(list) != 0 {
		t.Errorf("another store's search: %d found, %v", len(list), err)
	}
	if list, _, err := f.Find(context.Background(), app, vault.FindQuery{Email: "inigo.etxegoniz@example.com"}); err != nil || len(list) != 1 {
		t.Errorf("the store's own search: %d found, %v", len(list), err)
	}
	opened := 0
	for _, e := range f.events("record.reveal") {
		if e.Outcome == audit.Success {
			opened++
			if e.Purpose == "" || e.Reference == "" {
				t.Errorf("an opening is recorded without purpose or reference: %+v", e)
			}
		}
	}
	if opened != 1 {
		t.Errorf("%d openings in the log", opened)
	}
}
