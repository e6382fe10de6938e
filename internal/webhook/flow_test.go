package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/sim"
	"strongroom/internal/webhook"
)

// verify is a verifier of Standard Webhooks 1.0.0, written from the text of the
// specification and sharing nothing with what signs.
func verify(t testing.TB, m message, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 {
		t.Fatalf("the secret has %d bytes, %v; the specification wants 24 to 64", len(key), err)
	}
	id, stamp := m.header.Get("webhook-id"), m.header.Get("webhook-timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if age := time.Since(time.Unix(at, 0)); err != nil || age > 5*time.Minute || age < -5*time.Minute {
		t.Errorf("the timestamp %q is not of now", stamp)
	}
	if id == "" || strings.Contains(id, ".") {
		t.Errorf("the id is %q", id)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + string(m.body)))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, s := range strings.Split(m.header.Get("webhook-signature"), " ") {
		if version, sig, _ := strings.Cut(s, ","); version == "v1" && hmac.Equal([]byte(sig), []byte(want)) {
			return true
		}
	}
	return false
}

// TestSignVector holds the signature to the example of the specification.
func TestSignVector(t *testing.T) {
	m := message{header: http.Header{}, body: []byte(`{"test": 2432232314}`)}
	s := webhook.SecretOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	webhook.Sign(m.header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), m.body, s)
	if got := m.header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("the signature is %s", got)
	}
}

// TestObligation_3_1_5_WebhookToApplication walks a delivery in each form from the
// shop to the application.
func TestObligation_3_1_5_WebhookToApplication(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	e := h.add(app, webhook.Events)
	h.subscribe()
	for n, form := range []sim.Form{sim.Root, sim.Wrapped, sim.IDOnly} {
		if h.deliver(n, form) == 0 {
			t.Fatalf("form %d: nobody took the delivery", form)
		}
	}
	h.idle()
	for n := range 3 {
		if id := h.sim.Order(h.shop.Name, n).ID; !slices.Contains(h.orders(), id) {
			t.Errorf("order %d did not come in", n)
		}
	}
	got := app.messages()
	if len(got) == 0 {
		t.Fatal("the application was told nothing")
	}
	told := map[string]bool{}
	for _, m := range got {
		if !verify(t, m, e.Secret.Reveal()) {
			t.Errorf("the signature does not hold: %v", m.header)
		}
		if told[m.header.Get("webhook-id")] {
			t.Error("two messages have one id")
		}
		told[m.header.Get("webhook-id")] = true
		if !json.Valid(m.body) || !strings.Contains(string(m.body), "srt_") {
			t.Errorf("the message is no JSON with tokens: %.200s", m.body)
		}
		for n := range 3 {
			for _, v := range h.sim.PII(h.shop.Name, n) {
				if len(v) > 4 && strings.Contains(string(m.body), v) {
					t.Errorf("a message holds the value %q of order %d", v, n)
				}
			}
		}
	}
	// The planted negative: the check of the signature can fail.
	m := got[0]
	m.body = append(m.body, ' ')
	if verify(t, m, e.Secret.Reveal()) || verify(t, got[0], webhook.SecretOf("whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32))).Reveal()) {
		t.Error("a changed message or a wrong secret verifies")
	}
	if ev := h.events("webhook.forward"); len(ev) != len(got) {
		t.Errorf("%d messages, %d events of sending", len(got), len(ev))
	}
}

// TestSameDelivery: what comes twice is told once; what only names an order is read
// again, because it may have changed.
func TestSameDelivery(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	h.add(app, webhook.Events)
	h.subscribe()
	h.deliver(1, sim.Wrapped)
	h.idle()
	first := len(app.messages())
	h.deliver(1, sim.Wrapped)
	h.idle()
	if n := len(app.messages()); n != first {
		t.Errorf("%d messages for a delivery, %d once it was replayed", first, n)
	}
	h.deliver(2, sim.IDOnly)
	h.idle()
	before := len(app.messages())
	h.deliver(2, sim.IDOnly)
	h.idle()
	if n := len(app.messages()); n <= before {
		t.Error("a second notice of an order told nothing")
	}
	h.clock.SetOffset(h.clock.Offset() + webhook.Window + time.Hour)
	before = len(app.messages())
	h.deliver(1, sim.Wrapped)
	h.idle()
	if n := len(app.messages()); n <= before {
		t.Error("past the window a delivery is still known")
	}
}

func TestRotation(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	e := h.add(app, webhook.Events)
	h.subscribe()
	old := e.Secret.Reveal()
	fresh, err := h.Rotate(context.Background(), h.who, h.store, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.deliver(1, sim.Root)
	h.idle()
	for _, m := range app.messages() {
		if !verify(t, m, old) || !verify(t, m, fresh.Reveal()) {
			t.Error("while one secret takes the place of the other, both must verify")
		}
	}
	if _, err := h.Rotate(context.Background(), h.who, h.store, e.ID); err != nil {
		t.Fatal(err)
	}
	n := len(app.messages())
	h.deliver(2, sim.Root)
	h.idle()
	for _, m := range app.messages()[n:] {
		if verify(t, m, old) {
			t.Error("the oldest of three secrets still signs")
		}
	}
	if _, err := h.Rotate(context.Background(), h.who, h.store, strongroom.NewID("wep")); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("rotating what is not there: %v", err)
	}
}

// TestRetries: an application that fails gets the message again under its id, and
// in the end it is a dead letter, which a person sends again.
func TestRetries(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	app.answer = func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	h.add(app, webhook.Events)
	h.subscribe()
	h.deliver(1, sim.IDOnly)
	h.idle()
	got := app.messages()
	ids := map[string]int{}
	for _, m := range got {
		ids[m.header.Get("webhook-id")]++
	}
	if ids[got[0].header.Get("webhook-id")] != 2 {
		t.Errorf("the message that failed was sent %d times", ids[got[0].header.Get("webhook-id")])
	}
	app.mu.Lock()
	app.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }
	app.mu.Unlock()
	h.deliver(2, sim.Root)
	h.idle()
	dead := h.letters()
	if len(dead) == 0 || dead[0].Kind != "message" || dead[0].Code != "endpoint-gone" {
		t.Fatalf("letters: %+v", dead)
	}
	if ev := h.events("webhook.forward"); !slices.Contains(ev, "failure endpoint-gone") {
		t.Errorf("the end of a message is no event: %q", ev)
	}
	app.mu.Lock()
	app.answer = nil
	app.mu.Unlock()
	for _, l := range dead {
		if err := h.Retry(context.Background(), h.who, h.store, l.ID); err != nil {
			t.Fatal(err)
		}
	}
	h.idle()
	if left := h.letters(); len(left) != 0 {
		t.Errorf("after another try there are letters: %+v", left)
	}
	if err := h.Retry(context.Background(), h.who, h.store, dead[0].ID); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("a letter that is gone: %v", err)
	}
}

// TestUnknownShapes: what nobody understands is kept sealed and listed, and dies by
// its clock.
func TestUnknownShapes(t *testing.T) {
	h := open(t, nil)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	for _, body := range []string{
		`{"hello":"world"}`, `{"id":"17","resource":"products","title":"x"}`, `{"order":null}`,
		`{"orders":[{"id":"1"},{"id":"2"}]}`, `{"id":{"a":1}}`,
	} {
		if _, err := h.post(hook, auth, body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	h.idle()
	list := h.letters()
	if len(list) != 5 {
		t.Errorf("%d letters: %+v", len(list), list)
	}
	for _, l := range list {
		if l.Kind != "unknown" || l.Code != "shape" {
			t.Errorf("letter %+v", l)
		}
	}
	h.clock.SetOffset(h.clock.Offset() + webhook.Kept + time.Hour)
	if err := h.Tend(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list := h.letters(); len(list) != 0 {
		t.Errorf("past their clock %d letters are left", len(list))
	}
}

// TestUninstalled: a merchant who takes the application away closes the store.
func TestUninstalled(t *testing.T) {
	h := open(t, nil)
	h.subscribe()
	hook, auth := h.hook("app", "uninstalled")
	if _, err := h.post(hook, auth, `{"shop":"x.example.com","id":548380009}`); err != nil {
		t.Fatal(err)
	}
	orders, secret := h.hook("orders", "create")
	if _, err := h.post(orders, secret, `{"event":"app/uninstalled"}`); err != nil {
		t.Fatal(err)
	}
	h.idle()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.lost) != 2 || h.lost[0] != h.store+" uninstalled" {
		t.Errorf("lost: %q", h.lost)
	}
}

// TestForgotten: nothing of a store is left once it is disconnected, and nothing
// comes in.
func TestForgotten(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	h.add(app, webhook.Events)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	if _, err := h.vault.Disconnect(context.Background(), h.who, h.store, false); err != nil {
		t.Fatal(err)
	}
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 1, sim.Root))); err == nil {
		t.Error("a disconnected store takes deliveries in")
	}
	h.in(func(tx *guard.Tx) error { return h.ForgetTx(tx, h.store) })
	l, err := h.List(context.Background(), h.who, h.store)
	if err != nil || len(l.Hooks)+len(l.Endpoints) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
	if n := len(app.messages()); n != 0 {
		t.Errorf("the application was told %d times", n)
	}
}

// TestClosed: a store that was closed takes nothing in and tells nothing, and a new
// grant makes new subscriptions.
func TestClosed(t *testing.T) {
	h := open(t, nil)
	app := newApplication(t)
	app.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	h.add(app, webhook.Events)
	h.subscribe()
	hook, auth := h.hook("orders", "create")
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 1, sim.Root))); err != nil {
		t.Fatal(err)
	}
	h.until("the application was asked once", func() bool { return len(app.messages()) > 0 })
	h.in(func(tx *guard.Tx) error { _, err := h.vault.CloseTx(tx, h.store); return err })
	if _, err := h.post(hook, auth, string(h.sim.Delivery(h.shop.Name, 2, sim.Root))); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("a closed store takes deliveries in: %v", err)
	}
	h.idle() // what was under way is dropped at its next try
	if l := h.letters(); len(l) != 0 {
		t.Errorf("letters of a closed store: %+v", l)
	}
	h.in(func(tx *guard.Tx) error { return h.CloseTx(tx, h.store) })
	if _, err := h.post(hook, auth, `{"id":"1"}`); !strongroom.IsKind(err, strongroom.Unauthenticated) {
		t.Errorf("a retired subscription: %v", err)
	}
	h.in(func(tx *guard.Tx) error { _, err := h.vault.ReopenTx(tx, h.store); return err })
	h.subscribe()
	if again, _ := h.hook("orders", "create"); again == hook {
		t.Error("after a new grant there is no new subscription")
	}
}
