package workload

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"strongroom"
)

// Numbers that are ours; no text asks for them.
const (
	// MaxToken is the longest token in bytes.
	MaxToken = 16 << 10
	// MaxLife is how long a token lives at most, from its issue to its end.
	MaxLife = 24 * time.Hour
	// Skew is how far the clock of an issuer may be ahead.
	Skew = time.Minute
)

// Services returns the actor of a service by its id; package identity has it.
type Services interface {
	Service(ctx context.Context, id string, source netip.Addr) (strongroom.Actor, error)
}

// Issuer is who signs tokens of workloads.
type Issuer struct {
	URL      string // as the claim iss says it, https
	Audience string // the one audience of a token for this instance
	// Keys is where the issuer's public keys are; empty is found by discovery.
	Keys string
	// Algorithms are signatures of [Algorithms]; none means RS256 and ES256.
	Algorithms []string
	Bindings   []Binding
}

// Binding says which tokens are which service.
type Binding struct {
	Service string // "svc_…"
	// Claims must all be in the token with these texts; "sub" is among them.
	Claims map[string]string
}

// Algorithms lists the signatures that can be configured.
func Algorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// Options configure [Workloads]. Services is required.
type Options struct {
	Services     Services
	Issuers      []Issuer
	Certificates []Certificate
	// Client fetches keys; nil is a client with a time limit of ten seconds.
	Client *http.Client
	// Real is real time; nil is the machine's clock.
	Real *strongroom.Clock
	// Refused hears of each proof that was refused, with the code of the fault; it
	// counts them into the log and must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
}

// Workloads knows the issuers and certificates of services. Make it with [New]; it
// is safe for concurrent use.
type Workloads struct {
	o       Options
	issuers map[string]*issuer
	certs   map[[32]byte]string
}

// New returns Workloads. Faults: Invalid for a configuration that could let in
// somebody else.
func New(o Options) (*Workloads, error) {
	if o.Services == nil {
		panic("workload: services are required")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	w := &Workloads{o: o, issuers: map[string]*issuer{}}
	for n, x := range o.Issuers {
		if err := check(x); err != nil {
			return nil, err
		}
		if w.issuers[x.URL] != nil {
			return nil, bad("issuer %d is there twice", n+1)
		}
		if len(x.Algorithms) == 0 {
			x.Algorithms = []string{oidc.RS256, oidc.ES256}
		}
		w.issuers[x.URL] = &issuer{Issuer: x, client: politely(o.Client, o.Real), real: o.Real}
	}
	var err error
	w.certs, err = thumbprints(o.Certificates)
	return w, err
}

func bad(format string, args ...any) error {
	return strongroom.Faultf(strongroom.Invalid, "workload", format, args...)
}

func check(x Issuer) error {
	if !isHTTPS(x.URL) || x.Keys != "" && !isHTTPS(x.Keys) {
		return bad("an issuer of workload tokens and its keys have https addresses")
	}
	if x.Audience == "" || len(x.Bindings) == 0 {
		return bad("an issuer of workload tokens needs an audience and bindings")
	}
	for _, a := range x.Algorithms {
		if !slices.Contains(Algorithms(), a) {
			return bad("signatures of workload tokens are of %v", Algorithms())
		}
	}
	for _, b := range x.Bindings {
		if !strings.HasPrefix(b.Service, "svc_") {
			return bad("a binding names a service by its id")
		}
		if b.Claims["sub"] == "" {
			return bad("a binding names the subject of the token, the claim sub")
		}
		for _, text := range b.Claims {
			if text == "" || strings.ContainsAny(text, "*") {
				return bad("a claim is given word by word, without patterns")
			}
		}
	}
	return nil
}

// isHTTPS reports whether s is an https address, or http of this very machine.
func isHTTPS(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	at, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && at.IsLoopback()
}

// LooksLikeToken reports whether a bearer can be a workload token rather than a key
// or a session of the product. It checks the shape alone.
func LooksLikeToken(bearer string) bool {
	return strings.HasPrefix(bearer, "ey") && strings.Count(bearer, ".") == 2
}

// Authenticate returns the actor of the service whose workload token bearer is.
// source is the caller's address. It may fetch keys over the network and must not
// be called inside a transaction. Faults: Unauthenticated for a token that is not
// good for a service, Unavailable where the issuer's keys cannot be had.
func (w *Workloads) Authenticate(ctx context.Context, bearer string, source netip.Addr) (strongroom.Actor, error) {
	service, err := w.service(ctx, bearer)
	if err != nil {
		if f, ok := err.(*strongroom.Fault); ok && f.Kind == strongroom.Unauthenticated {
			w.o.Refused(ctx, source, f.Code)
		}
		return strongroom.Actor{}, err
	}
	return w.o.Services.Service(ctx, service, source)
}

func refused(code, what string) error {
	return strongroom.Faultf(strongroom.Unauthenticated, code, "%s", what)
}

// service returns the service that a token proves.
func (w *Workloads) service(ctx context.Context, bearer string) (string, error) {
	if len(bearer) > MaxToken || !LooksLikeToken(bearer) {
		return "", refused("token-form", "this is no workload token")
	}
	is := w.issuers[named(bearer)]
	if is == nil {
		return "", refused("token-issuer", "the token's issuer is not one of those configured")
	}
	token, err := is.verify(ctx, bearer)
	if err != nil {
		return "", err
	}
	if !plain(bearer) {
		return "", refused("token-type", "the token is of a kind made for something else")
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return "", refused("token-form", "this is no workload token")
	}
	if err := is.fits(token, claims, w.o.Real.Now()); err != nil {
		return "", err
	}
	for _, b := range is.Bindings {
		if b.matches(claims) {
			return b.Service, nil
		}
	}
	return "", refused("token-subject", "the token is of no service that is bound to it")
}

// named returns the issuer that a token claims to be of. Nothing is proved yet.
func named(bearer string) string {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(bearer, ".")[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// plain reports whether the header calls the token a JWT or nothing at all. Tokens
// for another purpose say so (RFC 8725 section 3.11): "at+jwt", "logout+jwt",
// "dpop+jwt".
func plain(bearer string) bool {
	head, err := base64.RawURLEncoding.DecodeString(bearer[:strings.IndexByte(bearer, '.')])
	var h struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(head, &h) != nil {
		return false
	}
	kind := strings.TrimPrefix(strings.ToLower(h.Type), "application/")
	return h.Type == "" || kind == "jwt"
}

func (b Binding) matches(claims map[string]any) bool {
	for name, text := range b.Claims {
		if got, ok := claims[name].(string); !ok || got != text {
			return false
		}
	}
	return true
}

// fits holds a verified token against what the library is lenient about.
func (is *issuer) fits(t *oidc.IDToken, claims map[string]any, now time.Time) error {
	if len(t.Audience) != 1 || t.Audience[0] != is.Audience {
		return refused("token-audience", "the token is for somebody else as well")
	}
	if t.Expiry.IsZero() || !now.Before(t.Expiry) {
		return refused("token-expired", "the token has expired")
	}
	if t.IssuedAt.IsZero() || t.IssuedAt.After(now.Add(Skew)) || t.Expiry.Sub(t.IssuedAt) > MaxLife {
		return refused("token-time", "the token does not say when it was issued, or lives too long")
	}
	if begins, there := claims["nbf"]; there {
		at, ok := begins.(float64)
		if !ok || time.Unix(int64(at), 0).After(now.Add(Skew)) {
			return refused("token-time", "the token is not good yet")
		}
	}
	return nil
}
