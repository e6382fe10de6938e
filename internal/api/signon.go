package api

import (
	"context"
	"net/url"
	"time"

	"strongroom"
	"strongroom/internal/session"
)

// SignOn is sign-on at identity providers for a program that waits on the person's
// own machine (RFC 8252). Safe for concurrent use.
type SignOn interface {
	// Begin begins a sign-on whose answer comes to a port of the machine's loopback, or
	// a step-up of who is signed in; the zero actor is nobody. The ticket ties it to the
	// program.
	Begin(ctx context.Context, provider string, port uint16, c session.Caller, stepUp strongroom.Actor) (address, ticket string, until time.Time, err error)
	// Finish takes the provider's answer (state, code, iss, error) with the ticket and
	// returns the session.
	Finish(ctx context.Context, answer url.Values, ticket string, c session.Caller) (session.Opened, error)
}

type signOnIn struct {
	Provider string `json:"provider" doc:"its name in the configuration"`
	Port     int64  `json:"port" max:"65535" doc:"where the program waits for the browser, at 127.0.0.1"`
}

type signOnOut struct {
	URL    string    `json:"url" doc:"to open in a browser on the same machine"`
	Ticket string    `json:"ticket" doc:"stands for this sign-in; keep it to yourself"`
	Until  time.Time `json:"until" doc:"when the sign-in is over"`
}

type signOnAnswerIn struct {
	Ticket string `json:"ticket"`
	State  string `json:"state" doc:"this and the following as they came to the port"`
	Code   string `json:"code,omitempty"`
	Issuer string `json:"iss,omitempty"`
	Error  string `json:"error,omitempty"`
}

func signOnRoutes() []Route {
	public := func(path, says string) Route {
		return Route{Method: "POST", Path: "/v1/session/provider" + path, Public: true, Summary: says}
	}
	return []Route{
		defineCall(public("", "Begin a sign-in at a provider, for a program that waits on the person's own machine."), beginSignOn),
		defineCall(public("/finish", "Hand in the provider's answer, of a sign-in or a step-up."), finishSignOn),
		defineCall(Route{Method: "POST", Path: "/v1/session/step-up/provider", Action: "session.verify",
			Summary: "Begin to show factors again at a provider."}, stepUpSignOn),
	}
}

func beginSignOn(a *API, c *call, in *signOnIn) (signOnOut, error) {
	return a.atProvider(c, in, strongroom.Actor{})
}

func stepUpSignOn(a *API, c *call, in *signOnIn) (signOnOut, error) {
	if !session.IsToken(c.token) {
		return signOnOut{}, refusal("session", "this is for who holds a session, and none was shown")
	}
	return a.atProvider(c, in, c.who)
}

func (a *API) atProvider(c *call, in *signOnIn, stepUp strongroom.Actor) (out signOnOut, err error) {
	if in.Port < 1024 {
		return out, refusal("port", "a program waits at a port from 1024 to 65535")
	}
	if a.o.SignOn == nil {
		return out, noProvider()
	}
	out.URL, out.Ticket, out.Until, err = a.o.SignOn.Begin(c.ctx, in.Provider, uint16(in.Port), c.from, stepUp)
	return out, err
}

func finishSignOn(a *API, c *call, in *signOnAnswerIn) (openedOut, error) {
	if a.o.SignOn == nil {
		return openedOut{}, noProvider()
	}
	o, err := a.o.SignOn.Finish(c.ctx, url.Values{"state": {in.State}, "code": {in.Code}, "iss": {in.Issuer}, "error": {in.Error}}, in.Ticket, c.from)
	if err != nil {
		return openedOut{}, err
	}
	return outOpened(o), nil
}

func noProvider() error {
	return strongroom.Faultf(strongroom.NotFound, "provider", "there is no such provider")
}
