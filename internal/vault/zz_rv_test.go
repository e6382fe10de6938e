package vault_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/vault"
	"strongroom/internal/classify"
)

func TestZGuests(t *testing.T) {
	f := open(t)
	f.ingest("customers", customerOf("c9", "other@example.com"))
	start := time.Now()
	for n := range 1200 {
		f.ingest("orders", orderOf(fmt.Sprint(90000+n), "0", `"createdAt":"2026-10-30T07:42:18Z"`))
		if n%200 == 199 {
			t.Log(n, time.Since(start))
			start = time.Now()
		}
	}
}

func TestZRestart(t *testing.T) {
	f := open(t)
	body := `{"order":{"id":"1","number":"1","email":"mara.zarco@example.com","loyaltyMail":"mara@zarco.example","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`
	f.ingest("orders", body)
	list, _, err := f.Fields(context.Background(), f.who, f.store, "", 0)
	f.must(err)
	t.Log(list)
	for _, x := range list {
		_, err := f.Classify(context.Background(), f.who, vault.Classification{Store: f.store, Field: x.ID, As: "email"})
		f.must(err)
	}
	f.ReclassifyStep(context.Background(), f.who, f.store, "order", "", 10)
	rec := f.find(vault.FindQuery{ExternalID: "1"})[0].ID
	out, err := f.reveal(rec, "email")
	t.Log(out, err)
	out, err = f.reveal(rec, "loyaltyMail")
	t.Log(out, err)
	fresh := vault.New(f.opt)
	for _, q := range []string{"email", "loyaltyMail"} {
		r, err := fresh.Reveal(context.Background(), f.who, vault.RevealRequest{Store: f.store, Record: rec, Purpose: strongroom.Fulfilment, Reference: "x-1", Fields: []string{q}})
		t.Log("fresh", string(r.Body), err)
	}
	_, err = fresh.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{rec}})
	f.must(err)
	t.Log(f.count())
	// a customer known by the loyalty mail alone
	o, err := fresh.Ingest(context.Background(), f.who, f.in("customers", customerOf("c77", "mara@zarco.example")))
	t.Log(o.Stored, o.Dead, err)
	_ = fieldmap.Order
	_ = classify.Has
}
