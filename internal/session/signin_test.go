package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/factor"
	"strongroom/internal/session"
)

var home = from("192.0.2.10")

// TestObligation_2_4_7 shows that no session is opened without two factors.
func TestObligation_2_4_7(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")

	t.Run("password and app", func(t *testing.T) {
		o := f.signIn(ana, home)
		who := f.actor(o, home)
		if who.Kind != strongroom.PersonActor || who.ID != ana.id || who.Session != o.Session.ID || len(who.Roles) != 1 ||
			!who.Standing.Trained || !who.Standing.Pledged || who.Standing.Device != "unknown" || who.Standing.Verified.IsZero() {
			t.Errorf("the actor is %+v", who)
		}
	})
	t.Run("password and recovery code, once", func(t *testing.T) {
		text := ana.recovery[0].Reveal()
		must(f.Recovery(t.Context(), f.half(ana, home).ID, text, home))(t)
		_, err := f.Recovery(t.Context(), f.half(ana, home).ID, text, home)
		wantCode(t, err, "sign-in-factor")
	})
	t.Run("a code without the password", func(t *testing.T) {
		ch := must(f.Begin(t.Context(), ana.email, home))(t)
		_, err := f.TOTP(t.Context(), ch.ID, f.code(ana), home)
		wantCode(t, err, "sign-in-over")
		_, err = f.Recovery(t.Context(), ch.ID, ana.recovery[0].Reveal(), home)
		wantCode(t, err, "sign-in-over")
		_, err = f.SecondPasskey(t.Context(), ch.ID, home)
		wantCode(t, err, "sign-in-over")
	})
	t.Run("the password alone is no token", func(t *testing.T) {
		_, err := f.Authenticate(t.Context(), f.half(ana, home).ID, home)
		wantCode(t, err, "session-form")
	})
	t.Run("a replayed code", func(t *testing.T) {
		code := f.code(ana)
		must(f.TOTP(t.Context(), f.half(ana, home).ID, code, home))(t)
		_, err := f.TOTP(t.Context(), f.half(ana, home).ID, code, home)
		wantCode(t, err, "sign-in-factor")
		_, err = f.TOTP(t.Context(), f.half(ana, home).ID, code, home)
		wantCode(t, err, "sign-in-factor")
	})
	t.Run("a challenge is used up", func(t *testing.T) {
		ch := f.half(ana, home)
		must(f.TOTP(t.Context(), ch.ID, f.code(ana), home))(t)
		_, err := f.TOTP(t.Context(), ch.ID, f.code(ana), home)
		wantCode(t, err, "sign-in-over")
	})
	t.Run("one factor opens nothing, whoever asks", func(t *testing.T) {
		for _, x := range session.Shown() {
			if err := f.OpenWith(t.Context(), ana.id, home, x); (err == nil) != x.Two {
				t.Errorf("%+v: %v", x, err)
			}
		}
	})
}

// TestPasskey shows what a passkey is worth: two factors if it verified the person,
// one if not.
func TestPasskey(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "owner")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	alone := func(t *testing.T) error {
		t.Helper()
		ch, options, err := f.BeginPasskey(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		if o := decode[wire](t, options); len(o.PublicKey.AllowCredentials) != 0 {
			t.Error("the options name passkeys of somebody")
		}
		answer := dev.get(t, options)
		_, err = f.Passkey(t.Context(), ch.ID, answer, home)
		_, again := f.Passkey(t.Context(), ch.ID, answer, home)
		wantCode(t, again, "sign-in-over")
		return err
	}
	if err := alone(t); err != nil {
		t.Fatal(err)
	}
	dev.flags = flagUP
	wantCode(t, alone(t), "passkey-unverified")
	if e := last(f.events("session.open")); e.Outcome != audit.Failure || e.Resource.ID != ana.id || e.Code != "passkey-unverified" {
		t.Errorf("the refused passkey left %+v", e)
	}
	// After the password, presence is the second factor.
	ch := f.half(ana, home)
	options := must(f.SecondPasskey(t.Context(), ch.ID, home))(t)
	o := must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t)
	if !f.holds(o, home) {
		t.Error("password and passkey opened nothing")
	}
	dev.flags, dev.count = flagUP|flagUV, 7
	if err := alone(t); err != nil {
		t.Fatal(err)
	}
	wantCode(t, alone(t), "passkey-copied") // the counter did not rise
	dev.count, dev.handle = 9, []byte("somebody else")
	wantCode(t, alone(t), "passkey-unknown")
	other := f.people.add("bo@example.com")
	theirs := f.people.addPasskey(t, other, f.real.Now())
	ch = f.half(ana, home)
	options = must(f.SecondPasskey(t.Context(), ch.ID, home))(t)
	if _, err := f.Passkey(t.Context(), ch.ID, theirs.get(t, options), home); err == nil {
		t.Error("another's passkey was taken as the second factor")
	}
}

// TestNoPasskeys shows a place without a domain.
func TestNoPasskeys(t *testing.T) {
	f := fresh(t)
	f.Sessions = f.another(func(o *session.Options) { o.Relying = factor.Relying{} })
	if ch := must(f.Begin(t.Context(), "a@example.com", home))(t); len(ch.Methods) != 1 {
		t.Errorf("offers %v", ch.Methods)
	}
	_, _, err := f.BeginPasskey(t.Context(), home)
	wantCode(t, err, "passkey-off")
}

// TestFixation shows that nothing known before a sign-in is worth anything after.
func TestFixation(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	ch := f.half(ana, home)
	first := must(f.TOTP(t.Context(), ch.ID, f.code(ana), home))(t)
	if strings.Contains(first.Token.Reveal(), strings.TrimPrefix(ch.ID, "chl_")) {
		t.Error("the token tells of the challenge")
	}
	second := must(f.VerifyTOTP(t.Context(), first.Token.Reveal(), f.code(ana), home))(t)
	if f.holds(first, home) || !f.holds(second, home) || second.Session.ID != first.Session.ID {
		t.Error("verifying anew left the old token alive")
	}
	if !second.Session.Verified.After(first.Session.Verified) {
		t.Error("verifying anew did not renew the age of the second factor")
	}
	_, err := f.VerifyTOTP(t.Context(), second.Token.Reveal(), "000000", home)
	wantCode(t, err, "sign-in-factor")
	// Another person's challenge, caller or browser cannot go on with one.
	ch = f.half(ana, home)
	for _, c := range []session.Caller{from("198.51.100.9"), {Source: home.Source, Agent: chrome}} {
		_, err := f.TOTP(t.Context(), ch.ID, f.code(ana), c)
		wantCode(t, err, "sign-in-over")
	}
	f.pass(5 * time.Minute)
	_, err = f.TOTP(t.Context(), ch.ID, f.code(ana), home)
	wantCode(t, err, "sign-in-over")
}

// TestStepUp shows verifying anew by passkey, and that guessing ends the session.
func TestStepUp(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	o := f.signIn(ana, home)
	f.pass(14 * time.Minute)
	verify := func() (session.Opened, error) {
		ch, options, err := f.VerifyPasskey(t.Context(), o.Token.Reveal(), home)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Passkey(t.Context(), ch.ID, dev.get(t, options), home); code(err) != "sign-in-over" {
			t.Errorf("the ceremony of a session opened another: %v", err)
		}
		return f.FinishPasskey(t.Context(), o.Token.Reveal(), ch.ID, dev.get(t, options), home)
	}
	dev.flags = flagUP
	_, err := verify()
	wantCode(t, err, "passkey-unverified")
	dev.flags = flagUP | flagUV
	fresh := must(verify())(t)
	if f.holds(o, home) || f.actor(fresh, home).Standing.Verified.Before(f.real.Now().Add(-time.Minute)) {
		t.Error("the second factor is as old as before")
	}
	for range 5 {
		_, err = f.VerifyTOTP(t.Context(), fresh.Token.Reveal(), "000000", home)
		wantCode(t, err, "sign-in-factor")
	}
	_, err = f.VerifyTOTP(t.Context(), fresh.Token.Reveal(), f.code(ana), home)
	wantCode(t, err, "session-failures")
	if f.holds(fresh, home) || note(last(f.events("session.revoke")), "reason") != "failures" {
		t.Errorf("guessing the second factor left the session alive, or %#v", last(f.events("session.revoke")).Notes)
	}
}

// TestTornApart shows that whatever fails on the last step leaves nothing behind:
// the factor is not used up, and no session is open.
func TestTornApart(t *testing.T) {
	for _, where := range []string{"UseTOTP", "Person", "Rights"} {
		t.Run(where, func(t *testing.T) {
			f := fresh(t)
			ana := f.people.add("ana@example.com", "privacy")
			ch, one := f.half(ana, home), f.code(ana)
			broken := f.another(func(o *session.Options) {
				o.People = torn{f.people, where}
				if where == "Rights" {
					o.Rights = noRights
				}
			})
			if _, err := broken.TOTP(t.Context(), ch.ID, one, home); !strongroom.IsKind(err, strongroom.Unavailable) {
				t.Fatal(err)
			}
			if xs := must(f.Sessions.Sessions(t.Context(), security(), ana.id))(t); len(xs) != 0 {
				t.Errorf("%d sessions are open", len(xs))
			}
			// The code is not used up, and another process goes on.
			f.Sessions = f.another(nil)
			must(f.TOTP(t.Context(), ch.ID, one, home))(t)
		})
	}
}

// TestAtOnce shows that a challenge leads to one session, however many answer it
// at the same moment, and to what it was begun for.
func TestAtOnce(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	let := func(n int, try func(i int) error) (in int) {
		errs := make(chan error, n)
		for i := range n {
			go func() { errs <- try(i) }()
		}
		for range n {
			if err := <-errs; err == nil {
				in++
			} else {
				wantCode(t, err, "sign-in-over")
			}
		}
		return in
	}
	ctx, ch := t.Context(), f.half(ana, home)
	if n := let(3, func(i int) error { _, err := f.Recovery(ctx, ch.ID, ana.recovery[i].Reveal(), home); return err }); n != 1 {
		t.Errorf("one challenge and three codes opened %d sessions", n)
	}
	alone, options, err := f.BeginPasskey(ctx, home)
	must0(t, err)
	answer := dev.get(t, options)
	if n := let(6, func(int) error { _, err := f.Passkey(ctx, alone.ID, answer, home); return err }); n != 1 {
		t.Errorf("one answer of a passkey opened %d sessions", n)
	}
	// A wrong answer uses the ceremony up as well: one is looked at.
	alone, _, err = f.BeginPasskey(ctx, home)
	must0(t, err)
	before := len(f.events("session.open"))
	if n := let(6, func(int) error { return unless(f.Passkey(ctx, alone.ID, answer, home))("passkey-refused") }); n != 1 {
		t.Errorf("%d wrong answers were looked at", n)
	}
	if len(f.events("session.open")) != before+1 {
		t.Error("a wrong answer left no event")
	}
	// The ceremony of one session verifies no other.
	a, b := f.signIn(ana, home), f.signIn(ana, home)
	step, options, err := f.VerifyPasskey(ctx, a.Token.Reveal(), home)
	must0(t, err)
	_, err = f.FinishPasskey(ctx, b.Token.Reveal(), step.ID, dev.get(t, options), home)
	wantCode(t, err, "sign-in-over")
	must(f.FinishPasskey(ctx, a.Token.Reveal(), step.ID, dev.get(t, options), home))(t)
}

// unless returns no error where a call failed with a code.
func unless(_ session.Opened, err error) func(string) error {
	return func(want string) error {
		if code(err) == want {
			return nil
		}
		return err
	}
}

// TestEvents shows that each step of a session is an event, without a personal
// value.
func TestEvents(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	o := f.signIn(ana, home)
	o = must(f.VerifyTOTP(t.Context(), o.Token.Reveal(), f.code(ana), home))(t)
	wantCode(t, f.guess(ana.email, "wrong", home), "sign-in")
	must(f.RevokeAll(t.Context(), security(), ana.id))(t)
	if err := f.Disable(t.Context(), strongroom.System("detect"), ana.id, audit.Word("volume")); err != nil {
		t.Fatal(err)
	}
	if err := f.Unlock(t.Context(), f.security(), ana.id); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range f.events("") {
		if strings.HasPrefix(e.Action.Name, "session.") {
			got = append(got, fmt.Sprintf("%s %d/%d %s %s", e.Action.Name, e.Action.Class, e.Action.Activity, e.Outcome, e.Code))
		}
	}
	want := []string{
		"session.open 3002/1 success ", "session.verify 3002/99 success ", "session.open 3002/1 failure sign-in",
		"session.revoke 3002/2 success ", "session.lock 3001/9 success ", "session.unlock 3001/12 success ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events:\n%s", strings.Join(got, "\n"))
	}
	_ = o
}

func last(es []audit.Event) audit.Event {
	if len(es) == 0 {
		return audit.Event{}
	}
	return es[len(es)-1]
}
