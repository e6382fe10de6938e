package intake_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/intake"
	"strongroom/internal/sim"
)

func TestFetchOne(t *testing.T) {
	s := sim.New(sim.Options{Seed: 21, Orders: 40, Dead: -1, Stores: sim.DefaultStores()[:3]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	who := strongroom.System("webhook")
	for k, store := range h.connect(i, s) {
		st := s.Stores()[k]
		id := s.Order(st.Name, 7).ID
		q := intake.One{Store: store, Resource: "orders", ID: id, How: "webhook"}
		got, err := i.FetchOne(context.Background(), who, q)
		if err != nil || got.Stored != 1 || !h.orders(store)[id] {
			t.Fatalf("%s: %+v, %v", st.Platform, got, err)
		}
		if got, err = i.FetchOne(context.Background(), who, q); err != nil || got.Unchanged != 1 {
			t.Errorf("%s: the same again: %+v, %v", st.Platform, got, err)
		}
		for _, p := range s.PII(st.Name, 7) {
			if len(p) > 3 && strings.Contains(string(got.Body), p) {
				t.Errorf("%s: the answer holds a value of the order", st.Platform)
			}
		}
	}
}

func TestFetchOneRefuses(t *testing.T) {
	s := sim.New(sim.Options{Seed: 21, Orders: 5, Dead: -1, Stores: sim.DefaultStores()[:1]})
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		s.Handler().ServeHTTP(w, r)
	}))
	defer srv.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, s)[0]
	for _, c := range []struct {
		q    intake.One
		kind strongroom.Kind
	}{
		{intake.One{Store: store, Resource: "orders", ID: "99999999"}, strongroom.NotFound},
		{intake.One{Store: store, Resource: "orders", ID: "../store"}, strongroom.Invalid},
		{intake.One{Store: store, Resource: "orders", ID: "a?b"}, strongroom.Invalid},
		{intake.One{Store: store, Resource: "orders", ID: ""}, strongroom.Invalid},
		{intake.One{Store: store, Resource: "store", ID: "1"}, strongroom.Invalid},
		{intake.One{Store: strongroom.NewID("str"), Resource: "orders", ID: "1"}, strongroom.Conflict},
	} {
		c.q.How = "webhook"
		if _, err := i.FetchOne(context.Background(), strongroom.System("webhook"), c.q); !strongroom.IsKind(err, c.kind) {
			t.Errorf("%q: %v, want %v", c.q.ID, err, c.kind)
		}
	}
	if len(asked) != 1 || !strings.HasSuffix(asked[0], "/orders/99999999") {
		t.Errorf("asked for %q", asked)
	}
}

func TestSubscribe(t *testing.T) {
	s := sim.New(sim.Options{Seed: 21, Orders: 5, Dead: -1, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	var auth []string
	hears := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		auth = append(auth, r.Header.Get("Authorization"))
	}))
	defer hears.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, s)[0]
	id, err := i.Subscribe(context.Background(), strongroom.System("webhook"), store, intake.Subscription{
		Resource: "orders", Action: "update", URL: hears.URL, Auth: intake.NewSecret("shared"),
	})
	if err != nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	n, err := s.Deliver(context.Background(), hears.Client(), s.Stores()[0].Name, 1, sim.Root)
	if err != nil || n == 0 || auth[0] != "shared" {
		t.Errorf("%d deliveries with %q, %v", n, auth, err)
	}
	if _, err := i.Subscribe(context.Background(), strongroom.System("webhook"), store, intake.Subscription{}); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("a subscription to nowhere: %v", err)
	}
}
