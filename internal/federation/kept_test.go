package federation_test

import (
	"bytes"
	"strings"
	"testing"

	"strongroom/internal/federation/optest"
)

// TestTokensOfProvidersAreNotKept shows that what a provider hands out goes no
// further than the server that asked: nothing of it is at rest or goes to the
// browser.
func TestTokensOfProvidersAreNotKept(t *testing.T) {
	o := newOP(t)
	var issued string
	o.Sign = func(head, body map[string]any) string { issued = optest.Signed(o.Key, head, body); return issued }
	s := newSite(t, o)
	jane := s.f.member(t, janeName, janeMail)
	if got := s.signOn(t); got != "" || issued == "" {
		t.Fatalf("planted: %q", got)
	}
	all := s.f.disk(t)
	if !bytes.Contains(all, []byte(jane.ID)) {
		t.Fatal("planted: the account is not found where the tokens are looked for")
	}
	parts := strings.Split(issued, ".")
	for what, secret := range map[string]string{"ID token": parts[1], "signature": parts[2], "access token": "opaque", "client secret": clientSecret} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("the %s is at rest", what)
		}
		if strings.Contains(s.last, secret) || strings.Contains(s.token.Reveal(), secret) {
			t.Errorf("the %s went through the browser", what)
		}
	}
}
