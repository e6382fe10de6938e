package route_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/fieldmap"
	"strongroom/internal/gateway"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/keys"
	"strongroom/internal/route"
	"strongroom/internal/vault"
)

// The order that goes out: every value of a shopper in it.
const order = `{"order":{"id":"7001","createdAt":"2026-11-01T10:00:00Z","email":"ana.lopez@correo.example","phone":"+52 55 1234 5678",
"shippingAddress":{"firstName":"Ana","lastName":"López","address1":"Calle Norte 12","city":"Monterrey","postalCode":"64000","phone":"+52 55 1234 5678"}}}`

// house is everything below the routes, on a real database, with a carrier that writes
// down what it is told.
type house struct {
	*route.Book
	t      testing.TB
	ground *guardtest.Ground
	vault  *vault.Vault
	opts   route.Options
	store  string
	tokens map[string]string // by the name of a field
	app    strongroom.Actor
	one    strongroom.Actor // proposes
	two    strongroom.Actor // approves

	mu      sync.Mutex
	heard   []heard
	reply   func(w http.ResponseWriter, r *http.Request, body string)
	files   []route.File
	carrier *httptest.Server
}

type heard struct {
	method, uri, body string
	header            http.Header
}

func (h *house) carry(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.heard = append(h.heard, heard{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	reply := h.reply
	h.mu.Unlock()
	if reply != nil {
		reply(w, r, string(body))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"shp_1"}`)
}

func open(t testing.TB, change func(*route.Options)) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t}
	clock := new(strongroom.Clock)
	h.ground = guardtest.Open(t, clock, keys.Schema(), vault.Schema(), route.Schema())
	g := h.ground.Start(t, strongroom.Test, guard.Options{})
	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	must(err)
	must(os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	ring, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: filepath.Join(dir, "keys"), KMS: root, Environment: strongroom.Test, Clock: clock})
	must(err)
	t.Cleanup(func() { ring.Close() })
	k, err := keys.New(ring, g, keys.Options{Ledger: filepath.Join(dir, "ledger"), ReaderGrace: -1})
	must(err)
	t.Cleanup(func() { k.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	must(err)
	h.vault = vault.New(vault.Options{Guard: g, Keys: k, Maps: maps, Environment: strongroom.Test, Clock: clock})
	h.carrier = httptest.NewServer(http.HandlerFunc(h.carry))
	t.Cleanup(h.carrier.Close)
	h.opts = route.Options{
		Guard: g, Keys: k, Vault: h.vault, Environment: strongroom.Test, Key: ring.InstanceKey("route"),
		Shape: func(rows [][2]string) (route.Filter, error) { return gateway.ParseShape(rows) },
		Keep: func(_ context.Context, _ strongroom.Actor, f route.File) (string, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.files = append(h.files, f)
			return strongroom.NewID("doc"), nil
		},
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	}
	if change != nil {
		change(&h.opts)
	}
	h.Book = route.New(h.opts)
	owner := guardtest.Person("", clock.Now(), authz.Owner)
	h.one, h.two = owner, guardtest.Person("", clock.Now(), authz.Owner)
	st, err := h.vault.CreateStore(context.Background(), owner, vault.StoreSpec{Name: "tienda", Platform: "shopify"})
	must(err)
	h.store = st.ID
	h.app = strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application}, Stores: []string{h.store}, Door: "http"}
	in, err := h.vault.Ingest(context.Background(), h.app, vault.In{Store: h.store, Resource: "orders", Version: "v2", Platform: "shopify", How: "api", Body: []byte(order)})
	must(err)
	var got struct {
		Order struct {
			Email           string
			ShippingAddress map[string]string
		}
	}
	must(json.Unmarshal(in.Body, &got))
	h.tokens = got.Order.ShippingAddress
	h.tokens["email"] = got.Order.Email
	return h
}

// say is a specification with the carrier's address in the place of UPSTREAM.
func (h *house) say(text string) route.Spec {
	h.t.Helper()
	s, err := route.ParseSpec([]byte(strings.ReplaceAll(text, "UPSTREAM", h.carrier.URL)))
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// put proposes a route by one person and approves it by another.
func (h *house) put(text, credential string) {
	h.t.Helper()
	v, err := h.Propose(context.Background(), h.one, h.say(text), credential)
	if err == nil {
		_, err = h.Approve(context.Background(), h.two, v.ID)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// fill puts tokens in the place of {{name}}.
func (h *house) fill(text string) string {
	for name, token := range h.tokens {
		text = strings.ReplaceAll(text, "{{"+name+"}}", token)
	}
	return text
}

// send makes a call by a route.
func (h *house) send(method, target, kind, body string, header ...string) (*httptest.ResponseRecorder, error) {
	h.t.Helper()
	r := httptest.NewRequest(method, h.fill(target), strings.NewReader(h.fill(body)))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Strongroom-Reference", "7001")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], h.fill(header[i+1]))
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/route/"), "/")
	w := httptest.NewRecorder()
	err := h.Serve(context.Background(), h.app, name, w, r)
	return w, err
}

// last returns what the carrier heard, nil if nothing since the mark.
func (h *house) calls() []heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

// events returns how many events the log has.
func (h *house) events() int {
	h.t.Helper()
	list, err := h.ground.Log.Events(context.Background(), 0, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}
