package web_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/web"
)

// asked returns what a server that trusts some proxies takes for the caller's
// address, or the status it refuses with.
func asked(t *testing.T, proxies []string, header ...[2]string) (string, *web.Server) {
	t.Helper()
	var trusted []netip.Prefix
	for _, p := range proxies {
		trusted = append(trusted, netip.MustParsePrefix(p))
	}
	l := loopback(t)
	s, _ := serve(t, l, web.Options{Proxies: trusted, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, web.ConnOf(r.Context()).Addr.String())
	})})
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		req.Header.Add(h[0], h[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return res.Status, s
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), s
}

func TestForwardedCallers(t *testing.T) {
	const xff, fwd, refused = "X-Forwarded-For", "Forwarded", "400 Bad Request"
	proxies := []string{"127.0.0.0/8", "10.1.0.0/16", "2001:db8:f::/48"}
	many := "192.0.2.9"
	for range 16 {
		many += ", 10.1.0.1"
	}
	for name, x := range map[string]struct {
		header [][2]string
		want   string
	}{
		"nothing is said":                     {nil, refused},
		"the caller":                          {[][2]string{{xff, "192.0.2.9"}}, "192.0.2.9"},
		"what the caller wrote is left":       {[][2]string{{xff, "198.51.100.1, 192.0.2.9"}}, "192.0.2.9"},
		"through two proxies":                 {[][2]string{{xff, "198.51.100.1, 192.0.2.9, 10.1.2.3"}}, "192.0.2.9"},
		"in several lines":                    {[][2]string{{xff, "198.51.100.1"}, {xff, "192.0.2.9"}, {xff, "10.1.2.3"}}, "192.0.2.9"},
		"garbage left of the caller":          {[][2]string{{xff, "'; drop, unknown, 192.0.2.9"}}, "192.0.2.9"},
		"a forged proxy left of the caller":   {[][2]string{{xff, "198.51.100.1, 10.1.0.9, 192.0.2.9"}}, "192.0.2.9"},
		"a proxy calls for itself":            {[][2]string{{xff, "10.1.0.9"}}, "10.1.0.9"},
		"with a port":                         {[][2]string{{xff, "192.0.2.9:4711"}}, "192.0.2.9"},
		"IPv6":                                {[][2]string{{xff, "2001:db8::7"}}, "2001:db8::7"},
		"IPv6 in brackets with a port":        {[][2]string{{xff, "[2001:db8::7]:4711"}}, "2001:db8::7"},
		"IPv4 spelled as IPv6":                {[][2]string{{xff, "::ffff:192.0.2.9"}}, "192.0.2.9"},
		"RFC 7239":                            {[][2]string{{fwd, `for=198.51.100.1, for=192.0.2.9;proto=https;by=10.1.0.1`}}, "192.0.2.9"},
		"RFC 7239 with IPv6":                  {[][2]string{{fwd, `For="[2001:db8::7]:4711"`}}, "2001:db8::7"},
		"both say the same":                   {[][2]string{{xff, "192.0.2.9"}, {fwd, "for=192.0.2.9"}}, "192.0.2.9"},
		"both, and one is forged":             {[][2]string{{xff, "192.0.2.9"}, {fwd, "for=198.51.100.1"}}, refused},
		"hidden":                              {[][2]string{{fwd, "for=_hidden"}}, refused},
		"unknown":                             {[][2]string{{fwd, "for=unknown"}}, refused},
		"no for":                              {[][2]string{{fwd, "proto=https"}}, refused},
		"for twice":                           {[][2]string{{fwd, "for=192.0.2.9;for=198.51.100.1"}}, refused},
		"a comma inside quotes":               {[][2]string{{fwd, `for=192.0.2.9, for="198.51.100.1,"`}}, refused},
		"empty":                               {[][2]string{{xff, ""}}, refused},
		"an empty last element":               {[][2]string{{xff, "192.0.2.9,"}}, refused},
		"garbage where the proxy wrote":       {[][2]string{{xff, "192.0.2.9, me"}}, refused},
		"a name":                              {[][2]string{{xff, "localhost"}}, refused},
		"more proxies than anybody has":       {[][2]string{{xff, many}}, refused},
		"a zone is dropped":                   {[][2]string{{xff, "fe80::1%eth0"}}, "fe80::1"},
		"an element far too long":             {[][2]string{{xff, "192.0.2.9" + strings.Repeat("0", 64)}}, refused},
		"private addresses are not trusted":   {[][2]string{{xff, "198.51.100.1, 10.2.0.1"}}, "10.2.0.1"},
		"the caller claims to be the host":    {[][2]string{{xff, "127.0.0.1, 192.0.2.9"}}, "192.0.2.9"},
		"the caller claims another, RFC 7239": {[][2]string{{fwd, "for=127.0.0.1"}, {fwd, "for=192.0.2.9"}}, "192.0.2.9"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := asked(t, proxies, x.header...); got != x.want {
				t.Errorf("taken for %s, want %s", got, x.want)
			}
		})
	}
}

// A trusted proxy that names nobody is not taken for the caller, but where it looks
// whether the server lives.
func TestProxiesThatNameNobody(t *testing.T) {
	call := func(proxies []netip.Prefix, method, path string, header ...string) (int, string) {
		l := loopback(t)
		serve(t, l, web.Options{Proxies: proxies, Probes: []string{"/healthz", "/readyz"}, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range header {
			req.Header.Set("X-Forwarded-For", h)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, x := range []struct{ method, path string }{{"GET", "/"}, {"POST", "/v1/find"}, {"POST", "/healthz"}, {"GET", "/healthz/"}, {"GET", "/v1/healthz"}, {"GET", "/readyz/.."}} {
		status, body := call(trusted, x.method, x.path)
		if status != http.StatusBadRequest || !strings.Contains(body, `"`+web.CodeForwarded+`"`) || !strings.Contains(body, "X-Forwarded-For") {
			t.Errorf("%s %s is answered %d %s", x.method, x.path, status, body)
		}
		if status, _ := call(trusted, x.method, x.path, "192.0.2.9"); status != http.StatusOK { // planted: it names somebody
			t.Errorf("%s %s for somebody is answered %d", x.method, x.path, status)
		}
		if status, _ := call(nil, x.method, x.path); status != http.StatusOK { // planted: it is no proxy
			t.Errorf("%s %s of no proxy is answered %d", x.method, x.path, status)
		}
	}
	for _, x := range []struct{ method, path string }{{"GET", "/healthz"}, {"HEAD", "/readyz"}, {"GET", "/readyz?verbose"}} {
		if status, _ := call(trusted, x.method, x.path); status != http.StatusOK {
			t.Errorf("%s %s is answered %d", x.method, x.path, status)
		}
	}
}

// Nobody is believed by default, nor a proxy that is not named; both are counted.
func TestForwardedHeadersOfStrangersCountForNothing(t *testing.T) {
	for name, proxies := range map[string][]string{"none is trusted": nil, "another is": {"10.1.0.0/16", "127.0.0.2/32"}} {
		t.Run(name, func(t *testing.T) {
			got, s := asked(t, proxies, [2]string{"X-Forwarded-For", "192.0.2.9"}, [2]string{"Forwarded", "for=198.51.100.1"})
			if got != "127.0.0.1" {
				t.Errorf("taken for %s", got)
			}
			if s.Unheard() != 1 {
				t.Errorf("%d were counted", s.Unheard())
			}
		})
	}
	if _, s := asked(t, nil); s.Unheard() != 0 {
		t.Error("a call that says nothing was counted")
	}
}

// A call that a trusted proxy makes for nobody is told of, with the proxy's address;
// one that it makes for somebody, or for itself, is not.
func TestForwardedRefusalsAreTold(t *testing.T) {
	var told []string
	l := loopback(t)
	serve(t, l, web.Options{
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Probes: []string{"/healthz"},
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Refused: func(_ context.Context, proxy netip.Addr, code string) { told = append(told, proxy.String()+" "+code) },
	})
	for _, x := range []struct{ path, header string }{{"/", ""}, {"/", "nobody"}, {"/", "192.0.2.9"}, {"/healthz", ""}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+x.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if x.header != "" {
			req.Header.Set("X-Forwarded-For", x.header)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if want := []string{"127.0.0.1 forwarded", "127.0.0.1 forwarded"}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}
