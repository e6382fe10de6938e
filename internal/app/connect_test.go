package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/sim"
)

// written is a log that many write to.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// merchant is the browser of a shop's owner before an instance and EcartAPI.
type merchant struct {
	t    *testing.T
	dir  string
	base string
	app  string
	sim  *sim.Sim
	log  *written
	c    *http.Client
}

// visitor serves an instance with an application at EcartAPI.
func visitor(t *testing.T) *merchant {
	t.Helper()
	o := &merchant{t: t, sim: sim.New(sim.Options{Seed: 7, Orders: 6, Dead: -1, Stores: sim.DefaultStores()[:2], Now: time.Now()}), log: new(written)}
	ecart := httptest.NewServer(o.sim.Handler())
	t.Cleanup(ecart.Close)
	o.dir = filepath.Join(t.TempDir(), "data")
	conf := app.Config{Environment: strongroom.Test, TLS: "off", Listen: "127.0.0.1:0", EcartAPI: ecart.URL, EcartOAuth: ecart.URL + "/oauth"}
	if _, err := app.Init(t.Context(), o.dir, conf, app.FirstOwner{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Dir: o.dir, Log: slog.New(slog.NewJSONHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan string, 1)
	go func() { done <- a.Serve(ctx, func(url string) { ready <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	o.base = <-ready
	o.c = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, body := post(t, o.dir, "/v1/apps", fmt.Sprintf(`{"name":"Nopalito Ships","app_id":%q,"client_id":%q}`, sim.AppID, o.sim.ClientID()))
	var made struct{ ID string }
	if status != http.StatusCreated || json.Unmarshal([]byte(body), &made) != nil {
		t.Fatalf("%d %s", status, body)
	}
	o.app = made.ID
	o.sim.SetCallback(o.base + "/connect/" + o.app + "/callback")
	return o
}

func (o *merchant) get(address, cookie string) (*http.Response, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := o.c.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res, string(text)
}

// TestOwnerConnects walks the way of a shop's owner: the page, EcartAPI, the callback,
// a clean address. What the query brought is in no log, no header, no page and not in
// the database; what is forged or comes again is refused and is an event.
func TestOwnerConnects(t *testing.T) {
	o := visitor(t)
	res, page := o.get(o.base+"/connect/"+o.app, "")
	cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	i := strings.Index(page, `href="http`)
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "Nopalito Ships") || cookie == "" || i < 0 {
		t.Fatalf("%d %s", res.StatusCode, page)
	}
	away, _, _ := strings.Cut(page[i+len(`href="`):], `"`)
	res, _ = o.get(away, "")
	callback := res.Header.Get("Location")
	if res.StatusCode != http.StatusFound || !strings.HasPrefix(callback, o.base+"/connect/") {
		t.Fatalf("EcartAPI sends on to %q", callback)
	}
	res, body := o.get(callback, cookie)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/connect/"+o.app+"/done" ||
		res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" || body != "" {
		t.Fatalf("%d %v %q", res.StatusCode, res.Header, body)
	}
	seen := fmt.Sprint(res.Header, body)
	res, body = o.get(o.base+res.Header.Get("Location"), "")
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "connected") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	q, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	forged := q.Query()
	forged.Set("ecartapi_key", "5JVd4xZgtnUxO44hY6mra22JQSuM9nNjAxIShsl3D2E=")
	unsigned := q.Query()
	unsigned.Del("ecartapi_key")
	for name, query := range map[string]string{
		"again": q.RawQuery, "forged": forged.Encode(), "unsigned": unsigned.Encode(), "empty": "",
		"twice": q.RawQuery + "&access_token=x", "large": q.RawQuery + "&x=" + strings.Repeat("a", 9000),
	} {
		res, body := o.get(o.base+"/connect/"+o.app+"/callback?"+query, cookie)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/connect/"+o.app+"/refused" {
			t.Errorf("%s: %d %v %s", name, res.StatusCode, res.Header, body)
		}
		seen += fmt.Sprint(res.Header, body)
	}
	if res, _ := o.get(o.base+"/connect/"+o.app+"/refused", ""); res.StatusCode != http.StatusForbidden {
		t.Errorf("the page of a refusal: %d", res.StatusCode)
	}
	if res, _ := o.get(o.base+"/connect/"+strongroom.NewID("app")+"/callback?"+q.RawQuery, ""); res.StatusCode != http.StatusSeeOther {
		t.Errorf("an application nobody knows: %d", res.StatusCode)
	}
	o.refusalsAreEvents()
	_, list := get(t, o.dir, "/v1/stores")
	_, creds := get(t, o.dir, "/v1/credentials")
	if strings.Count(list, `"connected"`) != 1 || !strings.Contains(creds, `"application"`) {
		t.Errorf("stores %s, credentials %s", list, creds)
	}
	o.nowhere(q.Query(), seen+list+creds)
}

// refusalsAreEvents waits until the counted refusals are written.
func (o *merchant) refusalsAreEvents() {
	o.t.Helper()
	for late := time.Now().Add(time.Minute); ; {
		_, log := get(o.t, o.dir, "/v1/audit/events?limit=200")
		if strings.Contains(log, "unknown-caller") && strings.Contains(log, "callback-used") {
			return
		}
		if time.Now().After(late) {
			o.t.Fatalf("refused callbacks are no events: %s", log)
		}
		time.Sleep(100 * time.Millisecond) // the events are written once a second
	}
}

// nowhere looks for what a callback brought in all that the instance wrote.
func (o *merchant) nowhere(q url.Values, seen string) {
	o.t.Helper()
	places := map[string]string{"an answer": seen, "the operational log": o.log.String()}
	for _, name := range []string{"strongroom.db", "strongroom.db-wal"} {
		if b, err := os.ReadFile(filepath.Join(o.dir, name)); err == nil {
			places[name] = string(b)
		}
	}
	if !strings.Contains(places["the operational log"], "/connect/{app}/callback") || len(places["strongroom.db"])+len(places["strongroom.db-wal"]) < 1000 {
		o.t.Error("the log or the database was not read: the test looks in the wrong place")
	}
	for what := range q {
		if what == "ecommerce" || what == "url" {
			continue // a platform is a word of the log; the host names the store for whoever lists stores
		}
		for place, text := range places {
			if strings.Contains(text, q.Get(what)) || strings.Contains(text, url.QueryEscape(q.Get(what))) {
				o.t.Errorf("%s holds %s of the callback", place, what)
			}
		}
	}
	if strings.Contains(places["strongroom.db"]+places["strongroom.db-wal"], o.sim.ClientID()) {
		o.t.Error("the database holds the client id")
	}
}

// TestBaseURLOfAStore: an address of a store's own leads to public hosts alone; loopback
// is for test instances.
func TestBaseURLOfAStore(t *testing.T) {
	o := visitor(t)
	token := o.sim.Stores()[0].Token
	for base, want := range map[string]int{
		"http://127.0.0.1:9": http.StatusCreated, "https://10.0.0.1": http.StatusForbidden, "https://169.254.169.254": http.StatusForbidden,
		"http://93.184.215.14": http.StatusForbidden, "https://user@93.184.215.14": http.StatusBadRequest,
	} {
		status, body := post(t, o.dir, "/v1/stores", fmt.Sprintf(`{"name":"larkspur","platform":"shopify","token":%q,"base_url":%q}`, token, base))
		if status != want {
			t.Errorf("%s: %d %s", base, status, body)
		}
		if strings.Contains(body, token) || status != http.StatusCreated && strings.Contains(body, base) {
			t.Errorf("%s: the answer repeats what was sent: %s", base, body)
		}
	}
}
