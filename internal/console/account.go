package console

import (
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/people"
)

func accountRoutes() []Route {
	return []Route{
		own("/account", "account.read", accountPage),
		change("/account/training", "training.record", "/account", recordTraining, accountPage),
		change("/account/pledge", "pledge.record", "/account", recordPledge, accountPage),
		change("/account/signout", "session.revoke", "/account", signOut, nil),
	}
}

// gate is a training or a pledge as the page shows it.
type gate struct {
	Kind    people.Kind
	Name    string
	Action  string // where it is recorded
	Field   string
	Current bool
	Given   people.Given
}

// accountPage says who somebody is here and what is missing.
func accountPage(v *visit) error {
	_, pw, err := v.c.o.People.Factors(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	if pw.MustChange || pw.Expired {
		return v.leadTo("/account/password")
	}
	p, err := v.c.o.People.Get(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	s, err := v.c.o.People.OwnStanding(v.ctx, v.who)
	if err != nil {
		return err
	}
	return v.show("account", "Your account", struct {
		Person   people.Person
		Who      strongroom.Actor
		Gates    []gate
		Standing people.Standing
		Verified time.Time
	}{p, v.who, gates(s), s, v.who.Standing.Verified})
}

func gates(s people.Standing) (out []gate) {
	add := func(kinds []people.Kind, action, field string) {
		for _, k := range kinds {
			g := gate{Kind: k, Name: gateName(k), Action: action, Field: field, Current: !slices.Contains(s.Missing, k)}
			if i := slices.IndexFunc(s.Given, func(x people.Given) bool { return x.Kind == k }); i >= 0 {
				g.Given = s.Given[i]
			}
			out = append(out, g)
		}
	}
	add(people.Trainings(), "/account/training", "topic")
	add(people.Pledges(), "/account/pledge", "pledge")
	return out
}

func gateName(k people.Kind) string {
	switch k {
	case people.DataProtection:
		return "Data protection"
	case people.ITSecurity:
		return "IT security"
	case people.Confidentiality:
		return "Confidentiality"
	case people.AcceptableUse:
		return "Acceptable use of devices"
	}
	return string(k)
}

func recordTraining(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	topic, version, reference := people.Kind(v.field("topic")), v.field("version"), v.field("reference")
	err := v.c.o.People.RecordCompleted(v.ctx, v.who, v.who.ID, topic, version, reference, time.Time{})
	if err != nil {
		return err
	}
	return v.leadTo("/account?done=recorded")
}

func recordPledge(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	err := v.c.o.People.RecordPledge(v.ctx, v.who, v.who.ID, people.Kind(v.field("pledge")), v.field("version"))
	if err != nil {
		return err
	}
	return v.leadTo("/account?done=recorded")
}

func signOut(v *visit) error {
	if err := v.c.o.Sessions.SignOut(v.ctx, v.token, v.from); err != nil {
		return err
	}
	v.dropCookie(sessionCookie, "/")
	return v.leadTo("/signin?done=out")
}
