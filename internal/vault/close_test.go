package vault_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

var closing = strongroom.Action{Name: "store.disconnect", Class: 3004, Activity: 4}

// turn closes or opens a store in a transaction of its own.
func (f *fixture) turn(verb func(*guard.Tx, string) (bool, error), store string) (first bool) {
	f.t.Helper()
	f.must(f.guard.Do(context.Background(), f.who, func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(closing, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		first, err = verb(tx, store)
		return err
	}))
	return first
}

// TestClosedStore: a store whose grant is gone takes nothing in and shows nothing,
// what it holds can still be erased, and a new grant opens it again.
func TestClosedStore(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	in := f.ingest("orders", order)
	id, note := in.Records[0].ID, text(t, in.Body, "order", "note")
	other := f.addStore("Zarzamora Sur")

	verbs := map[string]func() error{
		"reveal": func() error { _, err := f.reveal(id); return err },
		"record": func() error { _, err := f.Record(ctx, f.who, f.store, id); return err },
		"list": func() error {
			_, _, err := f.Records(ctx, f.who, vault.ListQuery{Store: f.store})
			return err
		},
		"find": func() error {
			_, _, err := f.Find(ctx, f.who, vault.FindQuery{Store: f.store, ExternalID: "6120448100001"})
			return err
		},
		"find by e-mail": func() error {
			_, _, err := f.Find(ctx, f.who, vault.FindQuery{Store: f.store, Email: "somebody@example.test"})
			return err
		},
		"ingest": func() error { _, err := f.Ingest(ctx, f.who, f.in("orders", order)); return err },
		"ingest many": func() error {
			outs, err := f.IngestMany(ctx, f.who, []vault.In{f.in("orders", order)})
			if err == nil {
				err = outs[0].Err
			}
			return err
		},
		"tokens": func() error {
			_, err := f.RevealTokens(ctx, f.who, vault.TokenRequest{Purpose: "fulfilment", Reference: "order-1047", Tokens: []string{note}})
			return err
		},
		"check": func() error {
			return f.guard.Look(ctx, guard.Tally, func(r *db.Reader) error { return f.CheckStore(r, f.store) })
		},
	}
	for name, verb := range verbs { // the planted negative: open, none of them is refused so
		if err := verb(); err != nil {
			t.Fatalf("%s of an open store: %v", name, err)
		}
	}
	if !f.turn(f.CloseTx, f.store) || f.turn(f.CloseTx, f.store) {
		t.Error("a store is closed by the first of two calls")
	}
	for name, verb := range verbs {
		if err := verb(); !strongroom.IsKind(err, strongroom.Denied) || vault.FaultCode(err) != "store-closed" {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
	f.closedBeside(other, note)

	one, err := f.Store(ctx, f.who, f.store)
	f.must(err)
	if one.Closed.IsZero() || one.Records != 1 || one.Name == "" {
		t.Errorf("the closed store: %+v", one)
	}
	got, err := f.Erase(ctx, f.who, vault.EraseRequest{Store: f.store, Records: []string{id}})
	f.must(err)
	if got.Count != 1 {
		t.Errorf("erased %d", got.Count)
	}
	if !f.turn(f.ReopenTx, f.store) || f.turn(f.ReopenTx, f.store) {
		t.Error("a store is opened by the first of two calls")
	}
	if err := verbs["list"](); err != nil {
		t.Errorf("the store opened again: %v", err)
	}
	if one, err := f.Store(ctx, f.who, f.store); err != nil || !one.Closed.IsZero() {
		t.Errorf("the store opened again: %+v, %v", one, err)
	}
}

// closedBeside asks for a token of the closed store with one of another store: each
// has its own answer, and a search over all stores leaves the closed one out.
func (f *fixture) closedBeside(other, note string) {
	f.t.Helper()
	shut := f.store
	f.store = other
	theirs := text(f.t, f.ingest("orders", order).Body, "order", "note")
	f.store = shut
	v := f.tokens(note, theirs)
	if v[0].Value != nil || v[0].Error != "store-closed" || v[1].Value == nil {
		f.t.Errorf("tokens of a closed store and of an open one: %+v", v)
	}
	found, _, err := f.Find(context.Background(), f.who, vault.FindQuery{ExternalID: "6120448100001"})
	f.must(err)
	if len(found) != 1 || found[0].Store != other {
		f.t.Errorf("a search over all stores finds %d", len(found))
	}
}

// TestClosedFirstWins closes the store while a reveal has decided and not yet
// committed: nothing opens.
func TestClosedFirstWins(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", order)
	id, note := in.Records[0].ID, text(t, in.Body, "order", "note")
	meanwhile := func(verb func(*guard.Tx, string) (bool, error)) {
		vault.AfterDecision(f.Vault, func() {
			vault.AfterDecision(f.Vault, nil)
			f.turn(verb, f.store)
		})
	}
	_, err := f.reveal(id)
	f.must(err)
	meanwhile(f.CloseTx)
	_, err = f.reveal(id)
	want(t, err, strongroom.Denied, "store-closed")
	f.turn(f.ReopenTx, f.store)
	meanwhile(f.CloseTx)
	_, err = f.RevealTokens(t.Context(), f.who, vault.TokenRequest{Purpose: "fulfilment", Reference: "order-1047", Tokens: []string{note}})
	want(t, err, strongroom.Denied, "store-closed")
}

// TestClosedForNeighbours closes a store in a transaction that others share: what
// came before it stands, what comes behind is refused, and other stores notice
// nothing.
func TestClosedForNeighbours(t *testing.T) {
	f := open(t)
	shut := f.store
	mine := f.ingest("orders", order).Records[0].ID
	f.store = f.addStore("Zarzamora Sur")
	theirs := f.ingest("orders", order).Records[0].ID
	other := f.store
	reveal := func(store, id string) func() error {
		return func() error {
			_, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{
				Store: store, Record: id, Purpose: strongroom.Fulfilment, Reference: "order-1047",
			})
			return err
		}
	}
	turn := func() error { f.turn(f.CloseTx, shut); return nil }
	errs := f.together(reveal(shut, mine), reveal(other, theirs), turn, reveal(shut, mine), reveal(other, theirs))
	for i, err := range errs {
		if i == 3 {
			want(t, err, strongroom.Denied, "store-closed")
		} else if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// A store that was disconnected is neither closed nor opened again.
func TestDisconnectedStaysSo(t *testing.T) {
	f := open(t)
	f.turn(f.CloseTx, f.store)
	_, err := f.Disconnect(t.Context(), f.who, f.store, false)
	f.must(err)
	if f.turn(f.CloseTx, f.store) {
		t.Error("a disconnected store was closed")
	}
	err = f.guard.Do(t.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(closing, strongroom.Resource{Type: "Store", ID: f.store, Store: f.store}, guard.Context{}); err != nil {
			return err
		}
		_, err := f.ReopenTx(tx, f.store)
		return err
	})
	want(t, err, strongroom.Erased, "store")
	_, err = f.Ingest(t.Context(), f.who, f.in("orders", order))
	want(t, err, strongroom.Erased, "store")
}
