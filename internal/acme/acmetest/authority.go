// Package acmetest is a small authority that speaks ACME (RFC 8555) in the process of a
// test. It verifies signatures and nonces, sees the proofs for itself, and signs.
package acmetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// Authority is a directory that serves until the end of the test.
type Authority struct {
	URL   string         // of the directory
	Roots *x509.CertPool // who vouches for the directory's server
	CA    *x509.Certificate

	// At is where proofs are looked for, host:port, whatever the host's name is.
	At string
	// Find tells At when a proof is looked for; nil where At is known before.
	Find func() string
	// Life is how long a certificate lives; default 90 days.
	Life time.Duration

	t      testing.TB
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu     sync.Mutex
	broken string // the problem every new order gets
	nonces map[string]bool
	known  map[string]*ecdsa.PublicKey // by the account's URL
	orders []*order
	issued int
	stale  int
}

type order struct {
	hosts  []string
	proved map[string]bool
	chain  []byte
}

// New starts an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, Life: 90 * 24 * time.Hour, nonces: map[string]bool{}, known: map[string]*ecdsa.PublicKey{}, Roots: x509.NewCertPool()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "acmetest"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, a.key.Public(), a.key)
	if err == nil {
		a.CA, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.server = httptest.NewTLSServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.server.Close)
	a.URL = a.server.URL + "/directory"
	a.Roots.AddCert(a.server.Certificate())
	return a
}

// Break has every new order answered with a problem of RFC 8555, 6.7; "" mends it.
func (a *Authority) Break(problem string) { a.mu.Lock(); defer a.mu.Unlock(); a.broken = problem }

// Stale has the next n nonces refused.
func (a *Authority) Stale(n int) { a.mu.Lock(); defer a.mu.Unlock(); a.stale = n }

// Server returns the certificate of the directory's server.
func (a *Authority) Server() *x509.Certificate { return a.server.Certificate() }

// Pool returns who vouches for what the authority signed.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.CA)
	return pool
}

// Orders returns how many orders were made.
func (a *Authority) Orders() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.orders) }

// Issued returns how many certificates were signed.
func (a *Authority) Issued() int { a.mu.Lock(); defer a.mu.Unlock(); return a.issued }

func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	nonce := fmt.Sprintf("n%d", len(a.nonces))
	a.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	switch {
	case r.URL.Path == "/directory":
		a.say(w, 200, map[string]any{
			"newNonce": a.server.URL + "/nonce", "newAccount": a.server.URL + "/account", "newOrder": a.server.URL + "/order",
			"meta": map[string]any{"termsOfService": a.server.URL + "/terms"},
		})
	case r.URL.Path == "/nonce":
	case r.Method == http.MethodPost:
		a.post(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *Authority) post(w http.ResponseWriter, r *http.Request) {
	body, kid, key, err := a.open(r)
	if err != nil {
		a.problem(w, 400, err.Error())
		return
	}
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if part[0] == "account" {
		var said struct{ TermsOfServiceAgreed bool }
		if err := json.Unmarshal(body, &said); err != nil || !said.TermsOfServiceAgreed || key == nil {
			a.problem(w, 403, "userActionRequired")
			return
		}
		thumb, _ := acme.JWKThumbprint(key) // of a P-256 key it cannot fail
		at, status := a.server.URL+"/acct/"+thumb, 201
		if a.known[at] != nil {
			status = 200
		}
		a.known[at] = key
		w.Header().Set("Location", at)
		a.say(w, status, map[string]any{"status": "valid"})
		return
	}
	if kid == "" {
		a.problem(w, 400, "malformed")
		return
	}
	a.work(w, part, body, a.known[kid])
}

func (a *Authority) work(w http.ResponseWriter, part []string, body []byte, account *ecdsa.PublicKey) {
	if part[0] == "order" && len(part) == 1 {
		if a.broken != "" {
			a.orders = append(a.orders, &order{})
			a.problem(w, 403, a.broken)
			return
		}
		var said struct {
			Identifiers []struct{ Type, Value string }
		}
		if err := json.Unmarshal(body, &said); err != nil {
			a.problem(w, 400, "malformed")
			return
		}
		o := &order{proved: map[string]bool{}}
		for _, id := range said.Identifiers {
			o.hosts = append(o.hosts, id.Value)
		}
		a.orders = append(a.orders, o)
		w.Header().Set("Location", fmt.Sprintf("%s/order/%d", a.server.URL, len(a.orders)-1))
		a.order(w, 201, len(a.orders)-1)
		return
	}
	var n, h int
	fmt.Sscan(part[1], &n)
	o := a.orders[n]
	if len(part) > 2 {
		fmt.Sscan(part[2], &h)
	}
	token := fmt.Sprintf("token-%d-%d", n, h)
	switch part[0] {
	case "order":
		a.order(w, 200, n)
	case "authz":
		a.authz(w, n, h, token)
	case "prove":
		thumb, _ := acme.JWKThumbprint(account) // likewise
		a.mu.Unlock()                           // the proof may take a while
		ok := a.see(part[3], o.hosts[h], token, token+"."+thumb)
		a.mu.Lock()
		o.proved[o.hosts[h]] = ok
		a.say(w, 200, map[string]any{"type": part[3], "url": a.server.URL + strings.Join(part, "/"), "token": token, "status": "processing"})
	case "finalize":
		a.finalize(w, o, n, body)
	case "cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(o.chain)
	}
}

func (a *Authority) order(w http.ResponseWriter, status, n int) {
	o, state := a.orders[n], "ready"
	var authz []string
	for i, h := range o.hosts {
		if !o.proved[h] {
			state = "pending"
		}
		authz = append(authz, fmt.Sprintf("%s/authz/%d/%d", a.server.URL, n, i))
	}
	said := map[string]any{"authorizations": authz, "finalize": fmt.Sprintf("%s/finalize/%d", a.server.URL, n)}
	if o.chain != nil {
		state, said["certificate"] = "valid", fmt.Sprintf("%s/cert/%d", a.server.URL, n)
	}
	said["status"] = state
	a.say(w, status, said)
}

func (a *Authority) authz(w http.ResponseWriter, n, h int, token string) {
	o, state := a.orders[n], "pending"
	if ok, tried := o.proved[o.hosts[h]]; ok {
		state = "valid"
	} else if tried {
		state = "invalid"
	}
	var challenges []any
	for _, kind := range []string{"dns-01", "http-01", "tls-alpn-01"} {
		one := map[string]any{"type": kind, "token": token, "status": state, "url": fmt.Sprintf("%s/prove/%d/%d/%s", a.server.URL, n, h, kind)}
		if state == "invalid" {
			one["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "no proof at " + o.hosts[h]}
		}
		challenges = append(challenges, one)
	}
	a.say(w, 200, map[string]any{"status": state, "identifier": map[string]string{"type": "dns", "value": o.hosts[h]}, "challenges": challenges})
}

// see looks for the proof of a host where it must be.
func (a *Authority) see(kind, host, token, proof string) bool {
	at := a.At
	if a.Find != nil {
		at = a.Find()
	}
	if kind == "http-01" {
		c := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := c.Get("http://" + at + "/.well-known/acme-challenge/" + token)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		return resp.StatusCode == 200 && string(got) == proof
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", at, &tls.Config{ServerName: host, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) // the proof is in the certificate
	if err != nil {
		return false
	}
	defer conn.Close()
	state := conn.ConnectionState()
	leaf := state.PeerCertificates[0]
	if state.NegotiatedProtocol != "acme-tls/1" || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != host {
		return false
	}
	sum := sha256.Sum256([]byte(proof))
	want, _ := asn1.Marshal(sum[:]) // of 32 bytes it cannot fail
	for _, e := range leaf.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			return e.Critical && string(e.Value) == string(want)
		}
	}
	return false
}

func (a *Authority) finalize(w http.ResponseWriter, o *order, n int, body []byte) {
	var said struct{ CSR string }
	_ = json.Unmarshal(body, &said) // an empty request is no request
	der, _ := base64.RawURLEncoding.DecodeString(said.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil || len(csr.DNSNames) != len(o.hosts) {
		a.problem(w, 400, "badCSR")
		return
	}
	for _, h := range o.hosts {
		if !o.proved[h] {
			a.problem(w, 403, "orderNotReady")
			return
		}
	}
	a.issued++
	leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(100 + a.issued)), DNSNames: o.hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(a.Life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, a.CA, csr.PublicKey, a.key)
	if err != nil {
		a.problem(w, 500, "serverInternal")
		return
	}
	o.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.CA.Raw})...)
	w.Header().Set("Location", fmt.Sprintf("%s/order/%d", a.server.URL, n))
	a.order(w, 200, n)
}

func (a *Authority) say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who went away is not told
}

func (a *Authority) problem(w http.ResponseWriter, status int, word string) {
	a.say(w, status, map[string]any{"type": "urn:ietf:params:acme:error:" + word, "detail": "what the authority says", "status": status})
}
