package console

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/device"
	"strongroom/internal/document"
	"strongroom/internal/logbook"
	"strongroom/internal/people"
	"strongroom/internal/session"
	"strongroom/internal/web"
)

// Options configure a [Console]. People, Devices, Sessions, Access, Logbook,
// Environment and Public are required.
type Options struct {
	People      *people.People
	Devices     *device.Devices
	Sessions    *session.Sessions
	Access      *access.Access
	Logbook     *logbook.Logbook
	Environment strongroom.Environment
	// Public is the origin people reach the instance by, such as
	// https://strongroom.example.com. Cookies are Secure unless it is http, which a
	// test instance alone may have.
	Public string
	// SignOn is sign-on at identity providers; nil is none.
	SignOn SignOn
	// Connect is where owners of shops grant access; nil is nowhere.
	Connect Connect
	// Documents open by codes that were made for who is signed in; nil has none.
	Documents Documents
	// Real is real time; nil is the machine's clock.
	Real *strongroom.Clock
	// Refused hears of each refusal of somebody who is not known, with the code of the
	// fault. It must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
	// Limit counts a form of somebody who is not known, and a token that nobody knows,
	// for the address it came from; its fault is answered instead. nil lets all pass.
	Limit func(source netip.Addr) error
	// Observe hears of each answer: the pattern of its route, its status and how long
	// it took. nil ignores them.
	Observe func(route string, status int, took time.Duration)
	Log     *slog.Logger // operational log; nil discards
}

// callTime is how long a call may take to do its work.
const callTime = 30 * time.Second

// Console is the door for browsers. Make it with [New]; it is an [http.Handler] and
// safe for concurrent use.
type Console struct {
	o       Options
	secure  bool // cookies are for https alone
	origin  string
	mux     *http.ServeMux
	pages   map[string]*template.Template
	actions map[string]strongroom.Action
}

// New returns the console over o. It panics where something required is missing or
// a route is not complete: that is a mistake of the program.
func New(o Options) (*Console, error) {
	if o.People == nil || o.Devices == nil || o.Sessions == nil || o.Access == nil || o.Logbook == nil {
		panic("console: people, devices, sessions, access and logbook are required")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	if o.Limit == nil {
		o.Limit = func(netip.Addr) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{o: o, mux: http.NewServeMux(), actions: map[string]strongroom.Action{}}
	u, err := url.Parse(o.Public)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || o.Environment != strongroom.Test) {
		return nil, strongroom.Faultf(strongroom.Invalid, "public-url", "the pages need the https address that people reach them by")
	}
	c.secure, c.origin = u.Scheme == "https", u.Scheme+"://"+u.Host
	if c.pages, err = parsePages(); err != nil {
		return nil, err
	}
	for _, as := range [][]strongroom.Action{people.Actions(), session.Actions(), document.Actions()} {
		for _, act := range as {
			c.actions[act.Name] = act
		}
	}
	for _, rt := range Routes() {
		if _, known := c.actions[rt.Action]; known == rt.Public {
			panic("console: a route is public or has an action: " + rt.Path)
		}
		c.mux.Handle(rt.Method+" "+rt.Path, c.adapt(&rt))
	}
	c.mux.Handle("/", c.adapt(missing()))
	return c, nil
}

// Owns reports whether a path is one of the console's.
func Owns(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return path == "/" || owned(first)
}

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; strings.Contains(p, "//") || strings.Contains(p, "/.") {
		// The mux would answer with a redirect that repeats the path.
		c.adapt(missing()).ServeHTTP(w, r)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// adapt is the one adapter between HTTP and a route.
func (c *Console) adapt(rt *Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := c.o.Real.Now()
		c.harden(w.Header())
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		v := &visit{c: c, w: w, r: r, ctx: ctx, route: rt, status: http.StatusOK}
		if err := c.handle(v); err != nil {
			c.refuse(v, err)
		}
		if c.o.Observe != nil && rt.Method != "" {
			c.o.Observe(rt.Method+" "+rt.Path, v.status, c.o.Real.Now().Sub(start))
		}
	})
}

// policy is what a page may do: run and show what comes from here, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// harden sets what every page carries beside the headers of package web.
func (c *Console) harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if c.secure {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
}

// handle lets a visit in and serves its route. A refusal of somebody known is an
// event, here if nobody below has recorded it.
func (c *Console) handle(v *visit) error {
	if err := c.admit(v, ""); err != nil {
		return err
	}
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		if err := c.ownPage(v); err != nil {
			return err
		}
	}
	if err := v.locate(); err != nil {
		return err
	}
	if v.route.Public {
		if v.route.Method == http.MethodPost {
			if err := c.o.Limit(v.from.Source); err != nil {
				return err
			}
		}
		v.served = true
		return v.route.serve(v)
	}
	if err := v.recognise(); err != nil {
		return v.unknown(err)
	}
	if err := c.admit(v, v.who.ID); err != nil {
		return err
	}
	ctx, recorded := c.o.Logbook.Follow(v.ctx)
	v.ctx, v.served = ctx, true
	err := v.route.serve(v)
	if err == nil || recorded() || web.Status(err) >= http.StatusInternalServerError {
		return err
	}
	return c.o.Logbook.RefusedOwn(context.WithoutCancel(ctx), v.who, c.actions[v.route.Action], web.Status(err), err)
}

// admit refuses a visit from where nobody may call, as the API does (DPP 2.1.2).
func (c *Console) admit(v *visit, principal string) error {
	conn := web.ConnOf(v.r.Context())
	if conn.Unix {
		return nil
	}
	return c.o.Access.AllowSource(v.ctx, access.ConsoleListener, principal, conn.Addr)
}

// ownPage refuses a change that another site asks for in the name of whoever sits
// at the browser, and one of which nobody says where it comes from. It is stricter
// than [http.CrossOriginProtection], which lets the latter in.
func (c *Console) ownPage(v *visit) error {
	own := false
	switch v.r.Header.Get("Sec-Fetch-Site") {
	case "same-origin":
		own = true
	case "": // an older browser
		scheme, _, _ := strings.Cut(c.origin, "://")
		origin := v.r.Header.Get("Origin")
		own = origin == c.origin || origin == scheme+"://"+v.r.Host
	}
	if own {
		return nil
	}
	c.o.Refused(v.ctx, web.ConnOf(v.r.Context()).Addr, "cross-site")
	return strongroom.Faultf(strongroom.Denied, "cross-site", "this was not asked for by a page of this site").
		Advise("open the page here and try again")
}
