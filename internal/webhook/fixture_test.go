package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/sim"
	"strongroom/internal/vault"
	"strongroom/internal/webhook"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// house is everything below the webhooks, on a real database, with a shop behind
// EcartAPI and the jobs of the webhooks at work.
type house struct {
	*webhook.Webhooks
	t      testing.TB
	ground *guardtest.Ground
	guard  *guard.Guard
	vault  *vault.Vault
	intake *intake.Intake
	queue  *jobs.Queue
	clock  *strongroom.Clock
	opts   webhook.Options
	who    strongroom.Actor // an operator
	sim    *sim.Sim
	shop   sim.StoreInfo
	store  string
	log    *bytes.Buffer // the operational log
	logMu  *sync.Mutex

	mu      sync.Mutex
	lost    []string
	limited error
	subs    []subscription
	strange int // posts that proved nothing and named no store

	stop func()
}

// subscription is what the shop was asked for.
type subscription struct{ Resource, Action, URL, Auth string }

// ecartapi stands before the shop and remembers what was subscribed to.
func (h *house) ecartapi(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/webhooks") {
		body, _ := io.ReadAll(r.Body)
		var b struct{ Webhook subscription }
		if json.Unmarshal(body, &b) == nil {
			h.mu.Lock()
			h.subs = append(h.subs, b.Webhook)
			h.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	h.sim.Handler().ServeHTTP(w, r)
}

// hook returns the newest subscription to a thing and its secret.
func (h *house) hook(resource, action string) (id, auth string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.subs) - 1; i >= 0; i-- {
		if s := h.subs[i]; s.Resource == resource && s.Action == action {
			return s.URL[strings.LastIndex(s.URL, "/")+1:], s.Auth
		}
	}
	h.t.Fatalf("nobody subscribed to %s %s", resource, action)
	return "", auth
}

// post is a delivery with a secret.
func (h *house) post(hook, auth, body string) (string, error) {
	return h.Accept(context.Background(), webhook.Arrival{
		Hook: hook, Authorization: auth, Source: netip.MustParseAddr("198.51.100.7"),
		Body: func() ([]byte, error) { return []byte(body), nil },
	})
}

// in runs a part of somebody's transaction that was allowed.
func (h *house) in(fn func(tx *guard.Tx) error) {
	h.t.Helper()
	edit := strongroom.Action{Name: "webhook.edit", Class: 3004, Activity: 3}
	err := h.guard.Do(context.Background(), h.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(edit, strongroom.Resource{Type: "Store", ID: h.store, Store: h.store}, guard.Context{}); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// kinds of jobs as app numbers them, near enough.
var kinds = webhook.Kinds{Subscribe: 1, Process: 2, Forward: 3, Tend: 4}

type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// open builds a house; change may change the options.
func open(t testing.TB, change func(*webhook.Options)) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, clock: new(strongroom.Clock), log: new(bytes.Buffer), logMu: new(sync.Mutex)}
	h.sim = sim.New(sim.Options{Seed: 31, Orders: 30, Dead: -1, Stores: sim.DefaultStores()[:1]})
	h.clock.SetOffset(time.Until(h.sim.Now()))
	h.who = strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Operator}, AllStores: true, Door: "socket"}
	h.ground = guardtest.Open(t, h.clock, keys.Schema(), vault.Schema(), intake.Schema(), jobs.Schema(), webhook.Schema())
	h.guard = h.ground.Start(t, strongroom.Test, guard.Options{})
	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	must(err)
	must(os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	ring, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: filepath.Join(dir, "keys"), KMS: root, Environment: strongroom.Test, Clock: h.clock})
	must(err)
	t.Cleanup(func() { ring.Close() })
	k, err := keys.New(ring, h.guard, keys.Options{Ledger: filepath.Join(dir, "ledger"), ReaderGrace: -1})
	must(err)
	t.Cleanup(func() { k.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	must(err)
	h.vault = vault.New(vault.Options{Guard: h.guard, Keys: k, Maps: maps, Environment: strongroom.Test, Clock: h.clock})
	api := httptest.NewServer(http.HandlerFunc(h.ecartapi))
	t.Cleanup(api.Close)
	h.intake = intake.New(intake.Options{Guard: h.guard, Keys: k, Vault: h.vault, Clock: h.clock, BaseURL: api.URL})
	door := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(door.Close)
	logger := slog.New(slog.NewTextHandler(locked{h.logMu, h.log}, nil))
	h.opts = webhook.Options{
		Guard: h.guard, Keys: k, Vault: h.vault, Intake: h.intake, Environment: strongroom.Test, Kinds: kinds, Maps: maps, Log: logger,
		Enqueue: func(tx *guard.Tx, o jobs.Order) (string, error) { return h.queue.Enqueue(tx, o) },
		Public:  func() string { return door.URL },
		Lost: func(_ context.Context, store, cause string) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.lost = append(h.lost, store+" "+cause)
			return nil
		},
		Limit:   func(netip.Addr) error { h.mu.Lock(); defer h.mu.Unlock(); return h.limited },
		Refused: func(context.Context, netip.Addr, string) { h.mu.Lock(); defer h.mu.Unlock(); h.strange++ },
	}
	if change != nil {
		change(&h.opts)
	}
	h.shop = h.sim.Stores()[0]
	st, err := h.vault.CreateStore(context.Background(), h.who, vault.StoreSpec{Name: h.shop.Name, Platform: h.shop.Platform})
	must(err)
	h.store = st.ID
	must(h.intake.Connect(context.Background(), h.who, h.store, intake.Connection{Token: intake.NewSecret(h.shop.Token), Version: h.shop.Version}))
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start makes the webhooks and their queue anew, as after a restart.
func (h *house) start() {
	h.Webhooks = webhook.New(h.opts)
	h.queue = jobs.New(jobs.Options{Guard: h.guard, Handlers: h.Handlers(), Poll: 20 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	q := h.queue
	go func() { done <- q.Run(ctx) }()
	h.stop = sync.OnceFunc(func() { cancel(); <-done })
}

// serve is the door of the instance as far as EcartAPI sees it.
func (h *house) serve(w http.ResponseWriter, r *http.Request) {
	_, err := h.Accept(r.Context(), webhook.Arrival{
		Hook: strings.TrimPrefix(r.URL.Path, "/v1/webhooks/"), Authorization: r.Header.Get("Authorization"),
		Source: netip.MustParseAddr("198.51.100.7"), Body: func() ([]byte, error) { return io.ReadAll(r.Body) },
	})
	switch strongroom.KindOf(err) {
	case strongroom.Unauthenticated:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// until waits for what must become true.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	end := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// idle waits until nothing is under way.
func (h *house) idle() {
	h.t.Helper()
	h.until("nothing is under way", func() bool {
		l, err := h.List(context.Background(), h.who, h.store)
		return err == nil && l.Waiting == 0
	})
}

// subscribe subscribes and waits until it is done.
func (h *house) subscribe() {
	h.t.Helper()
	if _, err := h.Subscribe(context.Background(), h.who, h.store, false); err != nil {
		h.t.Fatal(err)
	}
	h.until("the subscriptions are made", func() bool {
		l, err := h.List(context.Background(), h.who, h.store)
		n := 0
		for _, k := range l.Hooks {
			if k.State == "made" {
				n++
			}
		}
		return err == nil && n == 4
	})
}

// deliver has the shop post an order.
func (h *house) deliver(order int, form sim.Form) int {
	h.t.Helper()
	n, err := h.sim.Deliver(context.Background(), http.DefaultClient, h.shop.Name, order, form)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// message is a post that the application got.
type message struct {
	header http.Header
	body   []byte
}

// application is a server that takes messages.
type application struct {
	*httptest.Server
	mu     sync.Mutex
	got    []message
	answer func(n int, w http.ResponseWriter, r *http.Request) // nil answers 204
}

func newApplication(t testing.TB) *application {
	a := new(application)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.got = append(a.got, message{r.Header.Clone(), body})
		n, answer := len(a.got), a.answer
		a.mu.Unlock()
		if answer != nil {
			answer(n, w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *application) messages() []message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]message(nil), a.got...)
}

// add names the application as an endpoint.
func (h *house) add(a *application, kind webhook.Kind) webhook.Added {
	h.t.Helper()
	e, err := h.Add(context.Background(), h.who, h.store, a.URL+"/hooks?key=1", kind)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// events returns the events of an action, as "outcome code".
func (h *house) events(action string) (out []string) {
	h.t.Helper()
	for _, e := range h.ground.Events(h.t, action) {
		out = append(out, strings.TrimSpace(e.Outcome.String()+" "+e.Code))
	}
	return out
}

// orders returns the external ids of the store's live orders.
func (h *house) orders() (out []string) {
	h.t.Helper()
	list, _, err := h.vault.Records(context.Background(), h.who, vault.ListQuery{Store: h.store, Kind: "order", Limit: 200})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range list {
		out = append(out, r.ExternalID)
	}
	return out
}

// letters returns the store's letters.
func (h *house) letters() []webhook.Letter {
	h.t.Helper()
	list, _, err := h.Letters(context.Background(), h.who, h.store, "", 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// record returns the id of the record of an order.
func (h *house) record(external string) string {
	h.t.Helper()
	list, _, err := h.vault.Records(context.Background(), h.who, vault.ListQuery{Store: h.store, Kind: "order", Limit: 200})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range list {
		if r.ExternalID == external {
			return r.ID
		}
	}
	h.t.Fatal("the order did not come in")
	return ""
}
