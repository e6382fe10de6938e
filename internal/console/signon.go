package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
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
	// Elsewhere returns the address to take an answer to for which a program on the
	// person's own machine waits, and uses nothing up; empty if the answer is ours.
	Elsewhere(ctx context.Context, answer url.Values) (address string, err error)
	// Finish takes the provider's answer (state, code, iss, error) with the cookie of
	// the browser that began, and returns the session.
	Finish(ctx context.Context, answer url.Values, cookie string, c session.Caller) (session.Opened, error)
}

// signOnCookie ties a sign-on to the browser that began it. A provider's answer comes
// from another site, with which a browser sends it only if it is SameSite=Lax.
const signOnCookie = "strongroom-signon"

func signOnRoutes() []Route {
	return []Route{
		ask("/signin/with/{provider}", beginSignOn, signinPage),
		public("/signin/callback", finishSignOn),
		change("/account/verify/with/{provider}", "session.verify", "/account/verify", verifyBySignOn, verifyPage),
	}
}

// providers lists where people may sign on.
func (c *Console) providers() []Provider {
	if c.o.SignOn == nil {
		return nil
	}
	return c.o.SignOn.Providers()
}

// beginSignOn sends the browser to a provider. Whoever is signed in here leaves:
// what comes back is a session of its own.
func beginSignOn(v *visit) error {
	next, err := v.begin(strongroom.Actor{}, "account")
	if err != nil {
		return err
	}
	if old := v.cookieOf(sessionCookie, "/"); old != "" {
		if err := v.c.o.Sessions.SignOut(v.ctx, old, v.from); err != nil {
			v.note(err)
		}
		v.dropCookie(sessionCookie, "/")
	}
	return v.goThere(next)
}

// verifyBySignOn has who is signed in show factors at a provider anew (DPP 2.4.7).
func verifyBySignOn(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	next, err := v.begin(v.who, pageName(pageOf(v.field("for"))))
	if err != nil {
		return err
	}
	return v.goThere(next)
}

// begin begins a sign-on after which the browser is led to a page.
func (v *visit) begin(who strongroom.Actor, page string) (onward, error) {
	var provider Provider
	for _, p := range v.c.providers() {
		if p.Name == v.r.PathValue("provider") {
			provider = p
		}
	}
	if provider.Name == "" {
		return onward{}, strongroom.Faultf(strongroom.NotFound, "provider", "there is no such provider")
	}
	address, cookie, until, err := v.c.o.SignOn.Begin(v.ctx, provider.Name, v.from, who)
	if err != nil {
		return onward{}, err
	}
	k := v.c.cookie(signOnCookie, "/")
	k.Value, k.SameSite, k.Expires = cookie+"."+page, http.SameSiteLaxMode, until.UTC()
	http.SetCookie(v.w, k)
	return onward{To: address, Label: provider.Label}, nil
}

// onward is where the browser goes by itself, and what stands on the link for one
// that does not.
type onward struct{ To, Label string }

// goThere answers with a page that goes on. A redirect would not do: a form may lead
// nowhere but here, and on the way back the browser would keep the cookie of the
// session to itself, because another site led it here.
func (v *visit) goThere(next onward) error {
	v.w.Header().Set("Refresh", "0; url="+next.To)
	return v.show("onward", "One moment", next)
}

// finishSignOn takes a provider's answer. It comes from another site, so nothing is
// known of a session; who it is says the answer, tied to this browser by the cookie.
func finishSignOn(v *visit) error {
	if v.c.o.SignOn == nil {
		return strongroom.Faultf(strongroom.NotFound, "path", "there is no such page")
	}
	if err := v.c.o.Limit(v.from.Source); err != nil {
		return err
	}
	answer := once(v.r.URL.Query())
	to, err := v.c.o.SignOn.Elsewhere(v.ctx, answer)
	if err != nil {
		return err
	}
	if to != "" {
		return v.goThere(onward{To: to, Label: "the command line, which waits on this machine"})
	}
	cookie, page, _ := strings.Cut(v.cookieOf(signOnCookie, "/"), ".")
	v.dropCookie(signOnCookie, "/")
	o, err := v.c.o.SignOn.Finish(v.ctx, answer, cookie, v.from)
	if err != nil {
		return err
	}
	v.keepSession(o)
	return v.goThere(onward{To: pageOf(page), Label: "your account"})
}

// once leaves out of a query what is there twice: one of them is somebody else's.
func once(q url.Values) url.Values {
	for name, list := range q {
		if len(list) != 1 {
			delete(q, name)
		}
	}
	return q
}
