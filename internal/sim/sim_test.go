package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/sim"
)

// everyPlatform is one store of each dialect.
func everyPlatform() []sim.StoreSpec {
	stores := sim.DefaultStores()
	return append(stores,
		sim.StoreSpec{Name: "linio.example.com", Platform: "linio"},
		sim.StoreSpec{Name: "mate.example.com", Platform: "jumpseller"},
		sim.StoreSpec{Name: "raw.example.com", Platform: "shopify", Version: "v1"})
}

func get(t *testing.T, s *sim.Sim, st sim.StoreInfo, path string) (int, []byte) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Authorization", "Bearer "+st.Token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, body
}

type listing struct {
	Orders    []map[string]any
	Customers []map[string]any
	Page      struct{ Next *string }
}

// walk reads every page of a list and returns its records.
func walk(t *testing.T, s *sim.Sim, st sim.StoreInfo, path string) (out []map[string]any) {
	t.Helper()
	for path != "" {
		code, body := get(t, s, st, path)
		var l listing
		if err := json.Unmarshal(body, &l); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d %v: %.300s", path, code, err, body)
		}
		out = append(append(out, l.Orders...), l.Customers...)
		path = ""
		if l.Page.Next != nil {
			path = *l.Page.Next
		}
	}
	return out
}

func TestOrdersAreJSONWithTheirPII(t *testing.T) {
	for _, full := range []bool{false, true} {
		for _, quirks := range []sim.Quirks{{}, {MixedScalars: true, DateFormats: true, OddShapes: true}} {
			s := sim.New(sim.Options{Seed: 1, Stores: everyPlatform(), Orders: 60, Full: full, Quirks: quirks})
			for _, st := range s.Stores() {
				size := 0
				for n := range st.Orders {
					body := s.Body(st.Name, n)
					var v map[string]any
					if err := json.Unmarshal(body, &v); err != nil {
						t.Fatalf("%s order %d: %v\n%s", st.Platform, n, err, body)
					}
					size += len(body)
					truth := s.Order(st.Name, n)
					if fmt.Sprint(v["id"]) != truth.ID && fmt.Sprintf("%.0f", v["id"]) != truth.ID {
						t.Fatalf("%s order %d: id %v, want %s", st.Platform, n, v["id"], truth.ID)
					}
					pii := s.PII(st.Name, n)
					if len(pii) < 6 || !slices.Contains(pii, truth.First) {
						t.Fatalf("%s order %d: personal values %q", st.Platform, n, pii)
					}
				}
				if size /= st.Orders; !full && (size < 700 || size > 1900) {
					t.Errorf("%s: %d bytes an order", st.Platform, size)
				}
			}
		}
	}
}

// TestPIIIsComplete plants nothing: it takes every string of the orders that is
// not in a list of harmless places and expects it among the personal values.
func TestPIIIsComplete(t *testing.T) {
	s := sim.New(sim.Options{Seed: 2, Stores: everyPlatform(), Orders: 40})
	st := s.Stores()[0]
	for n := range 40 {
		var v struct {
			Customer        struct{ Email, FirstName, LastName, Phone string }
			ShippingAddress struct{ FirstName, LastName, Address1, Phone string }
			Note            string
		}
		if err := json.Unmarshal(s.Body(st.Name, n), &v); err != nil {
			t.Fatal(err)
		}
		pii := s.PII(st.Name, n)
		for _, p := range []string{v.Customer.Email, v.Customer.FirstName, v.Customer.Phone, v.ShippingAddress.LastName,
			v.ShippingAddress.Address1, v.ShippingAddress.Phone, v.Note} {
			if p != "" && !slices.Contains(pii, p) {
				t.Errorf("order %d: %q is not listed in %q", n, p, pii)
			}
		}
	}
}

func TestDeterministic(t *testing.T) {
	o := sim.Options{Seed: 7, Orders: 300}
	a, b := sim.New(o), sim.New(o)
	o.Seed = 8
	c := sim.New(o)
	for _, st := range a.Stores() {
		for _, n := range []int{299, 0, 5} {
			if !bytes.Equal(a.Body(st.Name, n), b.Body(st.Name, n)) {
				t.Errorf("%s order %d differs for the same seed", st.Name, n)
			}
		}
		if bytes.Equal(a.Body(st.Name, 5), c.Body(st.Name, 5)) {
			t.Errorf("%s: another seed gives the same order", st.Name)
		}
	}
	if !slices.Equal(a.Stores(), b.Stores()) {
		t.Error("tokens differ for the same seed")
	}
}

func TestPaging(t *testing.T) {
	s := sim.New(sim.Options{Seed: 3, Orders: 137, Stores: everyPlatform()})
	for _, st := range s.Stores() {
		got := walk(t, s, st, "/api/"+st.Version+"/orders?limit=20")
		seen := map[string]bool{}
		for _, o := range got {
			seen[fmt.Sprint(o["id"])] = true
		}
		if len(got) != 137 || len(seen) != 137 {
			t.Errorf("%s: %d records, %d different, want 137", st.Platform, len(got), len(seen))
		}
		if n := len(walk(t, s, st, "/api/v2/customers?limit=7")); n != 46 {
			t.Errorf("%s: %d customers, want 46", st.Platform, n)
		}
	}
	st := s.Stores()[0]
	_, second := get(t, s, st, "/api/v2/orders?limit=20&page=2")
	var l listing
	if err := json.Unmarshal(second, &l); err != nil || l.Orders[0]["id"] != s.Order(st.Name, 137-21).ID {
		t.Errorf("page 2 asked for by number starts with %v: %v", l.Orders[0]["id"], err)
	}
}

func TestWindows(t *testing.T) {
	s := sim.New(sim.Options{Seed: 4, Orders: 500, Dead: 0.5})
	st := s.Stores()[0]
	from, to := s.Now().Add(-12*24*time.Hour), s.Now()
	window := func(field string) string {
		return fmt.Sprintf("%[1]s%%5Bfrom%%5D=%[2]s&%[1]s%%5Bto%%5D=%[3]s", field, from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	for field, of := range map[string]func(sim.Truth) time.Time{
		"createdAt": func(o sim.Truth) time.Time { return o.Created },
		"updatedAt": func(o sim.Truth) time.Time { return o.Updated },
	} {
		want := 0
		for n := range 500 {
			if at := of(s.Order(st.Name, n)); !at.Before(from) && !at.After(to) {
				want++
			}
		}
		got := walk(t, s, st, "/api/v2/orders?limit=30&"+window(field))
		if len(got) != want || want == 0 || want == 500 {
			t.Errorf("%s: %d orders, want %d", field, len(got), want)
		}
		_, body := get(t, s, st, "/api/v2/orders/count?"+window(field))
		if !strings.Contains(string(body), fmt.Sprintf(`"count":"%d"`, want)) {
			t.Errorf("%s: count %s, want %d", field, body, want)
		}
	}
	if code, _ := get(t, s, st, "/api/v2/orders?createdAt[from]=2026-01-01"); code != http.StatusBadRequest {
		t.Errorf("a window with one end answers %d", code)
	}
	// An old order that is changed today is in today's window.
	s.Update(st.Name, 3, s.Now())
	from = s.Now().Add(-time.Minute)
	got := walk(t, s, st, "/api/v2/orders?"+window("updatedAt"))
	if !slices.ContainsFunc(got, func(o map[string]any) bool { return o["id"] == s.Order(st.Name, 3).ID }) {
		t.Errorf("the changed order is not among %d", len(got))
	}
}

func TestSingles(t *testing.T) {
	s := sim.New(sim.Options{Seed: 5, Orders: 50, Stores: everyPlatform()})
	for _, st := range s.Stores() {
		o := s.Order(st.Name, 12)
		for path, want := range map[string]int{
			"/api/" + st.Version + "/orders/" + o.ID:   200,
			"/api/v2/orders/" + o.ID + "/fulfillments": 200,
			"/api/v2/customers/" + o.CustomerID:        200,
			"/api/v2/store":                            200,
			"/api/v2/ecommerces":                       200,
			"/api/v2/orders/nothing":                   404,
			"/api/v2/customers/1":                      404,
			"/api/v9/store":                            404,
		} {
			code, body := get(t, s, st, path)
			if code != want || !json.Valid(body) {
				t.Errorf("%s %s: %d, want %d: %.200s", st.Platform, path, code, want, body)
			}
		}
	}
	if code, _ := get(t, s, sim.StoreInfo{Token: "wrong"}, "/api/v2/store"); code != http.StatusUnauthorized {
		t.Errorf("a wrong token answers %d", code)
	}
}

func TestAges(t *testing.T) {
	s := sim.New(sim.Options{Seed: 6, Orders: 1000, Dead: 0.7})
	st := s.Stores()[0]
	states, dead := map[sim.State]int{}, 0
	for n := range 1000 {
		o := s.Order(st.Name, n)
		if o.Dead {
			dead++
			if s.Now().Sub(o.Updated) < 200*24*time.Hour {
				t.Errorf("order %d is old and was updated %v", n, o.Updated)
			}
			continue
		}
		states[o.State]++
		if o.Updated.After(s.Now()) || o.State == sim.Delivered && s.Now().Sub(o.Delivered) > 30*24*time.Hour {
			t.Errorf("order %d: %+v", n, o)
		}
	}
	for _, state := range []sim.State{sim.Delivered, sim.Transit, sim.Pending, sim.Cancelled, sim.Digital} {
		if states[state] == 0 {
			t.Errorf("no fresh order is %s: %v", state, states)
		}
	}
	if dead != 700 {
		t.Errorf("%d old orders, want 700", dead)
	}
}

func TestQuirksStrike(t *testing.T) {
	q := sim.AllQuirks()
	s := sim.New(sim.Options{Seed: 9, Orders: 400, Quirks: q})
	st := s.Stores()[0]
	codes, broken := map[int]int{}, 0
	for range 400 {
		code, body := get(t, s, st, "/api/v2/orders?limit=2")
		codes[code]++
		if code == 200 && !json.Valid(body) {
			broken++
		}
	}
	if codes[429] == 0 || codes[500]+codes[502]+codes[503] == 0 || broken == 0 || codes[200] < 300 {
		t.Errorf("answers %v, broken %d", codes, broken)
	}
	d := sim.New(sim.Options{Seed: 9, Orders: 400, Quirks: sim.Quirks{Duplicates: 0.5}})
	if n := len(walk(t, d, d.Stores()[0], "/api/v2/orders?limit=10")); n <= 400 {
		t.Errorf("%d records: no duplicates", n)
	}
}

func TestWebhooks(t *testing.T) {
	s := sim.New(sim.Options{Seed: 10, Orders: 20})
	st := s.Stores()[0]
	got := make(chan string, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Authorization") + " " + string(b)
	}))
	defer hook.Close()
	req := httptest.NewRequest("POST", "/api/v2/webhooks", strings.NewReader(`{"webhook":{"resource":"orders","action":"create","url":"`+hook.URL+`","auth":"shared"}}`))
	req.Header.Set("Authorization", st.Token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	if w.Code != 200 || !json.Valid(w.Body.Bytes()) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, form := range []sim.Form{sim.Root, sim.Wrapped, sim.IDOnly} {
		if n, err := s.Deliver(context.Background(), hook.Client(), st.Name, 3, form); err != nil || n != 1 {
			t.Fatalf("delivered %d: %v", n, err)
		}
		body := <-got
		if !strings.HasPrefix(body, "shared {") || !strings.Contains(body, s.Order(st.Name, 3).ID) {
			t.Errorf("delivery %s", body)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	s := sim.New(sim.Options{Seed: 1, Orders: 1_000_000})
	st, h := s.Stores()[0], s.Handler()
	path, n := "/api/v2/orders?limit=250", 0
	for b.Loop() {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		req.Header.Set("Authorization", st.Token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		n += w.Body.Len()
	}
	b.SetBytes(int64(n / b.N))
	b.ReportMetric(250*float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}
