package workload_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"strongroom"
	"strongroom/internal/identity/workload"
)

const (
	audience = "strongroom-test"
	subject  = "repo:shop/labels:ref:refs/heads/main"
)

var here = netip.MustParseAddr("192.0.2.7")

// register answers with the service that was proved.
type register struct{ known map[string]bool }

func (g register) Service(_ context.Context, id string, _ netip.Addr) (strongroom.Actor, error) {
	if !g.known[id] {
		return strongroom.Actor{}, strongroom.Faultf(strongroom.Unauthenticated, "key-unknown", "the key is not known, or no longer")
	}
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: id}, nil
}

// issuer is an issuer in this process.
type issuer struct {
	*httptest.Server
	t       *testing.T
	fetches atomic.Int64

	mu   sync.Mutex
	rsa  *rsa.PrivateKey
	ec   *ecdsa.PrivateKey
	kid  string
	down bool
}

func start(t *testing.T) *issuer {
	t.Helper()
	is := &issuer{t: t, kid: "one"}
	var err error
	if is.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if is.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": is.URL, "jwks_uri": is.URL + "/keys",
			"authorization_endpoint": is.URL, "token_endpoint": is.URL, "id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		is.fetches.Add(1)
		is.mu.Lock()
		defer is.mu.Unlock()
		if is.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: is.rsa.Public(), KeyID: is.kid, Algorithm: "RS256", Use: "sig"}, {Key: is.ec.Public(), KeyID: is.kid + "-ec", Algorithm: "ES256", Use: "sig"},
		}})
	})
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	return is
}

// claims are those of a good token.
func (is *issuer) claims(now time.Time) map[string]any {
	return map[string]any{
		"iss": is.URL, "aud": audience, "sub": subject, "environment": "production",
		"iat": now.Add(-time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
}

// headed signs claims under a header with more than kid and algorithm.
func (is *issuer) headed(key, signer any, more map[jose.HeaderKey]any, claims map[string]any) string {
	is.t.Helper()
	o := (&jose.SignerOptions{}).WithHeader("kid", key)
	for name, v := range more {
		o = o.WithHeader(name, v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: signer}, o)
	if err != nil {
		is.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		is.t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		is.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		is.t.Fatal(err)
	}
	return text
}

// TestKindsOfTokens shows that a token made for something else is refused, however
// well it is signed (ASVS 9.2.2), and that a token does not bring its own key
// (ASVS 9.1.3).
func TestKindsOfTokens(t *testing.T) {
	is, foreign := start(t), start(t)
	f := bound(t, is, nil)
	now := f.clock.Now()
	typ := func(text any) string {
		return is.headed(is.kid, is.rsa, map[jose.HeaderKey]any{"typ": text}, is.claims(now))
	}
	own := jose.JSONWebKey{Key: foreign.rsa.Public(), KeyID: is.kid, Algorithm: "RS256"}
	for name, c := range map[string]struct{ token, code string }{
		"planted: no kind":       {is.good(now), ""},
		"planted: JWT":           {typ("JWT"), ""},
		"planted: in long":       {typ("application/jwt"), ""},
		"an access token":        {typ("at+jwt"), "token-type"},
		"a logout token":         {typ("logout+jwt"), "token-type"},
		"a proof of a key":       {typ("dpop+jwt"), "token-type"},
		"an access token, long":  {typ("application/at+jwt"), "token-type"},
		"a key in the header":    {is.headed(is.kid, foreign.rsa, map[jose.HeaderKey]any{"jwk": own}, is.claims(now)), "token-invalid"},
		"an address of keys":     {is.headed(is.kid, foreign.rsa, map[jose.HeaderKey]any{"jku": foreign.URL + "/keys"}, is.claims(now)), "token-invalid"},
		"an address of a chain":  {is.headed(is.kid, foreign.rsa, map[jose.HeaderKey]any{"x5u": foreign.URL + "/keys"}, is.claims(now)), "token-invalid"},
		"planted: it is ignored": {is.headed(is.kid, is.rsa, map[jose.HeaderKey]any{"jku": foreign.URL + "/keys"}, is.claims(now)), ""},
	} {
		who, err := f.Authenticate(t.Context(), c.token, here)
		if code(err) != c.code || (who.ID == f.service) != (c.code == "") {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if n := foreign.fetches.Load(); n != 0 {
		t.Errorf("a token had keys fetched from an address of its own, %d times", n)
	}
}

// sign signs claims; kid names the key in the header.
func (is *issuer) sign(alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	is.t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		is.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		is.t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		is.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		is.t.Fatal(err)
	}
	return text
}

func (is *issuer) good(now time.Time) string {
	return is.sign(jose.RS256, is.rsa, is.kid, is.claims(now))
}

// fixture is workloads bound to an issuer.
type fixture struct {
	*workload.Workloads
	clock   *strongroom.Clock
	service string
	refused []string
}

func bound(t *testing.T, is *issuer, change func(*workload.Options)) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), service: strongroom.NewID("svc")}
	o := workload.Options{
		Services: register{map[string]bool{f.service: true}}, Real: f.clock,
		Issuers: []workload.Issuer{{URL: is.URL, Audience: audience, Bindings: []workload.Binding{
			{Service: strongroom.NewID("svc"), Claims: map[string]string{"sub": subject, "environment": "staging"}},
			{Service: f.service, Claims: map[string]string{"sub": subject, "environment": "production"}},
		}}},
		Refused: func(_ context.Context, _ netip.Addr, code string) { f.refused = append(f.refused, code) },
	}
	if change != nil {
		change(&o)
	}
	var err error
	if f.Workloads, err = workload.New(o); err != nil {
		t.Fatal(err)
	}
	return f
}

func code(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return ""
}

// A service proves itself by a token of its platform, and nothing else passes for
// one (DPP 2.2.3).
func TestObligation_2_2_3_WorkloadTokens(t *testing.T) {
	is, foreign := start(t), start(t)
	f := bound(t, is, nil)
	now := f.clock.Now()
	with := func(change func(map[string]any)) string {
		c := is.claims(now)
		change(c)
		return is.sign(jose.RS256, is.rsa, is.kid, c)
	}
	set := func(key string, v any) string {
		return with(func(c map[string]any) {
			if v == nil {
				delete(c, key)
			} else {
				c[key] = v
			}
		})
	}
	good := is.good(now)
	for name, token := range map[string]string{"RS256": good, "ES256": is.sign(jose.ES256, is.ec, is.kid+"-ec", is.claims(now)), "no nbf": set("nbf", nil)} {
		if who, err := f.Authenticate(t.Context(), token, here); err != nil || who.ID != f.service {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	part := strings.Split(good, ".")
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	public, err := x509.MarshalPKIXPublicKey(is.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ token, code string }{
		"alg none":                    {encode(map[string]string{"alg": "none", "typ": "JWT"}) + "." + part[1] + ".", "token-invalid"},
		"HS256 with the public key":   {is.sign(jose.HS256, public, is.kid, is.claims(now)), "token-invalid"},
		"PS256, which is not allowed": {is.sign(jose.PS256, is.rsa, is.kid, is.claims(now)), "token-invalid"},
		"another's signature":         {is.sign(jose.RS256, foreign.rsa, is.kid, is.claims(now)), "token-invalid"},
		"an unknown key id":           {is.sign(jose.RS256, is.rsa, "two", is.claims(now)), "token-invalid"},
		"a changed claim":             {part[0] + "." + encode(is.claims(now.Add(time.Second))) + "." + part[2], "token-invalid"},
		"a foreign issuer":            {foreign.good(now), "token-issuer"},
		"a foreign issuer's own name": {foreign.sign(jose.RS256, foreign.rsa, foreign.kid, is.claims(now)), "token-invalid"},
		"no issuer":                   {set("iss", nil), "token-issuer"},
		"another audience":            {set("aud", "somebody"), "token-invalid"},
		"two audiences":               {set("aud", []string{audience, "somebody"}), "token-audience"},
		"no audience":                 {set("aud", nil), "token-invalid"},
		"expired":                     {set("exp", now.Add(-time.Second).Unix()), "token-expired"},
		"no end":                      {set("exp", nil), "token-expired"},
		"not good yet":                {set("nbf", now.Add(2*time.Minute).Unix()), "token-time"},
		"issued in the future":        {set("iat", now.Add(2*time.Minute).Unix()), "token-time"},
		"no date of issue":            {set("iat", nil), "token-time"},
		"a year of life":              {set("exp", now.Add(365*24*time.Hour).Unix()), "token-time"},
		"another subject":             {set("sub", subject+"x"), "token-subject"},
		"a claim that is missing":     {set("environment", nil), "token-subject"},
		"a claim of another kind":     {set("environment", []string{"production"}), "token-subject"},
		"a binding of no account":     {set("environment", "staging"), "key-unknown"},
		"too long":                    {good + strings.Repeat("a", workload.MaxToken), "token-form"},
		"a key":                       {"sr_test_123", "token-form"},
		"nothing":                     {"", "token-form"},
		"dots":                        {"ey..", "token-issuer"},
	} {
		f.refused = nil
		who, err := f.Authenticate(t.Context(), c.token, here)
		if who.ID != "" || !strongroom.IsKind(err, strongroom.Unauthenticated) || code(err) != c.code {
			t.Errorf("%s: %+v, %v (%s), want %s", name, who, err, code(err), c.code)
		}
		if err != nil && (strings.Contains(err.Error(), "repo:") || strings.Contains(err.Error(), "somebody") && c.code != "token-audience") {
			t.Errorf("%s: the fault repeats the token: %v", name, err)
		}
		if c.code != "key-unknown" && (len(f.refused) != 1 || f.refused[0] != c.code) {
			t.Errorf("%s: counted %v", name, f.refused)
		}
	}
	if n := is.fetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// Keys are fetched again when they change, not more often than every half minute,
// and those that the issuer took away are good for an hour at most.
func TestKeysOfAnIssuer(t *testing.T) {
	is := start(t)
	f := bound(t, is, nil)
	try := func(token string) error { _, err := f.Authenticate(t.Context(), token, here); return err }
	now := f.clock.Now()
	if err := try(is.good(now)); err != nil {
		t.Fatal(err)
	}
	old, oldKey := is.kid, is.rsa
	is.mu.Lock()
	is.kid = "two"
	is.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	is.mu.Unlock()
	for range 50 {
		if err := try(is.good(now)); err == nil {
			t.Fatal("a key that was not fetched is known")
		}
	}
	if n := is.fetches.Load(); n != 1 {
		t.Errorf("50 unknown key ids caused %d fetches", n-1)
	}
	f.clock.SetOffset(31 * time.Second)
	if err := try(is.good(now)); err != nil {
		t.Errorf("a new key is not fetched: %v", err)
	}
	f.clock.SetOffset(62 * time.Minute)
	later := f.clock.Now()
	if err := try(is.sign(jose.RS256, oldKey, old, is.claims(later))); err == nil {
		t.Error("a key that the issuer took away is good")
	}
	is.mu.Lock()
	is.down = true
	is.mu.Unlock()
	f.clock.SetOffset(200 * time.Minute)
	if err := try(is.good(f.clock.Now())); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("without keys: %v", err)
	}
}

func TestConfigurationIsHeld(t *testing.T) {
	fine := workload.Issuer{URL: "https://issuer.example.com", Audience: "a", Bindings: []workload.Binding{
		{Service: strongroom.NewID("svc"), Claims: map[string]string{"sub": "s"}},
	}}
	binding := func(service string, claims map[string]string) []workload.Binding {
		return []workload.Binding{{Service: service, Claims: claims}}
	}
	for name, change := range map[string]func(*workload.Issuer){
		"nothing wrong":      func(*workload.Issuer) {},
		"plain http":         func(x *workload.Issuer) { x.URL = "http://issuer.example.com" },
		"keys by plain http": func(x *workload.Issuer) { x.Keys = "http://issuer.example.com/keys" },
		"no audience":        func(x *workload.Issuer) { x.Audience = "" },
		"alg none":           func(x *workload.Issuer) { x.Algorithms = []string{"none"} },
		"a shared secret":    func(x *workload.Issuer) { x.Algorithms = []string{"HS256"} },
		"no binding":         func(x *workload.Issuer) { x.Bindings = nil },
		"no subject":         func(x *workload.Issuer) { x.Bindings = binding("svc_1", map[string]string{"repository": "shop"}) },
		"a pattern":          func(x *workload.Issuer) { x.Bindings = binding("svc_1", map[string]string{"sub": "repo:shop/*"}) },
		"a person":           func(x *workload.Issuer) { x.Bindings = binding("usr_1", map[string]string{"sub": "s"}) },
	} {
		x := fine
		x.Bindings = binding(fine.Bindings[0].Service, maps.Clone(fine.Bindings[0].Claims))
		change(&x)
		_, err := workload.New(workload.Options{Services: register{}, Issuers: []workload.Issuer{x}})
		if (err == nil) != (name == "nothing wrong") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := workload.New(workload.Options{Services: register{}, Issuers: []workload.Issuer{fine, fine}}); err == nil {
		t.Error("one issuer twice is taken")
	}
	for _, c := range []workload.Certificate{{"abc", "svc_1"}, {strings.Repeat("0", 64), "usr_1"}} {
		if _, err := workload.New(workload.Options{Services: register{}, Certificates: []workload.Certificate{c}}); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// A client certificate proves its service by the key it is for.
func TestCertificates(t *testing.T) {
	is := start(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	certificate := func(key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
		t.Helper()
		x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "labels"}, NotBefore: now.Add(-time.Hour),
			NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
		change(x)
		der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	sum := sha256.Sum256(certificate(key, func(*x509.Certificate) {}).RawSubjectPublicKeyInfo)
	f := bound(t, is, func(o *workload.Options) {
		for id := range o.Services.(register).known {
			o.Certificates = []workload.Certificate{{SPKI: hex.EncodeToString(sum[:]), Service: id}}
		}
	})
	for name, c := range map[string]struct {
		key    crypto.Signer
		change func(*x509.Certificate)
		want   bool
	}{
		"good":                    {key, func(*x509.Certificate) {}, true},
		"renewed, the same key":   {key, func(x *x509.Certificate) { x.SerialNumber = big.NewInt(2) }, true},
		"the same name":           {is.ec, func(*x509.Certificate) {}, false},
		"expired":                 {key, func(x *x509.Certificate) { x.NotAfter = now.Add(-time.Minute) }, false},
		"not good yet":            {key, func(x *x509.Certificate) { x.NotBefore = now.Add(time.Minute) }, false},
		"of a server":             {key, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, false},
		"of no use in particular": {key, func(x *x509.Certificate) { x.ExtKeyUsage = nil }, false},
		"of an authority":         {key, func(x *x509.Certificate) { x.IsCA = true }, false},
	} {
		who, err := f.AuthenticateCertificate(t.Context(), certificate(c.key, c.change), here)
		if (err == nil) != c.want || c.want && who.ID != f.service || !c.want && !strongroom.IsKind(err, strongroom.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if _, err := f.AuthenticateCertificate(t.Context(), nil, here); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("no certificate: %v", err)
	}
}

// No text is a token that was not signed, and none makes it fall over.
func FuzzAuthenticate(f *testing.F) {
	w, err := workload.New(workload.Options{Services: register{}, Issuers: []workload.Issuer{{URL: "https://127.0.0.1:1", Keys: "https://127.0.0.1:1/keys", Audience: "a",
		Bindings: []workload.Binding{{Service: "svc_1", Claims: map[string]string{"sub": "s"}}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovLzEyNy4wLjAuMToxIn0.")
	f.Add("ey..")
	f.Fuzz(func(t *testing.T, text string) {
		if who, err := w.Authenticate(t.Context(), text, here); err == nil || who.ID != "" {
			t.Errorf("%q is taken for %s", text, who.ID)
		}
	})
}
