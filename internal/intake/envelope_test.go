package intake_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"

	"strongroom/internal/intake"
	"strongroom/internal/sim"
)

func TestFixturesAreLists(t *testing.T) {
	for file, want := range map[string]struct {
		resource string
		objects  int
	}{
		"orders_list_shopify_v2.json":       {"orders", 5},
		"orders_list_magento2_v2_zip4.json": {"orders", 2},
		"customers_list_kometia_v2.json":    {"customers", 4},
		"fulfillments_list_shopify_v2.json": {"fulfillments", 3},
	} {
		body, err := os.ReadFile("../../testdata/ecartapi/" + file)
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := intake.ReadEnvelope(body, want.resource)
		if err != nil || len(items) != want.objects {
			t.Errorf("%s: %d objects, want %d: %v", file, len(items), want.objects, err)
		}
	}
}

// FuzzEnvelope holds the quick walk against encoding/json: what that takes for a
// list is one here, with the same objects.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{empty, `[{"id":1}]`, `{"orders":[{"a":"]}\\\""}],"page":{"next":"http://x/?page=2"}}`, `{"orders":[`, "{}", ` {"x":[[]],"orders":[1, "2",null]} `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, next, err := intake.ReadEnvelope(body, "orders")
		if len(next) > 4096 {
			t.Fatal("the next query is longer than allowed")
		}
		var list []json.RawMessage
		if json.Unmarshal(body, &list) == nil && list != nil && (err != nil || len(items) != len(list)) {
			t.Fatalf("a native list of %d gives %d: %v", len(list), len(items), err)
		}
		if err == nil && json.Valid(body) {
			for _, item := range items {
				if !json.Valid(item) {
					t.Fatalf("%q of %q is no value", item, body)
				}
			}
		}
	})
}

func BenchmarkSync(b *testing.B) {
	s := sim.New(sim.Options{Seed: 1, Orders: 20_000, Dead: 0.8, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(b, s.Now())
	i := h.intake(h.vault, srv.URL)
	n := int64(0)
	for b.Loop() {
		b.StopTimer()
		store := h.connect(i, s)[0]
		b.StartTimer()
		sum, err := i.Sync(context.Background(), h.who, intake.SyncRequest{Store: store, Resources: []string{"orders"}}, nil)
		if err != nil || sum.Stored != 4000 {
			b.Fatal(sum, err)
		}
		n += sum.Stored
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "orders/s")
}
