package session_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/people"
	"strongroom/internal/session"
)

// TestObligation_2_2_9_GuessesInASession shows that who took a session over gets no
// more guesses at the password than who signs in.
func TestObligation_2_2_9_GuessesInASession(t *testing.T) {
	f := fresh(t, people.Schema())
	p, boss := f.withPeople()
	const email, next = "jane.ueberwasser@kitchen.example", "Another-Violin8-Sky"
	id, _, _, dev := enrol(t, f, p, boss, email)
	in := func() (session.Opened, strongroom.Actor) {
		ch, options, err := f.BeginPasskey(t.Context(), home)
		must0(t, err)
		o := must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t)
		return o, f.actor(o, home)
	}
	must0(t, p.RequireChange(t.Context(), boss, id)) // the age of the password is in nobody's way
	_, who := in()
	try := func(old string) error { return p.SetPassword(t.Context(), who, []byte(old), []byte(next)) }

	for range session.DefaultProfile().Failures {
		wantCode(t, try("wrong"), "password-wrong")
	}
	wantCode(t, try(rightPassword), "sign-in-wait")
	wantCode(t, f.guess(email, rightPassword, home), "sign-in-wait") // one count for both
	for i := 0; len(f.events("session.lock")) == 0 && i < 50; i++ {
		f.pass(15*time.Minute + time.Second)
		_, who = in()
		wantCode(t, try("wrong"), "password-wrong")
	}
	if e := f.events("session.lock"); len(e) != 1 || note(e[0], "reason") != "guessing" {
		t.Fatalf("the account is locked by %+v", e)
	}
	f.pass(24 * time.Hour)
	_, who = in()
	wantCode(t, try(rightPassword), "sign-in-wait")
	boss.Standing.Verified = f.real.Now()
	must0(t, f.Unlock(t.Context(), boss, id))

	// A right one counts for nothing, whatever is wrong with the new one.
	for range 2 * session.DefaultProfile().Failures {
		wantCode(t, p.SetPassword(t.Context(), who, []byte(rightPassword), []byte(rightPassword)), "password-used")
	}
	must0(t, try(rightPassword))
}

// Planted: people who count no guesses take as many as somebody has time for.
func TestGuessesThatNobodyCounts(t *testing.T) {
	f := fresh(t, people.Schema())
	p, boss := f.withPeopleOf(nil)
	id, _, _, dev := enrol(t, f, p, boss, "jane.ueberwasser@kitchen.example")
	must0(t, p.RequireChange(t.Context(), boss, id))
	ch, options, err := f.BeginPasskey(t.Context(), home)
	must0(t, err)
	who := f.actor(must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t), home)
	for range 2 * session.DefaultProfile().Failures {
		wantCode(t, p.SetPassword(t.Context(), who, []byte("wrong"), []byte("Another-Violin8-Sky")), "password-wrong")
	}
}
