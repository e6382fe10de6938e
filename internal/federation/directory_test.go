package federation_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/people"
)

func mapped(decided string) func(*federation.Options) {
	return func(o *federation.Options) {
		o.Mappings = []federation.Mapping{
			{Source: federation.SCIM, Group: "Operators", Role: "operator", AllStores: true, Case: decided},
			{Source: federation.SCIM, Group: "Privacy", Role: "privacy", AllStores: true},
		}
	}
}

// TestObligation_2_2_1_DirectoriesAskPeopleDecide: a directory makes no account; it
// asks, people approve, and a refusal is not asked again by the next change.
func TestObligation_2_2_1_DirectoriesAskPeopleDecide(t *testing.T) {
	f := fresh(t)
	u, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: janeMail, Formatted: janeName, Active: true})
	if err != nil || u.Request == "" {
		t.Fatalf("%+v, %v", u, err)
	}
	if id, ok, _ := f.people.LookupEmail(t.Context(), janeMail); ok {
		t.Fatalf("an account without approval: %s", id)
	}
	f.decide(t, false)
	if n, err := f.Settle(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d settled, %v", n, err)
	}
	u, err = f.ChangeUser(t.Context(), directory(), u.ID, 0, func(u *federation.User) error { u.DisplayName = "Jane"; return nil })
	if err != nil || u.Request+u.Person != "" || len(f.rights.open) != 0 {
		t.Errorf("asked again: %+v, %v", u, err)
	}
	// Switched off and on, it asks anew; planted: approved, there is an account.
	for _, change := range []func(*federation.User) error{off, on} {
		if u, err = f.ChangeUser(t.Context(), directory(), u.ID, 0, change); err != nil {
			t.Fatal(err)
		}
	}
	p := f.decide(t, true)
	if u, err = f.ChangeUser(t.Context(), directory(), u.ID, 0, on); err != nil || u.Person != p.ID || p.Source != "scim" {
		t.Errorf("%+v, %v", u, err)
	}
	// Switched off while it waits, the request is withdrawn.
	o, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: omarMail, Formatted: omarName, Active: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ChangeUser(t.Context(), directory(), o.ID, 0, off); err != nil || len(f.rights.open) != 0 {
		t.Errorf("%d requests wait, %v", len(f.rights.open), err)
	}
	for who, actor := range map[string]strongroom.Actor{
		"an application": {Kind: strongroom.ServiceActor, ID: "svc_00000000000000000000000000", Roles: []string{authz.Application}, AllStores: true, Door: "http"},
		"an owner":       f.boss(),
	} {
		if _, err := f.CreateUser(t.Context(), actor, federation.User{UserName: "x@kitchen.example", Formatted: "X Y"}); strongroom.KindOf(err) != strongroom.Denied {
			t.Errorf("%s writes users: %v", who, err)
		}
	}
}

// TestObligation_2_2_2_OneAccountOneUser: the address of a living account is joined,
// not made twice, and by one user alone.
func TestObligation_2_2_2_OneAccountOneUser(t *testing.T) {
	f := fresh(t)
	jane := f.member(t, janeName, janeMail)
	u, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: "jane", Formatted: janeName, Active: true,
		Emails: []federation.Email{{Value: "Jane.Ueberwasser@KITCHEN.example"}}})
	if err != nil || u.Person != jane.ID || u.Request != "" {
		t.Fatalf("%+v, %v", u, err)
	}
	for name, x := range map[string]federation.User{
		"the same name":    {UserName: "JANE", Formatted: janeName},
		"the same account": {UserName: "jane2", Formatted: janeName, Active: true, Emails: []federation.Email{{Value: janeMail}}},
	} {
		if _, err := f.CreateUser(t.Context(), directory(), x); code(err) != "uniqueness" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, x := range map[string]federation.User{
		"a shared mailbox": {UserName: "it", Formatted: omarName, Active: true, Emails: []federation.Email{{Value: "it@kitchen.example"}}},
		"a role's name":    {UserName: "o", Formatted: "Helpdesk", Active: true, Emails: []federation.Email{{Value: omarMail}}},
	} {
		if _, err := f.CreateUser(t.Context(), directory(), x); strongroom.KindOf(err) != strongroom.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestObligation_2_2_1_GroupsGiveWhatWasDecided: a membership gives the right of a
// mapping that people decided, asks for that of another, and nothing else; with the
// membership the right goes.
func TestObligation_2_2_1_GroupsGiveWhatWasDecided(t *testing.T) {
	decided := strongroom.NewID("req")
	f := fresh(t, mapped(decided))
	f.rights.cases[decided] = "operator"
	u, p := f.hired(t, janeName, janeMail)
	ids := map[string]string{}
	for _, name := range []string{"Operators", "Privacy", "Owners", "operators"} {
		g, err := f.CreateGroup(t.Context(), directory(), federation.Group{DisplayName: name, Members: []string{u.ID, u.ID}})
		if err != nil || len(g.Members) != 1 {
			t.Fatalf("%s: %+v, %v", name, g, err)
		}
		ids[name] = g.ID
	}
	has, asked := f.rights.state()
	if len(has) != 1 || has[0] != (held{p.ID, "operator", "Operators"}) || len(asked) != 1 || asked[0] != (held{p.ID, "privacy", "Privacy"}) {
		t.Fatalf("holds %v, asked for %v", has, asked)
	}
	if _, err := f.ChangeGroup(t.Context(), directory(), ids["Operators"], 0, func(g *federation.Group) error { g.Members = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteGroup(t.Context(), directory(), ids["Privacy"]); err != nil {
		t.Fatal(err)
	}
	if has, asked = f.rights.state(); len(has)+len(asked) > 0 {
		t.Errorf("kept: %v %v", has, asked)
	}
	// Who joined before there was an account gets the right with it.
	o, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: omarMail, Formatted: omarName, Active: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ChangeGroup(t.Context(), directory(), ids["Operators"], 0, func(g *federation.Group) error { g.Members = []string{o.ID}; return nil }); err != nil {
		t.Fatal(err)
	}
	q := f.decide(t, true)
	if _, err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if has, _ = f.rights.state(); len(has) != 1 || has[0].person != q.ID {
		t.Errorf("holds %v", has)
	}
	if _, err := f.ChangeUser(t.Context(), directory(), o.ID, 0, off); err != nil {
		t.Fatal(err)
	}
	if has, _ = f.rights.state(); len(has) > 0 {
		t.Errorf("kept after the end: %v", has)
	}
}

// The last owner cannot be taken away by a directory.
func TestLastOwnerStays(t *testing.T) {
	f := fresh(t)
	u, p := f.hired(t, janeName, janeMail)
	f.owners = []string{p.ID}
	if _, err := f.ChangeUser(t.Context(), directory(), u.ID, 0, off); code(err) != "last-owner" || f.may(t, p.ID) != "" {
		t.Errorf("%v", err)
	}
	if got, err := f.User(t.Context(), directory(), u.ID); err != nil || !got.Active {
		t.Errorf("%+v, %v", got, err)
	}
}

// What a directory said is sealed, bound to its row, and forgotten with the account.
func TestUsersAtRest(t *testing.T) {
	f := fresh(t)
	u, p := f.hired(t, janeName, janeMail)
	if _, err := f.CreateGroup(t.Context(), directory(), federation.Group{DisplayName: "Überwasser fans", Members: []string{u.ID}}); err != nil {
		t.Fatal(err)
	}
	all := f.disk(t)
	for _, s := range []string{"Jane", "Überwasser", "kitchen.example"} {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("%q is at rest or in a log", s)
		}
	}
	if !bytes.Contains(all, []byte(u.ID)) { // planted: the search looks in the right place
		t.Error("not even the id is found")
	}
	if _, err := f.ChangeUser(t.Context(), directory(), u.ID, 0, off); err != nil {
		t.Fatal(err)
	}
	f.clock.SetOffset(people.Erasure - time.Hour)
	if n, err := f.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("forgotten too early: %d, %v", n, err)
	}
	f.clock.SetOffset(people.Erasure + time.Hour)
	if n, err := f.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("forgotten: %d, %v", n, err)
	}
	if _, err := f.User(t.Context(), directory(), u.ID); code(err) != "user" {
		t.Errorf("%v", err)
	}
	if x, err := f.Probe(t.Context(), f.boss(), p.ID); err != nil || !x.Refused() { // the proof stays
		t.Errorf("%+v, %v", x, err)
	}
	o, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: omarMail, Formatted: omarName})
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, f, func(tx *db.Tx) error { _, err := tx.Exec(spoilUser, p.ID); return err })
	if _, err := f.User(t.Context(), directory(), o.ID); code(err) != "federation-sealed" {
		t.Errorf("a row that was moved: %v", err)
	}
	if _, _, err := f.Users(t.Context(), directory(), federation.Query{Count: 10}); code(err) != "federation-sealed" {
		t.Errorf("a list with it: %v", err)
	}
}

// TestSettleLooksAtAll: the many about whom nobody decides do not hold up one about whom
// people did.
func TestSettleLooksAtAll(t *testing.T) {
	f := fresh(t)
	var last federation.User
	for n := range 501 {
		mail := fmt.Sprintf("jane.h%c%cdad@kitchen.example", 'a'+n%26, 'a'+n/26)
		u, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: mail, Given: "Jane", Family: "Haddad", Active: true,
			Emails: []federation.Email{{Value: mail, Type: "work", Primary: true}}})
		if err != nil {
			t.Fatal(err)
		}
		last = u
	}
	f.rights.mu.Lock()
	spec := f.rights.open[last.Request]
	f.rights.mu.Unlock()
	p := f.add(t, spec, last.Request)
	f.rights.mu.Lock()
	delete(f.rights.open, last.Request)
	f.rights.made[last.Request] = p.ID
	f.rights.mu.Unlock()
	for _, want := range []int{1, 0} { // planted: once is enough
		if n, err := f.Settle(t.Context()); n != want || err != nil {
			t.Errorf("%d settled, %v", n, err)
		}
	}
	if u, err := f.User(t.Context(), directory(), last.ID); err != nil || u.Person != p.ID {
		t.Errorf("%+v, %v", u, err)
	}
}
