package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"strongroom/internal/authz"
)

// Records are opened by a value that finds them as by their ids: a decision and an
// event for each, and what is erased stays closed.
func TestRevealByFind(t *testing.T) {
	f := serve(t, nil)
	_, store := f.store()
	for n := range 2 {
		f.get("POST", store+"/ingest?resource=orders&version=v2&platform=shopify", fmt.Sprintf(
			`{"id":"%d","createdAt":"2026-10-19T10:00:00.000Z","updatedAt":"2026-10-19T10:00:00.000Z","email":"ada@example.com","total":1.50}`, 7000+n), nil)
	}
	const ask = `{"purpose":"fulfilment","reference":"7000","find":{"email":"ADA@example.com"}}`
	var out struct {
		Records []struct {
			ID, Error string
			Record    json.RawMessage
		}
		Next string `json:"next_cursor"`
	}
	n := f.size()
	f.get("POST", "/v1/reveal", ask, &out)
	if len(out.Records) != 2 || out.Next != "" {
		t.Fatalf("%+v", out)
	}
	for _, r := range out.Records {
		if r.Error != "" || !strings.Contains(string(r.Record), "ada@example.com") || !strings.Contains(string(r.Record), "1.50") {
			t.Errorf("%+v", r)
		}
	}
	var names []string
	for _, e := range f.since(n) {
		names = append(names, e.Action.Name)
	}
	if got := strings.Join(names, " "); got != "record.find record.reveal record.reveal" {
		t.Errorf("events: %s", got)
	}
	f.get("POST", store+"/records/"+out.Records[0].ID+"/erase", "", nil)
	erased := out.Records[0].ID
	f.get("POST", "/v1/reveal", ask, &out)
	if len(out.Records) != 1 || out.Records[0].ID == erased {
		t.Errorf("after an erasure: %+v", out)
	}
	for body, want := range map[string]int{
		`{"purpose":"fulfilment","reference":"7000","find":{"email":"nobody@example.com"}}`:                404,
		`{"purpose":"marketing","reference":"7000","find":{"email":"ada@example.com"}}`:                    400,
		`{"purpose":"fulfilment","reference":"7000","tokens":["x"],"find":{"email":"ada@example.com"}}`:    400,
		`{"purpose":"fulfilment","reference":"7000","find":{}}`:                                            400,
		`{"purpose":"fulfilment","reference":"7000","find":{"email":"ada@example.com","limit":-1}}`:        400,
		`{"purpose":"subject_request","reference":"7000","find":{"email":"ada@example.com"}}`:              403,
		`{"purpose":"fulfilment","reference":"7000","find":{"email":"ada@example.com","unknown":"field"}}`: 400,
	} {
		if a := f.call("POST", "/v1/reveal", body); a.status != want {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	as := header{"Authorization", "Bearer " + f.newKey(authz.Auditor)}
	if a := f.call("POST", "/v1/reveal", ask, as); a.status != 403 {
		t.Errorf("one who may not: %d %s", a.status, a.body)
	}
	if a := f.call("GET", "/v1/audit/proof", ""); a.status != 400 {
		t.Errorf("a proof of no event: %d", a.status)
	}
}
