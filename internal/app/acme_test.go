package app_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/acme/acmetest"
	"strongroom/internal/app"
)

// An instance that is served without a certificate asks for one, proves its host over its
// own port, and shows what it got.
func TestServesByACME(t *testing.T) {
	authority, base := acmetest.New(t), t.TempDir()
	dir, root := filepath.Join(base, "data"), filepath.Join(base, "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Server().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := app.Config{Environment: strongroom.Test, Keys: filepath.Join(base, "keys"), TLS: "acme", Listen: "127.0.0.1:0", ACME: &app.ACMEConfig{
		Hosts: []string{"shop.example.com"}, Directory: authority.URL, RootCA: root, AcceptTerms: true,
	}}
	if _, err := app.Init(t.Context(), dir, conf, app.FirstOwner{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	var at string
	authority.Find = func() string { <-ready; return at }
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- a.Serve(ctx, func(url string) { at = strings.TrimPrefix(url, "https://"); close(ready) })
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-ready:
	case err := <-done:
		done <- err // for the end
		t.Fatal("does not serve")
	}
	patience := time.Now().Add(time.Minute)
	for {
		conn, err := tls.Dial("tcp", at, &tls.Config{ServerName: "shop.example.com", RootCAs: authority.Pool()})
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(patience) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // nothing tells that a handshake would succeed but a handshake
	}
	s, err := app.ShownCertificate(t.Context(), app.Options{Dir: dir}, at)
	if err != nil || !slices.Equal(s.Names, []string{"shop.example.com"}) {
		t.Errorf("%+v, %v", s, err)
	}
	list, err := app.Doctor(t.Context(), app.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tls", "shown certificate"} {
		if i := slices.IndexFunc(list, func(f app.Finding) bool { return f.Check == name }); i < 0 || list[i].State != app.OK {
			t.Errorf("the doctor on %s: %+v", name, list)
		}
	}
}
