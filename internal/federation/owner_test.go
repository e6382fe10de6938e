package federation_test

import (
	"slices"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/federation"
)

// send reads a feed of people by id.
func (f *fixture) send(t *testing.T, who strongroom.Actor, dry bool, ids ...string) federation.Report {
	t.Helper()
	rep, err := f.Feed(t.Context(), who, strings.NewReader("id\n"+strings.Join(ids, "\n")+"\n"), federation.Feed{Dry: dry})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestFeedTakesAnOwnerOut: a key that names an owner ends nobody, and its report does not
// say so; a person's feed does. A dry run says the same before.
func TestFeedTakesAnOwnerOut(t *testing.T) {
	f := fresh(t)
	chief, other := f.member(t, "Jane Haddad", janeMail), f.member(t, "Omar Haddad", omarMail)
	f.owners = []string{chief.ID, other.ID}
	for n, dry := range []bool{true, false, true, false} { // again: no other answer
		rep := f.send(t, directory(), dry, chief.ID)
		if rep.Ended != 0 || rep.Suspended != 1 || len(rep.Failed) != 1 || rep.Failed[0] != (federation.FailedLine{Line: 2, Code: "owner-suspended"}) {
			t.Errorf("%d, a key: %+v", n, rep)
		}
		if suspended := f.may(t, chief.ID) == "suspended"; suspended != (n > 0) {
			t.Errorf("%d: may sign in: %q", n, f.may(t, chief.ID))
		}
	}
	for _, dry := range []bool{true, false} {
		if rep := f.send(t, f.boss(), dry, chief.ID); rep.Ended != 1 || rep.Suspended != 0 || len(rep.Failed) != 0 || dry == (f.may(t, chief.ID) == "ended") {
			t.Errorf("a person, dry %v: %+v, may sign in: %q", dry, rep, f.may(t, chief.ID))
		}
	}
}

// TestFeedDryAsItRuns: a dry run counts what the run then does, owners who are the last
// once those before them are gone, and people who are named twice.
func TestFeedDryAsItRuns(t *testing.T) {
	for name, c := range map[string]struct {
		who              func(f *fixture) strongroom.Actor
		ended, suspended int
		codes            []string
	}{
		"a key":    {func(*fixture) strongroom.Actor { return directory() }, 1, 1, []string{"owner-suspended", "last-owner"}},
		"a person": {(*fixture).boss, 2, 0, []string{"last-owner"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			chief, other, clerk := f.member(t, "Jane Haddad", janeMail), f.member(t, "Omar Haddad", omarMail), f.member(t, "Mira Haddad", "mira@kitchen.example")
			f.owners = []string{chief.ID, other.ID}
			for _, dry := range []bool{true, false} {
				rep := f.send(t, c.who(f), dry, chief.ID, other.ID, clerk.ID, clerk.ID)
				var codes []string
				for _, x := range rep.Failed {
					codes = append(codes, x.Code)
				}
				if rep.Ended != c.ended || rep.Suspended != c.suspended || rep.Already != 1 || !slices.Equal(codes, c.codes) {
					t.Errorf("dry %v: %+v", dry, rep)
				}
			}
			if f.may(t, other.ID) != "" || f.may(t, clerk.ID) != "ended" {
				t.Errorf("the last owner: %q, the clerk: %q", f.may(t, other.ID), f.may(t, clerk.ID))
			}
		})
	}
}

// TestObligation_2_2_12_AFeedDoesNotCutItselfOff: the line of who owns the key that sends
// the feed is refused, and so is the directory's word; the lines after it are carried out.
func TestObligation_2_2_12_AFeedDoesNotCutItselfOff(t *testing.T) {
	f := fresh(t)
	before, chief, after := f.member(t, "Mira Haddad", "mira@kitchen.example"), f.member(t, "Jane Haddad", janeMail), f.member(t, "Omar Haddad", omarMail)
	f.owned = map[string][]string{chief.ID: {strongroom.NewID("svc"), directory().ID}}
	for _, owners := range [][]string{nil, {chief.ID, after.ID}} { // an owner of the instance, or not
		f.owners = owners
		rep := f.send(t, directory(), true, before.ID, chief.ID)
		if rep.Ended != 1 || rep.Suspended != 0 || len(rep.Failed) != 1 || rep.Failed[0] != (federation.FailedLine{Line: 3, Code: "own-key"}) {
			t.Errorf("dry: %+v", rep)
		}
	}
	f.owners = []string{chief.ID, strongroom.NewID("usr")}
	u, err := f.CreateUser(t.Context(), directory(), federation.User{UserName: janeMail, Formatted: "Jane Haddad", Active: true})
	if err != nil || u.Person != chief.ID {
		t.Fatalf("%+v, %v", u, err)
	}
	f.owners = nil
	rep := f.send(t, directory(), false, before.ID, chief.ID, after.ID)
	if rep.Ended != 2 || len(rep.Failed) != 1 || rep.Failed[0] != (federation.FailedLine{Line: 3, Code: "own-key"}) {
		t.Errorf("%+v", rep)
	}
	_, err = f.ChangeUser(t.Context(), directory(), u.ID, 0, func(u *federation.User) error { u.Active = false; return nil })
	if code(err) != "own-key" {
		t.Errorf("switched off: %v", err)
	}
	if err := f.DeleteUser(t.Context(), directory(), u.ID); code(err) != "own-key" {
		t.Errorf("forgotten: %v", err)
	}
	if f.may(t, chief.ID) != "" {
		t.Errorf("the owner of the key: %q", f.may(t, chief.ID))
	}
	f.owned = map[string][]string{after.ID: f.owned[chief.ID]} // planted: the key has another owner
	if rep := f.send(t, directory(), false, chief.ID); rep.Ended != 1 || f.may(t, chief.ID) != "ended" {
		t.Errorf("handed over: %+v", rep)
	}
}
