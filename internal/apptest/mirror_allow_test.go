package apptest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"strongroom/internal/apptest"
	"strongroom/internal/db"
)

// otherKey makes a key that may do everything and returns it: another hand than the
// instance's first one.
func (m *mirrored) otherKey(t testing.TB) string {
	t.Helper()
	var made struct {
		Key string `json:"api_key"`
	}
	m.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "second", "roles": []string{"test-everything"}, "all_stores": true}}, &made)
	return made.Key
}

// What the table does not know passes once one person proposed it with a map and
// another approved it, and no longer than until somebody ends it.
func TestObligation_2_3_2_MirrorWidenedByTwo(t *testing.T) {
	m := newMirrored(t)
	base := "/v1/stores/" + m.stores[larkspur] + "/mirror"
	m.platform.say(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/search") {
			fmt.Fprintf(w, `{"success":true,"orders":[%s]}`, m.world.Body(larkspur, 3))
			return
		}
		fmt.Fprint(w, `{"success":true,"data":[{"id":"t1","amount":"12.50","payer":"Anacleta Quilombola"}]}`)
	})
	call := apptest.Request{Path: m.path(larkspur, "v2/orders/17/transactions")}
	refused := func(when string) {
		t.Helper()
		if a := m.Call(call); a.Status != http.StatusForbidden || !bytes.Contains(a.Body, []byte(`"endpoint"`)) {
			t.Errorf("%s: %d %s", when, a.Status, a.Body)
		}
	}
	refused("before")
	spec := map[string]any{"method": "GET", "path": "/orders/{id}/transactions", "shape": []map[string]string{
		{"path": "success", "form": "bool"}, {"path": "data[].id", "form": "code"}, {"path": "data[].amount", "form": "number"}}}
	var made struct{ ID, State string }
	m.Want(http.StatusCreated, apptest.Request{Path: base, Body: spec}, &made)
	refused("proposed")
	if a := m.Call(apptest.Request{Method: "POST", Path: base + "/" + made.ID + "/approve"}); a.Status != http.StatusForbidden || !bytes.Contains(a.Body, []byte("own-proposal")) {
		t.Errorf("the author approves: %d %s", a.Status, a.Body)
	}
	refused("approved by its author")
	m.Want(http.StatusOK, apptest.Request{Method: "POST", Path: base + "/" + made.ID + "/approve", Key: m.otherKey(t)}, &made)
	if made.State != "in-force" {
		t.Errorf("the state is %s", made.State)
	}
	a := m.Want(http.StatusOK, call, nil)
	if got := string(a.Body); got != `{"success":true,"data":[{"id":"t1","amount":"12.50"}]}` || a.Header.Get("Strongroom-Withheld") != "1" {
		t.Errorf("the answer is %s, %s withheld", got, a.Header.Get("Strongroom-Withheld"))
	}
	m.Restart()
	m.Want(http.StatusOK, call, nil)
	m.Want(http.StatusOK, apptest.Request{Method: "DELETE", Path: base + "/" + made.ID}, nil)
	refused("ended")
	if a := m.Call(apptest.Request{Method: "POST", Path: base + "/" + made.ID + "/approve", Key: m.otherKey(t)}); a.Status != http.StatusConflict {
		t.Errorf("what is over is approved: %d %s", a.Status, a.Body)
	}
	// A call whose answer holds records is sealed like any other.
	m.Want(http.StatusCreated, apptest.Request{Path: base, Body: map[string]any{"method": "GET", "path": "/orders/all/search", "answer": "orders"}}, &made)
	m.Want(http.StatusOK, apptest.Request{Method: "POST", Path: base + "/" + made.ID + "/approve", Key: m.otherKey(t)}, nil)
	a = m.Want(http.StatusOK, apptest.Request{Path: m.path(larkspur, "v2/orders/all/search")}, nil)
	if hits := apptest.NewScanner(m.world.PII(larkspur, 3)).Scan(apptest.Part{Name: "search", Bytes: a.Body}); len(hits) > 0 || !bytes.Contains(a.Body, []byte("srt_")) {
		t.Errorf("%v in %s", hits, a.Body)
	}
	var list struct{ Calls []struct{ State string } }
	m.Want(http.StatusOK, apptest.Request{Path: base}, &list)
	if len(list.Calls) != 2 || list.Calls[0].State != "over" || list.Calls[1].State != "in-force" {
		t.Errorf("the calls are %+v", list.Calls)
	}
}

// No map changes how the table treats what it knows, and a map says what it allows.
func TestMirrorRefusesMaps(t *testing.T) {
	m := newMirrored(t)
	base := "/v1/stores/" + m.stores[larkspur] + "/mirror"
	shape := []map[string]string{{"path": "a", "form": "text"}}
	for name, spec := range map[string]map[string]any{
		"a call with records":    {"method": "GET", "path": "/orders/{id}", "shape": shape},
		"a call that never does": {"method": "POST", "path": "/webhooks", "shape": shape},
		"no map":                 {"method": "GET", "path": "/x"},
		"two maps":               {"method": "GET", "path": "/x", "shape": shape, "answer": "orders"},
		"another method":         {"method": "PATCH", "path": "/x", "shape": shape},
		"a way up":               {"method": "GET", "path": "/x/../y", "shape": shape},
		"a name in the path":     {"method": "GET", "path": "/x/ana@example.com", "shape": shape},
		"an unknown resource":    {"method": "GET", "path": "/x", "answer": "people"},
		"an unknown form":        {"method": "GET", "path": "/x", "shape": []map[string]string{{"path": "a", "form": "anything"}}},
		"a link anywhere":        {"method": "GET", "path": "/x", "shape": []map[string]string{{"path": "a", "form": "link"}}},
		"a wrong place":          {"method": "POST", "path": "/x", "shape": shape, "places": []string{"a..b"}},
	} {
		if a := m.Call(apptest.Request{Path: base, Body: spec}); a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

// A row that somebody changed in the database allows nothing.
func TestMirrorAllowsNothingForged(t *testing.T) {
	m := newMirrored(t)
	base := "/v1/stores/" + m.stores[larkspur] + "/mirror"
	m.Want(http.StatusCreated, apptest.Request{Path: base, Body: map[string]any{"method": "GET", "path": "/x", "shape": []map[string]string{{"path": "a", "form": "text"}}}}, nil)
	m.Stop()
	offline(t, m.Instance, func(tx *db.Tx) error {
		_, err := tx.Exec("update gateway_allowed set state = 2")
		return err
	})
	m.Serve()
	if a := m.Call(apptest.Request{Path: m.path(larkspur, "v2/x")}); a.Status != http.StatusInternalServerError {
		t.Errorf("a forged row: %d %s", a.Status, a.Body)
	}
	if n := len(m.platform.calls()); n > 0 {
		t.Errorf("%d calls went out", n)
	}
}
