package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/acme/acmetest"
	"strongroom/internal/web"
)

// TestObligation_2_5_1_ACMEIsFollowed: our own listener shows the authority the proof, and
// everybody else the certificate; while the authority fails the old one is shown and the
// failure is seen.
func TestObligation_2_5_1_ACMEIsFollowed(t *testing.T) {
	var log bytes.Buffer
	authority, dir := acmetest.New(t), t.TempDir()
	root := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Server().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &App{log: slog.New(slog.NewTextHandler(&log, nil)), o: Options{Dir: dir}, conf: Config{TLS: "acme", ACME: &ACMEConfig{
		Hosts: []string{"shop.example.com"}, Directory: authority.URL, RootCA: root, AcceptTerms: true,
	}}}
	if got := tlsState(dir, a.conf); got.State != Warn {
		t.Errorf("the doctor before: %+v", got)
	}
	_, conf, err := a.tls(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := web.NewServer(web.Options{TLS: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() {
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		<-done
	}()
	authority.At = l.Addr().String()
	serial := func() (string, error) {
		c, err := tls.Dial("tcp", authority.At, &tls.Config{ServerName: "shop.example.com", RootCAs: authority.Pool()})
		if err != nil {
			return "", err
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
	}
	if _, err := serial(); err == nil {
		t.Fatal("something is shown before there is anything")
	}
	cert, now := a.shown.Load(), time.Now()
	a.lookAtCertificate(t.Context(), cert, now)
	first, err := serial()
	if err != nil || a.stale.Load() {
		t.Fatalf("%v, log %s", err, &log)
	}
	if got := tlsState(dir, a.conf); got.State != OK || !strings.Contains(got.Found, "ends in 8") {
		t.Errorf("the doctor after: %+v", got)
	}
	if _, err := tls.Dial("tcp", authority.At, &tls.Config{ServerName: "shop.example.com", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}); err == nil { // the question is whether it answers
		t.Error("a proof is shown when none is due")
	}
	authority.Break("rejectedIdentifier")
	a.lookAtCertificate(t.Context(), cert, now.Add(61*24*time.Hour))
	if again, err := serial(); err != nil || again != first || !a.stale.Load() || !strings.Contains(log.String(), "rejectedIdentifier") {
		t.Errorf("while the authority fails: %v, stale %v", err, a.stale.Load())
	}
	authority.Break("")
	a.lookAtCertificate(t.Context(), cert, now.Add(62*24*time.Hour))
	if next, err := serial(); err != nil || next == first || a.stale.Load() {
		t.Errorf("not renewed: %v, stale %v", err, a.stale.Load())
	}
	// A start shows what was obtained before, whether the authority answers or not.
	authority.Break("serverInternal")
	if _, _, err := a.tls(t.Context()); err != nil || a.shown.Load().Ends().IsZero() {
		t.Errorf("a start without the authority: %v", err)
	}
}

func TestACMEConfiguration(t *testing.T) {
	good := ACMEConfig{Hosts: []string{"shop.example.com"}, AcceptTerms: true}
	check := func(change func(*ACMEConfig)) error {
		one := good
		change(&one)
		c := Config{TLS: "acme", ACME: &one, Environment: strongroom.Production, Listen: "0.0.0.0:443"}
		return c.checkListen()
	}
	if err := check(func(*ACMEConfig) {}); err != nil { // planted
		t.Fatal(err)
	}
	if err := check(func(c *ACMEConfig) { c.Challenge, c.HTTPListen = "http-01", "0.0.0.0:80" }); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*ACMEConfig){
		"no host":   func(c *ACMEConfig) { c.Hosts = nil },
		"wildcard":  func(c *ACMEConfig) { c.Hosts = []string{"*.example.com"} },
		"address":   func(c *ACMEConfig) { c.Hosts = []string{"192.0.2.7"} },
		"local":     func(c *ACMEConfig) { c.Hosts = []string{"localhost"} },
		"terms":     func(c *ACMEConfig) { c.AcceptTerms = false },
		"challenge": func(c *ACMEConfig) { c.Challenge = "dns-01" },
		"no port":   func(c *ACMEConfig) { c.Challenge = "http-01" },
		"useless":   func(c *ACMEConfig) { c.HTTPListen = "0.0.0.0:80" },
		"email":     func(c *ACMEConfig) { c.Email = "a@example.com, b@example.com" },
	} {
		if err := check(change); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := (&Config{TLS: "acme", Environment: strongroom.Production}).checkListen(); err == nil {
		t.Error("without acme")
	}
}

// The plain listener of http-01 shows proofs and ends with its context.
func TestPlainListenerOfACME(t *testing.T) {
	authority, dir := acmetest.New(t), t.TempDir()
	root := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Server().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &App{log: slog.New(slog.DiscardHandler), o: Options{Dir: dir}, conf: Config{TLS: "acme", ACME: &ACMEConfig{
		Hosts: []string{"shop.example.com"}, Directory: authority.URL, RootCA: root, AcceptTerms: true, Challenge: "http-01", HTTPListen: "127.0.0.1:0",
	}}}
	if _, _, err := a.tls(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l, err := a.listenACME(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.serveACME(ctx, l) }()
	authority.At = l.Addr().String()
	a.lookAtCertificate(ctx, a.shown.Load(), time.Now())
	if a.stale.Load() || a.shown.Load().Ends().IsZero() {
		t.Error("nothing was obtained")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
