package console

import (
	"strongroom/internal/people"
)

func factorRoutes() []Route {
	const page, action = "/account/factors", "account.factor"
	return []Route{
		own(page, "account.read", factorsPage),
		own("/account/password", "account.read", passwordPage),
		change("/account/password", "account.password", "/account/password", changePassword, passwordPage),
		change("/account/totp", action, page, addApp, factorsPage),
		change("/account/totp/confirm", action, page, confirmApp, appPage),
		script(change("/account/passkey/begin", action, page, addPasskey, nil)),
		script(change("/account/passkey/finish", action, page, addedPasskey, nil)),
		change("/account/recovery-codes", action, page, newCodes, factorsPage),
		change("/account/factors/remove", action, page, removeFactor, factorsPage),
	}
}

// factorsPage lists what somebody signs in with.
func factorsPage(v *visit) error {
	list, pw, err := v.c.o.People.Factors(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	data := struct {
		Password people.Password
		Passkeys []people.Factor
		Apps     []people.Factor
		Recovery int // codes that are left
	}{Password: pw}
	for _, f := range list {
		switch {
		case f.Kind == people.Passkey:
			data.Passkeys = append(data.Passkeys, f)
		case f.Kind == people.TOTP && !f.Pending:
			data.Apps = append(data.Apps, f)
		case f.Kind == people.Recovery:
			data.Recovery++
		}
	}
	return v.show("factors", "How you sign in", data)
}

// passwordPage asks for a new password, and says so if there must be one.
func passwordPage(v *visit) error {
	p, err := v.c.o.People.Get(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	_, pw, err := v.c.o.People.Factors(v.ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	return v.show("password", "Password", struct {
		people.Password
		Email string // for password managers
		Due   bool
	}{pw, p.Email, pw.MustChange || pw.Expired})
}

func changePassword(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	if err := v.twice(); err != nil {
		return err
	}
	if err := v.c.o.People.SetPassword(v.ctx, v.who, []byte(v.field("old")), []byte(v.field("password"))); err != nil {
		return err
	}
	return v.leadTo("/account/factors?done=password")
}

func appDataOf() appData {
	return appData{Confirm: "/account/totp/confirm", Anew: "/account/totp", Back: "/account/factors"}
}

func addApp(v *visit) error { return v.addApp(v.who, appDataOf()) }

func appPage(v *visit) error { return v.show("app", "Authenticator app", appDataOf()) }

func confirmApp(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	if err := v.c.o.People.ConfirmTOTP(v.ctx, v.who, v.field("code")); err != nil {
		return err
	}
	return v.leadTo("/account/factors?done=app")
}

func addPasskey(v *visit) error {
	options, err := v.c.o.People.AddPasskey(v.ctx, v.who)
	if err != nil {
		return err
	}
	return v.tell(rawJSON(options))
}

func addedPasskey(v *visit) error {
	answer, err := v.readAnswer()
	if err != nil {
		return err
	}
	if err := v.c.o.People.FinishPasskey(v.ctx, v.who, answer); err != nil {
		return err
	}
	return v.goOn("/account/factors?done=passkey")
}

func newCodes(v *visit) error {
	codes, err := v.c.o.People.RecoveryCodes(v.ctx, v.who)
	if err != nil {
		return err
	}
	return v.showCodes("New recovery codes", codes, codesData{Next: "/account/factors"})
}

func removeFactor(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	if err := v.c.o.People.Remove(v.ctx, v.who, v.field("id")); err != nil {
		return err
	}
	return v.leadTo("/account/factors?done=removed")
}
