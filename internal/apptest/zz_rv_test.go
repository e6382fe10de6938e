package apptest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/apptest"
)

func TestZScoped(t *testing.T) {
	i := apptest.Start(t, apptest.Options{})
	a, b := i.AddStore("A shop", "shopify"), i.AddStore("B shop", "woocommerce")
	body := func(id string) []byte {
		return []byte(`{"order":{"id":"` + id + `","number":"` + id + `","note":"ring twice","email":"mara.zarco@example.com","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`)
	}
	i.SetClock(asOf())
	key := func(role string) string {
		var k struct{ Api_key string }
		i.Want(201, apptest.Request{Method: "POST", Path: "/v1/keys", Body: map[string]any{"label": "l-" + role, "roles": []string{role}, "stores": []string{a}}}, &k)
		return k.Api_key
	}
	ap := key("application")
	for _, s := range []string{a, b} {
		r := i.Call(apptest.In{Store: s, Resource: "orders", Version: "v2", Platform: "shopify"}.Request(body("1")))
		t.Log(r.Status, string(r.Body))
	}
	recs, _ := i.Records(b)
	recA, _ := i.Records(a)
	do := func(what string, r apptest.Request) {
		r.Key = ap
		x := i.Call(r)
		t.Log(what, x.Status, strings.TrimSpace(string(x.Body)))
	}
	in := func(s string, b []byte) apptest.Request {
		return apptest.In{Store: s, Resource: "orders", Version: "v2", Platform: "shopify"}.Request(b)
	}
	do("ingest own", in(a, body("2")))
	do("ingest other", in(b, body("2")))
	do("ingest own invalid json", in(a, []byte("{")))
	x := in(a, []byte("{}"))
	x.Type = "text/plain"
	do("ingest own type", x)
	do("ingest own huge", in(a, []byte(strings.Repeat("x", 9<<20))))
	bad := in(a, body("3"))
	bad.Query.Set("platform", "a b@c")
	do("ingest own bad platform", bad)
	do("list other", apptest.Request{Path: "/v1/stores/" + b + "/records"})
	do("list own bad cursor", apptest.Request{Path: "/v1/stores/" + a + "/records?cursor=zzz"})
	do("list own unknown query", apptest.Request{Path: "/v1/stores/" + a + "/records?curs=zzz"})
	do("stores", apptest.Request{Path: "/v1/stores"})
	do("read other via own", apptest.Request{Path: "/v1/stores/" + a + "/records/" + recs[0].ID})
	do("read other", apptest.Request{Path: "/v1/stores/" + b + "/records/" + recs[0].ID})
	do("read nonsense", apptest.Request{Path: "/v1/stores/" + a + "/records/rec_1"})
	do("find", apptest.Request{Method: "POST", Path: "/v1/find", Body: map[string]string{"email": "mara.zarco@example.com"}})
	do("find nothing", apptest.Request{Method: "POST", Path: "/v1/find", Body: map[string]string{}})
	do("find other", apptest.Request{Method: "POST", Path: "/v1/find", Body: map[string]string{"email": "mara.zarco@example.com", "store": b}})
	tok := func(s, id string) string {
		x := i.Call(apptest.Request{Path: "/v1/stores/" + s + "/records/" + id})
		p := strings.Index(string(x.Body), `"note":"`) + 8
		return string(x.Body[p : p+38])
	}
	ta, tb := tok(a, recA[0].ID), tok(b, recs[0].ID)
	rv := func(ts ...string) apptest.Request {
		return apptest.Request{Method: "POST", Path: "/v1/reveal", Body: map[string]any{"purpose": "fulfilment", "reference": "1", "tokens": ts}}
	}
	do("tokens own", rv(ta))
	do("tokens mixed", rv(ta, tb))
	do("tokens other", rv(tb))
	do("tokens wrong purpose", apptest.Request{Method: "POST", Path: "/v1/reveal", Body: map[string]any{"purpose": "x", "reference": "1", "tokens": []string{ta}}})
	do("reveal bad json", apptest.Request{Method: "POST", Path: "/v1/reveal", Body: "{"})
	do("reveal own no purpose", apptest.Request{Method: "POST", Path: "/v1/stores/" + a + "/records/" + recA[0].ID + "/reveal", Body: map[string]any{}})
	do("audit", apptest.Request{Path: "/v1/audit/events"})
	ap = key("auditor")
	do("audit as auditor", apptest.Request{Path: "/v1/audit/events"})
	do("keys as auditor", apptest.Request{Path: "/v1/keys"})
	ap = key("operator")
	do("operator roll", apptest.Request{Method: "POST", Path: "/v1/epoch/roll"})
	do("operator key all", apptest.Request{Method: "POST", Path: "/v1/keys", Body: map[string]any{"label": "x", "roles": []string{"application"}, "all_stores": true}})
	do("operator key other", apptest.Request{Method: "POST", Path: "/v1/keys", Body: map[string]any{"label": "x", "roles": []string{"application"}, "stores": []string{b}}})
	do("operator key own", apptest.Request{Method: "POST", Path: "/v1/keys", Body: map[string]any{"label": "x", "roles": []string{"application"}, "stores": []string{a}}})
	do("operator key bad", apptest.Request{Method: "POST", Path: "/v1/keys", Body: map[string]any{"label": "x", "roles": []string{"zzz"}, "stores": []string{a}}})
	do("operator new store", apptest.Request{Method: "POST", Path: "/v1/stores", Body: map[string]any{"name": "C", "platform": "shopify"}})
	do("operator disconnect other", apptest.Request{Method: "DELETE", Path: "/v1/stores/" + b})
	do("operator job", apptest.Request{Path: "/v1/jobs/job_00000000000000000000000000"})
	ap = key("privacy")
	do("privacy erase bad json", apptest.Request{Method: "POST", Path: "/v1/erase", Body: "{"})
	do("privacy erase own via body", apptest.Request{Method: "POST", Path: "/v1/erase", Body: map[string]any{"store": a, "records": []string{recs[0].ID}}})
	_ = http.MethodGet
}

func TestZSame(t *testing.T) {
	i := apptest.Start(t, apptest.Options{})
	i.SetClock(asOf())
	a := i.AddStore("A shop", "shopify")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for n := range 32 {
		wg.Go(func() {
			for k := range 5 {
				body := fmt.Sprintf(`{"order":{"id":"77","number":"77","note":"ring %d","email":"mara.zarco@example.com","dates":{"createdAt":"2026-11-10T07:42:18Z","updatedAt":"2026-11-1%dT07:42:18Z"}}}`, n, k)
				x := i.Call(apptest.In{Store: a, Resource: "orders", Version: "v2", Platform: "shopify"}.Request([]byte(body)))
				mu.Lock()
				got[fmt.Sprint(x.Status, x.Header.Get("Strongroom-Stored"), x.Header.Get("Strongroom-Unchanged"), x.Header.Get("Strongroom-Dead"))]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r, _ := i.Records(a)
	t.Log(got, len(r), r[0])
	t.Log(string(i.Reveal(a, r[0].ID)))
}
