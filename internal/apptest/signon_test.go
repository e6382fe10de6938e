package apptest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/federation/optest"
)

const janaMail = "jana.novak@kitchen.example"

// desk is an instance whose people sign in at a provider, and one of them.
type desk struct {
	*apptest.Instance
	t    *testing.T
	op   *optest.Provider
	jana string
	boss string // a second key, to approve
}

// freeURL is an address nobody listens at, so that a provider can be told of it before
// the instance serves.
func freeURL(t *testing.T) (listen, public string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String(), "http://" + l.Addr().String()
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, op: optest.New(t, janaMail, "sub-of-jana")}
	secret, ca := d.op.Files(t)
	listen, public := freeURL(t)
	d.Instance = apptest.Start(t, apptest.Options{Cluster: apptest.NewCluster(t, false), Config: func(c *app.Config) {
		c.Listen, c.PublicURL = listen, public
		c.SignOn.Providers = []app.ProviderConfig{{
			Name: "company", Label: "Kitchen account", Issuer: d.op.URL, ClientID: optest.ClientID, ClientSecretFile: secret, CAFile: ca,
			Domains: []string{"kitchen.example"}, AMR: [][]string{{"mfa"}}, GroupsClaim: "groups",
		}}
		c.SignOn.Mappings = []app.MappingConfig{
			{Source: "company", Group: "Shop desk", Role: "operator", AllStores: true},
			{Source: "company", Group: "Closed shop", Role: "privacy", Stores: []string{strongroom.NewID("str")}},
			{Source: "scim", Group: "Shop desk", Role: "operator", AllStores: true},
		}
	}})
	var key struct {
		Secret string `json:"api_key"`
	}
	d.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "second", "roles": []string{"test-everything"}, "all_stores": true}}, &key)
	d.boss = key.Secret
	d.jana = d.hire("Jana Novak", janaMail)
	return d
}

// hire makes an account without rights and has its person enrol.
func (d *desk) hire(name, mail string) string {
	d.t.Helper()
	var q struct{ ID string }
	d.Want(http.StatusCreated, apptest.Request{Path: "/v1/requests", Body: map[string]any{
		"kind": "account", "reason": "joins the desk", "roles": []string{"auditor"}, "all_stores": true,
		"person": map[string]any{"name": name, "email": mail, "employment": "employee"},
	}}, &q)
	id := d.approve(q.ID)
	var l struct{ Link string }
	d.Want(http.StatusOK, apptest.Request{Method: "POST", Path: "/v1/people/" + id + "/invite"}, &l)
	_, token, _ := strings.Cut(l.Link, "#")
	p := person{Instance: d.Instance}
	p.enrol(token)
	return id
}

func (d *desk) approve(request string) (subject string) {
	d.t.Helper()
	var out struct{ Subject string }
	d.Want(http.StatusOK, apptest.Request{Method: "POST", Path: "/v1/requests/" + request + "/approve", Key: d.boss}, &out)
	return out.Subject
}

// browser keeps cookies as one does: a strict one goes along only where a page of the
// same site led, and each tells where it comes from.
type browser struct {
	d       *desk
	cookies map[string]*http.Cookie
	at      string // the page's address
}

func (d *desk) browser() *browser { return &browser{d: d, cookies: map[string]*http.Cookie{}} }

type page struct {
	status int
	at     string
	text   string
	next   string // where it goes on to
}

// load fetches one page, led there from the page the browser is on.
func (b *browser) load(method, address string, form url.Values) page {
	b.d.t.Helper()
	home := strings.HasPrefix(address, b.d.URL+"/")
	same := b.at == "" || strings.HasPrefix(b.at, b.d.URL+"/") == home
	req, err := http.NewRequestWithContext(b.d.t.Context(), method, address, strings.NewReader(form.Encode()))
	must(b.d.t, err)
	req.Header.Set("User-Agent", personAgent)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Sec-Fetch-Site", map[bool]string{true: "same-origin", false: "cross-site"}[same])
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if home {
		for _, c := range b.cookies {
			if same || c.SameSite == http.SameSiteLaxMode && method == http.MethodGet {
				req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
			}
		}
	} else {
		client.Transport = b.d.op.Client().Transport
	}
	res, err := client.Do(req)
	must(b.d.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.d.t, err)
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	p := page{status: res.StatusCode, at: address, text: string(text)}
	to, _ := strings.CutPrefix(res.Header.Get("Refresh"), "0; url=")
	if to == "" {
		to = res.Header.Get("Location")
	}
	if to != "" {
		u, err := res.Request.URL.Parse(to)
		must(b.d.t, err)
		p.next = u.String()
	}
	if res.Header.Get("Location") == "" { // a redirect is no page that leads on
		b.at = address
	}
	return p
}

// visit loads a page and goes on to where it leads; a page named until is not loaded.
func (b *browser) visit(method, path string, form url.Values, until string) page {
	b.d.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.d.URL + path
	}
	p := b.load(method, path, form)
	for range 10 {
		if p.next == "" || until != "" && strings.HasPrefix(p.next, b.d.URL+until) {
			return p
		}
		p = b.load(http.MethodGet, p.next, nil)
	}
	b.d.t.Fatal("the pages lead on for ever")
	return p
}

// signOn presses the button of the provider.
func (b *browser) signOn() page {
	b.d.t.Helper()
	b.visit("GET", "/signin", nil, "")
	return b.visit("POST", "/signin/with/company", url.Values{}, "")
}

func (b *browser) session() string {
	if c := b.cookies["strongroom"]; c != nil {
		return c.Value
	}
	return ""
}

type whoIs struct {
	ID       string
	Roles    []string
	Verified time.Time `json:"verified_at"`
}

// who asks the API who the session of the browser is. A stale one is renewed by the
// pages first.
func (b *browser) who() (w whoIs, status int) {
	b.d.t.Helper()
	b.visit("GET", "/account", nil, "")
	a := b.d.Call(apptest.Request{Path: "/v1/session", Key: or(b.session(), "none"), Header: http.Header{"User-Agent": {personAgent}}})
	if a.Status == http.StatusOK {
		must(b.d.t, json.Unmarshal(a.Body, &w))
	}
	return w, a.Status
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestObligation_2_4_7_SignOnThroughThePages: in a served instance a person signs in at
// the provider with two factors and has a session for pages and API; without a proof
// of two factors, with an answer that was used, or in another browser, there is none.
func TestObligation_2_4_7_SignOnThroughThePages(t *testing.T) {
	d := newDesk(t)
	b := d.browser()
	if p := b.visit("GET", "/signin", nil, ""); !strings.Contains(p.text, "Kitchen account") {
		t.Fatalf("no button:\n%s", p.text)
	}
	if p := b.signOn(); p.status != http.StatusOK || p.at != d.URL+"/account" || !strings.Contains(p.text, "Jana Novak") {
		t.Fatalf("%d at %s:\n%s", p.status, p.at, p.text)
	}
	if c := b.cookies["strongroom"]; c.SameSite != http.SameSiteStrictMode || !c.HttpOnly || len(b.cookies) != 1 {
		t.Errorf("cookies: %v", b.cookies)
	}
	if w, status := b.who(); status != http.StatusOK || w.ID != d.jana || time.Since(w.Verified) > time.Minute {
		t.Errorf("the API: %d %+v", status, w)
	}
	t.Run("one factor", func(t *testing.T) {
		d.op.Claims = func(m map[string]any) { m["amr"] = []string{"pwd"} }
		defer func() { d.op.Claims = func(map[string]any) {} }()
		x := d.browser()
		if p := x.signOn(); p.status != http.StatusUnauthorized || x.session() != "" || !strings.Contains(p.text, "several factors") {
			t.Errorf("%d, session %q:\n%s", p.status, x.session(), p.text)
		}
		d.op.Claims = func(m map[string]any) { delete(m, "amr") }
		if p := x.signOn(); p.status != http.StatusUnauthorized || x.session() != "" {
			t.Errorf("nothing said: %d, session %q", p.status, x.session())
		}
	})
	t.Run("replayed", func(t *testing.T) {
		x := d.browser()
		x.visit("GET", "/signin", nil, "")
		p := x.visit("POST", "/signin/with/company", url.Values{}, "/signin/callback")
		kept := maps.Clone(x.cookies)
		if q := x.visit("GET", p.next, nil, ""); q.status != http.StatusOK || x.session() == "" { // planted: the first time it is good
			t.Fatalf("%d:\n%s", q.status, q.text)
		}
		y := d.browser()
		y.cookies, y.at = kept, d.op.URL+"/"
		if q := y.visit("GET", p.next, nil, ""); q.status != http.StatusUnauthorized || y.session() != "" {
			t.Errorf("the same answer again: %d, session %q", q.status, y.session())
		}
	})
	t.Run("another browser", func(t *testing.T) {
		x, y := d.browser(), d.browser()
		x.visit("GET", "/signin", nil, "")
		y.visit("GET", "/signin", nil, "")
		p := x.visit("POST", "/signin/with/company", url.Values{}, "/signin/callback")
		y.visit("POST", "/signin/with/company", url.Values{}, "/signin/callback")
		y.at = d.op.URL + "/"
		if q := y.visit("GET", p.next, nil, ""); q.status != http.StatusUnauthorized || y.session() != "" {
			t.Errorf("another browser's answer: %d, session %q", q.status, y.session())
		}
	})
	t.Run("somebody else's domain", func(t *testing.T) {
		d.op.Email, d.op.Subject = "jana@elsewhere.example", "stranger"
		defer func() { d.op.Email, d.op.Subject = janaMail, "sub-of-jana" }()
		x := d.browser()
		if p := x.signOn(); p.status != http.StatusUnauthorized || x.session() != "" || strings.Contains(p.text, "jana@") {
			t.Errorf("%d, session %q:\n%s", p.status, x.session(), p.text)
		}
	})
}

// TestObligation_2_4_7_StepUpAtTheProvider: who is asked for factors anew shows them at
// the provider, now, and the session goes on with another token.
func TestObligation_2_4_7_StepUpAtTheProvider(t *testing.T) {
	d := newDesk(t)
	d.op.Claims = func(m map[string]any) { m["auth_time"] = time.Now().Add(-time.Hour).Unix() }
	b := d.browser()
	b.signOn()
	w, _ := b.who()
	if age := time.Since(w.Verified); age < 50*time.Minute {
		t.Fatalf("the provider saw the factors an hour ago, the session says %v", age)
	}
	before := b.session()
	stepUp := func() page {
		b.visit("GET", "/account/verify?for=sessions", nil, "")
		return b.visit("POST", "/account/verify/with/company", url.Values{"for": {"sessions"}}, "")
	}
	// Planted: an old sign-in there is none for a step-up.
	if p := stepUp(); p.status != http.StatusUnauthorized {
		t.Errorf("factors of an hour ago: %d at %s", p.status, p.at)
	}
	d.op.Claims = func(map[string]any) {}
	if p := stepUp(); p.status != http.StatusOK || p.at != d.URL+"/account/sessions" {
		t.Fatalf("%d at %s:\n%s", p.status, p.at, p.text)
	}
	if d.op.Asked.Get("prompt") != "login" || d.op.Asked.Get("max_age") != "0" {
		t.Errorf("asked for %v", d.op.Asked)
	}
	after, _ := b.who()
	if after.ID != w.ID || time.Since(after.Verified) > time.Minute || b.session() == before {
		t.Errorf("after: %+v, token changed %t", after, b.session() != before)
	}
	d.Want(http.StatusUnauthorized, apptest.Request{Path: "/v1/session", Key: before, Header: http.Header{"User-Agent": {personAgent}}}, nil)
	// Somebody else at the provider steps nobody up.
	d.hire("Omar Haddad", "omar.haddad@kitchen.example")
	d.op.Email, d.op.Subject = "omar.haddad@kitchen.example", "sub-of-omar"
	if p := stepUp(); p.status != http.StatusUnauthorized {
		t.Errorf("somebody else: %d at %s", p.status, p.at)
	}
}

// TestObligation_2_2_1_GroupsOfAProviderOnlyAsk: a group asks for a right, people
// approve it, and it ends with the membership.
func TestObligation_2_2_1_GroupsOfAProviderOnlyAsk(t *testing.T) {
	d := newDesk(t)
	group := func(names ...string) { d.op.Claims = func(m map[string]any) { m["groups"] = names } }
	b := d.browser()
	group("Everyone", "shop desk")
	b.signOn()
	if n := d.waiting(); len(n) != 0 {
		t.Errorf("planted: a group without a mapping asks: %v", n)
	}
	// A mapping to a store that is gone asks for nothing and keeps nobody out.
	group("Closed shop")
	if p := b.signOn(); p.status != http.StatusOK || len(d.waiting()) != 0 || !strings.Contains(string(d.Lines.Bytes()), "names a store that is not there") {
		t.Errorf("a store that is gone: %d at %s, %v", p.status, p.at, d.waiting())
	}
	group("Everyone", "Shop desk")
	b.signOn()
	if w, status := b.who(); status != http.StatusOK || slices.Contains(w.Roles, "operator") {
		t.Errorf("a group gave a right by itself: %d %+v", status, w)
	}
	b.signOn() // a second time it is not asked again
	ids := d.waiting()
	if len(ids) != 1 {
		t.Fatalf("asked: %v", ids)
	}
	d.approve(ids[0])
	if w, status := b.who(); status != http.StatusOK || !slices.Contains(w.Roles, "operator") {
		t.Errorf("approved: %d %+v", status, w)
	}
	d.op.Claims = func(map[string]any) {}
	b.signOn()
	if w, status := b.who(); status != http.StatusOK || slices.Contains(w.Roles, "operator") || !slices.Contains(w.Roles, "auditor") {
		t.Errorf("out of the group: %d %+v", status, w)
	}
	if n := d.waiting(); len(n) != 0 {
		t.Errorf("something waits: %v", n)
	}
}

// waiting lists the requests that are open.
func (d *desk) waiting() (ids []string) {
	d.t.Helper()
	var list struct{ Requests []struct{ ID string } }
	d.Want(http.StatusOK, apptest.Request{Path: "/v1/requests", Query: url.Values{"state": {"open"}}}, &list)
	for _, q := range list.Requests {
		ids = append(ids, q.ID)
	}
	return ids
}

// TestObligation_2_2_1_GroupsOfADirectoryOnlyAsk: so it is with a group that a directory
// writes; there the right ends at once.
func TestObligation_2_2_1_GroupsOfADirectoryOnlyAsk(t *testing.T) {
	d := newDesk(t)
	var key struct {
		Secret string `json:"api_key"`
	}
	d.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "directory", "roles": []string{"provisioner"}, "all_stores": true}}, &key)
	scim := func(status int, method, path, body string) (id string) {
		t.Helper()
		var out struct{ ID string }
		into := any(&out)
		if status == http.StatusNoContent {
			into = nil
		}
		d.Want(status, apptest.Request{Method: method, Path: "/scim/v2" + path, Body: body, Key: key.Secret, Type: "application/scim+json"}, into)
		return out.ID
	}
	roles := func() (held []string) {
		t.Helper()
		var list struct {
			Grants []struct {
				Role, State string
			}
		}
		d.Want(http.StatusOK, apptest.Request{Path: "/v1/grants", Query: url.Values{"person": {d.jana}}}, &list)
		for _, g := range list.Grants {
			if g.State == "live" {
				held = append(held, g.Role)
			}
		}
		return held
	}
	user := scim(http.StatusCreated, "POST", "/Users", `{"userName":"`+janaMail+`","name":{"givenName":"Jana","familyName":"Novak"},"active":true}`)
	group := scim(http.StatusCreated, "POST", "/Groups", `{"displayName":"Shop desk","members":[{"value":"`+user+`"}]}`)
	ids := d.waiting()
	if len(ids) != 1 || slices.Contains(roles(), "operator") {
		t.Fatalf("asked %v, has %v", ids, roles())
	}
	d.approve(ids[0])
	if !slices.Contains(roles(), "operator") {
		t.Errorf("approved: %v", roles())
	}
	scim(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members[value eq \"`+user+`\"]"}]}`)
	if slices.Contains(roles(), "operator") || !slices.Contains(roles(), "auditor") { // planted: what came by hand stays
		t.Errorf("out of the group: %v", roles())
	}
}

// TestObligation_2_2_12_LeaverWhoSignedOnIsOut: whoever leaves while signed in, or on
// the way back from the provider, is out; a probe and the proof say so.
func TestObligation_2_2_12_LeaverWhoSignedOnIsOut(t *testing.T) {
	d := newDesk(t)
	in, under := d.browser(), d.browser()
	in.signOn()
	if w, status := in.who(); status != http.StatusOK || w.ID != d.jana {
		t.Fatalf("planted: signed in: %d %+v", status, w)
	}
	under.visit("GET", "/signin", nil, "")
	p := under.visit("POST", "/signin/with/company", url.Values{}, "/signin/callback")
	var rep struct{ Ended int }
	d.Want(http.StatusOK, apptest.Request{Path: "/v1/leavers", Body: "email\n" + janaMail + "\n", Type: "text/csv"}, &rep)
	if rep.Ended != 1 {
		t.Fatalf("%+v", rep)
	}
	token := in.session()
	if p := in.visit("GET", "/account", nil, ""); !strings.HasPrefix(p.at, d.URL+"/signin") {
		t.Errorf("the page of who left: %d at %s", p.status, p.at)
	}
	d.Want(http.StatusUnauthorized, apptest.Request{Path: "/v1/session", Key: token, Header: http.Header{"User-Agent": {personAgent}}}, nil)
	if p := under.visit("GET", p.next, nil, ""); p.status != http.StatusUnauthorized && p.status != http.StatusForbidden || under.session() != "" {
		t.Errorf("back from the provider: %d, session %q", p.status, under.session())
	}
	if p := in.signOn(); p.status == http.StatusOK || in.session() == token && in.session() != "" {
		t.Errorf("signs in anew: %d at %s", p.status, p.at)
	}
	var proof struct {
		Late   bool
		Open   []string
		Probed *time.Time `json:"probed_at"`
	}
	d.Want(http.StatusOK, apptest.Request{Method: "POST", Path: "/v1/leavers/" + d.jana + "/probe"}, &proof)
	if proof.Late || len(proof.Open) != 0 || proof.Probed == nil {
		t.Errorf("the proof: %+v", proof)
	}
	// Nothing of who they were lies about, in the log or beside it.
	for _, h := range apptest.NewScanner([]string{janaMail, "sub-of-jana", optest.ClientSecret, token}).Scan(d.Bytes()...) {
		t.Errorf("leak: %v", h)
	}
}

// TestSignOnsAreBounded: a source that begins sign-ons and never ends them is stopped,
// before the answers of others are.
func TestSignOnsAreBounded(t *testing.T) {
	d := newDesk(t)
	b := d.browser()
	b.visit("GET", "/signin", nil, "")
	last := 0
	for range 40 {
		b.at = d.URL + "/signin"
		if last = b.load("POST", d.URL+"/signin/with/company", url.Values{}).status; last != http.StatusOK {
			break
		}
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("40 begun: %d", last)
	}
}
