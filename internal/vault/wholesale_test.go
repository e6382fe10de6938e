package vault_test

import (
	"context"
	"fmt"
	"testing"

	"strongroom/internal/vault"
)

// A wholesaler has more orders than one link is followed to: the newest ones
// count, whether the customer comes before them or behind.
func TestCustomerOfManyOrders(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	const orders = 1003
	f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
	var ins []vault.In
	for n := range orders {
		created := fmt.Sprintf(`"createdAt":"2026-11-0%dT09:00:00Z"`, 1+n*9/orders)
		ins = append(ins, f.in("orders", orderOf(fmt.Sprint(7000+n), "c1", created)))
		if len(ins) == 300 || n == orders-1 {
			_, err := f.IngestMany(ctx, f.who, ins)
			f.must(err)
			ins = ins[:0]
		}
	}
	last := date("2026-11-09T09:00:00Z").Add(60 * day)
	check := func(when string) {
		t.Helper()
		r := f.find(vault.FindQuery{ExternalID: "c1"})
		if len(r) != 1 || r[0].Clock.Anchor != "last_order" || !r[0].ExpiresAt.Equal(last) {
			t.Errorf("%s: %+v, want until %v", when, r, last)
		}
	}
	check("before its orders")
	f.ingest("customers", customerOf("c1", "mara.z@example.com"))
	check("behind its orders")
}
