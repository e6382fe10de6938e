package console

import (
	"encoding/json"
	"strings"

	"strongroom"
	"strongroom/internal/factor"
	"strongroom/internal/people"
)

// door is where the calls of the console come in, as events say it.
const door = "http"

type rawJSON = json.RawMessage

func enrolRoutes() []Route {
	return []Route{
		public("/enrol", linkPage),
		ask("/enrol", openLink, linkPage),
		public("/enrol/steps", stepsPage),
		ask("/enrol/password", enrolPassword, stepsPage),
		ask("/enrol/totp", enrolApp, stepsPage),
		ask("/enrol/totp/confirm", enrolConfirm, enrolAppPage),
		script(ask("/enrol/passkey/begin", enrolPasskey, nil)),
		script(ask("/enrol/passkey/finish", enrolPasskeyDone, nil)),
		ask("/enrol/complete", complete, stepsPage),
	}
}

// linkPage takes a link: the script finds it in the address, without one it is
// pasted.
func linkPage(v *visit) error { return v.show("link", "Enrol", nil) }

// openLink opens a link, once. That a program fetched the page has not.
func openLink(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	link := strings.TrimSpace(v.field("link"))
	if _, token, ok := strings.Cut(link, "#"); ok {
		link = token
	}
	e, err := v.c.o.People.Enrol(v.ctx, link, door)
	if err != nil {
		v.stray(err)
		return err
	}
	v.setCookie(enrolCookie, enrolPath, e.Token.Reveal())
	return v.leadTo("/enrol/steps")
}

// stray tells of a refusal that is nobody's.
func (v *visit) stray(err error) {
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		v.c.o.Refused(v.ctx, v.from.Source, codeOf(err))
	}
}

// enrolling returns the person whose enrolment the browser holds.
func (v *visit) enrolling() (strongroom.Actor, error) {
	who, err := v.c.o.People.Enrolling(v.ctx, v.cookieOf(enrolCookie, enrolPath), door)
	if err != nil {
		v.stray(err)
		return who, v.unknown(err)
	}
	return who, nil
}

// stepsPage says what is set up already and what is left to do.
func stepsPage(v *visit) error {
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	p, err := v.c.o.People.Get(v.ctx, who, who.ID)
	if err != nil {
		return err
	}
	list, pw, err := v.c.o.People.Factors(v.ctx, who, who.ID)
	if err != nil {
		return err
	}
	data := struct {
		Name, Email            string
		Passkeys               int
		Password, App, Started bool
	}{Name: p.Name, Email: p.Email, Password: !pw.None}
	for _, f := range list {
		switch {
		case f.Kind == people.Passkey:
			data.Passkeys++
		case f.Kind == people.TOTP && !f.Pending:
			data.App = true
		}
	}
	data.Started = data.Passkeys > 0 || data.Password
	return v.show("steps", "Enrol", data)
}

func enrolPassword(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	if err := v.twice(); err != nil {
		return err
	}
	if err := v.c.o.People.SetPassword(v.ctx, who, nil, []byte(v.field("password"))); err != nil {
		return err
	}
	return v.leadTo("/enrol/steps")
}

// twice refuses a new password that was not typed the same both times.
func (v *visit) twice() error {
	if v.field("password") != v.field("again") {
		return strongroom.Faultf(strongroom.Invalid, "password-again", "the two are not the same").Advise("type the new password twice")
	}
	return nil
}

// appData is what the page of a new authenticator app shows; without a picture it
// asks for the code alone.
type appData struct {
	Picture picture
	Secret  string
	Confirm string // where the first code goes
	Anew    string // where a new secret is made
	Back    string
}

// addApp makes the secret of an authenticator app and shows it, this once.
func (v *visit) addApp(who strongroom.Actor, data appData) error {
	secret, uri, err := v.c.o.People.AddTOTP(v.ctx, who)
	if err != nil {
		return err
	}
	if data.Picture, err = draw(uri.Reveal()); err != nil {
		return err
	}
	data.Secret = secret.Text().Reveal()
	return v.show("app", "Authenticator app", data)
}

func enrolAppData() appData {
	return appData{Confirm: "/enrol/totp/confirm", Anew: "/enrol/totp", Back: "/enrol/steps"}
}

func enrolApp(v *visit) error {
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	return v.addApp(who, enrolAppData())
}

func enrolAppPage(v *visit) error { return v.show("app", "Authenticator app", enrolAppData()) }

func enrolConfirm(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	if err := v.c.o.People.ConfirmTOTP(v.ctx, who, v.field("code")); err != nil {
		return err
	}
	return v.leadTo("/enrol/steps")
}

func enrolPasskey(v *visit) error {
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	options, err := v.c.o.People.AddPasskey(v.ctx, who)
	if err != nil {
		return err
	}
	return v.tell(rawJSON(options))
}

func enrolPasskeyDone(v *visit) error {
	answer, err := v.readAnswer()
	if err != nil {
		return err
	}
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	if err := v.c.o.People.FinishPasskey(v.ctx, who, answer); err != nil {
		return err
	}
	return v.goOn("/enrol/steps")
}

// complete ends the enrolment and shows the recovery codes, this once, and whether
// another person must let the account in. What may fail comes before: the codes cannot
// be shown again.
func complete(v *visit) error {
	who, err := v.enrolling()
	if err != nil {
		return err
	}
	p, err := v.c.o.People.Get(v.ctx, who, who.ID)
	if err != nil {
		return err
	}
	codes, err := v.c.o.People.Complete(v.ctx, who)
	if err != nil {
		return err
	}
	v.dropCookie(enrolCookie, enrolPath)
	data := codesData{Next: "/signin"}
	if v.c.o.People.Waits(p) {
		data.Waits = p.ID
	}
	return v.showCodes("Enrolled", codes, data)
}

// codesData is what the page of new recovery codes shows.
type codesData struct {
	Codes []string
	Next  string
	Waits string // the account that another person must let in; mostly empty
}

// showCodes shows new recovery codes, if there are any.
func (v *visit) showCodes(title string, codes []factor.Code, data codesData) error {
	for _, c := range codes {
		data.Codes = append(data.Codes, c.Reveal())
	}
	return v.show("codes", title, data)
}
