package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/scim"
)

// every is a request for each route, with ids that fit and bodies that do.
func every() (out [][3]string) {
	for _, route := range scim.Routes() {
		method, path, _ := strings.Cut(route, " ")
		id := "scu_00000000000000000000000000"
		body := `{"userName":"a@b.example","displayName":"Ada Brandt"}`
		switch {
		case strings.HasPrefix(path, "/Groups"):
			id = "scg_00000000000000000000000000"
			body = `{"displayName":"g"}`
		case strings.HasPrefix(path, "/ResourceTypes"):
			id = "User"
		case strings.HasPrefix(path, "/Schemas"):
			id = "urn:ietf:params:scim:schemas:core:2.0:User"
		}
		if method == "PATCH" {
			body = `{"Operations":[{"op":"replace","value":{"displayName":"x"}}]}`
		}
		out = append(out, [3]string{method, strings.Replace(path, "{id}", id, 1), body})
	}
	return append(out, [3]string{"GET", "/Me", ""}, [3]string{"POST", "/Bulk", "{}"})
}

// TestObligation_2_1_2_NoRouteWithoutAKey: none of the door's routes answers a
// caller nobody knows, or a key of another role with what the directory holds.
func TestObligation_2_1_2_NoRouteWithoutAKey(t *testing.T) {
	f := fresh(t)
	for _, r := range every() {
		for _, key := range []string{"", "nonsense", "sr_test_" + strings.Repeat("0", 59)} {
			status, body, head := f.askAs(t, key, r[0], r[1], []byte(r[2]))
			if status != http.StatusUnauthorized || head.Get("WWW-Authenticate") == "" || body["status"] != "401" {
				t.Errorf("%s %s with %q: %d", r[0], r[1], key, status)
			}
		}
		status, _, _ := f.askAs(t, f.wrong, r[0], r[1], []byte(r[2]))
		describes := strings.HasPrefix(r[1], "/Service") || strings.HasPrefix(r[1], "/Resource") || strings.HasPrefix(r[1], "/Schemas")
		if want := map[bool]int{true: 200, false: 403}[describes]; status != want && r[1] != "/Me" && r[1] != "/Bulk" {
			t.Errorf("%s %s as an application: %d", r[0], r[1], status)
		}
		// Planted: a directory gets further than both.
		if status, _, _ := f.ask(t, r[0], r[1], []byte(r[2])); status == 401 || status == 403 {
			t.Errorf("%s %s as a directory: %d", r[0], r[1], status)
		}
	}
	if status, _, _ := f.askAs(t, f.key, "GET", "/Users", nil, "Authorization", "Basic "+f.key); status != 401 {
		t.Errorf("a key that is no bearer token: %d", status)
	}
}

func (f *fixture) create(t testing.TB, name string) string {
	t.Helper()
	status, out, _ := f.ask(t, "POST", "/Users", fmt.Appendf(nil,
		`{"userName":"%s@kitchen.example","name":{"givenName":"Mira","familyName":"%s"},"active":false}`, name, strings.ToUpper(name)))
	if status != 201 {
		t.Fatalf("%d %v", status, out)
	}
	return out["id"].(string)
}

func TestPages(t *testing.T) {
	f := fresh(t)
	var ids []string
	for _, n := range []string{"ada", "bo", "cy", "di", "ed"} {
		ids = append(ids, f.create(t, n))
	}
	for query, want := range map[string][]int{
		"":                                     {0, 1, 2, 3, 4},
		"?startIndex=2&count=2":                {1, 2},
		"?startIndex=5&count=2":                {4},
		"?startIndex=9&count=2":                {},
		"?startIndex=-3&count=1":               {0},
		"?count=0":                             {},
		"?count=-1":                            {},
		"?filter=userName+sw+%22b%22":          {1},
		"?filter=userName+co+%22KITCHEN%22":    {0, 1, 2, 3, 4},
		"?filter=active+eq+true":               {},
		"?filter=active+eq+false&startIndex=4": {3, 4},
		"?filter=userName+eq+%22ED@kitchen.example%22+and+active+eq+true": {},
	} {
		status, out, _ := f.ask(t, "GET", "/Users"+query, nil)
		got := []int{}
		for _, r := range out["Resources"].([]any) {
			got = append(got, slices.Index(ids, r.(map[string]any)["id"].(string)))
		}
		if status != 200 || !slices.Equal(got, want) || int(out["itemsPerPage"].(float64)) != len(want) {
			t.Errorf("%s: %d %v", query, status, got)
		}
		if total := int(out["totalResults"].(float64)); !strings.Contains(query, "filter") && total != 5 {
			t.Errorf("%s: %d in all", query, total)
		}
	}
	for query, want := range map[string]string{
		"?filter=jane": "invalidFilter", "?filter=jane+eq+%22x%22": "invalidFilter", "?count=many": "invalidValue", "?startIndex=x": "invalidValue",
	} {
		status, out, _ := f.ask(t, "GET", "/Users"+query, nil)
		if text, _ := json.Marshal(out); status != 400 || out["scimType"] != want || strings.Contains(string(text), "jane") {
			t.Errorf("%s: %d %v", query, status, out)
		}
	}
	_, out, _ := f.ask(t, "GET", "/Users/"+ids[0]+"?attributes=userName", nil)
	if out["userName"] != "ada@kitchen.example" || out["name"] != nil || out["id"] == nil {
		t.Errorf("attributes: %v", out)
	}
	_, out, _ = f.ask(t, "GET", "/Users?excludedAttributes=name.givenName,emails", nil)
	if x := out["Resources"].([]any)[0].(map[string]any); x["name"] != nil || x["userName"] == nil {
		t.Errorf("excludedAttributes: %v", x)
	}
}

// Of two who change a user at once, one is told.
func TestVersions(t *testing.T) {
	f := fresh(t)
	id := f.create(t, "ada")
	_, _, head := f.ask(t, "GET", "/Users/"+id, nil)
	tag := head.Get("ETag")
	body := []byte(`{"Operations":[{"op":"replace","path":"displayName","value":"Ada"}]}`)
	if status, _, head := f.askAs(t, f.key, "PATCH", "/Users/"+id, body, "If-Match", tag); status != 200 || head.Get("ETag") == tag {
		t.Errorf("the newest version: %d %s", status, head.Get("ETag"))
	}
	for _, old := range []string{tag, `"x"`, `W/"0"`, `W/"99"`} {
		if status, _, _ := f.askAs(t, f.key, "PATCH", "/Users/"+id, body, "If-Match", old); status != http.StatusPreconditionFailed {
			t.Errorf("%s: %d", old, status)
		}
	}
	if status, _, _ := f.askAs(t, f.key, "PATCH", "/Users/"+id, body, "If-Match", "*"); status != 200 {
		t.Error("any version")
	}
}

func TestRefusals(t *testing.T) {
	f := fresh(t)
	id := f.create(t, "ada")
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind               any
	}{
		"no user name":       {"POST", "/Users", `{"name":{"givenName":"x"}}`, 400, "invalidValue"},
		"shared mailbox":     {"POST", "/Users", `{"userName":"support@kitchen.example","displayName":"Mira Okonkwo"}`, 400, "invalidValue"},
		"nobody's name":      {"POST", "/Users", `{"userName":"m@kitchen.example","displayName":"Support Team"}`, 400, "invalidValue"},
		"unknown attribute":  {"POST", "/Users", `{"userName":"jane@kitchen.example","favourite":"x"}`, 400, "invalidPath"},
		"not JSON":           {"POST", "/Users", `jane`, 400, "invalidSyntax"},
		"too long":           {"POST", "/Users", `{"userName":"` + strings.Repeat("x", 600) + `"}`, 400, "invalidValue"},
		"too large":          {"POST", "/Users", `{"userName":"` + strings.Repeat("x", 5<<20) + `"}`, 413, nil},
		"no such user":       {"GET", "/Users/scu_00000000000000000000000000", ``, 404, nil},
		"no id":              {"GET", "/Users/jane@kitchen.example", ``, 404, nil},
		"no such endpoint":   {"GET", "/Devices", ``, 404, nil},
		"wrong method":       {"POST", "/Users/" + id, `{}`, 404, nil},
		"member unknown":     {"POST", "/Groups", `{"displayName":"g","members":[{"value":"scu_00000000000000000000000000"}]}`, 400, "invalidValue"},
		"member is an id":    {"POST", "/Groups", `{"displayName":"g","members":[{"display":"jane"}]}`, 400, "invalidValue"},
		"group in a group":   {"POST", "/Groups", `{"displayName":"g","members":[{"value":"scg_1","type":"Group"}]}`, 400, "invalidValue"},
		"group without name": {"POST", "/Groups", `{}`, 400, "invalidValue"},
		"group path":         {"PATCH", "/Groups/scg_00000000000000000000000000", `{"Operations":[{"op":"add","path":"members[value eq \"x\"]","value":1}]}`, 404, nil},
	} {
		status, out, _ := f.ask(t, c.method, c.path, []byte(c.body))
		if text, _ := json.Marshal(out); status != c.status || out["scimType"] != c.kind || strings.Contains(string(text), "jane") {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, _, _ := f.askAs(t, f.key, "POST", "/Users", []byte(`<user/>`), "Content-Type", "text/xml"); status != 415 {
		t.Errorf("XML: %d", status)
	}
	if n := f.rights.waiting(); n != 0 {
		t.Errorf("%d requests came of refusals", n)
	}
}

// What the server says of itself fits what it does.
func TestDescribes(t *testing.T) {
	f := fresh(t)
	_, out, _ := f.ask(t, "GET", "/ServiceProviderConfig", nil)
	if dig(out, "patch.supported") != true || dig(out, "bulk.supported") != false || dig(out, "filter.maxResults") != 200.0 {
		t.Errorf("%v", out)
	}
	_, out, _ = f.ask(t, "GET", "/ResourceTypes", nil)
	if out["totalResults"] != 2.0 || dig(out, "Resources.1.endpoint") != "/Groups" {
		t.Errorf("%v", out)
	}
	_, out, _ = f.ask(t, "GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", nil)
	if dig(out, "attributes.0.name") != "userName" {
		t.Errorf("%v", out)
	}
	if status, _, _ := f.ask(t, "GET", "/Schemas/urn:nobody", nil); status != 404 {
		t.Errorf("a schema nobody wrote: %d", status)
	}
}

// Nothing of a person is in the log, whatever the directory sends.
func TestLogHoldsNoPerson(t *testing.T) {
	f := fresh(t)
	id := f.create(t, "zebulon")
	f.ask(t, "PATCH", "/Users/"+id, []byte(`{"Operations":[{"op":"replace","path":"displayName","value":"Zebulon Q."}]}`))
	f.ask(t, "GET", "/Users?filter=userName+eq+%22zebulon@kitchen.example%22", nil)
	f.ask(t, "GET", "/Users/zebulon@kitchen.example", nil)
	f.ask(t, "DELETE", "/Users/"+id, nil)
	entries, err := f.log.Events(t.Context(), -1, audit.MaxEvents)
	must(t, err)
	actions := map[string]int{}
	for _, e := range entries {
		if strings.Contains(strings.ToLower(string(e.Leaf)), "zebulon") {
			t.Errorf("an event holds a name")
		}
		x, err := e.Event()
		must(t, err)
		actions[x.Action.Name]++
	}
	if actions["person.provision"] < 5 {
		t.Errorf("planted: the log holds what was done: %v", actions)
	}
}
