package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
)

type page struct {
	Records []struct {
		ID, ExternalID, Kind string
		External             string `json:"external_id"`
		Expires              string `json:"expires_at"`
		Clock                struct{ Anchor, At string }
		Origin               map[string]any
	}
	Next string `json:"next_cursor"`
}

func equalJSON(t testing.TB, a, b []byte) bool {
	t.Helper()
	var x, y any
	for _, p := range []struct {
		text []byte
		into *any
	}{{a, &x}, {b, &y}} {
		d := json.NewDecoder(strings.NewReader(string(p.text)))
		d.UseNumber() // the exact text of numbers counts
		if err := d.Decode(p.into); err != nil {
			t.Fatalf("%v in %.80s", err, p.text)
		}
	}
	return reflect.DeepEqual(x, y)
}

// The way of a record: in, listed, read, found, opened, erased.
func TestWayOfARecord(t *testing.T) {
	f := serve(t, nil)
	id, store := f.store()
	body := payload(t, "order_shopify_v2_full.json")
	a := f.get("POST", store+"/ingest?resource=orders&version=v2&platform=shopify", body, nil)
	if a.header.Get("Strongroom-Stored") != "1" || strings.Contains(string(a.body), "example.") && !strings.Contains(string(a.body), "srt_") {
		t.Fatalf("stored %q: %s", a.header.Get("Strongroom-Stored"), a.body)
	}
	var list page
	f.get("GET", store+"/records?kind=orders&limit=10", "", &list)
	if len(list.Records) != 1 || list.Next != "" {
		t.Fatalf("listed %+v", list)
	}
	r := list.Records[0]
	if r.Kind == "" || r.External == "" || r.Expires == "" || r.Clock.Anchor == "" || r.Origin["how"] != "api" {
		t.Errorf("record %+v", r)
	}
	record := store + "/records/" + r.ID
	var one struct{ Record json.RawMessage }
	f.get("GET", record, "", &one)
	if !strings.Contains(string(one.Record), "srt_") {
		t.Errorf("not tokenised: %s", one.Record)
	}
	var full struct{ Record json.RawMessage }
	f.get("POST", record+"/reveal", `{"purpose":"fulfilment","reference":"1047"}`, &full)
	var original map[string]json.RawMessage
	f.must(json.Unmarshal([]byte(body), &original))
	want := json.RawMessage(body)
	if o, ok := original["order"]; ok {
		want = o
	}
	if !equalJSON(t, full.Record, want) {
		t.Errorf("the original does not come back:\n%s", full.Record)
	}
	tokens := strings.Split(string(one.Record), `"srt_`)
	token := "srt_" + tokens[1][:strings.IndexByte(tokens[1], '"')]
	var values struct {
		Values []struct {
			Token, Error string
			Value        any
		}
	}
	f.get("POST", "/v1/reveal", fmt.Sprintf(`{"purpose":"tax","reference":"1047","tokens":[%q,%q]}`, token, token[:len(token)-1]+"0"), &values)
	if len(values.Values) != 2 || values.Values[0].Value == nil || values.Values[0].Error != "" || values.Values[1].Value != nil || values.Values[1].Error == "" {
		t.Errorf("values %+v", values)
	}
	var email struct {
		Record struct {
			Customer struct{ Email string }
		}
	}
	f.get("POST", record+"/reveal", `{"purpose":"fulfilment","reference":"1047","fields":["email"]}`, &email)
	var found page
	f.get("POST", "/v1/find", fmt.Sprintf(`{"email":%q}`, strings.ToUpper(email.Record.Customer.Email)), &found)
	if len(found.Records) != 1 || found.Records[0].ID != r.ID {
		t.Errorf("found %+v by the shopper's e-mail", found)
	}
	var erased struct{ Erased int }
	f.get("POST", record+"/erase", "", &erased)
	if erased.Erased != 1 {
		t.Errorf("erased %+v", erased)
	}
	if a := f.call("POST", record+"/reveal", `{"purpose":"fulfilment","reference":"1047"}`); a.status != 410 {
		t.Errorf("an erased record: %d %s", a.status, a.body)
	}
	f.get("POST", "/v1/erase", fmt.Sprintf(`{"store":%q,"records":[%q]}`, id, r.ID), &erased)
	if erased.Erased != 0 {
		t.Errorf("erased again: %+v", erased)
	}
	if n := len(f.events("record.reveal")); n < 4 {
		t.Errorf("%d events for the reveals", n)
	}
}

func TestBulk(t *testing.T) {
	f := serve(t, func(o *api.Options) { o.MaxLine = 8 << 10 })
	_, store := f.store()
	order := func(n int) string {
		return fmt.Sprintf(`{"id":"%d","createdAt":"2026-10-19T10:00:00.000Z","updatedAt":"2026-10-19T10:00:00.000Z","email":"p%d@example.com","customer":{"firstName":"Ada","email":"p%d@example.com"}}`, 5000+n, n, n)
	}
	var in strings.Builder
	const n = 700 // more than two batches
	for i := range n {
		in.WriteString(order(i) + "\n")
		if i == 300 {
			in.WriteString("\n{\"broken\": \n<html>\n")
		}
	}
	path := store + "/ingest?resource=orders&version=v2&platform=shopify"
	a := f.call("POST", path, in.String(), header{"Content-Type", "application/x-ndjson"})
	lines := strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n")
	if a.status != 200 || len(lines) != n+2 {
		t.Fatalf("%d, %d lines: %q, … %q", a.status, len(lines), lines[301:304], lines[len(lines)-1])
	}
	for i, l := range lines {
		bad := i == 301 || i == 302
		if bad != strings.Contains(l, "urn:strongroom:problem") || bad == strings.Contains(l, "srt_") || strings.Contains(l, "@example.com\"") && !strings.Contains(l, "srt_") {
			t.Errorf("line %d: %s", i, l)
		}
	}
	if got := a.header.Get("Strongroom-Stored"); got != fmt.Sprint(n) {
		t.Errorf("stored %q", got)
	}
	// Again: nothing is doubled. Last line without a newline, then one too long.
	a = f.call("POST", path, order(1)+"\n"+order(2), header{"Content-Type", "application/x-ndjson"})
	if a.header.Get("Strongroom-Unchanged") != "2" || strings.Count(string(a.body), "\n") != 2 {
		t.Errorf("again: %v %s", a.header, a.body)
	}
	a = f.call("POST", path, order(1)+"\n"+strings.Repeat(" ", 9<<10)+"{}\n"+order(2)+"\n", header{"Content-Type", "application/x-ndjson"})
	lines = strings.Split(strings.TrimSpace(string(a.body)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], `"code":"line"`) {
		t.Errorf("a line too long: %s", a.body)
	}
	// What concerns all lines is an answer of its own.
	a = f.call("POST", "/v1/stores/"+strongroom.NewID("str")+"/ingest?resource=orders&version=v2", order(1), header{"Content-Type", "application/x-ndjson"})
	if a.status != 404 && !strings.Contains(string(a.body), `"status":404`) {
		t.Errorf("unknown store: %d %s", a.status, a.body)
	}
}

// Bad requests: each a clear error with the right status and an event, and
// nothing of what was sent in the answer.
func TestRefusals(t *testing.T) {
	f := serve(t, func(o *api.Options) { o.MaxBody = 64 << 10 })
	id, store := f.store()
	in := store + "/ingest?resource=orders&version=v2&platform=shopify"
	f.get("POST", in, payload(t, "order_shopify_v2_full.json"), nil)
	var list page
	f.get("GET", store+"/records?kind=orders", "", &list)
	record := store + "/records/" + list.Records[0].ID
	none := "/v1/stores/" + strongroom.NewID("str")
	application := f.newKey(authz.Application)
	auditor := f.newKey(authz.Auditor)
	as := func(key string) header { return header{"Authorization", "Bearer " + key} }
	const planted = "jane.doe@example.com"
	deep := strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300)
	for _, c := range []struct {
		name, method, path, body string
		headers                  []header
		status                   int
		action                   string // of the event it leaves
	}{
		{"no key", "GET", "/v1/stores", "", []header{{"Authorization", ""}}, 401, ""},
		{"a key that is none", "GET", "/v1/stores", "", []header{as(planted)}, 401, ""},
		{"basic credentials", "GET", "/v1/stores", "", []header{{"Authorization", "Basic amFuZQ=="}}, 401, ""},
		{"not allowed", "POST", "/v1/stores", `{"name":"x"}`, []header{as(auditor)}, 403, "store.add"},
		{"reveal by an auditor", "POST", record + "/reveal", `{"purpose":"tax","reference":"1"}`, []header{as(auditor)}, 403, "record.reveal"},
		{"a purpose not theirs", "POST", record + "/reveal", `{"purpose":"legal_duty","reference":"1"}`, []header{as(application)}, 403, "record.reveal"},
		{"no purpose", "POST", record + "/reveal", `{"reference":"1"}`, nil, 400, "record.reveal"},
		{"a bad purpose", "POST", record + "/reveal", `{"purpose":"` + planted + `","reference":"1"}`, nil, 400, "record.reveal"},
		{"no reference", "POST", record + "/reveal", `{"purpose":"tax"}`, nil, 400, "record.reveal"},
		{"a personal reference", "POST", record + "/reveal", `{"purpose":"tax","reference":"206-555-0164"}`, nil, 400, "record.reveal"},
		{"an unknown field", "POST", record + "/reveal", `{"purpose":"tax","reference":"1","` + planted + `":1}`, nil, 400, "record.reveal"},
		{"no body", "POST", record + "/reveal", "", nil, 400, "record.reveal"},
		{"an array", "POST", record + "/reveal", "[]", nil, 400, "record.reveal"},
		{"two values", "POST", "/v1/stores", `{"name":"x"}{}`, nil, 400, "store.add"},
		{"not UTF-8", "POST", "/v1/stores", "{\"name\":\"\xff\"}", nil, 400, "store.add"},
		{"another media type", "POST", "/v1/stores", `name=` + planted, []header{{"Content-Type", "application/x-www-form-urlencoded"}}, 415, "store.add"},
		{"a media type of nonsense", "POST", "/v1/stores", `{}`, []header{{"Content-Type", planted + "/;"}}, 415, "store.add"},
		{"unknown store", "POST", none + "/ingest?resource=orders&version=v2", `{"order":{"id":"1"}}`, nil, 404, "record.ingest"},
		{"unknown store to reveal", "POST", none + "/records/" + list.Records[0].ID + "/reveal", `{"purpose":"tax","reference":"1"}`, nil, 404, "record.reveal"},
		{"a store that is no id", "GET", "/v1/stores/nowhere/records", "", nil, 404, "record.list"},
		{"a store that is a person", "GET", "/v1/stores/" + planted + "/records", "", nil, 400, "record.list"},
		{"unknown record", "GET", store + "/records/" + strongroom.NewID("rec"), "", nil, 404, "record.read"},
		{"a record that is no id", "GET", store + "/records/nothing", "", nil, 404, "record.read"},
		{"unknown path", "GET", "/v1/" + planted, "", nil, 404, ""},
		{"an unclean path", "GET", "/v1//stores", "", nil, 404, ""},
		{"a wrong method", "PUT", "/v1/stores", "", nil, 405, ""},
		{"an unknown query field", "GET", "/v1/stores?" + planted + "=1", "", nil, 400, "store.list"},
		{"a query field twice", "GET", "/v1/stores?limit=1&limit=2", "", nil, 400, "store.list"},
		{"a limit that is no number", "GET", "/v1/stores?limit=" + planted, "", nil, 400, "store.list"},
		{"a cursor of theirs", "GET", "/v1/stores?cursor=" + planted, "", nil, 400, "store.list"},
		{"a cursor of nonsense", "GET", store + "/records?kind=orders&cursor=zzzz", "", nil, 400, "record.list"},
		{"a kind of nonsense", "GET", store + "/records?kind=jane", "", nil, 400, "record.list"},
		{"truncated", "POST", in, `{"order":{"id":"1","email":"` + planted, nil, 400, "record.ingest"},
		{"empty", "POST", in, "", nil, 400, "record.ingest"},
		{"HTML", "POST", in, "<html>" + planted + "</html>", nil, 400, "record.ingest"},
		{"a scalar", "POST", in, `"` + planted + `"`, nil, 400, "record.ingest"},
		{"invalid UTF-8", "POST", in, "{\"order\":{\"id\":\"1\",\"email\":\"\xff\xfe\"}}", nil, 400, "record.ingest"},
		{"too large", "POST", in, `{"order":{"id":"1","note":"` + strings.Repeat("x", 70<<10) + `"}}`, nil, 413, "record.ingest"},
		{"too deep", "POST", in, deep, nil, 413, "record.ingest"},
		{"no resource", "POST", store + "/ingest", `{"order":{"id":"1"}}`, nil, 400, "record.ingest"},
		{"a personal resource", "POST", store + "/ingest?resource=" + planted, `{"order":{"id":"1"}}`, nil, 400, "record.ingest"},
		{"a cursor to find with", "POST", "/v1/find", `{"email":"ada@example.com","cursor":"` + planted + `"}`, nil, 400, "record.find"},
		{"fields of no store", "GET", "/v1/fields", "", nil, 400, "field.list"},
		{"fields of an unknown store", "GET", "/v1/fields?store=" + strongroom.NewID("str"), "", nil, 404, "field.list"},
		{"nothing to find", "POST", "/v1/find", `{}`, nil, 400, "record.find"},
		{"too many tokens", "POST", "/v1/reveal", `{"purpose":"tax","reference":"1","tokens":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, nil, 400, "record.reveal"},
		{"nothing to erase", "POST", "/v1/erase", `{"store":"` + id + `","records":[]}`, nil, 400, "record.erase"},
		{"a bad idempotency key", "POST", "/v1/stores", `{"name":"x"}`, []header{{"Idempotency-Key", planted}}, 400, "store.add"},
		{"a key for a network of nonsense", "POST", "/v1/keys", `{"label":"a","roles":["owner"],"all_stores":true,"networks":["` + planted + `"]}`, nil, 400, "key.add"},
		{"a key for a store that is not there", "POST", "/v1/keys", `{"label":"a","roles":["application"],"stores":["` + strongroom.NewID("str") + `"]}`, nil, 404, "key.add"},
		{"a key without end", "POST", "/v1/keys", `{"label":"a","roles":["application"],"all_stores":true,"expires_at":"2999-01-01T00:00:00Z"}`, nil, 400, "key.add"},
		{"a proof of nothing", "GET", "/v1/audit/proof?index=999999", "", nil, 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(f.events(c.action))
			a := f.call(c.method, c.path, c.body, c.headers...)
			if a.status != c.status {
				t.Errorf("status %d, want %d: %s", a.status, c.status, a.body)
			}
			p := f.problem(a)
			if p.Status != a.status || p.Detail == "" || p.Code == "" || p.Request != a.header.Get("Strongroom-Request") {
				t.Errorf("problem %+v", p)
			}
			if strings.Contains(string(a.body), "jane") || strings.Contains(fmt.Sprint(a.header), "jane") {
				t.Errorf("the answer repeats what was sent: %s", a.body)
			}
			if c.action != "" {
				events := f.events(c.action)
				if len(events) == before || events[len(events)-1].Outcome == audit.Success {
					t.Errorf("no event of %s tells of the refusal", c.action)
				}
			}
			if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Error("no challenge")
			}
		})
	}
	if strings.Contains(f.words.String(), "jane") || strings.Contains(f.words.String(), "555-0164") {
		t.Error("the operational log repeats what was sent")
	}
	if len(f.refused) != 3 {
		t.Errorf("unknown callers counted: %v", f.refused)
	}
	var after page
	f.get("GET", store+"/records?kind=orders", "", &after)
	if len(after.Records) != 1 {
		t.Errorf("something refused was stored: %d records", len(after.Records))
	}
}

// Whoever is limited to some stores hears what is wrong with a request, not that
// he may not make it; whoever may not make it hears that.
func TestRefusalsOfAKeyForOneStore(t *testing.T) {
	f := serve(t, func(o *api.Options) { o.MaxBody = 64 << 10 })
	id, store := f.store()
	key := func(role string) header {
		var k struct {
			Secret string `json:"api_key"`
		}
		f.get("POST", "/v1/keys", `{"label":"one","roles":["`+role+`"],"stores":["`+id+`"]}`, &k)
		return header{"Authorization", "Bearer " + k.Secret}
	}
	application, auditor, privacy := key(authz.Application), key(authz.Auditor), key(authz.Privacy)
	in := store + "/ingest?resource=orders&version=v2"
	large := `{"order":{"id":"1","note":"` + strings.Repeat("x", 70<<10) + `"}}`
	for _, c := range []struct {
		name, path, body string
		who              header
		extra            header
		status           int
		action           string
	}{
		{"too large", in, large, application, header{"Accept", "*/*"}, 413, "record.ingest"},
		{"another media type", in, "x", application, header{"Content-Type", "text/plain"}, 415, "record.ingest"},
		{"a bad platform", in + "&platform=a%20b", "{}", application, header{"Accept", "*/*"}, 400, "record.ingest"},
		{"a broken body", "/v1/erase", "{", privacy, header{"Accept", "*/*"}, 400, "record.erase"},
		{"too large for an auditor", in, large, auditor, header{"Accept", "*/*"}, 403, "record.ingest"},
	} {
		before := len(f.events(c.action))
		a := f.call("POST", c.path, c.body, c.who, c.extra)
		events := f.events(c.action)
		if a.status != c.status || len(events) != before+1 || events[before].Outcome == audit.Success {
			t.Errorf("%s: %d with %d events: %s", c.name, a.status, len(events)-before, a.body)
		}
	}
}

// What does not say where it came from is of the store's platform.
func TestPlatformIsTheStores(t *testing.T) {
	f := serve(t, nil)
	_, store := f.store()
	var own struct{ ID string }
	f.get("POST", "/v1/stores", `{"name":"Own","platform":"house-made"}`, &own)
	for where, want := range map[string]string{store: "shopify", "/v1/stores/" + own.ID: "house-made"} {
		ndjson := header{"Content-Type", "application/x-ndjson"}
		for id, a := range map[string]answer{
			"1": f.call("POST", where+"/ingest?resource=orders&version=v2", order("1")),
			"2": f.call("POST", where+"/ingest?resource=orders&version=v2", order("2")+"\n", ndjson),
			"3": f.call("POST", where+"/ingest?resource=orders&version=v2&platform=woocommerce", order("3")),
		} {
			if a.status != 200 {
				t.Fatalf("%s: %d %s", id, a.status, a.body)
			}
		}
		var list page
		f.get("GET", where+"/records", "", &list)
		for _, r := range list.Records {
			expect := want
			if r.External == "3" {
				expect = "woocommerce" // what is said counts
			}
			if r.Origin["platform"] != expect {
				t.Errorf("order %s came from %v, want %s", r.External, r.Origin["platform"], expect)
			}
		}
		if len(list.Records) != 3 {
			t.Errorf("%d records", len(list.Records))
		}
	}
}

func order(id string) string {
	return `{"order":{"id":"` + id + `","email":"ada@example.com","dates":{"createdAt":"2026-10-19T09:00:00Z"}}}`
}

func TestIdempotency(t *testing.T) {
	f := serve(t, nil)
	key := header{"Idempotency-Key", "make-one"}
	body := `{"name":"Nopalito","platform":"shopify"}`
	first := f.call("POST", "/v1/stores", body, key)
	again := f.call("POST", "/v1/stores", body, key)
	var a, b struct {
		ID       string
		Replayed bool
	}
	f.must(json.Unmarshal(first.body, &a))
	f.must(json.Unmarshal(again.body, &b))
	if first.status != 201 || again.status != 201 || a.ID == "" || a.ID != b.ID || a.Replayed || !b.Replayed || again.header.Get("Strongroom-Replayed") != "true" {
		t.Errorf("%d %s then %d %s", first.status, first.body, again.status, again.body)
	}
	if c := f.call("POST", "/v1/stores", `{"name":"Another"}`, key); c.status != 409 {
		t.Errorf("the key for another request: %d %s", c.status, c.body)
	}
	if c := f.call("POST", "/v1/stores", `{"name":""}`, header{"Idempotency-Key", "bad"}); c.status != 400 {
		t.Errorf("%d %s", c.status, c.body)
	}
	if c := f.call("POST", "/v1/stores", `{"name":""}`, header{"Idempotency-Key", "bad"}); c.status != 400 {
		t.Errorf("a call that failed may be repeated: %d %s", c.status, c.body)
	}
	var list struct{ Stores []any }
	f.get("GET", "/v1/stores", "", &list)
	if len(list.Stores) != 1 {
		t.Errorf("%d stores", len(list.Stores))
	}
	made := f.call("POST", "/v1/keys", `{"label":"a","roles":["application"],"all_stores":true}`, header{"Idempotency-Key", "k"})
	replay := f.call("POST", "/v1/keys", `{"label":"a","roles":["application"],"all_stores":true}`, header{"Idempotency-Key", "k"})
	if !strings.Contains(string(made.body), "sr_test_") || strings.Contains(string(replay.body), "sr_test_") || replay.status != 201 {
		t.Errorf("a key is shown once: %s", replay.body)
	}
}

func TestKeys(t *testing.T) {
	f := serve(t, nil)
	var made, rotated struct {
		ID     string
		Secret string `json:"api_key"`
	}
	f.get("POST", "/v1/keys", `{"label":"shipping","roles":["application"],"all_stores":true,"networks":["127.0.0.0/8"]}`, &made)
	as := func(key string) answer {
		return f.call("GET", "/v1/stores", "", header{"Authorization", "Bearer " + key})
	}
	if a := as(made.Secret); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.get("POST", "/v1/keys/"+made.ID+"/rotate", "", &rotated)
	if as(made.Secret).status != 401 || as(rotated.Secret).status != 200 {
		t.Error("rotation")
	}
	var list struct{ Keys []struct{ ID, Label string } }
	a := f.get("GET", "/v1/keys", "", &list)
	if len(list.Keys) != 2 || strings.Contains(string(a.body), "sr_test_") {
		t.Errorf("%s", a.body)
	}
	if a := f.call("DELETE", "/v1/keys/"+made.ID, ""); a.status != http.StatusNoContent || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if as(rotated.Secret).status != 401 {
		t.Error("a revoked key was taken")
	}
	if a := f.call("POST", "/v1/keys/"+made.ID+"/rotate", `{"overlap_seconds":9999999999999}`); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestInstance(t *testing.T) {
	f := serve(t, nil)
	id, store := f.store()
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", store + "/sync?resource=orders&resource=customers&since=2026-11-01T00:00:00Z", "", "sync orders,customers"},
		{"PUT", store + "/credential", `{"access_token":"x"}`, "credential"},
		{"POST", "/v1/epoch/roll", "", "roll"}, {"POST", "/v1/sweep", "", "sweep"}, {"DELETE", store, "", "disconnect"},
	} {
		a := f.get(c.method, c.path, c.body, nil)
		if got := f.work.calls[len(f.work.calls)-1]; got != c.want {
			t.Errorf("%s %s did %q: %s", c.method, c.path, got, a.body)
		}
	}
	n := len(f.work.calls)
	var p struct {
		Records int64
		Preview bool
		Store   string
	}
	f.get("DELETE", store+"?preview=true", "", &p)
	if len(f.work.calls) != n || p.Records != 0 || !p.Preview || p.Store != id {
		t.Errorf("a preview did something: %+v", p)
	}
	var job struct {
		State    string
		Progress struct{ Records int }
	}
	f.get("GET", "/v1/jobs/"+f.work.job, "", &job)
	if job.State != "running" || job.Progress.Records != 7 {
		t.Errorf("%+v", job)
	}
	var dead struct {
		Jobs []struct {
			ID, Name, State, Code string
			Tries                 int
		}
		Next string `json:"next_cursor"`
	}
	f.get("GET", "/v1/jobs?state=dead&limit=2", "", &dead)
	if len(dead.Jobs) != 1 || dead.Jobs[0].Name != "store.sync" || dead.Jobs[0].Code != "store-token" || dead.Jobs[0].Tries != 12 || dead.Next == "" || f.work.calls[len(f.work.calls)-1] != "jobs dead  2" {
		t.Errorf("%+v after %v", dead, f.work.calls)
	}
	if a := f.get("POST", "/v1/jobs/"+dead.Jobs[0].ID+"/retry", "", nil); a.status != 202 || f.work.calls[len(f.work.calls)-1] != "retry" {
		t.Errorf("%d %s", a.status, a.body)
	}
	public := header{"Authorization", ""}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json"} {
		if a := f.call("GET", path, "", public); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	f.ready = strongroom.Faultf(strongroom.Unavailable, "disk", "the disk is full").Advise("make room")
	if a := f.call("GET", "/readyz", "", public); a.status != 503 || !strings.Contains(string(a.body), "the disk is full") || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.ready = fmt.Errorf("cannot open %s", "/srv/jane.doe@example.com")
	if a := f.call("GET", "/readyz", "", public); a.status != 503 || f.problem(a).Code != "not-ready" || strings.Contains(string(a.body), "jane") || f.problem(a).Hint == "" {
		t.Errorf("not ready for a reason without words: %d %s", a.status, a.body)
	}
	if a := f.call("GET", "/healthz", "", public); a.status != 200 {
		t.Errorf("not alive: %d", a.status)
	}
	if a := f.call("GET", "/metrics", "", public); a.status != 401 {
		t.Errorf("metrics for anyone: %d", a.status)
	}
	if a := f.call("GET", "/metrics", ""); a.status != 200 || string(a.body) != "up 1\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call("GET", "/metrics", "", header{"Authorization", "Bearer " + f.newKey(authz.Application)}); a.status != 403 {
		t.Errorf("metrics for an application: %d", a.status)
	}
}
