package console

import (
	"slices"

	"strongroom"
	"strongroom/internal/session"
)

func signinRoutes() []Route {
	return []Route{
		public("/signin", signinPage),
		ask("/signin", signin, signinPage),
		public("/signin/factor", secondPage),
		ask("/signin/factor", showSecond, secondPage),
		script(ask("/signin/passkey/begin", beginPasskey, nil)),
		script(ask("/signin/passkey/finish", finishPasskey, nil)),
		script(ask("/signin/factor/passkey", secondPasskey, nil)),
	}
}

// home leads on. With again it is asked by who showed a token that is over: where two
// tabs share a session, the first renews it and the second may still have asked with the
// old token. The browser sends the newest cookie with this second question, so a session
// that lives goes on; else it is over. Nothing leads back to here from what it leads to
// while the cookie stays as it is.
func home(v *visit) error {
	if !v.r.URL.Query().Has("again") {
		return v.leadTo("/account")
	}
	if err := v.recognise(); err != nil {
		if err = v.unknown(err); strongroom.IsKind(err, strongroom.Unauthenticated) {
			return v.leadTo("/signin?over")
		}
		return err
	}
	return v.leadTo("/account?done=again")
}

// signinPage asks for address and password, or a passkey.
func signinPage(v *visit) error {
	data := struct {
		Email     string // as typed, for who has to type again
		Over      bool
		Providers []Provider
	}{Email: v.field("email"), Over: v.r.URL.Query().Has("over"), Providers: v.c.providers()}
	return v.show("signin", "Sign in", data)
}

// signin takes address and password. What it answers does not depend on whether
// anybody has the address.
func signin(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	ch, err := v.c.o.Sessions.Begin(v.ctx, v.field("email"), v.from)
	if err != nil {
		return err
	}
	if ch, err = v.c.o.Sessions.Password(v.ctx, ch.ID, []byte(v.field("password")), v.from); err != nil {
		return err
	}
	s := signingIn{challenge: ch.ID}
	for _, m := range ch.Methods {
		s.methods = append(s.methods, string(m))
	}
	v.keepSignIn(s)
	return v.leadTo("/signin/factor")
}

// secondPage asks for a second factor of who has shown the password.
func secondPage(v *visit) error {
	s := v.signIn()
	if s.challenge == "" {
		return v.leadTo("/signin")
	}
	has := func(m session.Method) bool { return slices.Contains(s.methods, string(m)) }
	return v.show("second", "Second factor", struct{ TOTP, Recovery, Passkey bool }{
		has(session.ByTOTP), has(session.ByRecovery), has(session.ByPasskey),
	})
}

// showSecond takes a code of the app or a recovery code and opens the session.
func showSecond(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	show := v.c.o.Sessions.TOTP
	if v.field("kind") == "recovery" {
		show = v.c.o.Sessions.Recovery
	}
	o, err := show(v.ctx, v.signIn().challenge, v.field("code"), v.from)
	if err != nil {
		return err
	}
	v.enter(o)
	return v.leadTo("/account")
}

// beginPasskey begins a sign-in by passkey alone.
func beginPasskey(v *visit) error {
	ch, options, err := v.c.o.Sessions.BeginPasskey(v.ctx, v.from)
	if err != nil {
		return err
	}
	v.keepSignIn(signingIn{challenge: ch.ID})
	return v.tell(rawJSON(options))
}

// secondPasskey begins a passkey after the password.
func secondPasskey(v *visit) error {
	options, err := v.c.o.Sessions.SecondPasskey(v.ctx, v.signIn().challenge, v.from)
	if err != nil {
		return err
	}
	return v.tell(rawJSON(options))
}

// finishPasskey takes the answer of either and opens the session.
func finishPasskey(v *visit) error {
	answer, err := v.readAnswer()
	if err != nil {
		return err
	}
	challenge := v.signIn().challenge
	if challenge == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "sign-in-over", "no sign-in is under way").Advise("begin again")
	}
	o, err := v.c.o.Sessions.Passkey(v.ctx, challenge, answer, v.from)
	if err != nil {
		return err
	}
	v.enter(o)
	return v.goOn("/account")
}
