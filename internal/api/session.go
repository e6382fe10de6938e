package api

import (
	"context"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/people"
	"strongroom/internal/session"
)

type beginIn struct {
	Email string `json:"email" doc:"the address of the account; whether there is one is not told"`
}

type challengeOut struct {
	Challenge string   `json:"challenge" doc:"stands for this sign-in; keep it to yourself"`
	Until     string   `json:"until" doc:"when the sign-in is over"`
	Methods   []string `json:"methods" doc:"what may be shown next: password, totp, recovery, passkey"`
}

type passwordIn struct {
	Challenge string `json:"challenge"`
	Password  string `json:"password"`
}

type codeIn struct {
	Challenge string `json:"challenge"`
	Code      string `json:"code"`
}

type passkeyBeginIn struct {
	Challenge string `json:"challenge,omitempty" doc:"of a sign-in whose password was right; missing signs in by passkey alone"`
}

type passkeyOut struct {
	Challenge string          `json:"challenge"`
	Options   json.RawMessage `json:"options" doc:"for navigator.credentials.get"`
}

type passkeyIn struct {
	Challenge string          `json:"challenge"`
	Answer    json.RawMessage `json:"answer" doc:"what the browser returned"`
}

type openedOut struct {
	Token    string    `json:"token" doc:"shown this once; send it as Authorization: Bearer"`
	Session  string    `json:"session"`
	Person   string    `json:"person"`
	Verified time.Time `json:"verified_at" doc:"when two factors were last shown"`
	Ends     time.Time `json:"ends_at" doc:"at the latest"`
}

type whoOut struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind" doc:"person or service"`
	Roles    []string   `json:"roles"`
	Stores   []string   `json:"stores"`
	All      bool       `json:"all_stores"`
	Trained  bool       `json:"trained" doc:"both trainings are current"`
	Pledged  bool       `json:"pledged" doc:"both pledges are given"`
	Device   string     `json:"device,omitempty" doc:"managed, unmanaged or unknown"`
	Verified *time.Time `json:"verified_at,omitempty" doc:"when two factors were last shown"`
}

type sessionsIn struct {
	Person string `query:"person" doc:"whose; missing is your own"`
}

type sessionOut struct {
	ID       string     `json:"id"`
	Person   string     `json:"person"`
	Created  time.Time  `json:"created_at"`
	Verified time.Time  `json:"verified_at"`
	Used     time.Time  `json:"used_at"`
	Ends     time.Time  `json:"ends_at"`
	Ended    *time.Time `json:"ended_at,omitempty"`
	Cause    string     `json:"cause,omitempty" doc:"why it ended"`
	Source   string     `json:"source,omitempty" doc:"where it was opened"`
	Agent    string     `json:"agent,omitempty" doc:"with what"`
	Device   string     `json:"device,omitempty" doc:"the registered device it was opened on"`
	By       []string   `json:"by" doc:"what was shown"`
}

type sessionsOut struct {
	Sessions []sessionOut `json:"sessions"`
}

type idIn struct {
	ID string `path:"id" doc:"its id"`
}

type lockOut struct {
	Person   string    `json:"person"`
	Complete bool      `json:"complete" doc:"there is no way in; else passkeys and known networks stay open"`
	Cause    string    `json:"cause"`
	Since    time.Time `json:"since"`
}

type locksOut struct {
	Locks []lockOut `json:"locks"`
}

func sessionRoutes() []Route {
	public := func(path, says string) Route {
		return Route{Method: "POST", Path: "/v1/session/" + path, Public: true, Summary: says}
	}
	holder := func(method, path, action, says string) Route {
		return Route{Method: method, Path: "/v1/session" + path, Action: action, Holder: true, Summary: says}
	}
	out := holder("DELETE", "", "session.revoke", "Sign out.")
	out.Status = 204
	return []Route{
		defineCall(public("begin", "Begin a sign-in with an address."), beginSession),
		defineCall(public("password", "Show the password; the answer says which second factors there are."), showPassword),
		defineCall(public("totp", "Show a code of the authenticator app and open the session."), showTOTP),
		defineCall(public("recovery", "Show a recovery code in the place of a code of the app."), showRecovery),
		defineCall(public("passkey/begin", "Begin a passkey: alone, or after the password."), beginPasskey),
		defineCall(public("passkey/finish", "Hand in the passkey's answer and open the session."), finishPasskey),
		define(Route{Method: "GET", Path: "/v1/session", Anyone: true, Summary: "Who you are to the policies."}, whoami),
		defineCall(out, signOut),
		defineCall(holder("POST", "/renew", "session.verify", "Take a new token after your rights have changed."), renewSession),
		defineCall(holder("POST", "/step-up/totp", "session.verify", "Show a code of the app again."), stepUpTOTP),
		defineCall(holder("POST", "/step-up/passkey/begin", "session.verify", "Begin to show a passkey again."), stepUpBegin),
		defineCall(holder("POST", "/step-up/passkey/finish", "session.verify", "Hand in the passkey's answer."), stepUpFinish),
		define(Route{Method: "GET", Path: "/v1/sessions", Action: "session.list",
			Summary: "List the sessions of a person, the newest first."}, listSessions),
		define(Route{Method: "DELETE", Path: "/v1/sessions/{id}", Action: "session.revoke", Status: 204,
			Summary: "End a session at once."}, endSession),
		define(Route{Method: "GET", Path: "/v1/locks", Action: "session.list",
			Summary: "List the accounts that are locked."}, listLocks),
		define(Route{Method: "POST", Path: "/v1/people/{id}/unlock", Action: "session.unlock", Status: 204,
			Summary: "Unlock somebody else's account."}, unlock),
	}
}

func beginSession(a *API, c *call, in *beginIn) (challengeOut, error) {
	ch, err := a.o.Sessions.Begin(c.ctx, in.Email, c.from)
	return outChallenge(ch), err
}

func showPassword(a *API, c *call, in *passwordIn) (challengeOut, error) {
	ch, err := a.o.Sessions.Password(c.ctx, in.Challenge, []byte(in.Password), c.from)
	return outChallenge(ch), err
}

func showTOTP(a *API, c *call, in *codeIn) (openedOut, error) {
	o, err := a.o.Sessions.TOTP(c.ctx, in.Challenge, in.Code, c.from)
	return outOpened(o), err
}

func showRecovery(a *API, c *call, in *codeIn) (openedOut, error) {
	o, err := a.o.Sessions.Recovery(c.ctx, in.Challenge, in.Code, c.from)
	return outOpened(o), err
}

func beginPasskey(a *API, c *call, in *passkeyBeginIn) (passkeyOut, error) {
	if in.Challenge != "" {
		options, err := a.o.Sessions.SecondPasskey(c.ctx, in.Challenge, c.from)
		return passkeyOut{in.Challenge, options}, err
	}
	ch, options, err := a.o.Sessions.BeginPasskey(c.ctx, c.from)
	return passkeyOut{ch.ID, options}, err
}

func finishPasskey(a *API, c *call, in *passkeyIn) (openedOut, error) {
	o, err := a.o.Sessions.Passkey(c.ctx, in.Challenge, in.Answer, c.from)
	return outOpened(o), err
}

func whoami(_ *API, _ context.Context, who strongroom.Actor, _ *struct{}) (whoOut, error) {
	st := who.Standing
	return whoOut{
		ID: who.ID, Kind: string(who.Kind), Roles: noNil(who.Roles), Stores: noNil(who.Stores), All: who.AllStores,
		Trained: st.Trained, Pledged: st.Pledged, Device: st.Device, Verified: orNil(st.Verified),
	}, nil
}

func signOut(a *API, c *call, _ *struct{}) (none, error) {
	return none{}, a.o.Sessions.SignOut(c.ctx, c.token, c.from)
}

func renewSession(a *API, c *call, _ *struct{}) (openedOut, error) {
	o, err := a.o.Sessions.Renew(c.ctx, c.token, c.from)
	return outOpened(o), err
}

type againIn struct {
	Code string `json:"code"`
}

func stepUpTOTP(a *API, c *call, in *againIn) (openedOut, error) {
	o, err := a.o.Sessions.VerifyTOTP(c.ctx, c.token, in.Code, c.from)
	return outOpened(o), err
}

func stepUpBegin(a *API, c *call, _ *struct{}) (passkeyOut, error) {
	ch, options, err := a.o.Sessions.VerifyPasskey(c.ctx, c.token, c.from)
	return passkeyOut{ch.ID, options}, err
}

func stepUpFinish(a *API, c *call, in *passkeyIn) (openedOut, error) {
	o, err := a.o.Sessions.FinishPasskey(c.ctx, c.token, in.Challenge, in.Answer, c.from)
	return outOpened(o), err
}

func listSessions(a *API, ctx context.Context, who strongroom.Actor, in *sessionsIn) (sessionsOut, error) {
	if in.Person == "" && people.IsID(who.ID) {
		in.Person = who.ID
	}
	list, err := a.o.Sessions.Sessions(ctx, who, in.Person)
	out := sessionsOut{Sessions: make([]sessionOut, len(list))}
	for i, s := range list {
		out.Sessions[i] = sessionOut{
			ID: s.ID, Person: s.Person, Created: s.Created, Verified: s.Verified, Used: s.Used, Ends: s.Ends, Ended: orNil(s.Ended),
			Cause: string(s.Cause), Agent: s.Agent, Device: s.Device, By: words(s.By),
		}
		if s.Source.IsValid() {
			out.Sessions[i].Source = s.Source.String()
		}
	}
	return out, err
}

func endSession(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.Sessions.Revoke(ctx, who, in.ID)
}

func listLocks(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (locksOut, error) {
	list, err := a.o.Sessions.Locks(ctx, who)
	out := locksOut{Locks: make([]lockOut, len(list))}
	for i, l := range list {
		out.Locks[i] = lockOut(l)
	}
	return out, err
}

func unlock(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.Sessions.Unlock(ctx, who, in.ID)
}

func outChallenge(ch session.Challenge) challengeOut {
	return challengeOut{ch.ID, ch.Until.Format(time.RFC3339), words(ch.Methods)}
}

func outOpened(o session.Opened) openedOut {
	return openedOut{o.Token.Reveal(), o.Session.ID, o.Session.Person, o.Session.Verified, o.Session.Ends}
}

// words are names of the product's own as text.
func words[W ~string](list []W) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// noNil makes an empty list of none.
func noNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
