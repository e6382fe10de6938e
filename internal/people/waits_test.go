package people_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/people"
)

// TestObligation_2_3_2_WhoMadeTheLinkDoesNotLetIn: whoever makes a link is shown it and
// could enrol with it. So in production the account waits for another person, whatever
// the maker does meanwhile.
func TestObligation_2_3_2_WhoMadeTheLinkDoesNotLetIn(t *testing.T) {
	for name, lead := range map[string]func(f *fixture, t *testing.T, boss strongroom.Actor) (id string, link people.Link, err error){
		"invited": func(f *fixture, t *testing.T, boss strongroom.Actor) (string, people.Link, error) {
			id := f.add(t, jane()).ID
			link, err := f.Invite(t.Context(), boss, id)
			return id, link, err
		},
		"reset": func(f *fixture, t *testing.T, boss strongroom.Actor) (string, people.Link, error) {
			id := f.member(t, jane()).ID
			link, err := f.Reset(t.Context(), boss, id)
			return id, link, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			chief := f.member(t, li())
			f.owners = []string{chief.ID}
			boss := f.boss()
			id, link, err := lead(f, t, boss)
			if err != nil {
				t.Fatal(err)
			}
			who := f.follow(t, link)
			if err := f.SetPassword(t.Context(), who, nil, []byte(otherPassword)); err != nil {
				t.Fatal(err)
			}
			f.totp(t, who)
			if _, err := f.Complete(t.Context(), who); err != nil || f.may(t, id) != "suspended" || f.get(t, id).Reason != people.Unconfirmed {
				t.Fatalf("%v, may sign in: %q, %+v", err, f.may(t, id), f.get(t, id))
			}
			refused := func(what string, by strongroom.Actor) {
				t.Helper()
				if err := f.Resume(t.Context(), by, id); !strongroom.IsKind(err, strongroom.Denied) {
					t.Errorf("%s lets in: %v", what, err)
				}
			}
			refused("whoever made the link", boss)
			refused("the person", f.actor(id, authz.Owner))
			refused("the OS user, while another owner could", maintenance())
			if err := f.Suspend(t.Context(), boss, id, people.Absence); err != nil {
				t.Fatal(err)
			}
			refused("whoever made the link, after a suspension", boss)
			if err := f.Resume(t.Context(), f.boss(), id); err != nil || f.may(t, id) != "" { // planted
				t.Errorf("another owner: %v", err)
			}
			if err := f.Suspend(t.Context(), boss, id, people.Absence); err != nil {
				t.Fatal(err)
			}
			if err := f.Resume(t.Context(), boss, id); err != nil { // planted: once let in it waits no more
				t.Errorf("after it was let in: %v", err)
			}
		})
	}
}

// TestTheOSUserIsTheOtherParty: while no other owner could sign in, and no longer.
func TestTheOSUserIsTheOtherParty(t *testing.T) {
	f := fresh(t)
	first := f.member(t, li())
	f.owners = []string{first.ID}
	boss := f.again(first)
	boss.Roles, boss.Standing.Verified = []string{authz.Owner}, f.boss().Standing.Verified
	x := f.add(t, jane())
	enrol := func() {
		t.Helper()
		link, err := f.Invite(t.Context(), boss, x.ID)
		if err != nil {
			t.Fatal(err)
		}
		who := f.follow(t, link)
		if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); err != nil {
			t.Fatal(err)
		}
		f.totp(t, who)
		if _, err := f.Complete(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	enrol()
	if err := f.Resume(t.Context(), boss, x.ID); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("the only owner alone: %v", err)
	}
	if err := f.Resume(t.Context(), maintenance(), x.ID); err != nil || f.may(t, x.ID) != "" {
		t.Errorf("the OS user: %v", err)
	}
	if err := f.Suspend(t.Context(), boss, x.ID, people.Incident); err != nil {
		t.Fatal(err)
	}
	if err := f.Resume(t.Context(), maintenance(), x.ID); !strongroom.IsKind(err, strongroom.Denied) { // planted
		t.Errorf("the OS user lets in whom nobody led: %v", err)
	}
}
