package apptest_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/apptest"
)

// proper are bodies with which a route does what it is for; {x} is filled in. What is
// not here is sent {} where it takes a body.
var proper = map[string]string{
	"POST /v1/stores":                             `{"name":"Another","platform":"shopify"}`,
	"PUT /v1/stores/{store}/credential":           `{"access_token":"x"}`,
	"POST /v1/find":                               `{"external_id":"1"}`,
	"POST /v1/stores/{store}/records/{id}/reveal": `{"purpose":"fulfilment","reference":"1"}`,
	"POST /v1/reveal":                             `{"purpose":"fulfilment","reference":"1","tokens":["{token}"]}`,
	"POST /v1/erase":                              `{"store":"{store}","records":["{record}"]}`,
	"POST /v1/cases":                              `{"purpose":"subject_request","citation":"GDPR Art. 15"}`,
	"POST /v1/cases/{case}/extend":                `{"reason":"complexity"}`,
	"POST /v1/cases/{case}/close":                 `{"reason":"answered"}`,
	"POST /v1/keys":                               `{"label":"another","roles":["application"],"all_stores":true}`,
	"POST /v1/networks":                           `{"add":[{"listener":"scim","network":"192.0.2.0/24"}]}`,
	"POST /v1/policies/check":                     `{"files":[{"name":"x.cedar","text":"permit (principal, action, resource);"}]}`,
	"POST /v1/clock":                              `{"advance_seconds":1}`,
}

// TestObligation_2_3_1_AskedOnEveryRoute calls each route that asks for somebody, as
// one who may not and as one who may: the first hears 403 and is in the log under the
// action of the route, and whatever the second is granted is there as well, also
// where there was nothing to do.
func TestObligation_2_3_1_AskedOnEveryRoute(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Doors", "shopify")
	record := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	var read apptest.Record
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + store + "/records/" + record}, &read)
	token, _ := apptest.Decode(t, read.Record).(map[string]any)["note"].(string)
	var made struct {
		ID  string
		Key string `json:"api_key"`
	}
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "none", "roles": []string{"provisioner"}, "all_stores": true}}, &made)
	var third struct {
		Key string `json:"api_key"`
	}
	var other, opened struct{ ID string }
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "other", "roles": []string{"application"}, "all_stores": true}}, &other)
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "third", "roles": []string{"application"}, "all_stores": true}}, &third)
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/cases", Body: proper["POST /v1/cases"]}, &opened)
	ops := operations(t, i)
	slices.SortFunc(ops, func(a, b operation) int { return cmp.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	at := len(i.Events()) - 1
	call := func(op operation, key string) (int, []byte, string) {
		name := op.method + " " + op.path
		id := record
		if strings.HasPrefix(op.path, "/v1/keys/") {
			id = other.ID
		}
		ecart := "orders" // a call of EcartAPI that the method is for
		if op.method == "PUT" || op.method == "DELETE" {
			ecart = "orders/1"
		}
		fill := strings.NewReplacer("{version}", "v2", "{call}", ecart, "{store}", store, "{record}", record, "{token}", token, "{id}", id, "{case}", opened.ID)
		r := apptest.Request{Method: op.method, Path: fill.Replace(op.path), Key: key, Query: url.Values{}}
		switch {
		case strings.HasSuffix(op.path, "/ingest"):
			r.Query, r.Body = url.Values{"resource": {"orders"}, "version": {"v2"}}, apptest.NewOrder(2, start.AddDate(0, 0, -3)).JSON()
		case proper[name] != "":
			r.Body = fill.Replace(proper[name])
		case op.RequestBody != nil:
			r.Body = "{}"
		}
		if op.path == "/v1/fields" {
			r.Query.Set("store", store)
		}
		a := i.Call(r)
		return a.Status, a.Body, eventOf(t, i, &at, op.Permission, key != "")
	}
	// What takes away what the others need comes last.
	late := func(op operation) int {
		switch {
		case op.method == "DELETE":
			return 2
		case strings.Contains(op.path, "erase") || strings.HasSuffix(op.path, "/close"):
			return 1
		}
		return 0
	}
	granted := 0
	for last := range 3 {
		for _, op := range ops {
			if op.Permission == "" || late(op) != last {
				continue
			}
			name := op.method + " " + op.path
			none := made.Key
			if op.provisions() {
				none = third.Key
			}
			if status, body, event := call(op, none); status != http.StatusForbidden || event != "denied" {
				if !op.elsewhere() {
					t.Errorf("%s of one who may not: %d, event %q: %.200s", name, status, event, body)
				}
			}
			status, body, event := call(op, "")
			if status < 300 && event != "success" {
				t.Errorf("%s of one who may: %d, event %q", name, status, event)
			}
			if status < 300 {
				granted++
			} else if proper[name] != "" || op.method == "GET" && !strings.Contains(op.path, "{id}") && status != http.StatusNotFound {
				t.Logf("%s was not granted: %d %.150s", name, status, body)
			}
		}
	}
	if granted < 40 {
		t.Errorf("only %d routes did what they are for", granted)
	}
}

// provisions reports whether the role of provisioning, which may little else, is for
// this: it ends accounts, also by feeds, and says who is trained.
func (op operation) provisions() bool {
	return slices.Contains([]string{"POST /v1/people/{id}/end", "POST /v1/leavers", "POST /v1/trainings"}, op.method+" "+op.path)
}

// elsewhere reports whether one who may nothing else is asked for something else: who
// is not the author of a version of the policies takes it back as one who approves.
func (op operation) elsewhere() bool { return op.path == "/v1/policies/{id}/withdraw" }

// eventOf returns how the newest event of an action behind position at came out:
// success, denied or failure; empty where there is none. It moves at to the end.
func eventOf(t *testing.T, i *apptest.Instance, at *int, action string, denied bool) (out string) {
	t.Helper()
	list, _ := i.EventsAfter(strconv.Itoa(*at))
	*at += len(list)
	for _, text := range list {
		var e struct {
			API struct {
				Operation string
			}
			Status string
			Action int `json:"action_id"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if e.API.Operation != action {
			continue
		}
		switch {
		case e.Action == 2:
			out = "denied"
		case e.Status == "Success" && !denied:
			out = "success"
		case !denied:
			out = "failure"
		}
	}
	return out
}
