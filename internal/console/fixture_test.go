package console_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"flag"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/tls"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/console"
	"strongroom/internal/db"
	"strongroom/internal/device"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/identity"
	"strongroom/internal/logbook"
	"strongroom/internal/people"
	"strongroom/internal/seal"
	"strongroom/internal/session"
	"strongroom/internal/web"
)

var update = flag.Bool("update", false, "write golden files anew")

const (
	ownerName  = "Ottilie Vandersmissen"
	ownerEmail = "ottilie@vandersmissen.example"
	goodWords  = "Grau-7-Nebel-Ufer!"
	nextWords  = "Blau-8-Regen-Pfad!"
	firefox    = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
)

// fixture is the console over real parts, served over TLS on loopback.
type fixture struct {
	t        testing.TB
	env      strongroom.Environment
	base     string
	cert     *x509.Certificate
	log      *audit.Log
	people   *people.People
	devices  *device.Devices
	sessions *session.Sessions
	access   *access.Access
	clock    *strongroom.Clock // of the data
	real     *strongroom.Clock // as sign-ins know it
	words    *buffer           // the operational log
	mu       sync.Mutex
	refused  []string // codes of refusals of nobody
}

func serve(t testing.TB, change func(*console.Options)) *fixture {
	t.Helper()
	return serveIn(t, strongroom.Test, change)
}

func serveIn(t testing.TB, env strongroom.Environment, change func(*console.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, env: env, clock: new(strongroom.Clock), real: new(strongroom.Clock), words: new(buffer)}
	ground := guardtest.Open(t, f.clock, identity.Schema(), people.Schema(), device.Schema(), session.Schema(), access.Schema())
	f.log = ground.Log
	g := ground.Start(t, env, guard.Options{Real: f.real})
	l, err := web.ListenTCP(context.Background(), "127.0.0.1:0", true)
	f.must(err)
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	f.base = "https://localhost:" + port
	f.openPeople(g)
	o := console.Options{
		People: f.people, Devices: f.devices, Sessions: f.sessions, Access: f.access, Logbook: logbook.New(g, f.log),
		Environment: env, Public: f.base, Real: f.real, Refused: f.refuse,
		Log: slog.New(slog.NewJSONHandler(f.words, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	c, err := console.New(o)
	f.must(err)
	cert, err := web.EnsureCertificate(t.TempDir(), []string{"localhost"}, time.Now())
	f.must(err)
	f.cert, err = x509.ParseCertificate(cert.Certificate[0])
	f.must(err)
	conf := web.TLSConfig(cert)
	conf.ClientAuth = tls.RequestClientCert
	s := web.NewServer(web.Options{Handler: c, Log: o.Log, TLS: conf})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-done
	})
	return f
}

// openPeople opens what knows persons, as app does.
func (f *fixture) openPeople(g *guard.Guard) {
	env := f.env
	relying := factor.Relying{ID: "localhost", Origins: []string{f.base}, Name: "Strongroom"}
	nowhere := func(*db.Reader, string) error {
		return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	services := identity.New(identity.Options{Guard: g, Environment: env, Key: seal.NewKey(), Clock: f.clock, CheckStore: nowhere})
	f.people = people.New(people.Options{
		Guard: g, Environment: env, Key: seal.NewKey(), Cost: seal.Params{Time: 1, Memory: 19 << 10, Threads: 1},
		Real: f.real, Relying: relying, Words: []string{"strongroom"},
		Owners:  func(r *db.Reader, now time.Time) ([]string, error) { return f.access.Owners(r, now) },
		Founded: []people.Hook{func(tx *guard.Tx, person string) error { return f.access.FoundTx(tx, person) }},
		Changed: []people.Hook{func(tx *guard.Tx, person string) error {
			_, err := f.sessions.RevokeOthersTx(tx, person)
			return err
		}},
	})
	f.devices = device.New(device.Options{Guard: g, Environment: env, Key: seal.NewKey(), Person: f.people.Exists, Real: f.real})
	f.sessions = session.New(session.Options{
		Guard: g, Environment: env, Key: seal.NewKey(), People: session.Directory(f.people), Real: f.real,
		Relying: relying, Refused: f.refuse,
		Rights: func(r *db.Reader, person string, now time.Time) (session.Granted, error) {
			x, err := f.access.Rights(r, person, now)
			return session.Granted(x), err
		},
	})
	f.access = access.New(access.Options{
		Guard: g, Environment: env, Key: seal.NewKey(), People: f.people, Services: services,
		Logged: func(string, string) ([16]byte, error) { return [16]byte{1}, nil }, Changed: f.sessions.Forget,
	})
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) refuse(_ context.Context, _ netip.Addr, code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, code)
}

// owner makes the first owner and returns the token of the link.
func (f *fixture) owner() (id, link string) {
	f.t.Helper()
	p, l, err := f.people.Found(context.Background(), f.root(), people.Spec{Name: ownerName, Email: ownerEmail, Employment: people.Employee})
	f.must(err)
	return p.ID, l.Token.Reveal()
}

// root may do everything in a test instance, and what the OS user may in another.
func (f *fixture) root() strongroom.Actor {
	who := strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:0", Roles: []string{authz.Maintenance}, AllStores: true, Door: "socket"}
	if f.env == strongroom.Test {
		who.Roles, who.Door = []string{authz.TestEverything}, "command"
	}
	return who
}

// browser is what a person sits at: it keeps cookies, follows where it is led, and
// says where a request comes from.
type browser struct {
	f      *fixture
	client *http.Client
	site   string // of Sec-Fetch-Site; empty says nothing
	origin string
	secret string // of the authenticator app
}

func (f *fixture) browser() *browser {
	jar, err := cookiejar.New(nil)
	f.must(err)
	pool := x509.NewCertPool()
	pool.AddCert(f.cert)
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	f.t.Cleanup(t.CloseIdleConnections)
	return &browser{f: f, client: &http.Client{Jar: jar, Transport: t}, site: "same-origin", origin: f.base}
}

// answer is a page, read.
type answer struct {
	status int
	path   string // after all redirects
	header http.Header
	text   string
}

func (b *browser) do(method, path, kind, body string) answer {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.f.base+path, strings.NewReader(body))
	b.f.must(err)
	req.Header.Set("User-Agent", firefox)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if b.site != "" {
		req.Header.Set("Sec-Fetch-Site", b.site)
	}
	if b.origin != "" && method != http.MethodGet {
		req.Header.Set("Origin", b.origin)
	}
	res, err := b.client.Do(req)
	b.f.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	b.f.must(err)
	return answer{res.StatusCode, res.Request.URL.RequestURI(), res.Header, string(text)}
}

func (b *browser) get(path string) answer { b.f.t.Helper(); return b.do("GET", path, "", "") }

// post sends a form: names and values in turn.
func (b *browser) post(path string, pairs ...string) answer {
	b.f.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

// want fails unless the answer has the status and is of the page.
func (a answer) want(t testing.TB, status int, path string) answer {
	t.Helper()
	if a.status != status || a.path != path {
		t.Fatalf("%d at %s, not %d at %s:\n%s", a.status, a.path, status, path, a.text)
	}
	return a
}

// cookie returns the value a cookie has in the browser.
func (b *browser) cookie(name, path string) string {
	u, err := url.Parse(b.f.base + path)
	b.f.must(err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) put(c *http.Cookie) {
	u, err := url.Parse(b.f.base + "/")
	b.f.must(err)
	b.client.Jar.SetCookies(u, []*http.Cookie{c})
}

// code returns a code of the app, and moves real time on so that it is a new one.
func (b *browser) code() string {
	b.f.t.Helper()
	b.f.real.SetOffset(b.f.real.Offset() + 30*time.Second)
	code, err := totp.GenerateCodeCustom(b.secret, b.f.real.Now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	b.f.must(err)
	return code
}

var shownSecret = regexp.MustCompile(`<code id="secret">([A-Z2-7 ]+)</code>`)
var shownCode = regexp.MustCompile(`<li><code>([^<]+)</code></li>`)

// enrol leads through an enrolment by password and app, and returns the recovery codes.
func (b *browser) enrol(link string) (codes []string) {
	b.f.t.Helper()
	for _, m := range shownCode.FindAllStringSubmatch(b.follow(link).text, -1) {
		codes = append(codes, html.UnescapeString(m[1]))
	}
	return codes
}

// follow is enrol for the last page as it is.
func (b *browser) follow(link string) answer {
	b.f.t.Helper()
	b.post("/enrol", "link", b.f.base+"/enrol#"+link).want(b.f.t, 200, "/enrol/steps")
	b.post("/enrol/password", "password", goodWords, "again", goodWords).want(b.f.t, 200, "/enrol/steps")
	b.secret = secretOf(b.f.t, b.post("/enrol/totp").want(b.f.t, 200, "/enrol/totp"))
	b.post("/enrol/totp/confirm", "code", b.code()).want(b.f.t, 200, "/enrol/steps")
	return b.post("/enrol/complete").want(b.f.t, 200, "/enrol/complete")
}

func secretOf(t testing.TB, a answer) string {
	t.Helper()
	m := shownSecret.FindStringSubmatch(a.text)
	if m == nil {
		t.Fatalf("no secret is shown:\n%s", a.text)
	}
	return strings.ReplaceAll(m[1], " ", "")
}

// signIn opens a session by password and app.
func (b *browser) signIn() {
	b.f.t.Helper()
	b.post("/signin", "email", ownerEmail, "password", goodWords).want(b.f.t, 200, "/signin/factor")
	b.post("/signin/factor", "kind", "totp", "code", b.code()).want(b.f.t, 200, "/account")
}

// enrolled is a browser whose person has enrolled and signed in.
func (f *fixture) enrolled() (*browser, string) {
	f.t.Helper()
	id, link := f.owner()
	b := f.browser()
	b.enrol(link)
	b.signIn()
	return b, id
}

// again is another browser of the same person, signed in.
func (b *browser) again() *browser {
	b.f.t.Helper()
	n := b.f.browser()
	n.secret = b.secret
	n.signIn()
	return n
}

// events returns the events of an action, oldest first.
func (f *fixture) events(action string) (out []audit.Event) {
	f.t.Helper()
	for after := int64(-1); ; {
		entries, err := f.log.Events(context.Background(), after, 500)
		f.must(err)
		if len(entries) == 0 {
			return out
		}
		for _, e := range entries {
			after = e.Position
			event, err := e.Event()
			f.must(err)
			if event.Action.Name == action {
				out = append(out, event)
			}
		}
	}
}

// buffer is a log that several goroutines may write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }
