package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
)

// A person's second factor ages by the real clock, not by that of the data.
func TestSecondFactorAges(t *testing.T) {
	real := new(strongroom.Clock)
	f := fresh(t, guard.Options{Real: real})
	who := strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Auditor}, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Verified: real.Now()},
	}
	export := func() error {
		return f.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			return tx.Allow(strongroom.Action{Name: "log.export", Class: 1008, Activity: 8}, strongroom.Resource{Type: "Log", ID: "log"}, guard.Context{})
		})
	}
	if err := export(); err != nil {
		t.Fatal(err)
	}
	real.SetOffset(16 * time.Minute)
	err := export()
	if fault, ok := errors.AsType[*strongroom.Fault](err); !ok || fault.Kind != strongroom.Denied || fault.Code != "step-up" || fault.Hint == "" {
		t.Errorf("a second factor of 16 minutes ago: %v", err)
	}
	// The event is that of every denial by policies, and names them.
	es := f.eventsOf(t, "log")
	if e := es[len(es)-1]; e.Outcome != audit.Denied || e.Code != "denied" || !slices.Equal(e.Policies, []string{"guards/step-up"}) {
		t.Errorf("%+v", e)
	}
	// Planted: who has no right either is told no more than before.
	who.Roles = []string{authz.Operator}
	if fault, ok := errors.AsType[*strongroom.Fault](export()); !ok || fault.Code != "denied" || fault.Hint != "" {
		t.Errorf("without the right: %v", fault)
	}
}

// An elevation counts for the reference it was given for, which no event holds.
func TestElevationIsComparedInClear(t *testing.T) {
	f := fresh(t, guard.Options{})
	who := strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
		Elevations: []strongroom.Elevation{{
			ID: "grt_1", Store: f.store, Purpose: strongroom.Tax, Reference: "order-77", Until: time.Now().Add(time.Hour),
		}},
	}
	for given, want := range map[string]bool{"order-77": true, "order-78": false, "": false} {
		id := strongroom.NewID("rec")
		err := f.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			return tx.Allow(strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 10}, f.record(id),
				guard.Context{Purpose: strongroom.Tax, Reference: strings.Repeat("0", 26), Given: given})
		})
		if (err == nil) != want {
			t.Errorf("given %q: %v", given, err)
		}
		for _, e := range f.eventsOf(t, id) {
			if text := fmt.Sprintf("%+v", e); strings.Contains(text, "order-7") {
				t.Errorf("the event holds the reference: %s", text)
			}
		}
	}
}

// More policies than an event takes do not stop the work.
func TestManyPoliciesDecide(t *testing.T) {
	var b strings.Builder
	for i := range audit.MaxPolicies + 3 {
		fmt.Fprintf(&b, "@id(\"own/%d\") permit (principal, action == Action::\"record.ingest\", resource);\n", i)
	}
	f := fresh(t, guard.Options{}, authz.File{Name: "own.cedar", Text: []byte(b.String())})
	id := strongroom.NewID("rec")
	if err := f.Do(t.Context(), f.who, f.add(id, 1)); err != nil {
		t.Fatal(err)
	}
	if es := f.eventsOf(t, id); len(es) != 1 || len(es[0].Policies) != audit.MaxPolicies {
		t.Errorf("%+v", es)
	}
}

// What is repeated without an event is decided as of now, like what was recorded: a
// policy that knows the time holds there too.
func TestStillKnowsTheTime(t *testing.T) {
	clock := new(strongroom.Clock)
	engine, err := authz.New([]authz.File{{Name: "own.cedar", Text: []byte(`@id("own/freeze")
forbid (principal, action == Action::"metrics.read", resource) when { context has time && context.time > ` + fmt.Sprint(clock.Now().Add(time.Hour).Unix()) + ` };`)}},
		authz.Options{Environment: strongroom.Test})
	if err != nil {
		t.Fatal(err)
	}
	f := fresh(t, guard.Options{Policy: func() *authz.Engine { return engine }})
	who := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http"}
	metrics := strongroom.Action{Name: "metrics.read", Class: 6005, Activity: 99}
	instance := strongroom.Resource{Type: "Instance", ID: "instance"}
	for _, pass := range []time.Duration{0, 2 * time.Hour} {
		f.db.Clock().SetOffset(pass)
		recorded := f.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			return tx.Allow(metrics, instance, guard.Context{})
		}) == nil
		if still := f.Still(who, metrics, instance); still != recorded || recorded != (pass == 0) {
			t.Errorf("after %v: recorded as allowed %v, repeated %v", pass, recorded, still)
		}
	}
}
