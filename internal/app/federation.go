package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/console"
	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/guard"
	"strongroom/internal/people"
	"strongroom/internal/scim"
	"strongroom/internal/session"
	"strongroom/internal/web"
)

// openFederation opens what joins directories and providers to the accounts, and
// the door of directories.
func (a *App) openFederation() (err error) {
	providers, err := a.conf.SignOn.providers()
	if err != nil {
		return err
	}
	a.federation, err = federation.New(federation.Options{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("federation"), People: a.people,
		Access: memberships{a.access, a.log}, Open: a.enter, Refused: a.refuse, Log: a.log,
		Providers: providers, Mappings: a.conf.SignOn.mappings(), Callback: a.conf.callback(),
		Ways: a.waysIn(),
	})
	if err != nil {
		return err
	}
	a.scim = scim.New(scim.Options{
		Directory: a.federation, Who: a.directory, Limit: a.limit, Base: a.conf.publicURL() + scim.Prefix, Log: a.log,
		Refused: func(ctx context.Context, who strongroom.Actor, status int, err error) error {
			return a.logbook.Refused(context.WithoutCancel(ctx), who, strongroom.Action{}, status, err)
		},
	})
	return nil
}

// directory recognises the key of a directory, from where it may call (DPP 2.1.2).
func (a *App) directory(ctx context.Context, bearer string, source netip.Addr) (strongroom.Actor, error) {
	network := !web.ConnOf(ctx).Unix // a socket is no network
	if network {
		if err := a.access.AllowSource(ctx, access.SCIMListener, "", source); err != nil {
			return strongroom.Actor{}, err
		}
	}
	who, err := a.identity.Authenticate(ctx, bearer, source)
	if err != nil && session.IsToken(bearer) {
		return who, strongroom.Faultf(strongroom.Unauthenticated, "key-form", "this is the session of a person; a directory calls with the key of a service").
			Advise("have one with the role provisioner: strongroom service ask").Because(err)
	}
	if err == nil && network {
		err = a.access.AllowSource(ctx, access.SCIMListener, who.ID, source)
	}
	return who, err
}

// enter opens a session for who signed in at a provider.
func (a *App) enter(tx *guard.Tx, e federation.Entry) (federation.Token, error) {
	caller, _ := e.Caller.(session.Caller)
	o, err := a.sessions.EnterTx(tx, session.Entry{Person: e.Person, Verified: e.Verified, Session: e.Session, Caller: caller})
	return entered{o}, err
}

// entered is a session that was opened by a sign-on.
type entered struct{ session.Opened }

// Reveal returns the token.
func (e entered) Reveal() string { return e.Token.Reveal() }

// memberships is package access as directories and providers use it. A right is
// asked for each time: no request is for a whole group yet.
type memberships struct {
	a   *access.Access
	log *slog.Logger
}

func (m memberships) AskTx(tx *guard.Tx, spec people.Spec) (string, error) {
	return m.a.AskAccountTx(tx, spec)
}

func (m memberships) Outcome(r *db.Reader, request string) (string, bool, error) {
	return m.a.Outcome(r, request)
}

func (m memberships) WithdrawTx(tx *guard.Tx, request string) error {
	return m.a.WithdrawTx(tx, request)
}

func (m memberships) EnsureTx(tx *guard.Tx, person string, x federation.Mapping) error {
	err := m.a.EnsureTx(tx, person, membership(x))
	if strongroom.IsKind(err, strongroom.NotFound) {
		// A store of the mapping that is gone keeps nobody from signing in.
		m.log.LogAttrs(context.Background(), slog.LevelWarn, "a mapping of the configuration names a store that is not there", slog.String("role", x.Role))
		return nil
	}
	return err
}

func (m memberships) RetractTx(tx *guard.Tx, person string, x federation.Mapping) error {
	return m.a.RetractTx(tx, person, membership(x))
}

func membership(x federation.Mapping) access.Membership {
	return access.Membership{Source: x.Source, Group: x.Group, Role: x.Role, Stores: x.Stores, AllStores: x.AllStores}
}

// signOn is package federation as the pages use it.
type signOn struct {
	f    *federation.Federation
	list []console.Provider
}

// newSignOn returns the sign-on of the configured providers, nil where there is none.
func newSignOn(f *federation.Federation, conf SignOnConfig) console.SignOn {
	if len(conf.Providers) == 0 {
		return nil
	}
	s := signOn{f: f}
	for _, p := range conf.Providers {
		s.list = append(s.list, console.Provider{Name: p.Name, Label: cmp.Or(p.Label, p.Name)})
	}
	return s
}

func (s signOn) Providers() []console.Provider { return s.list }

func (s signOn) Begin(ctx context.Context, provider string, c session.Caller, stepUp strongroom.Actor) (string, string, time.Time, error) {
	return s.begin(ctx, provider, 0, c, stepUp)
}

func (s signOn) begin(ctx context.Context, provider string, port uint16, c session.Caller, stepUp strongroom.Actor) (string, string, time.Time, error) {
	b, err := s.f.Begin(ctx, federation.Start{Provider: provider, Source: c.Source, Person: stepUp.ID, Session: stepUp.Session, Port: port})
	return b.URL, b.Cookie, b.Until, err
}

func (s signOn) Elsewhere(ctx context.Context, answer url.Values) (string, error) {
	port, err := s.f.WaitsAt(ctx, answer.Get("state"))
	if err != nil || port == 0 {
		return "", err
	}
	q := url.Values{}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if answer.Has(name) {
			q.Set(name, answer.Get(name))
		}
	}
	return fmt.Sprintf("http://127.0.0.1:%d/?%s", port, q.Encode()), nil
}

func (s signOn) Finish(ctx context.Context, q url.Values, cookie string, c session.Caller) (session.Opened, error) {
	return s.finish(ctx, federation.Answer{Cookie: cookie, Source: c.Source, Caller: c}, q)
}

func (s signOn) finish(ctx context.Context, a federation.Answer, q url.Values) (session.Opened, error) {
	a.State, a.Code, a.Issuer, a.Error = q.Get("state"), q.Get("code"), q.Get("iss"), q.Get("error")
	t, _, err := s.f.Finish(ctx, a)
	e, _ := t.(entered) // what enter returned
	return e.Opened, err
}

// programs is the sign-on of programs that wait on the person's own machine.
type programs struct{ signOn }

func (p programs) Begin(ctx context.Context, provider string, port uint16, c session.Caller, stepUp strongroom.Actor) (string, string, time.Time, error) {
	return p.begin(ctx, provider, port, c, stepUp)
}

func (p programs) Finish(ctx context.Context, q url.Values, ticket string, c session.Caller) (session.Opened, error) {
	return p.finish(ctx, federation.Answer{Program: true, Cookie: ticket, Source: c.Source, Caller: c}, q)
}

// tendFederation joins the people who were approved, probes those who left, and
// forgets those who left long ago. A way in that was left open is an error in the
// operational log beside the event.
func (a *App) tendFederation(ctx context.Context) error {
	_, settled := a.federation.Settle(ctx)
	_, open, probed := a.federation.ProbeDue(ctx)
	if open > 0 {
		a.log.ErrorContext(ctx, "somebody who left has a way in", "people", open)
	}
	_, expired := a.federation.Expire(ctx)
	return errors.Join(settled, probed, expired)
}

// Federation returns what joins directories and providers to the accounts.
func (a *App) Federation() *federation.Federation { return a.federation }

// doors answers for every door of the instance.
func (a *App) doors() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, scim.Prefix+"/") {
			a.sealedOnly(a.scim).ServeHTTP(w, r)
			return
		}
		a.api.ServeHTTP(w, r)
	})
}
