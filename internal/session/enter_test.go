package session_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/session"
)

// enter ends a sign-in proved elsewhere.
func (f *fixture) enter(who string, e session.Entry) (o session.Opened, err error) {
	actor := strongroom.Actor{Kind: strongroom.PersonActor, ID: who, Door: "http"}
	err = f.guard.Do(f.t.Context(), actor, func(_ context.Context, tx *guard.Tx) error {
		o, err = f.EnterTx(tx, e)
		return err
	})
	return o, err
}

// TestEnter shows sessions of people who showed their factors to a provider.
func TestEnter(t *testing.T) {
	f := fresh(t)
	ana, bo := f.people.add("ana@example.com", "privacy"), f.people.add("bo@example.com")
	shown := f.real.Now().Add(-10 * time.Minute)
	open := func() (is bool) {
		t.Helper()
		must0(t, f.db.Read(t.Context(), func(r *db.Reader) (err error) {
			is, err = f.HasOpen(r, ana.id, r.Now())
			return err
		}))
		return is
	}
	if open() {
		t.Error("a session is open from the start")
	}
	o := must(f.enter(ana.id, session.Entry{Person: ana.id, Verified: shown, Caller: home}))(t)
	if who := f.actor(o, home); !who.Standing.Verified.Equal(shown) || who.Roles[0] != "privacy" || !open() {
		t.Errorf("acts as %+v", who)
	}
	if e := last(f.events("session.open")); e.Actor.ID != ana.id || note(e, "how") != "provider" {
		t.Errorf("recorded as %+v", e)
	}
	again := must(f.enter(ana.id, session.Entry{Person: ana.id, Verified: f.real.Now().Add(time.Hour), Session: o.Session.ID, Caller: home}))(t)
	if who := f.actor(again, home); f.holds(o, home) || who.Standing.Verified.After(f.real.Now()) || f.real.Now().Sub(who.Standing.Verified) > time.Minute {
		t.Errorf("verified anew acts as %+v", who)
	}
	for name, e := range map[string]struct {
		who string
		session.Entry
		code string
	}{
		"no proof":               {ana.id, session.Entry{Person: ana.id, Caller: home}, "session-entry"},
		"somebody else":          {bo.id, session.Entry{Person: ana.id, Verified: shown, Caller: home}, "session-entry"},
		"somebody's session":     {bo.id, session.Entry{Person: bo.id, Verified: shown, Session: o.Session.ID, Caller: home}, "session-ended"},
		"the session, elsewhere": {ana.id, session.Entry{Person: ana.id, Verified: shown, Session: o.Session.ID, Caller: stranger(1)}, "session-ended"},
		"no such session":        {ana.id, session.Entry{Person: ana.id, Verified: shown, Session: "ses_x", Caller: home}, "session-ended"},
	} {
		if _, err := f.enter(e.who, e.Entry); code(err) != e.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !f.holds(again, home) {
		t.Error("a refusal ended the session")
	}
	f.people.with(ana.id, func(x *person) { x.Active = false })
	_, err := f.enter(ana.id, session.Entry{Person: ana.id, Verified: shown, Caller: home})
	wantCode(t, err, "account-inactive")
	must(f.RevokeAll(t.Context(), security(), ana.id))(t)
	if open() {
		t.Error("a session is open after the end")
	}
}

// Planted: a session whose row was changed counts as open until it is ended, whatever
// it says of its dates.
func TestDamagedSessionCountsAsOpen(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	f.signIn(ana, home)
	open := func(what string, want bool) {
		t.Helper()
		must0(t, f.db.Read(t.Context(), func(r *db.Reader) error {
			is, err := f.HasOpen(r, ana.id, r.Now())
			if is != want {
				t.Errorf("%s: open is %v", what, is)
			}
			return err
		}))
	}
	f.pass(30 * 24 * time.Hour)
	open("past its end", false)
	f.edit(func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_session set ends_at = ends_at - 1`) })
	open("past an end that was changed", true)
	must(f.RevokeAll(t.Context(), security(), ana.id))(t)
	open("ended by hand", false)
}
