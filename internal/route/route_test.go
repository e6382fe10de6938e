package route_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/guard/guardtest"
)

const labels = `{"name":"labels","upstream":"UPSTREAM","purpose":"fulfilment","budget":{"calls":50,"tokens":500},
"auth":{"header":"Authorization","prefix":"Bearer "},"pass":["Idempotency-Key"],
"calls":[
 {"method":"POST","path":"/v2/shipments","body":"json",
  "places":[{"in":"json","at":"/to/name","classes":["name"]},{"in":"json","at":"/to/phone","classes":["phone"]},
   {"in":"json","at":"/to/lines/*","classes":["address"]},{"in":"json","at":"/note","classes":["name"],"inside":"html"},
   {"in":"header","at":"X-Ship-Name","classes":["name"]},{"in":"query","at":"q","classes":["name","phone"]}],
  "query":["mode"],
  "answer":{"as":"shape","shape":{"id":"code","name":"text","said":"text","rates[].total":"number"},"errors":{"code":"code","said":"text"}}},
 {"method":"POST","path":"/form","body":"form","places":[{"in":"form","at":"To[Name]","classes":["name"]}],"answer":{"as":"status"}},
 {"method":"POST","path":"/xml","body":"xml","places":[{"in":"xml","at":"/Order/To/Name","classes":["name"]},{"in":"xml","at":"/Order/To/@city","classes":["city"]}],"answer":{"as":"status"}},
 {"method":"POST","path":"/zpl","body":"text","places":[{"in":"text","classes":["name","address"],"inside":"zpl"}],"answer":{"as":"status"}},
 {"method":"GET","path":"/labels/{id}","answer":{"as":"document","types":["application/pdf"]}},
 {"method":"POST","path":"/label","body":"json","places":[{"in":"json","at":"/name","classes":["name"]}],"answer":{"as":"document","at":"/label/data","types":["application/pdf"],"shape":{"label.id":"code"}}}
]}`

const shipment = `{"to":{"name":"{{firstName}}","phone":"{{phone}}","lines":["{{address1}}"]},"note":"For <b>{{lastName}}</b>","mode":1}`

// The carrier gets exactly the fields that the route names, and the application neither
// sees a value nor the credential.
func TestTheCarrierSeesExactlyTheAllowedFields(t *testing.T) {
	h := open(t, nil)
	h.put(labels, "carrier-secret")
	w, err := h.send("POST", "/route/labels/v2/shipments?mode=fast", "application/json", shipment,
		"Idempotency-Key", "k1", "Cookie", "a=b", "X-Other", "{{email}}", "X-Ship-Name", "{{firstName}}", "Authorization", "Bearer sr_mine")
	if err != nil {
		t.Fatal(err)
	}
	got := h.calls()
	if len(got) != 1 {
		t.Fatalf("the carrier heard %d calls", len(got))
	}
	const want = `{"to":{"name":"Ana","phone":"+52 55 1234 5678","lines":["Calle Norte 12"]},"note":"For \u003cb\u003eLópez\u003c/b\u003e","mode":1}`
	if got[0].body != want {
		t.Errorf("the carrier heard %s", got[0].body)
	}
	if got[0].uri != "/v2/shipments?mode=fast" || got[0].header.Get("Authorization") != "Bearer carrier-secret" || got[0].header.Get("X-Ship-Name") != "Ana" {
		t.Errorf("the carrier heard %s %v", got[0].uri, got[0].header)
	}
	allowed := map[string]bool{"Content-Type": true, "Content-Length": true, "Accept-Encoding": true, "User-Agent": true, "Authorization": true, "Idempotency-Key": true, "X-Ship-Name": true}
	for name := range got[0].header {
		if !allowed[name] {
			t.Errorf("the carrier heard the header %s", name)
		}
	}
	if w.Code != 200 || w.Body.String() != `{"id":"shp_1"}` {
		t.Errorf("the application got %d %s", w.Code, w.Body)
	}
}

// Bodies of every kind carry values in their own spelling.
func TestBodies(t *testing.T) {
	h := open(t, nil)
	h.put(labels, "")
	for _, c := range []struct{ path, kind, body, want string }{
		{"form", "application/x-www-form-urlencoded", "a=1&To%5BName%5D={{lastName}}&b=2", "a=1&To%5BName%5D=L%C3%B3pez&b=2"},
		{"xml", "application/xml", `<?xml version="1.0"?><Order><To city="{{city}}" k="&lt;1"><Name>{{firstName}}</Name><X/></To></Order>`, `<?xml version="1.0"?><Order><To city="Monterrey" k="&lt;1"><Name>Ana</Name><X/></To></Order>`},
		{"zpl", "application/zpl", "^XA^FD{{firstName}} {{address1}}^FS^XZ", "^XA^FDAna Calle Norte 12^FS^XZ"},
	} {
		before := len(h.calls())
		if _, err := h.send("POST", "/route/labels/"+c.path, c.kind, c.body); err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if got := h.calls()[before].body; got != c.want {
			t.Errorf("%s: the carrier heard %s", c.path, got)
		}
	}
}

// What has no place is refused before anything leaves, and the log says so.
func TestObligation_3_1_2_TokensStandWhereTheRouteSays(t *testing.T) {
	h := open(t, nil)
	h.put(labels, "")
	for name, c := range map[string]struct {
		method, target, kind, body, code string
		header                           []string
	}{
		"another field":     {"POST", "v2/shipments", "application/json", `{"from":"{{firstName}}"}`, "token-place", nil},
		"inside a text":     {"POST", "v2/shipments", "application/json", `{"to":{"name":"Dear {{firstName}}"}}`, "token-place", nil},
		"spelt by escapes":  {"POST", "v2/shipments", "application/json", `{"from":"\u0073{{firstName}}"}`, "token-place", nil},
		"a key":             {"POST", "v2/shipments", "application/json", `{"{{firstName}}":1}`, "token-place", nil},
		"a key said twice":  {"POST", "v2/shipments", "application/json", `{"to":{},"to":{}}`, "body", nil},
		"another class":     {"POST", "v2/shipments", "application/json", `{"to":{"name":"{{email}}"}}`, "token-place", nil},
		"the path":          {"GET", "labels/{{firstName}}", "", "", "token-place", nil},
		"the query":         {"POST", "v2/shipments?mode={{firstName}}", "application/json", `{}`, "token-place", nil},
		"a strange query":   {"POST", "v2/shipments?x=1", "application/json", `{}`, "query", nil},
		"a passed header":   {"POST", "v2/shipments", "application/json", `{}`, "token-place", []string{"Idempotency-Key", "{{firstName}}"}},
		"another path":      {"POST", "v2/other", "application/json", `{}`, "route-call", nil},
		"a dotted path":     {"GET", "labels/..", "", "", "route-call", nil},
		"an escaped path":   {"GET", "labels/a%2f..%2fb", "", "", "route-call", nil},
		"another method":    {"DELETE", "v2/shipments", "", "", "route-call", nil},
		"another type":      {"POST", "v2/shipments", "text/plain", `{}`, "content-type", nil},
		"a document type":   {"POST", "xml", "application/xml", `<!DOCTYPE a [<!ENTITY x "y">]><Order/>`, "body", nil},
		"a comment":         {"POST", "xml", "application/xml", `<Order><!-- {{firstName}} --></Order>`, "token-place", nil},
		"a form's other":    {"POST", "form", "application/x-www-form-urlencoded", "x={{lastName}}", "token-place", nil},
		"no reference":      {"POST", "v2/shipments", "application/json", shipment, "reference", []string{"Strongroom-Reference", ""}},
		"an unknown route":  {"POST", "", "application/json", `{}`, "route", nil},
		"a foreign token":   {"POST", "v2/shipments", "application/json", `{"to":{"name":"srt_` + strings.Repeat("0", 34) + `"}}`, "", nil},
		"a packed body":     {"POST", "v2/shipments", "application/json", `{}`, "media-type", []string{"Content-Encoding", "gzip"}},
		"the store of many": {"POST", "v2/shipments", "application/json", shipment, "stores", []string{"Strongroom-Store", strongroom.NewID("str")}},
	} {
		target := "/route/labels/" + c.target
		if name == "an unknown route" {
			target = "/route/nowhere/x"
		}
		before := len(h.calls())
		events := h.events()
		_, err := h.send(c.method, target, c.kind, c.body, c.header...)
		if name == "a foreign token" { // it is spelt like none: text like any other
			continue
		}
		if got := guardtest.Code(err); got != c.code || err == nil {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, c.code)
		}
		if len(h.calls()) != before {
			t.Errorf("%s: the carrier heard of it", name)
		}
		if h.events() == events {
			t.Errorf("%s: the log says nothing", name)
		}
	}
}

// An upstream that repeats what it was told gives tokens, or nothing.
func TestEchoes(t *testing.T) {
	h := open(t, nil)
	h.put(labels, "")
	h.reply = func(w http.ResponseWriter, _ *http.Request, body string) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(body, "refuse") {
			w.WriteHeader(422)
			_, _ = io.WriteString(w, `{"code":"bad_address","said":"Calle Norte 12 is unknown","raw":`+body+`}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"x1","name":"ANA","said":"Hello Ana, of CALLE NORTE","rates":[{"total":12.5,"to":"Ana"}],"raw":`+body+`}`)
	}
	w, err := h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["name"] != h.tokens["firstName"] || got["said"] != nil || got["raw"] != nil || got["id"] != "x1" {
		t.Errorf("the application got %s", w.Body)
	}
	w, err = h.send("POST", "/route/labels/v2/shipments", "application/json", strings.Replace(shipment, `"mode":1`, `"mode":"refuse"`, 1))
	if err != nil || w.Code != 422 {
		t.Fatal(w.Code, err)
	}
	for _, out := range []string{"Ana", "Norte", "López", "5678"} {
		if strings.Contains(w.Body.String(), out) {
			t.Errorf("the application got %s", w.Body)
		}
	}
}

// What an upstream does wrong is a clear failure and an event.
func TestUpstreams(t *testing.T) {
	h := open(t, nil)
	h.put(strings.Replace(labels, `"calls":[`, `"limits":{"seconds":1,"bytes":1000},"calls":[`, 1), "")
	for name, c := range map[string]struct {
		reply func(w http.ResponseWriter)
		code  string
	}{
		"redirects":  {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(302) }, "upstream-redirect"},
		"too large":  {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 5000)) }, "upstream-body"},
		"packed":     {func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip"); _, _ = w.Write([]byte("x")) }, "upstream-packed"},
		"no JSON":    {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>Ana") }, "upstream-answer"},
		"fails":      {func(w http.ResponseWriter) { w.WriteHeader(500) }, "upstream-failed"},
		"credential": {func(w http.ResponseWriter) { w.WriteHeader(401) }, "upstream-credential"},
		"breaks off": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "upstream-reach"},
	} {
		h.mu.Lock()
		h.reply = func(w http.ResponseWriter, _ *http.Request, _ string) { c.reply(w) }
		h.mu.Unlock()
		_, err := h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
		guardtest.Want(t, name, err, strongroom.Unavailable, c.code)
	}
}

// A file becomes a document of the order whose tokens went out.
func TestDocuments(t *testing.T) {
	h := open(t, nil)
	h.put(labels, "")
	h.reply = func(w http.ResponseWriter, _ *http.Request, _ string) {
		_, _ = io.WriteString(w, `{"label":{"id":"l1","data":"JVBERi0xLjcgQW5h"}}`)
	}
	w, err := h.send("POST", "/route/labels/label", "application/json", `{"name":"{{firstName}}"}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.files) != 1 || string(h.files[0].Body) != "%PDF-1.7 Ana" || h.files[0].Type != "application/pdf" || h.files[0].Store != h.store {
		t.Fatalf("kept %+v", h.files)
	}
	if strings.Contains(w.Body.String(), "JVBER") || !strings.Contains(w.Body.String(), `"answer":{"label":{"id":"l1"}}`) {
		t.Errorf("the application got %s", w.Body)
	}
	h.reply = func(w http.ResponseWriter, _ *http.Request, _ string) {
		_, _ = io.WriteString(w, `{"label":{"id":"l1","data":"PGh0bWw+"}}`)
	}
	_, err = h.send("POST", "/route/labels/label", "application/json", `{"name":"{{firstName}}"}`)
	guardtest.Want(t, "a page for a label", err, strongroom.Unavailable, "upstream-type")
}

// One person proposes, another approves; what is removed sends nothing.
func TestFourEyes(t *testing.T) {
	h, ctx := open(t, nil), context.Background()
	v, err := h.Propose(ctx, h.one, h.say(labels), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
	guardtest.Want(t, "sending by what nobody approved", err, strongroom.NotFound, "route")
	_, err = h.Approve(ctx, h.one, v.ID)
	guardtest.Want(t, "approving one's own", err, strongroom.Denied, "")
	_, err = h.Approve(ctx, h.app, v.ID)
	guardtest.Want(t, "approving as an application", err, strongroom.Denied, "")
	if _, err = h.Approve(ctx, h.two, v.ID); err != nil {
		t.Fatal(err)
	}
	if _, err = h.send("POST", "/route/labels/v2/shipments", "application/json", shipment); err != nil {
		t.Fatal(err)
	}
	if _, err = h.Remove(ctx, h.one, v.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
	guardtest.Want(t, "sending by what was removed", err, strongroom.NotFound, "route")
}

// The budget of an hour ends.
func TestBudget(t *testing.T) {
	h := open(t, nil)
	h.put(strings.Replace(labels, `"calls":50,"tokens":500`, `"calls":2,"tokens":500`, 1), "")
	for range 2 {
		if _, err := h.send("POST", "/route/labels/v2/shipments", "application/json", shipment); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.send("POST", "/route/labels/v2/shipments", "application/json", shipment)
	guardtest.Want(t, "a third call", err, strongroom.Exhausted, "route-budget")
}
