package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"strongroom"
	"strongroom/internal/web"
)

// mirrorPath is where the mirrors of stores begin.
const mirrorPath = "/ecartapi/"

// Mirror answers calls of EcartAPI for a store, with tokens in the place of
// personal data. It decides and records for itself, also what it refuses. An error
// means that nothing was answered yet; it panics with [http.ErrAbortHandler] where an
// answer that has begun cannot go on.
type Mirror interface {
	Serve(ctx context.Context, who strongroom.Actor, store string, w http.ResponseWriter, r *http.Request) error
}

type mirrorIn struct {
	Store   string `path:"store" doc:"the store's id"`
	Version string `path:"version" of:"v1 v2 v3" doc:"of EcartAPI: v1, v2 or v3"`
	Call    string `path:"call" doc:"the call of EcartAPI behind the version, such as orders/17/fulfillments; its query is passed on"`
}

func mirrorRoutes() []Route {
	const says = "what EcartAPI answers, with tokens in place of personal data; see docs/gateway.md"
	row := func(method, action, summary string) Route {
		rt := Route{Method: method, Path: mirrorPath + "{store}/api/{version}/{call...}", Action: action, Summary: summary,
			Long: true, Bare: true, in: reflect.TypeFor[mirrorIn](), raw: says, serve: mirror}
		rt.params, _ = paramsOf(rt.in)
		if method == "POST" || method == "PUT" {
			rt.takes = []string{"application/json"}
		}
		return rt
	}
	return []Route{
		row("GET", "mirror.read", "Read at a store's platform as EcartAPI does (also HEAD). The key may stand in `Authorization` without the word Bearer."),
		row("POST", "mirror.write", "Write at a store's platform as EcartAPI does. Tokens in the body are put back where the call has places for them."),
		row("PUT", "mirror.write", "Change at a store's platform as EcartAPI does. Tokens as for POST."),
		row("DELETE", "mirror.write", "Delete at a store's platform as EcartAPI does."),
	}
}

// elsewhere answers what lies under the mirrors and is no call of theirs: other
// methods, and paths that would be read one way here and another way behind. Who
// tries is recorded.
func elsewhere() Route {
	return Route{Method: "*", Path: mirrorPath, Action: "mirror.read", Long: true, Bare: true, raw: "nothing",
		serve: func(*API, *call) error {
			return strongroom.Faultf(strongroom.Invalid, "mirror-path", "the mirror has no such path or method").
				Advise("see docs/gateway.md")
		}}
}

func mirror(a *API, c *call) error {
	if a.o.Mirror == nil {
		return strongroom.Faultf(strongroom.Unavailable, "mirror", "this instance mirrors no store")
	}
	web.Prolong(c.w, streamQuiet)
	return a.o.Mirror.Serve(c.ctx, c.who, c.r.PathValue("store"), c.w, c.r)
}

// wear puts the word Bearer before a key that came without it, as older programs
// send it to EcartAPI.
func (c *call) wear() {
	if text := c.r.Header.Get("Authorization"); text != "" && !strings.Contains(text, " ") {
		c.r = c.r.Clone(c.r.Context())
		c.r.Header.Set("Authorization", "Bearer "+text)
	}
}
