package authz_test

import (
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

// everyRole is a person who has each role that a person can have and has shown
// all that the guards ask for.
func everyRole() strongroom.Actor {
	who := actor(authz.Owner)
	who.Roles = []string{authz.Owner, authz.Operator, authz.Privacy, authz.Security, authz.Auditor, authz.Application}
	who.AllStores = true
	return who
}

// reach returns the actions that who is allowed, on what is not the own and on
// what is, even where a policy of the operator's own permits everything.
func reach(t *testing.T, env strongroom.Environment, who strongroom.Actor, own bool) (out []string) {
	e := engine(t, env, authz.File{Name: "all.cedar", Text: []byte(`permit (principal, action, resource);`)})
	for _, a := range authz.Actions() {
		r := authz.Request{
			Actor: who, Action: strongroom.Action{Name: a.Name}, Now: now, Real: now, Purpose: strongroom.Tax, HasReference: true,
			Resource: strongroom.Resource{Type: "Account", ID: who.ID, Attrs: map[string]any{"own": own}},
		}
		d := e.Decide(r)
		if d.Err != nil {
			t.Fatalf("%s: %v", a.Name, d.Err)
		}
		if d.Allow {
			out = append(out, a.Name)
		}
	}
	return out
}

// TestObligation_2_1_6_UntrainedReachNothing: whatever the roles and whatever the
// policies, who lacks the trainings reaches the own account and nothing else.
func TestObligation_2_1_6_UntrainedReachNothing(t *testing.T) {
	who := everyRole()
	if got := reach(t, strongroom.Production, who, false); len(got) < 60 { // planted: the trained reach much
		t.Fatalf("a trained person reaches only %v", got)
	}
	who.Standing.Trained = false
	for _, env := range []strongroom.Environment{strongroom.Production, strongroom.Test} {
		if got := reach(t, env, who, false); len(got) > 0 {
			t.Errorf("%s: reached without the trainings: %v", env, got)
		}
		want := []string{
			"account.enrol", "account.factor", "account.password", "account.read", "device.prove", "pledge.record",
			"session.federate", "session.list", "session.open", "session.revoke", "session.verify", "training.record",
		}
		if got := reach(t, env, who, true); !slices.Equal(got, want) {
			t.Errorf("%s: reached of the own without the trainings: %v", env, got)
		}
	}
}

// TestObligation_3_2_13_UnpledgedReachNoRecord: no record before confidentiality
// and acceptable use are acknowledged, whatever the roles and policies.
func TestObligation_3_2_13_UnpledgedReachNoRecord(t *testing.T) {
	records := func(who strongroom.Actor) (out []string) {
		for _, a := range reach(t, strongroom.Production, who, false) {
			if len(a) > 7 && a[:7] == "record." {
				out = append(out, a)
			}
		}
		return out
	}
	who := everyRole()
	if got := records(who); len(got) != 6 { // planted: the pledged reach them
		t.Fatalf("a pledged person reaches %v", got)
	}
	who.Standing.Pledged = false
	if got := records(who); len(got) > 0 {
		t.Errorf("records reached without the pledge: %v", got)
	}
}

// TestObligation_2_2_7_DevicesThatOpen: in production a person opens records on a
// managed device and on no other.
func TestObligation_2_2_7_DevicesThatOpen(t *testing.T) {
	for device, want := range map[string]bool{"managed": true, "unmanaged": false, "unknown": false, "": false} {
		who := everyRole()
		who.Standing.Device = device
		if got := slices.Contains(reach(t, strongroom.Production, who, false), "record.reveal"); got != want {
			t.Errorf("device %q: %v", device, got)
		}
		if !slices.Contains(reach(t, strongroom.Test, who, false), "record.reveal") {
			t.Errorf("device %q in a test instance", device)
		}
	}
}

// TestObligation_2_4_7_StepUp: what is dangerous needs a second factor shown in
// the last quarter of an hour.
func TestObligation_2_4_7_StepUp(t *testing.T) {
	dangerous := []string{
		"device.enrol", "glass.break", "log.export", "network.edit", "person.invite", "person.reset",
		"person.resume", "policy.approve", "policy.propose", "record.reveal", "request.approve", "root.rotate", "service.adopt",
		"session.unlock",
	}
	for name, c := range map[string]struct {
		verified time.Time
		want     bool
	}{
		"a minute ago":    {now.Add(-time.Minute), true},
		"15 minutes ago":  {now.Add(-15 * time.Minute), true},
		"a second more":   {now.Add(-15*time.Minute - time.Second), false},
		"never":           {time.Time{}, false},
		"by a near clock": {now.Add(time.Second), true},
		"tomorrow":        {now.Add(24 * time.Hour), false},
	} {
		who := everyRole()
		who.Standing.Verified = c.verified
		got := reach(t, strongroom.Production, who, false)
		for _, a := range dangerous {
			if slices.Contains(got, a) != c.want {
				t.Errorf("%s: %s is %v", name, a, !c.want)
			}
		}
		if !slices.Contains(got, "person.list") {
			t.Errorf("%s: a list needs no second factor again", name)
		}
	}
}

// Maintenance shows nothing of anybody, whatever other roles and policies say.
func TestObligation_2_2_4_MaintenanceIsNoBackDoor(t *testing.T) {
	who := actor(authz.Maintenance)
	who.Roles = append(who.Roles, authz.Owner, authz.Privacy)
	want := []string{
		"epoch.roll", "instance.migrate", "instance.start", "instance.stop", "job.run", "log.continue", "log.proof",
		"metrics.read", "network.edit", "network.list", "person.found", "person.recover", "policy.read", "policy.reset",
		"recovery.cancel", "retention.sweep", "root.rotate",
	}
	if got := reach(t, strongroom.Production, who, false); !slices.Equal(got, want) {
		t.Errorf("maintenance reaches %v", got)
	}
	who.Door = "http"
	if got := reach(t, strongroom.Production, who, false); len(got) > 0 {
		t.Errorf("maintenance from afar reaches %v", got)
	}
	who = actor(authz.Application)
	who.Roles, who.AllStores = []string{authz.Maintenance}, true
	if got := reach(t, strongroom.Production, who, false); len(got) > 0 {
		t.Errorf("a key with the role of maintenance reaches %v", got)
	}
}

// An elevation covers one store, one purpose, one reference, some classes, until
// its end.
func TestElevations(t *testing.T) {
	e := engine(t, strongroom.Production)
	who := actor(authz.Operator)
	who.Stores = nil
	who.Elevations = []strongroom.Elevation{{
		Store: "str_a", Purpose: strongroom.Tax, Reference: "order-1", Classes: []string{"phone", "email"}, Until: now.Add(time.Hour),
	}}
	fit := authz.Request{
		Actor: who, Action: strongroom.Action{Name: "record.reveal"}, Purpose: strongroom.Tax, HasReference: true, Reference: "order-1",
		Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_a"}, Now: now, Real: now,
		Context: map[string]any{"classes": []string{"phone"}, "full": false},
	}
	if d := e.Decide(fit); !d.Allow || !slices.Equal(d.Policies, []string{"roles/elevated"}) {
		t.Fatalf("%+v", d)
	}
	set := func(change func(*strongroom.Elevation)) func(*authz.Request) {
		return func(r *authz.Request) {
			x := r.Actor.Elevations[0]
			change(&x)
			r.Actor.Elevations = []strongroom.Elevation{x}
		}
	}
	for name, c := range map[string]struct {
		change func(*authz.Request)
		want   bool
	}{
		"for each reference":     {set(func(x *strongroom.Elevation) { x.Reference = "" }), true},
		"for all classes":        {set(func(x *strongroom.Elevation) { x.Classes = nil }), true},
		"ended":                  {set(func(x *strongroom.Elevation) { x.Until = now }), false},
		"another store":          {func(r *authz.Request) { r.Resource.Store = "str_b" }, false},
		"no store":               {func(r *authz.Request) { r.Resource.Store = "" }, false},
		"another purpose":        {func(r *authz.Request) { r.Purpose = strongroom.Invoice }, false},
		"another reference":      {func(r *authz.Request) { r.Reference = "order-2" }, false},
		"another class":          {func(r *authz.Request) { r.Context = map[string]any{"classes": []string{"phone", "name"}} }, false},
		"classes not said":       {func(r *authz.Request) { r.Context = nil }, false},
		"the whole original":     {func(r *authz.Request) { r.Context["full"] = true }, false},
		"time not said":          {func(r *authz.Request) { r.Now = time.Time{} }, false},
		"a service":              {func(r *authz.Request) { r.Actor.Kind = strongroom.ServiceActor }, false},
		"another action":         {func(r *authz.Request) { r.Action.Name = "record.erase" }, false},
		"without a reference":    {func(r *authz.Request) { r.HasReference = false }, false},
		"an old second factor":   {func(r *authz.Request) { r.Actor.Standing.Verified = now.Add(-time.Hour) }, false},
		"another's also matters": {func(r *authz.Request) { r.Actor.Elevations = nil }, false},
	} {
		r := fit
		r.Context = map[string]any{"classes": []string{"phone"}, "full": false}
		c.change(&r)
		if d := e.Decide(r); d.Allow != c.want {
			t.Errorf("%s: %+v", name, d)
		}
	}
}
