package federation_test

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/federation"
)

func provider(change func(*federation.Provider)) federation.Provider {
	p := federation.Provider{
		Name: "company", Issuer: "https://login.kitchen.example", ClientID: clientID, Domains: []string{"kitchen.example"}, AMR: [][]string{{"mfa"}},
	}
	change(&p)
	return p
}

// TestCheck: what is not safe is refused with what to write, and the fault says of
// which provider it speaks.
func TestCheck(t *testing.T) {
	const callback = "https://vault.example.com/signin/callback"
	good := provider(func(p *federation.Provider) { p.GroupsClaim = "groups" })
	mapping := federation.Mapping{Source: "company", Group: "ops", Role: "operator", AllStores: true}
	if err := federation.Check(strongroom.Production, callback, []federation.Provider{good}, []federation.Mapping{mapping}); err != nil {
		t.Fatalf("planted: a good configuration: %v", err)
	}
	for name, x := range map[string]struct {
		callback  string
		providers []federation.Provider
		mappings  []federation.Mapping
		says      string
	}{
		"plain http":  {callback, []federation.Provider{provider(func(p *federation.Provider) { p.Issuer = "http://login.kitchen.example" })}, nil, "company"},
		"one factor":  {callback, []federation.Provider{provider(func(p *federation.Provider) { p.AMR = [][]string{{"pwd"}} })}, nil, "amr: [[mfa]]"},
		"no proof":    {callback, []federation.Provider{provider(func(p *federation.Provider) { p.AMR = nil })}, nil, "amr: [[mfa]]"},
		"acr 0":       {callback, []federation.Provider{provider(func(p *federation.Provider) { p.ACR = []string{"0"} })}, nil, "acr: "},
		"no domain":   {callback, []federation.Provider{provider(func(p *federation.Provider) { p.Domains = nil })}, nil, "domains: "},
		"every one":   {callback, []federation.Provider{provider(func(p *federation.Provider) { p.Domains = []string{"*"} })}, nil, "domains: "},
		"too old":     {callback, []federation.Provider{provider(func(p *federation.Provider) { p.MaxAge = 13 * time.Hour })}, nil, "max_age: "},
		"two names":   {callback, []federation.Provider{good, good}, nil, "two providers"},
		"callback":    {"http://vault.example.com/signin/callback", []federation.Provider{good}, nil, "public_url: "},
		"no source":   {callback, []federation.Provider{good}, []federation.Mapping{{Source: "other", Group: "g", Role: "owner", AllStores: true}}, "source: "},
		"no claim":    {callback, []federation.Provider{provider(func(*federation.Provider) {})}, []federation.Mapping{mapping}, "groups_claim: "},
		"no role":     {callback, []federation.Provider{good}, []federation.Mapping{{Source: "scim", Group: "g", Role: "provisioner", AllStores: true}}, "role: "},
		"no store":    {callback, []federation.Provider{good}, []federation.Mapping{{Source: "scim", Group: "g", Role: "owner"}}, "stores: "},
		"odd store":   {callback, []federation.Provider{good}, []federation.Mapping{{Source: "scim", Group: "g", Role: "owner", Stores: []string{"Larkspur"}}}, "stores: "},
		"both stores": {callback, nil, []federation.Mapping{{Source: "scim", Group: "g", Role: "owner", AllStores: true, Stores: []string{strongroom.NewID("str")}}}, "stores: "},
	} {
		err := federation.Check(strongroom.Production, x.callback, x.providers, x.mappings)
		if !strongroom.IsKind(err, strongroom.Invalid) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInspect asks providers what they say of themselves: one that is good, one
// nobody vouches for, another issuer, a clock that is off, claims that are missing.
func TestInspect(t *testing.T) {
	o := newOP(t)
	roots := x509.NewCertPool()
	roots.AddCert(o.Certificate())
	at := func(p *federation.Provider) { p.Issuer, p.Roots = o.URL, roots }
	x, err := federation.Inspect(t.Context(), provider(at), nil)
	if err != nil || !x.Named || !x.Known || x.Skewed() || len(x.Missing) > 0 {
		t.Fatalf("%+v, %v", x, err)
	}
	if _, err := federation.Inspect(t.Context(), provider(func(p *federation.Provider) { p.Issuer = o.URL }), nil); code(err) != "provider-away" {
		t.Errorf("a certificate nobody vouches for: %v", err)
	}
	if _, err := federation.Inspect(t.Context(), provider(func(p *federation.Provider) { at(p); p.Issuer += "/" }), nil); code(err) != "provider-away" {
		t.Errorf("another issuer: %v", err)
	}
	o.Says["claims_supported"] = []string{"sub", "email", "email_verified", "amr"}
	x, err = federation.Inspect(t.Context(), provider(func(p *federation.Provider) { at(p); p.GroupsClaim = "teams" }), nil)
	if err != nil || !slices.Equal(x.Missing, []string{"auth_time", "teams"}) {
		t.Errorf("claims that are missing: %+v, %v", x, err)
	}
	late := dated{o.Client().Transport, time.Now().Add(5 * time.Minute)}
	x, err = federation.Inspect(t.Context(), provider(at), late)
	if err != nil || !x.Skewed() || x.Skew < 4*time.Minute {
		t.Errorf("a clock that is ahead: %+v, %v", x, err)
	}
}

// dated is a provider whose clock stands elsewhere.
type dated struct {
	next http.RoundTripper
	at   time.Time
}

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.next.RoundTrip(r)
	if err == nil {
		res.Header.Set("Date", d.at.UTC().Format(http.TimeFormat))
	}
	return res, err
}
