package egress_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/egress"
)

// host is an HTTPS server of one name on loopback.
type host struct {
	*httptest.Server
	dialled atomic.Int64
	roots   *x509.CertPool
	port    string
}

func newHost(t *testing.T, h http.HandlerFunc) *host {
	t.Helper()
	s := &host{Server: httptest.NewUnstartedServer(h), roots: x509.NewCertPool()}
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			s.dialled.Add(1)
		}
	}
	s.Config.ErrorLog = nil
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	s.roots.AddCert(s.Certificate())
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.port = u.Port()
	return s
}

// options reach the host under its name, with its network allowed.
func (s *host) options(t *testing.T) egress.Options {
	t.Helper()
	o, err := egress.ParseOrigin("https://example.com:"+s.port, false) // httptest's certificate names it
	if err != nil {
		t.Fatal(err)
	}
	return egress.Options{
		Origin: o, Roots: s.roots, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Lookup: answers("127.0.0.1"),
	}
}

// answers is a resolver that gives one answer after the other, and the last for ever.
func answers(list ...string) func(context.Context, string) ([]netip.Addr, error) {
	var n atomic.Int64
	return func(context.Context, string) ([]netip.Addr, error) {
		text := list[min(int(n.Add(1)), len(list))-1]
		var out []netip.Addr
		for _, s := range strings.Fields(text) {
			out = append(out, netip.MustParseAddr(s))
		}
		return out, nil
	}
}

func get(t *testing.T, tr *egress.Transport, address string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr.RoundTrip(req)
}

// wantFault fails unless err is a fault of the code that says nothing of the host.
func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Code != code {
		t.Errorf("the error is %v, want code %s", err, code)
		return
	}
	for _, s := range []string{"example", "127.0.0.1", "secret"} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the fault repeats %q: %v", s, err)
		}
	}
}

func TestReach(t *testing.T) {
	s := newHost(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+" "+r.Host) })
	tr := egress.New(s.options(t))
	res, err := get(t, tr, "https://example.com:"+s.port+"/x")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || string(text) != "HTTP/2.0 example.com:"+s.port {
		t.Errorf("the answer is %q, %v", text, err)
	}
	res.Body.Close()
	tr.CloseIdle()
}

func TestElsewhere(t *testing.T) {
	s := newHost(t, func(http.ResponseWriter, *http.Request) {})
	tr := egress.New(s.options(t))
	for _, address := range []string{"https://example.org:" + s.port + "/", "https://example.com/", "http://example.com:" + s.port + "/", "https://me@example.com:" + s.port + "/"} {
		_, err := get(t, tr, address)
		wantFault(t, err, "egress-host")
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com:"+s.port+"/", nil)
	req.Host = "secret.example.org"
	_, err := tr.RoundTrip(req)
	wantFault(t, err, "egress-host")
	if n := s.dialled.Load(); n != 0 {
		t.Errorf("the host was dialled %d times", n)
	}
}

// TestRebinding names a host that is public when it is looked at and private when
// it is dialled.
func TestRebinding(t *testing.T) {
	s := newHost(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		looks []string
		check bool // what the look beforehand says
	}{
		"private":          {[]string{"127.0.0.1"}, false},
		"rebound":          {[]string{"93.184.215.14", "127.0.0.1"}, true},
		"one of two":       {[]string{"93.184.215.14 127.0.0.1"}, false},
		"mapped":           {[]string{"::ffff:127.0.0.1"}, false},
		"metadata service": {[]string{"169.254.169.254"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.options(t)
			o.Allow, o.Lookup = nil, answers(c.looks...)
			tr := egress.New(o)
			if err := tr.Check(t.Context()); (err == nil) != c.check {
				t.Errorf("the look beforehand says %v", err)
			}
			_, err := get(t, tr, "https://example.com:"+s.port+"/")
			wantFault(t, err, "egress-address")
		})
	}
	if n := s.dialled.Load(); n != 0 {
		t.Errorf("the private host was dialled %d times", n)
	}
}

func TestPlainIsLoopback(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer s.Close()
	o, err := egress.ParseOrigin(s.URL, true)
	if err != nil {
		t.Fatal(err)
	}
	loop := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	res, err := get(t, egress.New(egress.Options{Origin: o, Allow: loop}), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	_, err = get(t, egress.New(egress.Options{Origin: o}), s.URL)
	wantFault(t, err, "egress-address")
	far, _ := egress.ParseOrigin("http://shop.internal:80", true)
	for _, a := range []string{"93.184.215.14", "10.0.0.1"} {
		_, err = get(t, egress.New(egress.Options{Origin: far, Allow: loop, Lookup: answers(a)}), "http://shop.internal/")
		wantFault(t, err, "egress-plain")
	}
}

func TestCertificates(t *testing.T) {
	s := newHost(t, func(http.ResponseWriter, *http.Request) {})
	address := "https://example.com:" + s.port + "/"
	o := s.options(t)
	o.Roots = x509.NewCertPool()
	_, err := get(t, egress.New(o), address)
	wantFault(t, err, "egress-certificate")

	o = s.options(t)
	o.Pins = []egress.Pin{{1}}
	_, err = get(t, egress.New(o), address)
	wantFault(t, err, "egress-pin")

	o.Pins = append(o.Pins, sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo))
	res, err := get(t, egress.New(o), address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()

	// The right certificate under another name.
	other, _ := egress.ParseOrigin("https://shop.test:"+s.port, false)
	o.Origin = other
	_, err = get(t, egress.New(o), "https://shop.test:"+s.port+"/")
	wantFault(t, err, "egress-certificate")
}

func TestOldTLS(t *testing.T) {
	for name, conf := range map[string]*tls.Config{
		"1.1":        {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"weak suite": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.TLS = conf
			s.StartTLS()
			defer s.Close()
			u, _ := url.Parse(s.URL)
			h := &host{Server: s, roots: x509.NewCertPool(), port: u.Port()}
			h.roots.AddCert(s.Certificate())
			_, err := get(t, egress.New(h.options(t)), "https://example.com:"+h.port+"/")
			wantFault(t, err, "egress-reach")
		})
	}
}

func TestRedirects(t *testing.T) {
	s := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/not-modified":
			w.WriteHeader(http.StatusNotModified)
		case "/permanent":
			http.Redirect(w, r, "http://169.254.169.254/secret", http.StatusPermanentRedirect)
		default:
			http.Redirect(w, r, "/landed", http.StatusFound)
		}
	})
	tr := egress.New(s.options(t))
	for _, p := range []string{"/permanent", "/found"} {
		_, err := get(t, tr, "https://example.com:"+s.port+p)
		wantFault(t, err, "egress-redirect")
	}
	res, err := get(t, tr, "https://example.com:"+s.port+"/not-modified")
	if err != nil || res.StatusCode != http.StatusNotModified {
		t.Errorf("304 is no redirect: %v", err)
	}
}

func TestBounds(t *testing.T) {
	stop := make(chan struct{})
	s := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			io.WriteString(w, strings.Repeat("x", 1000))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("secret ", 1000)); err != nil {
					return
				}
			}
		case "/bomb": // says it is compressed: it is passed on as it is
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "never decompressed")
		case "/silent":
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		case "/stands":
			io.WriteString(w, "a part")
			w.(http.Flusher).Flush()
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 100_000))
		}
	})
	defer close(stop)
	o := s.options(t)
	o.Limits = egress.Limits{BodyBytes: 1000}
	tr := egress.New(o)
	read := func(path string) (string, error) {
		res, err := get(t, tr, "https://example.com:"+s.port+path)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	if text, err := read("/exact"); err != nil || len(text) != 1000 {
		t.Errorf("a body as large as allowed: %d bytes, %v", len(text), err)
	}
	if text, err := read("/bomb"); err != nil || text != "never decompressed" {
		t.Errorf("a compressed body: %q, %v", text, err)
	}
	text, err := read("/endless")
	if wantFault(t, err, "egress-body"); len(text) > 1000 {
		t.Errorf("%d bytes of an endless body were read", len(text))
	}
	if _, err = read("/header"); err == nil {
		t.Error("an endless header passes")
	}
	o.Limits = egress.Limits{Quiet: 100 * time.Millisecond}
	tr = egress.New(o)
	_, err = read("/stands")
	wantFault(t, err, "egress-reach")
	o.Limits = egress.Limits{FirstByte: 100 * time.Millisecond}
	tr = egress.New(o)
	_, err = read("/silent")
	wantFault(t, err, "egress-time")
	o.Limits = egress.Limits{Total: 100 * time.Millisecond}
	tr = egress.New(o)
	_, err = read("/silent")
	wantFault(t, err, "egress-time")
}

// TestManyAddresses: of a name that leads to very many addresses a few are tried, and
// one that is not public refuses the name wherever it stands.
func TestManyAddresses(t *testing.T) {
	s := newHost(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		place int // of the one address that answers
		last  string
		want  string
	}{
		"among the first": {3, "127.0.2.9", ""},
		"far behind":      {4, "127.0.2.9", "egress-reach"},
		"not public":      {0, "10.0.0.8", "egress-address"},
	} {
		list := make([]string, 0, 100)
		for i := range 99 {
			if i == c.place {
				list = append(list, "127.0.0.1")
			} else {
				list = append(list, "127.0.1.1") // where nobody listens
			}
		}
		list = append(list, c.last)
		o := s.options(t)
		o.Lookup = func(context.Context, string) (out []netip.Addr, err error) {
			for _, a := range list {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		}
		tr := egress.New(o)
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, o.Origin.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := tr.RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
			tr.CloseIdle()
		}
		f, _ := errors.AsType[*strongroom.Fault](err)
		if c.want == "" && err != nil || c.want != "" && (f == nil || f.Code != c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
