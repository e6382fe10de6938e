package guard_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
)

func TestDo(t *testing.T) {
	f := fresh(t, guard.Options{})
	ctx := context.Background()
	id := strongroom.NewID("rec")
	var before, after bool
	var receipt *guard.Receipt
	err := f.Do(ctx, f.who, func(ctx context.Context, tx *guard.Tx) error {
		if err := tx.Allow(ingest(), f.record(id), guard.Context{Purpose: strongroom.Tax, Reference: strings.Repeat("ab", 16)}); err != nil {
			return err
		}
		tx.Note("count", 3)
		receipt = tx.Receipt()
		tx.BeforeCommit(func() error { before = true; return nil })
		tx.AfterCommit(func() { after = before })
		if _, ok := receipt.Index(); ok {
			t.Error("the receipt speaks before the commit")
		}
		if tx.Actor().ID != f.who.ID || tx.Now().IsZero() || !guard.InTransaction(ctx) {
			t.Error("the transaction does not know its actor, its instant or its context")
		}
		_, err := tx.Exec(insertRow, 1, "body")
		return err
	})
	if err != nil || !after || !f.rows(t)[1] {
		t.Fatalf("%v, after %v, rows %v", err, after, f.rows(t))
	}
	es := f.eventsOf(t, id)
	if len(es) != 1 || es[0].Outcome != audit.Success || es[0].Actor.ID != f.who.ID || es[0].Purpose != strongroom.Tax ||
		es[0].Reference == "" || len(es[0].Notes) != 1 || len(es[0].Policies) != 1 {
		t.Fatalf("events: %+v", es)
	}
	if n, ok := receipt.Index(); !ok || n != f.indexOf(t, id) {
		t.Errorf("receipt says %d, %v; the log says %d", n, ok, f.indexOf(t, id))
	}
	n, _ := receipt.Index()
	if err := f.Failed(ctx, f.who, reveal(), f.record(id), "seal", n); err != nil {
		t.Fatal(err)
	}
	es = f.eventsOf(t, id)
	if len(es) != 2 || es[1].Outcome != audit.Failure || es[1].Code != "seal" || es[1].Names == nil || *es[1].Names != n {
		t.Fatalf("the failure does not name what it is about: %+v", es)
	}
}

// TestRefusals holds every way a function can lose its work: nothing of it
// stands, the log says why, and the same function without the fault works.
func TestRefusals(t *testing.T) {
	f := fresh(t, guard.Options{TurnLimit: 300 * time.Millisecond})
	other := strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: strongroom.NewID("str")}
	domain := strongroom.Faultf(strongroom.Conflict, "stale", "somebody was faster")
	for _, c := range []struct {
		name    string
		fn      func(ctx context.Context, tx *guard.Tx, id string) error
		kind    strongroom.Kind
		code    string
		outcome audit.Outcome // of the first event
		events  int
	}{
		{name: "undecided", kind: strongroom.Internal, code: "undecided", outcome: audit.Failure, events: 1,
			fn: func(context.Context, *guard.Tx, string) error { return nil }},
		{name: "denied", kind: strongroom.Denied, code: "denied", outcome: audit.Denied, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, _ string) error {
				return tx.Allow(ingest(), other, guard.Context{})
			}},
		{name: "denial swallowed", kind: strongroom.Denied, code: "denied", outcome: audit.Denied, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, _ string) error {
				_ = tx.Allow(ingest(), other, guard.Context{})
				return nil
			}},
		{name: "second verb denied", kind: strongroom.Denied, code: "denied", outcome: audit.Failure, events: 2,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				return tx.Allow(ingest(), other, guard.Context{})
			}},
		{name: "failure after an allowance", kind: strongroom.Conflict, code: "stale", outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				return domain
			}},
		{name: "failure before any decision", kind: strongroom.Conflict, code: "stale", outcome: audit.Failure, events: 1,
			fn: func(context.Context, *guard.Tx, string) error { return domain }},
		{name: "panic", kind: strongroom.Internal, code: "panic", outcome: audit.Failure, events: 1,
			fn: func(context.Context, *guard.Tx, string) error { panic("jane.doe@example.com") }},
		{name: "constraint", kind: strongroom.Conflict, outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				_, err := tx.Exec(insertRow, 1000, "twice")
				return err
			}},
		{name: "constraint swallowed", kind: strongroom.Unavailable, outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				_, _ = tx.Exec(insertRow, 1000, "twice")
				return tx.Allow(ingest(), f.record(id), guard.Context{})
			}},
		{name: "rows left open", kind: strongroom.Internal, outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				rows, err := tx.Query(allRows)
				if err != nil || !rows.Next() {
					t.Errorf("no rows: %v", err)
				}
				return nil
			}},
		{name: "note before a decision", kind: strongroom.Internal, code: "note", outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				tx.Note("count", 1)
				return tx.Allow(ingest(), f.record(id), guard.Context{})
			}},
		{name: "personal value in a note", kind: strongroom.Internal, code: "event", outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				tx.Note("record", "jane.doe@example.com")
				return nil
			}},
		{name: "caller's text as an id", kind: strongroom.Internal, code: "event", outcome: audit.Failure, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, _ string) error {
				return tx.Allow(ingest(), f.record("jane.doe@example.com"), guard.Context{})
			}},
		{name: "unknown attribute", kind: strongroom.Denied, code: "policy", outcome: audit.Denied, events: 1,
			fn: func(_ context.Context, tx *guard.Tx, id string) error {
				return tx.Allow(ingest(), f.record(id), guard.Context{Attrs: map[string]any{"mood": "good"}})
			}},
		{name: "over the time limit", kind: strongroom.Unavailable, code: "turn-limit", outcome: audit.Failure, events: 1,
			fn: func(ctx context.Context, tx *guard.Tx, id string) error {
				if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
					return err
				}
				<-ctx.Done()
				return nil
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := int64(1000)
			if !f.rows(t)[row] {
				if err := f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), row)); err != nil {
					t.Fatalf("the same without the fault: %v", err)
				}
			}
			before, id := len(f.events(t)), strongroom.NewID("rec")
			hook := false
			err := f.Do(t.Context(), f.who, func(ctx context.Context, tx *guard.Tx) error {
				tx.BeforeCommit(func() error { hook = true; return nil })
				tx.AfterCommit(func() { hook = true })
				if _, err := tx.Exec(insertRow, 7, "must go"); err != nil {
					return err
				}
				return c.fn(ctx, tx, id)
			})
			if !strongroom.IsKind(err, c.kind) {
				t.Errorf("kind %v: %v; want %v", strongroom.KindOf(err), err, c.kind)
			}
			if fault, ok := errors.AsType[*strongroom.Fault](err); c.code != "" && (!ok || fault.Code != c.code) {
				t.Errorf("code of %v, want %s", err, c.code)
			}
			if f.rows(t)[7] || hook {
				t.Errorf("work stands or hooks ran: %v %v", f.rows(t), hook)
			}
			es := f.events(t)[before:]
			if len(es) != c.events || es[0].Outcome != c.outcome || es[0].Code == "" || es[0].Actor.ID != f.who.ID {
				t.Errorf("events %+v", es)
			}
		})
	}
	if strings.Contains(f.words.String(), "jane") {
		t.Error("the operational log holds what a function panicked with")
	}
	if !strings.Contains(f.words.String(), "guard_test.go") {
		t.Error("the operational log does not say where the panic was")
	}
}

func TestPolicyThatFailsDenies(t *testing.T) {
	f := fresh(t, guard.Options{}, authz.File{Name: "local.cedar", Text: []byte(`
		@id("local/overflow")
		forbid (principal, action, resource) when { context has fields && context.fields + 9223372036854775807 < 0 };`)})
	for fields, want := range map[int]bool{0: true, 1: false} {
		id := strongroom.NewID("rec")
		err := f.Do(t.Context(), f.who, func(_ context.Context, tx *guard.Tx) error {
			return tx.Allow(ingest(), f.record(id), guard.Context{Attrs: map[string]any{"fields": fields}})
		})
		if (err == nil) != want {
			t.Errorf("fields %d: %v", fields, err)
		}
		es := f.eventsOf(t, id)
		if !want && (len(es) != 1 || es[0].Outcome != audit.Denied || es[0].Code != "policy") {
			t.Errorf("events %+v", es)
		}
	}
}

func TestNoPolicyDenies(t *testing.T) {
	f := fresh(t, guard.Options{Policy: func() *authz.Engine { return nil }})
	if err := f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 1)); !strongroom.IsKind(err, strongroom.Denied) {
		t.Fatal(err)
	}
}

func TestNested(t *testing.T) {
	f := fresh(t, guard.Options{TurnLimit: 500 * time.Millisecond})
	ctx := t.Context()
	inside := map[string]func(context.Context) error{
		"Do": func(ctx context.Context) error { return f.Do(ctx, f.who, f.add(strongroom.NewID("rec"), 1)) },
		"Read": func(ctx context.Context) error {
			return f.Read(ctx, f.who, func(context.Context, *guard.View) error { return nil })
		},
		"Quiet": func(ctx context.Context) error {
			return f.Quiet(ctx, guard.Lease, func(context.Context, *guard.Tx) error { return nil })
		},
		"Failed": func(ctx context.Context) error {
			return f.Failed(ctx, f.who, reveal(), f.record(strongroom.NewID("rec")), "seal", 0)
		},
	}
	for name, call := range inside {
		var inDo, inRead, inQuiet error
		_ = f.Do(ctx, f.who, func(ctx context.Context, tx *guard.Tx) error { inDo = call(ctx); return inDo })
		_ = f.Read(ctx, f.who, func(ctx context.Context, v *guard.View) error { inRead = call(ctx); return inRead })
		_ = f.Quiet(ctx, guard.Lease, func(ctx context.Context, tx *guard.Tx) error { inQuiet = call(ctx); return inQuiet })
		for where, err := range map[string]error{"Do": inDo, "Read": inRead, "Quiet": inQuiet} {
			if fault, ok := errors.AsType[*strongroom.Fault](err); !ok || fault.Code != "nested" {
				t.Errorf("%s in %s: %v", name, where, err)
			}
		}
	}
	// With the outer context nothing marks the call: it must not wait for ever.
	var inner error
	err := f.Do(ctx, f.who, func(_ context.Context, tx *guard.Tx) error {
		inner = f.Do(ctx, f.who, f.add(strongroom.NewID("rec"), 1))
		return inner
	})
	if !strongroom.IsKind(inner, strongroom.Unavailable) || err == nil {
		t.Errorf("inner %v, outer %v", inner, err)
	}
	if err := f.Do(ctx, f.who, f.add(strongroom.NewID("rec"), 1)); err != nil {
		t.Errorf("the guard does not recover: %v", err)
	}
}

func TestQuiet(t *testing.T) {
	f := fresh(t, guard.Options{})
	before := len(f.events(t))
	write := func(n int64) func(context.Context, *guard.Tx) error {
		return func(_ context.Context, tx *guard.Tx) error {
			_, err := tx.Exec(insertRow, n, "body")
			return err
		}
	}
	if err := f.Quiet(t.Context(), guard.Cursor, write(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Quiet(t.Context(), 0, write(2)); err == nil {
		t.Error("quiet work without a reason")
	}
	err := f.Quiet(t.Context(), guard.Cursor, func(ctx context.Context, tx *guard.Tx) error {
		if err := write(3)(ctx, tx); err != nil {
			return err
		}
		_ = tx.Allow(ingest(), f.record(strongroom.NewID("rec")), guard.Context{})
		return nil
	})
	if err == nil {
		t.Error("a decision in quiet work")
	}
	if rows := f.rows(t); !rows[1] || rows[2] || rows[3] {
		t.Errorf("rows %v", rows)
	}
	if n := len(f.events(t)); n != before {
		t.Errorf("%d events of quiet work", n-before)
	}
}

func TestCloseFinishes(t *testing.T) {
	f := fresh(t, guard.Options{})
	ids := []string{strongroom.NewID("rec"), strongroom.NewID("rec"), strongroom.NewID("rec")}
	var calls []func() error
	for i, id := range ids {
		calls = append(calls, func() error { return f.Do(context.Background(), f.who, f.add(id, int64(i))) })
	}
	calls = append(calls, func() error {
		return f.Quiet(context.Background(), guard.Lease, func(context.Context, *guard.Tx) error { f.stop(); return nil })
	})
	for i, err := range f.together(t, calls...) {
		if err != nil {
			t.Errorf("call %d that waited when the guard was stopped: %v", i, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Do(context.Background(), f.who, f.add(ids[0], 9)); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("after the end: %v", err)
	}
	if len(f.rows(t)) != 3 {
		t.Errorf("rows %v", f.rows(t))
	}
}

func TestFullQueueIsRefused(t *testing.T) {
	f := fresh(t, guard.Options{Queue: 2})
	var third error
	errs := f.together(t,
		func() error { return f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 1)) },
		func() error { return f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 2)) },
		func() error {
			third = f.Do(t.Context(), f.who, f.add(strongroom.NewID("rec"), 3))
			return third
		},
	)
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	if fault, ok := errors.AsType[*strongroom.Fault](third); !ok || fault.Code != "busy" || fault.Kind != strongroom.Unavailable {
		t.Errorf("third: %v", third)
	}
	if f.Stats().Busy != 1 || f.rows(t)[3] {
		t.Errorf("stats %+v, rows %v", f.Stats(), f.rows(t))
	}
}
