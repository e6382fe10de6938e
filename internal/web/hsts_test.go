package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"strongroom/internal/web"
)

// TestObligation_2_5_1_HSTS: whatever is answered over TLS tells browsers to stay there:
// errors, redirects, refusals and panics too; what is answered without TLS does not.
func TestObligation_2_5_1_HSTS(t *testing.T) {
	cert, err := web.EnsureCertificate(t.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ok", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /moved", http.RedirectHandler("/ok", http.StatusSeeOther))
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("planted") })
	mux.HandleFunc("GET /refused", func(w http.ResponseWriter, _ *http.Request) { web.WriteProblem(w, context.Canceled, "") })
	for scheme, conf := range map[string]*tls.Config{"https": web.TLSConfig(cert), "http": nil} {
		l := loopback(t)
		serve(t, l, web.Options{TLS: conf, Handler: mux})
		raw := dialRaw(t, l.Addr().String(), scheme == "https")
		if _, err := raw.Write([]byte("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(raw), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Strict-Transport-Security") != ""; got != (scheme == "https") || resp.Header.Get("Strongroom-Request") == "" || resp.StatusCode < 400 {
			t.Errorf("%s OPTIONS *: %s, HSTS %v", scheme, resp.Status, got)
		}
		for _, h2 := range []bool{true, false} {
			tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: h2} // the header is the question
			t.Cleanup(tr.CloseIdleConnections)
			c := http.Client{Transport: tr, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for path, want := range map[string]int{"/ok": 200, "/moved": 303, "/panic": 500, "/refused": 0, "/none": 404} {
				resp, err := c.Get(scheme + "://" + l.Addr().String() + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if got := resp.Header.Get("Strict-Transport-Security") != ""; got != (scheme == "https") || want != 0 && resp.StatusCode != want {
					t.Errorf("%s %s %s: %d, HSTS %v", scheme, resp.Proto, path, resp.StatusCode, got)
				}
			}
		}
	}
}

func dialRaw(t *testing.T, addr string, overTLS bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if overTLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // the header is the question
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}
