package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/api"
)

func jsonInto(text []byte, into any) error { return json.Unmarshal(text, into) }

// TestObligation_2_1_5_NoWayAround lists every route that asks for nobody, and
// has each of the others refuse a caller without a key and without a session. A
// new route without a caller fails until the list says so.
func TestObligation_2_1_5_NoWayAround(t *testing.T) {
	f := serve(t, nil)
	var open strings.Builder
	for _, rt := range api.Routes() {
		if rt.Public {
			open.WriteString(rt.Method + " " + rt.Path + "\n")
			continue
		}
		path := strings.NewReplacer("{id}", "usr_0000000000000000000000000z", "{store}", "str_0000000000000000000000000z", "{record}", "rec_0000000000000000000000000z").Replace(rt.Path)
		for name, auth := range map[string]string{
			"nobody": "", "a made-up session": "Bearer srs_test_0000000000000000000000000000000000000000000000000000", "a made-up key": "Bearer sr_test_00000000",
		} {
			a := f.call(rt.Method, path, "", header{"Authorization", auth})
			if a.status != http.StatusUnauthorized {
				t.Errorf("%s %s answers %s with %d", rt.Method, rt.Path, name, a.status)
			}
		}
	}
	golden(t, filepath.Join("testdata", "unauthenticated.txt"), []byte(open.String()))
	want, err := os.ReadFile(filepath.Join("testdata", "unauthenticated.txt"))
	if err != nil || strings.Contains(string(want), "/v1/stores") {
		t.Errorf("the list of routes without a caller: %v", err)
	}
}

// A person comes in by a link, with two factors, and reaches the own account alone
// until trained.
func TestAPersonComesIn(t *testing.T) {
	f := serve(t, nil)
	id, link := f.owner()
	u := &user{f: f}
	u.enrol(link)
	if len(u.codes) != 10 {
		t.Errorf("%d recovery codes", len(u.codes))
	}
	u.want(http.StatusUnauthorized, "POST", "/v1/enrol", `{"link":"`+link+`"}`, nil) // once
	u.signIn(ownerEmail)
	var who struct {
		ID      string
		Roles   []string
		Trained bool
	}
	u.want(http.StatusOK, "GET", "/v1/session", "", &who)
	if who.ID != id || len(who.Roles) != 1 || who.Roles[0] != "owner" || who.Trained {
		t.Errorf("the policies know %+v", who)
	}
	u.want(http.StatusForbidden, "GET", "/v1/people", "", nil) // untrained
	for _, topic := range []string{"data-protection", "it-security"} {
		u.want(http.StatusNoContent, "POST", "/v1/trainings", `{"topic":"`+topic+`","version":"2026-1"}`, nil)
	}
	for _, pledge := range []string{"confidentiality", "acceptable-use"} {
		u.want(http.StatusNoContent, "POST", "/v1/pledges", `{"pledge":"`+pledge+`","version":"2026-1"}`, nil)
	}
	u.renewed()
	var list struct {
		People []struct{ ID, Name, State string }
	}
	u.want(http.StatusOK, "GET", "/v1/people", "", &list)
	if len(list.People) != 1 || list.People[0].Name != ownerName || list.People[0].State != "active" {
		t.Errorf("people: %+v", list)
	}
	u.opened("/v1/session/step-up/totp", `{"code":"`+u.code()+`"}`)
	u.want(http.StatusOK, "GET", "/v1/account", "", nil)
	u.want(http.StatusOK, "GET", "/v1/sessions", "", nil)
	u.want(http.StatusNoContent, "DELETE", "/v1/session", "", nil)
	u.want(http.StatusUnauthorized, "GET", "/v1/session", "", nil)
	if text := f.words.String(); strings.Contains(text, "Vandersmissen") || strings.Contains(text, "vandersmissen") {
		t.Error("the operational log names a person")
	}
}

// renewed takes a new token if the rights have changed.
func (u *user) renewed() {
	u.f.t.Helper()
	u.f.real.SetOffset(u.f.real.Offset() + 2e9) // past the trust in what was looked up
	if a := u.call("GET", "/v1/session", ""); a.status == http.StatusUnauthorized {
		if p := u.f.problem(a); p.Code != "session-stale" {
			u.f.t.Fatalf("%s", a.body)
		}
		u.opened("/v1/session/renew", "")
	}
}

// Whether an address has an account, and what was wrong, is told to nobody.
func TestSignInTellsNothing(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	u := &user{f: f}
	u.enrol(link)
	var seen []string
	for _, email := range []string{ownerEmail, "nobody@vandersmissen.example"} {
		var ch struct{ Challenge string }
		a := u.want(http.StatusOK, "POST", "/v1/session/begin", `{"email":"`+email+`"}`, &ch)
		b := u.want(http.StatusUnauthorized, "POST", "/v1/session/password", `{"challenge":"`+ch.Challenge+`","password":"Wrong-but-long-1!"}`, nil)
		p := f.problem(b)
		p.Request = ""
		seen = append(seen, p.Detail+p.Code+strings.Join(keysOf(t, a.body), " "))
	}
	if seen[0] != seen[1] {
		t.Errorf("the answers differ:\n%s\n%s", seen[0], seen[1])
	}
	// The planted negative: the right password of the account is told from the wrong one.
	u.signIn(ownerEmail)
}

func keysOf(t *testing.T, text []byte) (out []string) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return append(out, string(m["methods"]))
}

// TestObligation_2_1_2_NetworkRules narrows down where the API may be called from:
// everybody else is refused before anything is looked at, with or without a key.
func TestObligation_2_1_2_NetworkRules(t *testing.T) {
	f := serve(t, nil)
	f.get("GET", "/v1/stores", "", nil) // the planted negative: without a rule it is answered
	f.get("POST", "/v1/networks", `{"add":[{"listener":"api","network":"192.0.2.0/24"}]}`, nil)
	for path, auth := range map[string]string{"/v1/stores": "Bearer " + f.key, "/v1/session": "", "/v1/audit/key": ""} {
		a := f.call("GET", path, "", header{"Authorization", auth})
		if p := f.problem(a); a.status != http.StatusForbidden || p.Code != "network" {
			t.Errorf("%s from elsewhere: %d %s", path, a.status, p.Code)
		}
	}
	if a := f.call("GET", "/healthz", ""); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}
}
