package erasure_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/erasure"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/lifecycle"
	"strongroom/internal/seal"
	"strongroom/internal/signal"
	"strongroom/internal/vault"
)

// room is an Inbox over a real database, log and guard, and a vault that holds nothing.
type room struct {
	*erasure.Inbox
	t       testing.TB
	ground  *guardtest.Ground
	clock   *strongroom.Clock
	rs      *lifecycle.Requests
	shops   []vault.Shop
	closed  bool
	refused int
}

// nothing is a vault without records.
type nothing struct{}

func (nothing) EraseShopper(context.Context, strongroom.Actor, vault.ShopperErasure) (vault.Erased, *guard.Receipt, error) {
	return vault.Erased{}, nil, nil
}

func (nothing) Disconnect(context.Context, strongroom.Actor, string, bool) (vault.Preview, error) {
	return vault.Preview{}, nil
}

func (nothing) EraseStoreStep(context.Context, strongroom.Actor, string, int) (int, bool, error) {
	return 0, false, nil
}

func (nothing) Find(context.Context, strongroom.Actor, vault.FindQuery) ([]vault.Record, string, error) {
	return nil, "", nil
}

func enter(t testing.TB) *room {
	t.Helper()
	r := &room{t: t, clock: new(strongroom.Clock)}
	r.clock.SetOffset(time.Until(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)))
	r.ground = guardtest.Open(t, r.clock, lifecycle.Schema(), erasure.Schema())
	g := r.ground.Start(t, strongroom.Test, guard.Options{})
	here := func(_ *db.Reader, id string) error {
		if r.closed {
			return strongroom.Faultf(strongroom.Denied, "store-closed", "closed")
		}
		if !slices.ContainsFunc(r.shops, func(s vault.Shop) bool { return s.ID == id }) {
			return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
		}
		return nil
	}
	cases := lifecycle.NewCases(lifecycle.CasesOptions{Guard: g, Environment: strongroom.Test, Key: seal.NewKey(), Store: here})
	r.rs = lifecycle.NewRequests(lifecycle.RequestsOptions{
		Guard: g, Environment: strongroom.Test, Key: seal.NewKey(), Cases: cases, Records: nothing{}, Store: here,
		Epoch: func() (uint32, bool) { return 1, false },
	})
	r.Inbox = erasure.New(erasure.Options{
		Guard: g, Environment: strongroom.Test, Key: seal.NewKey(), Requests: r.rs, Store: here,
		Shops:   func(*db.Reader) ([]vault.Shop, error) { return r.shops, nil },
		Refused: func(context.Context, netip.Addr, string) { r.refused++ },
	})
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// store adds a store that people call so.
func (r *room) store(name, platform string) string {
	id := strongroom.NewID("str")
	r.shops = append(r.shops, vault.Shop{ID: id, Name: name, Platform: platform})
	return id
}

// leave disconnects a store.
func (r *room) leave(id string) {
	r.shops = slices.DeleteFunc(r.shops, func(s vault.Shop) bool { return s.ID == id })
}

func as(role string, stores ...string) strongroom.Actor {
	return strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{role}, Stores: stores, AllStores: len(stores) == 0, Door: "http",
	}
}

const secret = "shpss_0123456789"

func (r *room) register() erasure.Sender {
	r.t.Helper()
	s, err := r.SetSender(context.Background(), as(authz.Owner), erasure.SenderSpec{Platform: signal.Shopify, Name: "our-app", Secret: signal.NewSecret(secret)})
	r.must(err)
	return s
}

// signed is a message of Shopify.
func signed(topic, body string) signal.Message {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(body))
	return signal.Message{Header: http.Header{
		"X-Shopify-Topic": {topic}, "X-Shopify-Hmac-Sha256": {base64.StdEncoding.EncodeToString(h.Sum(nil))},
	}, Body: []byte(body)}
}

func (r *room) receive(m signal.Message) (erasure.Taken, error) {
	return r.Receive(context.Background(), "shopify", m, netip.MustParseAddr("192.0.2.1"))
}

func want(t testing.TB, err error, kind strongroom.Kind, code string) {
	t.Helper()
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v, want %v with code %q", err, kind, code)
	}
}

func shop(domain string) string { return fmt.Sprintf(`{"shop_id":7,"shop_domain":%q}`, domain) }

// TestObligation_3_2_7_WhichStore: a signal is about the one store that is its shop, and
// where that is not certain a person says.
func TestObligation_3_2_7_WhichStore(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	r.register()
	about := func(domain string) (stores []string, waits []lifecycle.WaitReason) {
		t.Helper()
		taken, err := r.receive(signed("shop/redact", shop(domain)))
		r.must(err)
		return taken.Request.Stores, taken.Request.Waits
	}
	waiting := []lifecycle.WaitReason{lifecycle.WaitShop}
	if s, w := about("nobody.example.com"); len(s) != 0 || !slices.Equal(w, waiting) {
		t.Errorf("nobody's shop is %v, waits %v", s, w)
	}
	named := r.store("Named.Example.com", "shopify")
	if s, w := about("named.example.com"); !slices.Equal(s, []string{named}) || len(w) != 0 {
		t.Errorf("a store by its name is %v, waits %v", s, w)
	}
	r.store("other.example.com", "tiendanube")
	if s, _ := about("other.example.com"); len(s) != 0 {
		t.Errorf("a shop of another platform is %v", s)
	}
	r.store("twice.example.com", "shopify")
	r.store("https://twice.example.com/", "shopify")
	if s, w := about("twice.example.com"); len(s) != 0 || !slices.Equal(w, waiting) {
		t.Errorf("one of two stores was picked: %v, waits %v", s, w)
	}
	said := r.store("Tea and Co", "shopify")
	r.must(r.AddShop(ctx, as(authz.Operator), said, erasure.Shop{Domain: "https://Tea.example.com:443/x"}))
	if s, _ := about("tea.example.com"); !slices.Equal(s, []string{said}) {
		t.Errorf("a store that was said is %v", s)
	}
	byID := r.store("By id", "shopify")
	r.must(r.AddShop(ctx, as(authz.Operator), byID, erasure.Shop{Platform: signal.Shopify, ID: "77"}))
	taken, err := r.receive(signed("shop/redact", `{"shop_id":77}`))
	if err != nil || !slices.Equal(taken.Request.Stores, []string{byID}) {
		t.Errorf("a store by its id is %v, %v", taken.Request.Stores, err)
	}
	// A store that left is still known by what was found out before.
	r.leave(named)
	taken, err = r.receive(signed("customers/redact", `{"shop_domain":"named.example.com","customer":{"id":1}}`))
	if err != nil || !slices.Equal(taken.Request.Stores, []string{named}) || len(taken.Request.Waits) != 0 {
		t.Errorf("a store that left: %+v, %v", taken.Request, err)
	}
	r.must(r.DropShops(ctx, as(authz.Operator), said))
	want(t, r.DropShops(ctx, as(authz.Operator), said), strongroom.NotFound, "shop")
	want(t, r.AddShop(ctx, as(authz.Operator), said, erasure.Shop{}), strongroom.Invalid, "shop")
	want(t, r.AddShop(ctx, as(authz.Operator), strongroom.NewID("str"), erasure.Shop{Domain: "x.example.com"}), strongroom.NotFound, "store")
}

// TestClosedStore: a question about a closed store waits, and its erasure does not.
func TestClosedStore(t *testing.T) {
	r := enter(t)
	r.register()
	store := r.store("shop.example.com", "shopify")
	r.closed = true
	q, err := r.receive(signed("customers/data_request", `{"shop_domain":"shop.example.com","customer":{"id":1},"data_request":{"id":5}}`))
	if err != nil || !slices.Equal(q.Request.Waits, []lifecycle.WaitReason{lifecycle.WaitShop}) {
		t.Errorf("%+v, %v", q.Request, err)
	}
	q, err = r.receive(signed("shop/redact", shop("shop.example.com")))
	if err != nil || q.Request.State != lifecycle.RequestErasing || !slices.Equal(q.Request.Stores, []string{store}) {
		t.Errorf("%+v, %v", q.Request, err)
	}
}

// TestObligation_2_7_1_Replays: the same message opens one request.
func TestObligation_2_7_1_Replays(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	r.register()
	r.store("shop.example.com", "shopify")
	m := signed("customers/redact", `{"shop_domain":"shop.example.com","customer":{"id":1}}`)
	first, err := r.receive(m)
	r.must(err)
	r.clock.SetOffset(r.clock.Offset() + 72*time.Hour)
	again, err := r.receive(m) // it is not done yet
	if err != nil || !again.Again || again.Request.ID != first.Request.ID {
		t.Errorf("%+v, %v", again, err)
	}
	r.must(r.rs.Run(ctx, first.Request.ID))
	before := r.refused
	_, err = r.receive(m)
	want(t, err, strongroom.Conflict, "signal-replayed")
	if r.refused != before {
		t.Error("a replay of a known sender is counted as a stranger's")
	}
	if again, err = r.Paste(ctx, as(authz.Privacy), "shopify", m); err != nil || !again.Again {
		t.Errorf("a person hands it in again: %+v, %v", again, err)
	}
	other, err := r.receive(signed("customers/redact", `{"shop_domain":"shop.example.com","customer":{"id":2}}`))
	if err != nil || other.Again {
		t.Errorf("another shopper: %+v, %v", other, err)
	}
	events := r.ground.Events(t, "signal.receive")
	if n := len(events); n != 5 {
		t.Errorf("%d events", n)
	}
}

// TestSenders: what proves a sender is set, changed, used and forgotten, and an edited
// row proves nothing.
func TestSenders(t *testing.T) {
	r := enter(t)
	ctx, owner := context.Background(), as(authz.Owner)
	m := signed("shop/redact", shop("shop.example.com"))
	_, err := r.receive(m)
	want(t, err, strongroom.Unauthenticated, "signal-signature")
	s := r.register()
	_, err = r.receive(m)
	r.must(err)
	list, err := r.Senders(ctx, owner)
	if err != nil || len(list) != 1 || list[0].Used.IsZero() || strings.Contains(fmt.Sprintf("%+v", list), "shpss") {
		t.Errorf("%+v, %v", list, err)
	}
	again, err := r.SetSender(ctx, owner, erasure.SenderSpec{Platform: signal.Shopify, Name: "our-app", Secret: signal.NewSecret("another-secret")})
	if err != nil || again.ID != s.ID {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = r.receive(m)
	want(t, err, strongroom.Unauthenticated, "signal-signature")
	if r.refused != 2 {
		t.Errorf("%d refusals are counted", r.refused)
	}
	for _, bad := range []erasure.SenderSpec{
		{Platform: "amazon", Name: "x", Secret: signal.NewSecret(secret)}, {Platform: signal.Shopify, Name: "a b", Secret: signal.NewSecret(secret)},
		{Platform: signal.Shopify, Name: "x", Secret: signal.NewSecret("short")}, {Platform: signal.Shopify, Name: "x"},
		{Platform: signal.Shopify, Name: "x", Secret: signal.NewSecret(secret), Endpoint: "https://x.example.com"},
		{Platform: signal.EBay, Name: "x", Secret: signal.NewSecret(secret), Endpoint: "http://x.example.com"},
		{Platform: signal.EBay, Name: "x", Secret: signal.NewSecret(secret), PublicKey: "none"},
	} {
		if _, err := r.SetSender(ctx, owner, bad); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%+v is taken: %v", bad, err)
		}
	}
	for _, role := range []string{authz.Application, authz.Auditor, authz.Security} {
		_, err := r.SetSender(ctx, as(role), erasure.SenderSpec{Platform: signal.Shopify, Name: "x", Secret: signal.NewSecret(secret)})
		if !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s registers a sender: %v", role, err)
		}
	}
	r.must(r.ground.DB.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update erasure_sender set platform = platform + 1")
		return err
	}))
	_, err = r.receive(m)
	want(t, err, strongroom.Internal, "sender-sealed")
	// It does not silence another.
	_, err = r.SetSender(ctx, owner, erasure.SenderSpec{Platform: signal.Shopify, Name: "other-app", Secret: signal.NewSecret(secret)})
	want(t, err, strongroom.Internal, "sender-sealed") // it may be the edited one that is set anew
	r.must(r.ground.DB.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update erasure_sender set platform = platform - 1")
		return err
	}))
	other, err := r.SetSender(ctx, owner, erasure.SenderSpec{Platform: signal.Shopify, Name: "other-app", Secret: signal.NewSecret(secret)})
	r.must(err)
	r.must(r.ground.DB.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update erasure_sender set platform = platform + 1 where id = $1", s.ID)
		return err
	}))
	if _, err = r.receive(m); err != nil {
		t.Errorf("beside an edited sender: %v", err)
	}
	r.must(r.DropSender(ctx, owner, other.ID))
	r.must(r.DropSender(ctx, owner, s.ID))
	want(t, r.DropSender(ctx, owner, s.ID), strongroom.NotFound, "sender")
	_, err = r.receive(m)
	want(t, err, strongroom.Unauthenticated, "signal-signature")
}

// TestPaste: who hands a message in may do so, reaches no further than their stores,
// and does not get a wrong signature past.
func TestPaste(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	r.register()
	mine, other := r.store("mine.example.com", "shopify"), r.store("other.example.com", "shopify")
	_ = other
	notice := func(domain string) signal.Message {
		return signal.Message{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"reference":"DN-1","store":{"url":"` + domain + `"},"scope":{"type":"store"}}`)}
	}
	privacy := as(authz.Privacy, mine)
	taken, err := r.Paste(ctx, privacy, "ecartapi", notice("mine.example.com"))
	if err != nil || !slices.Equal(taken.Request.Stores, []string{mine}) {
		t.Errorf("%+v, %v", taken, err)
	}
	for _, domain := range []string{"other.example.com", "nobody.example.com"} {
		if _, err := r.Paste(ctx, privacy, "ecartapi", notice(domain)); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("somebody of one store hands in one about %s: %v", domain, err)
		}
	}
	for _, role := range []string{authz.Application, authz.Auditor, authz.Security} {
		if _, err := r.Paste(ctx, as(role), "ecartapi", notice("mine.example.com")); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s hands in a notice: %v", role, err)
		}
	}
	m := signed("shop/redact", shop("mine.example.com"))
	m.Body = []byte(shop("other.example.com"))
	_, err = r.Paste(ctx, as(authz.Privacy), "shopify", m)
	want(t, err, strongroom.Unauthenticated, "signal-signature")
	m.Header.Del("X-Shopify-Hmac-Sha256")
	_, err = r.Paste(ctx, as(authz.Privacy), "shopify", m)
	r.must(err)
	_, err = r.Paste(ctx, as(authz.Privacy), "ecartapi", signal.Message{Header: http.Header{}, Body: []byte("hello")})
	want(t, err, strongroom.Invalid, "signal-malformed")
}
