package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/web"
)

// TestObligation_2_5_1_CertificateIsFollowed: what an operator puts into the files is
// shown, what cannot be taken is said once and stands in the doctor's finding.
func TestObligation_2_5_1_CertificateIsFollowed(t *testing.T) {
	var log bytes.Buffer
	dir, now := t.TempDir(), time.Now()
	a := &App{log: slog.New(slog.NewTextHandler(&log, nil)), o: Options{Dir: dir}, conf: Config{
		TLS: "file", Certificate: filepath.Join(dir, "tls", "tls.crt"), CertificateKey: filepath.Join(dir, "tls", "tls.key"),
	}}
	if _, _, err := a.tls(t.Context()); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Fatalf("a start without the files: %v", err)
	}
	if got := tlsState(dir, a.conf); got.State != Fail {
		t.Fatalf("the doctor without the files: %+v", got)
	}
	if _, err := web.EnsureCertificate(filepath.Join(dir, "tls"), []string{"localhost"}, now); err != nil {
		t.Fatal(err)
	}
	if _, conf, err := a.tls(t.Context()); err != nil || conf == nil {
		t.Fatal(err)
	}
	cert := a.shown.Load()
	if got := tlsState(dir, a.conf); got.State != OK || !strings.Contains(got.Found, "ends in 39") {
		t.Fatalf("the doctor of a good pair: %+v", got)
	}
	key, err := os.ReadFile(a.conf.CertificateKey)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(a.conf.CertificateKey, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(key[:20])
	for range 3 {
		a.lookAtCertificate(t.Context(), cert, now)
	}
	if !a.stale.Load() || strings.Count(log.String(), "can be taken") != 1 {
		t.Fatalf("half a key: stale %v, log %s", a.stale.Load(), &log)
	}
	if got := tlsState(dir, a.conf); got.State != Fail {
		t.Fatalf("the doctor of half a key: %+v", got)
	}
	put(key)
	a.lookAtCertificate(t.Context(), cert, now)
	if a.stale.Load() {
		t.Fatal("the pair is right again and not taken")
	}
	// What was made here is made anew while serving, 30 days before its end.
	a.conf.TLS, a.conf.Listen = "auto", "127.0.0.1:8443"
	a.shown.Store(nil)
	if _, _, err := a.tls(t.Context()); err != nil {
		t.Fatal(err)
	}
	cert = a.shown.Load()
	first := cert.Ends()
	a.lookAtCertificate(t.Context(), cert, now.Add(380*24*time.Hour))
	if !cert.Ends().After(first) || a.stale.Load() {
		t.Fatalf("not renewed: ends %v", cert.Ends())
	}
}
