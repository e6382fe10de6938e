package authz_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

func engine(t testing.TB, env strongroom.Environment, files ...authz.File) *authz.Engine {
	t.Helper()
	e, err := authz.New(files, authz.Options{Environment: env})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// now is when the requests of these tests are made, by both clocks.
var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// actor has one role and, but for the product itself, one store. A person has
// done all that the guards ask for; maintenance is the OS user.
func actor(role string) strongroom.Actor {
	switch role {
	case authz.SystemRole:
		return strongroom.System("test")
	case authz.Application, authz.Provisioner, authz.TestEverything:
		return strongroom.Actor{Kind: strongroom.ServiceActor, ID: "svc_1", Roles: []string{role}, Stores: []string{"str_mine"}, Door: "http"}
	case authz.Maintenance:
		return strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:1000", Roles: []string{role}, AllStores: true, Door: "socket"}
	}
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: "usr_1", Roles: []string{role}, Stores: []string{"str_mine"}, Door: "http",
		Standing: strongroom.Standing{
			Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: now.Add(-time.Minute),
			Source: netip.MustParseAddr("192.0.2.7"),
		},
	}
}

func request(role, action string) authz.Request {
	return authz.Request{
		Actor: actor(role), Action: strongroom.Action{Name: action},
		Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_mine"},
		Now:      now, Real: now,
	}
}

func TestUnfitRequestIsDenied(t *testing.T) {
	e := engine(t, strongroom.Test)
	fit := request(authz.TestEverything, "record.read")
	if d := e.Decide(fit); !d.Allow || d.Err != nil {
		t.Fatalf("the request that all others are made from is denied: %+v", d)
	}
	for name, change := range map[string]func(*authz.Request){
		"unknown action":         func(r *authz.Request) { r.Action.Name = "record.sell" },
		"unknown actor kind":     func(r *authz.Request) { r.Actor.Kind = "robot" },
		"actor without id":       func(r *authz.Request) { r.Actor.ID = "" },
		"unknown resource":       func(r *authz.Request) { r.Resource.Type = "Planet" },
		"unknown purpose":        func(r *authz.Request) { r.Purpose = "curiosity" },
		"unknown context":        func(r *authz.Request) { r.Context = map[string]any{"mood": "good"} },
		"context of other type":  func(r *authz.Request) { r.Context = map[string]any{"fields": "3"} },
		"environment by caller":  func(r *authz.Request) { r.Context = map[string]any{"environment": "test"} },
		"scope by caller":        func(r *authz.Request) { r.Context = map[string]any{"in_scope": true} },
		"unknown resource attr":  func(r *authz.Request) { r.Resource.Attrs = map[string]any{"color": "red"} },
		"value without a type":   func(r *authz.Request) { r.Context = map[string]any{"fields": 1.5} },
		"unsorted nil any":       func(r *authz.Request) { r.Context = map[string]any{"fields": nil} },
		"resource attr bad type": func(r *authz.Request) { r.Resource.Attrs = map[string]any{"own": "yes"} },
	} {
		r := fit
		change(&r)
		if d := e.Decide(r); d.Allow || d.Err == nil {
			t.Errorf("%s: allow %v, error %v; want a denial with an error", name, d.Allow, d.Err)
		}
	}
	var none *authz.Engine
	if d := none.Decide(fit); d.Allow || d.Err == nil {
		t.Error("no engine at all must deny with an error")
	}
}

// A forbid that fails is skipped by Cedar itself: the planted policy overflows
// only where fields are asked for, so that the same engine allows and denies.
func TestFailingPolicyDenies(t *testing.T) {
	e := engine(t, strongroom.Test, authz.File{Name: "local.cedar", Text: []byte(`
		@id("local/overflow")
		forbid (principal, action == Action::"record.read", resource)
		when { context has fields && context.fields + 9223372036854775807 < 0 };`)})
	r := request(authz.TestEverything, "record.read")
	r.Context = map[string]any{"fields": 0}
	if d := e.Decide(r); !d.Allow || d.Err != nil {
		t.Fatalf("the planted policy fails where it should not: %+v", d)
	}
	r.Context["fields"] = 1
	d := e.Decide(r)
	if d.Allow || d.Err == nil || !slices.Equal(d.Policies, []string{"local/overflow"}) {
		t.Fatalf("a policy that fails must deny and be named: %+v", d)
	}
	if x := e.Explain(r); !strings.Contains(x.Text, "could not be made") {
		t.Errorf("explanation: %q", x.Text)
	}
}

func TestScope(t *testing.T) {
	e := engine(t, strongroom.Production)
	for _, c := range []struct {
		name     string
		action   string
		resource strongroom.Resource
		all      bool
		want     bool
	}{
		{"own record", "record.read", strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_mine"}, false, true},
		{"other's record", "record.read", strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_other"}, false, false},
		{"record without store", "record.read", strongroom.Resource{Type: "Record", ID: "rec_1"}, false, false},
		{"record without store, listing", "record.list", strongroom.Resource{Type: "Record", ID: "rec_1"}, false, false},
		{"own store", "record.ingest", strongroom.Resource{Type: "Store", ID: "str_mine"}, false, true},
		{"other's store", "record.ingest", strongroom.Resource{Type: "Store", ID: "str_other"}, false, false},
		{"no store where one is needed", "record.ingest", strongroom.Resource{Type: "Instance"}, false, false},
		{"across all its stores", "record.find", strongroom.Resource{Type: "Instance"}, false, true},
		{"unlimited", "record.read", strongroom.Resource{Type: "Record", ID: "rec_1", Store: "str_other"}, true, true},
	} {
		r := authz.Request{Actor: actor(authz.Application), Action: strongroom.Action{Name: c.action}, Resource: c.resource}
		r.Actor.AllStores = c.all
		d := e.Decide(r)
		if d.Allow != c.want || d.Err != nil {
			t.Errorf("%s: allow %v, %v; want %v", c.name, d.Allow, d.Err, c.want)
		}
		if !c.want && !slices.Contains(d.Policies, "guards/scope") {
			t.Errorf("%s: denied by %v, not by the scope", c.name, d.Policies)
		}
	}
}

// The guards stand against a permit of the operator's own that allows all.
func TestGuardsCannotBeLifted(t *testing.T) {
	all := authz.File{Name: "local.cedar", Text: []byte(`permit (principal, action, resource);`)}
	prod, test := engine(t, strongroom.Production, all), engine(t, strongroom.Test, all)
	reveal := request(authz.Application, "record.reveal")
	withAll := reveal
	withAll.Purpose, withAll.HasReference = strongroom.Tax, true
	system := withAll
	system.Actor = strongroom.System("test")
	posing := request(authz.SystemRole, "job.run")
	posing.Actor.Kind = strongroom.ServiceActor
	noRef := withAll
	noRef.HasReference = false
	for _, c := range []struct {
		name string
		e    *authz.Engine
		r    authz.Request
		want bool
	}{
		{"the permit works", prod, request(authz.Auditor, "record.read"), true},
		{"reveal with all", prod, withAll, true},
		{"reveal without purpose", test, reveal, false},
		{"reveal without reference", test, noRef, false},
		{"the product opens", test, system, false},
		{"a service with the product's role", test, posing, false},
		{"the product runs a job", test, request(authz.SystemRole, "job.run"), true},
		{"clock in test", test, request(authz.Owner, "clock.set"), true},
		{"clock in production", prod, request(authz.Owner, "clock.set"), false},
		{"role of tests in test", test, request(authz.TestEverything, "record.read"), true},
		{"role of tests in production", prod, request(authz.TestEverything, "record.read"), false},
	} {
		if d := c.e.Decide(c.r); d.Allow != c.want {
			t.Errorf("%s: %+v, want %v", c.name, d, c.want)
		}
	}
}

func TestEmptyEnvironmentIsProduction(t *testing.T) {
	e := engine(t, "")
	if e.Decide(request(authz.TestEverything, "record.read")).Allow {
		t.Fatal("an engine without an environment must decide as production does")
	}
}

func TestDigestNamesWhatIsInForce(t *testing.T) {
	seen := map[string]bool{}
	for _, files := range [][]authz.File{
		nil, own(base), own(base + " "), {{Name: "other.cedar", Text: []byte(base)}},
		{{Name: "roles.cedar", Text: []byte(base)}}, {{Name: "own.cedar", Text: []byte(base)}, {Name: "more.cedar"}},
	} {
		d := engine(t, strongroom.Production, files...).Digest()
		if seen[d] || len(d) != 64 || d != engine(t, strongroom.Production, files...).Digest() {
			t.Errorf("%q", d)
		}
		seen[d] = true
	}
}

func TestRolesFileReplaces(t *testing.T) {
	e := engine(t, strongroom.Production, authz.File{Name: "roles.cedar", Text: []byte(`
		permit (principal in Role::"application", action == Action::"record.list", resource);`)})
	if !e.Decide(request(authz.Application, "record.list")).Allow {
		t.Error("the own roles file does not permit")
	}
	if e.Decide(request(authz.Application, "record.read")).Allow {
		t.Error("the shipped roles file is still there")
	}
}

func TestOperatorMakesKeysOfApplicationsOnly(t *testing.T) {
	e, production := engine(t, strongroom.Test), engine(t, strongroom.Production)
	r := authz.Request{Actor: actor(authz.Operator), Action: strongroom.Action{Name: "key.add"}, Resource: strongroom.Resource{Type: "Key", ID: "key_1"}, Now: now, Real: now}
	r.Actor.Standing.Verified = now
	for _, c := range []struct {
		roles any
		want  bool
	}{
		{[]string{"application"}, true}, {[]string{"application", "owner"}, false}, {[]string{"owner"}, false}, {[]string{}, false},
	} {
		r.Resource.Attrs = map[string]any{"roles": c.roles}
		if d := e.Decide(r); d.Allow != c.want || d.Err != nil {
			t.Errorf("%v: %+v", c.roles, d)
		}
		for act, want := range map[string]bool{"key.add": false, "key.rotate": false, "key.revoke": c.want} {
			r := r
			r.Action.Name = act
			if d := production.Decide(r); d.Allow != want || d.Err != nil {
				t.Errorf("%s of %v in production: %+v", act, c.roles, d)
			}
		}
	}
	r.Resource.Attrs = nil
	if e.Decide(r).Allow {
		t.Error("a key without roles")
	}
}
