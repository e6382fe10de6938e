package console

import (
	"strongroom"
	"strongroom/internal/people"
)

// pageName is the name of a page of the account in the query of the page that asks
// for factors again; pageOf is its inverse. Other names lead to the account.
func pageName(path string) string {
	switch path {
	case "/account/factors":
		return "factors"
	case "/account/password":
		return "password"
	case "/account/sessions":
		return "sessions"
	case "/documents":
		return "documents"
	}
	return "account"
}

func pageOf(name string) string {
	for _, path := range []string{"/account/factors", "/account/password", "/account/sessions", "/documents"} {
		if pageName(path) == name {
			return path
		}
	}
	return "/account"
}

// verifyPage asks for a factor again (DPP 2.4.7).
func verifyPage(v *visit) error {
	list, _, err := v.c.o.People.Factors(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	name := v.r.URL.Query().Get("for")
	if v.form != nil {
		name = v.field("for")
	}
	data := struct {
		For           string
		App, Passkeys bool
		Providers     []Provider
	}{For: pageName(pageOf(name)), Providers: v.c.providers()}
	for _, f := range list {
		data.App = data.App || f.Kind == people.TOTP && !f.Pending
		data.Passkeys = data.Passkeys || f.Kind == people.Passkey
	}
	return v.show("verify", "Show that it is you", data)
}

func verifyCode(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	o, err := v.c.o.Sessions.VerifyTOTP(v.ctx, v.token, v.field("code"), v.from)
	if err != nil {
		return err
	}
	v.keepSession(o)
	return v.leadTo(pageOf(v.field("for")) + "?done=verified")
}

func verifyPasskey(v *visit) error {
	ch, options, err := v.c.o.Sessions.VerifyPasskey(v.ctx, v.token, v.from)
	if err != nil {
		return err
	}
	v.keepSignIn(signingIn{challenge: ch.ID})
	return v.tell(rawJSON(options))
}

func verifiedPasskey(v *visit) error {
	answer, err := v.readAnswer()
	if err != nil {
		return err
	}
	challenge := v.signIn().challenge
	if challenge == "" {
		return strongroom.Faultf(strongroom.Conflict, "sign-in-over", "nothing waits for a passkey").Advise("begin again")
	}
	o, err := v.c.o.Sessions.FinishPasskey(v.ctx, v.token, challenge, answer, v.from)
	if err != nil {
		return err
	}
	v.dropCookie(signinCookie, "/")
	v.keepSession(o)
	return v.goOn(pageOf(v.r.URL.Query().Get("for")) + "?done=verified")
}
