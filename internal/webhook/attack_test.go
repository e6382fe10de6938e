package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/sim"
	"strongroom/internal/vault"
	"strongroom/internal/webhook"
)

// TestObligation_3_6_3_RefusedDeliveries: each attack is refused with an event, and
// nothing of it is kept.
func TestObligation_3_6_3_RefusedDeliveries(t *testing.T) {
	h := open(t, nil)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	other, _ := h.hook("orders", "update")
	st, err := h.vault.CreateStore(context.Background(), h.who, vault.StoreSpec{Name: "other.example.com", Platform: "shopify"})
	if err != nil {
		t.Fatal(err)
	}
	first := h.store
	h.store = st.ID
	if err := h.intake.Connect(context.Background(), h.who, h.store, intake.Connection{Token: intake.NewSecret(h.shop.Token), Version: "v2"}); err != nil {
		t.Fatal(err)
	}
	h.subscribe()
	_, foreign := h.hook("orders", "create")
	h.store = first
	order := string(h.sim.Delivery(h.shop.Name, 1, sim.Root))
	for name, c := range map[string]struct {
		hook, auth, body string
		kind             strongroom.Kind
		strange          bool // counted for its source, no event of the store
	}{
		"no secret":             {hook, "", order, strongroom.Unauthenticated, false},
		"forged secret":         {hook, "srw_test_" + strings.Repeat("a", 59), order, strongroom.Unauthenticated, false},
		"secret and more":       {hook, auth + "x", order, strongroom.Unauthenticated, false},
		"scheme alone":          {hook, "Bearer ", order, strongroom.Unauthenticated, false},
		"other subscription":    {other, auth, order, strongroom.Unauthenticated, false},
		"secret of other store": {hook, foreign, order, strongroom.Unauthenticated, false},
		"no subscription":       {strongroom.NewID("whk"), auth, order, strongroom.Unauthenticated, true},
		"no id":                 {"../../etc/passwd", auth, order, strongroom.Unauthenticated, true},
		"deep":                  {hook, auth, `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, strongroom.TooLarge, false},
		"no JSON":               {hook, auth, `{"order":{"id":"1",`, strongroom.Invalid, false},
		"no object":             {hook, auth, `[1,2]`, strongroom.Invalid, false},
		"null":                  {hook, auth, `null`, strongroom.Invalid, false},
		"empty":                 {hook, auth, ``, strongroom.Invalid, false},
		"no UTF-8":              {hook, auth, "{\"id\":\"\xff\"}", strongroom.Invalid, false},
	} {
		before, strange := len(h.events("webhook.receive")), h.strange
		read := false
		_, err := h.Accept(context.Background(), webhook.Arrival{Hook: c.hook, Authorization: c.auth,
			Source: netip.MustParseAddr("198.51.100.9"), Body: func() ([]byte, error) { read = true; return []byte(c.body), nil }})
		if !strongroom.IsKind(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
		if read && c.kind == strongroom.Unauthenticated {
			t.Errorf("%s: the body was read", name)
		}
		ev := h.events("webhook.receive")
		if c.strange && (h.strange != strange+1 || len(ev) != before) || !c.strange && (len(ev) != before+1 || !strings.HasPrefix(ev[len(ev)-1], "failure")) {
			t.Errorf("%s: %d strangers and the events %q", name, h.strange-strange, ev[before:])
		}
	}
	// What breaks off is refused as the door says.
	broken := strongroom.Faultf(strongroom.TooLarge, "size", "too large")
	_, err = h.Accept(context.Background(), webhook.Arrival{Hook: hook, Authorization: auth, Body: func() ([]byte, error) { return nil, broken }})
	if !strongroom.IsKind(err, strongroom.TooLarge) {
		t.Errorf("a body that is too large: %v", err)
	}
	// A source that shows no secret too often is turned away without an event each.
	h.mu.Lock()
	h.limited = strongroom.Faultf(strongroom.Exhausted, "source-limit", "too many")
	h.mu.Unlock()
	before := len(h.events("webhook.receive"))
	if _, err := h.post(hook, "guess", order); !strongroom.IsKind(err, strongroom.Exhausted) || len(h.events("webhook.receive")) != before {
		t.Errorf("a source that guesses: %v", err)
	}
	if n := len(h.orders()); n != 0 {
		t.Errorf("%d orders came in", n)
	}
	// The planted negative: the true secret is taken, from a source that is limited too.
	if _, err := h.post(hook, auth, order); err != nil {
		t.Errorf("the true secret: %v", err)
	}
}

// TestFull: a store of which as many deliveries wait as may is sent away with an event,
// and takes more in once they are worked through.
func TestFull(t *testing.T) {
	h := open(t, func(o *webhook.Options) {
		o.MaxWaiting = 2
		// Nothing is worked through: the queue's other kinds run.
		put, kind := o.Enqueue, o.Kinds.Process
		o.Enqueue = func(tx *guard.Tx, order jobs.Order) (string, error) {
			if order.Kind == kind {
				return strongroom.NewID("job"), nil
			}
			return put(tx, order)
		}
	})
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	for n := range 2 {
		if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, n+1, sim.Root))); err != nil {
			t.Fatal(err)
		}
	}
	before := len(h.events("webhook.receive"))
	_, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 3, sim.Root)))
	if guardtest.Code(err) != "deliveries" || !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("a store that is full: %v", err)
	}
	if ev := h.events("webhook.receive"); len(ev) != before+1 || !strings.HasPrefix(ev[before], "failure") {
		t.Errorf("the events of a store that is full: %q", ev[before:])
	}
	h.spoil(func(tx *db.Tx) error {
		_, err := tx.Exec("update webhook_delivery set state = 1, body = null")
		return err
	})
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 3, sim.Root))); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
}

// TestWaysOutThatAreRefused: no address leads into a private network, when it is
// named or when it is used.
func TestWaysOutThatAreRefused(t *testing.T) {
	var look atomic.Value
	look.Store("93.184.215.14")
	h := open(t, func(o *webhook.Options) {
		o.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(look.Load().(string))}, nil
		}
	})
	for address, code := range map[string]string{
		"https://10.0.0.8/hook":                            "egress-address",
		"https://169.254.169.254/latest/meta-data":         "egress-address",
		"https://[fd00:ec2::254]/":                         "egress-address",
		"http://93.184.215.14/hook":                        "egress-plain",
		"https://user:pass@hooks.example.com/":             "egress-url",
		"ftp://hooks.example.com/":                         "egress-url",
		"https://hooks.example.com/#f":                     "egress-url",
		"https://hooks.example.com/\r\nHost: evil.example": "egress-url",
		"https://2130706433/":                              "egress-url",
	} {
		_, err := h.Add(context.Background(), h.who, h.store, address, webhook.Events)
		if guardtest.Code(err) != code {
			t.Errorf("%q: %v, want %s", address, err, code)
		}
		if err != nil && strings.Contains(err.Error(), "example.com/") && code != "egress-url" {
			t.Errorf("the fault repeats the address: %v", err)
		}
	}
	if ev := h.events("webhook.edit"); len(ev) != 9 || slices.Contains(ev, "success") {
		t.Errorf("refused addresses and their events: %q", ev)
	}
	// Named while it was public, and private when it is used.
	if _, err := h.Add(context.Background(), h.who, h.store, "https://hooks.example.com/a", webhook.Events); err != nil {
		t.Fatal(err)
	}
	h.subscribe()
	for _, to := range []string{"10.1.2.3", "169.254.169.254", "::ffff:192.168.0.1"} {
		look.Store(to)
		h.deliver(1, sim.IDOnly)
		h.idle()
	}
	dead := h.letters()
	if len(dead) == 0 {
		t.Fatal("messages to a private address are no letters")
	}
	for _, l := range dead {
		if l.Code != "egress-address" || l.Tries != 1 {
			t.Errorf("letter %+v", l)
		}
	}
}

// TestBadApplications: a redirect is not followed and an endless answer not read.
func TestBadApplications(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	var followed atomic.Int64
	target := newApplication(t)
	target.answer = func(int, http.ResponseWriter, *http.Request) { followed.Add(1) }
	redirects := atomic.Bool{}
	redirects.Store(true)
	app.answer = func(n int, w http.ResponseWriter, r *http.Request) {
		if redirects.Load() {
			http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
			redirects.Store(false)
			return
		}
		for r.Context().Err() == nil { // an endless answer
			if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	}
	h.add(app, webhook.Events)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 1, sim.Root))); err != nil {
		t.Fatal(err)
	}
	h.idle()
	if n := len(app.messages()); n != 2 || followed.Load() != 0 {
		t.Errorf("%d messages, %d followed", n, followed.Load())
	}
	if l := h.letters(); len(l) != 0 {
		t.Errorf("an answer that does not end fails a message: %+v", l)
	}
}

// TestMovedRows: rows that are moved or rewritten in the database prove and open
// nothing.
func TestMovedRows(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	e := h.add(app, webhook.Events)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	other, _ := h.hook("orders", "update")
	h.spoil(func(tx *db.Tx) error {
		_, err := tx.Exec(`update webhook_hook set proof = (select proof from webhook_hook where id = $1) where id = $2`, hook, other)
		return err
	})
	if _, err := h.post(other, auth, `{"id":"1"}`); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("a proof that was moved: %v", err)
	}
	h.spoil(func(tx *db.Tx) error {
		_, err := tx.Exec(`update webhook_hook set action = 'delete' where id = $1`, hook)
		return err
	})
	if _, err := h.post(hook, auth, `{"id":"1"}`); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("a subscription that was rewritten: %v", err)
	}
	h.spoil(func(tx *db.Tx) error {
		_, err := tx.Exec(`update webhook_endpoint set kind = 2 where id = $1`, e.ID)
		return err
	})
	l, err := h.List(context.Background(), h.who, h.store)
	if err != nil || !l.Endpoints[0].Damaged || l.Endpoints[0].Origin != "" {
		t.Errorf("an endpoint that was rewritten: %+v, %v", l.Endpoints, err)
	}
}

// spoil changes rows behind the product's back.
func (h *house) spoil(edit func(tx *db.Tx) error) {
	h.t.Helper()
	if err := h.ground.DB.Update(context.Background(), edit); err != nil {
		h.t.Fatal(err)
	}
}

// TestNothingPersonalAtRest: neither on the disk nor in a log is a value of what was
// delivered, while it waits, once it is told, and where nobody understands it.
func TestNothingPersonalAtRest(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	app.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }
	h.add(app, webhook.Events)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	for _, f := range []string{"webhook_delivery_order_root", "webhook_delivery_order_wrapped"} {
		body, err := os.ReadFile("../../testdata/ecartapi/" + f + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.post(hook, auth, string(body)); err != nil {
			t.Fatal(err)
		}
		unknown := bytes.Replace(body, []byte(`"order"`), []byte(`"thing"`), 1)
		if _, err := h.post(hook, auth, `{"resource":"things","x":`+string(unknown)+`}`); err != nil {
			t.Fatal(err)
		}
	}
	h.stop()
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 3, sim.Root))); err != nil { // it waits
		t.Fatal(err)
	}
	disk := bytes.ToLower(h.ground.Disk(t, dump))
	h.logMu.Lock()
	disk = append(disk, bytes.ToLower(h.log.Bytes())...)
	h.logMu.Unlock()
	for _, v := range append(manifest(t), h.sim.PII(h.shop.Name, 3)...) {
		if len(v) > 4 && bytes.Contains(disk, bytes.ToLower([]byte(v))) {
			t.Errorf("%q lies in clear", v)
		}
	}
	// The planted negatives: the ids are there, and a value that is put there is found.
	if !bytes.Contains(disk, []byte(hook)) {
		t.Error("the search does not find the id of the subscription")
	}
}

const (
	dumpDeliveries = `select id, coalesce(body, digest) from webhook_delivery`
	dumpForwards   = `select id, body from webhook_forward`
	dumpEndpoints  = `select id, sealed from webhook_endpoint`
	dumpHooks      = `select id, proof from webhook_hook`
)

// dump reads what is at rest.
func dump(r *db.Reader, put func(*db.Rows, error)) {
	put(r.Query(dumpDeliveries))
	put(r.Query(dumpForwards))
	put(r.Query(dumpEndpoints))
	put(r.Query(dumpHooks))
}

// manifest returns the personal values of the fixtures of deliveries.
func manifest(t testing.TB) (out []string) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/ecartapi/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files []struct {
			File         string
			PII, Derived []string
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		if strings.HasPrefix(f.File, "webhook_delivery") || f.File == "live_rate_request.json" {
			out = append(append(out, f.PII...), f.Derived...)
		}
	}
	if len(out) < 10 {
		t.Fatalf("the manifest names %d values", len(out))
	}
	return out
}
