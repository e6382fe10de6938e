package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
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
	var events []audit.Event
	for range 3 {
		events = append(events, a.lookAtCertificate(t.Context(), cert, now)...)
	}
	if len(events) != 1 || events[0].Action != audit.TakeCertificate || events[0].Outcome != audit.Failure {
		t.Fatalf("half a key: events %+v", events)
	}
	if got := a.examineShown(); len(got) != 1 || got[0].State != Fail {
		t.Fatalf("the doctor of a server that shows an old one: %+v", got)
	}
	if !a.stale.Load() || strings.Count(log.String(), "can be taken") != 1 {
		t.Fatalf("half a key: stale %v, log %s", a.stale.Load(), &log)
	}
	if got := tlsState(dir, a.conf); got.State != Fail {
		t.Fatalf("the doctor of half a key: %+v", got)
	}
	put(key)
	a.lookAtCertificate(t.Context(), cert, now)
	if got := a.examineShown(); got[0].State != OK {
		t.Fatalf("the doctor of a server: %+v", got)
	}
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
	events = a.lookAtCertificate(t.Context(), cert, now.Add(380*24*time.Hour))
	if len(events) != 1 || events[0].Outcome != audit.Success || events[0].Notes[0].Value != cert.Fingerprint() {
		t.Fatalf("renewed: events %+v", events)
	}
	if !cert.Ends().After(first) || a.stale.Load() {
		t.Fatalf("not renewed: ends %v", cert.Ends())
	}
}

// What is taken, and what cannot be, stands in the log.
func TestObligation_2_5_1_CertificateIsRecorded(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "data")
	conf := Config{Environment: strongroom.Test, Keys: filepath.Join(base, "keys"), TLS: "auto", Listen: "127.0.0.1:0"}
	if _, err := Init(t.Context(), dir, conf, FirstOwner{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, _, err := a.tls(t.Context()); err != nil {
		t.Fatal(err)
	}
	cert, now := a.shown.Load(), time.Now()
	told := func() (n int) {
		t.Helper()
		var out bytes.Buffer
		if err := a.audit.Export(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return strings.Count(out.String(), "certificate.take")
	}
	taken := a.lookAtCertificate(t.Context(), cert, now.Add(380*24*time.Hour))
	if err := os.Chmod(filepath.Join(dir, "tls", "tls.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	failed := a.lookAtCertificate(t.Context(), cert, now)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if left := a.recordCertificate(gone, taken); len(left) != 1 { // planted: nothing is lost when it cannot be recorded
		t.Errorf("%d events are left", len(left))
	}
	if n := told(); n != 0 {
		t.Errorf("%d events before", n)
	}
	if left := a.recordCertificate(t.Context(), append(taken, failed...)); len(left) != 0 || told() != 2 {
		t.Errorf("%d of 2 events recorded, %d left", told(), len(left))
	}
}
