package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"strongroom"
	"strongroom/internal/route"
	"strongroom/internal/web"
)

// Ways are the ways out. Each verb decides and records for itself, also what it
// refuses.
type Ways interface {
	Serve(ctx context.Context, who strongroom.Actor, name string, w http.ResponseWriter, r *http.Request) error
	List(ctx context.Context, who strongroom.Actor, all bool) ([]route.Version, error)
	Check(ctx context.Context, who strongroom.Actor, s route.Spec) error
	Propose(ctx context.Context, who strongroom.Actor, s route.Spec, credential string) (route.Version, error)
	Approve(ctx context.Context, who strongroom.Actor, id string) (route.Version, error)
	Remove(ctx context.Context, who strongroom.Actor, id string) (route.Version, error)
}

type sendIn struct {
	Route string `path:"route,bare" doc:"the route's name"`
	Call  string `path:"call,bare" doc:"the call at the upstream, as the route names it; its query is passed on"`
}

type routeListIn struct {
	All bool `query:"all" doc:"also those that were superseded, removed or withdrawn"`
}

type routeIn struct {
	Route      json.RawMessage `json:"route" doc:"the specification; see docs/gateway.md, section Routes"`
	Credential string          `json:"credential,omitempty" doc:"what the route shows to its upstream; sealed, and never shown. Empty keeps that of the version in force, for the same upstream"`
	Dry        bool            `json:"dry,omitempty" doc:"only say whether it can be"`
}

type oneRouteIn struct {
	Version string `path:"version" doc:"the id of a version"`
}

type routeOut struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Number     int64           `json:"number"`
	State      string          `json:"state" doc:"proposed, active, superseded, removed, withdrawn, or damaged: its row was changed in the database"`
	Author     string          `json:"author"`
	Created    time.Time       `json:"created_at"`
	Decider    string          `json:"decided_by,omitempty"`
	Decided    *time.Time      `json:"decided_at,omitempty"`
	Credential bool            `json:"credential" doc:"it has one; nobody is shown it"`
	Route      json.RawMessage `json:"route" doc:"the specification"`
}

func (r routeOut) resource() string { return r.ID }

type routeList struct {
	Routes []routeOut `json:"routes"`
}

func routeOf(v route.Version) (routeOut, error) {
	text, err := json.Marshal(v.Spec)
	out := routeOut{
		ID: v.ID, Name: v.Name, Number: v.Number, State: v.State.String(), Author: v.Author, Created: v.Created,
		Decider: v.Decider, Decided: orNil(v.Decided), Credential: v.Credential, Route: text,
	}
	if v.Damaged {
		out.State = "damaged"
	}
	return out, err
}

func wayRoutes() []Route {
	row := func(method string) Route {
		rt := Route{Method: method, Path: "/route/{route}/{call...}", Action: "route.send", Long: true,
			Summary: "Send by a route: tokens in the places it names are opened on the way out. `Strongroom-Reference` names the order, `Strongroom-Store` the store where no token does.",
			in:      reflect.TypeFor[sendIn](), raw: "what the route lets through of the upstream's answer; see docs/gateway.md", serve: sendOut}
		rt.params, _ = paramsOf(rt.in)
		if method != "GET" && method != "DELETE" {
			rt.takes = []string{"application/json", "application/x-www-form-urlencoded", "application/xml", "text/plain"}
		}
		return rt
	}
	return []Route{
		row("GET"), row("POST"), row("PUT"), row("PATCH"), row("DELETE"),
		define(Route{Method: "GET", Path: "/v1/routes", Action: "route.list",
			Summary: "The routes that are in force or wait for a decision. No credential is shown."}, listRoutes),
		define(Route{Method: "POST", Path: "/v1/routes", Action: "route.propose", Status: 201, Repeatable: true,
			Summary: "Propose a version of a route. It waits for another person's approval."}, proposeRoute),
		define(Route{Method: "POST", Path: "/v1/routes/{version}/approve", Action: "route.approve",
			Summary: "Put a version in force in the place of the one before it. For another person than its author."}, approveRoute),
		define(Route{Method: "DELETE", Path: "/v1/routes/{version}", Action: "route.remove",
			Summary: "Take a version out of force, or back if it waits. Nothing goes out by it any more."}, removeRoute),
	}
}

func (a *API) ways() (Ways, error) {
	if a.o.Ways == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "routes", "this instance has no routes")
	}
	return a.o.Ways, nil
}

func sendOut(a *API, c *call) error {
	ways, err := a.ways()
	if err != nil {
		return err
	}
	web.Prolong(c.w, 3*time.Minute) // longer than any upstream may take
	return ways.Serve(c.ctx, c.who, c.r.PathValue("route"), c.w, c.r)
}

func listRoutes(a *API, ctx context.Context, who strongroom.Actor, in *routeListIn) (out routeList, err error) {
	ways, err := a.ways()
	if err != nil {
		return out, err
	}
	list, err := ways.List(ctx, who, in.All)
	out.Routes = make([]routeOut, len(list))
	for i, v := range list {
		if out.Routes[i], err = routeOf(v); err != nil {
			return out, err
		}
	}
	return out, err
}

func proposeRoute(a *API, ctx context.Context, who strongroom.Actor, in *routeIn) (routeOut, error) {
	ways, err := a.ways()
	if err != nil {
		return routeOut{}, err
	}
	s, err := route.ParseSpec(in.Route)
	if err != nil {
		return routeOut{}, err
	}
	if in.Dry {
		return routeOut{Name: s.Name, State: "possible", Route: in.Route}, ways.Check(ctx, who, s)
	}
	v, err := ways.Propose(ctx, who, s, in.Credential)
	if err != nil {
		return routeOut{}, err
	}
	return routeOf(v)
}

func approveRoute(a *API, ctx context.Context, who strongroom.Actor, in *oneRouteIn) (routeOut, error) {
	ways, err := a.ways()
	if err != nil {
		return routeOut{}, err
	}
	v, err := ways.Approve(ctx, who, in.Version)
	if err != nil {
		return routeOut{}, err
	}
	return routeOf(v)
}

func removeRoute(a *API, ctx context.Context, who strongroom.Actor, in *oneRouteIn) (routeOut, error) {
	ways, err := a.ways()
	if err != nil {
		return routeOut{}, err
	}
	v, err := ways.Remove(ctx, who, in.Version)
	if err != nil {
		return routeOut{}, err
	}
	return routeOf(v)
}
