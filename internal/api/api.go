package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/connect"
	"strongroom/internal/device"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/gateway"
	"strongroom/internal/identity"
	"strongroom/internal/identity/workload"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/route"
	"strongroom/internal/session"
	"strongroom/internal/vault"
	"strongroom/internal/web"
	"strongroom/internal/webhook"
)

// Options configure an [API]. All rooms are required.
type Options struct {
	Vault       *vault.Vault
	Cases       *lifecycle.Cases
	Identity    *identity.Identity
	People      *people.People
	Devices     *device.Devices
	Sessions    *session.Sessions
	Access      *access.Access
	Policies    *policy.Book
	Federation  *federation.Federation
	Reviews     *review.Review
	Logbook     *logbook.Logbook
	Environment strongroom.Environment

	// Actions are those that Work, Clock and the other ports ask the policies for.
	// With those of vault, identity and logbook every row's action is among them.
	Actions []strongroom.Action
	// Work starts background work; nil refuses it as unavailable.
	Work Work
	// Workloads knows services that prove themselves without a key; nil knows none.
	Workloads *workload.Workloads
	// SignOn signs people in at a provider for a program on their own machine; nil
	// knows no provider.
	SignOn SignOn
	// Now is the time of the data clock; required.
	Now func() time.Time
	// Limit counts a call that asks for nobody, or whose caller is not known, for the
	// address it came from; its fault is answered instead. nil lets all pass.
	Limit func(source netip.Addr) error
	// Unheard returns how many calls said for whom they were forwarded and came from no
	// trusted proxy; nil knows of none.
	Unheard func() int64
	// Link makes a link to enrol of its token.
	Link func(token string) string
	// Clock moves the clock of a test instance; nil refuses it.
	Clock Clock
	// Ready returns nil while the instance can decide and record, else a fault
	// that says why not. nil is always ready.
	Ready func(ctx context.Context) error
	// Mirror answers calls of EcartAPI for a store, Allowances are the calls that people
	// allow it; nil mirrors none.
	Mirror     Mirror
	Allowances Allowances
	// Connect brings stores in by a grant and closes them; nil does neither.
	Connect Connect
	// Ways are the ways out; nil has none.
	Ways Ways
	// Webhooks take posts in and say where messages go; nil takes none.
	Webhooks Webhooks
	// Signals take in what asks for erasure, Erasures keep it; nil takes none.
	Signals  *erasure.Inbox
	Erasures *lifecycle.Requests
	// Metrics writes the metrics; that the caller may read them has been decided.
	// nil serves none.
	Metrics func(ctx context.Context, who strongroom.Actor, w http.ResponseWriter, r *http.Request) error
	// Findings checks the instance; that the caller may ask has been decided. nil
	// checks nothing.
	Findings func(ctx context.Context) ([]Finding, error)
	// Observe hears of each answer: the pattern of its route, its status and how
	// long it took. nil ignores them.
	Observe func(route string, status int, took time.Duration)

	MaxBody int64        // of a record or an envelope, 8 MiB if zero
	MaxLine int64        // of a line of bulk ingest, 4 MiB if zero
	Version string       // of the product, for the document
	Log     *slog.Logger // operational log; nil discards
}

// Work is what a caller may set going. Each verb decides and records for itself.
type Work interface {
	// Credential seals a store's access token, in the place of an older one.
	Credential(ctx context.Context, who strongroom.Actor, store, token, version string) error
	// Sync begins to fetch what changed at a store since a time; zero is since the
	// last sync, no resources are the usual ones. It returns the id of the job.
	Sync(ctx context.Context, who strongroom.Actor, store string, resources []string, since time.Time) (job string, err error)
	// Roll begins an epoch roll and returns the id of the job.
	Roll(ctx context.Context, who strongroom.Actor) (job string, err error)
	// Sweep destroys the keys of all records past their date and clears what
	// remains of dead ones, and returns the numbers of both.
	Sweep(ctx context.Context, who strongroom.Actor) (expired, cleared int64, err error)
	// Job says where a job stands.
	Job(ctx context.Context, who strongroom.Actor, id string) (JobStatus, error)
	// Jobs lists up to limit jobs of a state (of all for ""), by their ids, those
	// after cursor. next is empty at the end.
	Jobs(ctx context.Context, who strongroom.Actor, state, cursor string, limit int) (list []JobStatus, next string, err error)
	// Retry gives a job that was given up all its tries again.
	Retry(ctx context.Context, who strongroom.Actor, id string) error
}

// JobStatus is where a job stands.
type JobStatus struct {
	ID       string
	Name     string // of its kind
	State    string // waiting, running, done or dead
	Code     string // of its last failure
	Tries    int
	Due      time.Time // real time
	Progress Progress
}

// Progress is how far a job has come, as far as this process knows.
type Progress struct {
	Records   int64   `json:"records"`
	Total     int64   `json:"total,omitempty" doc:"of records, if known"`
	Stored    int64   `json:"stored"`
	Unchanged int64   `json:"unchanged"`
	Dead      int64   `json:"dead"`
	Refused   int64   `json:"refused"`
	Damaged   int64   `json:"damaged" doc:"objects whose stored record was changed in the database"`
	Pages     int64   `json:"pages"`
	Retries   int64   `json:"retries"`
	Seconds   float64 `json:"seconds"`
}

// Clock is the data clock. Set moves it, in a test instance alone, and decides
// and records for itself.
type Clock interface {
	Now() time.Time
	Set(ctx context.Context, who strongroom.Actor, to time.Time) error
}

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
		people.Actions(), device.Actions(), session.Actions(), access.Actions(), policy.Actions(), federation.Actions(), erasure.Actions(), connect.Actions(), review.Actions(), webhook.Actions(), gateway.Actions(), route.Actions()} {
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
	if p := r.URL.Path; strings.Contains(p, "//") || strings.Contains(p, "/.") {
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
	if c.route.body {
		if err := wantJSON(c.r); err != nil {
			return err
		}
	}
	limit := int64(controlBody)
	if c.route.Large {
		limit = a.o.MaxBody
	}
	var err error
	c.body, err = web.ReadBody(c.w, c.r, limit)
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

// once serves a call that named itself: the second time from its receipt.
func (a *API) once(c *call) error {
	request := bytes.Join([][]byte{[]byte(c.r.Method), []byte(c.r.URL.Path), []byte(c.r.URL.RawQuery), c.body}, []byte{0})
	claim, receipt, found, err := a.o.Identity.Claim(c.ctx, c.who, c.r.Header.Get(headerIdemKey), request)
	if err != nil {
		return err
	}
	if found {
		c.w.Header().Set(headerReplay, "true")
		return c.write(receipt.Status, replayed{ID: receipt.Resource, Replayed: true})
	}
	keep := &receipts{ResponseWriter: c.w}
	c.w = keep
	if err := c.route.serve(a, c); err != nil {
		return errors.Join(err, claim.Drop(context.WithoutCancel(c.ctx)))
	}
	if err := claim.Done(context.WithoutCancel(c.ctx), statusOf(c.route, nil), keep.id); err != nil {
		a.note(c, err, http.StatusInternalServerError) // it was done and answered all the same
	}
	return nil
}

// replayed is the answer to a repeated call.
type replayed struct {
	ID       string `json:"id,omitempty"`
	Replayed bool   `json:"replayed"`
}

// receipts carries the id of an answer from the row to its receipt.
type receipts struct {
	http.ResponseWriter
	id string
}

func (k *receipts) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// answer renders what a row returned.
func (c *call) answer(out any) error {
	if _, nothing := out.(none); nothing {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if r, ok := out.(identified); ok {
		if k, ok := c.w.(*receipts); ok {
			k.id = r.resource()
		}
	}
	return c.write(statusOf(c.route, nil), out)
}

// write renders out as JSON with the given status. Whether the caller took it is
// not known and not our concern.
func (c *call) write(status int, out any) error {
	var text []byte
	if ap, ok := out.(appender); ok {
		text = ap.appendJSON(make([]byte, 0, 2048))
	} else {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // the text of a record stays what it was
		if err := e.Encode(out); err != nil {
			return err
		}
		text = b.Bytes()
	}
	return c.send(status, "application/json", text)
}

// send answers with text.
func (c *call) send(status int, contentType string, text []byte) error {
	c.w.Header()["Content-Type"] = []string{contentType}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text) // the caller may have gone
	return nil
}
