package federation_test

import (
	"testing"

	"strongroom/internal/federation"
)

// TestTwoProviders shows that a provider cannot speak for the people of another:
// neither with their address nor with the subject they have there.
func TestTwoProviders(t *testing.T) {
	one, two := newOP(t), newOP(t)
	s := newSite(t, one, two.at(func(p *federation.Provider) { p.Name, p.Domains = "agency", []string{"agency.example"} }))
	jane := s.f.member(t, janeName, janeMail)
	omar := s.f.member(t, omarName, "omar@agency.example")
	at := func(provider string) string {
		t.Helper()
		s.start.Provider = provider
		return s.signOn(t)
	}
	if got := at("company"); got != "" || s.entry.Person != jane.ID {
		t.Fatalf("planted: at the own provider: %q, %+v", got, s.entry)
	}
	// The other provider claims all that the first one said.
	if got := at("agency"); got != "sign-on-domain" || s.token != nil {
		t.Errorf("subject and address of another provider: %q", got)
	}
	// The same subject there is another person.
	two.Claims = set("email", "omar@agency.example")
	if got := at("agency"); got != "" || s.entry.Person != omar.ID {
		t.Errorf("the subject at the second provider: %q, %+v", got, s.entry)
	}
	two.Claims = func(map[string]any) {}
	if got := at("agency"); got != "" || s.entry.Person != omar.ID {
		t.Errorf("known there by subject: %q, %+v", got, s.entry)
	}
	if got := at("company"); got != "" || s.entry.Person != jane.ID {
		t.Errorf("the subject at the first provider: %q, %+v", got, s.entry)
	}
	// A token of one does not pass for a token of the other, whoever signed it.
	two.Claims = set("iss", one.URL)
	if got := at("agency"); got != "sign-on-token" {
		t.Errorf("a token in the name of the other: %q", got)
	}
}
