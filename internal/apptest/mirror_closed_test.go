package apptest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/apptest"
)

// A store that is closed is refused before anything goes out, and that is an event.
func TestMirrorOfClosedStore(t *testing.T) {
	m := newMirrored(t)
	at := apptest.Request{Path: m.path(larkspur, "v2/orders/count")}
	m.Want(http.StatusOK, at, nil)
	m.Want(http.StatusOK, apptest.Request{Method: http.MethodPost, Path: "/v1/stores/" + m.stores[larkspur] + "/revoke"}, nil)
	m.platform.calls()
	for name, r := range map[string]apptest.Request{
		"a call":                     at,
		"one that changes something": {Method: http.MethodPost, Path: m.path(larkspur, "v2/orders"), Body: map[string]any{"order": map[string]any{}}},
	} {
		before := refusals(t, m.Instance)
		a := m.Call(r)
		if a.Status != http.StatusForbidden || !bytes.Contains(a.Body, []byte("store-closed")) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if n := refusals(t, m.Instance) - before; n != 1 {
			t.Errorf("%s: %d events", name, n)
		}
	}
	if calls := m.platform.calls(); len(calls) > 0 {
		t.Errorf("%s went out", calls[0].path)
	}
	// The others are open still.
	m.Want(http.StatusOK, apptest.Request{Path: m.path("wattle-post.example.com", "v3/orders/count")}, nil)
}

// TestObligation_3_2_7_ClosedStoreSendsNothing: from the call on that ends a grant, a
// route lets nothing of that store out. The time between the two is measured.
func TestObligation_3_2_7_ClosedStoreSendsNothing(t *testing.T) {
	m := newMirrored(t)
	var heard atomic.Int64
	carrier := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		heard.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"shp_1"}`)) // the answer is looked at below
	}))
	t.Cleanup(carrier.Close)
	spec := `{"name":"labels","upstream":"` + carrier.URL + `","purpose":"fulfilment","budget":{"calls":10,"tokens":100},"calls":[
		{"method":"POST","path":"/label","body":"json","places":[{"in":"json","at":"/to","classes":["email","name","phone","address","city"]}],"answer":{"as":"shape","shape":{"id":"code"}}}]}`
	var way struct{ ID string }
	m.Want(http.StatusCreated, apptest.Request{Path: "/v1/routes", Body: map[string]any{"route": json.RawMessage(spec)}}, &way)
	m.Want(http.StatusOK, apptest.Request{Method: http.MethodPost, Path: "/v1/routes/" + way.ID + "/approve", Key: m.otherKey(t)}, nil)
	send := func(shop string) apptest.Request {
		return apptest.Request{Path: "/route/labels/label", Header: http.Header{"Strongroom-Reference": {"LL-1"}}, Body: map[string]string{"to": m.tokenOf(t, shop)}}
	}
	mine, other := send(larkspur), send("jasmine-lamps.example.com")
	m.Want(http.StatusOK, mine, nil)
	m.Want(http.StatusOK, apptest.Request{Method: http.MethodPost, Path: "/v1/stores/" + m.stores[larkspur] + "/revoke"}, nil)
	closed, before := time.Now(), countEvents(t, m.Instance, "route.send", "")
	a := m.Call(mine)
	t.Logf("refused %v after the end of the grant", time.Since(closed))
	if a.Status != http.StatusForbidden || !bytes.Contains(a.Body, []byte("store-closed")) || heard.Load() != 1 {
		t.Errorf("%d %s, the carrier heard %d calls", a.Status, a.Body, heard.Load())
	}
	if n := countEvents(t, m.Instance, "route.send", "") - before; n != 1 {
		t.Errorf("%d events", n)
	}
	m.Want(http.StatusOK, other, nil) // the planted negative
}
