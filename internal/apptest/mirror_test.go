package apptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/sim"
)

// platform stands for EcartAPI: what the simulator says, what came in, and what a
// test wants said instead.
type platform struct {
	*httptest.Server
	mu      sync.Mutex
	seen    []seen
	instead http.HandlerFunc
}

type seen struct {
	method, path, query string
	header              http.Header
	body                []byte
}

func newPlatform(t testing.TB, world *sim.Sim) *platform {
	p := &platform{}
	next := world.Handler()
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.seen = append(p.seen, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), body})
		instead := p.instead
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		if instead != nil {
			instead(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// say has the platform answer with h until the end of the test.
func (p *platform) say(t *testing.T, h http.HandlerFunc) {
	set := func(h http.HandlerFunc) {
		p.mu.Lock()
		p.instead = h
		p.mu.Unlock()
	}
	set(h)
	t.Cleanup(func() { set(nil) })
}

// calls returns what came in since it was asked last.
func (p *platform) calls() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.seen
	p.seen = nil
	return out
}

// mirrored is an instance whose stores are mirrored.
type mirrored struct {
	*apptest.Instance
	world    *sim.Sim
	platform *platform
	stores   map[string]string // by the name of the shop
}

func newMirrored(t testing.TB, change ...func(*app.Config)) *mirrored {
	t.Helper()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	m := &mirrored{world: sim.New(sim.Options{Seed: 7, Orders: 120, Dead: -1, Now: at}), stores: map[string]string{}}
	m.platform = newPlatform(t, m.world)
	m.Instance = apptest.Start(t, apptest.Options{At: at, Config: func(c *app.Config) {
		c.EcartAPI = m.platform.URL
		for _, f := range change {
			f(c)
		}
	}})
	for _, s := range m.world.Stores() {
		id := m.AddStore(s.Name, s.Platform)
		m.Want(http.StatusNoContent, apptest.Request{Method: http.MethodPut, Path: "/v1/stores/" + id + "/credential",
			Body: map[string]string{"access_token": s.Token, "version": s.Version}}, nil)
		m.stores[s.Name] = id
	}
	return m
}

// path returns the address of a call at the mirror of a shop.
func (m *mirrored) path(shop, call string) string {
	return "/ecartapi/" + m.stores[shop] + "/api/" + call
}

const larkspur = "larkspur-lane.example.com"

var token = regexp.MustCompile(`^(srt_[0-9a-hjkmnp-tv-z]{34}(@pii\.invalid)?|pn_[0-9A-Za-z_-]+)$`)

// differs compares what the platform says with what the mirror makes of it, and
// returns the paths where something else than a token stands in its place.
func differs(path string, is, mirror any, tokens *int) (out []string) {
	switch a := is.(type) {
	case map[string]any:
		b, ok := mirror.(map[string]any)
		if !ok {
			break
		}
		var missing []string
		for k, v := range a {
			w, ok := b[k]
			if !ok { // keys that nobody knows are tokens themselves, in their order
				missing = append(missing, k)
				continue
			}
			out = append(out, differs(path+"."+k, v, w, tokens)...)
		}
		for k := range b {
			if _, known := a[k]; !known && token.MatchString(k) && len(missing) > 0 {
				missing = missing[1:]
				*tokens++
			}
		}
		if len(a) != len(b) || len(missing) > 0 {
			out = append(out, fmt.Sprintf("%s has other keys: %v", path, missing))
		}
		return out
	case []any:
		b, ok := mirror.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			out = append(out, differs(fmt.Sprintf("%s[%d]", path, i), a[i], b[i], tokens)...)
		}
		return out
	case string:
		b, ok := mirror.(string)
		switch {
		case ok && a == b:
			return nil
		case ok && token.MatchString(b), ok && strings.HasSuffix(path, ".next"), mirror == nil && strings.Contains(path, "tude"):
			*tokens++
			return nil
		case ok && strings.Contains(strings.ToLower(path), "postal") && strings.HasPrefix(a, b): // the first digits stay
			*tokens++
			return nil
		}
	case float64, json.Number: // an id that stands for a shopper
		if b, ok := mirror.(string); ok && strings.HasPrefix(b, "pn_") {
			*tokens++
			return nil
		}
	}
	if is == mirror {
		return nil
	}
	return []string{fmt.Sprintf("%s: %.40v became %.40v", path, is, mirror)}
}

// get fetches one address with a key, as any client does.
func get(t testing.TB, address, key string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// pull reads all pages of a list and returns its objects. It knows a base address
// and a key, and not whom it talks to.
func pull(t testing.TB, base, key, call string) (all []any) {
	t.Helper()
	name := regexp.MustCompile(`\w+$`).FindString(call[:strings.IndexByte(call+"?", '?')])
	for next := base + "/api/" + call; next != ""; {
		res, body := get(t, next, key)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", call, res.StatusCode, body)
		}
		var page map[string]any
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		list, _ := page[name].([]any)
		all = append(all, list...)
		links, _ := page["page"].(map[string]any)
		next, _ = links["next"].(string)
	}
	return all
}

// The same program works at the platform and at the mirror; what it gets differs by
// tokens alone.
func TestMirrorIsTheSameAPI(t *testing.T) {
	m := newMirrored(t)
	for _, shop := range m.world.Stores() {
		base := m.URL + "/ecartapi/" + m.stores[shop.Name]
		lists := []string{shop.Version + "/orders?limit=37", shop.Version + "/customers?limit=50", shop.Version + "/products"}
		for _, call := range lists {
			is, mirror := pull(t, m.platform.URL, shop.Token, call), pull(t, base, m.Made.APIKey, call)
			if len(is) == 0 || len(is) != len(mirror) {
				t.Fatalf("%s %s: %d objects, the mirror has %d", shop.Name, call, len(is), len(mirror))
			}
			tokens := 0
			for _, d := range differs(call, any(is), any(mirror), &tokens) {
				t.Errorf("%s %s", shop.Name, d)
			}
			if tokens == 0 != strings.Contains(call, "products") {
				t.Errorf("%s %s: %d tokens", shop.Name, call, tokens)
			}
		}
		first := pull(t, m.platform.URL, shop.Token, shop.Version+"/orders?limit=100")[0].(map[string]any)
		id := fmt.Sprint(first["id"])
		if f, ok := first["id"].(float64); ok {
			id = fmt.Sprintf("%.0f", f)
		}
		for _, call := range []string{"/orders/count", "/orders/" + id, "/orders/" + id + "/fulfillments", "/store", "/ecommerces", "/products/7400001",
			"/products/count", "/customers/count", "/services/carriers", "/services/carriers/car_1", "/services/allowed", "/packages"} {
			call = shop.Version + call
			res, is := get(t, m.platform.URL+"/api/"+call, shop.Token)
			same, mirror := get(t, base+"/api/"+call, m.Made.APIKey)
			if res.StatusCode != same.StatusCode {
				t.Errorf("%s %s: %d, the mirror %d %s", shop.Name, call, res.StatusCode, same.StatusCode, mirror)
				continue
			}
			tokens := 0
			for _, d := range differs(call, apptest.Decode(t, is), apptest.Decode(t, mirror), &tokens) {
				t.Errorf("%s %s", shop.Name, d)
			}
		}
	}
	// Planted: something that is no token is noticed.
	n := 0
	if len(differs("", map[string]any{"email": "ana@example.com"}, map[string]any{"email": "Ana"}, &n)) != 1 {
		t.Error("the comparison notices nothing")
	}
}

// Nothing personal, and nothing of the store's credential, comes out of the mirror;
// what comes out is opened by its tokens.
func TestObligation_2_4_9_MirrorShowsNoCredential(t *testing.T) {
	m := newMirrored(t)
	var personal []string
	for _, shop := range m.world.Stores() {
		for n := range shop.Orders {
			personal = append(personal, m.world.PII(shop.Name, n)...)
		}
		personal = append(personal, m.world.StorePII(shop.Name)...)
		personal = append(personal, shop.Token)
	}
	personal = slices.DeleteFunc(personal, func(v string) bool { return len([]rune(v)) < 8 })
	wire := &bytes.Buffer{}
	for _, shop := range m.world.Stores() {
		for _, call := range []string{"/orders?limit=120", "/customers?limit=100", "/store", "/nothing", "/orders/0"} {
			a := m.Call(apptest.Request{Path: m.path(shop.Name, shop.Version+strings.SplitN(call, "?", 2)[0]), Query: queryOf(call)})
			if err := a.Header.Write(wire); err != nil {
				t.Fatal(err)
			}
			wire.Write(a.Body)
		}
	}
	host := strings.TrimPrefix(m.platform.URL, "http://")
	if bytes.Contains(wire.Bytes(), []byte(host)) {
		t.Error("the platform's address is in an answer")
	}
	s := apptest.NewScanner(personal)
	for _, hit := range s.Scan(apptest.Part{Name: "the wire", Bytes: wire.Bytes()}) {
		t.Errorf("%s", hit)
	}
	for _, hit := range s.Scan(apptest.Part{Name: "the log", Bytes: m.Lines.Bytes()}) {
		t.Errorf("%s", hit)
	}
	if len(s.Scan(apptest.Part{Name: "planted", Bytes: []byte(personal[0])})) == 0 {
		t.Error("the scan finds nothing")
	}
	for _, c := range m.platform.calls() {
		if got := c.header.Get("Authorization"); !strings.HasPrefix(got, "Bearer ey") {
			t.Errorf("%s went out with another credential", c.path)
		}
		for k, v := range c.header {
			if strings.Contains(strings.Join(v, " "), m.Made.APIKey) {
				t.Errorf("the application's key went out in %s", k)
			}
		}
	}
	// The token of an address opens to what the platform said.
	a := m.Want(http.StatusOK, apptest.Request{Path: m.path(larkspur, "v2/orders"), Query: url.Values{"limit": {"1"}}}, nil)
	mail := regexp.MustCompile(`srt_\w+@pii\.invalid`).FindString(string(a.Body))
	var opened struct {
		Values []struct{ Value, Error string }
	}
	m.Want(http.StatusOK, apptest.Request{Path: "/v1/reveal", Body: map[string]any{"purpose": "fulfilment", "reference": "LL-1", "tokens": []string{mail}}}, &opened)
	if len(opened.Values) != 1 || !slices.Contains(personal, opened.Values[0].Value) {
		t.Errorf("%q opened to %+v", mail, opened.Values)
	}
}

func queryOf(call string) url.Values {
	_, q, _ := strings.Cut(call, "?")
	v, _ := url.ParseQuery(q) // it is ours
	return v
}

// What goes out with tokens arrives with the values, where the call has places for
// them and nowhere else.
func TestMirrorPutsBack(t *testing.T) {
	m := newMirrored(t)
	var page struct {
		Orders []struct {
			ID, Email       string
			ShippingAddress struct{ FirstName, Phone string }
		}
	}
	m.Want(http.StatusOK, apptest.Request{Path: m.path(larkspur, "v2/orders"), Query: url.Values{"limit": {"5"}}}, &page)
	o := page.Orders[0]
	var real struct {
		Order struct {
			Email           string
			ShippingAddress struct{ FirstName, Phone string }
		}
	}
	_, body := get(t, m.platform.URL+"/api/v2/orders/"+o.ID, m.world.Stores()[0].Token)
	if err := json.Unmarshal(body, &real); err != nil {
		t.Fatal(err)
	}
	m.platform.calls()
	a := m.Want(http.StatusCreated, apptest.Request{Path: m.path(larkspur, "v2/orders/"+o.ID+"/fulfillments"),
		Body: map[string]any{"fulfillment": map[string]any{"phone": o.ShippingAddress.Phone, "tracking": map[string]string{"number": "SP-1"}}}}, nil)
	calls := m.platform.calls()
	var sent struct{ Fulfillment struct{ Phone string } }
	if len(calls) != 1 || json.Unmarshal(calls[0].body, &sent) != nil || sent.Fulfillment.Phone != real.Order.ShippingAddress.Phone {
		t.Errorf("the platform got %s", calls[len(calls)-1].body)
	}
	if bytes.Contains(a.Body, []byte(real.Order.ShippingAddress.Phone)) {
		t.Error("the answer holds the telephone number")
	}
	// What it cost is in the log: who, for what, of which order.
	if n := countEvents(t, m.Instance, "record.reveal", "fulfilment"); n == 0 {
		t.Error("no event says that a value was opened")
	}
	for name, c := range map[string]struct {
		call   string
		body   any
		header http.Header
		status int
		code   string
	}{
		"at a place that has none": {"v2/orders/" + o.ID, map[string]any{"order": map[string]any{"tags": []string{o.Email}}}, nil, 403, "token-place"},
		"without an order":         {"v2/customers/1", map[string]any{"customer": map[string]any{"email": o.Email}}, nil, 400, ""},
		"a token of another store": {"v2/orders/" + o.ID, map[string]any{"order": map[string]any{"email": m.tokenOf(t, "jasmine-lamps.example.com")}}, nil, 400, "token"},
		"a token that is made up":  {"v2/orders/" + o.ID, map[string]any{"order": map[string]any{"email": "srt_" + strings.Repeat("0", 34)}}, nil, 400, "token"},
		"with a reference":         {"v2/customers/1", map[string]any{"customer": map[string]any{"email": o.Email}}, http.Header{"Strongroom-Reference": {"LL-1"}}, 200, ""},
	} {
		a := m.Call(apptest.Request{Method: http.MethodPut, Path: m.path(larkspur, c.call), Body: c.body, Header: c.header})
		if a.Status != c.status || c.code != "" && !strings.Contains(string(a.Body), `"`+c.code+`"`) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if n := len(m.platform.calls()); n > 0 != (c.status == 200) {
			t.Errorf("%s: %d calls went out", name, n)
		}
	}
}

// tokenOf returns a token of a store's newest order.
func (m *mirrored) tokenOf(t testing.TB, shop string) string {
	t.Helper()
	a := m.Want(http.StatusOK, apptest.Request{Path: m.path(shop, "v2/orders"), Query: url.Values{"limit": {"1"}}}, nil)
	defer m.platform.calls()
	return regexp.MustCompile(`srt_[0-9a-z]{34}`).FindString(string(a.Body))
}

// countEvents counts the events of an action whose text holds a word.
func countEvents(t testing.TB, i *apptest.Instance, action, word string) (n int) {
	t.Helper()
	for _, e := range i.Events() {
		if bytes.Contains(e, []byte(`"`+action+`"`)) && bytes.Contains(e, []byte(word)) {
			n++
		}
	}
	return n
}

// A live rate goes through and leaves nothing behind.
func TestMirrorKeepsNoRates(t *testing.T) {
	m := newMirrored(t)
	_, before := m.Records(m.stores[larkspur])
	tok := m.tokenOf(t, larkspur)
	_, after := m.Records(m.stores[larkspur])
	if bytes.Equal(before, after) {
		t.Error("an order that came through is not there")
	}
	a := m.Want(http.StatusOK, apptest.Request{Path: m.path(larkspur, "v2/services/carriers/actions"), Header: http.Header{"Strongroom-Reference": {"LL-1"}},
		Body: map[string]any{"destination": map[string]string{"name": tok, "street": "Invented Road 5", "city": "Nowhere"}, "items": []any{}}}, nil)
	if !bytes.Contains(a.Body, []byte(`"totalPrice":"7.40"`)) {
		t.Errorf("the rates are %s", a.Body)
	}
	if _, kept := m.Records(m.stores[larkspur]); !bytes.Equal(kept, after) {
		t.Error("a rate left a record")
	}
	s := apptest.NewScanner([]string{"Invented Road 5"})
	for _, p := range m.Bytes() {
		for _, hit := range s.Scan(p) {
			t.Error(hit)
		}
	}
}

// Conditional requests, HEAD and what a caller needs of the headers.
func TestMirrorHeaders(t *testing.T) {
	m := newMirrored(t)
	at := apptest.Request{Path: m.path(larkspur, "v2/orders"), Query: url.Values{"limit": {"3"}}}
	a := m.Want(http.StatusOK, at, nil)
	tag := a.Header.Get("ETag")
	if tag == "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	at.Header = http.Header{"If-None-Match": {`"other", ` + tag}}
	if b := m.Want(http.StatusNotModified, at, nil); len(b.Body) > 0 || b.Header.Get("ETag") != tag {
		t.Errorf("not modified, with %s", b.Body)
	}
	at.Header = nil
	at.Method = http.MethodHead
	if b := m.Want(http.StatusOK, at, nil); len(b.Body) > 0 {
		t.Errorf("HEAD answers %s", b.Body)
	}
	// The key may stand there without the word Bearer, as older programs send it.
	bare := apptest.Request{Path: m.path(larkspur, "v2/orders/count"), Key: "none", Header: http.Header{"Authorization": {m.Made.APIKey}}}
	m.Want(http.StatusOK, bare, nil)
	bare.Path = "/v1/stores"
	m.Want(http.StatusUnauthorized, bare, nil)

	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Retry-After", "17")
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("X-Upstream", "secret")
		h.Set("Set-Cookie", "a=b")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"success":false,"message":"Too many requests for ana@example.com"}`)
	})
	c := m.Want(http.StatusTooManyRequests, apptest.Request{Path: m.path(larkspur, "v2/orders")}, nil)
	if c.Header.Get("Retry-After") != "17" || c.Header.Get("X-Ratelimit-Remaining") != "0" || c.Header.Get("X-Upstream") != "" || c.Header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", c.Header)
	}
	if strings.Contains(string(c.Body), "ana@") || !strings.Contains(string(c.Body), "withheld") {
		t.Errorf("the refusal says %s", c.Body)
	}
}
