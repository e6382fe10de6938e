package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// A refusal says what was wrong and what to do, and not only that it was.
func TestRefusalsSpeak(t *testing.T) {
	f := serve(t, nil)
	for name, c := range map[string]struct{ path, body, detail, hint string }{
		"a network of nonsense": {"/v1/networks", `{"add":[{"network":"nonsense"}]}`,
			"a network is an address, a slash and the length of the prefix", "a single address ends in /32, one of IPv6 in /128"},
		"a key for a bare address": {"/v1/keys", `{"label":"a","roles":["owner"],"all_stores":true,"networks":["192.0.2.1"]}`,
			"a network is an address, a slash and the length of the prefix", "a single address ends in /32, one of IPv6 in /128"},
		"an address with a name": {"/v1/people", `{"name":"Jana Novak","email":"Jana <jana@example.com>"}`,
			"the address must be one plain e-mail address", "write name, at sign and domain, without a display name"},
		"explained of nobody":  {"/v1/policies/explain", `{"action":"record.read","type":"Record"}`, "subject is missing", "see /openapi.json"},
		"explained of nothing": {"/v1/policies/explain", `{"subject":"svc_1","type":"Record"}`, "action is missing", "see /openapi.json"},
		"explained on nothing": {"/v1/policies/explain", `{"subject":"svc_1","action":"record.read"}`, "type is missing", "see /openapi.json"},
		"policies cut short":   {"/v1/policies", `{"files":[{"name":"a.cedar","text":"permit (principal"}]}`, "1 problem in the policies in line 1", "check them to see each"},
		"a body for no body":   {"/v1/policies/pol_1/approve", `{"a":1}`, "this call takes no body", "send none, or {}"},
	} {
		a := f.call("POST", c.path, c.body)
		if p := f.problem(a); a.status != http.StatusBadRequest || p.Detail != c.detail || p.Hint != c.hint {
			t.Errorf("%s: %d %s; %s", name, a.status, p.Detail, p.Hint)
		}
	}
}

// An empty object is no body, in a call that takes none.
func TestAnEmptyObjectIsNoBody(t *testing.T) {
	f := serve(t, nil)
	for body, status := range map[string]int{"{}": 404, " {\n} ": 404, "": 404, "[]": 400, "{}{}": 400, `{"":0}`: 400, "{": 400, "}": 400} {
		path := "/v1/policies/pol_" + strings.Repeat("0", 26) + "/withdraw"
		if a := f.call("POST", path, body); a.status != status {
			t.Errorf("%q: %d %s", body, a.status, a.body)
		}
	}
}
