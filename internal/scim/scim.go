package scim

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/federation"
	"strongroom/internal/web"
)

// Prefix is where the door stands.
const Prefix = "/scim/v2"

// media is the media type of SCIM (RFC 7644, 8.1).
const media = "application/scim+json"

// Options configure a [Handler]. Directory, Who and Base are required.
type Options struct {
	Directory *federation.Federation
	// Who returns the service account a bearer token belongs to.
	Who func(ctx context.Context, bearer string, source netip.Addr) (strongroom.Actor, error)
	// Refused records what an actor who is known asked for and the door refused
	// before any policy was asked, and returns what to answer. nil records nothing.
	Refused func(ctx context.Context, who strongroom.Actor, status int, err error) error
	// Limit counts a caller whom nobody knows for the address it came from; its fault is
	// answered instead. nil lets all pass.
	Limit func(source netip.Addr) error
	// Base is the public address of the door, [Prefix] included.
	Base string
	Log  *slog.Logger // operational log; nil discards
}

// Handler is the door. Make it with [New]; it is safe for concurrent use.
type Handler struct {
	o   Options
	mux *http.ServeMux
}

// call is one request of somebody who is known.
type call struct {
	ctx  context.Context
	w    http.ResponseWriter
	r    *http.Request
	who  strongroom.Actor
	body object
}

// answer is what a call comes to; a nil body is none.
type answer struct {
	status  int
	body    any
	at      string // Location
	version int64  // ETag
}

// Routes lists method and pattern of every route, in the order of the standard.
// Each of them asks for a service account.
func Routes() []string {
	return []string{
		"GET /ServiceProviderConfig", "GET /ResourceTypes", "GET /ResourceTypes/{id}", "GET /Schemas", "GET /Schemas/{id}",
		"GET /Users", "POST /Users", "GET /Users/{id}", "PUT /Users/{id}", "PATCH /Users/{id}", "DELETE /Users/{id}",
		"GET /Groups", "POST /Groups", "GET /Groups/{id}", "PUT /Groups/{id}", "PATCH /Groups/{id}", "DELETE /Groups/{id}",
	}
}

func (h *Handler) verb(route string) func(call) (answer, error) {
	switch route {
	case "GET /ServiceProviderConfig":
		return h.config
	case "GET /ResourceTypes", "GET /ResourceTypes/{id}":
		return h.resourceTypes
	case "GET /Schemas", "GET /Schemas/{id}":
		return h.schemas
	case "GET /Users":
		return h.listUsers
	case "POST /Users":
		return h.createUser
	case "GET /Users/{id}":
		return h.getUser
	case "PUT /Users/{id}", "PATCH /Users/{id}":
		return h.changeUser
	case "DELETE /Users/{id}":
		return h.deleteUser
	case "GET /Groups":
		return h.listGroups
	case "POST /Groups":
		return h.createGroup
	case "GET /Groups/{id}":
		return h.getGroup
	case "PUT /Groups/{id}", "PATCH /Groups/{id}":
		return h.changeGroup
	case "DELETE /Groups/{id}":
		return h.deleteGroup
	}
	return nil
}

// New returns the door. It panics where something required is missing: that is a
// mistake of the program.
func New(o Options) *Handler {
	if o.Directory == nil || o.Who == nil || o.Base == "" {
		panic("scim: a directory, who calls and the base address are required")
	}
	o.Base = strings.TrimSuffix(o.Base, "/")
	if o.Refused == nil {
		o.Refused = func(_ context.Context, _ strongroom.Actor, _ int, err error) error { return err }
	}
	if o.Limit == nil {
		o.Limit = func(netip.Addr) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{o: o, mux: http.NewServeMux()}
	for _, route := range Routes() {
		method, path, _ := strings.Cut(route, " ")
		h.mux.Handle(method+" "+Prefix+path, h.serve(h.verb(route)))
	}
	h.mux.Handle(Prefix+"/", h.serve(func(c call) (answer, error) {
		return answer{}, strongroom.Faultf(strongroom.NotFound, "route", "there is no such endpoint, or not with this method")
	}))
	return h
}

// ServeHTTP answers a request below [Prefix].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// serve asks who calls, reads the body, does the verb and writes what came of it.
func (h *Handler) serve(verb func(call) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			bearer = ""
		}
		source := web.ConnOf(r.Context()).Addr
		who, err := h.o.Who(r.Context(), bearer, source)
		if strongroom.IsKind(err, strongroom.Unauthenticated) {
			if over := h.o.Limit(source); over != nil {
				err = over
			}
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		c := call{ctx: r.Context(), w: w, r: r, who: who}
		if c.body, err = h.read(w, r); err != nil {
			h.fail(w, r, h.o.Refused(r.Context(), who, status(err), err))
			return
		}
		a, err := verb(c)
		if door, ok := err.(refusal); ok {
			err = h.o.Refused(r.Context(), who, status(door.error), door.error)
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.write(w, r, a)
	})
}

// refusal is a fault the door found before anything was asked of the directory.
type refusal struct{ error }

func (h *Handler) read(w http.ResponseWriter, r *http.Request) (object, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return nil, nil
	}
	t, err := web.MediaType(r)
	if err != nil {
		return nil, err
	}
	if t != media && t != "application/json" {
		return nil, strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must be application/scim+json")
	}
	body, err := web.ReadBody(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	return decode(body)
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, a answer) {
	if a.version > 0 {
		w.Header().Set("ETag", etag(a.version))
	}
	if a.at != "" {
		w.Header().Set("Location", a.at)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if m, ok := a.body.(map[string]any); ok {
		a.body = shown(m, r)
	}
	text, err := json.Marshal(a.body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	_, _ = w.Write(text) // the caller may have gone; nobody is left to tell
}

// scimType returns the keyword of the standard for a fault (RFC 7644, 3.12).
func scimType(f *web.Problem) string {
	switch f.Code {
	case "invalidFilter", "invalidSyntax", "invalidPath", "invalidValue", "noTarget", "mutability", "uniqueness":
		return f.Code
	}
	if f.Status == http.StatusBadRequest {
		return "invalidValue"
	}
	return ""
}

// status is [web.Status] with what the standard says of versions.
func status(err error) int {
	p := web.ProblemOf(err, "")
	if p.Code == "version" {
		return http.StatusPreconditionFailed
	}
	return p.Status
}

// fail writes an error of the standard.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := web.ProblemOf(err, web.RequestID(w))
	p.Status = status(err)
	detail := p.Detail
	if p.Hint != "" { // the standard has one place for words
		detail += "; " + p.Hint
	}
	out := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(p.Status), "detail": detail,
	}
	if t := scimType(&p); t != "" {
		out["scimType"] = t
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="strongroom"`)
	}
	p.SetRetryAfter(w.Header())
	if p.Status >= http.StatusInternalServerError {
		h.o.Log.LogAttrs(r.Context(), slog.LevelWarn, "a call of a directory failed", web.Cause(err))
	}
	text, _ := json.Marshal(out) // texts alone: cannot fail
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(text) // the caller may have gone; nobody is left to tell
}

func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// wanted returns the version a change is for, 0 for any. What is no version of ours
// fits none.
func wanted(r *http.Request) int64 {
	m := r.Header.Get("If-Match")
	if m == "" || m == "*" {
		return 0
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(m, "W/"), `"`), 10, 64)
	if err != nil || n <= 0 {
		return -1
	}
	return n
}

func (h *Handler) meta(kind, folder, id string, created, modified time.Time, version int64) map[string]any {
	return map[string]any{
		"resourceType": kind, "created": stamp(created), "lastModified": stamp(modified),
		"location": h.o.Base + "/" + folder + "/" + id, "version": etag(version),
	}
}

// shown leaves of an answer what attributes and excludedAttributes ask for. id and
// schemas are always there.
func shown(m map[string]any, r *http.Request) map[string]any {
	only, without := names(r, "attributes"), names(r, "excludedAttributes")
	if len(only)+len(without) == 0 {
		return m
	}
	if list, ok := m["Resources"].([]map[string]any); ok {
		for i := range list {
			list[i] = shown(list[i], r)
		}
		return m
	}
	out := map[string]any{}
	for k, v := range m {
		name := strings.ToLower(k)
		if k == "id" || k == "schemas" || (len(only) == 0 || only[name]) && !without[name] {
			out[k] = v
		}
	}
	return out
}

// names returns the attributes a parameter lists; a part of one counts as the whole.
func names(r *http.Request, parameter string) map[string]bool {
	out := map[string]bool{}
	for s := range strings.SplitSeq(r.URL.Query().Get(parameter), ",") {
		if s = trimSchema(strings.TrimSpace(s)); s != "" {
			top, _, _ := strings.Cut(s, ".")
			out[top] = true
		}
	}
	return out
}
