package connect_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/connect"
	"strongroom/internal/vault"
)

func want(t testing.TB, what string, err error, kind strongroom.Kind) {
	t.Helper()
	if !strongroom.IsKind(err, kind) {
		t.Errorf("%s: %v (%v), want %v", what, err, strongroom.KindOf(err), kind)
	}
}

// TestRedirect: a shop's owner grants access, comes back, and the store is there with
// its credential; the page that was shown is in the receipt.
func TestRedirect(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	page, err := h.Begin(ctx, h.app)
	h.must(err)
	if page.URL != h.ecart.URL+"/oauth/app_66aa0f61d2" || page.Text == "" || len(page.Scope) != 4 {
		t.Errorf("the page: %+v", page)
	}
	got, err := h.Callback(ctx, h.app, h.sim.Callback(h.name(0)).Encode(), page.Cookie)
	h.must(err)
	if !got.New {
		t.Error("the store was known before")
	}
	h.must(h.sync(got.Store))
	s, err := h.vault.Store(ctx, h.who, got.Store)
	h.must(err)
	if s.Records == 0 || s.Name != h.name(0) || s.Platform != h.sim.Stores()[0].Platform {
		t.Errorf("the store: %+v", s)
	}
	list, err := h.Grants(ctx, h.who, got.Store)
	h.must(err)
	if len(list) != 1 || list[0].How != "redirect" || !list[0].Shown || list[0].By != "sys:connect" || len(list[0].TextDigest) != 64 ||
		list[0].Person == "" || strings.Join(list[0].Scope, " ") != "orders customers fulfillments store" || !list[0].Ended.IsZero() {
		t.Errorf("the receipt: %+v", list)
	}
	other, err := h.back(1) // without the page's cookie
	h.must(err)
	list, err = h.Grants(ctx, h.who, other.Store)
	h.must(err)
	if len(list) != 1 || list[0].Shown {
		t.Errorf("the receipt of an owner who saw no page of ours: %+v", list)
	}
	apps, err := h.Apps(ctx, h.who)
	h.must(err)
	if len(apps) != 1 || apps[0].Stores != 2 {
		t.Errorf("applications: %+v", apps)
	}
	want(t, "removing an application in use", h.RemoveApp(ctx, h.who, h.app), strongroom.Conflict)
}

// TestKnownShop: what EcartAPI names a shop is told on, what a query says of it is not.
func TestKnownShop(t *testing.T) {
	h := open(t)
	q := h.sim.Callback(h.name(0))
	q.Set("url", "https://elsewhere.example")
	got, err := h.Callback(context.Background(), h.app, q.Encode(), "")
	h.must(err)
	if len(h.known) != 1 || !strings.HasPrefix(h.known[0], got.Store+" "+h.sim.Stores()[0].Platform+" ") || strings.Contains(h.known[0], "elsewhere") {
		t.Errorf("what is known: %q", h.known)
	}
	h.mu.Lock()
	h.status = 500 // EcartAPI does not say which shop it is
	h.mu.Unlock()
	_, err = h.back(1)
	h.must(err)
	if len(h.known) != 1 {
		t.Errorf("a shop that nobody named is known: %q", h.known)
	}
}

// TestOlderFlow: the redirect brings an id, and the token is fetched within a minute.
func TestOlderFlow(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	q := h.sim.ShopCallback(h.name(0), h.real.Now().Add(-2*time.Minute))
	_, err := h.Callback(ctx, h.app, q.Encode(), "")
	want(t, "after two minutes", err, strongroom.Unauthenticated)
	q = h.sim.ShopCallback(h.name(0), h.real.Now())
	forged := url.Values{"shop_id": q["shop_id"], "key": {strings.Repeat("A", 43) + "="}}
	_, err = h.Callback(ctx, h.app, forged.Encode(), "")
	want(t, "a forged key", err, strongroom.Unauthenticated)
	_, err = h.Callback(ctx, h.app, url.Values{"shop_id": {"../store"}, "key": q["key"]}.Encode(), "")
	want(t, "an id that leads elsewhere", err, strongroom.Unauthenticated)
	_, err = h.Callback(ctx, h.app, url.Values{"shop_id": {"66aa00000000"}, "key": q["key"]}.Encode(), "")
	want(t, "a shop nobody knows", err, strongroom.Unauthenticated)
	got, err := h.Callback(ctx, h.app, q.Encode(), "")
	h.must(err)
	h.must(h.sync(got.Store))
	_, err = h.Callback(ctx, h.app, q.Encode(), "")
	want(t, "the same again", err, strongroom.Conflict)
}

// TestCallbackCountsOnce: a callback that came before opens nothing, not even after the
// grant ended; and it is an event.
func TestCallbackCountsOnce(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	_, err = h.back(0)
	want(t, "a replay", err, strongroom.Conflict)
	if log := strings.Join(h.events(), "\n"); !strings.Contains(log, "callback-used") {
		t.Error("a replay is no event")
	}
	_, err = h.Revoke(t.Context(), h.who, got.Store)
	h.must(err)
	_, err = h.back(0)
	want(t, "a replay after the grant ended", err, strongroom.Conflict)
	want(t, "a sync of the closed store", h.sync(got.Store), strongroom.Denied)
}

// TestQueryNamesNoShop: what the query says of the shop is not proven by its key. Who
// changes it takes no other shop's place.
func TestQueryNamesNoShop(t *testing.T) {
	h := open(t)
	first, err := h.back(0)
	h.must(err)
	_, err = h.Revoke(t.Context(), h.who, first.Store)
	h.must(err)
	q := h.sim.Callback(h.name(1)) // signed, of another shop
	q.Set("url", "https://"+h.name(0))
	q.Set("ecommerce", h.sim.Stores()[0].Platform)
	got, err := h.Callback(t.Context(), h.app, q.Encode(), "")
	h.must(err)
	if got.Store == first.Store {
		t.Fatal("a signed token of one shop was taken for another's")
	}
	want(t, "the other shop", h.sync(first.Store), strongroom.Denied)

	// The planted negative: where EcartAPI names the shop, it is known again.
	h2 := open(t)
	one, err := h2.Callback(t.Context(), h2.app, h2.sim.ShopCallback(h2.name(0), h2.real.Now()).Encode(), "")
	h2.must(err)
	if _, err := h2.Revoke(t.Context(), h2.who, one.Store); err != nil {
		t.Fatal(err)
	}
	h2.must(h2.Paste(t.Context(), h2.who, one.Store, connect.Pasted{Token: h2.sim.Stores()[0].Token}))
	h2.must(h2.sync(one.Store))
}

// TestUnknownShop: where EcartAPI does not say which shop a token is for, the proof
// holds, and the token becomes a store of its own.
func TestUnknownShop(t *testing.T) {
	h := open(t)
	h.status = 503
	got, err := h.back(0)
	h.must(err)
	h.status = 0
	h.must(h.sync(got.Store))
}

// TestPaste: pasted tokens are grants too; another one rotates; one for a closed store
// opens it anew with a receipt of its own.
func TestPaste(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	spec := vault.StoreSpec{Name: "Nopalito Norte", Platform: "shopify"}
	token := h.sim.Stores()[0].Token
	for name, p := range map[string]connect.Pasted{
		"no token": {}, "our key": {Token: "sr_test_abc"}, "the client id": {Token: h.sim.ClientID()},
		"loopback": {Token: token, Base: "http://127.0.0.1:9"}, "private": {Token: token, Base: "https://10.1.2.3"},
		"metadata": {Token: token, Base: "https://169.254.169.254"}, "a version": {Token: token, Version: "v9"},
	} {
		_, err := h.AddStore(ctx, h.who, spec, p)
		if !strongroom.IsKind(err, strongroom.Invalid) && !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := h.AddStore(ctx, h.who, spec, connect.Pasted{Token: token, GrantedBy: "owner 17"})
	h.must(err)
	h.must(h.sync(s.ID))
	h.must(h.Paste(ctx, h.who, s.ID, connect.Pasted{Token: token}))
	list, err := h.Grants(ctx, h.who, s.ID)
	h.must(err)
	if len(list) != 1 || list[0].How != "paste" || list[0].By != h.who.ID || list[0].Person == "" {
		t.Errorf("a rotation is a new grant: %+v", list)
	}
	c, err := h.Revoke(ctx, h.who, s.ID)
	h.must(err)
	if c.Job != "" || c.Closed.IsZero() || len(h.jobs) != 0 {
		t.Errorf("without application there is nothing to tell EcartAPI: %+v", c)
	}
	h.must(h.Paste(ctx, h.who, s.ID, connect.Pasted{Token: token}))
	h.must(h.sync(s.ID))
	list, err = h.Grants(ctx, h.who, s.ID)
	h.must(err)
	if len(list) != 2 || !list[0].Ended.IsZero() || list[1].Cause != "by_hand" || list[1].Ended.IsZero() {
		t.Errorf("after a new grant: %+v", list)
	}
	events := func() int {
		list, err := h.log.Events(ctx, 0, 10000)
		h.must(err)
		return len(list)
	}
	auditor := h.who
	auditor.Roles = []string{authz.Auditor}
	for name, c := range map[string]struct {
		who   strongroom.Actor
		store string
		base  string
		kind  strongroom.Kind
	}{
		"a store that is none":                          {h.who, strongroom.NewID("str"), "", strongroom.NotFound},
		"what is no id":                                 {h.who, "larkspur", "", strongroom.NotFound},
		"an address that is not public":                 {h.who, s.ID, "https://127.0.0.1:1", strongroom.Denied},
		"one who may not":                               {auditor, s.ID, "", strongroom.Denied},
		"one who may not, and has an address looked up": {auditor, s.ID, "https://nowhere.invalid", strongroom.Denied},
	} {
		before := events()
		want(t, name, h.Paste(ctx, c.who, c.store, connect.Pasted{Token: token, Base: c.base}), c.kind)
		if n := events() - before; n != 1 {
			t.Errorf("%s: %d events", name, n)
		}
	}
}

// TestAuthorize: EcartAPI makes a token of the platform's own credentials.
func TestAuthorize(t *testing.T) {
	h := open(t)
	st := h.sim.Stores()[0]
	a := connect.Authorization{Platform: st.Platform, URL: "https://" + st.Name, Credentials: map[string]string{"password": "wrong"}}
	_, err := h.Authorize(t.Context(), h.who, h.app, a)
	want(t, "wrong credentials", err, strongroom.Invalid)
	a.Credentials["password"] = "open sesame"
	got, err := h.Authorize(t.Context(), h.who, h.app, a)
	h.must(err)
	h.must(h.sync(got.Store))
	nobody := h.who
	nobody.Roles = []string{"auditor"}
	_, err = h.Authorize(t.Context(), nobody, h.app, a)
	want(t, "an auditor", err, strongroom.Denied)
}

// TestLost: EcartAPI refuses the token, and the store is closed by the first answer
// that says so; a 403 only if the store itself is refused too.
func TestLost(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	h.must(h.sync(got.Store))
	for _, cause := range []connect.Cause{connect.Forbidden, connect.Unauthorized} {
		h.must(h.Lost(t.Context(), got.Store, cause)) // the store still answers
		h.must(h.sync(got.Store))
	}
	h.status = 403
	h.must(h.Lost(t.Context(), got.Store, connect.Forbidden))
	h.status = 0
	want(t, "after 403", h.sync(got.Store), strongroom.Denied)
	if strings.Join(h.closed, ";") != got.Store+" forbidden" {
		t.Errorf("clocks were started for %q", h.closed)
	}
	h.must(h.Lost(t.Context(), got.Store, connect.Uninstalled)) // again changes nothing
	if len(h.closed) != 1 {
		t.Errorf("clocks were started again: %q", h.closed)
	}
	other, err := h.back(1)
	h.must(err)
	h.status = 401
	want(t, "a refused token", h.sync(other.Store), strongroom.Denied)
	h.status = 0
	list, err := h.Grants(t.Context(), h.who, other.Store)
	h.must(err)
	if len(list) != 1 || list[0].Cause != "unauthorized" {
		t.Errorf("after 401: %+v", list)
	}
	left, err := h.Credentials(t.Context(), h.who)
	h.must(err)
	if len(left) != 1 || left[0].Kind != "application" {
		t.Errorf("credentials that are worth nothing are kept: %+v", left)
	}
}

// TestEndUpstream: what was revoked by hand is ended at EcartAPI too, as often as it
// takes, and then the token is gone.
func TestEndUpstream(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	got, err := h.back(0)
	h.must(err)
	c, err := h.Revoke(ctx, h.who, got.Store)
	h.must(err)
	if c.Job == "" || len(h.jobs) != 1 {
		t.Fatalf("no job was put in: %+v", c)
	}
	h.status = 500
	want(t, "while EcartAPI fails", h.doJob(got.Store), strongroom.Unavailable)
	h.status = 0
	h.must(h.doJob(got.Store))
	if last := h.asked[len(h.asked)-1]; last != "DELETE /api/v2/apps/app_66aa0f61d2/accesses" {
		t.Errorf("EcartAPI was asked for %s", last)
	}
	if _, status := h.raw("/api/v2/store", h.sim.Stores()[0].Token); status != 401 {
		t.Errorf("EcartAPI answers %d to the ended token", status)
	}
	n := len(h.asked)
	h.must(h.doJob(got.Store)) // again: nothing to do
	if len(h.asked) != n {
		t.Error("EcartAPI is told twice")
	}
}

// TestRotationEndsNothing: a job that comes late ends no newer grant.
func TestRotationEndsNothing(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	_, err = h.Revoke(t.Context(), h.who, got.Store)
	h.must(err)
	h.must(h.Paste(t.Context(), h.who, got.Store, connect.Pasted{Token: h.sim.Stores()[0].Token}))
	h.must(h.doJob(got.Store))
	h.must(h.sync(got.Store))
}

// TestAge: a credential that is older than the configured age is counted, and its last
// use is listed.
func TestAge(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	tally, err := h.Tally(t.Context())
	h.must(err)
	if tally.Credentials != 2 || tally.Old != 0 || tally.Reopened != 0 {
		t.Errorf("at first: %+v", tally)
	}
	h.clock.SetOffset(h.clock.Offset() + 364*24*time.Hour)
	if tally, err = h.Tally(t.Context()); err != nil || tally.Old != 0 {
		t.Errorf("after 364 days: %+v, %v", tally, err)
	}
	h.clock.SetOffset(h.clock.Offset() + 48*time.Hour)
	if tally, err = h.Tally(t.Context()); err != nil || tally.Old != 2 || tally.Oldest < 365*24*time.Hour {
		t.Errorf("after 366 days: %+v, %v", tally, err)
	}
	h.must(h.sync(got.Store))
	list, err := h.Credentials(t.Context(), h.who)
	h.must(err)
	if len(list) != 2 || list[0].Store != got.Store || !list[0].Old || list[0].Used.IsZero() {
		t.Errorf("credentials: %+v", list)
	}
	h.must(h.Paste(t.Context(), h.who, got.Store, connect.Pasted{Token: h.sim.Stores()[0].Token}))
	if tally, err = h.Tally(t.Context()); err != nil || tally.Old != 1 {
		t.Errorf("after a rotation: %+v, %v", tally, err)
	}
	limited := h.who
	limited.AllStores, limited.Stores = false, []string{strongroom.NewID("str")}
	if list, err = h.Credentials(t.Context(), limited); err != nil || len(list) != 0 {
		t.Errorf("somebody of another store sees %+v, %v", list, err)
	}
}
