package apptest_test

import (
	"net/http"
	"testing"
	"time"

	"strongroom/internal/apptest"
)

// TestReviewsLeaveNothingInClear takes in accounts of systems outside, decides with a
// reason, judges a sample and reads a provider's rules, and looks for the names and
// sentences in the database, the log, the keys and the operational log.
func TestReviewsLeaveNothingInClear(t *testing.T) {
	const (
		outside = "tamsin.okonkwo"
		system  = "gannet-cellar"
		reason  = "handed the ledgers to bookkeeping"
		judged  = "the parcel was sent twice"
		broken  = "zinnia.featherstone"
	)
	i := apptest.Start(t, apptest.Options{Cluster: apptest.NewCluster(t, false)})
	want := func(status int, method, path string, in, out any) {
		t.Helper()
		i.Want(status, apptest.Request{Method: method, Path: path, Body: in}, out)
	}
	accounts := []map[string]string{{"account": outside, "privilege": "superuser"}, {"account": "ci-runner"}}
	list := map[string]any{"system": system, "sort": "database", "accounts": accounts}
	want(http.StatusOK, "POST", "/v1/register/import", map[string]any{"system": system, "sort": "database", "accounts": accounts, "dry_run": true}, nil)
	want(http.StatusOK, "POST", "/v1/register/import", list, nil)
	want(http.StatusBadRequest, "POST", "/v1/register/import", map[string]any{
		"system": system, "sort": "database", "accounts": []map[string]string{{"account": broken}, {"account": broken}},
	}, nil)
	want(http.StatusNoContent, "POST", "/v1/register/providers", map[string]string{"provider": "gannet-roost", "shape": "generic", "text": `{"mfa":true}`}, nil)
	want(http.StatusBadRequest, "POST", "/v1/register/providers", map[string]string{"provider": "gannet-roost", "shape": "okta", "text": broken}, nil)

	var c struct{ ID string }
	want(http.StatusCreated, "POST", "/v1/reviews", map[string]string{"kind": "people"}, &c)
	var page struct {
		Entries []struct {
			Entry int
			Item  struct{ Sort string }
		}
	}
	want(http.StatusOK, "GET", "/v1/reviews/"+c.ID+"/entries", nil, &page)
	if len(page.Entries) != 2 || page.Entries[0].Item.Sort != "outside" {
		t.Fatalf("%+v", page)
	}
	for _, e := range page.Entries {
		want(http.StatusNoContent, "POST", "/v1/reviews/"+c.ID+"/decisions", map[string]any{
			"decisions": []map[string]any{{"entry": e.Entry, "verdict": "remove", "reason": "moved", "text": reason}},
		}, nil)
	}
	want(http.StatusOK, "POST", "/v1/reviews/"+c.ID+"/execute", nil, nil)

	store := i.AddStore("Larkspur", "shopify")
	i.Ingest(apptest.In{Store: store, Resource: "orders", Version: "v2"}, []byte(`{"order":{"id":"6120448100999","number":"5001","currency":"USD"}}`))
	records, _ := i.Records(store)
	i.Reveal(store, records[0].ID)
	var clock struct{ Now time.Time }
	want(http.StatusOK, "GET", "/v1/clock", nil, &clock)
	i.Advance(31 * 24 * time.Hour)
	i.Sweep()
	month := "/v1/samples/" + clock.Now.UTC().Format("2006-01")
	var m struct{ Samples []struct{ Position int64 } }
	want(http.StatusOK, "GET", month, nil, &m)
	if len(m.Samples) != 1 {
		t.Fatalf("%+v", m)
	}
	var judge struct {
		Key string `json:"api_key"`
	}
	want(http.StatusCreated, "POST", "/v1/keys", map[string]any{"label": "judge", "roles": []string{"test-everything"}, "all_stores": true}, &judge)
	i.Want(http.StatusNoContent, apptest.Request{Method: "POST", Path: month + "/judge", Key: judge.Key, Body: map[string]any{
		"position": m.Samples[0].Position, "judgement": "unjustified", "text": judged,
	}}, nil)

	scan := apptest.NewScanner([]string{outside, "okonkwo", system, "gannet-roost", "ci-runner", reason, "bookkeeping", judged, broken, "featherstone"})
	for _, h := range scan.Scan(i.Bytes()...) {
		t.Errorf("leak: %v", h)
	}
	i.Stop()
	for _, h := range scan.Scan(i.Bytes()...) {
		t.Errorf("leak after the stop: %v", h)
	}
	// The planted negative: what is there is found.
	if len(scan.Scan(apptest.Part{Name: "planted", Bytes: []byte("db: " + outside)})) == 0 {
		t.Error("the scan finds nothing")
	}
}
