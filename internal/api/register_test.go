package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// way is one past the product, as the register shows it.
type way struct {
	ID, System, Account, Bound string
	Ended                      string `json:"ended_at"`
}

// A register of ways past the product: tried first, taken in whole, bound, ended.
func TestRegisterAtTheDoor(t *testing.T) {
	f := serve(t, nil)
	o, owner := f.first()
	list := func(query string) (out []way) {
		t.Helper()
		for cursor := ""; ; {
			var page struct {
				Ways []way
				Next string `json:"next_cursor"`
			}
			o.want(http.StatusOK, "GET", "/v1/register?limit=1"+query+cursor, "", &page)
			out = append(out, page.Ways...)
			if page.Next == "" {
				return out
			}
			cursor = "&cursor=" + page.Next
		}
	}
	in := `{"system":"bucket-backup","sort":"bucket","accounts":[{"account":"jane.doe@example.com","privilege":"read"},{"account":"ci","bound":"` + owner + `"}]}`
	var n struct{ Added, Kept, Ended, Unbound int }
	o.want(http.StatusOK, "POST", "/v1/register/import", strings.Replace(in, `{"system"`, `{"dry_run":true,"system"`, 1), &n)
	if n.Added != 2 || n.Unbound != 1 || len(list("")) != 0 {
		t.Errorf("a dry run: %+v, %d there", n, len(list("")))
	}
	o.want(http.StatusOK, "POST", "/v1/register/import", in, &n)
	all := list("")
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	var unbound string
	for _, w := range all {
		if w.Bound == "" {
			unbound = w.ID
		}
	}
	var drift struct{ Findings []struct{ Flaw string } }
	o.want(http.StatusOK, "GET", "/v1/baselines/people/drift", "", &drift)
	if !strings.Contains(strings.Join(flaws(drift.Findings), " "), "unbound") {
		t.Errorf("a way that is nobody's is no finding: %+v", drift)
	}
	o.want(http.StatusNotFound, "POST", "/v1/register/"+unbound+"/bind", `{"account":"usr_0000000000000000000000000z"}`, nil)
	o.want(http.StatusNoContent, "POST", "/v1/register/"+unbound+"/bind", `{"account":"`+owner+`"}`, nil)
	if got := list("&account=" + owner); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	// The end of what is bound to oneself is for an import; of another's it can be stated.
	o.want(http.StatusForbidden, "POST", "/v1/register/"+unbound+"/end", "", nil)
	o.want(http.StatusOK, "POST", "/v1/register/import", `{"system":"bucket-backup","sort":"bucket","accounts":[{"account":"ci","bound":"`+owner+`"}]}`, &n)
	o.want(http.StatusOK, "POST", "/v1/register/import", `{"system":"host-1","sort":"host","accounts":[{"account":"ops"}]}`, nil)
	// A list that ends all of a system is confirmed.
	none := `{"system":"host-1","sort":"host","accounts":[]`
	var dry struct {
		Ended    int
		Sweeping bool
	}
	o.want(http.StatusOK, "POST", "/v1/register/import", none+`,"dry_run":true}`, &dry)
	if dry.Ended != 1 || !dry.Sweeping {
		t.Errorf("%+v", dry)
	}
	o.want(http.StatusConflict, "POST", "/v1/register/import", none+`}`, nil)
	o.want(http.StatusOK, "POST", "/v1/register/import", none+`,"confirm":true}`, &dry)
	o.want(http.StatusOK, "POST", "/v1/register/import", `{"system":"host-1","sort":"host","accounts":[{"account":"ops"}]}`, nil)
	for _, w := range list("&live=true") {
		if w.Account == "ops" {
			o.want(http.StatusNoContent, "POST", "/v1/register/"+w.ID+"/end", "", nil)
		}
	}
	if got := list("&live=true"); len(got) != 1 || got[0].Account != "ci" {
		t.Errorf("%+v", got)
	}
	if text := f.words.String(); strings.Contains(text, "jane") {
		t.Error("the operational log names an account outside")
	}
	for name, bad := range map[string]string{
		"no sort":      strings.Replace(in, `"bucket"`, `"cellar"`, 1),
		"bound to one": strings.Replace(in, owner, "jane", 1),
		"nobody there": strings.Replace(in, owner, "usr_0000000000000000000000000z", 1),
		"twice":        strings.Replace(in, `"ci"`, `"jane.doe@example.com"`, 1),
	} {
		if a := o.call("POST", "/v1/register/import", bad); a.status/100 != 4 || strings.Contains(string(a.body), "jane") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	var c struct {
		Roles    bool `json:"has_roles"`
		Accounts []struct{ Account, Privilege string }
	}
	o.want(http.StatusOK, "GET", "/v1/register/catalogue", "", &c)
	if c.Roles != (len(c.Accounts) > 0) {
		t.Errorf("%+v", c)
	}
}

func flaws(list []struct{ Flaw string }) (out []string) {
	for _, x := range list {
		out = append(out, x.Flaw)
	}
	return out
}

// What a provider asks of passwords is held against the policy clause by clause; what
// does not read never passes.
func TestObligation_2_4_1_ProvidersAtTheDoor(t *testing.T) {
	f := serve(t, nil)
	o, _ := f.first()
	put := func(name, shape, text string) answer {
		t.Helper()
		return o.call("POST", "/v1/register/providers", `{"provider":"`+name+`","shape":"`+shape+`","text":"`+strings.ReplaceAll(text, `"`, `\"`)+`"}`)
	}
	good := `{"min_length":12,"upper":2,"lower":2,"digit":2,"special":2,"exclude_name":true,"history":10,"min_age_hours":24,"max_age_days":90,"mfa":true}`
	for name, text := range map[string]string{"good": good, "weak": strings.Replace(good, "12", "8", 1), "blind": strings.Replace(good, `"mfa":true`, `"mfa":null`, 1)} {
		if a := put(name, "generic", text); a.status != http.StatusNoContent {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := put("broken", "okta", "<html>"); a.status != http.StatusBadRequest {
		t.Errorf("what does not read: %d", a.status)
	}
	var x struct {
		Providers []struct {
			Provider string
			Clauses  []struct{ Clause, Standing string }
		}
	}
	o.want(http.StatusOK, "GET", "/v1/register/providers", "", &x)
	want := map[string]string{"good": "pass", "weak": "fail", "blind": "unknown", "broken": "unknown"}
	if len(x.Providers) != len(want) {
		t.Errorf("%+v", x)
	}
	for _, p := range x.Providers {
		if len(p.Clauses) != 7 || p.Clauses[0].Clause != "2.4.1" || p.Clauses[0].Standing != want[p.Provider] {
			t.Errorf("%s: %+v", p.Provider, p.Clauses)
		}
	}
	f.clock.SetOffset(f.clock.Offset() + 100*day)
	o.signIn(ownerEmail)
	o.want(http.StatusOK, "GET", "/v1/register/providers", "", &x)
	for _, p := range x.Providers {
		if p.Clauses[0].Standing != "unknown" {
			t.Errorf("planted: rules of %s that were read 100 days ago: %s", p.Provider, p.Clauses[0].Standing)
		}
	}
}
