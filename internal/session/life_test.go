package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/session"
)

// TestObligation_2_2_5 shows that a session, and so an account, is not shared: it
// lives in one class of networks and one class of devices, and where it is used
// elsewhere it ends.
func TestObligation_2_2_5(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		opened, used session.Caller
	}{
		{"the same", "", home, home},
		{"another address of the network", "", home, from("192.0.2.200")},
		{"another address of an IPv6 site", "", from("2001:db8:1:2::3"), from("2001:db8:1:ff::1")},
		{"a newer version of the browser", "", home, session.Caller{Source: home.Source, Agent: firefox + "1"}},
		{"another network", "network", home, from("198.51.100.10")},
		{"another IPv6 site", "network", from("2001:db8:1:2::3"), from("2001:db8:2::3")},
		{"another browser", "device", home, session.Caller{Source: home.Source, Agent: chrome}},
		{"all at once", "network-device", home, stranger(1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fresh(t)
			ana := f.people.add("ana@example.com", "privacy")
			o := f.signIn(ana, c.opened)
			if got := f.holds(o, c.used); got != (c.reason == "") {
				t.Errorf("the session holds: %v", got)
			}
			if got := f.holds(o, c.opened); got != (c.reason == "") {
				t.Errorf("the session holds where it was opened: %v", got)
			}
			e := f.events("session.revoke")
			if c.reason == "" {
				if len(e) != 0 {
					t.Errorf("events: %+v", e)
				}
				return
			}
			if len(e) != 1 || e[0].Resource.ID != o.Session.ID || note(e[0], "account") != ana.id || note(e[0], "reason") != c.reason {
				t.Errorf("events: %+v", e)
			}
			xs := must(f.Sessions.Sessions(t.Context(), security(), ana.id))(t)
			if len(xs) != 1 || string(xs[0].Cause) != c.reason || xs[0].Source != c.opened.Source || xs[0].Agent != c.opened.Agent {
				t.Errorf("listed as %+v", xs)
			}
		})
	}
	t.Run("another registered device", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		o := f.signIn(ana, device(home, "dev_a", ana.id))
		if !f.holds(o, home) { // a device need not show with each call
			t.Fatal("the session ended without a reason")
		}
		if f.holds(o, device(home, "dev_b", ana.id)) || note(last(f.events("session.revoke")), "reason") != "device" {
			t.Error("the session is alive on another device")
		}
	})
	t.Run("the posture is that of the call, for the owner alone", func(t *testing.T) {
		f := fresh(t)
		ana := f.people.add("ana@example.com")
		o := f.signIn(ana, device(home, "dev_a", ana.id))
		invented := device(home, "dev_a", ana.id)
		invented.Posture = "invented"
		for c, want := range map[session.Caller]string{
			device(home, "dev_a", ana.id): "managed", home: "unknown", device(home, "", ana.id): "unknown",
			device(home, "dev_a", strongroom.NewID("usr")): "unknown", invented: "unknown",
		} {
			if got := f.actor(o, c).Standing; got.Device != want || got.Source != c.Source {
				t.Errorf("%+v: %+v", c, got)
			}
		}
	})
}

func device(c session.Caller, id, owner string) session.Caller {
	c.Device, c.Owner, c.Posture = id, owner, "managed"
	return c
}

// TestEnds shows when a session is over: idle, too old, revoked, signed out.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name, cause string
		do          func(f *fixture, o session.Opened)
	}{
		{"idle", "idle", func(f *fixture, _ session.Opened) { f.pass(15 * time.Minute) }},
		{"absolute", "absolute", func(f *fixture, o session.Opened) {
			for range 12 * 6 {
				if !f.holds(o, home) {
					f.t.Fatal("a session in use ended early")
				}
				f.pass(10 * time.Minute)
			}
		}},
		{"revoked", "revoked", func(f *fixture, o session.Opened) { must0(f.t, f.Revoke(f.t.Context(), security(), o.Session.ID)) }},
		{"revoked by its owner", "revoked", func(f *fixture, o session.Opened) {
			must0(f.t, f.Revoke(f.t.Context(), f.actor(o, home), o.Session.ID))
		}},
		{"all revoked", "revoked", func(f *fixture, o session.Opened) {
			if n := must(f.RevokeAll(f.t.Context(), security(), o.Session.Person))(f.t); n != 1 {
				f.t.Errorf("%d were revoked", n)
			}
		}},
		{"signed out", "signed-out", func(f *fixture, o session.Opened) { must0(f.t, f.SignOut(f.t.Context(), o.Token.Reveal(), home)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fresh(t)
			ana := f.people.add("ana@example.com", "privacy")
			o := f.signIn(ana, home)
			if !f.holds(o, home) {
				t.Fatal("the session does not hold from the start")
			}
			other := f.another(nil)
			c.do(f, o)
			if f.holds(o, home) {
				t.Error("the session is alive")
			}
			if _, err := other.Authenticate(t.Context(), o.Token.Reveal(), home); err == nil {
				t.Error("the session is alive in another process")
			}
			for range 2 { // before and after the tidying
				xs := must(f.Sessions.Sessions(t.Context(), security(), ana.id))(t)
				if len(xs) != 1 || string(xs[0].Cause) != c.cause || xs[0].Ended.IsZero() {
					t.Errorf("listed as %+v", xs)
				}
				must0(t, f.Tidy(t.Context()))
			}
			f.pass(31 * 24 * time.Hour)
			must0(t, f.Tidy(t.Context()))
			if xs := must(f.Sessions.Sessions(t.Context(), security(), ana.id))(t); len(xs) != 0 {
				t.Errorf("still listed after a month: %+v", xs)
			}
		})
	}
}

// TestIdleSurvivesRestart shows that a session in use stays alive over a restart,
// and one not in use does not come back.
func TestIdleSurvivesRestart(t *testing.T) {
	f := fresh(t)
	used, idle := f.signIn(f.people.add("ana@example.com"), home), f.signIn(f.people.add("bo@example.com"), home)
	f.pass(10 * time.Minute)
	f.holds(used, home)
	must0(t, f.Tidy(t.Context()))
	f.Sessions = f.another(nil)
	f.pass(6 * time.Minute)
	if !f.holds(used, home) || f.holds(idle, home) {
		t.Error("a restart forgot when a session was last used")
	}
}

// TestRightsChange shows that a change of rights replaces the token, and what the
// old one is worth.
func TestRightsChange(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	o := f.signIn(ana, home)
	f.actor(o, home)
	f.people.with(ana.id, func(x *person) { x.roles = append(x.roles, "auditor") })
	f.Forget(ana.id)
	_, err := f.Authenticate(t.Context(), o.Token.Reveal(), home)
	wantCode(t, err, "session-stale")
	renewed := must(f.Renew(t.Context(), o.Token.Reveal(), home))(t)
	if who := f.actor(renewed, home); len(who.Roles) != 2 || who.Session != o.Session.ID || !who.Standing.Verified.Equal(o.Session.Verified) {
		t.Errorf("the renewed session acts as %+v", who)
	}
	if f.holds(o, home) {
		t.Error("the old token is alive")
	}
	if _, err := f.Renew(t.Context(), o.Token.Reveal(), home); err == nil {
		t.Error("the old token was renewed")
	}
	// Without word from anybody it is noticed within a second.
	f.people.with(ana.id, func(x *person) { x.roles = nil })
	f.pass(time.Second + time.Millisecond)
	_, err = f.Authenticate(t.Context(), renewed.Token.Reveal(), home)
	wantCode(t, err, "session-stale")
}

// TestPasswordDue shows that who signed in with a password that has to be changed
// has no right but to the own account, and has them again afterwards.
func TestPasswordDue(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	f.people.with(ana.id, func(x *person) { x.PasswordDue = true })
	o := f.signIn(ana, home)
	if who := f.actor(o, home); len(who.Roles) != 0 || who.AllStores || !who.Standing.PasswordDue {
		t.Errorf("acts as %+v", who)
	}
	ch, options, err := f.BeginPasskey(t.Context(), home)
	must0(t, err)
	if who := f.actor(must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t), home); len(who.Roles) != 1 || who.Standing.PasswordDue {
		t.Errorf("with a passkey acts as %+v", who)
	}
	f.people.with(ana.id, func(x *person) { x.PasswordDue = false })
	f.Forget(ana.id)
	if who := f.actor(must(f.Renew(t.Context(), o.Token.Reveal(), home))(t), home); len(who.Roles) != 1 {
		t.Errorf("after the change acts as %+v", who)
	}
}

// TestObligation_2_2_12 shows that who has left is out: open sessions and sign-ins
// under way die with the account, in one commit, and nothing opens another.
func TestObligation_2_2_12(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	one, two := f.signIn(ana, home), f.signIn(ana, stranger(1))
	if !f.holds(one, home) || !f.holds(two, stranger(1)) {
		t.Fatal("the sessions do not hold from the start")
	}
	under := f.half(ana, home)
	end := func(fail error) (n int) {
		who := security()
		err := f.guard.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(strongroom.Action{Name: "person.end", Class: 3001, Activity: 6}, strongroom.Resource{Type: "Account", ID: ana.id}, guard.Context{}); err != nil {
				return err
			}
			var err error
			if n, err = f.RevokeAllTx(tx, ana.id); err != nil {
				return err
			}
			return fail
		})
		if err != fail {
			t.Fatal(err)
		}
		return n
	}
	// What is planted: an end that does not come about leaves all as it was.
	end(strongroom.Faultf(strongroom.Conflict, "owner", "the last owner"))
	if !f.holds(one, home) {
		t.Fatal("an end that failed ended a session")
	}
	f.people.with(ana.id, func(x *person) { x.Active = false })
	if n := end(nil); n != 2 {
		t.Errorf("%d sessions ended", n)
	}
	if f.holds(one, home) || f.holds(two, stranger(1)) {
		t.Error("a session of a person who has left is alive")
	}
	_, err := f.TOTP(t.Context(), under.ID, f.code(ana), home)
	wantCode(t, err, "account-inactive")
	_, err = f.TOTP(t.Context(), f.half(ana, home).ID, f.code(ana), home)
	wantCode(t, err, "account-inactive")
	ch, options, err := f.BeginPasskey(t.Context(), home)
	must0(t, err)
	_, err = f.Passkey(t.Context(), ch.ID, dev.get(t, options), home)
	wantCode(t, err, "account-inactive")
	if e := last(f.events("session.open")); e.Outcome.String() != "failure" || e.Code != "account-inactive" || e.Actor.ID != ana.id {
		t.Errorf("the refused sign-in is recorded as %+v", e)
	}
}

// TestInactive shows that a person who was suspended is out within a second even
// if nobody told the sessions.
func TestInactive(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	o := f.signIn(ana, home)
	f.actor(o, home)
	f.people.with(ana.id, func(x *person) { x.Active = false })
	f.pass(time.Second + time.Millisecond)
	if f.holds(o, home) {
		t.Error("the session is alive")
	}
}

// TestTampered shows that a row which somebody edited or moved is worth nothing.
func TestTampered(t *testing.T) {
	for name, edit := range map[string]func(tx *guard.Tx, a, b session.Opened) error{
		"the end": func(tx *guard.Tx, a, _ session.Opened) error {
			_, err := tx.Exec(`update session_session set ends_at = ends_at + 1 where id = $1`, a.Session.ID)
			return err
		},
		"the age of the factor": func(tx *guard.Tx, a, _ session.Opened) error {
			_, err := tx.Exec(`update session_session set verified_at = verified_at + 1 where id = $1`, a.Session.ID)
			return err
		},
		"the person": func(tx *guard.Tx, a, b session.Opened) error {
			_, err := tx.Exec(`update session_session set person = $2 where id = $1`, a.Session.ID, b.Session.Person)
			return err
		},
		"the last use": func(tx *guard.Tx, a, _ session.Opened) error {
			_, err := tx.Exec(`update session_use set used_at = used_at + 1 where session = $1`, a.Session.ID)
			return err
		},
		"the rights": func(tx *guard.Tx, a, b session.Opened) error {
			_, err := tx.Exec(`update session_session set rights = (select rights from session_session where id = $2) where id = $1`, a.Session.ID, b.Session.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			a, b := f.signIn(f.people.add("ana@example.com"), home), f.signIn(f.people.add("bo@example.com", "owner"), home)
			must0(t, f.guard.Quiet(t.Context(), guard.Attempt, func(_ context.Context, tx *guard.Tx) error { return edit(tx, a, b) }))
			f.Sessions = f.another(nil)
			if f.holds(a, home) {
				t.Error("the edited session is alive")
			}
			if !f.holds(b, home) {
				t.Error("the other session is dead")
			}
		})
	}
}

// TestTokens shows the form of tokens, and that they do not print.
func TestTokens(t *testing.T) {
	f := fresh(t)
	o := f.signIn(f.people.add("ana@example.com"), home)
	text := o.Token.Reveal()
	for _, s := range []string{fmt.Sprint(o), fmt.Sprintf("%+v %#v %s %d", o.Token, o.Token, o.Token, o.Token), string(encode(t, o))} {
		if containsAny(s, text, text[9:30]) {
			t.Errorf("the token prints: %s", s)
		}
	}
	for want, bad := range map[string]string{
		"session-missing": "", "session-form": text[:len(text)-1] + "x", "session-environment": foreign(t), "session-ended": strange(t),
	} {
		_, err := f.Authenticate(t.Context(), bad, home)
		wantCode(t, err, want)
	}
	must(f.Authenticate(t.Context(), text, home))(t)
}
