package apptest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"strongroom/internal/apptest"
)

// recorder is a proxy that writes down every byte of what passes, with its head.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen bytes.Buffer
}

func record(t *testing.T, to string) *recorder {
	t.Helper()
	target, err := url.Parse(to)
	must(t, err)
	p := &recorder{}
	note := func(text []byte, err error) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen.Write(text)
		return err
	}
	way := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(res *http.Response) error {
			return note(httputil.DumpResponse(res, true))
		},
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if note(httputil.DumpRequest(r, true)) == nil {
			way.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *recorder) part(name string) apptest.Part {
	p.mu.Lock()
	defer p.mu.Unlock()
	return apptest.Part{Name: name, Bytes: bytes.Clone(p.seen.Bytes())}
}

// TestObligation_3_1_5_NothingOnTheWire puts a recorder between the application and the
// instance while it walks every shop, writes with tokens and is refused, and another
// between the instance and the platform: the first sees no value, the second sees them.
func TestObligation_3_1_5_NothingOnTheWire(t *testing.T) {
	m := newMirrored(t)
	wire := record(t, m.URL)
	behind := record(t, m.platform.URL)
	for _, shop := range m.world.Stores() {
		base := wire.URL + "/ecartapi/" + m.stores[shop.Name]
		for _, call := range []string{shop.Version + "/orders?limit=25", shop.Version + "/customers?limit=25"} {
			for _, way := range []struct{ base, key string }{{base, m.Made.APIKey}, {behind.URL, shop.Token}} {
				pull(t, way.base, way.key, call)
			}
		}
		for _, path := range []string{"/store", "/orders/0", "/customers/none", "/orders/x/fulfillments", "/nothing"} {
			get(t, base+"/api/"+shop.Version+path, m.Made.APIKey) // most are refused, in the platform's words or ours
		}
	}
	tok := m.tokenOf(t, larkspur)
	req, err := http.NewRequest(http.MethodPut, wire.URL+m.path(larkspur, "v2/customers/1"), bytes.NewReader([]byte(`{"customer":{"email":"`+tok+`"}}`)))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+m.Made.APIKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Strongroom-Reference", "LL-1")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	must(t, err)
	must(t, res.Body.Close())

	var values []string
	for _, shop := range m.world.Stores() {
		for i := range shop.Orders {
			values = append(values, m.world.PII(shop.Name, i)...)
		}
	}
	scan := apptest.NewScanner(values)
	hits := scan.Scan(wire.part("between application and instance"))
	for _, h := range hits[:min(len(hits), 10)] {
		t.Errorf("on the wire: %v", h)
	}
	// The planted negative: the same recorder before the platform sees them.
	if n := len(scan.Scan(behind.part("before the platform"))); n == 0 {
		t.Error("the recorder sees nothing")
	}
	if part := wire.part(""); !bytes.Contains(part.Bytes, []byte("srt_")) || len(part.Bytes) < 100_000 {
		t.Errorf("%d bytes were recorded", len(part.Bytes))
	}
}
