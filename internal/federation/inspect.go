package federation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom"
)

// Check refuses providers, mappings and the address browsers are sent back to that
// are not safe, and says what to write.
func Check(env strongroom.Environment, callback string, providers []Provider, mappings []Mapping) error {
	if len(providers) > 0 && !safeURL(callback, env) {
		return strongroom.Faultf(strongroom.Invalid, "callback", "the address providers send browsers back to must begin with https").
			Advise("write public_url: https://strongroom.example.com")
	}
	for n, p := range providers {
		if err := p.Check(env); err != nil {
			return named(p.Name, err)
		}
		if slices.ContainsFunc(providers[:n], func(o Provider) bool { return o.Name == p.Name }) {
			return strongroom.Faultf(strongroom.Invalid, "provider", "two providers have one name").Advise("give each a name of its own")
		}
	}
	for _, m := range mappings {
		if err := m.check(providers); err != nil {
			return err
		}
	}
	return nil
}

// named says of which provider a fault speaks, if it has a name that can be said.
func named(provider string, err error) error {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || strongroom.CheckName("provider", provider) != nil {
		return err
	}
	g := *f
	g.What = "provider " + provider + ": " + f.What
	return &g
}

// Inspection is what a provider says of itself, as far as sign-ons depend on it.
type Inspection struct {
	// Skew is how far the provider's clock is ahead of ours, to the second. Known
	// says whether it told the time at all.
	Skew  time.Duration
	Known bool
	// Named reports whether it names itself in its answers (RFC 9207).
	Named bool
	// Missing lists the claims the product needs that the provider lists claims
	// without. It may send them all the same.
	Missing []string
}

// maxSkew is by how much clocks may differ before sign-ons fail.
const maxSkew = time.Minute

// Skewed reports whether the clocks are so far apart that sign-ons fail.
func (x Inspection) Skewed() bool { return x.Known && x.Skew.Abs() > maxSkew }

// Inspect asks a provider what it says of itself, without a sign-on. Faults:
// Unavailable where it cannot be reached or says it is another issuer. It may be
// called from many goroutines.
func Inspect(ctx context.Context, p Provider, next http.RoundTripper) (Inspection, error) {
	q := newProvider(p, "", next, new(strongroom.Clock))
	if _, err := q.discover(ctx); err != nil {
		return Inspection{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return Inspection{}, away()
	}
	res, err := q.client.Do(req)
	if err != nil {
		return Inspection{}, away()
	}
	defer res.Body.Close()
	var says struct {
		Named  bool     `json:"authorization_response_iss_parameter_supported"`
		Claims []string `json:"claims_supported"`
	}
	if err := json.NewDecoder(res.Body).Decode(&says); err != nil {
		return Inspection{}, away()
	}
	x := Inspection{Named: says.Named}
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		x.Skew, x.Known = at.Sub(q.real.Now()).Round(time.Second), true
	}
	if len(says.Claims) > 0 {
		for _, c := range p.needs() {
			if !slices.Contains(says.Claims, c) {
				x.Missing = append(x.Missing, c)
			}
		}
	}
	return x, nil
}

// needs are the claims that a sign-on cannot do without.
func (p Provider) needs() []string {
	out := []string{"auth_time", "email", p.verifiedClaim()}
	switch {
	case len(p.ACR) == 0:
		out = append(out, "amr")
	case len(p.AMR) == 0:
		out = append(out, "acr")
	}
	if p.GroupsClaim != "" {
		out = append(out, p.GroupsClaim)
	}
	return out
}
