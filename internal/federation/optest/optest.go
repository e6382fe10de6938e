// Package optest is an OpenID provider in the process of a test. It is as strict as
// a good one: a code is good once, and only with the verifier, the redirect and the
// client it was made for. A test bends what it says by setting its fields between
// two sign-ons.
package optest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// What the product is known by at the provider.
const (
	ClientID     = "strongroom"
	ClientSecret = "a secret of the client"
)

// Provider is an OpenID provider that signs everybody in at once.
type Provider struct {
	*httptest.Server
	Key *ecdsa.PrivateKey // signs its tokens
	// Email is the address of whoever signs in, Subject what the provider calls them.
	Email, Subject string
	// Claims changes the claims of a token before it is signed.
	Claims func(map[string]any)
	// Sign makes a token of its head and claims; by default it is [Signed].
	Sign func(head, body map[string]any) string
	// Says is laid over what the provider says of itself.
	Says map[string]any
	// Iss is the iss of the answer: the provider's own if empty, none for "-".
	Iss string
	// Asked is the newest authorization request, Calls counts those of tokens.
	Asked url.Values
	Calls int

	mu    sync.Mutex
	codes map[string]url.Values
}

// New starts a provider at which the person of an address signs in with two
// factors. It ends with the test.
func New(t testing.TB, email, subject string) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{
		Key: key, Email: email, Subject: subject, Claims: func(map[string]any) {}, Says: map[string]any{}, codes: map[string]url.Values{},
	}
	p.Sign = func(head, body map[string]any) string { return Signed(p.Key, head, body) }
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/jwks", p.jwks)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Files writes the client's secret and the authority of the provider's certificate
// into a folder of the test, as a configuration names them.
func (p *Provider) Files(t testing.TB) (secret, ca string) {
	t.Helper()
	dir := t.TempDir()
	secret, ca = filepath.Join(dir, "secret"), filepath.Join(dir, "ca.pem")
	for path, text := range map[string][]byte{
		secret: []byte(ClientSecret + "\n"),
		ca:     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return secret, ca
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true,
		"code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"},
	}
	maps.Copy(doc, p.Says)
	_ = json.NewEncoder(w).Encode(doc)
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	raw, err := p.Key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		panic(err)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": b64(raw[1:33]), "y": b64(raw[33:]),
	}}})
}

// authorize signs the person in at once and sends the browser back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked = q
	if q.Get("client_id") != ClientID || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if p.Iss == "" {
		back.Set("iss", p.URL)
	} else if p.Iss != "-" {
		back.Set("iss", p.Iss)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Calls++
	q, ok := p.codes[r.Form.Get("code")]
	delete(p.codes, r.Form.Get("code"))
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	id, pw, _ := r.BasicAuth()
	if !ok || b64(sum[:]) != q.Get("code_challenge") || r.Form.Get("redirect_uri") != q.Get("redirect_uri") ||
		id != ClientID || pw != url.QueryEscape(ClientSecret) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"` + p.Email + `"}`))
		return
	}
	now := time.Now()
	body := map[string]any{
		"iss": p.URL, "sub": p.Subject, "aud": ClientID, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(), "nonce": q.Get("nonce"), "amr": []string{"pwd", "mfa"}, "email": p.Email, "email_verified": true,
	}
	p.Claims(body)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "opaque", "token_type": "Bearer", "id_token": p.Sign(map[string]any{"alg": "ES256", "kid": "k1", "typ": "JWT"}, body),
	})
}

// Unsigned returns head and claims of a token without a signature.
func Unsigned(head, body map[string]any) string {
	h, _ := json.Marshal(head) // maps of plain values
	b, _ := json.Marshal(body)
	return b64(h) + "." + b64(b)
}

// Signed returns a token signed with ES256.
func Signed(key *ecdsa.PrivateKey, head, body map[string]any) string {
	text := Unsigned(head, body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	var raw [64]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return text + "." + b64(raw[:])
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
