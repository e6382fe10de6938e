package authz_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

// TestLacks: a person is told what to do first where that is all that stands in the
// way. Planted beside each: what also tells nothing else.
func TestLacks(t *testing.T) {
	e := engine(t, strongroom.Production)
	now := time.Now()
	store, other := strongroom.NewID("str"), strongroom.NewID("str")
	able := strongroom.Standing{Employment: "employee", Trained: true, Pledged: true, Device: "managed", Verified: now}
	lacking := func(change func(*strongroom.Standing)) strongroom.Standing {
		s := able
		change(&s)
		return s
	}
	stale := lacking(func(s *strongroom.Standing) { s.Verified = now.Add(-16 * time.Minute) })
	none := lacking(func(s *strongroom.Standing) { *s = strongroom.Standing{} })
	raw := lacking(func(s *strongroom.Standing) { s.Trained = false })
	due := lacking(func(s *strongroom.Standing) { s.PasswordDue = true })
	enrol := authz.Request{Action: strongroom.Action{Name: "device.enrol"}, Resource: strongroom.Resource{Type: "Device", ID: "dev_1"}}
	invite := authz.Request{Action: strongroom.Action{Name: "person.invite"}, Resource: strongroom.Resource{Type: "Account", ID: "usr_1"}}
	reveal := func(in string) authz.Request {
		return authz.Request{Action: strongroom.Action{Name: "record.reveal"}, Purpose: strongroom.Tax, HasReference: true,
			Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: in}}
	}
	read := authz.Request{Action: strongroom.Action{Name: "record.read"}, Resource: strongroom.Resource{Type: "Record", ID: "rec_1", Store: store}}
	privileged := invite
	privileged.Resource.Attrs = map[string]any{"roles": []string{authz.Owner}}
	hook := authz.Request{Action: strongroom.Action{Name: "webhook.edit"}, Resource: strongroom.Resource{Type: "Store", ID: store, Store: store}}
	own := invite
	own.Action.Name, own.Resource.Attrs = "person.resume", map[string]any{"own": true}
	withElevation := func(a strongroom.Actor) strongroom.Actor {
		a.Elevations = []strongroom.Elevation{{ID: "grt_1", Store: store, Purpose: strongroom.Tax, Until: now.Add(time.Hour)}}
		return a
	}
	who := func(s strongroom.Standing, roles ...string) strongroom.Actor {
		return strongroom.Actor{Kind: strongroom.PersonActor, ID: "usr_0", Roles: roles, Stores: []string{store}, Door: "http", Standing: s}
	}
	for name, c := range map[string]struct {
		actor strongroom.Actor
		ask   authz.Request
		want  string
	}{
		"old factors":                    {who(stale, authz.Owner), enrol, "step-up"},
		"old factors, a credential":      {who(stale, authz.Owner), hook, "step-up"},
		"no trainings":                   {who(raw, authz.Owner), enrol, "untrained"},
		"nothing: the first first":       {who(none, authz.Owner), enrol, "untrained"},
		"no pledges":                     {who(lacking(func(s *strongroom.Standing) { s.Pledged = false }), authz.Privacy), read, "unpledged"},
		"no managed device":              {withElevation(who(lacking(func(s *strongroom.Standing) { s.Device = "unknown" }))), reveal(store), "device"},
		"old factors, elevated":          {withElevation(who(stale)), reveal(store), "step-up"},
		"a password that is due":         {who(due), enrol, "password-due"},
		"a password that is due, a look": {who(due), privileged, "password-due"},
		"no right":                       {who(stale, authz.Auditor), enrol, ""},
		"no right, in no store":          {who(stale, authz.Auditor), reveal(""), ""},
		"no right, untrained":            {who(raw), enrol, ""},
		"no elevation":                   {who(stale), reveal(store), ""},
		"no elevation, another's store":  {who(stale), reveal(other), ""},
		"another policy forbids":         {who(stale, authz.Security), privileged, ""},
		"the own case":                   {who(stale, authz.Owner), own, ""},
		"no purpose":                     {withElevation(who(stale)), authz.Request{Action: reveal("").Action, Resource: reveal(store).Resource}, ""},
		"allowed":                        {who(able, authz.Owner), enrol, ""},
	} {
		c.ask.Actor, c.ask.Now, c.ask.Real = c.actor, now, now
		d := e.Decide(c.ask)
		if d.Allow != (name == "allowed") || d.Err != nil {
			t.Errorf("%s: %+v", name, d)
		}
		if got := e.Lacks(c.ask, d); got.Code != c.want || (got.Hint == "") != (c.want == "") {
			t.Errorf("%s: %+v, want %q, decided by %v", name, got, c.want, d.Policies)
		}
	}
	// What is not in the person's stores and what is nowhere answer alike.
	for _, in := range []string{store, other, ""} {
		q := read
		q.Resource.Store, q.Actor, q.Now, q.Real = in, who(raw, authz.Privacy), now, now
		if got := e.Lacks(q, e.Decide(q)); got.Code != "untrained" {
			t.Errorf("in %q: %+v", in, got)
		}
	}
	service := enrol
	service.Actor = strongroom.Actor{Kind: strongroom.ServiceActor, ID: "svc_1", Door: "http"}
	if got := e.Lacks(service, e.Decide(service)); got != (authz.Lack{}) {
		t.Errorf("a service: %+v", got)
	}
}
