package vault_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/vault"
)

// movedCustomer is a customer that is known to a call while the call moves its
// order: first by a parcel, then by what the last body says.
func movedCustomer(f *fixture, created, last string) []vault.In {
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"`+created+`"`))
	f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
	parcel := f.in("fulfillments", parcelOf("p1", "2026-11-18T09:00:00Z", "in_transit", "2026-11-19T00:00:00Z"))
	parcel.Order = "7001" // lives until 2027-01-02 from now on
	return []vault.In{f.in("customers", customerOf("c1", "mara.zarco@example.com")), parcel, f.in("orders", last)}
}

// TestCustomerFollowsWithinOneCall: what a call knows of a customer is what the
// call made of it. A customer neither dies before its last order nor outlives it.
func TestCustomerFollowsWithinOneCall(t *testing.T) {
	cancelled := func(created, at string) string {
		return orderOf("7001", "c1", fmt.Sprintf(`"createdAt":%q,"updatedAt":%q,"cancelledAt":%q,"canceledAt":%q`, created, at, at, at))
	}
	for name, c := range map[string]struct{ created, last string }{
		"dies before": {"2026-10-01T09:00:00Z", orderOf("7002", "c1", `"createdAt":"2026-11-10T09:00:00Z","deliveredAt":"2026-11-15T09:00:00Z"`)},
		"outlives":    {"2026-09-28T09:00:00Z", cancelled("2026-09-28T09:00:00Z", "2026-11-20T09:00:00Z")},
	} {
		for how, take := range map[string]func(f *fixture, ins []vault.In){
			"in one call": func(f *fixture, ins []vault.In) {
				_, err := f.IngestMany(context.Background(), f.who, ins)
				f.must(err)
			},
			"in one commit": func(f *fixture, ins []vault.In) {
				var calls []func() error
				for _, in := range ins {
					calls = append(calls, func() error { _, err := f.Ingest(context.Background(), f.who, in); return err })
				}
				for _, err := range f.together(calls...) {
					f.must(err)
				}
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				dbtest.Each(t, func(t *testing.T, engine db.Engine) {
					f := openWith(t, setup{engine: engine})
					take(f, movedCustomer(f, c.created, c.last))
					all := f.all(f.store)
					if c, o := all["c1"].ExpiresAt, all["7001"].ExpiresAt; !c.Equal(o) {
						t.Errorf("the customer lives until %v, its last order until %v", c, o)
					}
				})
			})
		}
	}
}

// drawBody draws one of a few orders, parcels and customers that lean on each
// other.
func drawBody(t *rapid.T, f *fixture) vault.In {
	at := func(name string, first, last int) string {
		d := rapid.IntRange(first, last).Draw(t, name)
		return asOf().Add(-time.Duration(d) * day).Truncate(day).Format(time.RFC3339)
	}
	order := fmt.Sprint(7000 + rapid.IntRange(1, 2).Draw(t, "order"))
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		dates := []string{`"createdAt":"` + at("created", 30, 100) + `"`}
		for _, name := range []string{"updatedAt", "deliveredAt", "cancelledAt", "shippedAt"} {
			if rapid.IntRange(0, 2).Draw(t, "has "+name) == 0 {
				dates = append(dates, fmt.Sprintf("%q:%q", name, at(name, 0, 50)))
			}
		}
		return f.in("orders", orderOf(order, "c1", strings.Join(dates, ",")))
	case 1:
		shipped := at("shipped", 0, 60)
		if rapid.Bool().Draw(t, "not shipped") {
			shipped = "null"
		}
		status := rapid.SampledFrom([]string{"pending", "in_transit", "delivered"}).Draw(t, "status")
		in := f.in("fulfillments", parcelOf(fmt.Sprint("p", order, rapid.IntRange(1, 2).Draw(t, "parcel")), shipped, status, at("updated", 0, 20)))
		in.Order = order
		return in
	}
	return f.in("customers", customerOf("c1", "mara.zarco@example.com"))
}

// TestJointIsApart: bodies come to the same dates in one call, in one commit and
// one by one, whatever lies there already.
func TestJointIsApart(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	one := func(in vault.In) func() error {
		return func() error { _, err := f.Ingest(ctx, f.who, in); return err }
	}
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	f.must(checks.Value.Set("40"))
	defer checks.Value.Set(was)
	rapid.Check(t, func(t *rapid.T) {
		before := append([]vault.In{
			f.in("orders", orderOf("7001", "c1", `"createdAt":"2026-10-01T09:00:00Z"`)),
			f.in("customers", customerOf("c1", "mara.zarco@example.com")),
		}, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) vault.In { return drawBody(t, f) }), 0, 3).Draw(t, "before")...)
		now := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) vault.In { return drawBody(t, f) }), 2, 6).Draw(t, "now")
		var shops [3]string
		for i := range shops {
			f.store = f.addStore("Model shop")
			shops[i] = f.store
			of := func(ins []vault.In) (out []vault.In) {
				for _, in := range ins {
					in.Store = f.store
					out = append(out, in)
				}
				return out
			}
			for _, in := range of(before) {
				f.must(one(in)())
			}
			var calls []func() error
			for _, in := range of(now) {
				calls = append(calls, one(in))
			}
			switch i {
			case 0:
				for _, call := range calls {
					f.must(call())
				}
			case 1:
				_, err := f.IngestMany(ctx, f.who, of(now))
				f.must(err)
			case 2:
				for _, err := range f.together(calls...) {
					f.must(err)
				}
			}
		}
		apart := f.all(shops[0])
		for i, how := range []string{"in one call", "in one commit"} {
			joint := f.all(shops[i+1])
			if len(joint) != len(apart) {
				t.Errorf("%s: %d records, apart %d", how, len(joint), len(apart))
			}
			for name, a := range apart {
				j := joint[name]
				// A date that counts from the fetch moves with the test's own time.
				if j.Clock.Anchor != a.Clock.Anchor || j.ExpiresAt.Sub(a.ExpiresAt).Abs() > time.Minute {
					t.Errorf("%s: %s runs from %s until %v, apart from %s until %v", how, name, j.Clock.Anchor, j.ExpiresAt, a.Clock.Anchor, a.ExpiresAt)
				}
			}
		}
	})
}
