package console_test

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/console"
	"strongroom/internal/guard/guardtest"
)

// What another site asks for in the name of whoever sits at the browser is refused,
// and so is what says nothing of where it comes from. A GET changes nothing.
func TestCrossSite(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	type from struct{ site, origin string }
	for name, x := range map[string]from{
		"another site":           {"cross-site", "https://evil.example"},
		"a sibling":              {"same-site", "https://other.localhost"},
		"another port":           {"same-site", "https://localhost:1"},
		"an old browser":         {"", "https://evil.example"},
		"a page without origin":  {"cross-site", "null"},
		"an old one without":     {"", "null"},
		"who says nothing":       {"", ""},
		"the same name, no TLS":  {"", strings.Replace(f.base, "https", "ftp", 1)},
		"a name that begins so":  {"", f.base + ".evil.example"},
		"what only claims a tab": {"cross-site", f.base},
	} {
		b.site, b.origin = x.site, x.origin
		for _, rt := range console.Routes() {
			if rt.Method != "POST" {
				continue
			}
			kind := "application/x-www-form-urlencoded"
			if rt.Script {
				kind = "application/json"
			}
			if a := b.do("POST", rt.Path, kind, ""); a.status != http.StatusForbidden || strings.Contains(a.text, "evil") {
				t.Errorf("%s: POST %s: %d", name, rt.Path, a.status)
			}
		}
	}
	b.site, b.origin = "same-origin", f.base
	b.get("/account").want(t, http.StatusOK, "/account") // still signed in
	if n := len(f.refused); n < 10 || slices.ContainsFunc(f.refused, func(code string) bool { return code != "cross-site" }) {
		t.Errorf("%d refusals are counted: %.10v", n, f.refused)
	}
	// Planted: the pages' own forms are taken, also from a browser that names the
	// origin alone, and from one that names the site alone.
	for _, x := range []from{{"same-origin", ""}, {"", f.base}, {"same-origin", "null"}} {
		b.site, b.origin = x.site, x.origin
		b.post("/account/training", "topic", "it-security", "version", "2026-1").want(t, http.StatusOK, "/account?done=recorded")
	}
	b.site = "cross-site" // a link elsewhere may lead here; the cookie is not sent then
	for _, rt := range console.Routes() {
		if rt.Method == "POST" {
			a := b.get(rt.Path + "?version=2099&topic=it-security&code=" + b.code())
			if strings.Contains(a.text, "2099") || strings.Contains(a.path, "done") {
				t.Errorf("GET %s did something", rt.Path)
			}
		}
	}
	b.get("/account").want(t, http.StatusOK, "/account")
}

// A cookie that somebody put into the browser is worth nothing after the sign-in, and
// neither is the session that was there before.
func TestFixation(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	before := b.cookie("__Host-strongroom", "/")
	b.signIn()
	after := b.cookie("__Host-strongroom", "/")
	if before == after || before == "" || after == "" {
		t.Fatal("the sign-in kept the cookie")
	}
	other := f.browser()
	other.put(&http.Cookie{Name: "__Host-strongroom", Value: before, Path: "/", Secure: true})
	other.get("/account").want(t, http.StatusOK, "/signin?over")
	// Factors shown again make a new token as well.
	b.post("/account/verify", "for", "sessions", "code", b.code()).want(t, http.StatusOK, "/account/sessions?done=verified")
	if third := b.cookie("__Host-strongroom", "/"); third == after {
		t.Error("the step-up kept the cookie")
	}
	// Planted: the cookie of now works in the browser it was given to.
	b.get("/account").want(t, http.StatusOK, "/account")
	// A second cookie of the name means that one of them is somebody else's, wherever
	// it stands and whatever it holds.
	req, err := http.NewRequestWithContext(context.Background(), "GET", f.base+"/account", nil)
	f.must(err)
	req.Header.Set("User-Agent", firefox)
	req.Header.Set("Cookie", "__Host-strongroom="+b.cookie("__Host-strongroom", "/"))
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := b.client.Do(req) // the jar adds its own
	f.must(err)
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("two cookies: %d", res.StatusCode)
	}
}

// The cookies are of this host alone, for TLS alone, for no script and no other site.
func TestCookies(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	b := f.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	seen := map[string]bool{}
	look := func(a answer) answer {
		for _, line := range a.header.Values("Set-Cookie") {
			k, err := http.ParseSetCookie(line)
			f.must(err)
			if !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Domain != "" ||
				strings.HasPrefix(k.Name, "__Host-") != (k.Path == "/") || !strings.HasPrefix(k.Name, "__") {
				t.Errorf("a cookie is weaker: %s %+v", k.Name, k)
			}
			seen[k.Name] = true
		}
		return a
	}
	look(b.post("/enrol", "link", link))
	b.post("/enrol/password", "password", goodWords, "again", goodWords)
	b.secret = secretOf(t, look(b.post("/enrol/totp")))
	look(b.post("/enrol/totp/confirm", "code", b.code()))
	look(b.post("/enrol/complete"))
	look(b.post("/signin", "email", ownerEmail, "password", goodWords))
	look(b.post("/signin/factor", "kind", "totp", "code", b.code()))
	look(b.post("/account/verify", "code", b.code()))
	look(b.post("/account/signout"))
	for _, name := range []string{"__Host-strongroom", "__Host-strongroom-signin", "__Secure-strongroom-enrol"} {
		if !seen[name] {
			t.Errorf("%s was never set: %v", name, seen)
		}
	}
}

var requestID = regexp.MustCompile(`req_[0-9a-z]+`)

// The pages of an address nobody has are those of one that is known, and the address
// is in no URL and no log.
func TestSignInTellsNothing(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	b := f.browser()
	b.enrol(link)
	var seen []string
	for _, email := range []string{ownerEmail, "nobody@vandersmissen.example"} {
		a := f.browser().post("/signin", "email", email, "password", "Wrong-but-long-1!")
		if a.status != http.StatusUnauthorized || a.path != "/signin" {
			t.Errorf("%d at %s", a.status, a.path)
		}
		var cookies []string
		for _, line := range a.header.Values("Set-Cookie") {
			cookies = append(cookies, strings.SplitN(line, "=", 2)[0])
		}
		text := requestID.ReplaceAllString(strings.ReplaceAll(a.text, email, "ADDRESS"), "")
		seen = append(seen, strings.Join(cookies, " ")+text)
	}
	if seen[0] != seen[1] {
		t.Errorf("the pages differ:\n%s\n%s", seen[0], seen[1])
	}
	if strings.Contains(f.words.String(), "vandersmissen") {
		t.Error("the operational log names an address")
	}
	// Planted: the right password leads on, and a passkey alone names nobody.
	f.browser().post("/signin", "email", ownerEmail, "password", goodWords).want(t, http.StatusOK, "/signin/factor")
	a := f.browser().do("POST", "/signin/passkey/begin", "application/json", "{}")
	if a.status != http.StatusOK || !strings.Contains(a.text, `"challenge"`) || strings.Contains(a.text, "allowCredentials") {
		t.Errorf("a passkey alone: %d %s", a.status, a.text)
	}
}

// TestObligation_2_1_2_NetworkRules narrows down where the pages may be shown:
// everybody else is refused before anything is looked at.
func TestObligation_2_1_2_NetworkRules(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled() // planted: without a rule it is answered
	rule := access.Rule{Listener: access.ConsoleListener, Network: netip.MustParsePrefix("192.0.2.0/24")}
	_, err := f.access.ChangeNetworks(context.Background(), f.root(), []access.Rule{rule}, nil)
	f.must(err)
	for _, path := range []string{"/signin", "/account", "/enrol", "/assets/console.css"} {
		if a := b.get(path); a.status != http.StatusForbidden {
			t.Errorf("%s from elsewhere: %d at %s", path, a.status, a.path)
		}
	}
}

// TestObligation_2_1_2_NetworkRulesOfAPerson: who may not come from a network is refused
// there, once it is known who it is; another is not.
func TestObligation_2_1_2_NetworkRulesOfAPerson(t *testing.T) {
	f := serve(t, nil)
	b, id := f.enrolled()
	for _, c := range []struct {
		principal string
		status    int
	}{{guardtest.Person("", f.real.Now()).ID, http.StatusOK}, {id, http.StatusForbidden}} { // planted: somebody else's rule
		rule := access.Rule{Listener: access.ConsoleListener, Principal: c.principal, Deny: true, Network: netip.MustParsePrefix("127.0.0.0/8")}
		_, err := f.access.ChangeNetworks(context.Background(), f.root(), []access.Rule{rule}, nil)
		f.must(err)
		if a := b.get("/account"); a.status != c.status {
			t.Errorf("%s: %d at %s", c.principal, a.status, a.path)
		}
	}
	if a := b.get("/signin"); a.status != http.StatusOK {
		t.Errorf("what asks for nobody: %d", a.status)
	}
}

// Forms are bounded, of one kind, and say each thing once.
func TestForms(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	const form = "application/x-www-form-urlencoded"
	for name, x := range map[string]struct {
		kind, body string
		status     int
	}{
		"too large":       {form, "topic=it-security&version=" + strings.Repeat("1", 20<<10), http.StatusRequestEntityTooLarge},
		"of another kind": {"text/plain", "topic=it-security&version=1", http.StatusUnsupportedMediaType},
		"damaged":         {form, "topic=%zz", http.StatusBadRequest},
		"twice":           {form, "topic=it-security&version=1&version=2", http.StatusBadRequest},
	} {
		if a := b.do("POST", "/account/training", x.kind, x.body); a.status != x.status {
			t.Errorf("%s: %d\n%s", name, a.status, a.text)
		}
	}
	if a := b.do("POST", "/account/passkey/finish", "application/json", `{"id":"`+strings.Repeat("a", 100<<10)+`"}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("an answer of 100 KiB: %d", a.status)
	}
	// A refusal of somebody known is an event, once.
	if n := len(f.events("training.record")); n != 4 {
		t.Errorf("%d events of 4 refusals", n)
	}
	b.do("POST", "/account/training", form, "topic=it-security&version=1").want(t, http.StatusOK, "/account?done=recorded")
}

// Whoever is not known asks only so often; who is signed in is not counted.
func TestSourcesAreLimited(t *testing.T) {
	calls := 0
	f := serve(t, func(o *console.Options) {
		o.Limit = func(netip.Addr) error {
			if calls++; calls > 8 {
				return strongroom.Faultf(strongroom.Exhausted, "source-limit", "too many calls come from this source")
			}
			return nil
		}
	})
	b, _ := f.enrolled() // 7 calls
	f.browser().post("/signin", "email", "a@example.com", "password", "x")
	if a := f.browser().post("/signin", "email", "a@example.com", "password", "x"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("one call more: %d", a.status)
	}
	b.post("/account/training", "topic", "it-security", "version", "2026-1").want(t, http.StatusOK, "/account?done=recorded")
	// Who guesses tokens is counted as well.
	guess := f.browser()
	guess.put(&http.Cookie{Name: "__Host-strongroom", Value: "srs_test_0000000000000000000000000000000000000000000000000000", Path: "/", Secure: true})
	if a := guess.get("/account"); a.status != http.StatusTooManyRequests {
		t.Errorf("a guess: %d", a.status)
	}
}

// A session whose rights have changed gets a new token on the way, and the person
// notices nothing.
func TestRightsChange(t *testing.T) {
	f := serve(t, nil)
	b, id := f.enrolled()
	before := b.cookie("__Host-strongroom", "/")
	for _, topic := range []string{"data-protection", "it-security"} {
		b.post("/account/training", "topic", topic, "version", "2026-1")
	}
	asker := f.root()
	asker.ID = "uid:1"
	q, err := f.access.Ask(context.Background(), asker, access.Spec{Kind: access.Role, Reason: "reads the log", Subject: id, Roles: []string{"auditor"}, AllStores: true})
	f.must(err)
	_, err = f.access.Approve(context.Background(), f.root(), q.ID, "")
	f.must(err)
	f.real.SetOffset(f.real.Offset() + 2*time.Second)
	a := b.get("/account").want(t, http.StatusOK, "/account")
	if after := b.cookie("__Host-strongroom", "/"); after == before || !strings.Contains(a.text, "auditor") {
		t.Errorf("the session goes on as it was:\n%s", a.text)
	}
	old := f.browser()
	old.put(&http.Cookie{Name: "__Host-strongroom", Value: before, Path: "/", Secure: true})
	old.get("/account").want(t, http.StatusOK, "/signin?over")
}
