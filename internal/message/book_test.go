package message_test

import (
	"encoding/json"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/jwe"
	"strongroom/internal/message"
	"strongroom/internal/seal"
)

type house struct {
	*message.Book
	t      testing.TB
	ground *guardtest.Ground
	clock  *strongroom.Clock
	owner  strongroom.Actor
}

func open(t testing.TB, onHost bool) *house {
	t.Helper()
	h := &house{t: t, clock: new(strongroom.Clock)}
	h.ground = guardtest.Open(t, h.clock, message.Schema())
	g := h.ground.Start(t, strongroom.Test, guard.Options{})
	h.Book = message.New(message.Options{Guard: g, Environment: strongroom.Test, Key: seal.NewKey(), Clock: h.clock, Real: new(strongroom.Clock), OnHost: onHost})
	h.owner = guardtest.Person("", time.Now(), authz.Owner)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) tend(want bool) {
	h.t.Helper()
	if made, err := h.Tend(h.t.Context()); err != nil || made != want {
		h.t.Fatalf("made %v, %v", made, err)
	}
}

// published returns the keys that callers are told.
func (h *house) published() (keys []jwe.PublicKey) {
	h.t.Helper()
	text, err := h.Keys(h.t.Context())
	h.must(err)
	var set struct{ Keys []json.RawMessage }
	h.must(json.Unmarshal(text, &set))
	for _, one := range set.Keys {
		k, err := jwe.ParsePublic(one)
		h.must(err)
		keys = append(keys, k)
	}
	return keys
}

func (h *house) opens(k jwe.PublicKey) error {
	h.t.Helper()
	m, err := k.Seal([]byte(`{"a":1}`), "application/json", strongroom.NewID("msg"), time.Now())
	h.must(err)
	_, err = h.Open(h.t.Context(), []byte(m))
	return err
}

// TestObligation_2_5_4_KeysTakeTurns: a new key every 30 days, the old one opens for a
// week more and is destroyed then.
func TestObligation_2_5_4_KeysTakeTurns(t *testing.T) {
	h := open(t, false)
	h.tend(true)
	h.tend(false)
	first := h.published()
	if len(first) != 1 {
		t.Fatalf("%d keys", len(first))
	}
	h.must(h.opens(first[0]))
	h.clock.SetOffset(message.KeyLife - time.Hour)
	h.tend(false)
	h.clock.SetOffset(message.KeyLife)
	h.tend(true)
	both := h.published()
	if len(both) != 2 || both[1].KID() != first[0].KID() || both[0].KID() == first[0].KID() {
		t.Fatalf("%d keys", len(both))
	}
	h.must(h.opens(both[0]))
	h.must(h.opens(both[1]))
	h.clock.SetOffset(message.KeyLife + message.Overlap)
	if err := h.opens(first[0]); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("the old key after its time: %v", err)
	}
	h.tend(false)
	if n := h.rows("message_own"); n != 1 {
		t.Errorf("%d private keys are left", n)
	}
	h.must(h.opens(both[0]))
}

func (h *house) rows(table string) (n int) {
	h.t.Helper()
	h.must(h.ground.DB.Read(h.t.Context(), func(r *db.Reader) error {
		if table == "message_own" {
			return r.QueryRow("select count(*) from message_own").Scan(&n)
		}
		return r.QueryRow("select count(*) from message_client").Scan(&n)
	}))
	return n
}

// A row that was changed is no key, and a new one is made in the place of the instance's.
func TestForgedKeysAreNone(t *testing.T) {
	h := open(t, false)
	h.tend(true)
	holder := strongroom.NewID("svc")
	k, err := jwe.NewPrivate()
	h.must(err)
	_, err = h.Add(t.Context(), h.owner, holder, k.Public().JWK(), time.Time{})
	h.must(err)
	if got, err := h.KeyOf(t.Context(), holder); err != nil || got.KID() != k.Public().KID() { // the planted negative
		t.Fatal(err)
	}
	h.must(h.ground.DB.Update(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec("update message_client set author = holder"); err != nil {
			return err
		}
		_, err := tx.Exec("update message_own set made = made + 1")
		return err
	}))
	if got, err := h.KeyOf(t.Context(), holder); err == nil || !got.IsZero() {
		t.Error("a forged key is taken")
	}
	if list, err := h.List(t.Context(), h.owner); err != nil || len(list) != 1 || !list[0].Damaged {
		t.Errorf("%+v, %v", list, err)
	}
	if n := len(h.published()); n != 0 {
		t.Errorf("%d forged keys are published", n)
	}
	h.clock.SetOffset(time.Minute)
	h.tend(true)
	h.must(h.opens(h.published()[0]))
}

func TestClients(t *testing.T) {
	h := open(t, false)
	ctx := t.Context()
	holder := strongroom.NewID("svc")
	add := func(who strongroom.Actor, until time.Time) (message.Client, jwe.PrivateKey, error) {
		k, err := jwe.NewPrivate()
		h.must(err)
		c, err := h.Add(ctx, who, holder, k.Public().JWK(), until)
		return c, k, err
	}
	old, one, err := add(h.owner, time.Time{})
	h.must(err)
	h.clock.SetOffset(time.Second)
	_, two, err := add(h.owner, time.Now().Add(time.Hour))
	h.must(err)
	is := func(when string, want jwe.PrivateKey) {
		t.Helper()
		if got, err := h.KeyOf(ctx, holder); err != nil || got.KID() != want.Public().KID() {
			t.Errorf("%s: %v", when, err)
		}
	}
	is("the newest", two)
	h.clock.SetOffset(2 * time.Hour)
	is("when that one is over", one)
	h.must(h.Remove(ctx, h.owner, old.ID))
	if got, err := h.KeyOf(ctx, holder); err != nil || !got.IsZero() {
		t.Errorf("removed: %v", err)
	}
	if err := h.Remove(ctx, h.owner, old.ID); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Error(err)
	}
	if _, _, err := add(h.owner, time.Now().Add(-time.Hour)); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Error(err)
	}
	app := strongroom.Actor{Kind: strongroom.ServiceActor, ID: holder, Roles: []string{authz.Application}, AllStores: true, Door: "http"}
	if _, _, err := add(app, time.Time{}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application registers its own key: %v", err)
	}
	for range 7 {
		_, _, err = add(h.owner, time.Time{})
		h.must(err)
	}
	if _, _, err := add(h.owner, time.Time{}); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("one too many: %v", err)
	}
}

// Where TLS ends at somebody who is not trusted, a key comes by the host alone.
func TestObligation_2_5_4_KeysAreRegisteredOnTheHost(t *testing.T) {
	h := open(t, true)
	k, err := jwe.NewPrivate()
	h.must(err)
	if _, err := h.Add(t.Context(), h.owner, strongroom.NewID("svc"), k.Public().JWK(), time.Time{}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("by the network: %v", err)
	}
	h.owner.Door = "socket"
	_, err = h.Add(t.Context(), h.owner, strongroom.NewID("svc"), k.Public().JWK(), time.Time{})
	h.must(err)
}
