package apptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/federation/optest"
)

// TestBrowserSignOn leads a person to the provider and back, for a session and for a
// step-up, in Chromium and without scripts: the policy of the pages lets it, and the
// strict cookie of the session goes along on the last step.
func TestBrowserSignOn(t *testing.T) {
	chromium(t)
	op := optest.New(t, apptest.OwnerEmail, "sub-of-ottilie")
	secret, ca := op.Files(t)
	s := serveTLS(t, func(c *app.Config) {
		_, port, _ := strings.Cut(c.Listen, ":")
		c.PublicURL = "https://localhost:" + port
		c.SignOn.Providers = []app.ProviderConfig{{
			Name: "company", Label: "Office account", Issuer: op.URL, ClientID: optest.ClientID, ClientSecretFile: secret, CAFile: ca,
			Domains: []string{"vandersmissen.example"}, AMR: [][]string{{"mfa"}},
		}}
	})
	sum := sha256.Sum256(op.Certificate().RawSubjectPublicKeyInfo)
	s.pin += "," + base64.StdEncoding.EncodeToString(sum[:])
	b := open(t, s)
	b.authenticator()
	b.visit("/enrol")
	b.fill("#link", s.Made.Link)
	b.click("form[data-link] button")
	b.at("/enrol/steps")
	b.click("form[data-passkey] button")
	b.shows("1 made.")
	b.click("form[action='/enrol/complete'] button")
	b.shows("Everything is ready.")
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}

	const button = "form[action='/signin/with/company'] button"
	// Planted: without a proof of two factors there is a page that says why, and no session.
	op.Claims = func(m map[string]any) { m["amr"] = []string{"pwd"} }
	b.visit("/signin")
	b.click(button)
	b.shows("The provider does not show that several factors were used")
	b.visit("/account")
	b.at("/signin")
	op.Claims = func(map[string]any) {}

	b.click(button)
	b.at("/account")
	b.shows(apptest.OwnerName)
	b.visit("/account/verify?for=sessions")
	b.click("form[action='/account/verify/with/company'] button")
	b.at("/account/sessions")
	b.shows("This one.")
	if op.Asked.Get("prompt") != "login" {
		t.Errorf("asked for %v", op.Asked)
	}
	b.click("form[action='/account/signout'] button")
	b.at("/signin?done=out")
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains: %s", said)
	}
}
