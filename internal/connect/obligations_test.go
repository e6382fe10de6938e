package connect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/vault"
)

// secrets returns what a redirect of a store brings that nobody may read, and the
// client id.
func (h *house) secrets(store int) map[string]string {
	q := h.sim.Callback(h.name(store))
	return map[string]string{
		"store token": q.Get("access_token"), "platform token": q.Get("token"), "refresh token": q.Get("refreshToken"),
		"client id": h.sim.ClientID(), "user": q.Get("userId"), "name": q.Get("name"), "key": q.Get("ecartapi_key"),
	}
}

// EcartAPI's keys lie encrypted: nothing in the database holds one, while the store
// works, and none is left once the grant has ended and EcartAPI was told.
func TestObligation_2_4_8_CredentialsAreSealed(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	h.must(h.sync(got.Store))
	look := func(when string) {
		t.Helper()
		dump := h.dump()
		if len(dump) < 1000 {
			t.Fatalf("%s: the dump holds %d bytes", when, len(dump))
		}
		for what, value := range h.secrets(0) {
			if bytes.Contains(dump, []byte(value)) {
				t.Errorf("%s: the database holds the %s", when, what)
			}
		}
	}
	look("connected")
	_, err = h.Revoke(t.Context(), h.who, got.Store)
	h.must(err)
	h.must(h.doJob(got.Store))
	look("revoked")
	if err := h.guard.Do(t.Context(), h.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(intake.ActionSync, strongroom.Resource{Type: "Store", ID: got.Store, Store: got.Store}, guard.Context{}); err != nil {
			return err
		}
		_, err := h.intake.TokenTx(&tx.Reader, got.Store)
		return err
	}); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("a token is left after the grant ended: %v", err)
	}
	// The planted negative: what is written in clear is found.
	h.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("insert into connect_token (mark, store, at) values ($1, $2, 1)", []byte{1}, h.secrets(0)["store token"])
		return err
	})
	if !bytes.Contains(h.dump(), []byte(h.secrets(0)["store token"])) {
		t.Error("the scan does not see a token in clear")
	}
}

// Only who needs EcartAPI's keys reaches them, and that is nobody: every use is by the
// product, for somebody who may, and an event; no verb returns a key.
func TestObligation_2_4_9_CredentialsAreUsedAndNeverShown(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	got, err := h.back(0)
	h.must(err)
	before := len(h.events())
	h.must(h.sync(got.Store))
	if used := h.events()[before:]; len(used) == 0 || !strings.Contains(used[0], `sync.run`) || !strings.Contains(used[0], got.Store) {
		t.Errorf("a use of the credential is no event: %q", used)
	}
	shown := new(bytes.Buffer)
	show := func(v any, err error) {
		h.must(err)
		fmt.Fprintf(shown, "%v %+v %#v ", v, v, v)
		text, err := json.Marshal(v)
		h.must(err)
		shown.Write(text)
	}
	apps, err := h.Apps(ctx, h.who)
	show(apps, err)
	grants, err := h.Grants(ctx, h.who, got.Store)
	show(grants, err)
	list, err := h.Credentials(ctx, h.who)
	show(list, err)
	c, err := h.credential(got.Store)
	h.must(err)
	fmt.Fprintf(shown, "%v %+v %#v", c, c, c)
	_, replay := h.back(0)
	fmt.Fprint(shown, replay)
	shown.WriteString(strings.Join(h.events(), "\n"))
	for what, value := range h.secrets(0) {
		if strings.Contains(shown.String(), value) {
			t.Errorf("an answer, a fault or an event shows the %s", what)
		}
	}
	if c.Token.Reveal() != h.secrets(0)["store token"] { // the planted negative: it is the token
		t.Error("the credential is not the token that came in")
	}
	for _, role := range []string{authz.Application, authz.Auditor, authz.Security, authz.Privacy, authz.Maintenance} {
		who := h.who
		who.Roles = []string{role}
		if role == authz.Application {
			who = strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: who.Roles, AllStores: true, Door: "http"}
		}
		if _, err := h.AddStore(ctx, who, vault.StoreSpec{Name: "shop", Platform: "shopify"}, pasted(h)); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s connects a store: %v", role, err)
		}
		if err := h.RemoveApp(ctx, who, h.app); !strongroom.IsKind(err, strongroom.Denied) {
			t.Errorf("%s removes an application: %v", role, err)
		}
	}
}

// The Customer's grant is recorded, and its end stops sync, the use of the credential,
// reveal and every other way to the store's data at once.
func TestObligation_3_2_7_GrantAndItsEnd(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	page, err := h.Begin(ctx, h.app)
	h.must(err)
	got, err := h.Callback(ctx, h.app, h.sim.Callback(h.name(0)).Encode(), page.Cookie)
	h.must(err)
	h.must(h.sync(got.Store))
	list, _, err := h.vault.Records(ctx, h.who, vault.ListQuery{Store: got.Store})
	h.must(err)
	app := strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application}, Stores: []string{got.Store}, Door: "http",
	}
	ways := map[string]func() error{
		"sync": func() error { return h.sync(got.Store) },
		"use":  func() error { _, err := h.credential(got.Store); return err },
		"reveal": func() error {
			_, err := h.vault.Reveal(ctx, app, vault.RevealRequest{Store: got.Store, Record: list[0].ID, Purpose: strongroom.Fulfilment, Reference: "order-1"})
			return err
		},
		"list": func() error { _, _, err := h.vault.Records(ctx, app, vault.ListQuery{Store: got.Store}); return err },
		"read": func() error { _, err := h.vault.Record(ctx, app, got.Store, list[0].ID); return err },
	}
	for name, way := range ways { // the planted negative: with the grant each of them works
		if err := way(); err != nil {
			t.Fatalf("%s with a grant: %v", name, err)
		}
	}
	security := h.who
	security.Roles = []string{authz.Security}
	began := time.Now()
	_, err = h.Revoke(ctx, security, got.Store)
	h.must(err)
	want(t, "the first call behind the end", ways["list"](), strongroom.Denied)
	t.Logf("from the order to revoke to the first refusal: %v", time.Since(began))
	for name, way := range ways {
		if err := way(); !strongroom.IsKind(err, strongroom.Denied) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s without a grant: %v", name, err)
		}
	}
	if strings.Join(h.closed, ";") != got.Store+" by_hand" {
		t.Errorf("the clocks of the store: %q", h.closed)
	}
	receipts, err := h.Grants(ctx, h.who, got.Store)
	h.must(err)
	if len(receipts) != 1 || receipts[0].Person == "" || !receipts[0].Shown || len(receipts[0].TextDigest) != 64 || receipts[0].Ended.IsZero() || receipts[0].Damaged {
		t.Errorf("the receipt: %+v", receipts)
	}
	if other, err := h.back(1); err != nil || h.sync(other.Store) != nil {
		t.Errorf("another store is closed with it: %v", err)
	}
	// A store that somebody opened again in the database is found, and so is a receipt
	// that was changed.
	h.exec(func(tx *db.Tx) error { _, err := tx.Exec("update vault_store set status = 1, closed = 0"); return err })
	if tally, err := h.Tally(ctx); err != nil || tally.Reopened != 1 {
		t.Errorf("a store opened behind the product's back: %+v, %v", tally, err)
	}
	h.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update connect_grant set ended_at = 0, cause = 0")
		return err
	})
	receipts, err = h.Grants(ctx, h.who, got.Store)
	if err != nil || !receipts[0].Damaged {
		t.Errorf("a changed receipt: %+v, %v", receipts, err)
	}
	if tally, err := h.Tally(ctx); err != nil || tally.Reopened != 1 {
		t.Errorf("a changed receipt: %+v, %v", tally, err)
	}
	if _, err := h.Revoke(ctx, security, got.Store); err != nil { // damage keeps nobody from closing
		t.Error(err)
	}
}

// What came in says its origin, and the store it names says by which grant of which
// application.
func TestObligation_2_8_1_OriginLeadsToTheGrant(t *testing.T) {
	h := open(t)
	got, err := h.back(0)
	h.must(err)
	h.must(h.sync(got.Store))
	list, _, err := h.vault.Records(t.Context(), h.who, vault.ListQuery{Store: got.Store})
	h.must(err)
	for _, r := range list {
		grants, err := h.Grants(t.Context(), h.who, r.Origin.Store)
		h.must(err)
		if len(grants) != 1 || grants[0].App != h.app || grants[0].At.After(r.Origin.Fetched) {
			t.Errorf("record %s leads to %+v", r.ID, grants)
		}
	}
	if len(list) == 0 {
		t.Error("nothing came in")
	}
	if grants, err := h.Grants(t.Context(), h.who, strongroom.NewID("str")); err != nil || len(grants) != 0 {
		t.Errorf("a store nobody connected has grants: %+v, %v", grants, err)
	}
}
