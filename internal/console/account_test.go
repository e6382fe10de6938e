package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// age lets the second factor grow old, within what a session may stand still.
func (b *browser) age(others ...*browser) {
	b.f.t.Helper()
	for range 4 {
		b.f.real.SetOffset(b.f.real.Offset() + 5*time.Minute)
		for _, x := range append(others, b) {
			x.get("/account").want(b.f.t, http.StatusOK, "/account")
		}
		b.f.must(b.f.sessions.Tidy(b.f.t.Context())) // stamps the last use, as it does every few seconds
	}
}

var sessionID = regexp.MustCompile(`name="id" value="(ses_[0-9a-z]+)"`)

// People see their sessions and end them, one or all others, once they have shown a
// factor again (ASVS 7.5.2, 7.4.3); the button to sign out is on every page (7.4.4).
func TestSessionsPage(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	second, third := b.again(), b.again()
	a := b.get("/account/sessions").want(t, http.StatusOK, "/account/sessions")
	ids := sessionID.FindAllStringSubmatch(a.text, -1)
	if len(ids) != 2 || !strings.Contains(a.text, "This one.") || !strings.Contains(a.text, "127.0.0.1") {
		t.Fatalf("%d others are listed:\n%s", len(ids), a.text)
	}
	b.age(second, third)
	// Planted: without a fresh factor nothing ends, and the page asks for one.
	b.post("/account/sessions/end", "id", ids[0][1]).want(t, http.StatusOK, "/account/verify?for=sessions")
	b.post("/account/sessions/end-others").want(t, http.StatusOK, "/account/verify?for=sessions")
	third.get("/account").want(t, http.StatusOK, "/account")
	b.post("/account/verify", "for", "sessions", "code", b.code()).want(t, http.StatusOK, "/account/sessions?done=verified")
	b.post("/account/sessions/end", "id", ids[0][1]).want(t, http.StatusOK, "/account/sessions?done=ended")
	third.get("/account").want(t, http.StatusOK, "/signin?over") // the newest is listed first
	second.get("/account").want(t, http.StatusOK, "/account")
	b.post("/account/sessions/end-others").want(t, http.StatusOK, "/account/sessions?done=ended")
	second.get("/account").want(t, http.StatusOK, "/signin?over")
	for _, path := range []string{"/account", "/account/factors", "/account/password", "/account/sessions", "/account/verify"} {
		a := b.get(path).want(t, http.StatusOK, path)
		if !strings.Contains(a.text, `action="/account/signout"`) {
			t.Errorf("%s has no way to sign out", path)
		}
	}
	if strings.Contains(second.get("/signin").text, "signout") {
		t.Error("planted: nobody is signed in here, and there is a way to sign out")
	}
}

// A change of how somebody signs in asks for fresh factors, and offers to end the
// other sessions.
func TestFactorsPage(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	b.age()
	for path, back := range map[string]string{"/account/totp": "factors", "/account/recovery-codes": "factors", "/account/factors/remove": "factors"} {
		b.post(path, "id", "fct_x").want(t, http.StatusOK, "/account/verify?for="+back)
	}
	b.post("/account/password", "old", goodWords, "password", nextWords, "again", nextWords).want(t, http.StatusOK, "/account/verify?for=password")
	if a := b.do("POST", "/account/passkey/begin", "application/json", "{}"); a.status != http.StatusForbidden || !strings.Contains(a.text, `"step-up"`) {
		t.Errorf("a passkey without a fresh factor: %d %s", a.status, a.text)
	}
	if a := b.post("/account/verify", "for", "factors", "code", "000000"); a.status != http.StatusUnauthorized || !strings.Contains(a.text, `name="for" value="factors"`) {
		t.Errorf("a wrong code: %d\n%s", a.status, a.text)
	}
	a := b.post("/account/verify", "for", "factors", "code", b.code()).want(t, http.StatusOK, "/account/factors?done=verified")
	if !strings.Contains(a.text, `action="/account/sessions/end-others"`) || !strings.Contains(a.text, "10 left") {
		t.Errorf("the page does not offer to end the others:\n%s", a.text)
	}
	if a := b.do("POST", "/account/passkey/begin", "application/json", "{}"); a.status != http.StatusOK || !strings.Contains(a.text, `"publicKey"`) {
		t.Errorf("a passkey with one: %d %s", a.status, a.text)
	}
	// The only app cannot be removed; a new one takes its place.
	app := regexp.MustCompile(`value="(fct_[0-9a-z]+)"><button class="quiet" aria-label="Remove the authenticator app"`).FindStringSubmatch(a.text)
	if a := b.post("/account/factors/remove", "id", app[1]); a.status != http.StatusConflict || !strings.Contains(a.text, "last second factor") {
		t.Errorf("the last second factor: %d", a.status)
	}
	a = b.post("/account/totp").want(t, http.StatusOK, "/account/totp")
	if !strings.Contains(a.text, `<svg class="qr"`) {
		t.Error("no picture is shown")
	}
	b.secret = secretOf(t, a)
	if a := b.post("/account/totp/confirm", "code", "000000"); a.status != http.StatusBadRequest || strings.Contains(a.text, "<svg") || !strings.Contains(a.text, "Show a new picture") {
		t.Errorf("a wrong first code: %d\n%s", a.status, a.text)
	}
	b.post("/account/totp/confirm", "code", b.code()).want(t, http.StatusOK, "/account/factors?done=app")
	other := b.again()
	if codes := shownCode.FindAllString(b.post("/account/recovery-codes").want(t, http.StatusOK, "/account/recovery-codes").text, -1); len(codes) != 10 {
		t.Errorf("%d new recovery codes", len(codes))
	}
	other.get("/account").want(t, http.StatusOK, "/signin?over") // new codes end the others by themselves
}

// Each rule that a password breaks is told, in the words of the rule, and nothing that
// was typed is in the answer. Fields mask what is typed and let managers work (ASVS
// 6.2.6, 6.2.7).
func TestPasswordPages(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	b := f.browser()
	b.post("/enrol", "link", link).want(t, http.StatusOK, "/enrol/steps")
	for typed, says := range map[string]string{
		"Kurz-7":                   "has fewer than 12 characters",
		"nurkleinebuchstaben":      "It needs at least",
		"Ottilie-7-Nebel!":         "contains a part of the person&#39;s name",
		"Strongroom-7-Nebel!":      "contains a word that is easy to guess here",
		"Grau-7-Nebel-\x00Ufer!":   "The password",
		strings.Repeat("Aa1!", 80): "The password",
	} {
		a := b.post("/enrol/password", "password", typed, "again", typed)
		if a.status != http.StatusBadRequest || !strings.Contains(a.text, says) && !strings.Contains(a.text, strings.Replace(says, "It needs", "The password needs", 1)) {
			t.Errorf("%.12q: %d, without %q\n%s", typed, a.status, says, a.text)
		}
		if strings.Contains(a.text, typed) || !strings.Contains(a.text, `role="alert"`) {
			t.Errorf("%.12q is repeated, or the refusal is not announced", typed)
		}
	}
	if a := b.post("/enrol/password", "password", goodWords, "again", nextWords); a.status != http.StatusBadRequest || !strings.Contains(a.text, "not the same") {
		t.Errorf("two that differ: %d", a.status)
	}
	if a := b.post("/enrol/complete"); a.status != http.StatusConflict || !strings.Contains(a.text, "An account needs two factors") {
		t.Errorf("complete without anything: %d", a.status)
	}
	b.post("/enrol/password", "password", goodWords, "again", goodWords).want(t, http.StatusOK, "/enrol/steps")
	a := b.post("/enrol/complete")
	if a.status != http.StatusConflict {
		t.Errorf("complete with one factor: %d", a.status)
	}
	for _, page := range []string{a.text, b.get("/signin").text} {
		for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(page, -1) {
			masked, secret := strings.Contains(input, `type="password"`), strings.Contains(input, `name="password"`) || strings.Contains(input, `name="again"`)
			if masked != secret || secret && !strings.Contains(input, "-password\"") || strings.Contains(input, "onpaste") || strings.Contains(input, `autocomplete="off"`) && secret {
				t.Errorf("the field %s", input)
			}
		}
	}
}

// Who has to have a new password reaches the page of it and, until it is set, no
// other; a change ends the other sessions.
func TestPasswordDue(t *testing.T) {
	f := serve(t, nil)
	b, id := f.enrolled()
	other := b.again()
	f.clock.SetOffset(f.clock.Offset() + 48*time.Hour)
	b.post("/account/password", "old", "Wrong-but-long-1!", "password", nextWords, "again", nextWords)
	b.get("/account").want(t, http.StatusOK, "/account") // planted: it is not due
	f.must(f.people.RequireChange(t.Context(), f.root(), id))
	f.sessions.Forget(id)
	if a := b.get("/account").want(t, http.StatusOK, "/account/password"); !strings.Contains(a.text, "You need a new password") {
		t.Error("the page does not say why")
	}
	if a := b.post("/account/password", "old", goodWords, "password", goodWords, "again", goodWords); a.status != http.StatusConflict {
		t.Errorf("the same again: %d", a.status)
	}
	b.post("/account/password", "old", goodWords, "password", nextWords, "again", nextWords).want(t, http.StatusOK, "/account/factors?done=password")
	b.get("/account").want(t, http.StatusOK, "/account")
	other.get("/account").want(t, http.StatusOK, "/signin?over")
}

// Who fails too often to show a factor again is not the person: the session ends.
func TestStepUpEndsTheSession(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	for range 5 {
		if a := b.post("/account/verify", "code", "000000"); a.status != http.StatusUnauthorized || a.path != "/account/verify" {
			t.Fatalf("a wrong code: %d at %s", a.status, a.path)
		}
	}
	b.post("/account/verify", "code", "000000").want(t, http.StatusOK, "/signin?over")
	b.get("/account").want(t, http.StatusOK, "/signin?over")
}

// A recovery code stands in for the app once.
func TestRecoveryCode(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	b := f.browser()
	codes := b.enrol(link)
	for i, status := range []int{http.StatusOK, http.StatusUnauthorized} {
		n := f.browser()
		n.get("/signin/factor").want(t, http.StatusOK, "/signin")
		a := n.post("/signin", "email", ownerEmail, "password", goodWords).want(t, http.StatusOK, "/signin/factor")
		if !strings.Contains(a.text, "Use a recovery code") || strings.Contains(a.text, "data-passkey") {
			t.Errorf("the ways that are shown:\n%s", a.text)
		}
		if a := n.post("/signin/factor", "kind", "recovery", "code", codes[0]); a.status != status {
			t.Errorf("time %d: %d", i, a.status)
		}
	}
}
