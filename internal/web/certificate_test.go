package web_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/web"
)

// TestObligation_2_5_1_CertificateIsReplaced: a new pair is shown to who connects next,
// a half-written one is not, and who is connected stays so.
func TestObligation_2_5_1_CertificateIsReplaced(t *testing.T) {
	now := time.Now()
	pair := func(from string) func(string) []byte {
		return func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(from, name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	shown, next, ended := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, at := range map[string]time.Time{shown: now, next: now, ended: now.Add(-500 * 24 * time.Hour)} {
		if _, err := web.EnsureCertificate(dir, []string{"localhost", "127.0.0.1"}, at); err != nil {
			t.Fatal(err)
		}
	}
	load := func(context.Context, time.Time) (tls.Certificate, error) {
		return web.LoadCertificate(filepath.Join(shown, "tls.crt"), filepath.Join(shown, "tls.key"))
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(shown, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := web.NewCertificate(t.Context(), load, now)
	if err != nil {
		t.Fatal(err)
	}
	first := cert.Ends()
	l := loopback(t)
	serve(t, l, web.Options{TLS: cert.TLSConfig(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	serial := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true}) // which one is shown is the question
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	old := serial()
	open, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	reload := func(what string, changes, fails bool) {
		t.Helper()
		changed, err := cert.Reload(t.Context(), now)
		if changed != changes || (err != nil) != fails || fails && !strongroom.IsKind(err, strongroom.Invalid) {
			t.Fatalf("%s: changed %v, %v", what, changed, err)
		}
	}
	reload("the same pair", false, false)
	put("tls.crt", pair(next)("tls.crt"))
	reload("a certificate without its key", false, true)
	put("tls.key", pair(next)("tls.key")[:40])
	reload("half a key", false, true)
	if serial() != old || !cert.Ends().Equal(first) {
		t.Fatal("what cannot be taken is shown")
	}
	put("tls.key", pair(next)("tls.key"))
	reload("the new pair", true, false)
	if serial() == old {
		t.Fatal("the new pair is not shown")
	}
	put("tls.crt", pair(ended)("tls.crt"))
	put("tls.key", pair(ended)("tls.key"))
	reload("a pair whose time is over", false, true)
	if _, err := web.NewCertificate(t.Context(), load, now); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Fatalf("a start with a pair whose time is over: %v", err)
	}
	if _, err := web.NewCertificate(t.Context(), load, now.Add(-600*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "begins on") {
		t.Fatalf("a start before its time: %v", err)
	}
	if _, err := open.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	_ = open.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := open.Read(answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Fatalf("the open connection answers %q, %v", answer, err)
	}
}

// TestObligation_2_5_1_WeakSuites offers our listener nothing but suites without
// authenticated encryption or forward secrecy. The certificate is RSA, which those
// suites need; a listener that allows them takes each, so the refusals are ours.
func TestObligation_2_5_1_WeakSuites(t *testing.T) {
	cert := rsaCertificate(t)
	ours := web.TLSConfig(cert)
	lax := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		lax.CipherSuites = append(lax.CipherSuites, s.ID)
	}
	shake := func(server *tls.Config, client *tls.Config) error {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		go func() { _ = tls.Server(b, server).Handshake() }()
		client.InsecureSkipVerify = true // the suite is the question
		_ = a.SetDeadline(time.Now().Add(time.Minute))
		return tls.Client(a, client).Handshake()
	}
	weak := []*tls.Config{
		{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, {MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11},
	}
	for _, id := range []uint16{
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	} {
		weak = append(weak, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{id}})
	}
	for _, c := range weak {
		name := tls.VersionName(c.MaxVersion)
		if len(c.CipherSuites) == 1 {
			name = tls.CipherSuiteName(c.CipherSuites[0])
		}
		if err := shake(ours, c.Clone()); err == nil {
			t.Errorf("%s is taken", name)
		}
		if err := shake(lax, c.Clone()); err != nil {
			t.Errorf("%s is refused by a listener that allows it: %v", name, err)
		}
	}
	if err := shake(ours, &tls.Config{MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("a client of today is refused: %v", err)
	}
}

func rsaCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A handshake that agreed on something else than HTTP, as proofs do, carries no call.
func TestOtherProtocolsCarryNoCall(t *testing.T) {
	cert, err := web.EnsureCertificate(t.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conf := web.TLSConfig(cert)
	conf.NextProtos = append(conf.NextProtos, "acme-tls/1")
	l := loopback(t)
	serve(t, l, web.Options{TLS: conf, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	for protocol, want := range map[string]string{"acme-tls/1": "", "http/1.1": "HTTP/1.1 200"} {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}) // the protocol is the question
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 12)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		n, _ := c.Read(answer)
		if string(answer[:n]) != want {
			t.Errorf("%s: answered %q", protocol, answer[:n])
		}
	}
}

// TestObligation_2_5_2_CallersProveThemselvesAcrossAReload: who shows a certificate of
// its own is known by it before and after ours is replaced, on open connections, on new
// ones and on those that go on with a session.
func TestObligation_2_5_2_CallersProveThemselvesAcrossAReload(t *testing.T) {
	now := time.Now()
	own, next := t.TempDir(), t.TempDir()
	dir := own
	for _, d := range []string{own, next} {
		if _, err := web.EnsureCertificate(d, []string{"localhost", "127.0.0.1"}, now); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := web.NewCertificate(t.Context(), func(context.Context, time.Time) (tls.Certificate, error) {
		return web.LoadCertificate(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	caller := rsaCertificate(t)
	conf := cert.TLSConfig()
	conf.ClientAuth = tls.RequestClientCert
	l := loopback(t)
	serve(t, l, web.Options{TLS: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.TLS.PeerCertificates; len(p) == 1 && string(p[0].Raw) == string(caller.Certificate[0]) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})})
	sessions := tls.NewLRUClientSessionCache(4)
	dial := func(shown ...tls.Certificate) *http.Client {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: shown, ClientSessionCache: sessions}} // who calls is the question
		if len(shown) == 0 {
			tr.TLSClientConfig.ClientSessionCache = nil
		}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr, Timeout: time.Minute}
	}
	ask := func(what string, c *http.Client, want int) {
		t.Helper()
		resp, err := c.Get("https://" + l.Addr().String())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %d, want %d, and HSTS", what, resp.StatusCode, want)
		}
	}
	open := dial(caller)
	ask("before", open, http.StatusNoContent)
	ask("without one", dial(), http.StatusUnauthorized) // planted
	dir = next
	if changed, err := cert.Reload(t.Context(), now); !changed || err != nil {
		t.Fatalf("not replaced: %v", err)
	}
	ask("open connection", open, http.StatusNoContent)
	ask("with a session", dial(caller), http.StatusNoContent)
	sessions = tls.NewLRUClientSessionCache(4)
	ask("new", dial(caller), http.StatusNoContent)
	ask("without one, after", dial(), http.StatusUnauthorized)
}
