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

// person makes an order that states all of a shopper.
func person(id, customer, email, phone string) string {
	return fmt.Sprintf(`{"order":{"id":%q,"number":%q,"email":%q,"customer":{"id":%q,"email":%q,"phone":%q},"dates":{"createdAt":"2026-11-01T09:00:00Z"}}}`,
		id, id, email, customer, email, phone)
}

func (f *fixture) eraseShopper(q vault.ShopperErasure) vault.Erased {
	f.t.Helper()
	q.Store, q.Reason = f.store, "notice"
	out, receipt, err := f.EraseShopper(context.Background(), strongroom.System("erasure"), q)
	f.must(err)
	if _, ok := receipt.Index(); !ok {
		f.t.Error("the erasure has no event")
	}
	return out
}

// TestObligation_2_7_1_ShopperDiesWhole: what is a shopper's dies, whatever it is and by
// whatever it is known, and nobody else's does.
func TestObligation_2_7_1_ShopperDiesWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openWith(t, setup{engine: engine})
		ids := map[string]string{}
		add := func(name, resource, body string) { ids[name] = f.ingest(resource, body).Records[0].ID }
		add("own", "orders", person("1", "c1", "Mara+shop@example.com", "+52 55 0000 6192"))
		add("same id", "orders", person("2", "c1", "other@example.com", "+52 55 0000 0001"))
		add("same address", "orders", person("3", "c9", "mara@example.com", "+52 55 0000 0002"))
		add("customer", "customers", customerOf("c1", "mara@example.com"))
		ids["parcel"] = f.parcel("3", parcelOf("p3", "null", "in_transit", "2026-11-02T09:00:00Z")).Records[0].ID
		add("same number", "orders", person("4", "c4", "jon@example.com", "+52 55 0000 6192"))
		add("guest", "orders", person("5", "0", "guest@example.com", "+52 55 0000 0003"))
		add("named", "orders", person("6", "c6", "six@example.com", "+52 55 0000 0004"))
		ids["its parcel"] = f.parcel("6", parcelOf("p6", "null", "in_transit", "2026-11-02T09:00:00Z")).Records[0].ID
		add("other", "customers", customerOf("c4", "jon@example.com"))
		alive := []string{"same number", "guest", "other"}

		out := f.eraseShopper(vault.ShopperErasure{
			Orders:   []string{"6", "77"},
			Shoppers: []vault.Shopper{{ID: "c1", Email: "mara@example.com", Phone: "+52 55 0000 6192"}, {ID: "0"}}, Most: 100,
		})
		if out.Count != 7 || len(out.Failed) > 0 {
			t.Errorf("erased %+v", out)
		}
		for name, id := range ids {
			_, err := f.reveal(id)
			if slices.Contains(alive, name) {
				if err != nil {
					t.Errorf("%s died: %v", name, err)
				}
				continue
			}
			want(t, err, strongroom.Erased, "erased")
		}
		// Nothing of it comes back, not even what was named before it ever came.
		for resource, bodies := range map[string][]string{
			"orders":    {person("1", "c1", "mara@example.com", ""), person("77", "c7", "seven@example.com", "+52 55 0000 0005")},
			"customers": {customerOf("c1", "mara@example.com"), customerOf("c88", "mara+x@example.com")},
		} {
			for _, body := range bodies {
				if out := f.ingest(resource, body); out.Dead != 1 {
					t.Errorf("it came back: %+v of %s", out, body)
				}
			}
		}
		if out := f.eraseShopper(vault.ShopperErasure{Orders: []string{"6", "77"}, Shoppers: []vault.Shopper{{ID: "c1", Email: "mara@example.com"}}}); out.Count != 0 {
			t.Errorf("a repetition erased %+v", out)
		}
		f.sweep()
		if out := f.ingest("orders", person("77", "c7", "seven@example.com", "")); out.Dead != 1 {
			t.Errorf("it came back after the sweep: %+v", out)
		}
		// By the number alone where nothing better is known, with its country.
		if out := f.eraseShopper(vault.ShopperErasure{Shoppers: []vault.Shopper{{Phone: "55 0000 6192"}}}); out.Count != 0 {
			t.Errorf("a number without country erased %+v", out)
		}
		if out := f.eraseShopper(vault.ShopperErasure{Shoppers: []vault.Shopper{{Phone: "+525500006192"}}}); out.Count != 1 {
			t.Errorf("the number erased %+v", out)
		}
	})
}

// TestBroadErasure: what leads to more records than a person has erases none, and in
// steps all of them once somebody has looked.
func TestBroadErasure(t *testing.T) {
	f := open(t)
	var in []vault.In
	const many = 612
	for i := range many {
		in = append(in, f.in("orders", person(fmt.Sprint(i), fmt.Sprint("c", i), "noreply@example.com", "")))
	}
	for part := range slices.Chunk(in, 200) {
		_, err := f.IngestMany(context.Background(), f.who, part)
		f.must(err)
	}
	q := vault.ShopperErasure{Store: f.store, Shoppers: []vault.Shopper{{Email: "noreply@example.com"}}, Most: 200}
	_, _, err := f.EraseShopper(context.Background(), f.who, q)
	want(t, err, strongroom.Conflict, "broad")
	if n := len(f.events("key.destroy")); n != 0 {
		t.Errorf("%d destructions", n)
	}
	q.Most = 0
	out, _, err := f.EraseShopper(context.Background(), f.who, q)
	if err != nil || out.Count != many {
		t.Errorf("%+v, %v", out, err)
	}
	_, _, err = f.EraseShopper(context.Background(), f.who, vault.ShopperErasure{Store: f.store})
	want(t, err, strongroom.Invalid, "shoppers")
	_, _, err = f.EraseShopper(context.Background(), f.who, vault.ShopperErasure{Store: "str_x", Orders: []string{"1"}})
	want(t, err, strongroom.NotFound, "store")
	f.who.Roles = []string{"application"}
	_, _, err = f.EraseShopper(context.Background(), f.who, q)
	if !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application erases: %v", err)
	}
}
