package console_test

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/console"
	"strongroom/internal/session"
)

// providers stands for the sign-on: it notes what it is asked.
type providers struct {
	who    strongroom.Actor
	answer url.Values
	cookie string
	fault  error
	opened session.Opened
}

func (p *providers) Providers() []console.Provider {
	return []console.Provider{{Name: "company", Label: `Kitchen & "Sons"`}}
}

func (p *providers) Begin(_ context.Context, _ string, _ session.Caller, who strongroom.Actor) (string, string, time.Time, error) {
	p.who = who
	return "https://login.kitchen.example/authorize?client_id=x&state=y", "of-this-browser", time.Now().Add(10 * time.Minute), p.fault
}

func (p *providers) Elsewhere(_ context.Context, answer url.Values) (string, error) {
	if answer.Get("state") == "of-a-program" {
		return "http://127.0.0.1:7/?code=c&state=of-a-program", nil
	}
	return "", nil
}

func (p *providers) Finish(_ context.Context, answer url.Values, cookie string, _ session.Caller) (session.Opened, error) {
	p.answer, p.cookie = answer, cookie
	return p.opened, p.fault
}

func setCookie(t *testing.T, a answer, name string) string {
	t.Helper()
	for _, line := range a.header.Values("Set-Cookie") {
		if strings.HasPrefix(line, name+"=") {
			return line
		}
	}
	return ""
}

// TestSignOnPages: the browser goes to the provider and comes back by pages that go
// on, with a cookie of the sign-on that comes back from there and one of the session
// that does not.
func TestSignOnPages(t *testing.T) {
	p := new(providers)
	f := serve(t, func(o *console.Options) { o.SignOn = p })
	b, id := f.enrolled()
	before := b.cookie("__Host-strongroom", "/")

	if a := f.browser().get("/signin"); !strings.Contains(a.text, `action="/signin/with/company"><button>Kitchen &amp; &#34;Sons&#34;</button>`) {
		t.Errorf("no button:\n%s", a.text)
	}
	// Factors shown again: the person is named, and the page to return to is kept.
	if a := b.get("/account/verify?for=sessions"); !strings.Contains(a.text, `action="/account/verify/with/company"><input type="hidden" name="for" value="sessions">`) {
		t.Errorf("no button:\n%s", a.text)
	}
	a := b.post("/account/verify/with/company", "for", "sessions").want(t, http.StatusOK, "/account/verify/with/company")
	if p.who.ID != id || p.who.Session == "" || b.cookie("__Host-strongroom", "/") != before {
		t.Errorf("begun for %q in %q", p.who.ID, p.who.Session)
	}
	if got := a.header.Get("Refresh"); got != "0; url=https://login.kitchen.example/authorize?client_id=x&state=y" {
		t.Errorf("goes to %q", got)
	}
	line := setCookie(t, a, "__Host-strongroom-signon")
	for _, word := range []string{"of-this-browser.sessions;", "Path=/;", "HttpOnly", "Secure", "SameSite=Lax", "Expires="} {
		if !strings.Contains(line, word) {
			t.Errorf("the cookie has no %s: %s", word, line)
		}
	}
	// Planted: an answer that a program waits for is not taken here.
	if a := b.get("/signin/callback?state=of-a-program&code=c"); a.header.Get("Refresh") != "0; url=http://127.0.0.1:7/?code=c&state=of-a-program" || p.answer != nil {
		t.Errorf("goes to %q, taken: %v", a.header.Get("Refresh"), p.answer)
	}
	b.site, b.origin = "cross-site", ""
	a = b.get("/signin/callback?state=y&code=c&code=d&iss=i").want(t, http.StatusOK, "/signin/callback?state=y&code=c&code=d&iss=i")
	if p.cookie != "of-this-browser" || p.answer.Get("state") != "y" || p.answer.Has("code") || p.answer.Get("iss") != "i" {
		t.Errorf("handed on: %v with %q", p.answer, p.cookie)
	}
	if a.header.Get("Refresh") != "0; url=/account/sessions" || strings.Contains(a.text, "state") {
		t.Errorf("goes on to %q:\n%s", a.header.Get("Refresh"), a.text)
	}
	if line := setCookie(t, a, "__Host-strongroom"); !strings.Contains(line, "SameSite=Strict") {
		t.Errorf("the session's cookie: %s", line)
	}
	if line := setCookie(t, a, "__Host-strongroom-signon"); !strings.Contains(line, "Max-Age=0") {
		t.Errorf("the cookie of the sign-on stays: %s", line)
	}
}

// TestSignOnRefusals: another site cannot begin a sign-on; what fails says why, leads
// nowhere and gives no session.
func TestSignOnRefusals(t *testing.T) {
	p := new(providers)
	calls := 0
	f := serve(t, func(o *console.Options) {
		o.SignOn = p
		o.Limit = func(netip.Addr) error {
			if calls++; calls > 10 {
				return strongroom.Faultf(strongroom.Exhausted, "source-limit", "too many calls come from this source")
			}
			return nil
		}
	})
	b, _ := f.enrolled()
	if a := b.post("/signin/with/other"); a.status != http.StatusNotFound {
		t.Errorf("no such provider: %d", a.status)
	}
	if a := b.get("/account"); a.status != http.StatusOK || a.path != "/account" {
		t.Errorf("what failed to begin ended the session: %d at %s", a.status, a.path)
	}
	other := f.browser()
	other.site, other.origin = "cross-site", "https://elsewhere.example"
	if a := other.post("/signin/with/company"); a.status != http.StatusForbidden {
		t.Errorf("another site begins: %d", a.status)
	}
	p.fault = strongroom.Faultf(strongroom.Unauthenticated, "sign-on-factor", "the provider does not show that several factors were used")
	n := f.browser()
	a := n.get("/signin/callback?state=jane&code=doe")
	if a.status != http.StatusUnauthorized || !strings.Contains(a.text, "several factors") || strings.Contains(a.text, "jane") || a.header.Get("Refresh") != "" || n.cookie("__Host-strongroom", "/") != "" {
		t.Errorf("a refusal: %d %v\n%s", a.status, a.header, a.text)
	}
	p.fault = nil
	// Whoever begins anew while signed in leaves.
	b.post("/signin/with/company").want(t, http.StatusOK, "/signin/with/company")
	b.get("/account").want(t, http.StatusOK, "/signin")
	for n := 0; a.status != http.StatusTooManyRequests; n++ {
		if a = f.browser().get("/signin/callback?state=x"); n > 20 {
			t.Fatal("answers are not counted by source")
		}
	}
	// Without providers there is no page.
	if a := serve(t, nil).browser().get("/signin/callback?state=x"); a.status != http.StatusNotFound {
		t.Errorf("no providers: %d", a.status)
	}
}
