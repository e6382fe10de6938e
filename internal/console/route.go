package console

import (
	"net/http"
	"slices"

	"strongroom"
	"strongroom/internal/web"
)

// Route is one row of the table of what the console answers.
type Route struct {
	Method string
	Path   string // with {names}, as for [http.ServeMux]
	// Action is what a refusal that nobody below has recorded is recorded as; empty
	// only where Public is set.
	Action string
	Public bool // asks for no session
	Script bool // answers the script of the pages, in JSON

	serve func(v *visit) error
	// again shows the page once more that the form is on; nil shows the refusal alone.
	again func(v *visit) error
	// back is where to return after factors were shown anew.
	back string
}

// Routes lists the table.
func Routes() []Route {
	return slices.Concat(commonRoutes(), signinRoutes(), signOnRoutes(), enrolRoutes(), accountRoutes(), factorRoutes(), sessionRoutes(), connectRoutes(), documentRoutes())
}

func commonRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/{$}", Public: true, serve: home},
		{Method: "GET", Path: "/assets/{file}", Public: true, serve: asset},
	}
}

// public is a page for whoever comes; ask is a form there.
func public(path string, serve func(*visit) error) Route {
	return Route{Method: "GET", Path: path, Public: true, serve: serve}
}

func ask(path string, serve, again func(*visit) error) Route {
	return Route{Method: "POST", Path: path, Public: true, serve: serve, again: again}
}

// own is a page of who is signed in; change is a form there, on the page back.
func own(path, action string, serve func(*visit) error) Route {
	return Route{Method: "GET", Path: path, Action: action, serve: serve, back: path}
}

func change(path, action, back string, serve, again func(*visit) error) Route {
	return Route{Method: "POST", Path: path, Action: action, serve: serve, again: again, back: back}
}

// script makes a route one that the script of the pages calls.
func script(rt Route) Route { rt.Script = true; return rt }

// missing answers what no row takes: the path, or only the method, is unknown.
func missing() *Route {
	return &Route{Path: "/", Public: true, serve: func(v *visit) error {
		probe := v.r.Clone(v.ctx)
		for _, m := range []string{http.MethodGet, http.MethodPost} {
			probe.Method = m
			if _, pattern := v.c.mux.Handler(probe); pattern != "/" && m != v.r.Method {
				v.w.Header().Add("Allow", m)
			}
		}
		if v.w.Header().Get("Allow") != "" {
			return strongroom.Faultf(strongroom.Invalid, web.CodeMethod, "this page does not take the method")
		}
		return strongroom.Faultf(strongroom.NotFound, "path", "there is no such page")
	}}
}
