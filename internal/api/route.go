package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"strongroom"
	"strongroom/internal/jwe"
	"strongroom/internal/session"
)

// Route is one row of the table.
type Route struct {
	Method string
	Path   string // with {names}, as for [http.ServeMux]
	// Action is what the policies are asked for; empty only where Public or Anyone is set.
	Action string
	Public bool // needs no caller
	// Proves, with Public, is for posts whose sender proves itself by what the post
	// holds: the row counts and records the refusals itself, and nobody who proves is
	// counted for its source.
	Proves bool
	// Holder is for who holds a session, even one whose rights have changed: it can be
	// renewed and ended.
	Holder bool
	// Anywhere answers calls from everywhere, whatever the network rules say; with
	// Public, for what says nothing.
	Anywhere bool
	Anyone   bool   // any known caller, nothing is asked of the policies
	Summary  string // one line, for people
	Status   int    // of a successful answer; 200 if zero

	// BodyOptional lets the body be missing.
	BodyOptional bool
	// Large lets the body be as large as a record.
	Large bool
	// Repeatable honours an Idempotency-Key: the answer's id is kept as receipt.
	Repeatable bool
	// Long lets the call take as long as it makes progress.
	Long bool
	// Bare takes a key without the word Bearer before it.
	Bare bool
	// Sealed says that a row which reads and writes by itself takes sealed bodies and has
	// its answer sealed, as all others do.
	Sealed bool
	// Only lists the one environment the route exists in; empty is both.
	Only strongroom.Environment

	in, out reflect.Type // nil: the route reads or writes by itself
	raw     string       // what it reads or writes then, for the document
	takes   []string     // media types of a body it reads by itself; empty: JSON, whole or by lines
	params  []param
	caps    []capped
	body    bool // in has fields of the body
	serve   func(a *API, c *call) error
}

// call is one request on its way through the adapter.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	who   strongroom.Actor
	from  session.Caller // of rows that are Public, and of sessions
	token string         // as it was shown
	route *Route
	body  []byte
	seal  jwe.PublicKey // the answer is sealed to it, unless it is zero
}

// identified is an answer that names what it made or changed.
type identified interface{ resource() string }

// appender is an answer on a hot path that writes its own JSON.
type appender interface{ appendJSON(dst []byte) []byte }

// none is the answer of a call that has nothing to say: 204.
type none struct{}

// define makes a row of a function with a typed request and answer.
func define[In, Out any](rt Route, fn func(a *API, ctx context.Context, who strongroom.Actor, in *In) (Out, error)) Route {
	return defineCall(rt, func(a *API, c *call, in *In) (Out, error) { return fn(a, c.ctx, c.who, in) })
}

// defineCall is [define] for a function that looks at where the call came from.
func defineCall[In, Out any](rt Route, fn func(a *API, c *call, in *In) (Out, error)) Route {
	rt.in, rt.out = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	rt.params, rt.body = paramsOf(rt.in)
	rt.caps = capsOf(rt.in)
	rt.serve = func(a *API, c *call) error {
		in := new(In)
		if err := c.bind(in); err != nil {
			return err
		}
		if rt.Holder && !session.IsToken(c.token) {
			return refusal("session", "this is for who holds a session, and none was shown")
		}
		out, err := fn(a, c, in)
		if err != nil {
			return err
		}
		return c.answer(out)
	}
	return rt
}

// defineRaw makes a row of a function that reads and writes by itself. In holds
// path and query only.
func defineRaw[In any](rt Route, says string, fn func(a *API, c *call, in *In) error) Route {
	rt.Long = true // it minds its own time
	rt.in, rt.raw = reflect.TypeFor[In](), says
	rt.params, _ = paramsOf(rt.in)
	rt.serve = func(a *API, c *call) error {
		in := new(In)
		if err := bindParams(c.r, c.route.params, reflect.ValueOf(in).Elem()); err != nil {
			return err
		}
		return fn(a, c, in)
	}
	return rt
}

// Limits of a request.
const (
	defaultBody   = 8 << 20          // a record or an envelope
	defaultLine   = 4 << 20          // a line of a bulk ingest
	controlBody   = 1 << 20          // anything else
	callTime      = 30 * time.Second // for a call to do its work
	streamQuiet   = 60 * time.Second // a stream may stand still
	defaultLimit  = 50               // of a list
	maxCursor     = 256              // bytes
	headerStored  = "Strongroom-Stored"
	headerSame    = "Strongroom-Unchanged"
	headerDead    = "Strongroom-Dead"
	headerReplay  = "Strongroom-Replayed"
	headerIdemKey = "Idempotency-Key"
)
