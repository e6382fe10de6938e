package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
)

// fakeClock is a clock that refuses on its own, as the real one does.
type fakeClock struct{}

func (fakeClock) Now() time.Time { return asOf() }
func (fakeClock) Set(context.Context, strongroom.Actor, time.Time) error {
	return strongroom.Faultf(strongroom.Invalid, "clock", "the clock goes from the year 2000 to 2200")
}

// newest returns the events after the first n.
func (f *fixture) since(n int64) (out []audit.Event) {
	f.t.Helper()
	for {
		entries, err := f.log.Events(f.t.Context(), n-1, 500)
		f.must(err)
		for _, e := range entries {
			event, err := e.Event()
			f.must(err)
			out = append(out, event)
		}
		if n += int64(len(entries)); len(entries) == 0 {
			return out
		}
	}
}

func (f *fixture) size() int64 {
	f.t.Helper()
	return int64(len(f.since(0)))
}

// Every request of a known caller that is refused for its form leaves one event
// with action, status and caller, on every route and whatever is wrong with it,
// and nothing of what was sent.
func TestEveryRefusalIsAnEvent(t *testing.T) {
	const planted = "jane.doe@example.com"
	// The dot and the at sign are in no id, so none holds a part by chance.
	repeats := func(text string) bool {
		return strings.Contains(text, "jane.doe") || strings.Contains(text, "doe@example")
	}
	if strings.ContainsAny(strongroom.NewID("rec"), ".@") || !repeats("a "+planted) {
		t.Fatal("the search can be fooled, or finds nothing")
	}
	f := serve(t, func(o *api.Options) { o.MaxBody = 1 << 20; o.Clock = fakeClock{} })
	kinds := []struct {
		name, query, body, media string
		status                   int
		bodies                   bool // for routes that take a body only
	}{
		{name: "unknown query field", query: "?" + planted + "=1", status: 400},
		{name: "a query that cannot be read", query: "?a=%zz", status: 400},
		{name: "truncated", body: `{"a":"` + planted, status: 400, bodies: true},
		{name: "an unknown field", body: `{"` + planted + `":1}`, status: 400, bodies: true},
		{name: "a field twice", body: `{"label":"a","label":"b","store":"a","store":"b","purpose":"a","purpose":"b"}`, status: 400, bodies: true},
		{name: "an array", body: `["` + planted + `"]`, status: 400, bodies: true},
		{name: "a scalar", body: `"` + planted + `"`, status: 400, bodies: true},
		{name: "two values", body: `{} {"` + planted + `":1}`, status: 400, bodies: true},
		{name: "HTML", body: "<html>" + planted, status: 400, bodies: true},
		{name: "not UTF-8", body: "{\"a\":\"\xff\"}", status: 400, bodies: true},
		{name: "too large", body: strings.Repeat(" ", 1<<20) + "{}", status: 413, bodies: true},
		{name: "too deep", body: `{"order":{"id":"1","a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}}", status: 413, bodies: true},
		{name: "another media type", body: planted, media: "text/" + planted, status: 415, bodies: true},
		{name: "a body where none belongs", body: `{"a":"` + planted + `"}`, status: 400},
	}
	checked := 0
	for _, rt := range api.Routes() {
		if rt.Public || rt.Bare || rt.Action == "route.send" { // mirror and routes read and record for themselves, by tables of their own
			continue
		}
		takesBody := rt.Method == "POST" && rt.HasBody() || rt.Method == "PUT"
		path := strings.NewReplacer("{store}", strongroom.NewID("str"), "{id}", strongroom.NewID("rec")).Replace(rt.Path)
		if strings.HasPrefix(rt.Path, "/v1/keys/") {
			path = strings.ReplaceAll(rt.Path, "{id}", strongroom.NewID("svc"))
		}
		for _, k := range kinds {
			if k.bodies && !takesBody || k.name == "a body where none belongs" && (takesBody || rt.Streams()) {
				continue
			}
			if rt.Action == "person.feed" && slices.Contains([]string{"an unknown field", "a field twice", "two values", "too large", "too deep"}, k.name) {
				continue // a feed is a file: its bad lines are reported, and it may be larger
			}
			checked++
			n := f.size()
			media := "application/json"
			if k.media != "" {
				media = k.media
			}
			query := k.query
			if rt.Action == "record.ingest" && query == "" {
				query = "?resource=orders&version=v2"
			}
			a := f.call(rt.Method, path+query, k.body, header{"Content-Type", media})
			where := fmt.Sprintf("%s %s, %s", rt.Method, rt.Path, k.name)
			if a.status != k.status {
				t.Errorf("%s: status %d: %s", where, a.status, a.body)
			}
			events := f.since(n)
			want := rt.Action
			if rt.Anyone {
				want = "guard.refused"
			}
			if len(events) != 1 || events[0].Action.Name != want || events[0].Outcome != audit.Failure || events[0].Code == "" || !strings.HasPrefix(events[0].Actor.ID, "svc_") {
				t.Errorf("%s: events %+v", where, events)
				continue
			}
			if status := noteOf(events[0], "status"); status != nil && status != int64(k.status) {
				t.Errorf("%s: the event says status %v", where, status)
			}
			if repeats(string(a.body)) || repeats(fmt.Sprintf("%+v", events)) {
				t.Errorf("%s: the answer or the event repeats what was sent", where)
			}
		}
	}
	if checked < 150 {
		t.Errorf("only %d refusals were tried", checked)
	}
	// Planted: what is answered leaves no failure, so the check above can fail.
	n := f.size()
	f.get("GET", "/v1/stores", "", nil)
	if e := f.since(n); len(e) != 1 || e[0].Outcome != audit.Success {
		t.Errorf("the check finds nothing: %+v", e)
	}
}

func noteOf(e audit.Event, key string) any {
	for _, n := range e.Notes {
		if n.Key == key {
			return n.Value
		}
	}
	return nil
}

// What a function behind the door refuses before it asks anybody is recorded as
// well.
func TestRefusalsBehindTheDoor(t *testing.T) {
	f := serve(t, func(o *api.Options) { o.Clock = fakeClock{} })
	_, store := f.store()
	f.work.refuse = strongroom.Faultf(strongroom.Invalid, "resource", "no such resource")
	for _, c := range []struct {
		name, method, path, body, action string
		status                           int
	}{
		{"a clock too far", "POST", "/v1/clock", `{"now":"9999-01-01T00:00:00Z"}`, "clock.set", 400},
		{"neither time nor step", "POST", "/v1/clock", `{}`, "clock.set", 400},
		{"a sync", "POST", store + "/sync?resource=everything", "", "sync.run", 400},
		{"a credential", "PUT", store + "/credential", `{"access_token":"x","version":"v9"}`, "store.add", 400},
		{"a roll", "POST", "/v1/epoch/roll", "", "epoch.roll", 400},
		{"a job", "GET", "/v1/jobs/none", "", "job.run", 400},
		{"a field", "POST", "/v1/fields/classify", `{"store":"nowhere","field":"x","as":"clear"}`, "field.classify", 404},
		{"a proof of nothing", "GET", "/v1/audit/proof?index=999999", "", "log.proof", 404},
		{"a bad idempotency key", "POST", "/v1/stores", `{"name":"x"}`, "store.add", 400},
	} {
		n := f.size()
		var extra []header
		if strings.Contains(c.name, "idempotency") {
			extra = append(extra, header{"Idempotency-Key", "jane doe"})
		}
		a := f.call(c.method, c.path, c.body, extra...)
		events := f.since(n)
		last := len(events) - 1
		if a.status != c.status || last < 0 || events[last].Action.Name != c.action || events[last].Outcome == audit.Success {
			t.Errorf("%s: %d %s, events %+v", c.name, a.status, a.body, events)
		}
	}
}

// A stream whose line is too long says so in the log.
func TestCutOffStreamIsAnEvent(t *testing.T) {
	f := serve(t, func(o *api.Options) { o.MaxLine = 64 })
	_, store := f.store()
	n := f.size()
	f.call("POST", store+"/ingest?resource=orders&version=v2", strings.Repeat("x", 100)+"\n", header{"Content-Type", "application/x-ndjson"})
	if e := f.since(n); len(e) != 1 || e[0].Action.Name != "record.ingest" || e[0].Code != "line" || noteOf(e[0], "status") != int64(413) {
		t.Errorf("%+v", e)
	}
}

// Whoever may not do a thing hears that, however wrong the request is.
func TestRefusalOfAStranger(t *testing.T) {
	f := serve(t, nil)
	as := header{"Authorization", "Bearer " + f.newKey(authz.Auditor)}
	n := f.size()
	if a := f.call("POST", "/v1/epoch/roll?x=1", "", as); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if e := f.since(n); len(e) != 1 || e[0].Action.Name != "epoch.roll" || e[0].Outcome != audit.Denied {
		t.Errorf("%+v", e)
	}
}

// A page longer than there is counts as the longest one, on every list: whoever
// follows the cursor gets everything. A negative one is refused.
func TestLimitOverTheCap(t *testing.T) {
	f := serve(t, nil)
	id, _ := f.store()
	var campaign struct{ ID string }
	f.get("POST", "/v1/reviews", `{"kind":"services"}`, &campaign)
	lists := 0
	for _, rt := range api.Routes() {
		limit, ok := rt.MaxLimit()
		if !ok {
			continue
		}
		lists++
		path := strings.NewReplacer("{store}", id, "/reviews/{id}", "/reviews/"+campaign.ID).Replace(rt.Path)
		ask := func(n int64) answer {
			if rt.Method == "POST" {
				return f.call("POST", path, fmt.Sprintf(`{"external_id":"1","limit":%d}`, n))
			}
			return f.call("GET", fmt.Sprintf("%s?limit=%d%s", path, n, map[bool]string{true: "&store=" + id}[rt.Path == "/v1/fields"]), "")
		}
		for _, n := range []int64{limit, limit + 1, 1 << 40} {
			if a := ask(n); a.status != 200 {
				t.Errorf("%s: limit %d: %d %s", rt.Path, n, a.status, a.body)
			}
		}
		if a := ask(-1); a.status != 400 {
			t.Errorf("%s: limit -1: %d %s", rt.Path, a.status, a.body)
		}
	}
	if lists < 6 {
		t.Errorf("%d lists", lists)
	}
}

// Every field that bounds a page says how far it goes.
func TestEveryLimitHasACap(t *testing.T) {
	for _, rt := range api.Routes() {
		if _, ok := rt.MaxLimit(); !ok && rt.TakesLimit() {
			t.Errorf("%s %s takes a limit and names no cap", rt.Method, rt.Path)
		}
	}

}
