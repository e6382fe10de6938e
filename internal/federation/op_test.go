package federation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/federation"
)

// op is an OpenID provider, as strict as a good one: codes are good once, and only
// with the verifier, the redirect and the client they were made for.
type op struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu    sync.Mutex
	codes map[string]url.Values
	calls int

	claims func(map[string]any) // what a test changes of the token
	sign   func(head, body map[string]any) string
	asked  url.Values // the newest authorization request
	iss    string     // the iss parameter of the answer; "-" leaves it out
	says   map[string]any
}

const clientID, clientSecret = "strongroom", "a secret of the client"

func newOP(t testing.TB) *op {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &op{key: key, codes: map[string]url.Values{}, claims: func(map[string]any) {}, says: map[string]any{}}
	o.sign = func(head, body map[string]any) string { return signed(o.key, head, body) }
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", o.discovery)
	mux.HandleFunc("/authorize", o.authorize)
	mux.HandleFunc("/token", o.token)
	mux.HandleFunc("/jwks", o.jwks)
	o.Server = httptest.NewTLSServer(mux)
	t.Cleanup(o.Close)
	return o
}

func (o *op) discovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token", "jwks_uri": o.URL + "/jwks",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true,
		"code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"},
	}
	for k, v := range o.says {
		doc[k] = v
	}
	_ = json.NewEncoder(w).Encode(doc)
}

func (o *op) jwks(w http.ResponseWriter, _ *http.Request) {
	raw, err := o.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		panic(err)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": b64(raw[1:33]), "y": b64(raw[33:]),
	}}})
}

// authorize signs the person in at once and sends the browser back.
func (o *op) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = q
	if q.Get("client_id") != clientID || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	o.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if o.iss == "" {
		back.Set("iss", o.URL)
	} else if o.iss != "-" {
		back.Set("iss", o.iss)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (o *op) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	q, ok := o.codes[r.Form.Get("code")]
	delete(o.codes, r.Form.Get("code"))
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	id, pw, _ := r.BasicAuth()
	if !ok || b64(sum[:]) != q.Get("code_challenge") || r.Form.Get("redirect_uri") != q.Get("redirect_uri") ||
		id != clientID || pw != url.QueryEscape(clientSecret) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"` + janeMail + `"}`))
		return
	}
	now := time.Now()
	body := map[string]any{
		"iss": o.URL, "sub": "sub-of-jane", "aud": clientID, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(), "nonce": q.Get("nonce"), "amr": []string{"pwd", "mfa"}, "email": janeMail, "email_verified": true,
	}
	o.claims(body)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "opaque", "token_type": "Bearer", "id_token": o.sign(map[string]any{"alg": "ES256", "kid": "k1", "typ": "JWT"}, body),
	})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unsigned(head, body map[string]any) string {
	h, _ := json.Marshal(head)
	b, _ := json.Marshal(body)
	return b64(h) + "." + b64(b)
}

func signed(key *ecdsa.PrivateKey, head, body map[string]any) string {
	text := unsigned(head, body)
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

func hs256(secret string, head, body map[string]any) string {
	head["alg"] = "HS256"
	text := unsigned(head, body)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return text + "." + b64(m.Sum(nil))
}

// at is the provider as the product is told of it.
func (o *op) at(change ...func(*federation.Provider)) func(*federation.Options) {
	p := federation.Provider{
		Name: "company", Issuer: o.URL, ClientID: clientID, Secret: federation.NewSecret(clientSecret), Domains: []string{"kitchen.example"},
		AMR: [][]string{{"mfa"}, {"pwd", "otp"}}, ACR: []string{"phr"},
	}
	for _, c := range change {
		c(&p)
	}
	return func(x *federation.Options) {
		x.Providers = append(x.Providers, p)
		x.Transport = o.Client().Transport
	}
}

// site is the product's door for sign-ons, and a browser in front of it.
type site struct {
	*httptest.Server
	browser *http.Client
	f       *fixture
	last    string // the newest answer's address
	err     error
	entry   federation.Entry
	token   federation.Token
	start   federation.Start
	edit    func(url.Values) // what a test changes of the answer
}

var home = netip.MustParseAddr("203.0.113.9")

func newSite(t testing.TB, o *op, change ...func(*federation.Options)) *site {
	t.Helper()
	s := &site{edit: func(url.Values) {}, start: federation.Start{Provider: "company", Source: home}}
	mux := http.NewServeMux()
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		b, err := s.f.Begin(r.Context(), s.start)
		if s.err = err; err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "sign-on", Value: b.Cookie, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, b.URL, http.StatusFound)
	})
	mux.HandleFunc("/callback", func(_ http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		s.edit(q)
		a := federation.Answer{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error"), Source: home}
		if c, err := r.Cookie("sign-on"); err == nil {
			a.Cookie = c.Value
		}
		s.last = r.URL.String()
		s.token, s.entry, s.err = s.f.Finish(r.Context(), a)
	})
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	s.f = fresh(t, append([]func(*federation.Options){o.at(), func(x *federation.Options) { x.Callback = s.URL + "/callback" }}, change...)...)
	s.browser = s.newBrowser(t)
	return s
}

func (s *site) newBrowser(t testing.TB) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	// Both servers use the same test certificate.
	return &c
}

// signOn walks through the whole sign-on and returns the code of its fault.
func (s *site) signOn(t testing.TB) string {
	t.Helper()
	return s.visit(t, s.browser, s.URL+"/start")
}

func (s *site) visit(t testing.TB, browser *http.Client, address string) string {
	t.Helper()
	s.token, s.entry, s.err = nil, federation.Entry{}, nil
	res, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if s.err != nil && strings.Contains(s.err.Error(), "jane") {
		t.Errorf("the fault repeats what the provider sent: %v", s.err)
	}
	return code(s.err)
}
