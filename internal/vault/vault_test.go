package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/vault"
)

// order is a small order in the newest shape. Its dates are close to asOf.
const order = `{"success":true,"order":{"id":"6120448100001","number":"1047","name":"#1047",` +
	`"email":"Inigo.Etxegoniz+shop@example.com",` +
	`"customer":{"id":"7730188240151","email":"inigo.etxegoniz@example.com","firstName":"Íñigo","lastName":"Etxegoñiz","phone":"+52 55 0000 6192"},` +
	`"shippingAddress":{"firstName":"Íñigo","lastName":"Etxegoñiz","address1":"Calle Zarzaparrilla 1184","postalCode":"06700-1234","phone":"+52 55 0000 6192","dni":"ETNI850317QX4"},` +
	`"totals":{"total":"1268.00"},"note":"Portón color mamey",` +
	`"dates":{"createdAt":"2026-11-10T09:00:00Z","updatedAt":"2026-11-10T10:00:00Z"}}}`

func TestEndToEnd(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	in := f.ingest("orders", order)
	if in.Stored != 1 || len(in.Records) != 1 {
		t.Fatalf("stored %d, records %v", in.Stored, in.Records)
	}
	answer := string(in.Body)
	for _, pii := range []string{"example.com", "Etxego", "6192", "Zarzaparrilla", "ETNI85", "mamey"} {
		if strings.Contains(answer, pii) {
			t.Errorf("the answer holds %q:\n%s", pii, answer)
		}
	}
	id := in.Records[0].ID
	body, err := f.reveal(id)
	f.must(err)
	if want := order[len(`{"success":true,"order":`) : len(order)-1]; body != want {
		t.Errorf("revealed\n%s\nwant\n%s", body, want)
	}
	email := text(t, in.Body, "order", "email")
	if v := f.tokens(email); string(v[0].Value) != `"Inigo.Etxegoniz+shop@example.com"` {
		t.Errorf("token opens %s (%s)", v[0].Value, v[0].Error)
	}
	for name, q := range map[string]vault.FindQuery{
		"email":       {Email: "INIGO.etxegoniz@Example.com"},
		"plus tag":    {Email: "inigo.etxegoniz+other@example.com", Store: f.store},
		"phone":       {Phone: "+525500006192"},
		"local phone": {Phone: "(55) 0000-6192"},
		"name":        {Name: "etxegoniz inigo"},
		"postal":      {PostalCode: "067001234"},
		"national":    {NationalID: "etni-850317-qx4"},
		"external":    {ExternalID: "6120448100001"},
	} {
		list := f.find(q)
		if len(list) != 1 || list[0].ID != id || list[0].ExternalID != "6120448100001" {
			t.Errorf("%s: found %+v", name, list)
		}
	}
	if list := f.find(vault.FindQuery{Email: "somebody.else@example.com"}); len(list) != 0 {
		t.Errorf("found %+v", list)
	}
	list, next, err := f.Records(ctx, f.who, vault.ListQuery{Store: f.store})
	f.must(err)
	if len(list) != 1 || next != "" || list[0].Clock.Anchor != "created" || list[0].Origin.How != "sync" {
		t.Errorf("listed %+v", list)
	}
	if want := time.Date(2027, 1, 9, 9, 0, 0, 0, time.UTC); !list[0].ExpiresAt.Equal(want) {
		t.Errorf("expires %v, want %v", list[0].ExpiresAt, want)
	}
	one, err := f.Record(ctx, f.who, f.store, id)
	f.must(err)
	if wanted := answer[len(`{"success":true,"order":`) : len(answer)-1]; string(one.Body) != wanted {
		t.Errorf("read\n%s\nwant\n%s", one.Body, wanted)
	}
	if again := f.ingest("orders", order); again.Unchanged != 1 || again.Stored != 0 || string(again.Body) != answer {
		t.Errorf("the same body again: stored %d, unchanged %d, same answer %v", again.Stored, again.Unchanged, string(again.Body) == answer)
	}
	gone, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{id}, Reference: "case/7"})
	f.must(err)
	if gone.Count != 1 {
		t.Errorf("erased %d", gone.Count)
	}
	_, err = f.reveal(id)
	want(t, err, strongroom.Erased, "erased")
	if v := f.tokens(email); v[0].Value != nil || v[0].Error != "erased" {
		t.Errorf("token opens %s (%s)", v[0].Value, v[0].Error)
	}
	if list := f.find(vault.FindQuery{Email: "inigo.etxegoniz@example.com"}); len(list) != 0 {
		t.Errorf("found %+v", list)
	}
	if again := f.ingest("orders", order); again.Dead != 1 || again.Stored != 0 {
		t.Errorf("a sync brought it back: %+v", again)
	}
	if _, cleared := f.sweep(); cleared != 1 {
		t.Errorf("cleared %d", cleared)
	}
	if again := f.ingest("orders", order); again.Dead != 1 {
		t.Errorf("a sync brought it back after the sweep: %+v", again)
	}
	_, err = f.reveal(id)
	want(t, err, strongroom.Erased, "erased")
}
