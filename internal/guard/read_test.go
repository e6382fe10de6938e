package guard_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

func toTax() guard.Context {
	return guard.Context{Purpose: strongroom.Tax, Reference: strings.Repeat("0f", 16), Attrs: map[string]any{"fields": 2}}
}

func TestRead(t *testing.T) {
	f := fresh(t, guard.Options{})
	if err := f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 1)); err != nil {
		t.Fatal(err)
	}
	id := strongroom.NewID("rec")
	confirmed := false
	var receipt *guard.Receipt
	err := f.Read(t.Context(), f.who, func(ctx context.Context, v *guard.View) error {
		if !guard.InTransaction(ctx) || v.Actor().ID != f.who.ID || v.Now().IsZero() {
			t.Error("the view does not know its actor, its instant or its context")
		}
		if err := v.Allow(reveal(), f.record(id), toTax()); err != nil {
			return err
		}
		v.Note("fields", 2)
		receipt = v.Receipt()
		v.Confirm(func(tx *guard.Tx) error {
			confirmed = true
			_, err := tx.Exec(insertRow, 2, "debit")
			return err
		})
		if confirmed {
			t.Error("confirmed on the snapshot")
		}
		return nil
	})
	if err != nil || !confirmed || !f.rows(t)[2] {
		t.Fatalf("%v, confirmed %v, rows %v", err, confirmed, f.rows(t))
	}
	es := f.eventsOf(t, id)
	if len(es) != 1 || es[0].Outcome != audit.Success || es[0].Purpose != strongroom.Tax || len(es[0].Notes) != 1 {
		t.Fatalf("%+v", es)
	}
	if n, ok := receipt.Index(); !ok || n != f.indexOf(t, id) {
		t.Errorf("receipt %d %v", n, ok)
	}
}

// TestReadRefusals: whatever goes wrong on the snapshot or in the confirmation is
// recorded, undone and told; the first row is the same call without a fault.
func TestReadRefusals(t *testing.T) {
	f := fresh(t, guard.Options{})
	gone := strongroom.Faultf(strongroom.Erased, "erased", "the record is gone for good")
	spent := strongroom.Faultf(strongroom.Exhausted, "budget", "the budget is used up")
	allow := func(v *guard.View, id string) error { return v.Allow(reveal(), f.record(id), toTax()) }
	for _, c := range []struct {
		name    string
		fn      func(v *guard.View, id string) error
		confirm func(tx *guard.Tx) error
		want    error
		kind    strongroom.Kind
		outcome audit.Outcome
		code    string
	}{
		{name: "no fault", fn: allow, outcome: audit.Success},
		{name: "undecided", fn: func(*guard.View, string) error { return nil }, kind: strongroom.Internal, outcome: audit.Failure, code: "undecided"},
		{name: "denied", fn: func(v *guard.View, id string) error { return v.Allow(reveal(), f.record(id), guard.Context{}) },
			kind: strongroom.Denied, outcome: audit.Denied, code: "denied"},
		{name: "denial swallowed", fn: func(v *guard.View, id string) error {
			_ = v.Allow(reveal(), f.record(id), guard.Context{})
			return nil
		}, kind: strongroom.Denied, outcome: audit.Denied, code: "denied"},
		{name: "panic on the snapshot", fn: func(*guard.View, string) error { panic("jane") }, kind: strongroom.Internal, outcome: audit.Failure, code: "panic"},
		{name: "failure on the snapshot", fn: func(v *guard.View, id string) error { return errors.Join(allow(v, id), gone) },
			want: gone, kind: strongroom.Erased, outcome: audit.Failure, code: "erased"},
		{name: "budget", fn: allow, confirm: func(*guard.Tx) error { return spent }, want: spent, kind: strongroom.Exhausted, outcome: audit.Denied, code: "budget"},
		{name: "erased meanwhile", fn: allow, confirm: func(*guard.Tx) error { return gone }, want: gone, kind: strongroom.Erased, outcome: audit.Denied, code: "erased"},
		{name: "panic in the confirmation", fn: allow, confirm: func(*guard.Tx) error { panic("jane") }, kind: strongroom.Internal, outcome: audit.Failure, code: "panic"},
		{name: "denial in the confirmation swallowed", fn: allow, confirm: func(tx *guard.Tx) error {
			_ = tx.Allow(ingest(), strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: strongroom.NewID("str")}, guard.Context{})
			return nil
		}, kind: strongroom.Denied, outcome: audit.Failure, code: "denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, id := len(f.events(t)), strongroom.NewID("rec")
			err := f.Read(t.Context(), f.who, func(_ context.Context, v *guard.View) error {
				v.Confirm(func(tx *guard.Tx) error {
					_, err := tx.Exec(insertRow, 7, "debit")
					return err
				})
				if c.confirm != nil {
					v.Confirm(c.confirm)
				}
				return c.fn(v, id)
			})
			if c.outcome == audit.Success {
				if err != nil || !f.rows(t)[7] {
					t.Fatal(err, f.rows(t))
				}
				f.clear(t, 7)
			} else if f.rows(t)[7] || !strongroom.IsKind(err, c.kind) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v; rows %v", err, f.rows(t))
			}
			es := f.events(t)[before:]
			if len(es) == 0 || es[0].Outcome != c.outcome || es[0].Code != c.code {
				t.Errorf("events %+v", es)
			}
		})
	}
}

// TestNobodyTriesWithoutATrace: a caller that leaves in the middle of its own
// refusal is in the log all the same.
func TestNobodyTriesWithoutATrace(t *testing.T) {
	f := fresh(t, guard.Options{})
	id := strongroom.NewID("rec")
	ctx, cancel := context.WithCancel(t.Context())
	err := f.Read(ctx, f.who, func(_ context.Context, v *guard.View) error {
		defer cancel()
		return v.Allow(reveal(), f.record(id), guard.Context{})
	})
	if es := f.eventsOf(t, id); len(es) != 1 || es[0].Outcome != audit.Denied || !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("%v, events %+v", err, es)
	}
	if err := f.Failed(ctx, f.who, reveal(), f.record(id), "seal", f.indexOf(t, id)); err != nil || len(f.eventsOf(t, id)) != 2 {
		t.Errorf("a failure after the caller has left: %v", err)
	}
}

func TestTransport(t *testing.T) {
	f := fresh(t, guard.Options{})
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { served++ }))
	defer server.Close()
	client := &http.Client{Transport: guard.Transport(nil)}
	get := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, io.NopCloser(strings.NewReader("x")))
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := get(t.Context()); err != nil || served != 1 {
		t.Fatalf("outside: %v, served %d", err, served)
	}
	var inDo, inRead error
	_ = f.Do(t.Context(), f.who, func(ctx context.Context, _ *guard.Tx) error { inDo = get(ctx); return inDo })
	_ = f.Read(t.Context(), f.who, func(ctx context.Context, _ *guard.View) error {
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		inRead = get(child)
		return inRead
	})
	if inDo == nil || inRead == nil || served != 1 {
		t.Errorf("inside: %v, %v, served %d", inDo, inRead, served)
	}
}

func TestContextOfATurn(t *testing.T) {
	f := fresh(t, guard.Options{})
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	err := f.Do(ctx, f.who, func(in context.Context, tx *guard.Tx) error {
		cancel() // the caller goes away in the middle of its turn
		if in.Err() != nil || in.Value(key{}) != "kept" {
			t.Errorf("context of the turn: %v, value %v", in.Err(), in.Value(key{}))
		}
		if _, ok := in.Deadline(); !ok {
			t.Error("a turn without a limit")
		}
		return f.add(strongroom.NewID("rec"), 1)(in, tx)
	})
	if err != nil || !f.rows(t)[1] {
		t.Errorf("a turn that has begun is finished: %v, rows %v", err, f.rows(t))
	}
	if err := f.Do(ctx, f.who, f.add(strongroom.NewID("rec"), 2)); !strongroom.IsKind(err, strongroom.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has left: %v", err)
	}
	if f.rows(t)[2] {
		t.Error("work of a caller that has left")
	}
}
