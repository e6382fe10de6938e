package handshake_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/handshake"
)

// listen serves every connection by f until the test ends.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

// leaf returns a certificate signed by itself, and who trusts it.
func leaf(t *testing.T, weak bool, from, until time.Time, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: until,
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	var key, public any
	if weak {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, &k.PublicKey
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, &k.PublicKey
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, public, key)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	if c.Leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	return c, pool
}

// web serves TLS that answers a GET with a header, or with nothing.
func web(t *testing.T, conf *tls.Config, header string) string {
	return listen(t, func(c net.Conn) {
		s := tls.Server(c, conf)
		if s.Handshake() != nil {
			return
		}
		if _, err := http.ReadRequest(newReader(s)); err == nil && header != "-" {
			_, _ = io.WriteString(s, "HTTP/1.1 200 OK\r\n"+header+"Content-Length: 0\r\n\r\n")
		}
		_ = s.CloseWrite()
	})
}

// state returns the state of a check, "" if there is none.
func state(r handshake.Report, group, name string) handshake.State {
	c, _ := r.Find(group, name)
	return c.State
}

func probe(t *testing.T, o handshake.Options) handshake.Report {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	o.Timeout = time.Minute
	r, err := handshake.Probe(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const goodHSTS = "Strict-Transport-Security: max-age=63072000\r\n"

// A good endpoint passes every check; each of the others fails the one it is made for.
func TestObligation_2_5_2_EndpointsAreProbed(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	good, roots := leaf(t, false, now.Add(-day), now.Add(90*day), "shop.example")
	modern := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	}
	r := probe(t, handshake.Options{Address: web(t, modern(good), goodHSTS), Name: "shop.example", Roots: roots})
	for _, c := range r.Checks {
		if c.State != handshake.OK {
			t.Errorf("a good endpoint: %+v", c)
		}
	}
	if len(r.Checks) != 5+9+4+2 || r.Failed() != 0 || r.ALPN != "h2" || len(r.Pin) != 64 || len(r.Print) != 64 || !r.Expires.Equal(good.Leaf.NotAfter) {
		t.Errorf("%d checks, %+v", len(r.Checks), r)
	}

	weak, weakRoots := leaf(t, true, now.Add(-day), now.Add(90*day), "shop.example")
	old, oldRoots := leaf(t, false, now.Add(-90*day), now.Add(-day), "shop.example")
	ending, endingRoots := leaf(t, false, now.Add(-day), now.Add(5*day), "shop.example")
	early, earlyRoots := leaf(t, false, now.Add(day), now.Add(5*day), "shop.example")
	with := func(change func(*tls.Config)) *tls.Config {
		c := modern(weak)
		change(c)
		return c
	}
	suite := func(id uint16) *tls.Config {
		return with(func(c *tls.Config) { c.CipherSuites, c.MaxVersion = []uint16{id}, tls.VersionTLS12 })
	}
	for name, x := range map[string]struct {
		conf        *tls.Config
		roots       *x509.CertPool
		header      string
		host        string
		group, what string
		want        handshake.State
	}{
		"TLS 1.0":       {with(func(c *tls.Config) { c.MinVersion, c.CipherSuites = tls.VersionTLS10, nil }), weakRoots, goodHSTS, "", "version", "TLS 1.0", handshake.Fail},
		"TLS 1.1":       {with(func(c *tls.Config) { c.MinVersion, c.CipherSuites = tls.VersionTLS11, nil }), weakRoots, goodHSTS, "", "version", "TLS 1.1", handshake.Fail},
		"no TLS 1.3":    {with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), weakRoots, goodHSTS, "", "version", "TLS 1.3", handshake.Warn},
		"RC4":           {suite(tls.TLS_RSA_WITH_RC4_128_SHA), weakRoots, goodHSTS, "", "suites", "RC4", handshake.Fail},
		"3DES":          {suite(tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA), weakRoots, goodHSTS, "", "suites", "DES and 3DES", handshake.Fail},
		"CBC":           {suite(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA), weakRoots, goodHSTS, "", "suites", "CBC", handshake.Fail},
		"RSA":           {suite(tls.TLS_RSA_WITH_AES_128_GCM_SHA256), weakRoots, goodHSTS, "", "suites", "no forward secrecy", handshake.Fail},
		"another name":  {modern(good), roots, goodHSTS, "other.example", "certificate", "name", handshake.Fail},
		"nobody trusts": {modern(good), weakRoots, goodHSTS, "", "certificate", "chain", handshake.Fail},
		"over":          {modern(old), oldRoots, goodHSTS, "", "certificate", "expiry", handshake.Fail},
		"ends soon":     {modern(ending), endingRoots, goodHSTS, "", "certificate", "expiry", handshake.Warn},
		"not yet":       {modern(early), earlyRoots, goodHSTS, "", "certificate", "expiry", handshake.Fail},
		"no HSTS":       {modern(good), roots, "", "", "http", "HSTS", handshake.Warn},
		"short HSTS":    {modern(good), roots, "Strict-Transport-Security: max-age=60\r\n", "", "http", "HSTS", handshake.Warn},
		"HSTS of words": {modern(good), roots, "Strict-Transport-Security: max-age=long\r\n", "", "http", "HSTS", handshake.Warn},
		"two HSTS":      {modern(good), roots, goodHSTS + goodHSTS, "", "http", "HSTS", handshake.Warn},
		"no HTTP":       {modern(good), roots, "-", "", "http", "HSTS", handshake.Unknown},
		"no ALPN":       {with(func(c *tls.Config) { c.NextProtos = nil }), weakRoots, goodHSTS, "", "http", "ALPN", handshake.Warn},
	} {
		t.Run(name, func(t *testing.T) {
			host := x.host
			if host == "" {
				host = "shop.example"
			}
			r := probe(t, handshake.Options{Address: web(t, x.conf, x.header), Name: host, Roots: x.roots})
			if got := state(r, x.group, x.what); got != x.want {
				t.Errorf("%s %s is %q, want %q", x.group, x.what, got, x.want)
			}
			for _, c := range r.Checks {
				if c.State == handshake.Fail && x.want != handshake.Fail {
					t.Errorf("something else fails: %+v", c)
				}
				if c.State != handshake.OK && c.State != handshake.Unknown && c.Advice == "" {
					t.Errorf("no advice: %+v", c)
				}
			}
		})
	}
}

// One that takes whatever it is offered fails every check of versions and suites
// that is there to fail.
func TestYesMan(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		hello := make([]byte, 2048)
		n, err := c.Read(hello)
		if err != nil || n < 48 {
			return
		}
		answer := append([]byte{22, 3, 3, 0, 42, 2, 0, 0, 38}, hello[9:11]...)
		answer = append(append(answer, make([]byte, 32)...), 0, hello[46], hello[47], 0)
		_, _ = c.Write(answer)
	})
	r := probe(t, handshake.Options{Address: addr})
	for _, c := range r.Checks {
		good := c.Name == "TLS 1.2" || strings.HasSuffix(c.Name, "with AEAD")
		switch {
		case c.Group == "version" && c.Name == "TLS 1.3": // says 1.2 to an offer of 1.3
		case c.Group != "version" && c.Group != "suites":
		case good != (c.State == handshake.OK) || !good && c.State != handshake.Fail:
			t.Errorf("%+v", c)
		}
	}
	if r.Failed() != 3+7 {
		t.Errorf("%d checks failed: %+v", r.Failed(), r.Checks)
	}
}

// What does not answer in TLS is unknown and not good.
func TestNoTLS(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 2048))
		_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n")
	})
	r := probe(t, handshake.Options{Address: addr})
	for _, c := range r.Checks {
		if c.State != handshake.Unknown {
			t.Errorf("%+v", c)
		}
	}
	for _, o := range []handshake.Options{{Address: "nonsense"}, {Address: ":1"}, {Address: addr, Plain: "gopher"}, {Address: addr, Name: "a\r\nb"}} {
		if _, err := handshake.Probe(t.Context(), o); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	gone := handshake.Options{Address: addr, Dial: func(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }}
	if _, err := handshake.Probe(t.Context(), gone); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

// A database and a mail server are asked for TLS in their own words.
func TestStartTLS(t *testing.T) {
	now := time.Now()
	cert, roots := leaf(t, false, now.Add(-time.Hour), now.Add(90*24*time.Hour), "db.example")
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
	for plain, greet := range map[string]func(net.Conn) bool{
		"postgres": func(c net.Conn) bool {
			ask := make([]byte, 8)
			if _, err := io.ReadFull(c, ask); err != nil {
				return false
			}
			_, err := c.Write([]byte("S"))
			return err == nil
		},
		"smtp": func(c net.Conn) bool {
			r := newReader(c)
			for _, say := range []string{"220 here\r\n", "250-hello\r\n250 STARTTLS\r\n", "220 go\r\n"} {
				if _, err := io.WriteString(c, say); err != nil {
					return false
				}
				if say != "220 go\r\n" {
					if _, err := r.ReadString('\n'); err != nil {
						return false
					}
				}
			}
			return true
		},
	} {
		t.Run(plain, func(t *testing.T) {
			addr := listen(t, func(c net.Conn) {
				if greet(c) {
					_ = tls.Server(c, conf).Handshake()
				}
			})
			r := probe(t, handshake.Options{Address: addr, Name: "db.example", Plain: plain, Roots: roots})
			for _, c := range r.Checks {
				if c.State != handshake.OK {
					t.Errorf("%+v", c)
				}
			}
			if _, ok := r.Find("certificate", "expiry"); !ok {
				t.Error("the certificate was not looked at")
			}
		})
	}
	refuses := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 8)); _, _ = c.Write([]byte("N")) })
	if _, err := handshake.Probe(t.Context(), handshake.Options{Address: refuses, Plain: "postgres", Now: now}); err == nil {
		t.Error("a database that speaks no TLS passed")
	}
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
