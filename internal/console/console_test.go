package console_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/console"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/people"
)

// TestObligation_2_1_5_NoWayAround lists every route that asks for nobody, and has
// each of the others lead a browser without a session, and with a made-up one, to the
// sign-in. A new route without a session fails until the list says so.
func TestObligation_2_1_5_NoWayAround(t *testing.T) {
	f := serve(t, nil)
	var open strings.Builder
	for _, rt := range console.Routes() {
		if rt.Public {
			open.WriteString(rt.Method + " " + rt.Path + "\n")
			continue
		}
		for name, token := range map[string]string{
			"nobody": "", "a made-up session": "srs_test_0000000000000000000000000000000000000000000000000000", "text": "%00",
		} {
			b := f.browser()
			b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if token != "" {
				b.put(&http.Cookie{Name: "__Host-strongroom", Value: token, Path: "/", Secure: true})
			}
			a := b.do(rt.Method, rt.Path, "", "")
			to := a.header.Get("Location")
			if rt.Script && a.status != http.StatusUnauthorized || !rt.Script && (a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/signin")) {
				t.Errorf("%s %s answers %s with %d %s", rt.Method, rt.Path, name, a.status, to)
			}
		}
	}
	golden(t, "unauthenticated.txt", open.String())
	if strings.Contains(open.String(), " /account") {
		t.Error("a page of the account asks for nobody")
	}
	// Planted: with a session the pages are shown.
	b, _ := f.enrolled()
	for _, rt := range console.Routes() {
		if rt.Method == "GET" && !rt.Public {
			b.get(rt.Path).want(t, http.StatusOK, rt.Path)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not as it was (%v): look at it, then go test -update\n%s", name, err, got)
	}
}

// Whose link somebody saw waits for another person, and is told so with the command
// that lets in. Whoever comes by a link that nobody is remembered for is not.
func TestWhoMustBeLetInIsToldSo(t *testing.T) {
	f := serveIn(t, strongroom.Production, nil)
	_, first := f.owner()
	if text := f.browser().follow(first).text; strings.Contains(text, "lets you in") || !strings.Contains(text, `class="codes"`) { // planted
		t.Errorf("the first owner waits for nobody:\n%s", text)
	}
	boss := func() strongroom.Actor { return guardtest.Person("", f.real.Now(), authz.Owner) }
	q, err := f.access.Ask(t.Context(), boss(), access.Spec{
		Kind: access.Account, Reason: "joins the desk", Roles: []string{authz.Operator}, AllStores: true,
		Person: people.Spec{Name: "Ida Nowak", Email: "ida@nowak.example", Employment: people.Employee, Source: "hand"},
	})
	f.must(err)
	q, err = f.access.Approve(t.Context(), boss(), q.ID, "")
	f.must(err)
	id := q.Made[0]
	l, err := f.people.Invite(t.Context(), boss(), id)
	f.must(err)
	text := f.browser().follow(l.Token.Reveal()).text
	if !strings.Contains(text, "strongroom person resume "+id) || !strings.Contains(text, `class="codes"`) {
		t.Errorf("it is not said that the account waits, or there are no codes:\n%s", text)
	}
	if p, err := f.people.Get(t.Context(), boss(), id); err != nil || p.Reason != people.Unconfirmed {
		t.Errorf("the account does not wait: %v", err)
	}
}

// A person comes in through the pages alone, without a script: link, password, app,
// sign-in, trainings, sign-out.
func TestAPersonComesIn(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	b := f.browser()
	b.get("/enrol").want(t, http.StatusOK, "/enrol") // as a mail scanner does; it uses nothing up
	b.get("/enrol?link="+link).want(t, http.StatusOK, "/enrol?link="+link)
	if codes := b.enrol(link); len(codes) != 10 {
		t.Errorf("%d recovery codes are shown", len(codes))
	}
	if b.cookie("__Secure-strongroom-enrol", "/enrol") != "" {
		t.Error("the browser keeps the enrolment")
	}
	b.get("/account").want(t, http.StatusOK, "/signin") // enrolled is not signed in
	b.signIn()
	a := b.get("/").want(t, http.StatusOK, "/account")
	for _, want := range []string{ownerName, ownerEmail, "owner", "you reach this account and nothing else"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the account does not show %q", want)
		}
	}
	for _, topic := range []string{"data-protection", "it-security"} {
		b.post("/account/training", "topic", topic, "version", "2026-1", "reference", "cert-77").want(t, http.StatusOK, "/account?done=recorded")
	}
	for _, pledge := range []string{"confidentiality", "acceptable-use"} {
		a = b.post("/account/pledge", "pledge", pledge, "version", "2026-1").want(t, http.StatusOK, "/account?done=recorded")
	}
	if n := strings.Count(a.text, "recorded by yourself"); n != 4 || strings.Count(a.text, "reference cert-77") != 2 {
		t.Errorf("%d of 4 say who recorded them, or the trainings not by what", n)
	}
	if strings.Contains(a.text, "Missing") || strings.Contains(a.text, "nothing else") {
		t.Errorf("something is still missing:\n%s", a.text)
	}
	if a := b.post("/account/training", "topic", "cooking", "version", "2026-1"); a.status != http.StatusBadRequest || !strings.Contains(a.text, "The topic must be one of") {
		t.Errorf("a training nobody asks for: %d", a.status)
	}
	b.post("/account/signout").want(t, http.StatusOK, "/signin?done=out")
	if b.cookie("__Host-strongroom", "/") != "" {
		t.Error("the browser keeps the cookie")
	}
	b.get("/account").want(t, http.StatusOK, "/signin")
	// A link is good once.
	if a := f.browser().post("/enrol", "link", link); a.status != http.StatusUnauthorized {
		t.Errorf("the link a second time: %d", a.status)
	}
	for _, name := range []string{"Vandersmissen", "vandersmissen", link, b.secret} {
		if strings.Contains(f.words.String(), name) {
			t.Errorf("the operational log holds %.6s…", name)
		}
	}
}

// Each page of the console says what it may do, and lets no other page show it.
func TestHeaders(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	for _, path := range []string{"/signin", "/enrol", "/account", "/account/nowhere", "/assets/console.js", "//", "/signin/factor"} {
		a := b.get(path)
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %s", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the policy lets more in", path)
		}
		// What the policy forbids is not there either.
		for _, bad := range []string{"<script>", " style=", " onclick", " onload", "http://", "<iframe"} {
			if strings.Contains(a.text, bad) && path != "/assets/console.js" {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
}

// Unknown paths and methods are pages that repeat nothing.
func TestMissingPages(t *testing.T) {
	f := serve(t, nil)
	b := f.browser()
	for path, status := range map[string]int{"/account/ottilie%40vandersmissen.example": 404, "/assets/../doc.go": 404, "/assets/x": 404} {
		if a := b.get(path); a.status != status || strings.Contains(a.text, "ottilie") {
			t.Errorf("GET %s: %d\n%s", path, a.status, a.text)
		}
	}
	a := b.do("PUT", "/signin", "", "")
	if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
		t.Errorf("PUT: %d, allowed %q", a.status, a.header.Get("Allow"))
	}
	for path, own := range map[string]bool{"/": true, "/signin": true, "/enrol/x": true, "/account": true, "/assets/a": true, "/v1/people": false, "/accounts": false, "//x": false, "": false} {
		if console.Owns(path) != own {
			t.Errorf("owns %q: %t", path, !own)
		}
	}
}
