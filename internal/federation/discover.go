package federation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"strongroom"
	"strongroom/internal/guard"
)

// Numbers that are ours.
const (
	maxAnswer   = 1 << 20          // bytes a provider may answer with
	callTimeout = 10 * time.Second // for each call to a provider
	rediscover  = time.Hour        // how long what a provider says of itself is believed
	rest        = 5 * time.Second  // how long one that did not answer is not asked again
)

// algorithms are the signatures that are taken, whatever a provider offers: none
// that a client secret could make, and not "none".
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}
}

// newClient returns the client all calls to a provider go through: none inside a
// transaction, none to where a redirect leads, no answer without end.
func newClient(next http.RoundTripper, roots *x509.CertPool) *http.Client {
	if next == nil {
		next = http.DefaultTransport
	}
	if t, ok := next.(*http.Transport); ok && roots != nil {
		t = t.Clone()
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.RootCAs = roots
		next = t
	}
	return &http.Client{
		Transport: bounded{guard.Transport(next)}, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// provider is a configured provider with what it says of itself.
type provider struct {
	Provider
	client   *http.Client
	callback string
	real     *strongroom.Clock

	mu    sync.Mutex
	known *discovered
	away  time.Time // when it was asked in vain
	why   error     // what came of that; nil once it answered well
}

func newProvider(p Provider, callback string, next http.RoundTripper, real *strongroom.Clock) *provider {
	return &provider{Provider: p, client: newClient(next, p.Roots), callback: callback, real: real}
}

// discovered is what was learned of a provider.
type discovered struct {
	oidc     *oidc.Provider
	named    bool // it names itself in its answers (RFC 9207)
	verifier *oidc.IDTokenVerifier
	at       time.Time
}

// discover returns what the provider says of itself, at most an hour old. While
// it cannot be reached, what is known stands.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.real.Now()
	if p.known != nil && now.Sub(p.known.at) < rediscover {
		return p.known, nil
	}
	if p.why != nil && now.Sub(p.away) < rest {
		return nil, p.why
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		if p.known == nil {
			if ctx.Err() != nil { // the caller went away, not the provider
				return nil, away()
			}
			return nil, p.rests(away())
		}
		old := *p.known
		old.at = now.Add(time.Minute - rediscover) // not asked again for a minute
		p.known = &old
		return p.known, nil
	}
	var says struct {
		Named   bool     `json:"authorization_response_iss_parameter_supported"`
		Token   string   `json:"token_endpoint"`
		Entry   string   `json:"authorization_endpoint"`
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"code_challenge_methods_supported"`
	}
	if err := found.Claims(&says); err != nil || !p.sameScheme(says.Token, says.Entry, says.Keys) {
		return nil, p.rests(away())
	}
	if says.Methods != nil && !slices.Contains(says.Methods, "S256") {
		return nil, p.rests(strongroom.Faultf(strongroom.Unavailable, "provider-pkce", "the provider does not take PKCE with S256"))
	}
	p.why = nil
	p.known = &discovered{oidc: found, named: says.Named, at: now, verifier: found.Verifier(&oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: algorithms(), Now: p.real.Now,
	})}
	return p.known, nil
}

// rests keeps the provider from being asked again for a while, and returns why.
func (p *provider) rests(why error) error {
	p.away, p.why = p.real.Now(), why
	return why
}

// sameScheme reports whether addresses are as safe as the issuer's own.
func (p *provider) sameScheme(addresses ...string) bool {
	scheme, _, _ := strings.Cut(p.Issuer, "://")
	return !slices.ContainsFunc(addresses, func(a string) bool { return !strings.HasPrefix(a, scheme+"://") })
}

// away hides what a provider answered: its text may repeat anything.
func away() error {
	return strongroom.Faultf(strongroom.Unavailable, "provider-away", "the provider cannot be reached or does not answer as one").
		Advise("try again; if it lasts, check the issuer")
}

func (p *provider) config(d *discovered) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.Secret.text, Endpoint: d.oidc.Endpoint(), RedirectURL: p.callback,
		Scopes: append([]string{oidc.ScopeOpenID, "email"}, p.Scopes...),
	}
}

// claims is what is read of an identity token.
type claims struct {
	issuer, subject string
	email           string
	verified        bool
	shown           time.Time // when the person signed in there
	groups          []string  // none where the claim is missing or no list
}

// exchange redeems a code and checks the token that comes back.
func (p *provider) exchange(ctx context.Context, d *discovered, code string, w flow) (claims, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.config(d).Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	if err != nil {
		return claims{}, no("sign-on-code", "the provider did not redeem the sign-on")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, no("sign-on-token", "the provider's token is not valid")
	}
	if id.Nonce == "" || !equal(id.Nonce, w.Nonce) {
		return claims{}, no("sign-on-nonce", "the provider's token is for another sign-on")
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil {
		return claims{}, no("sign-on-token", "the provider's tokens do not belong together")
	}
	return p.read(id, w)
}

// read takes what is needed out of a token whose signature, issuer, audience and
// expiry were checked.
func (p *provider) read(id *oidc.IDToken, w flow) (claims, error) {
	c := claims{issuer: id.Issuer, subject: id.Subject}
	var std struct {
		AZP   string   `json:"azp"`
		ACR   string   `json:"acr"`
		AMR   []string `json:"amr"`
		Auth  int64    `json:"auth_time"`
		Email string   `json:"email"`
	}
	var all map[string]any
	if id.Claims(&std) != nil || id.Claims(&all) != nil || c.subject == "" || len(c.subject) > 255 {
		return c, no("sign-on-token", "the provider's token is not valid")
	}
	if (len(id.Audience) > 1 || std.AZP != "") && std.AZP != p.ClientID {
		return c, no("sign-on-audience", "the provider's token is for another party")
	}
	now := p.real.Now()
	if id.IssuedAt.After(now.Add(time.Minute)) {
		return c, no("sign-on-time", "the provider's token is from the future")
	}
	c.email, c.verified = std.Email, isTrue(all[p.verifiedClaim()])
	if p.GroupsClaim != "" {
		c.groups = texts(all[p.GroupsClaim])
	}
	if std.Auth <= 0 {
		return c, no("sign-on-time", "the provider does not say when the person signed in").
			Advise("have it send auth_time")
	}
	c.shown = time.Unix(std.Auth, 0).UTC()
	oldest := now.Add(-p.maxAge())
	if w.StepUp {
		oldest = w.Begun
	}
	if c.shown.After(now.Add(time.Minute)) || c.shown.Before(oldest.Add(-time.Minute)) {
		return c, no("sign-on-old", "the sign-in at the provider is too long ago").Advise("sign in there anew")
	}
	if !p.proves(std.ACR, std.AMR) {
		return c, no("sign-on-factor", "the provider does not show that several factors were used").
			Advise("sign in there with a second factor; the operator can see which proofs are accepted")
	}
	return c, nil
}

func (p Provider) verifiedClaim() string {
	if p.VerifiedClaim == "" {
		return "email_verified"
	}
	return p.VerifiedClaim
}

// isTrue reads the ways in which providers say yes.
func isTrue(v any) bool {
	switch x := v.(type) {
	case bool:
		return x
	case string:
		return x == "true" || x == "1"
	case float64:
		return x == 1
	}
	return false
}

// texts returns the texts of a list, none where v is something else. A single text
// is a list of one.
func texts(v any) (out []string) {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		for _, e := range x {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// no is the answer to a sign-on that is not good.
func no(code, what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unauthenticated, code, "%s", what)
}
