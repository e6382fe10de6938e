package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/acme"
	"strongroom/internal/acme/acmetest"
	"strongroom/internal/web"
)

const day = 24 * time.Hour

// provable starts what shows the proofs of the returned client.
func provable(t *testing.T, a *acmetest.Authority, challenge string, hosts ...string) (*acme.Client, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tls")
	c, err := acme.New(acme.Options{Dir: dir, Hosts: hosts, Email: "ops@example.com", Directory: a.URL, Roots: a.Roots, Challenge: challenge, Accepted: true})
	if err != nil {
		t.Fatal(err)
	}
	if challenge == acme.HTTP {
		s := httptest.NewServer(c.Challenges("https://shop.example.com"))
		t.Cleanup(s.Close)
		a.At = s.Listener.Addr().String()
		return c, dir
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", acme.Protocol}, GetCertificate: c.Answer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go func(conn net.Conn) { _ = conn.(*tls.Conn).Handshake(); _ = conn.Close() }(conn)
		}
	}()
	a.At = l.Addr().String()
	return c, dir
}

// TestObligation_2_5_1_ACME: a certificate is obtained with a proof of every host, kept,
// and obtained anew in time, by either challenge.
func TestObligation_2_5_1_ACME(t *testing.T) {
	for _, challenge := range []string{acme.TLSALPN, acme.HTTP} {
		t.Run(challenge, func(t *testing.T) {
			a, now := acmetest.New(t), time.Now()
			c, dir := provable(t, a, challenge, "shop.example.com", "www.example.com")
			a.Stale(2)
			cert, err := c.Load(t.Context(), now)
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AddCert(a.CA)
			for _, h := range []string{"shop.example.com", "www.example.com"} {
				if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: h}); err != nil {
					t.Error(err)
				}
			}
			for _, name := range []string{"acme.pem", "acme-account.key"} {
				if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v", name, err)
				}
			}
			again, err := c.Load(t.Context(), now.Add(59*day))
			if err != nil || a.Issued() != 1 || web.Fingerprint(again) != web.Fingerprint(cert) {
				t.Fatalf("asked again without need: %d, %v", a.Issued(), err)
			}
			next, err := c.Load(t.Context(), now.Add(61*day))
			if err != nil || a.Issued() != 2 || web.Fingerprint(next) == web.Fingerprint(cert) {
				t.Fatalf("not renewed: %d, %v", a.Issued(), err)
			}
			if _, err := c.Answer(&tls.ClientHelloInfo{ServerName: "shop.example.com"}); !strongroom.IsKind(err, strongroom.NotFound) {
				t.Errorf("a proof is shown when none is due: %v", err)
			}
		})
	}
}

// A proof that the authority cannot see gives no certificate. (Planted: the authority
// looks elsewhere.)
func TestObligation_2_5_1_ACMEWithoutProof(t *testing.T) {
	for _, challenge := range []string{acme.TLSALPN, acme.HTTP} {
		a := acmetest.New(t)
		c, _ := provable(t, a, challenge, "shop.example.com")
		other := httptest.NewTLSServer(http.NotFoundHandler())
		defer other.Close()
		a.At = other.Listener.Addr().String()
		if _, err := c.Load(t.Context(), time.Now()); !strongroom.IsKind(err, strongroom.Unavailable) || !strings.Contains(err.Error(), "unauthorized") || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: %v", challenge, err)
		}
		if a.Issued() != 0 {
			t.Errorf("%s: signed without proof", challenge)
		}
	}
}

// An authority that fails is not asked again at once; what was obtained stays.
func TestFailingAuthority(t *testing.T) {
	a, now := acmetest.New(t), time.Now()
	c, _ := provable(t, a, acme.HTTP, "shop.example.com")
	if _, err := c.Load(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	a.Break("rateLimited")
	now = now.Add(70 * day)
	asked := a.Orders()
	for range 3 {
		if _, err := c.Load(t.Context(), now); err == nil || !strings.Contains(err.Error(), "rateLimited") || strings.Contains(err.Error(), "what the authority says") {
			t.Fatal(err)
		}
	}
	if n := a.Orders() - asked; n != 1 {
		t.Errorf("asked %d times at once", n)
	}
	for i, at := range []time.Duration{61 * time.Second, 3*time.Minute + 2*time.Second} {
		if _, err := c.Load(t.Context(), now.Add(at)); err == nil || a.Orders()-asked != i+2 {
			t.Errorf("after %v asked %d times, %v", at, a.Orders()-asked, err)
		}
	}
	if _, err := c.Stored(); err != nil {
		t.Error(err)
	}
	a.Break("")
	if _, err := c.Load(t.Context(), now.Add(8*time.Hour)); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func TestDirectoryMustProveItself(t *testing.T) {
	a := acmetest.New(t)
	o := acme.Options{Dir: t.TempDir(), Hosts: []string{"shop.example.com"}, Directory: a.URL, Accepted: true}
	c, err := acme.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(t.Context(), time.Now()); !strongroom.IsKind(err, strongroom.Unavailable) || a.Orders() != 0 {
		t.Errorf("a directory nobody vouches for: %v", err)
	}
	for what, change := range map[string]func(*acme.Options){
		"terms":     func(o *acme.Options) { o.Accepted = false },
		"plain":     func(o *acme.Options) { o.Directory = "http://127.0.0.1/directory" },
		"no host":   func(o *acme.Options) { o.Hosts = nil },
		"challenge": func(o *acme.Options) { o.Challenge = "dns-01" },
	} {
		bad := o
		change(&bad)
		if _, err := acme.New(bad); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

// The plain listener answers proofs, leads / to https, and takes no call.
func TestPlainListener(t *testing.T) {
	a := acmetest.New(t)
	c, _ := provable(t, a, acme.HTTP, "shop.example.com")
	h := c.Challenges("https://shop.example.com")
	for call, want := range map[string]int{
		"GET /": 301, "HEAD /": 301, "POST /": 403, "GET /?code=secret": 403, "GET /v1/records": 403,
		"GET /.well-known/acme-challenge/x": 403, "GET //evil.example/": 403,
	} {
		method, path, _ := strings.Cut(call, " ")
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, "http://evil.example/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?") // as net/http hands it on
		h.ServeHTTP(w, r)
		if at := w.Header().Get("Location"); w.Code != want || at != "" && at != "https://shop.example.com" {
			t.Errorf("%s: %d to %q", call, w.Code, at)
		}
	}
}
