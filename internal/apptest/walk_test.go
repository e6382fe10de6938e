package apptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"strongroom/internal/apptest"
)

// operation is what the document says of a route.
type operation struct {
	method, path string
	Parameters   []struct{ Name, In string }
	RequestBody  any
	Permission   string `json:"x-permission"`
}

// operations reads the document that the instance serves.
func operations(t *testing.T, i *apptest.Instance) (out []operation) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]operation
	}
	i.Want(http.StatusOK, apptest.Request{Path: "/openapi.json"}, &doc)
	for path, ops := range doc.Paths {
		for method, op := range ops {
			op.method, op.path = strings.ToUpper(method), path
			out = append(out, op)
		}
	}
	return out
}

// TestObligation_3_6_7_NoParameterKeepsAName walks the table of routes and plants a
// value that the detector knows and a name that it cannot know in every parameter of
// query and path: neither may lie anywhere afterwards, not in the job table either.
func TestObligation_3_6_7_NoParameterKeepsAName(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false)})
	store := i.AddStore("Doors", "shopify")
	i.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: map[string]any{"access_token": "x"}}, nil)
	record := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	known := map[string]string{"store": store}
	var planted []string
	calls := 0
	for _, op := range operations(t, i) {
		for _, p := range op.Parameters {
			if p.In == "header" {
				continue
			}
			for _, v := range []string{fmt.Sprintf("crispijn%d.wolfsbergen@example.net", calls), fmt.Sprintf("Crispijn%d-Wolfsbergen", calls)} {
				calls++
				planted = append(planted, v)
				path := regexp.MustCompile(`\{(\w+)\}`).ReplaceAllStringFunc(op.path, func(m string) string {
					switch name := m[1 : len(m)-1]; {
					case p.In == "path" && p.Name == name:
						return v
					case name == "id" && strings.Contains(op.path, "/records/"):
						return record
					case known[name] != "":
						return known[name]
					}
					return "x_00000000000000000000000000"
				})
				r := apptest.Request{Method: op.method, Path: path}
				if strings.HasSuffix(op.path, "/ingest") {
					r.Query = url.Values{"resource": {"orders"}, "version": {"v2"}}
				}
				if p.In == "query" {
					if r.Query == nil {
						r.Query = url.Values{}
					}
					r.Query.Set(p.Name, v)
				}
				if op.RequestBody != nil {
					r.Body = "{}"
				}
				if a := i.Call(r); a.Status >= 500 || strings.Contains(string(a.Body), v) || a.Status >= 400 && !json.Valid(a.Body) {
					t.Errorf("%s %s with %s in %s: %d %.200s", op.method, op.path, v, p.Name, a.Status, a.Body)
				}
			}
		}
	}
	if calls < 100 {
		t.Errorf("only %d parameters were tried", calls/2)
	}
	s := apptest.NewScanner(planted)
	for _, h := range s.Scan(i.Bytes()...) {
		t.Errorf("side door: %v", h)
	}
	for _, e := range i.Events() {
		for _, h := range s.Scan(apptest.Part{Name: "event", Bytes: e}) {
			t.Errorf("side door: %v", h)
		}
	}
	if len(s.Scan(apptest.Part{Name: "planted", Bytes: []byte("sync " + planted[1])})) != 1 {
		t.Error("a planted value is not seen")
	}
}

// A sync of a store without credential is refused at once, and one of a resource
// that there is not as well: neither becomes a job.
func TestSyncIsCheckedAtTheDoor(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Doors", "shopify")
	sync := func(id string, resource ...string) apptest.Request {
		return apptest.Request{Method: "POST", Path: "/v1/stores/" + id + "/sync", Query: url.Values{"resource": resource}}
	}
	i.Want(http.StatusConflict, sync(store), nil)
	i.Want(http.StatusNotFound, sync("str_00000000000000000000000000"), nil)
	i.Want(http.StatusNotFound, sync("Somebody"), nil)
	i.Want(http.StatusBadRequest, sync(store, "orders", "Name-Surname"), nil)
	synced := func() (n int) {
		var jobs struct{ Jobs []struct{ Name string } }
		i.Want(http.StatusOK, apptest.Request{Path: "/v1/jobs"}, &jobs)
		for _, j := range jobs.Jobs {
			if j.Name == "store.sync" {
				n++
			}
		}
		return n
	}
	if n := synced(); n != 0 {
		t.Errorf("%d syncs were put in", n)
	}
	i.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: map[string]any{"access_token": "x"}}, nil)
	i.Want(http.StatusAccepted, sync(store, "orders", "customers"), nil)
	if n := synced(); n != 1 { // planted
		t.Errorf("a sync that was put in is seen %d times", n)
	}
}
