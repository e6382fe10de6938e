package apptest_test

import (
	"bytes"
	"net/http"
	"testing"

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
