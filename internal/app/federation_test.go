package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/authz"
	"strongroom/internal/federation"
	"strongroom/internal/web"
)

// caller makes calls of an instance over TCP with one key.
type caller struct {
	t    *testing.T
	base string
	key  string
}

func (c caller) call(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&out) // an answer without a body is empty
	return res.StatusCode, out
}

func (c caller) want(status int, method, path, body string) map[string]any {
	c.t.Helper()
	got, out := c.call(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: %d %v", method, path, got, out)
	}
	return out
}

// TestObligation_2_2_12_DirectoryEndsAnAccount: in the whole product, what a directory
// describes is approved by people, and ends with all it could reach when the
// directory says so; a probe finds no way in.
func TestObligation_2_2_12_DirectoryEndsAnAccount(t *testing.T) {
	dir, made := instance(t)
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := httptest.NewServer(a.Handler())
	defer s.Close()
	boss := caller{t, s.URL, made.APIKey}
	key := boss.want(201, "POST", "/v1/keys", `{"label":"directory","roles":["`+authz.Provisioner+`"],"all_stores":true}`)
	directory := caller{t, s.URL, key["api_key"].(string)}
	caller{t, s.URL, ""}.want(401, "GET", "/scim/v2/Users", "")
	directory.want(403, "GET", "/v1/people", "") // planted: the role is worth little elsewhere
	said := caller{t, s.URL, strongroom.Test.Prefix("srs") + strings.Repeat("0", 26)}.want(401, "GET", "/scim/v2/Users", "")["detail"]
	if want := "this is the session of a person; a directory calls with the key of a service; have one with the role provisioner: strongroom service ask"; said != want {
		t.Errorf("to a session: %v", said)
	}

	user := directory.want(201, "POST", "/scim/v2/Users", `{"userName":"mira.okonkwo@kitchen.example","name":{"givenName":"Mira","familyName":"Okonkwo"},"active":true}`)
	id := user["id"].(string)
	own := user["urn:strongroom:params:scim:schemas:1.0:User"].(map[string]any)
	boss.want(200, "POST", "/v1/requests/"+own["request"].(string)+"/approve", "")
	user = directory.want(200, "PATCH", "/scim/v2/Users/"+id, `{"Operations":[{"op":"replace","value":{"displayName":"Mira"}}]}`)
	person := user["urn:strongroom:params:scim:schemas:1.0:User"].(map[string]any)["account"].(string)
	if x := boss.want(200, "GET", "/v1/people/"+person, ""); x["state"] != "invited" {
		t.Fatalf("approved: %v", x)
	}
	role := boss.want(201, "POST", "/v1/requests", `{"kind":"role","reason":"runs the stores","subject":"`+person+`","roles":["operator"],"all_stores":true}`)
	key = boss.want(201, "POST", "/v1/keys", `{"label":"second","roles":["`+authz.Owner+`"],"all_stores":true}`)
	caller{t, s.URL, key["api_key"].(string)}.want(200, "POST", "/v1/requests/"+role["id"].(string)+"/approve", "")
	user = directory.want(200, "PATCH", "/scim/v2/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	if user["active"] != false {
		t.Errorf("%v", user)
	}
	if x := boss.want(200, "GET", "/v1/people/"+person, ""); x["state"] != "ended" {
		t.Errorf("switched off: %v", x)
	}
	who := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http"}
	proofs, _, err := a.Federation().Proofs(t.Context(), who, federation.ProofQuery{})
	if err != nil || len(proofs) != 1 || proofs[0].Person != person || proofs[0].Late {
		t.Fatalf("%+v, %v", proofs, err)
	}
	proof, err := a.Federation().Probe(t.Context(), who, person)
	if err != nil || !proof.Refused() {
		t.Errorf("%+v, %v", proof, err)
	}
}

// serveAt serves an instance to callers that come from an address.
func serveAt(t *testing.T, a *app.App, from string) (url string) {
	t.Helper()
	conn := web.Conn{Addr: netip.MustParseAddr(from)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Handler().ServeHTTP(w, r.WithContext(web.WithConn(r.Context(), conn)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestDirectoryNetworks: directories come through the listener scim, and the rules
// of the listener api are not for them (DPP 2.1.2).
func TestDirectoryNetworks(t *testing.T) {
	for listener, want := range map[string]struct{ scim, api int }{"scim": {403, 200}, "api": {200, 403}} {
		t.Run(listener, func(t *testing.T) {
			dir, made := instance(t)
			a, err := app.Open(t.Context(), app.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			denied := serveAt(t, a, "192.0.2.7")
			boss := caller{t, serveAt(t, a, "198.51.100.7"), made.APIKey}
			key := boss.want(201, "POST", "/v1/keys", `{"label":"directory","roles":["`+authz.Provisioner+`"],"all_stores":true}`)
			directory := caller{t, denied, key["api_key"].(string)}
			directory.want(200, "GET", "/scim/v2/Users", "") // planted: without a rule it is let in
			boss.want(200, "POST", "/v1/networks", `{"add":[{"listener":"`+listener+`","deny":true,"network":"192.0.2.0/24"}]}`)
			directory.want(want.scim, "GET", "/scim/v2/Users", "")
			caller{t, denied, made.APIKey}.want(want.api, "GET", "/v1/stores", "")
		})
	}
}
