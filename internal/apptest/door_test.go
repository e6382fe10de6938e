package apptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/apptest"
)

// door is a string a caller can choose. It is tried with a value the detector
// knows and with a name that it cannot know.
type door struct {
	name string
	// statuses are the right answers to the e-mail address and to the name.
	mail, word int
	// request plants v.
	request func(v string) apptest.Request
}

// doors returns every string a caller can choose, for a store with a record.
func doors(store, record, token string) []door {
	records := "/v1/stores/" + store + "/records"
	reveal := records + "/" + record + "/reveal"
	header := func(name string, mail, word int) door {
		return door{"header " + name, mail, word, func(v string) apptest.Request {
			return apptest.Request{Path: records, Header: http.Header{name: {v}}}
		}}
	}
	query := func(name string, mail, word int) door {
		return door{"query " + name, mail, word, func(v string) apptest.Request {
			return apptest.Request{Path: records, Query: url.Values{name: {v}}}
		}}
	}
	in := func(name string, mail, word int, set func(in *apptest.In, v string)) door {
		return door{"ingest " + name, mail, word, func(v string) apptest.Request {
			in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
			set(&in, v)
			return in.Request(apptest.NewOrder(900, start.AddDate(0, 0, -1)).JSON())
		}}
	}
	body := func(name, path string, mail, word int, make func(v string) any) door {
		return door{name, mail, word, func(v string) apptest.Request {
			return apptest.Request{Method: "POST", Path: path, Body: make(v)}
		}}
	}
	path := func(name string, mail, word int, make func(v string) string) door {
		return door{"path " + name, mail, word, func(v string) apptest.Request { return apptest.Request{Path: make(v)} }}
	}
	type m = map[string]any
	return []door{
		header("User-Agent", 200, 200), header("X-Anything", 200, 200), header("X-Request-Id", 200, 200),
		header("X-Forwarded-For", 200, 200), header("Forwarded", 200, 200), header("Referer", 200, 200),
		header("Cookie", 200, 200), header("Traceparent", 200, 200), header("Accept", 200, 200), header("Host", 200, 200),
		{"header Idempotency-Key", 200, 200, func(v string) apptest.Request {
			return apptest.Request{Method: "POST", Path: "/v1/sweep", Header: http.Header{"Idempotency-Key": {v}}}
		}},
		{"header Idempotency-Key of a store", 400, 201, func(v string) apptest.Request {
			return apptest.Request{Path: "/v1/stores", Body: m{"name": "Shop"}, Header: http.Header{"Idempotency-Key": {v}}}
		}},
		{"header Content-Type", 415, 415, func(v string) apptest.Request {
			return apptest.Request{Path: "/v1/find", Body: "{}", Type: "text/" + url.PathEscape(v)}
		}},
		{"bearer", 401, 401, func(v string) apptest.Request { return apptest.Request{Path: records, Key: v} }},
		{"method", 405, 405, func(v string) apptest.Request {
			return apptest.Request{Method: strings.ToUpper(strings.NewReplacer("@", "", ".", "").Replace(v)), Path: records}
		}},
		query("kind", 400, 400), query("cursor", 400, 400), query("limit", 400, 400), query("unknown", 400, 400),
		{"name of a query field", 400, 400, func(v string) apptest.Request {
			return apptest.Request{Path: records, Query: url.Values{v: {"1"}}}
		}},
		in("resource", 400, 400, func(in *apptest.In, v string) { in.Resource = v }),
		in("version", 400, 400, func(in *apptest.In, v string) { in.Version = v }),
		in("platform", 400, 200, func(in *apptest.In, v string) { in.Platform = v }),
		in("order", 400, 200, func(in *apptest.In, v string) { in.Order = v }),
		in("store", 400, 404, func(in *apptest.In, v string) { in.Store = v }),
		path("nowhere", 404, 404, func(v string) string { return "/v1/" + v }),
		path("store", 400, 404, func(v string) string { return "/v1/stores/" + v + "/records" }),
		path("record", 400, 404, func(v string) string { return records + "/" + v }),
		path("job", 400, 404, func(v string) string { return "/v1/jobs/" + v }),
		{"path key", 400, 404, func(v string) apptest.Request { return apptest.Request{Method: "DELETE", Path: "/v1/keys/" + v} }},
		body("store name", "/v1/stores", 400, 201, func(v string) any { return m{"name": v, "platform": "shopify"} }),
		body("store platform", "/v1/stores", 400, 201, func(v string) any { return m{"name": "Shop", "platform": v} }),
		body("key label", "/v1/keys", 400, 201, func(v string) any { return m{"label": v, "roles": []string{"application"}, "all_stores": true} }),
		body("key role", "/v1/keys", 400, 400, func(v string) any { return m{"label": "x", "roles": []string{v}} }),
		body("key store", "/v1/keys", 400, 404, func(v string) any {
			return m{"label": "x", "roles": []string{"application"}, "stores": []string{v}}
		}),
		body("key network", "/v1/keys", 400, 400, func(v string) any {
			return m{"label": "x", "roles": []string{"application"}, "networks": []string{v}}
		}),
		body("purpose", reveal, 400, 400, func(v string) any { return m{"purpose": v, "reference": "LL-1"} }),
		body("reference", reveal, 400, 200, func(v string) any { return m{"purpose": "fulfilment", "reference": v} }),
		body("field", reveal, 400, 400, func(v string) any {
			return m{"purpose": "fulfilment", "reference": "LL-1", "fields": []string{v}}
		}),
		body("JSON key", reveal, 400, 400, func(v string) any { return m{v: 1} }),
		body("reference of tokens", "/v1/reveal", 400, 200, func(v string) any {
			return m{"purpose": "fulfilment", "reference": v, "tokens": []string{token}}
		}),
		body("token", "/v1/reveal", 400, 400, func(v string) any {
			return m{"purpose": "fulfilment", "reference": "LL-1", "tokens": []string{v}}
		}),
		body("find email", "/v1/find", 200, 400, func(v string) any { return m{"email": v} }),
		body("find name", "/v1/find", 200, 200, func(v string) any { return m{"name": v} }),
		body("find external id", "/v1/find", 200, 200, func(v string) any { return m{"external_id": v} }),
		body("find store", "/v1/find", 404, 404, func(v string) any { return m{"name": "Somebody", "store": v} }),
		body("find cursor", "/v1/find", 400, 400, func(v string) any { return m{"name": "Somebody", "cursor": v} }),
		body("erase reason", "/v1/erase", 400, 404, func(v string) any {
			return m{"store": store, "records": []string{"rec_00000000000000000000000000"}, "reason": v}
		}),
		body("erase reference", "/v1/erase", 400, 404, func(v string) any {
			return m{"store": store, "records": []string{"rec_00000000000000000000000000"}, "reference": v}
		}),
		body("erase record", "/v1/erase", 404, 404, func(v string) any { return m{"store": store, "records": []string{v}} }),
		body("erase store", "/v1/erase", 404, 404, func(v string) any { return m{"store": v, "records": []string{record}} }),
		body("citation of a case", "/v1/cases", 400, 201, func(v string) any { return m{"purpose": "subject_request", "citation": v} }),
		body("purpose of a case", "/v1/cases", 400, 400, func(v string) any { return m{"purpose": v, "citation": "AO § 147"} }),
		body("store of a case", "/v1/cases", 404, 404, func(v string) any {
			return m{"purpose": "subject_request", "citation": "AO § 147", "store": v}
		}),
		body("reason to close a case", "/v1/cases/cas_00000000000000000000000000/close", 400, 400, func(v string) any { return m{"reason": v} }),
		body("case to extend", "/v1/cases/cas_00000000000000000000000000/extend", 400, 400, func(v string) any { return m{"reason": v} }),
		body("case of a reveal", reveal, 400, 403, func(v string) any { return m{"purpose": "subject_request", "reference": v} }),
		path("case", 400, 404, func(v string) string { return "/v1/cases/" + v }),
		body("field to classify", "/v1/fields/classify", 404, 404, func(v string) any { return m{"store": store, "field": v, "as": "clear"} }),
		body("class of a field", "/v1/fields/classify", 400, 400, func(v string) any { return m{"store": store, "field": "1", "as": v} }),
		{"unknown key of a body", 200, 200, func(v string) apptest.Request {
			in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
			o := strings.Replace(string(apptest.NewOrder(901, start.AddDate(0, 0, -1)).JSON()), `"items"`, fmt.Sprintf("%q:{%q:%q},\"items\"", v, "a"+v, "b"+v), 1)
			return in.Request([]byte(o))
		}},
		{"external id", 200, 200, func(v string) apptest.Request {
			o := apptest.NewOrder(902, start.AddDate(0, 0, -1))
			o.ID = v
			in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
			return in.Request(o.JSON())
		}},
		{"broken JSON", 400, 400, func(v string) apptest.Request {
			in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
			return in.Request([]byte(`{"id":"` + v + `"` + v))
		}},
		{"credential", 204, 204, func(v string) apptest.Request {
			return apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: m{"access_token": v}}
		}},
	}
}

// TestObligation_3_6_7_NoSideDoors plants a personal value in every string a
// caller can choose: each is answered with the right status and lies nowhere.
func TestObligation_3_6_7_NoSideDoors(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false)})
	store := i.AddStore("Doors", "shopify")
	order := apptest.NewOrder(1, start.AddDate(0, 0, -3))
	record := i.Take(store, order)
	var read apptest.Record
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + store + "/records/" + record}, &read)
	token, _ := apptest.Decode(t, read.Record).(map[string]any)["note"].(string)
	var planted []string
	var events int
	for n, d := range doors(store, record, token) {
		mail := fmt.Sprintf("hildegonda%d.kwartelstaart@example.net", n)
		word := fmt.Sprintf("Hildegonda%dKwartelstaart", n)
		planted = append(planted, mail, word)
		for v, want := range map[string]int{mail: d.mail, word: d.word} {
			a := i.Call(d.request(v))
			if a.Status != want {
				t.Errorf("%s with %s answers %d, want %d: %.200s", d.name, v, a.Status, want, a.Body)
			}
			if a.Status >= 400 && !json.Valid(a.Body) {
				t.Errorf("%s: the refusal is no JSON: %.100s", d.name, a.Body)
			}
			events++
		}
	}
	planted = append(planted, command(t, i, store))
	s := apptest.NewScanner(planted)
	for _, h := range s.Scan(i.Bytes()...) {
		t.Errorf("side door: %v", h)
	}
	for _, e := range i.Events() {
		for _, h := range s.Scan(apptest.Part{Name: "event", Bytes: e}) {
			t.Errorf("side door: %v", h)
		}
	}
	// The planted negative: what does get through is seen.
	if err := os.WriteFile(filepath.Join(i.Keys, "stray"), []byte("ref="+planted[3]), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(s.Scan(i.Bytes()...)) != 1 {
		t.Error("a planted value is not seen")
	}
	if got := len(i.Events()); got < events/2 {
		t.Errorf("%d events for %d calls", got, events)
	}
}

// command ingests from a file whose name is personal, with the built command
// over the instance's socket.
func command(t *testing.T, i *apptest.Instance, store string) string {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "strongroom")
	if out, err := exec.Command("go", "build", "-o", bin, "strongroom/cmd/strongroom").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const name = "Hildegonda Kwartelstaart order.json"
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, apptest.NewOrder(903, start.AddDate(0, 0, -1)).JSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "ingest", "--data", i.Dir, "--store", store, "--resource", "orders", "--version", "v2", "--platform", "shopify", file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("ingest: %v: %s", err, out)
	}
	return name
}
