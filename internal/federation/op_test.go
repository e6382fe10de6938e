package federation_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"strongroom/internal/federation"
	"strongroom/internal/federation/optest"
)

// op is a provider of these tests, at which Jane signs in.
type op struct{ *optest.Provider }

const clientID, clientSecret = optest.ClientID, optest.ClientSecret

func newOP(t testing.TB) *op {
	t.Helper()
	return &op{optest.New(t, janeMail, "sub-of-jane")}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hs256(secret string, head, body map[string]any) string {
	head["alg"] = "HS256"
	text := optest.Unsigned(head, body)
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
