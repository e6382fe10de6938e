package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/connect"
	"strongroom/internal/device"
	"strongroom/internal/document"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/gateway"
	"strongroom/internal/identity"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/message"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/route"
	"strongroom/internal/session"
	"strongroom/internal/vault"
	"strongroom/internal/web"
	"strongroom/internal/webhook"
)

// API is the door for programs. Make it with [New]; it is an [http.Handler] and
// safe for concurrent use.
type API struct {
	o       Options
	mux     *http.ServeMux
	routes  []Route
	actions map[string]strongroom.Action
	doc     []byte

	elsewhere http.Handler // under the mirrors, and no call of theirs
}

// New returns the API over o. It panics where a required option or the action of
// a row is missing: that is a mistake of the program.
func New(o Options) *API {
	if o.Vault == nil || o.Cases == nil || o.Identity == nil || o.Logbook == nil {
		panic("api: vault, cases, identity and logbook are required")
	}
	if o.People == nil || o.Devices == nil || o.Sessions == nil || o.Access == nil || o.Policies == nil || o.Federation == nil || o.Reviews == nil || o.Link == nil || o.Now == nil {
		panic("api: people, devices, sessions, access, policies, federation, reviews, link and now are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limit == nil {
		o.Limit = func(netip.Addr) error { return nil }
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultBody
	}
	if o.MaxLine <= 0 {
		o.MaxLine = defaultLine
	}
	a := &API{o: o, mux: http.NewServeMux(), routes: Routes(), actions: map[string]strongroom.Action{}}
	for _, as := range [][]strongroom.Action{o.Actions, vault.Actions(), lifecycle.Actions(), identity.Actions(), logbook.Actions(),
		people.Actions(), device.Actions(), session.Actions(), access.Actions(), policy.Actions(), federation.Actions(), erasure.Actions(), connect.Actions(), review.Actions(), webhook.Actions(), gateway.Actions(), route.Actions(), document.Actions(), message.Actions()} {
		for _, act := range as {
			a.actions[act.Name] = act
		}
	}
	a.doc = Document(o.Version)
	for i := range a.routes {
		rt := &a.routes[i]
		if (rt.Action == "") != (rt.Public || rt.Anyone) {
			panic("api: a route needs an action, or to be for anyone: " + rt.Path)
		}
		if _, known := a.actions[rt.Action]; !known && rt.Action != "" {
			panic("api: nobody declares the action of " + rt.Path)
		}
		if rt.Only == "" || rt.Only == o.Environment {
			a.mux.Handle(rt.Method+" "+rt.Path, a.adapt(rt))
		}
	}
	other := elsewhere()
	a.elsewhere = a.adapt(&other)
	a.mux.Handle(mirrorPath, a.elsewhere)
	a.mux.HandleFunc("/", a.missing)
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; p != jwksPath && (strings.Contains(p, "//") || strings.Contains(p, "/.")) {
		// The mux would answer with a redirect that repeats the path.
		if strings.HasPrefix(p, mirrorPath) {
			a.elsewhere.ServeHTTP(w, r)
			return
		}
		web.WriteProblem(w, noPath(), web.RequestID(w))
		return
	}
	a.mux.ServeHTTP(w, r)
}

// missing answers what no row takes: the path, or only the method, is unknown.
func (a *API) missing(w http.ResponseWriter, r *http.Request) {
	err := noPath()
	probe := r.Clone(r.Context())
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		probe.Method = m
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			err = strongroom.Faultf(strongroom.Invalid, web.CodeMethod, "this path does not take the method").Advise("see /openapi.json")
			w.Header().Add("Allow", m)
		}
	}
	web.WriteProblem(w, err, web.RequestID(w))
}

func noPath() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "path", "there is no such path").Advise("see /openapi.json")
}

// adapt is the one adapter between HTTP and a row of the table.
func (a *API) adapt(rt *Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now() // real time: a duration for a gauge
		c := &call{w: w, r: r, ctx: r.Context(), route: rt}
		err := a.handle(c)
		status := statusOf(rt, err)
		if err != nil {
			a.note(c, err, status)
			web.WriteProblem(w, err, web.RequestID(w))
		}
		if a.o.Observe != nil {
			a.o.Observe(rt.Method+" "+rt.Path, status, time.Since(start))
		}
	})
}

func statusOf(rt *Route, err error) int {
	switch {
	case err != nil:
		return web.Status(err)
	case rt.Status != 0:
		return rt.Status
	}
	return http.StatusOK
}

// note logs what went wrong inside: the operator's concern, not the caller's.
func (a *API) note(c *call, err error, status int) {
	if status < 500 {
		return
	}
	a.o.Log.LogAttrs(c.ctx, slog.LevelError, "call failed", slog.String("request", web.RequestID(c.w)),
		slog.String("route", c.route.Method+" "+c.route.Path), slog.String("actor", c.who.ID), web.Cause(err))
}

// handle recognises the caller, reads the body and serves the row.
func (a *API) handle(c *call) error {
	if !c.route.Long {
		ctx, cancel := context.WithTimeout(c.ctx, callTime)
		defer cancel()
		c.ctx = ctx
	}
	if c.route.Bare {
		c.wear()
	}
	if err := a.recognise(c); err != nil {
		return err
	}
	if c.route.Public || c.who.ID == "" {
		return a.perform(c)
	}
	var recorded func() bool
	c.ctx, recorded = a.o.Logbook.Follow(c.ctx)
	err := a.perform(c)
	if err == nil || recorded() || !isRefusal(err) {
		return err
	}
	return a.refused(c, err)
}

// perform reads the body and serves the row.
func (a *API) perform(c *call) error {
	if err := a.envelope(c); err != nil {
		return err
	}
	if err := a.understand(c); err != nil {
		return err
	}
	if c.route.Repeatable && c.r.Header.Get(headerIdemKey) != "" {
		return a.once(c)
	}
	return c.route.serve(a, c)
}

// isRefusal reports whether err says no to the caller, and not that something
// went wrong inside: each refusal is an event of the log, here if nobody below
// has recorded it.
func isRefusal(err error) bool {
	return web.Status(err) < http.StatusInternalServerError
}

// refusal returns a fault of kind Invalid.
func refusal(code, what string) error {
	return strongroom.Faultf(strongroom.Invalid, code, "%s", what)
}

// understand checks the media type and reads the body of a typed row.
func (a *API) understand(c *call) error {
	if c.route.raw != "" {
		return nil
	}
	if c.route.body && !c.isSealed() {
		if err := wantJSON(c.r); err != nil {
			return err
		}
	}
	limit := int64(controlBody)
	if c.route.Large {
		limit = a.o.MaxBody
	}
	var err error
	c.body, err = a.readBody(c, limit)
	if err == nil && !c.route.body && len(c.body) > 0 && !isEmpty(c.body) {
		err = strongroom.Faultf(strongroom.Invalid, "body", "this call takes no body").Advise("send none, or {}")
	}
	return err
}

// isEmpty reports whether a body says nothing: many programs send {} where there is
// nothing to say.
func isEmpty(body []byte) bool {
	inner, ok := bytes.CutPrefix(bytes.TrimSpace(body), []byte("{"))
	return ok && string(bytes.TrimSpace(inner)) == "}"
}

// wantJSON refuses a body that says it is something else.
func wantJSON(r *http.Request) error {
	t, err := web.MediaType(r)
	if err != nil || t == "" || t == "application/json" {
		return err
	}
	return strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must be application/json").
		Advise("set Content-Type")
}
