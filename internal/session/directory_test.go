package session_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/people"
	"strongroom/internal/seal"
	"strongroom/internal/session"
)

// withPeople puts the people of the product behind the port and returns them with
// somebody who may do everything to them.
func (f *fixture) withPeople() (*people.People, strongroom.Actor) {
	return f.withPeopleOf(func(ctx context.Context, who strongroom.Actor) (people.Guess, error) { return f.Guess(ctx, who) })
}

func (f *fixture) withPeopleOf(guess func(context.Context, strongroom.Actor) (people.Guess, error)) (*people.People, strongroom.Actor) {
	closes := []people.Hook{func(tx *guard.Tx, id string) error { _, err := f.RevokeAllTx(tx, id); return err }}
	p := people.New(people.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: seal.NewKey(), Real: f.real, Relying: relying,
		Cost: seal.Params{Time: 1, Memory: 19 << 10, Threads: 1}, Ended: closes, Suspended: closes,
		Guess: guess,
	})
	f.Sessions = f.another(func(o *session.Options) {
		o.People = session.Directory(p)
		o.Rights = func(*db.Reader, string, time.Time) (session.Granted, error) {
			return session.Granted{Roles: []string{"privacy"}, AllStores: true}, nil
		}
	})
	return p, strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Owner}, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Verified: f.real.Now()},
	}
}

// TestWithPeople takes a person from the invitation to the end, with the people of
// the product behind the port.
func TestWithPeople(t *testing.T) {
	f := fresh(t, people.Schema())
	p, boss := f.withPeople()
	const email = "jane.ueberwasser@kitchen.example"
	id, secret, codes, dev := enrol(t, f, p, boss, email)

	// Password and app, in any spelling of the address; the code once.
	at := home
	begin := func(address string) session.Challenge {
		t.Helper()
		ch := must(f.Begin(t.Context(), address, at))(t)
		return must(f.Password(t.Context(), ch.ID, []byte(rightPassword), at))(t)
	}
	next := func() string {
		f.pass(factor.TOTPStep)
		return codeAt(t, secret, f.real.Now())
	}
	ch, now := begin("Jane.Ueberwasser@KITCHEN.example"), next()
	if len(ch.Methods) != 3 {
		t.Errorf("offers %v", ch.Methods)
	}
	o := must(f.TOTP(t.Context(), ch.ID, now, home))(t)
	if who := f.actor(o, home); who.ID != id || who.Standing.Employment != "employee" || who.Standing.Trained || len(who.Roles) != 1 {
		t.Errorf("acts as %+v", who)
	}
	_, err := f.TOTP(t.Context(), begin(email).ID, now, home)
	wantCode(t, err, "sign-in-factor")
	// Eight at once with one code: one of them is let in.
	var halves []string
	at = stranger(1)
	for range 8 {
		halves = append(halves, begin(email).ID)
	}
	one, in := next(), 0
	errs := make(chan error, len(halves))
	for _, ch := range halves {
		go func() {
			_, err := f.TOTP(context.Background(), ch, one, stranger(1))
			errs <- err
		}()
	}
	for range halves {
		if err := <-errs; err == nil {
			in++
		} else {
			wantCode(t, err, "sign-in-factor")
		}
	}
	if in != 1 {
		t.Errorf("one code let %d in", in)
	}
	at = home
	// A recovery code, once.
	must(f.Recovery(t.Context(), begin(email).ID, codes[0].Reveal(), home))(t)
	_, err = f.Recovery(t.Context(), begin(email).ID, codes[0].Reveal(), home)
	wantCode(t, err, "sign-in-factor")
	// A passkey, twice.
	for range 2 {
		ch, options, err := f.BeginPasskey(t.Context(), home)
		must0(t, err)
		must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t)
	}
	// Nobody, and the wrong password.
	wantCode(t, f.guess("nobody@kitchen.example", rightPassword, home), "sign-in")
	wantCode(t, f.guess(email, "wrong", home), "sign-in")
	// A change somebody asked for leaves the own account, and takes the token.
	must0(t, p.RequireChange(t.Context(), boss, id))
	f.Forget(id)
	_, err = f.Authenticate(t.Context(), o.Token.Reveal(), home)
	wantCode(t, err, "session-stale")
	o = must(f.Renew(t.Context(), o.Token.Reveal(), home))(t)
	if who := f.actor(o, home); len(who.Roles) != 0 {
		t.Errorf("acts as %+v with a password that must be changed", who)
	}
	// The change itself, with the session at hand.
	must0(t, p.SetPassword(t.Context(), f.actor(o, home), []byte(rightPassword), []byte("Another-Violin8-Sky")))
	f.Forget(id)
	o = must(f.Renew(t.Context(), o.Token.Reveal(), home))(t)
	if who := f.actor(o, home); len(who.Roles) != 1 {
		t.Errorf("acts as %+v after the change", who)
	}
	// The end: in the same commit, everywhere.
	must0(t, p.Suspend(t.Context(), boss, id, people.Incident))
	if f.holds(o, home) {
		t.Error("a suspended person's session is alive")
	}
	ch, options, err := f.BeginPasskey(t.Context(), home)
	must0(t, err)
	_, err = f.Passkey(t.Context(), ch.ID, dev.get(t, options), home)
	wantCode(t, err, "account-inactive")
}

// enrol adds a person with all there is to sign in with.
func enrol(t testing.TB, f *fixture, p *people.People, boss strongroom.Actor, email string) (id string, s factor.TOTPSecret, codes []factor.Code, dev *authenticator) {
	t.Helper()
	spec := people.Spec{Name: "Jane Überwasser", Email: email, Employment: people.Employee, Source: "hand"}
	var x people.Person
	must0(t, f.guard.Do(t.Context(), boss, func(_ context.Context, tx *guard.Tx) (err error) {
		act := strongroom.Action{Name: "request.approve", Class: 3001, Activity: 99}
		if err = tx.Allow(act, strongroom.Resource{Type: "Request", ID: strongroom.NewID("req")}, guard.Context{}); err == nil {
			x, err = p.AddTx(tx, spec, strongroom.NewID("req"))
		}
		return err
	}))
	link := must(p.Invite(t.Context(), boss, x.ID))(t)
	e := must(p.Enrol(t.Context(), link.Token.Reveal(), "http"))(t)
	who := must(p.Enrolling(t.Context(), e.Token.Reveal(), "http"))(t)
	must0(t, p.SetPassword(t.Context(), who, nil, []byte(rightPassword)))
	s, _, err := p.AddTOTP(t.Context(), who)
	must0(t, err)
	must0(t, p.ConfirmTOTP(t.Context(), who, codeAt(t, s, f.real.Now())))
	dev = newAuthenticator(t)
	must0(t, p.FinishPasskey(t.Context(), who, dev.create(t, must(p.AddPasskey(t.Context(), who))(t))))
	codes = must(p.Complete(t.Context(), who))(t)
	boss.ID = strongroom.NewID("usr") // another owner than made the link
	must0(t, p.Resume(t.Context(), boss, x.ID))
	return x.ID, s, codes, dev
}
