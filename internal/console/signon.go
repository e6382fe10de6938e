package console

import (
	"context"
	"net/url"
	"time"

	"strongroom"
	"strongroom/internal/session"
)

// Provider is an identity provider that people may sign on at.
type Provider struct {
	Name  string // in paths
	Label string // on the button
}

// SignOn is sign-on at identity providers. Safe for concurrent use.
type SignOn interface {
	// Providers lists them in the order of the configuration.
	Providers() []Provider
	// Begin begins a sign-on at a provider, or a step-up of who is signed in; the zero
	// actor is nobody. The browser is sent to the address and keeps the cookie.
	Begin(ctx context.Context, provider string, c session.Caller, stepUp strongroom.Actor) (address, cookie string, until time.Time, err error)
	// Finish takes the provider's answer (state, code, iss, error) with the cookie of
	// the browser that began, and returns the session.
	Finish(ctx context.Context, answer url.Values, cookie string, c session.Caller) (session.Token, error)
}

func signOnRoutes() []Route { return nil }
