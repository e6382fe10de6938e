package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/webhook"
)

func TestShapes(t *testing.T) {
	rich := `"items":[],"customer":{},"totals":{}`
	for body, want := range map[string]string{
		`{"id":"17",` + rich + `}`:                                              "orders create 17 whole",
		`{"id":17,` + rich + `}`:                                                "orders create 17 whole",
		`{"order":{"id":"17",` + rich + `}}`:                                    "orders create 17 whole",
		`{"orders":[{"id":"17",` + rich + `}]}`:                                 "orders create 17 whole",
		`{"action":"UPDATE","order":{"id":"17",` + rich + `}}`:                  "orders update 17 whole",
		`{"order":{"id":"17","status":{"id":"1"}}}`:                             "orders create 17",
		`{"order":"17"}`:                                                        "orders create 17",
		`{"orderId":17}`:                                                        "orders create 17",
		`{"event":"orders/delete","id":"17"}`:                                   "orders delete 17",
		`{"topic":"customers/update","id":"9"}`:                                 "customers update 9",
		`{"resource":"customer","customer":{"id":9,"firstName":"","email":""}}`: "customers create 9 whole",
		`{"resource":"fulfillments","action":"create","id":"5"}`:                "fulfillments create 5",
		`{"resource":"app","action":"uninstalled"}`:                             " uninstalled  left",
		`{"resource":"store","action":"update","id":"1"}`:                       " update ",
		`{"resource":"products","id":"17"}`:                                     " create ",
		`{"id":"a b"}`:                                                          "orders create ",
		`{"id":"` + strings.Repeat("1", 65) + `"}`:                              "orders create ",
		`{"id":{"x":1}}`:                                                        "orders create ",
		`{"orders":[{"id":"1"},{"id":"2"}]}`:                                    "orders create ",
		`{}`:                                                                    "orders create ",
	} {
		res, act, id, whole, left, err := webhook.ShapeOf([]byte(body), "orders", "create")
		got := res + " " + act + " " + id
		if whole {
			got += " whole"
		}
		if left {
			got += " left"
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", body, got, err, want)
		}
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"order":{"id":"17","items":[]},"action":"create"}`))
	f.Add([]byte(`{"id":17}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		res, act, id, whole, _, err := webhook.ShapeOf(body, "orders", "create")
		if err != nil {
			return
		}
		if !json.Valid(body) || whole && (res == "" || id == "") || id != "" && strongroom.CheckName("id", id) != nil || len(act) > 40 {
			t.Errorf("%q is %q %q %q", body, res, act, id)
		}
	})
}

// TestObligation_2_8_1_OriginOfDeliveries: what came by a delivery says so.
func TestObligation_2_8_1_OriginOfDeliveries(t *testing.T) {
	h := open(t, nil)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 1, 0))); err != nil {
		t.Fatal(err)
	}
	h.idle()
	id := h.record(h.sim.Order(h.shop.Name, 1).ID)
	privacy := h.who
	privacy.Roles = []string{authz.Privacy}
	r, err := h.vault.Record(context.Background(), privacy, h.store, id)
	if err != nil || r.Origin.How != "webhook" {
		t.Errorf("the origin is %+v, %v", r.Origin, err)
	}
}

// TestObligation_3_1_1_LiveRatesAreForgotten: a request for rates reaches the
// application without the person, and leaves nothing behind.
func TestObligation_3_1_1_LiveRatesAreForgotten(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	const offer = `[{"carrier":"correo","service":"express","totalPrice":119.5,"currency":"MXN"}]`
	app.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, offer)
	}
	e := h.add(app, webhook.Rates)
	body, err := os.ReadFile("../../testdata/ecartapi/live_rate_request.json")
	if err != nil {
		t.Fatal(err)
	}
	key := e.Path.Reveal()[strings.LastIndex(e.Path.Reveal(), "/")+1:]
	ask := func(id, key string, body []byte) ([]byte, error) {
		return h.Rates(context.Background(), webhook.Quote{Endpoint: id, Key: key, Source: netip.MustParseAddr("198.51.100.7"),
			Body: func() ([]byte, error) { return body, nil }})
	}
	got, err := ask(e.ID, key, body)
	if err != nil || string(got) != offer {
		t.Fatalf("the answer is %s, %v", got, err)
	}
	m := app.messages()[0]
	if !verify(t, m, e.Secret.Reveal()) {
		t.Error("the signature does not hold")
	}
	for _, v := range manifest(t) {
		if strings.Contains(string(m.body), v) {
			t.Errorf("the application sees %q", v)
		}
	}
	for _, v := range []string{"NOP-MOLC-02", "MXN", `"quantity": 2`, `"weight": 3.4`, `"country": "MX"`, `"lengthUnit": "CM"`} {
		if !strings.Contains(string(m.body), v) {
			t.Errorf("the application misses %s: %s", v, m.body)
		}
	}
	if !json.Valid(m.body) {
		t.Errorf("the application gets no JSON: %s", m.body)
	}
	disk := strings.ToLower(string(h.ground.Disk(t, dump)))
	for _, v := range manifest(t) {
		if strings.Contains(disk, strings.ToLower(v)) {
			t.Errorf("%q was kept", v)
		}
	}
	if len(h.orders()) != 0 {
		t.Error("a request for rates made a record")
	}
	for name, c := range map[string]struct {
		id, key string
		body    []byte
		kind    strongroom.Kind
	}{
		"wrong key":   {e.ID, "srr_test_0", body, strongroom.Unauthenticated},
		"no key":      {e.ID, "", body, strongroom.Unauthenticated},
		"no endpoint": {strongroom.NewID("wep"), key, body, strongroom.Unauthenticated},
		"no JSON":     {e.ID, key, []byte("{"), strongroom.Invalid},
		"deep":        {e.ID, key, []byte(strings.Repeat("[", 5000)), strongroom.TooLarge},
	} {
		if _, err := ask(c.id, c.key, c.body); !strongroom.IsKind(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
	}
	// An answer that is no JSON is none.
	app.mu.Lock()
	app.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }
	app.mu.Unlock()
	if _, err := ask(e.ID, key, body); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("an answer in HTML: %v", err)
	}
	// Keys of endpoints for events ask for nothing.
	ev := h.add(app, webhook.Events)
	if _, err := ask(ev.ID, "", body); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("an endpoint for events answers rates: %v", err)
	}
}
