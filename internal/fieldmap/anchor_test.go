package fieldmap_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/fieldmap"
)

func TestDates(t *testing.T) {
	m := orders(t)
	for in, want := range map[string]string{
		`"2026-10-14T17:42:09-07:00"`:       "2026-10-15T00:42:09Z",
		`"2026-10-30T07:42:18.204Z"`:        "2026-10-30T07:42:18.204Z",
		`"2026-10-30T07:42:18.123456789Z"`:  "2026-10-30T07:42:18.123456Z",
		`"2026-11-05 06:30:11 +0000"`:       "2026-11-05T06:30:11Z",
		`"2026-11-05 06:30:11 -0330"`:       "2026-11-05T10:00:11Z",
		`"2026-10-09 11:20:00"`:             "2026-10-09T11:20:00Z",
		`"2026-10-09T11:20"`:                "2026-10-09T11:20:00Z",
		`"2026-10-09"`:                      "2026-10-09T00:00:00Z",
		`"2028-02-29T00:00:00Z"`:            "2028-02-29T00:00:00Z",
		`"1795026120"`:                      "2026-11-18T18:22:00Z",
		`1795026120`:                        "2026-11-18T18:22:00Z",
		`"1795026120500"`:                   "2026-11-18T18:22:00.5Z",
		`"Wed, 04 Nov 2026 06:12:55 +0000"`: "2026-11-04T06:12:55Z",
		`"Wed, 4 Nov 2026 06:12:55 GMT"`:    "2026-11-04T06:12:55Z",
		`"\u0032026-10-09"`:                 "2026-10-09T00:00:00Z",
		`"2026-02-29T00:00:00Z"`:            "",
		`"2026-13-01"`:                      "",
		`"2026-10-14T25:00:00Z"`:            "",
		`"2026-10-14T17:42:09+7"`:           "",
		`"2026-10-14T17:42:09Zulu"`:         "",
		`"Wed, 04 Nov 2026 06:12:55 CEST"`:  "",
		`"14/10/2026"`:                      "",
		`"yesterday"`:                       "",
		`"0000-00-00 00:00:00"`:             "",
		`"1895-01-01"`:                      "",
		`12`:                                "",
		`1.5e9`:                             "",
	} {
		o, out := one(t, m, `{"order":{"id":"1","dates":{"deliveredAt":`+in+`}}}`)
		got := ""
		if !o.Anchors.Delivered.IsZero() {
			got = o.Anchors.Delivered.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s reads as %q, want %q", in, got, want)
		}
		if unread := want == ""; (o.Anchors.Unreadable == 1) != unread || strings.Contains(out, in) == unread {
			t.Errorf("%s: %d unreadable, shown as %s", in, o.Anchors.Unreadable, out)
		}
	}
	o, _ := one(t, m, `{"order":{"id":"1","dates":{"deliveredAt":null,"createdAt":""}}}`)
	if o.Anchors != (fieldmap.Anchors{}) {
		t.Errorf("nothing stated, yet %+v", o.Anchors)
	}
}

func TestDeliveryOfAllPackages(t *testing.T) {
	m := orders(t)
	parcel := func(status, at string) string {
		return `{"status":"` + status + `","dates":{"deliveredAt":"` + at + `"}}`
	}
	for _, c := range []struct{ name, members, want string }{
		{"the last parcel counts", `"packages":[` + parcel("delivered", "2026-10-29") + `,` + parcel("delivered", "2026-11-04") + `,` + parcel("delivered", "2026-10-30") + `]`, "2026-11-04"},
		{"one is on its way", `"packages":[` + parcel("delivered", "2026-10-29") + `,` + parcel("in_transit", "") + `]`, ""},
		{"one is delivered, nobody says when", `"packages":[` + parcel("delivered", "2026-10-29") + `,` + parcel("delivered", "") + `]`, ""},
		{"no parcels", `"packages":[]`, ""},
		{"the order says so", `"dates":{"deliveredAt":"2026-10-20"},"packages":[` + parcel("delivered", "") + `]`, "2026-10-20"},
		{"a later parcel", `"dates":{"deliveredAt":"2026-10-20"},"packages":[` + parcel("delivered", "2026-10-22") + `]`, "2026-10-22"},
	} {
		o, _ := one(t, m, `{"order":{"id":"1",`+c.members+`}}`)
		at, ok := o.Anchors.DeliveredAt()
		got := ""
		if ok {
			got = at.Format(time.DateOnly)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnchorsOfOtherKinds(t *testing.T) {
	set := load(t)
	f, _ := one(t, find(t, set, "fulfillments", "v3", "wix"),
		`{"fulfillment":{"id":"1","orderId":"o1","status":{"shipment":"Delivered"},"dates":{"updatedAt":"2026-11-07T11:15:20Z","shippedAt":"2026-11-01"}}}`)
	if at, ok := f.Anchors.DeliveredAt(); !ok || at.Day() != 7 || f.OrderID != "o1" {
		t.Errorf("fulfilment delivered %v %v of %q", at, ok, f.OrderID)
	}
	o, _ := one(t, find(t, set, "orders", "v2", "wix"), `{"order":{"id":"1","status":{"financial":"refunded"},
		"refunds":[{"id":"r2","createdAt":"2026-11-03"},{"id":"r1","createdAt":"2026-11-02"}],
		"items":[{"id":"1","requiresShipping":"false"},{"id":"2","requiresShipping":false}]}}`)
	if a := o.Anchors; !a.FullyRefunded || a.Refunded.Day() != 3 || !a.Digital {
		t.Errorf("refunded, digital: %+v", a)
	}
	o, _ = one(t, find(t, set, "orders", "v1", "woocommerce"), `{"id":1,"status":"cancelled","date_modified":"2026-11-03T08:00:00"}`)
	if o.Anchors.Cancelled.Day() != 3 {
		t.Errorf("cancelled: %+v", o.Anchors)
	}
	o, _ = one(t, find(t, set, "orders", "v1", "shopify"), `{"order":{"id":1,"name":"#1001","order_number":1001,"fulfillments":[
		{"id":5,"shipment_status":"delivered","created_at":"2026-11-01T08:00:00Z","updated_at":"2026-11-05T08:00:00Z"}]}}`)
	at, ok := o.Anchors.DeliveredAt()
	if sent, _ := o.Anchors.ShippedAt(); !ok || at.Day() != 5 || sent.Day() != 1 || len(o.Leaves) != 0 {
		t.Errorf("parcel: %+v, %d leaves", o.Anchors, len(o.Leaves))
	}
}

// Shops write 0 where a guest ordered. It is nobody's id: all guests of a shop
// would be one shopper.
func TestGuestsAreNobody(t *testing.T) {
	m := orders(t)
	for in, want := range map[string]string{`0`: "", `"0"`: "", `null`: "", `""`: "", `10`: "10", `"c1"`: "c1"} {
		o, _ := one(t, m, `{"order":{"id":"1","customer":{"id":`+in+`}}}`)
		if o.CustomerID != want {
			t.Errorf("customer %s reads as %q, want %q", in, o.CustomerID, want)
		}
	}
}
