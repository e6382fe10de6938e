package vault_test

import (
	"context"
	"errors"
	"testing"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/vault"
)

// chores puts in jobs, or fails to.
type chores struct {
	err error
	in  []string
}

func (c *chores) Disconnect(_ *guard.Tx, _ string) (string, error) { return c.put("disconnect") }
func (c *chores) Reclassify(_ *guard.Tx, _, kind string) (string, error) {
	return c.put("reclassify " + kind)
}

func (c *chores) put(what string) (string, error) {
	if c.err == nil {
		c.in = append(c.in, what)
	}
	return "job_1", c.err
}

// What a job has to finish does not begin without it: a crash between the two
// would leave a disconnected store's records, or a field in clear, for good.
func TestNothingBeginsWithoutItsJob(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	c := &chores{err: errors.New("the queue is gone")}
	f.opt.Chores = c
	v := vault.New(f.opt)
	f.ingest("orders", `{"order":{"id":"1","number":"1","shelf":"A 7","dates":{"createdAt":"2026-11-10T07:42:18Z"}}}`)
	list, _, err := f.Fields(ctx, f.who, vault.FieldQuery{Store: f.store})
	f.must(err)
	if len(list) != 1 {
		t.Fatalf("fields %+v", list)
	}
	decide := vault.Classification{Store: f.store, Field: list[0].ID, As: "clear"}
	if _, err := v.Classify(ctx, f.who, decide); err == nil {
		t.Error("decided without a job")
	}
	if list, _, _ = f.Fields(ctx, f.who, vault.FieldQuery{Store: f.store}); list[0].As != "" {
		t.Errorf("the decision stands: %q", list[0].As)
	}
	if _, err := v.Disconnect(ctx, f.who, f.store, false); err == nil {
		t.Error("disconnected without a job")
	}
	if s, err := f.Store(ctx, f.who, f.store); err != nil || !s.Disconnected.IsZero() {
		t.Errorf("the store is disconnected: %+v, %v", s, err)
	}

	c.err = nil
	out, err := v.Classify(ctx, f.who, decide)
	if err != nil || !out.Reseal || out.Job != "job_1" {
		t.Errorf("%+v, %v", out, err)
	}
	if p, err := v.Disconnect(ctx, f.who, f.store, true); err != nil || p.Job != "" {
		t.Errorf("a preview: %+v, %v", p, err)
	}
	if p, err := v.Disconnect(ctx, f.who, f.store, false); err != nil || p.Job != "job_1" {
		t.Errorf("%+v, %v", p, err)
	}
	if len(c.in) != 2 || c.in[0] != "reclassify order" || c.in[1] != "disconnect" {
		t.Errorf("jobs %q", c.in)
	}
}

// TestDisconnectionFirstWins disconnects the store while a reveal has decided and
// not yet committed: nothing opens, and the budget is not touched.
func TestDisconnectionFirstWins(t *testing.T) {
	f := open(t)
	in := f.ingest("orders", order)
	id, note := in.Records[0].ID, ""
	other := f.addStore("Zarzamora Sur")
	meanwhile := func() {
		vault.AfterDecision(f.Vault, func() {
			vault.AfterDecision(f.Vault, nil)
			_, err := f.Disconnect(context.Background(), f.who, f.store, false)
			f.must(err)
		})
	}
	_, err := f.reveal(id)
	f.must(err)
	meanwhile()
	_, err = f.reveal(id)
	want(t, err, strongroom.Erased, "store")

	f.store = other
	note = text(t, f.ingest("orders", order).Body, "order", "note")
	if v := f.tokens(note); v[0].Value == nil {
		t.Fatalf("it does not open: %s", v[0].Error)
	}
	meanwhile()
	if v := f.tokens(note); v[0].Value != nil || v[0].Error != "store" {
		t.Errorf("a token of a store disconnected meanwhile opens %s (%s)", v[0].Value, v[0].Error)
	}
}
