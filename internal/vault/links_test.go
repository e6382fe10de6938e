package vault_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/vault"
)

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// orderOf, parcelOf and customerOf are small bodies that name each other.
func orderOf(id, customer, dates string) string {
	return fmt.Sprintf(`{"order":{"id":%q,"number":%q,"email":"mara.zarco@example.com","customer":{"id":%q,"email":"mara.zarco@example.com"},"dates":{%s}}}`,
		id, id, customer, dates)
}

func parcelOf(id, shipped, shipment, updated string) string {
	if shipped != "null" {
		shipped = `"` + shipped + `"`
	}
	return fmt.Sprintf(`{"fulfillment":{"id":%q,"status":{"status":"success","shipment":%q},"phone":"+52 55 0000 6192","dates":{"createdAt":"2026-11-01T09:00:00Z","updatedAt":%q,"shippedAt":%s}}}`,
		id, shipment, updated, shipped)
}

func customerOf(id, email string) string {
	return fmt.Sprintf(`{"customer":{"id":%q,"email":%q,"firstName":"Mara","lastName":"Zarco","dates":{"createdAt":"2026-01-01T09:00:00Z","updatedAt":"2026-11-01T09:00:00Z"}}}`, id, email)
}

func (f *fixture) parcel(order, body string) *vault.Ingested {
	f.t.Helper()
	in := f.in("fulfillments", body)
	in.Order = order
	out, err := f.Ingest(context.Background(), f.who, in)
	f.must(err)
	return out
}

// clock fails unless a record runs from the anchor until the date.
func (f *fixture) runs(external, anchor string, at, until time.Time) {
	f.t.Helper()
	r, ok := f.all(f.store)[external]
	if !ok {
		f.t.Errorf("%s is not there", external)
		return
	}
	if r.Clock.Anchor != anchor || !r.Clock.At.Equal(at) || !r.ExpiresAt.Equal(until) {
		f.t.Errorf("%s runs from %s %v until %v, want %s %v until %v", external, r.Clock.Anchor, r.Clock.At, r.ExpiresAt, anchor, at, until)
	}
}

const day = 24 * time.Hour

// TestFulfilmentsMoveTheClock feeds an order and its parcels in every order; the
// dates must come out the same.
func TestFulfilmentsMoveTheClock(t *testing.T) {
	created := date("2026-10-30T07:42:18Z")
	order := func(f *fixture) { f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-10-30T07:42:18Z"`)) }
	first := func(f *fixture) {
		f.parcel("7001", parcelOf("p1", "2026-10-31T23:30:00Z", "delivered", "2026-11-07T11:15:20Z"))
	}
	second := func(f *fixture) {
		f.parcel("7001", parcelOf("p2", "2026-11-02T23:30:00Z", "in_transit", "2026-11-03T00:00:00Z"))
	}
	shipped := date("2026-11-02T23:30:00Z")
	for name, steps := range map[string][]func(*fixture){
		"order first":  {order, first, second},
		"order last":   {first, second, order},
		"order middle": {second, order, first},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			for _, step := range steps {
				step(f)
			}
			for _, id := range []string{"7001", "p1", "p2"} {
				f.runs(id, "shipped", shipped, shipped.Add(45*day))
			}
			// The second parcel arrives: now all are delivered, and the last one counts.
			f.parcel("7001", parcelOf("p2", "2026-11-02T23:30:00Z", "delivered", "2026-11-12T10:00:00Z"))
			done := date("2026-11-12T10:00:00Z")
			for _, id := range []string{"7001", "p1", "p2"} {
				f.runs(id, "delivered", done, done.Add(30*day))
			}
			// The dates are bound into the keys: all three still open.
			for _, r := range f.all(f.store) {
				if _, err := f.reveal(r.ID); err != nil {
					t.Errorf("%s does not open: %v", r.ExternalID, err)
				}
			}
		})
	}
	t.Run("alone", func(t *testing.T) {
		f := open(t)
		order(f)
		f.runs("7001", "created", created, created.Add(60*day))
		f.parcel("", parcelOf("p9", "null", "", "2026-11-03T00:00:00Z")) // of no order
		f.runs("7001", "created", created, created.Add(60*day))
		f.runs("p9", "created", date("2026-11-01T09:00:00Z"), date("2026-12-31T09:00:00Z"))
	})
}

// TestCustomersFollowTheirLastOrder: a customer lives as long as its last order,
// whichever came first.
func TestCustomersFollowTheirLastOrder(t *testing.T) {
	late := date("2026-11-15T09:00:00Z").Add(60 * day)
	early := func(f *fixture) {
		f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`))
	}
	last := func(f *fixture) {
		f.ingest("orders", orderOf("7002", "c1", `"createdAt":"2026-11-15T09:00:00Z"`))
	}
	customer := func(f *fixture) { f.ingest("customers", customerOf("c1", "mara.zarco@example.com")) }
	for name, steps := range map[string][]func(*fixture){
		"customer first":  {customer, early, last},
		"customer last":   {early, last, customer},
		"customer middle": {last, customer, early},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			for _, step := range steps {
				step(f)
			}
			f.runs("c1", "last_order", late, late)
			// The last order is delivered: order and customer die sooner.
			f.ingest("orders", orderOf("7002", "c1", `"createdAt":"2026-11-15T09:00:00Z","updatedAt":"2026-11-19T09:00:00Z","deliveredAt":"2026-11-19T09:00:00Z"`))
			f.runs("c1", "last_order", date("2026-12-31T09:00:00Z"), date("2026-12-31T09:00:00Z"))
		})
	}
	t.Run("without an order", func(t *testing.T) {
		f := open(t)
		customer(f)
		r := f.all(f.store)["c1"]
		if r.Clock.Anchor != "last_fetch" || !r.ExpiresAt.Equal(r.Clock.At.Add(60*day)) {
			t.Errorf("runs from %+v until %v", r.Clock, r.ExpiresAt)
		}
		f.pass(10 * day)
		customer(f) // fetched again
		if again := f.all(f.store)["c1"]; again.ExpiresAt.Sub(r.ExpiresAt) < 9*day {
			t.Errorf("a fetch moved the date by %v", again.ExpiresAt.Sub(r.ExpiresAt))
		}
	})
}

// TestOneCallHoldsAll: orders, parcels and customers that come in one call find
// each other like those that come one by one.
func TestOneCallHoldsAll(t *testing.T) {
	f := open(t)
	parcel := f.in("fulfillments", parcelOf("p1", "2026-11-02T23:30:00Z", "delivered", "2026-11-07T11:15:20Z"))
	parcel.Order = "7001"
	ins := []vault.In{
		f.in("customers", customerOf("c1", "mara.zarco@example.com")),
		f.in("orders", orderOf("7001", "c1", `"createdAt":"2026-10-30T07:42:18Z"`)),
		parcel,
		f.in("orders", orderOf("7001", "c1", `"createdAt":"2026-10-30T07:42:18Z"`)), // twice in one call
		f.in("orders", `{"order":`),
	}
	out, err := f.IngestMany(context.Background(), f.who, ins)
	f.must(err)
	want(t, out[4].Err, strongroom.Invalid, vault.FaultCode(out[4].Err))
	if out[3].Unchanged != 1 || out[3].Records[0] != out[1].Records[0] {
		t.Errorf("the same order twice in one call: %+v", out[3])
	}
	done := date("2026-11-07T11:15:20Z")
	f.runs("7001", "delivered", done, done.Add(30*day))
	f.runs("p1", "delivered", done, done.Add(30*day))
	f.runs("c1", "last_order", done.Add(30*day), done.Add(30*day))
	for _, r := range f.all(f.store) {
		if _, err := f.reveal(r.ID); err != nil {
			t.Errorf("%s does not open: %v", r.ExternalID, err)
		}
	}
	if n := len(f.events("record.ingest")); n != 1 {
		t.Errorf("%d events for one call", n)
	}
}

// TestStoresOfOneCallStandAlone: a store that refuses does not take back what
// another one took in.
func TestStoresOfOneCallStandAlone(t *testing.T) {
	f := open(t)
	gone := f.in("orders", orderOf("7002", "c1", `"createdAt":"2026-11-01T09:00:00Z"`))
	gone.Store = f.addStore("Another shop")
	_, err := f.Disconnect(context.Background(), f.who, gone.Store, false)
	f.must(err)
	ok := f.in("orders", orderOf("7001", "c1", `"createdAt":"2026-11-01T09:00:00Z"`))
	for _, ins := range [][]vault.In{{ok, gone}, {gone, ok}} {
		out, err := f.IngestMany(context.Background(), f.who, ins)
		f.must(err)
		for i, in := range ins {
			switch {
			case in.Store == gone.Store:
				want(t, out[i].Err, strongroom.Erased, "store")
			case out[i].Err != nil || len(out[i].Records) != 1:
				t.Errorf("the connected store: %+v", out[i])
			}
		}
	}
	_, err = f.IngestMany(context.Background(), f.who, []vault.In{gone})
	want(t, err, strongroom.Erased, "store")
}
