package apptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// odd is an order with something strange inside: "head" and "tail" stand around.
func odd(id, inside string) []byte {
	return []byte(`{"id":"` + id + `","note":"Leave it with Hortensius","dates":{"createdAt":"2026-11-18T09:00:00.000Z"},` + inside + `}`)
}

// oddities are bodies that EcartAPI could send and that have to come back as
// they were. Each holds the marker Xanthippe where it is personal.
func oddities() map[string][]byte {
	var scripts []string
	for n, s := range []string{
		"Ξανθίππη Παπαδοπούλου", "Ксантиппа Петровна", "杨贵妃 李白", "東雲院 咲良子", "セバスチャン", "김철수 이영희", "שרה בת־אברהם", "فاطمة الزهراء",
		"ฐิติพร สุวรรณ", "ความ", "अनुराधा देवी", "அன்னபூரணி", "ಅನ್ನಪೂರ್ಣ", "ქეთევან", "Հռիփսիմե", "አስቴር", "မြင့်မြင့်", "ស្រីមុំ", "ଅନୁପମା", "ᏣᎳᎩ", "𐍅𐌿𐌻𐍆𐌹𐌻𐌰", "👩‍👩‍👧‍👦 🐚", "e\u0301ternel Zo\u0308e", "\u202eمقلوب\u202c",
	} {
		scripts = append(scripts, fmt.Sprintf(`{"firstName":"%s","note":"Xanthippe %d %s"}`, s, n, s))
	}
	var items []string
	for n := range 3000 {
		items = append(items, fmt.Sprintf(`{"id":"%d","sku":"NOP-%d","quantity":%d,"properties":[{"name":"engraving","value":"For Xanthippe %d %s"}]}`, n, n, n%9, n, strings.Repeat("ß", 290)))
	}
	return map[string][]byte{
		"forty levels": odd("O-1", strings.Repeat(`"a":{`, 36)+`"b":[[ "Xanthippe Deep" ]]`+strings.Repeat("}", 36)),
		"large":        odd("O-2", `"items":[`+strings.Join(items, ",")+`]`),
		"duplicate keys": odd("O-3", `"email":"xanthippe.one@example.net","email":"xanthippe.two@example.net","customer":{"firstName":"Xanthippe A","firstName":"Xanthippe B"},`+
			`"x":{"k":"Xanthippe C","k":"Xanthippe D","k":5}`),
		"personal keys": odd("O-4", `"custom":{"xanthippe.key@example.net":"gift","Xanthippe Keyholder":{"+52 55 0000 6192":[1,2]},"id":"Xanthippe V"}`),
		"numbers": odd("O-5", `"totals":{"total":1268.00,"tax":1e2,"a":-0.0,"b":1E+400,"c":123456789012345678901234567890.1234567890,"d":0.1e-7},`+
			`"n":[0,-1,10.50,1.0,3e8,6120448100002]`),
		"nulls":   odd("O-6", `"email":null,"customer":null,"shippingAddress":null,"billingAddress":{"phone":null,"zzz":null},"items":[null,{},[],null],"totals":null,"tags":null,"x":[null],"y":{"z":null}`),
		"scripts": odd("O-7", `"customers":[`+strings.Join(scripts, ",")+`]`),
		"spaces":  []byte("\n{ \"id\" :\t\"O-8\" ,\r\n \"note\" : \"Xanthippe \\u0041\\/\\ud83d\\udc1a\" , \"dates\":{ \"createdAt\" : \"2026-11-18T09:00:00.000Z\" } , \"totals\" : { \"total\" : 79.80 } }\n"),
	}
}

// TestOddInput takes in what is strange but real: it is sealed whole, nothing of
// it lies around, and a full reveal gives back the very same text.
func TestOddInput(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false)})
	store := i.AddStore("Odd", "shopify")
	for name, body := range oddities() {
		a := i.Ingest(apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}, body)
		if a.Status != http.StatusOK {
			t.Errorf("%s: %d %.300s", name, a.Status, a.Body)
			continue
		}
		for _, marker := range []string{"Xanthippe", "xanthippe", "Hortensius"} {
			if bytes.Contains(a.Body, []byte(marker)) {
				t.Errorf("%s: the answer holds %s", name, marker)
			}
		}
	}
	list, _ := i.Records(store)
	if len(list) != len(oddities()) {
		t.Fatalf("%d records", len(list))
	}
	back := map[string][]byte{}
	for _, r := range list {
		back[r.ExternalID] = i.Reveal(store, r.ID)
	}
	for name, body := range oddities() {
		id := fmt.Sprint(apptest.Decode(t, body).(map[string]any)["id"])
		if !bytes.Equal(back[id], bytes.TrimSpace(body)) {
			t.Errorf("%s: comes back as %.200s", name, back[id])
		}
	}
	for _, h := range apptest.NewScanner([]string{"Xanthippe", "Hortensius", "Ξανθίππη", "セバスチャン", "0000 6192"}).Scan(i.Bytes()...) {
		t.Errorf("leak: %v", h)
	}
	// The planted negative: a body in which one digit differs is not the same.
	if bytes.Equal(back["O-5"], bytes.Replace(oddities()["numbers"], []byte("1268.00"), []byte("1268.0"), 1)) {
		t.Error("the comparison does not look at the text of numbers")
	}
}

// bad is a request that must be refused, with the status.
type bad struct {
	name   string
	status int
	apptest.Request
}

func badRequests(store, record string, expired string) []bad {
	in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
	good := apptest.NewOrder(50, start.AddDate(0, 0, -2)).JSON()
	body := func(name string, status int, text string) bad { return bad{name, status, in.Request([]byte(text))} }
	reveal := func(name string, status int, purpose, reference string) bad {
		r := apptest.Revealing(store, record)
		r.Body = map[string]string{"purpose": purpose, "reference": reference}
		return bad{name, status, r}
	}
	wrongStore, wrongKind := in, in
	wrongStore.Store, wrongKind.Resource = "str_00000000000000000000000000", "invoices"
	with := func(r apptest.Request, key string) apptest.Request {
		r.Key = key
		return r
	}
	typed := in.Request(good)
	typed.Type = "text/html"
	slash := in.Request(good)
	slash.Query = url.Values{"resource": {"orders"}, "resources": {"x"}}
	return []bad{
		body("truncated", 400, string(good[:len(good)-9])),
		body("trailing", 400, string(good)+"x"),
		body("empty", 400, ""),
		body("blank", 400, " \n "),
		body("HTML", 400, "<html><body>502 Bad Gateway</body></html>"),
		body("array in the place of an order", 400, `[[1,2]]`),
		body("scalar", 400, `"hello"`),
		body("number", 400, `42`),
		body("null", 400, `null`),
		body("scalar in the envelope", 400, `{"success":true,"orders":"none"}`),
		body("object without id", 400, `{"note":"x"}`),
		body("invalid UTF-8", 400, "{\"id\":\"1\",\"note\":\"\xff\xfe\"}"),
		body("NaN", 400, `{"id":"1","totals":NaN}`),
		body("too deep", 413, `{"id":"1","x":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}`),
		body("too large", 413, `{"id":"1","note":"`+strings.Repeat("x", 3<<20)+`"}`),
		{"unknown store", 404, wrongStore.Request(good)},
		{"unknown resource", 400, wrongKind.Request(good)},
		{"other media type", 415, typed},
		{"unknown query field", 400, slash},
		{"no key", 401, with(in.Request(good), "none")},
		{"expired key", 401, with(in.Request(good), expired)},
		{"key with a flipped letter", 401, with(in.Request(good), "sr_test_"+strings.Repeat("0", 40))},
		reveal("no purpose", 400, "", "LL-1"),
		reveal("wrong purpose", 400, "marketing", "LL-1"),
		reveal("no reference", 400, "fulfilment", ""),
		reveal("purpose without a case", 403, "legal_duty", "LL-1"),
		reveal("subject request without a case", 403, "subject_request", "LL-1"),
		{"unknown record", 404, apptest.Revealing(store, "rec_00000000000000000000000001")},
	}
}

// TestBadInput refuses what is wrong: the right status, nothing stored, and an
// event of a known caller's refusal.
func TestBadInput(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Config: func(c *app.Config) { c.MaxBody = 2<<20 + 1<<19 }})
	store := i.AddStore("Bad", "shopify")
	record := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	var key struct {
		ID     string `json:"id"`
		Secret string `json:"api_key"`
	}
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{
		"label": "short", "roles": []string{"application"}, "all_stores": true, "expires_at": start.Add(time.Hour),
	}}, &key)
	ask := apptest.Revealing(store, record)
	ask.Key = key.Secret
	i.Want(http.StatusOK, ask, nil) // the planted negative: before it expires it opens
	i.Advance(2 * time.Hour)
	for _, b := range badRequests(store, record, key.Secret) {
		before := len(i.Events())
		a := i.Call(b.Request)
		if a.Status != b.status {
			t.Errorf("%s answers %d, want %d: %.200s", b.name, a.Status, b.status, a.Body)
		}
		if ct := a.Header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: refused as %s", b.name, ct)
		}
		if b.status == 401 {
			continue // counted by source and second: see the end
		}
		// Reading the log is an event too: one more than before means nothing new.
		if after := len(i.Events()); after < before+2 {
			t.Errorf("%s: no event", b.name)
		}
	}
	if list, _ := i.Records(store); len(list) != 1 {
		t.Errorf("%d records: something bad was stored", len(list))
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if slices.ContainsFunc(i.Events(), func(e json.RawMessage) bool { return bytes.Contains(e, []byte(`"unknown-caller"`)) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("refusals of unknown callers are not in the log")
		}
	}
}
