package guard_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// TestObligation_3_6_2 holds the log against the acts: every change, access,
// refused attempt and error has its event with outcome, time and actor.
func TestObligation_3_6_2(t *testing.T) {
	f := fresh(t, guard.Options{})
	change, access, attempt, fault := strongroom.NewID("rec"), strongroom.NewID("rec"), strongroom.NewID("rec"), strongroom.NewID("rec")
	begun := time.Now().Add(-time.Second)
	if err := f.Do(t.Context(), f.who, f.add(change, 1)); err != nil {
		t.Fatal(err)
	}
	look := func(id string, c guard.Context) error {
		return f.Read(t.Context(), f.who, func(_ context.Context, v *guard.View) error { return v.Allow(reveal(), f.record(id), c) })
	}
	if err := look(access, toTax()); err != nil {
		t.Fatal(err)
	}
	if err := look(attempt, guard.Context{}); err == nil {
		t.Fatal("opened without a purpose")
	}
	err := f.Do(t.Context(), f.who, func(ctx context.Context, tx *guard.Tx) error { return f.add(fault, 1)(ctx, tx) })
	if err == nil {
		t.Fatal("the same row twice")
	}
	missing := func(id string, action string, want audit.Outcome) string {
		es := f.eventsOf(t, id)
		switch {
		case len(es) != 1:
			return "no event, or several"
		case es[0].Outcome != want:
			return "another outcome"
		case es[0].Time.Before(begun) || es[0].Time.After(time.Now().Add(time.Second)):
			return "another time"
		case es[0].Actor.ID != f.who.ID || es[0].Action.Name != action:
			return "another actor or act"
		case want != audit.Success && es[0].Code == "":
			return "no reason"
		}
		return ""
	}
	for _, c := range []struct {
		id, action string
		want       audit.Outcome
	}{
		{change, "record.ingest", audit.Success}, {access, "record.reveal", audit.Success},
		{attempt, "record.reveal", audit.Denied}, {fault, "record.ingest", audit.Failure},
	} {
		if m := missing(c.id, c.action, c.want); m != "" {
			t.Errorf("%s, %v: %s", c.action, c.want, m)
		}
	}
	// Planted: a change nobody recorded is noticed.
	secret := strongroom.NewID("rec")
	err = f.Quiet(t.Context(), guard.Tally, func(_ context.Context, tx *guard.Tx) error {
		_, err := tx.Exec(insertRow, 2, "body")
		return err
	})
	if err != nil || missing(secret, "record.ingest", audit.Success) == "" {
		t.Errorf("a change without an event is not noticed (%v)", err)
	}
}
