package keys_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/keys/keystest"
)

const planted = "s.planted-token-value"

// transit starts a server and returns options that reach it.
func transit(t *testing.T) (*keystest.Transit, keys.TransitOptions) {
	t.Helper()
	s := &keystest.Transit{Mount: "transit", Token: planted}
	s.AddKey("strongroom")
	s.AddKey("other")
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(planted+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, keys.TransitOptions{Address: h.URL, Key: "strongroom", TokenFile: token, Timeout: 5 * time.Second}
}

func openTransit(t *testing.T, o keys.TransitOptions, key string) keys.KMS {
	t.Helper()
	o.Key = key
	k, err := keys.NewTransit(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTransitConformance(t *testing.T) {
	_, o := transit(t)
	keystest.KMS(t,
		func(t *testing.T) keys.KMS { return openTransit(t, o, "strongroom") },
		func(t *testing.T) keys.KMS { return openTransit(t, o, "other") })
}

// With STRONGROOM_TEST_TRANSIT_ADDR, _TOKEN_FILE and optionally _CA_FILE, the
// same against a real server that has the keys strongroom-a and strongroom-b.
func TestTransitConformanceReal(t *testing.T) {
	o := keys.TransitOptions{
		Address: os.Getenv("STRONGROOM_TEST_TRANSIT_ADDR"), Key: "strongroom-a",
		TokenFile: os.Getenv("STRONGROOM_TEST_TRANSIT_TOKEN_FILE"), CAFile: os.Getenv("STRONGROOM_TEST_TRANSIT_CA_FILE"),
	}
	if o.Address == "" {
		t.Skip("STRONGROOM_TEST_TRANSIT_ADDR names no server")
	}
	keystest.KMS(t,
		func(t *testing.T) keys.KMS { return openTransit(t, o, "strongroom-a") },
		func(t *testing.T) keys.KMS { return openTransit(t, o, "strongroom-b") })
}

func TestLocalRootConformance(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if _, err := keys.CreateRootFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	of := func(name string) func(*testing.T) keys.KMS {
		return func(t *testing.T) keys.KMS {
			r, err := keys.RootFromFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	keystest.KMS(t, of("a"), of("b"))
}

// What was wrapped under an older version of the server's key still opens.
func TestTransitKeyVersions(t *testing.T) {
	s, o := transit(t)
	k := openTransit(t, o, "strongroom")
	ctx := context.Background()
	w, err := k.Wrap(ctx, []byte("ad"), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	s.AddKey("strongroom")
	if got, err := k.Unwrap(ctx, []byte("ad"), w); err != nil || string(got) != "secret" {
		t.Error(got, err)
	}
}

// Everything that can go wrong is Unavailable, and no error repeats token,
// secret or the server's words.
func TestTransitFailures(t *testing.T) {
	ctx := context.Background()
	fails := func(t *testing.T, what string, k keys.KMS) {
		t.Helper()
		_, err := k.Wrap(ctx, []byte("ad"), []byte("planted-secret"))
		wantKind(t, what, err, strongroom.Unavailable)
		_, err2 := k.Unwrap(ctx, []byte("ad"), []byte("vault:v1:AAAA"))
		wantKind(t, what+", unwrap", err2, strongroom.Unavailable)
		text := fmt.Sprint(err, err2)
		for _, no := range []string{planted, "planted-secret", "cGxhbnRlZC1zZWNyZXQ", "echoed"} {
			if strings.Contains(text, no) {
				t.Errorf("%s: the error repeats %q: %s", what, no, text)
			}
		}
	}
	s, o := transit(t)
	s.Seal(true)
	fails(t, "sealed", openTransit(t, o, "strongroom"))
	s.Seal(false)
	s.Token = "another"
	fails(t, "wrong token", openTransit(t, o, "strongroom"))
	s.Token = planted
	wrong := o
	wrong.Mount = "elsewhere"
	fails(t, "no such mount", openTransit(t, wrong, "strongroom"))
	wrong = o
	wrong.Namespace = "team"
	fails(t, "no such namespace", openTransit(t, wrong, "strongroom"))
	wrong = o
	wrong.Address = "http://127.0.0.1:1"
	fails(t, "nobody there", openTransit(t, wrong, "strongroom"))

	elsewhere := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer thief.Close()
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
		},
		"not JSON":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "echoed <html>") },
		"empty":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") },
		"500":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"errors":["echoed"]}`, 500) },
		"huge":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("x", 1<<20)) },
		"no prefix": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"ciphertext":"echoed"}}`) },
	} {
		h := httptest.NewServer(h)
		wrong := o
		wrong.Address = h.URL
		fails(t, name, openTransit(t, wrong, "strongroom"))
		h.Close()
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed, with the token")
	}
	os.Chmod(o.TokenFile, 0o644)
	_, err := openTransit(t, o, "strongroom").Wrap(ctx, nil, []byte("x"))
	wantKind(t, "a token everybody reads", err, strongroom.Denied)
}

// A caller with another token can neither wrap nor unwrap, and opens no keyring;
// the one with the right token can.
func TestObligation_3_4_3_AnotherToken(t *testing.T) {
	_, o := transit(t)
	ctx := context.Background()
	owner := openTransit(t, o, "strongroom")
	ro := keys.RingOptions{Dir: keyDir(t), KMS: owner, Environment: strongroom.Test}
	r, err := keys.CreateRing(ctx, ro)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w, err := owner.Wrap(ctx, []byte("ad"), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	o.TokenFile = filepath.Join(t.TempDir(), "token")
	for _, token := range []string{"another", "", planted + "x"} {
		os.WriteFile(o.TokenFile, []byte(token), 0o600)
		thief := openTransit(t, o, "strongroom")
		_, err := thief.Wrap(ctx, []byte("ad"), []byte("x"))
		wantKind(t, "wrap", err, strongroom.Unavailable)
		got, err := thief.Unwrap(ctx, []byte("ad"), w)
		wantKind(t, "unwrap", err, strongroom.Unavailable)
		if got != nil {
			t.Error("the secret was given out")
		}
		ro.KMS = thief
		_, err = keys.OpenRing(ctx, ro)
		wantKind(t, "keyring", err, strongroom.Unavailable)
	}
	os.WriteFile(o.TokenFile, []byte(planted), 0o600)
	ro.KMS = openTransit(t, o, "strongroom")
	if r, err = keys.OpenRing(ctx, ro); err != nil {
		t.Fatal("with the right token it must open:", err)
	}
	r.Close()
}

// TLS is required but on loopback, and the certificate is checked.
func TestTransitTLS(t *testing.T) {
	s, o := transit(t)
	h := httptest.NewUnstartedServer(s)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	h.StartTLS()
	defer h.Close()
	o.Address = h.URL
	_, err := openTransit(t, o, "strongroom").Wrap(context.Background(), nil, []byte("x"))
	wantKind(t, "a certificate nobody vouches for", err, strongroom.Unavailable)
	o.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	os.WriteFile(o.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600)
	if _, err := openTransit(t, o, "strongroom").Wrap(context.Background(), nil, []byte("x")); err != nil {
		t.Error("with its certificate:", err)
	}
	for _, bad := range []keys.TransitOptions{
		{Address: "http://bao.example.com:8200", Key: "k", TokenFile: "t"},
		{Address: "http://10.0.0.1:8200", Key: "k", TokenFile: "t"},
		{Address: "http://127.0.0.1.example.com", Key: "k", TokenFile: "t"},
		{Address: "ftp://127.0.0.1", Key: "k", TokenFile: "t"},
		{Address: "https://user:pw@bao.example.com", Key: "k", TokenFile: "t"},
		{Address: "https://bao.example.com/path", Key: "k", TokenFile: "t"},
		{Address: "https://bao.example.com?x=1", Key: "k", TokenFile: "t"},
		{Address: "", Key: "k", TokenFile: "t"},
		{Address: "https://bao.example.com", Key: "", TokenFile: "t"},
		{Address: "https://bao.example.com", Key: "../sys/seal", TokenFile: "t"},
		{Address: "https://bao.example.com", Key: "k", Mount: "a/../b", TokenFile: "t"},
		{Address: "https://bao.example.com", Key: "k"},
		{Address: "https://bao.example.com", Key: "k", TokenFile: "t", CAFile: "/nowhere"},
	} {
		_, err := keys.NewTransit(bad)
		wantKind(t, bad.Address+" "+bad.Key, err, strongroom.Invalid)
	}
	for _, good := range []string{"http://localhost:8200", "http://[::1]:8200", "http://127.0.0.9:1", "https://bao.example.com/"} {
		if _, err := keys.NewTransit(keys.TransitOptions{Address: good, Key: "k", TokenFile: "t"}); err != nil {
			t.Error(good, err)
		}
	}
}

// The server is asked at start and when keys are destroyed, and never inside a
// transaction or to open a record.
func TestTransitIsAskedRarely(t *testing.T) {
	s, o := transit(t)
	ctx := context.Background()
	ro := keys.RingOptions{Dir: keyDir(t), KMS: openTransit(t, o, "strongroom"), Environment: strongroom.Test}
	r, err := keys.CreateRing(ctx, ro)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := s.Calls()
	for i := range 10 {
		id := fmt.Sprint("str_", i)
		if err := r.EnsureStore(id); err != nil {
			t.Fatal(err)
		}
		if _, err := r.IndexKey(id, 1, keys.PeriodOf(time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Calls() - before; n != 0 {
		t.Errorf("adding keys asked the server %d times", n)
	}
	f := open(t)
	var inside error
	f.must(f.guard.Do(ctx, f.who, func(ctx context.Context, tx *guard.Tx) error {
		_, inside = openTransit(t, o, "strongroom").Wrap(ctx, nil, []byte("x"))
		return tx.Allow(ingest(), strongroom.Resource{Type: "Store", ID: f.store, Store: f.store}, guard.Context{})
	}))
	if inside == nil || s.Calls() != before {
		t.Error("the server was asked inside a transaction:", inside)
	}
}
