package console_test

import (
	"net/http"
	"strings"
	"testing"
)

const sessionCookieName = "__Host-strongroom"

// Two tabs share a session, and the first got a new token while the second asked with
// the old one: it is led to where the browser shows its newest cookie, told why, and
// not signed out.
func TestTwoTabsShareASession(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	old := b.cookie(sessionCookieName, "/")
	b.age()
	b.post("/account/verify", "for", "sessions", "code", b.code()).want(t, http.StatusOK, "/account/sessions?done=verified")
	fresh := b.cookie(sessionCookieName, "/")
	if old == "" || fresh == old {
		t.Fatal("the token was not renewed")
	}
	put := func(token string) {
		b.put(&http.Cookie{Name: sessionCookieName, Value: token, Path: "/", Secure: true, HttpOnly: true})
	}
	var hops []string
	arriving := "" // the cookie that the answer to the other tab brings meanwhile
	b.client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		hops = append(hops, r.URL.RequestURI())
		if len(hops) == 1 && arriving != "" {
			put(arriving)
		}
		return nil
	}
	for name, ask := range map[string]func() answer{
		"a page": func() answer { return b.get("/account/sessions") },
		"a form": func() answer { return b.post("/account/sessions/end-others") },
	} {
		put(old)
		hops, arriving = nil, fresh
		a := ask().want(t, http.StatusOK, "/account?done=again")
		if strings.Join(hops, " ") != "/?again /account?done=again" || !strings.Contains(a.text, "Another tab renewed your session meanwhile") {
			t.Errorf("%s: by way of %v:\n%s", name, hops, a.text)
		}
		// Planted: where no newer cookie comes, the session is over, after as many steps.
		put(old)
		hops, arriving = nil, ""
		ask().want(t, http.StatusOK, "/signin?over")
		if strings.Join(hops, " ") != "/?again /signin?over" {
			t.Errorf("%s, over: by way of %v", name, hops)
		}
	}
	put(fresh)
	b.get("/account").want(t, http.StatusOK, "/account")
}
