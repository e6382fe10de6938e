package api

import (
	"context"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/factor"
	"strongroom/internal/people"
)

// An enrolment is a person without a session: the token of the link, and then of
// the enrolment, is in the body, never in a path or a query.

type linkIn struct {
	Link string `json:"link" doc:"the token of the link, what stands behind its #"`
}

type enrolmentOut struct {
	Token   string    `json:"token" doc:"stands for you until the enrolment is complete"`
	Person  string    `json:"person"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Expires time.Time `json:"expires_at"`
	Waits   bool      `json:"waits" doc:"another person than made the link lets the account in once it is enrolled"`
}

type tokenIn struct {
	Token string `json:"token" doc:"of the enrolment"`
}

type enrolPasswordIn struct {
	Token    string `json:"token" doc:"of the enrolment"`
	Password string `json:"password"`
}

type enrolCodeIn struct {
	Token string `json:"token" doc:"of the enrolment"`
	Code  string `json:"code" doc:"the app's first code"`
}

type enrolAnswerIn struct {
	Token  string          `json:"token" doc:"of the enrolment"`
	Answer json.RawMessage `json:"answer" doc:"what the browser returned"`
}

type totpOut struct {
	Secret string `json:"secret" doc:"to type into the app; shown this once"`
	URI    string `json:"uri" doc:"the same for a QR code"`
}

type optionsOut struct {
	Options json.RawMessage `json:"options" doc:"for navigator.credentials.create"`
}

type recoveryOut struct {
	Codes []string `json:"recovery_codes" doc:"each stands in once for a code of the app; shown this once"`
}

type accountOut struct {
	Person   personOut   `json:"person"`
	Password passwordOut `json:"password"`
	Factors  []factorOut `json:"factors"`
}

type passwordOut struct {
	None       bool       `json:"none" doc:"there is none: the account has passkeys alone, and no rule applies"`
	Set        *time.Time `json:"set_at,omitempty"`
	Ends       *time.Time `json:"ends_at,omitempty"`
	MustChange bool       `json:"must_change" doc:"it is too old, or somebody asked for a new one"`
}

type factorOut struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" doc:"totp, passkey or recovery"`
	Created time.Time  `json:"created_at"`
	Used    *time.Time `json:"used_at,omitempty"`
	Pending bool       `json:"pending" doc:"not confirmed yet"`
}

type changePasswordIn struct {
	Old string `json:"old"`
	New string `json:"new"`
}

type answerIn struct {
	Answer json.RawMessage `json:"answer" doc:"what the browser returned"`
}

func enrolRoutes() []Route {
	step := func(path, says string) Route {
		return Route{Method: "POST", Path: "/v1/enrol" + path, Public: true, Summary: says}
	}
	nothing := func(rt Route) Route { rt.Status = 204; return rt }
	own := func(path, action, says string) Route {
		return Route{Method: "POST", Path: "/v1/account/" + path, Action: action, Summary: says}
	}
	return []Route{
		define(step("", "Open a link, once, and begin to enrol."), enrol),
		define(nothing(step("/password", "Set the password.")), enrolPassword),
		define(step("/totp", "Make the secret of an authenticator app."), enrolTOTP),
		define(nothing(step("/totp/confirm", "Take the app into use by its first code.")), enrolConfirm),
		define(step("/passkey/begin", "Begin to make a passkey."), enrolPasskey),
		define(nothing(step("/passkey/finish", "Hand in what the browser made.")), enrolPasskeyDone),
		define(step("/complete", "End the enrolment: the account is active from now on."), enrolComplete),
		define(Route{Method: "GET", Path: "/v1/account", Action: "account.read", Summary: "Your account and what you sign in with."}, getAccount),
		define(nothing(own("password", "account.password", "Change the own password.")), changePassword),
		define(own("totp", "account.factor", "Make the secret of a new authenticator app."), addTOTP),
		define(nothing(own("totp/confirm", "account.factor", "Take the app into use in the place of the old one.")), confirmTOTP),
		define(own("passkey/begin", "account.factor", "Begin to make a passkey."), addPasskey),
		define(nothing(own("passkey/finish", "account.factor", "Hand in what the browser made.")), addedPasskey),
		define(own("recovery-codes", "account.factor", "Make new recovery codes in the place of the old ones."), newRecoveryCodes),
		define(Route{Method: "DELETE", Path: "/v1/account/factors/{id}", Action: "account.factor", Status: 204,
			Summary: "Remove one of the own factors, but not the last second one."}, removeFactor),
	}
}

func enrol(a *API, ctx context.Context, _ strongroom.Actor, in *linkIn) (enrolmentOut, error) {
	e, err := a.o.People.Enrol(ctx, in.Link, "http")
	return enrolmentOut{e.Token.Reveal(), e.Person, e.Name, e.Email, e.Expires, e.Waits}, err
}

// enrolling runs fn as the person whose enrolment token is.
func enrolling[Out any](a *API, ctx context.Context, token string, fn func(who strongroom.Actor) (Out, error)) (out Out, err error) {
	who, err := a.o.People.Enrolling(ctx, token, "http")
	if err != nil {
		return out, err
	}
	return fn(who)
}

func enrolPassword(a *API, ctx context.Context, _ strongroom.Actor, in *enrolPasswordIn) (none, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (none, error) {
		return none{}, a.o.People.SetPassword(ctx, who, nil, []byte(in.Password))
	})
}

func enrolTOTP(a *API, ctx context.Context, _ strongroom.Actor, in *tokenIn) (totpOut, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (totpOut, error) { return addTOTP(a, ctx, who, nil) })
}

func enrolConfirm(a *API, ctx context.Context, _ strongroom.Actor, in *enrolCodeIn) (none, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (none, error) {
		return none{}, a.o.People.ConfirmTOTP(ctx, who, in.Code)
	})
}

func enrolPasskey(a *API, ctx context.Context, _ strongroom.Actor, in *tokenIn) (optionsOut, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (optionsOut, error) { return addPasskey(a, ctx, who, nil) })
}

func enrolPasskeyDone(a *API, ctx context.Context, _ strongroom.Actor, in *enrolAnswerIn) (none, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (none, error) {
		return none{}, a.o.People.FinishPasskey(ctx, who, in.Answer)
	})
}

func enrolComplete(a *API, ctx context.Context, _ strongroom.Actor, in *tokenIn) (recoveryOut, error) {
	return enrolling(a, ctx, in.Token, func(who strongroom.Actor) (recoveryOut, error) {
		codes, err := a.o.People.Complete(ctx, who)
		return outCodes(codes), err
	})
}

func getAccount(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (accountOut, error) {
	p, s, err := a.o.People.GetStanding(ctx, who, who.ID)
	if err != nil {
		return accountOut{}, err
	}
	list, pw, err := a.o.People.Factors(ctx, who, who.ID)
	out := accountOut{Person: outPerson(p), Factors: make([]factorOut, len(list)), Password: passwordOut{
		None: pw.None, Set: orNil(pw.Set), Ends: orNil(pw.Ends), MustChange: pw.Expired || pw.MustChange,
	}}
	out.Person.Given = outGiven(s.Given)
	for i, f := range list {
		out.Factors[i] = factorOut{f.ID, string(f.Kind), f.Created, orNil(f.Used), f.Pending}
	}
	return out, err
}

func changePassword(a *API, ctx context.Context, who strongroom.Actor, in *changePasswordIn) (none, error) {
	return none{}, a.o.People.SetPassword(ctx, who, []byte(in.Old), []byte(in.New))
}

func addTOTP(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (totpOut, error) {
	secret, uri, err := a.o.People.AddTOTP(ctx, who)
	if err != nil {
		return totpOut{}, err
	}
	return totpOut{secret.Text().Reveal(), uri.Reveal()}, nil
}

func confirmTOTP(a *API, ctx context.Context, who strongroom.Actor, in *againIn) (none, error) {
	return none{}, a.o.People.ConfirmTOTP(ctx, who, in.Code)
}

func addPasskey(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (optionsOut, error) {
	options, err := a.o.People.AddPasskey(ctx, who)
	return optionsOut{options}, err
}

func addedPasskey(a *API, ctx context.Context, who strongroom.Actor, in *answerIn) (none, error) {
	return none{}, a.o.People.FinishPasskey(ctx, who, in.Answer)
}

func newRecoveryCodes(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (recoveryOut, error) {
	codes, err := a.o.People.RecoveryCodes(ctx, who)
	return outCodes(codes), err
}

func removeFactor(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.People.Remove(ctx, who, in.ID)
}

func outCodes(codes []factor.Code) recoveryOut {
	out := recoveryOut{Codes: make([]string, len(codes))}
	for i, c := range codes {
		out.Codes[i] = c.Reveal()
	}
	return out
}

// outPerson leaves out of an erased person what is gone.
func outPerson(p people.Person) personOut {
	return personOut{
		ID: p.ID, State: string(p.State), Name: p.Name, Email: p.Email, Employment: p.Employment, Manager: p.Manager,
		Starts: orNil(p.Starts), Ends: orNil(p.Ends), Reason: string(p.Reason), Verified: orNil(p.EmailVerified), Created: p.Created,
		Case: p.Case, Ended: orNil(p.Ended), Revoked: orNil(p.Revoked), Cause: string(p.Cause), Erased: orNil(p.Erased),
	}
}
