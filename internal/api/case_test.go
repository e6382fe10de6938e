package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
)

type caseView struct {
	ID, State, Purpose, Citation, Store string
	Due                                 string `json:"due_at"`
	Closed                              string `json:"closed_at"`
	All                                 bool   `json:"all_stores"`
}

// The way of a case: opened, listed, revealed under, extended, closed, and then
// it opens nothing.
func TestWayOfACase(t *testing.T) {
	f := serve(t, nil)
	id, store := f.store()
	f.get("POST", store+"/ingest?resource=orders&version=v2&platform=shopify", payload(t, "order_shopify_v2_full.json"), nil)
	var list page
	f.get("GET", store+"/records?kind=orders", "", &list)
	record := store + "/records/" + list.Records[0].ID
	reveal := func(reference string) answer {
		return f.call("POST", record+"/reveal", fmt.Sprintf(`{"purpose":"subject_request","reference":%q}`, reference))
	}
	if a := reveal("1047"); a.status != 403 || f.problem(a).Code != "case" {
		t.Errorf("without a case: %d %s", a.status, a.body)
	}
	var c caseView
	a := f.get("POST", "/v1/cases", `{"purpose":"subject_request","citation":"GDPR Art. 15(1)","store":"`+id+`"}`, &c)
	if a.status != 201 || c.State != "open" || c.Store != id || c.Due != "2026-11-20T12:00:0"+c.Due[18:] || c.Citation != "GDPR Art. 15(1)" {
		t.Fatalf("opened %s", a.body)
	}
	if a := reveal(c.ID); a.status != 200 {
		t.Errorf("under a case: %d %s", a.status, a.body)
	}
	if a := f.call("POST", record+"/reveal", `{"purpose":"legal_duty","reference":"`+c.ID+`"}`); a.status != 403 || f.problem(a).Code != "case-purpose" {
		t.Errorf("for another purpose: %d %s", a.status, a.body)
	}
	path := "/v1/cases/" + c.ID
	f.get("POST", path+"/extend", `{"reason":"complexity"}`, &c)
	if !strings.HasPrefix(c.Due, "2027-01-20") {
		t.Errorf("extended to %s", c.Due)
	}
	if a := f.call("POST", path+"/extend", `{"reason":"number"}`); a.status != 409 || f.problem(a).Code != "case-extended" {
		t.Errorf("extended again: %d %s", a.status, a.body)
	}
	f.get("POST", path+"/close", `{"reason":"answered"}`, &c)
	f.get("POST", path+"/close", `{"reason":"answered"}`, nil)
	if c.State != "closed" || c.Closed == "" {
		t.Errorf("closed %+v", c)
	}
	if a := reveal(c.ID); a.status != 403 || f.problem(a).Code != "case-closed" {
		t.Errorf("under a closed case: %d %s", a.status, a.body)
	}
	f.get("POST", "/v1/cases", `{"purpose":"legal_duty","citation":"AO § 147","due_at":"2026-11-01T00:00:00Z"}`, &c)
	var cases struct {
		Cases []caseView
		Next  string `json:"next_cursor"`
	}
	f.get("GET", "/v1/cases?limit=1", "", &cases)
	if len(cases.Cases) != 1 || cases.Cases[0].State != "closed" || cases.Next == "" {
		t.Fatalf("first page %+v", cases)
	}
	f.get("GET", "/v1/cases?limit=1&cursor="+cases.Next, "", &cases)
	if len(cases.Cases) != 1 || cases.Cases[0].ID != c.ID || !cases.Cases[0].All || cases.Next != "" {
		t.Errorf("second page %+v", cases)
	}
	f.get("GET", "/v1/cases?open=true", "", &cases)
	if len(cases.Cases) != 1 || cases.Cases[0].ID != c.ID {
		t.Errorf("open ones %+v", cases)
	}
}

// Role by route: who may open, list, read, extend and close, with a case of each
// purpose. The row of an application is the planted negative of all others.
func TestCaseRoutesByRole(t *testing.T) {
	f := serve(t, nil)
	due := `,"due_at":"2026-11-01T00:00:00Z"`
	bodies := map[string]string{
		"subject_request": `{"purpose":"subject_request","citation":"GDPR Art. 15(1)"}`,
		"legal_duty":      `{"purpose":"legal_duty","citation":"incident 2026-0007"` + due + `}`,
	}
	for role, want := range map[string]map[string]string{ // open, list, read, extend, close
		authz.Owner:       {"subject_request": "403 200 200 403 403", "legal_duty": "201 200 200 403 200"},
		authz.Operator:    {"subject_request": "403 403 403 403 403", "legal_duty": "403 403 403 403 403"},
		authz.Privacy:     {"subject_request": "201 200 200 200 200", "legal_duty": "201 200 200 409 200"},
		authz.Security:    {"subject_request": "403 200 200 403 403", "legal_duty": "201 200 200 403 200"},
		authz.Auditor:     {"subject_request": "403 200 200 403 403", "legal_duty": "403 200 200 403 403"},
		authz.Application: {"subject_request": "403 403 403 403 403", "legal_duty": "403 403 403 403 403"},
	} {
		as := header{"Authorization", "Bearer " + f.newKey(role)}
		for purpose, body := range bodies {
			var c caseView
			f.get("POST", "/v1/cases", body, &c)
			path := "/v1/cases/" + c.ID
			got := fmt.Sprint(f.call("POST", "/v1/cases", body, as).status, " ", f.call("GET", "/v1/cases", "", as).status, " ",
				f.call("GET", path, "", as).status, " ", f.call("POST", path+"/extend", `{"reason":"number"}`, as).status, " ",
				f.call("POST", path+"/close", `{"reason":"withdrawn"}`, as).status)
			if got != want[purpose] {
				t.Errorf("%s with a case of a %s: %s, want %s", role, purpose, got, want[purpose])
			}
		}
	}
}

func TestCaseRefusals(t *testing.T) {
	f := serve(t, nil)
	var c caseView
	f.get("POST", "/v1/cases", `{"purpose":"subject_request","citation":"GDPR Art. 15(1)"}`, &c)
	for name, r := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"no purpose":        {"POST", "/v1/cases", `{"citation":"AO § 147"}`, 400, "purpose"},
		"tax":               {"POST", "/v1/cases", `{"purpose":"tax","citation":"AO § 147"}`, 400, "purpose"},
		"no citation":       {"POST", "/v1/cases", `{"purpose":"subject_request"}`, 400, "citation"},
		"a person":          {"POST", "/v1/cases", `{"purpose":"subject_request","citation":"jane.doe@example.com 15"}`, 400, "citation"},
		"no due date":       {"POST", "/v1/cases", `{"purpose":"legal_duty","citation":"AO § 147"}`, 400, "due"},
		"due in the past":   {"POST", "/v1/cases", `{"purpose":"legal_duty","citation":"AO § 147","due_at":"2026-10-19T00:00:00Z"}`, 400, "due"},
		"due too late":      {"POST", "/v1/cases", `{"purpose":"subject_request","citation":"AO § 147","due_at":"2026-12-19T00:00:00Z"}`, 400, "due"},
		"unknown store":     {"POST", "/v1/cases", `{"purpose":"subject_request","citation":"AO § 147","store":"` + strongroom.NewID("str") + `"}`, 404, "store"},
		"no store at all":   {"POST", "/v1/cases", `{"purpose":"subject_request","citation":"AO § 147","store":"jane"}`, 404, "store"},
		"unknown case":      {"GET", "/v1/cases/" + strongroom.NewID("cas"), "", 404, "case"},
		"no case at all":    {"GET", "/v1/cases/seven", "", 404, "case"},
		"unknown reason":    {"POST", "/v1/cases/" + c.ID + "/close", `{"reason":"bored"}`, 400, "reason"},
		"unknown extension": {"POST", "/v1/cases/" + c.ID + "/extend", `{"reason":"bored"}`, 400, "reason"},
		"cursor":            {"GET", "/v1/cases?cursor=zzzz", "", 400, "cursor"},
	} {
		a := f.call(r.method, r.path, r.body)
		if p := f.problem(a); a.status != r.status || p.Code != r.code || strings.Contains(string(a.body), "jane") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// Named twice it is opened once.
	again := header{"Idempotency-Key", "case-1"}
	body := `{"purpose":"subject_request","citation":"GDPR Art. 17"}`
	first, second := f.call("POST", "/v1/cases", body, again), f.call("POST", "/v1/cases", body, again)
	var a, b struct{ ID string }
	f.must(json.Unmarshal(first.body, &a))
	f.must(json.Unmarshal(second.body, &b))
	if first.status != 201 || a.ID == "" || a.ID != b.ID {
		t.Errorf("%s then %s", first.body, second.body)
	}
	if n := len(f.events("case.open")); n < 10 {
		t.Errorf("only %d events of refused and opened cases", n)
	}
}
