package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/web"
)

// buffer is a log that several goroutines may write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// serve starts a server for h on l and ends it with the test.
func serve(t *testing.T, l net.Listener, o web.Options) (*web.Server, *buffer) {
	t.Helper()
	var out buffer
	o.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := web.NewServer(o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, &out
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := web.ListenTCP(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// No part of a request may reach the log, whatever becomes of it: answered,
// unknown, refused by the server itself, or panicked over.
func TestLogHoldsNothingOfTheCaller(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ok/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("POST /panic/{id}", func(_ http.ResponseWriter, r *http.Request) { panic("value " + r.PathValue("id")) })
	l := loopback(t)
	_, out := serve(t, l, web.Options{Handler: mux})
	const planted = "jane.doe"
	for _, path := range []string{"/ok/", "/panic/", "/nowhere/"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+l.Addr().String()+path+planted+"?q="+planted, strings.NewReader(planted))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Note", planted)
		req.Header.Set("Authorization", "Bearer "+planted)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if path == "/panic/" && (res.StatusCode != 500 || strings.Contains(string(b), planted) || !strings.Contains(string(b), "req_")) {
			t.Errorf("a panic answers %d %s", res.StatusCode, b)
		}
		for _, h := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Cache-Control", "Strongroom-Request"} {
			if res.Header.Get(h) == "" {
				t.Errorf("%s: the answer lacks %s", path, h)
			}
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("CORS")
		}
	}
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = raw.Write([]byte("GET / HTTP/1.1\r\n" + planted + "\r\n\r\n"))
	_, _ = io.ReadAll(raw)
	_ = raw.Close()

	log := out.String()
	if strings.Contains(log, planted) || strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log holds something of the caller:\n%s", log)
	}
	if !strings.Contains(log, "POST /ok/{id}") || !strings.Contains(log, "handler panicked") {
		t.Errorf("the log does not name the routes:\n%s", log) // else the check above proves nothing
	}
}

func TestHalfAnAnswerIsCut(t *testing.T) {
	l := loopback(t)
	_, _ = serve(t, l, web.Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(http.Flusher).Flush()
		panic("late")
	})})
	res, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("half an answer reads like a whole one")
	}
}

func TestObligation_2_5_1_TLSOnly(t *testing.T) {
	dir := t.TempDir()
	cert, err := web.EnsureCertificate(dir, []string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := web.ListenTCP(t.Context(), "127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	s, out := serve(t, l, web.Options{TLS: web.TLSConfig(cert), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})})
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	dial := func(min, max uint16) error {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: min, MaxVersion: max})
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	for v, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		if err := dial(v, v); (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(v), err)
		}
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(b) != "HTTP/2.0" || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s, %v", b, res.Header)
	}
	// The planted negative: plain HTTP to the same port gets no handler.
	if res, err := http.Get("http://" + l.Addr().String()); err == nil {
		if res.StatusCode != 400 {
			t.Errorf("plain HTTP answered %d", res.StatusCode)
		}
		_ = res.Body.Close()
	}
	if s.Lost() == 0 || strings.Contains(out.String(), "handshake") {
		t.Errorf("failed handshakes: %d counted, log %s", s.Lost(), out.String())
	}
}

func TestPlainHTTPOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:80", "nonsense"} {
		if l, err := web.ListenTCP(t.Context(), addr, false); err == nil {
			_ = l.Close()
			t.Errorf("plain HTTP on %s", addr)
		}
	}
	l, err := web.ListenTCP(t.Context(), "0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// A listener opened for TLS and handed to a server without it.
	if err := web.NewServer(web.Options{Handler: http.NotFoundHandler()}).Serve(l); err == nil {
		t.Error("served plain HTTP on all addresses")
	}
}

func TestUnixSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	l, err := web.ListenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	serve(t, l, web.Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := web.ConnOf(r.Context())
		if !c.Unix || !c.Peer || c.UID != uint32(os.Getuid()) || c.Addr.IsValid() {
			t.Errorf("peer %+v", c)
		}
		if web.RequestID(w) == "" {
			t.Error("no request id")
		}
	})})
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("http://strongroom/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()

	// A dead server's socket is replaced, anything else is not.
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := web.ListenUnix(t.Context(), file); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("a file was replaced: %v", err)
	}
	dead := filepath.Join(dir, "dead")
	d, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	d.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = d.Close()
	again, err := web.ListenUnix(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	now := time.Now()
	first, err := web.EnsureCertificate(dir, []string{"localhost"}, now)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "tls.key")
	if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("key mode %v, %v", st.Mode(), err)
	}
	same, err := web.EnsureCertificate(dir, nil, now)
	if err != nil || web.Fingerprint(same) != web.Fingerprint(first) {
		t.Errorf("not kept: %v", err)
	}
	renewed, err := web.EnsureCertificate(dir, nil, now.Add(380*24*time.Hour))
	if err != nil || web.Fingerprint(renewed) == web.Fingerprint(first) {
		t.Errorf("not renewed: %v", err)
	}
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := web.EnsureCertificate(dir, nil, now); err == nil {
		t.Error("a key open to the group was taken")
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := web.EnsureCertificate(dir, nil, now); err == nil {
		t.Error("a certificate without its key was replaced")
	}
}

func TestSlowAndLargeHeaders(t *testing.T) {
	l := loopback(t)
	serve(t, l, web.Options{Handler: http.NotFoundHandler(), HeaderBytes: 4 << 10})
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 64<<10))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return // cut off while it was still sending: refused as well
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", res.StatusCode)
	}
}
