package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/db"
)

const (
	pageOrders = 50 // of a page of the mirror, some 60 KB
	pageCount  = 20 // pages that are asked for again and again
	mirrorDuel = 7  // rounds at least: a new page is short work, and the disk has its moods
)

// upstream stands for the platform: page n holds the shop's orders from 50n on. Pages
// are made before they are measured.
type upstream struct {
	*httptest.Server
	mu    sync.RWMutex
	pages map[string][]byte
	long  int    // bytes of the long page
	look  func() // while it passes
}

func newUpstream() *upstream {
	u := &upstream{pages: make(map[string][]byte)}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == longName {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			u.stream(w)
			return
		}
		u.mu.RLock()
		page := u.pages[r.URL.Query().Get("page")]
		u.mu.RUnlock()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page) // the caller may have gone
	}))
	return u
}

// make makes n pages of orders that nobody was given yet, and returns their numbers.
func (b *bench) makePages(u *upstream, n int) (names []string) {
	for range n {
		orders := b.next(pageOrders)
		text := []byte(`{"success":true,"orders":[`)
		for i, o := range orders {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(text, o.body...)
		}
		text = append(text, `],"page":{"next":null,"previous":null}}`...)
		name := strconv.Itoa(b.sold)
		u.mu.Lock()
		u.pages[name] = text
		u.mu.Unlock()
		names = append(names, name)
	}
	return names
}

// forget drops pages that are asked for no more.
func (u *upstream) forget(names []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range names {
		delete(u.pages, name)
	}
}

// passing has fetch take an answer of some bytes, and returns how many bytes were alive
// at most meanwhile, beyond what was before.
func (u *upstream) passing(bytes int, fetch func(name string) error) (most int64, err error) {
	alive := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := alive()
	u.mu.Lock()
	u.long, u.look = bytes, func() { most = max(most, alive()-before) }
	u.mu.Unlock()
	err = fetch(longName)
	u.mu.Lock() // the answer has ended
	defer u.mu.Unlock()
	return most, err
}

// longName is the page that is as long as one wants.
const longName = "long"

// stream answers with the orders of the pages there are, again and again, and looks
// ten times how the process stands.
func (u *upstream) stream(w http.ResponseWriter) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	const begin, end = `{"success":true,"orders":[`, `],"page":{"next":null,"previous":null}}`
	sep := begin
	for n, looked := 0, 0; n < u.long; {
		for _, page := range u.pages {
			part, err := io.WriteString(w, sep+string(page[len(begin):len(page)-len(end)]))
			if err != nil {
				return // the caller has gone, and says so
			}
			sep, n = ",", n+part
			if n-looked > u.long/10 {
				looked = n
				u.look()
			}
		}
	}
	_, _ = io.WriteString(w, end) // as above
}

// page fetches a page through a door and checks that it came whole.
func (d *door) page(ctx context.Context, path, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+path+"/orders?page="+name, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	res, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := readPage(res.Body, name)
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("a page was answered %d: %s", res.StatusCode, text[:min(len(text), 300)])
	case len(text) < pageOrders*500 || !bytes.HasSuffix(text, []byte(`}}`)):
		return wrong("a page is not whole")
	}
	return nil
}

// readPage reads a page, of a long one the end alone.
func readPage(r io.Reader, name string) ([]byte, error) {
	if name != longName {
		return io.ReadAll(r)
	}
	end := make([]byte, 2*pageOrders*500) // what is kept is at least half of it
	for at := 0; ; {
		n, err := io.ReadFull(r, end[at:])
		if at += n; errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return end[:at], nil
		} else if err != nil {
			return nil, err
		}
		at = copy(end, end[len(end)/2:])
	}
}

// mirror measures the mirror beside a plain reverse proxy: the same server, TLS and
// platform, and a key that is compared in constant time.
func (b *bench) mirror(ctx context.Context) (err error) {
	up := newUpstream()
	defer up.Close()
	i, err := b.mirrored(ctx, up.URL)
	if err != nil {
		return err
	}
	f, err := openFloor(ctx, b.at, "mirror-floor")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), b.at.drop(ctx, "mirror-floor")) }()
	dir, err := b.at.folder("mirror-tls")
	if err != nil {
		return err
	}
	p, err := newProxy(f, up.URL)
	if err != nil {
		return err
	}
	fd, stop, err := p.serve(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return i.serving(ctx, func(pd *door) error { return b.mirrors(ctx, up, fd, pd) })
}

// newProxy is the floor's proxy: pages pass as they are under /known, and are stored
// row by row in one commit under /new.
func newProxy(f *floor, base string) (*plain, error) {
	target, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	p := newPlain(f)
	forward := func(modify func(*http.Response) error) http.Handler {
		return &httputil.ReverseProxy{
			Transport: &http.Transport{MaxIdleConnsPerHost: 2 * manyAtOnce, DialContext: (&net.Dialer{}).DialContext},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Header.Set("Authorization", "Bearer upstream")
			},
			ModifyResponse: modify,
		}
	}
	p.mux.Handle("GET /known/orders", p.guarded(forward(nil)))
	p.mux.Handle("GET /new/orders", p.guarded(forward(func(res *http.Response) error {
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		res.Body = io.NopCloser(bytes.NewReader(text))
		var page struct{ Orders []json.RawMessage }
		if err := json.Unmarshal(text, &page); err != nil {
			return err
		}
		bodies := make([][]byte, len(page.Orders))
		for i, o := range page.Orders {
			bodies[i] = o
		}
		return f.ingestPage(res.Request.Context(), bodies)
	})))
	return p, nil
}

// mirrored makes an instance whose only store's platform is at base.
func (b *bench) mirrored(ctx context.Context, base string) (*instance, error) {
	root, err := b.at.folder("mirror")
	if err != nil {
		return nil, err
	}
	certificates := filepath.Join(root, "tls")
	if err := makeCertificate(certificates); err != nil {
		return nil, err
	}
	c := app.Config{
		Environment: strongroom.Test, Listen: "127.0.0.1:0", TLS: "file", EcartAPI: base,
		Certificate: filepath.Join(certificates, "tls.crt"), CertificateKey: filepath.Join(certificates, "tls.key"),
	}
	if b.at.engine == db.Postgres {
		if c.Database, err = b.at.database(ctx, "mirror"); err != nil {
			return nil, err
		}
	}
	made, err := app.Init(ctx, filepath.Join(root, "data"), c, app.FirstOwner{}, nil)
	if err != nil {
		return nil, err
	}
	i := &instance{dir: made.Data, key: made.APIKey, certificate: c.Certificate}
	return i, i.serving(ctx, func(d *door) error {
		text, _, err := d.call(ctx, "POST", "/v1/stores", typeJSON, []byte(`{"name":"Larkspur Lane","platform":"`+shopPlatform+`"}`))
		if err != nil {
			return err
		}
		var store struct{ ID string }
		if err := json.Unmarshal(text, &store); err != nil {
			return err
		}
		i.store = store.ID
		_, _, err = d.call(ctx, "PUT", "/v1/stores/"+store.ID+"/credential", typeJSON, []byte(`{"access_token":"upstream"}`))
		return err
	})
}

func (b *bench) mirrors(ctx context.Context, up *upstream, fd, pd *door) error {
	path := "/ecartapi/" + pd.store + "/api/v2"
	known := b.makePages(up, pageCount)
	for _, name := range known { // the first time they are new
		if err := pd.page(ctx, path, name); err != nil {
			return err
		}
	}
	ask := func(d *door, path string) func(int) (outcome, error) {
		return func(int) (outcome, error) {
			return load(manyAtOnce, 1<<30, b.slice, func(i int) error { return d.page(ctx, path, known[i%len(known)]) })
		}
	}
	ff, fp, err := duel(b.rounds, ask(fd, "/known"), ask(pd, path))
	if err != nil {
		return err
	}
	b.addDuel("mirror: known pages", manyAtOnce, 0.3, ff, fp, "pages of 50 orders, some 60 KB; the floor is a reverse proxy")
	if err := b.added(ctx, known, path, fd, pd, ff.rate/5); err != nil {
		return err
	}
	if err := b.newPages(ctx, up, path, fd, pd); err != nil {
		return err
	}
	return b.longAnswers(ctx, up, path, pd)
}

// newPages measures pages that nobody has seen. Those of a round are made before it and
// forgotten behind it.
func (b *bench) newPages(ctx context.Context, up *upstream, path string, fd, pd *door) error {
	rounds := max(b.rounds, mirrorDuel)
	var fresh []string
	bring := func(d *door, path string, turn int) func(int) (outcome, error) {
		return func(r int) (outcome, error) {
			if r%2 == turn { // who begins the round has its pages made
				up.forget(fresh)
				fresh = b.makePages(up, b.pages)
			}
			return load(bulkAtOnce, b.pages, 0, func(i int) error { return d.page(ctx, path, fresh[i]) })
		}
	}
	f, p, err := duel(rounds, bring(fd, "/new", 0), bring(pd, path, 1))
	if err != nil {
		return err
	}
	b.addDuel("mirror: new pages", bulkAtOnce, 0.5, f, p, "the floor is a proxy that stores the same rows in one commit a page")
	return nil
}

// longAnswers measures what is alive at most while a long answer passes, beside one of
// a tenth of it.
func (b *bench) longAnswers(ctx context.Context, up *upstream, path string, d *door) error {
	var alive [2]float64
	for i, size := range []int{b.long / 10, b.long} {
		var most []float64
		for range b.rounds {
			n, err := up.passing(size, func(name string) error { return d.page(ctx, path, name) })
			if err != nil {
				return err
			}
			most = append(most, float64(n)/(1<<20))
		}
		alive[i] = median(most)
	}
	note := fmt.Sprintf("of an answer of %d MB beside one of %d MB", b.long/1e6, b.long/10/1e6)
	b.add(Row{Name: "mirror: memory of long answers", Callers: 1, Unit: "MiB", Bar: 1.5, Note: note, Product: alive[1], Floor: alive[0]}, true)
	return nil
}

// added measures what the mirror adds to a call at a rate that leaves the machine
// time: calls begin at their times, whether others have ended or not.
func (b *bench) added(ctx context.Context, known []string, path string, fd, pd *door, rate float64) error {
	at := func(d *door, path string) func(int) (outcome, error) {
		return func(int) (outcome, error) {
			return paced(rate, 2*b.slice, func(i int) error { return d.page(ctx, path, known[i%len(known)]) })
		}
	}
	ff, fp, err := duel(b.rounds, at(fd, "/known"), at(pd, path))
	if err != nil {
		return err
	}
	note := fmt.Sprintf("at %.0f pages a second, a fifth of what the proxy can", rate)
	for _, row := range []struct {
		name           string
		product, floor time.Duration
		bar            float64
	}{{"mirror: added p50", fp.p50, ff.p50, 2}, {"mirror: added p99", fp.p99, ff.p99, 10}} {
		b.add(Row{Name: row.name, Unit: "ms", Bar: row.bar, Note: note, Product: float64((row.product - row.floor).Microseconds()) / 1000}, true)
	}
	return nil
}

// paced begins rate calls a second for a time and waits for all of them.
func paced(rate float64, d time.Duration, op func(i int) error) (outcome, error) {
	n := max(1, int(rate*d.Seconds()))
	lats, errs := make([]time.Duration, n), make([]error, n)
	begun, spent := time.Now(), cpuTime()
	var wg sync.WaitGroup
	for i := range n {
		due := begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		wg.Go(func() {
			errs[i] = op(i)
			lats[i] = time.Since(due)
		})
	}
	wg.Wait()
	return outcome{ops: n, took: time.Since(begun), lats: slices.Clone(lats), cpu: cpuTime() - spent}, errors.Join(errs...)
}
