package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/api"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/device"
	"strongroom/internal/document"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/message"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/session"
	"strongroom/internal/vault"
	"strongroom/internal/web"
	"strongroom/internal/webhook"
)

// fixture is the API over everything real, served on loopback.
type fixture struct {
	t          testing.TB
	base       string
	key        string // may do everything: this is a test instance
	log        *audit.Log
	identity   *identity.Identity
	people     *people.People
	messages   *message.Book
	devices    *device.Devices
	sessions   *session.Sessions
	access     *access.Access
	book       *policy.Book
	federation *federation.Federation
	reviews    *review.Review
	real       *strongroom.Clock // real time, as sign-ins know it
	work       *fakeWork
	clock      *strongroom.Clock
	words      *buffer // the operational log
	ready      error
	refused    []string
}

// asOf is a time at which the orders of testdata are alive.
func asOf() time.Time { return time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC) }

func serve(t testing.TB, change func(*api.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(strongroom.Clock), real: new(strongroom.Clock), work: new(fakeWork), words: new(buffer)}
	f.clock.SetOffset(time.Until(asOf()))
	d := dbtest.Open(t, dbtest.Engine(t), f.clock, audit.Schema(), keys.Schema(), vault.Schema(), erasure.Schema(), identity.Schema(), lifecycle.Schema(),
		people.Schema(), device.Schema(), policy.Schema(), session.Schema(), access.Schema(), federation.Schema(), review.Schema(), webhook.Schema(), document.Schema(), message.Schema())
	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	f.must(err)
	keyDir := filepath.Join(dir, "keys")
	f.must(os.Mkdir(keyDir, 0o700))
	ring, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: keyDir, KMS: root, Environment: strongroom.Test, Clock: f.clock})
	f.must(err)
	t.Cleanup(func() { _ = ring.Close() })
	signer, err := ring.LogSigner("example.test/log")
	f.must(err)
	f.log, err = audit.New(d, audit.Options{Signer: signer, Clock: f.clock})
	f.must(err)
	f.must(f.log.Start(context.Background()))
	law, err := policy.NewLaw(context.Background(), policy.LawOptions{DB: d, Environment: strongroom.Test, Key: ring.InstanceKey("policy")})
	f.must(err)
	g := guard.New(guard.Options{DB: d, Log: f.log, Policy: law.Engine})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	ks, err := keys.New(ring, g, keys.Options{Ledger: filepath.Join(dir, "ledger")})
	f.must(err)
	t.Cleanup(func() { _ = ks.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	f.must(err)
	var v *vault.Vault
	cases := lifecycle.NewCases(lifecycle.CasesOptions{
		Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("lifecycle"),
		Store: func(r *db.Reader, id string) error { return v.CheckStore(r, id) },
	})
	v = vault.New(vault.Options{
		Guard: g, Keys: ks, Maps: maps, Environment: strongroom.Test, Clock: f.clock, Chores: f.work, Cases: cases,
	})
	f.identity = identity.New(identity.Options{Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("identity"), Clock: f.clock,
		CheckStore: v.CheckStore,
		Local:      map[uint32][]string{uint32(os.Getuid()): {"auditor"}},
		Refused:    func(_ context.Context, _ netip.Addr, code string) { f.refused = append(f.refused, code) }})
	f.openPeople(g, ring, ks, law)
	f.reviews = review.New(review.Options{
		Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("review"), Events: review.FromLog(f.log, nil), Samples: 2,
		Registers: review.Directory{People: f.people, Access: f.access, Services: f.identity, Used: f.sessions.LastUsed},
		Verbs:     func(role string) []string { return law.Engine().Verbs(role) },
	})
	log := slog.New(slog.NewJSONHandler(f.words, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := api.Options{
		Vault: v, Cases: cases, Identity: f.identity, Logbook: logbook.New(g, f.log), Environment: strongroom.Test,
		People: f.people, Devices: f.devices, Sessions: f.sessions, Access: f.access, Policies: f.book, Federation: f.federation, Reviews: f.reviews, Now: f.clock.Now,
		Link:     func(token string) string { return "https://localhost/enrol#" + token },
		Actions:  slices.Concat(jobs.Actions(), keys.Actions(), []strongroom.Action{{Name: "sync.run", Class: 6003, Activity: 2}, audit.SetClock}),
		Webhooks: f.webhooks(g, ks, v, maps),
		Work:     f.work, Ready: func(context.Context) error { return f.ready }, Version: "test", Log: log,
		Metrics: func(_ context.Context, _ strongroom.Actor, w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "up 1\n")
			return err
		},
	}
	o.Documents = document.New(document.Options{Guard: g, Vault: v, Environment: strongroom.Test, Key: ring.InstanceKey("document"), Clock: f.clock, MaySignIn: f.people.MaySignIn})
	f.messages = message.New(message.Options{Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("message"), Clock: f.clock, Real: new(strongroom.Clock)})
	o.Messages = f.messages
	o.Erasures, o.Signals = f.erasures(g, ring, v, cases)
	if change != nil {
		change(&o)
	}
	f.listen(api.New(o), log)
	f.key = f.newKey(authz.TestEverything)
	return f
}

func (f *fixture) listen(h http.Handler, log *slog.Logger) {
	l, err := web.ListenTCP(context.Background(), "127.0.0.1:0", false)
	f.must(err)
	s := web.NewServer(web.Options{Handler: h, Log: log})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			f.t.Error(err)
		}
		<-done
	})
	f.base = "http://" + l.Addr().String()
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// newKey makes a key with the given roles at all stores.
func (f *fixture) newKey(roles ...string) string {
	f.t.Helper()
	maker := strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "command"}
	_, secret, err := f.identity.CreateKey(context.Background(), maker, identity.KeySpec{Label: "test", Roles: roles, AllStores: true})
	f.must(err)
	return secret.Reveal()
}

// answer is an HTTP answer, read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem returns the answer as a problem, failing where it is none.
func (f *fixture) problem(a answer) web.Problem {
	f.t.Helper()
	var p web.Problem
	if a.header.Get("Content-Type") != "application/problem+json" {
		f.t.Fatalf("%d is no problem document: %s", a.status, a.body)
	}
	f.must(json.Unmarshal(a.body, &p))
	return p
}

type header [2]string

// call sends a request with the key of all things unless a header says else.
func (f *fixture) call(method, path, body string, headers ...header) answer {
	f.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, f.base+path, r)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+f.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		req.Header.Set(h[0], h[1])
		if h[1] == "" {
			req.Header.Del(h[0])
		}
	}
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	f.must(err)
	for k, v := range res.Trailer {
		res.Header[k] = v
	}
	return answer{res.StatusCode, res.Header, text}
}

// get decodes a successful answer.
func (f *fixture) get(method, path, body string, into any) answer {
	f.t.Helper()
	a := f.call(method, path, body)
	if a.status >= 300 {
		f.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if into != nil {
		f.must(json.Unmarshal(a.body, into))
	}
	return a
}

// store makes a store and returns its path.
func (f *fixture) store() (id, path string) {
	f.t.Helper()
	var s struct{ ID string }
	f.get("POST", "/v1/stores", `{"name":"Nopalito Norte","platform":"shopify"}`, &s)
	return s.ID, "/v1/stores/" + s.ID
}

func payload(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "ecartapi", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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

// fakeWork counts what was set going.
type fakeWork struct {
	mu    sync.Mutex
	calls []string
	job   string

	refuse error // what each verb answers
}

func (w *fakeWork) did(what string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, what)
	w.job = strongroom.NewID("job")
	return w.job
}

func (w *fakeWork) Credential(_ context.Context, _ strongroom.Actor, _, _, _ string) error {
	w.did("credential")
	return w.refuse
}

func (w *fakeWork) Sync(_ context.Context, _ strongroom.Actor, _ string, resources []string, _ time.Time) (string, error) {
	return w.did("sync " + strings.Join(resources, ",")), w.refuse
}

func (w *fakeWork) Disconnect(*guard.Tx, string) (string, error) { return w.did("disconnect"), nil }

func (w *fakeWork) Reclassify(*guard.Tx, string, string) (string, error) {
	return w.did("reclassify"), nil
}

func (w *fakeWork) Roll(context.Context, strongroom.Actor) (string, error) {
	return w.did("roll"), w.refuse
}
func (w *fakeWork) Sweep(context.Context, strongroom.Actor) (int64, int64, error) {
	w.did("sweep")
	return 2, 1, nil
}

func (w *fakeWork) Job(context.Context, strongroom.Actor, string) (api.JobStatus, error) {
	return api.JobStatus{State: "running", Progress: api.Progress{Records: 7}}, w.refuse
}

func (w *fakeWork) Jobs(_ context.Context, _ strongroom.Actor, state, cursor string, limit int) ([]api.JobStatus, string, error) {
	w.did(fmt.Sprintf("jobs %s %s %d", state, cursor, limit))
	return []api.JobStatus{{ID: w.job, Name: "store.sync", State: "dead", Code: "store-token", Tries: 12}}, "job_1", w.refuse
}

func (w *fakeWork) Retry(context.Context, strongroom.Actor, string) error {
	w.did("retry")
	return w.refuse
}

// buffer is a log that several goroutines may write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }
