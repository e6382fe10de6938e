package intake_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/sim"
)

// credential uses a store's credential as a package that has decided does.
func (h *house) credential(i *intake.Intake, store string) (c intake.Connection, err error) {
	err = h.guard.Read(context.Background(), h.who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(intake.ActionSync, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		var err error
		c, err = i.CredentialTx(&v.Reader, store)
		return err
	})
	return c, err
}

func (h *house) close(store string) {
	h.t.Helper()
	err := h.guard.Do(context.Background(), h.who, func(_ context.Context, tx *guard.Tx) error {
		r := strongroom.Resource{Type: "Store", ID: store, Store: store}
		if err := tx.Allow(strongroom.Action{Name: "store.disconnect", Class: 3004, Activity: 4}, r, guard.Context{}); err != nil {
			return err
		}
		_, err := h.vault.CloseTx(tx, store)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// connectors lists the credentials.
func (h *house) connectors(i *intake.Intake) (out []intake.Connector) {
	h.t.Helper()
	err := h.db.Read(context.Background(), func(r *db.Reader) (err error) {
		out, err = i.Connectors(r)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// TestCredentialUse: a credential is handed to who has decided, its last use is seen
// at once and kept, and a closed store's is handed to nobody.
func TestCredentialUse(t *testing.T) {
	s := sim.New(sim.Options{Seed: 3, Orders: 3, Dead: -1, Stores: sim.DefaultStores()[:1]})
	h := build(t, s.Now())
	i := h.intake(h.vault, "https://api.example.test")
	store := h.connect(i, s)[0]
	if c := h.connectors(i); len(c) != 1 || !c[0].Used.IsZero() || c[0].Since.IsZero() {
		t.Fatalf("before any use: %+v", c)
	}
	c, err := h.credential(i, store)
	if err != nil || c.Token.Reveal() != s.Stores()[0].Token || c.Version == "" {
		t.Fatalf("the credential: %v, %v", c, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, c.Token.Reveal()) {
		t.Error("the credential prints")
	}
	used := h.connectors(i)[0].Used
	if used.IsZero() {
		t.Error("a use is not seen before it is written")
	}
	if err := i.Stamp(context.Background()); err != nil {
		t.Fatal(err)
	}
	after := h.intake(h.vault, "https://api.example.test") // as after a restart
	if got := h.connectors(after)[0].Used; got.Sub(used).Abs() > time.Microsecond {
		t.Errorf("kept %v, used %v", got, used)
	}
	h.close(store)
	if _, err := h.credential(i, store); !strongroom.IsKind(err, strongroom.Denied) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the credential of a closed store: %v", err)
	}
	if _, err := i.Sync(context.Background(), h.who, intake.SyncRequest{Store: store}, nil); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("a sync of a closed store: %v", err)
	}
	if _, err := h.credential(i, strongroom.NewID("str")); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("the credential of no store: %v", err)
	}
}

// TestLostToken: whoever listens hears that a token is refused, with the cause, and
// hears nothing of other failures.
func TestLostToken(t *testing.T) {
	status := http.StatusUnauthorized
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer srv.Close()
	s := sim.New(sim.Options{Seed: 3, Orders: 3, Dead: -1, Stores: sim.DefaultStores()[:1]})
	h := build(t, s.Now())
	var heard []string
	i := intake.New(intake.Options{
		Guard: h.guard, Keys: h.keys, Vault: h.vault, Clock: h.clock, BaseURL: srv.URL, Retry: quick(nil),
		Lost: func(ctx context.Context, store, cause string) {
			if guard.InTransaction(ctx) {
				t.Error("it is told inside a transaction")
			}
			heard = append(heard, store+" "+cause)
		},
	})
	store := h.connect(i, s)[0]
	for _, c := range []struct {
		status int
		want   string
	}{
		{http.StatusUnauthorized, store + " " + intake.LostUnauthorized}, {http.StatusForbidden, store + " " + intake.LostForbidden},
		{http.StatusNotFound, ""}, {http.StatusInternalServerError, ""},
	} {
		status, heard = c.status, nil
		if _, err := i.Sync(context.Background(), h.who, intake.SyncRequest{Store: store}, nil); err == nil {
			t.Errorf("%d: the sync succeeds", c.status)
		}
		if got := strings.Join(heard, ";"); got != c.want {
			t.Errorf("%d: heard %q, want %q", c.status, got, c.want)
		}
		heard = nil
		_, _ = i.FetchOne(context.Background(), strongroom.System("webhook"), intake.One{Store: store, Resource: "orders", ID: "1", How: "webhook"})
		if got := strings.Join(heard, ";"); got != c.want {
			t.Errorf("%d: one object: heard %q, want %q", c.status, got, c.want)
		}
	}
}

// TestBaseOfItsOwn: a connection's own address leads to public hosts alone, in a test
// instance to loopback too.
func TestBaseOfItsOwn(t *testing.T) {
	s := sim.New(sim.Options{Seed: 3, Orders: 3, Dead: -1, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	strict := h.intake(h.vault, "")
	loose := intake.New(intake.Options{Guard: h.guard, Keys: h.keys, Vault: h.vault, Clock: h.clock, Retry: quick(nil), Loopback: true})
	for base, ok := range map[string][2]bool{
		"": {true, true}, "http://127.0.0.1:9": {false, true}, "https://127.0.0.1:9": {false, true}, "https://[::1]": {false, true},
		"https://10.0.0.1": {false, false}, "http://10.0.0.1": {false, false}, "https://169.254.169.254": {false, false},
		"https://100.64.0.1": {false, false}, "https://93.184.215.14": {true, true}, "http://93.184.215.14": {false, false},
		"https://user:pass@93.184.215.14": {false, false}, "https://93.184.215.14/path": {false, false}, "gopher://93.184.215.14": {false, false},
	} {
		for k, i := range []*intake.Intake{strict, loose} {
			if err := i.CheckBase(context.Background(), base); (err == nil) != ok[k] {
				t.Errorf("%q, loopback allowed %v: %v", base, k == 1, err)
			}
		}
	}
	store := h.connect(loose, s)[0]
	token := intake.NewSecret(s.Stores()[0].Token)
	if err := loose.Connect(context.Background(), h.who, store, intake.Connection{Token: token, Base: srv.URL}); err != nil {
		t.Fatal(err)
	}
	if err := loose.Check(context.Background(), h.who, store); err != nil {
		t.Errorf("the own address of a connection: %v", err)
	}
	// What was stored while loopback was allowed leads nowhere where it is not.
	if err := strict.Check(context.Background(), h.who, store); err == nil {
		t.Error("a stored loopback address is called")
	}
}
