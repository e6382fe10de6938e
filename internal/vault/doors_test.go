package vault_test

import (
	"context"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// planted are personal values in shapes that a caller's strings can take.
func planted() []string {
	return []string{"brunhilde.groessmuellner@example.org", "206-555-0164", "4000002760003184", "DE89370400440532013000", "917-00-6134", "203.0.113.214"}
}

// TestNoSideDoors plants a personal value in every string a caller can choose.
// It is refused, or it leaves no trace: not in the error, the log, or the
// database.
func TestNoSideDoors(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	id := f.ingest("orders", order).Records[0].ID
	reveal := func(change func(q *vault.RevealRequest)) error {
		q := vault.RevealRequest{Store: f.store, Record: id, Purpose: strongroom.Fulfilment, Reference: "1047"}
		change(&q)
		_, err := f.Reveal(ctx, f.who, q)
		return err
	}
	ingest := func(change func(in *vault.In)) error {
		in := f.in("orders", order)
		change(&in)
		_, err := f.Ingest(ctx, f.who, in)
		return err
	}
	erase := func(change func(q *vault.EraseRequest)) error {
		q := vault.EraseRequest{Store: f.store, Records: []string{"rec_" + strings.Repeat("0", 26)}}
		change(&q)
		_, err := f.Erase(ctx, f.who, q)
		return err
	}
	doors := map[string]func(s string) error{
		"reveal reference": func(s string) error { return reveal(func(q *vault.RevealRequest) { q.Reference = s }) },
		"reveal purpose": func(s string) error {
			return reveal(func(q *vault.RevealRequest) { q.Purpose = strongroom.Purpose(s) })
		},
		"reveal store":    func(s string) error { return reveal(func(q *vault.RevealRequest) { q.Store = s }) },
		"reveal record":   func(s string) error { return reveal(func(q *vault.RevealRequest) { q.Record = s }) },
		"reveal field":    func(s string) error { return reveal(func(q *vault.RevealRequest) { q.Fields = []string{s} }) },
		"ingest store":    func(s string) error { return ingest(func(in *vault.In) { in.Store = s }) },
		"ingest resource": func(s string) error { return ingest(func(in *vault.In) { in.Resource = s }) },
		"ingest version":  func(s string) error { return ingest(func(in *vault.In) { in.Version = s }) },
		"ingest platform": func(s string) error { return ingest(func(in *vault.In) { in.Platform = s }) },
		"ingest order":    func(s string) error { return ingest(func(in *vault.In) { in.Order = s }) },
		"ingest how":      func(s string) error { return ingest(func(in *vault.In) { in.How = s }) },
		"ingest endpoint": func(s string) error { return ingest(func(in *vault.In) { in.Endpoint = s }) },
		"ingest query":    func(s string) error { return ingest(func(in *vault.In) { in.Endpoint = "/orders?email=" + s }) },
		"ingest body":     func(s string) error { return ingest(func(in *vault.In) { in.Body = []byte(s) }) },
		"erase reason":    func(s string) error { return erase(func(q *vault.EraseRequest) { q.Reason = s }) },
		"erase reference": func(s string) error { return erase(func(q *vault.EraseRequest) { q.Reference = s }) },
		"erase record":    func(s string) error { return erase(func(q *vault.EraseRequest) { q.Records = []string{s} }) },
		"erase store":     func(s string) error { return erase(func(q *vault.EraseRequest) { q.Store = s }) },
		"lift kind":       func(s string) error { return f.LiftTombstone(ctx, f.who, f.store, s, "1", "case/1") },
		"lift value":      func(s string) error { return f.LiftTombstone(ctx, f.who, f.store, "email", s, "case/1") },
		"lift reason":     func(s string) error { return f.LiftTombstone(ctx, f.who, f.store, "order", "1", s) },
		"disconnect":      func(s string) error { _, err := f.Disconnect(ctx, f.who, s, false); return err },
		"classify store": func(s string) error {
			_, err := f.Classify(ctx, f.who, vault.Classification{Store: s, Field: "fld_x", As: "email"})
			return err
		},
		"classify field": func(s string) error {
			_, err := f.Classify(ctx, f.who, vault.Classification{Store: f.store, Field: s, As: "email"})
			return err
		},
		"classify as": func(s string) error {
			_, err := f.Classify(ctx, f.who, vault.Classification{Store: f.store, As: s})
			return err
		},
		"list store": func(s string) error { _, _, err := f.Records(ctx, f.who, vault.ListQuery{Store: s}); return err },
		"list kind": func(s string) error {
			_, _, err := f.Records(ctx, f.who, vault.ListQuery{Store: f.store, Kind: s})
			return err
		},
		"list cursor": func(s string) error {
			_, _, err := f.Records(ctx, f.who, vault.ListQuery{Store: f.store, Cursor: s})
			return err
		},
		"find cursor": func(s string) error {
			_, _, err := f.Find(ctx, f.who, vault.FindQuery{Email: "a@example.com", Cursor: s})
			return err
		},
		"find store": func(s string) error {
			_, _, err := f.Find(ctx, f.who, vault.FindQuery{Email: "a@example.com", Store: s})
			return err
		},
		"stores cursor": func(s string) error { _, _, err := f.Stores(ctx, f.who, s, 0); return err },
		"record":        func(s string) error { _, err := f.Record(ctx, f.who, f.store, s); return err },
		"fields store":  func(s string) error { _, _, err := f.Fields(ctx, f.who, vault.FieldQuery{Store: s}); return err },
		"store platform": func(s string) error {
			_, err := f.CreateStore(ctx, f.who, vault.StoreSpec{Name: "Shop", Platform: s})
			return err
		},
		"store name": func(s string) error { _, err := f.CreateStore(ctx, f.who, vault.StoreSpec{Name: s}); return err },
		"only token": func(s string) error {
			_, err := f.RevealTokens(ctx, f.who, vault.TokenRequest{Purpose: "tax", Reference: "1", Tokens: []string{s}})
			return err
		},
	}
	quiet := map[string]func(s string){
		"find email":    func(s string) { f.Find(ctx, f.who, vault.FindQuery{Email: s}) },
		"find phone":    func(s string) { f.Find(ctx, f.who, vault.FindQuery{Phone: s}) },
		"find external": func(s string) { f.Find(ctx, f.who, vault.FindQuery{ExternalID: s}) },
		"fields cursor": func(s string) { f.Fields(ctx, f.who, vault.FieldQuery{Store: f.store, Cursor: s}) },
		"external id":   func(s string) { f.ingest("orders", orderOf(s, s, `"createdAt":"2026-11-01T09:00:00Z"`)) },
		"unknown key":   func(s string) { f.ingest("orders", `{"order":{"id":"8001","`+s+`":"x","customFields":{"`+s+`":1}}}`) },
	}
	for _, s := range planted() {
		for name, door := range doors {
			err := door(s)
			if err == nil {
				t.Errorf("%s takes %q", name, s)
			} else if strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error repeats the value", name)
			}
		}
		for _, door := range quiet {
			door(s)
		}
	}
	pages := f.dump()
	for _, s := range planted() {
		if pages.holds(s) {
			t.Errorf("the database holds %q", s)
		}
	}
	// The planted negative: a door that is open lets a clean word in and does its
	// work, so the refusals above are about the values.
	f.must(reveal(func(q *vault.RevealRequest) { q.Reference = "case/2026-11" }))
	f.must(ingest(func(in *vault.In) { in.Endpoint, in.Order, in.Platform = "/v2/orders", "1047", "mystore-12" }))
}

// TestSchemas: both engines have the same tables and columns.
func TestSchemas(t *testing.T) { dbtest.Parity(t, vault.Schema()) }

// TestStatements prepares every statement of the package.
func TestStatements(t *testing.T) {
	f := open(t)
	all := dbtest.Statements(t, ".")
	n := 0
	for _, s := range all {
		if !strings.HasSuffix(s.File, "_test.go") {
			n++
		}
	}
	if n < 20 {
		t.Fatalf("only %d statements found", n)
	}
	dbtest.PrepareAll(t, f.db, all)
}
