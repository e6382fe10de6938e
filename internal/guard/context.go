package guard

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"strongroom"
)

// mark is the context key that says: inside a call to the guard.
type mark struct{}

// InTransaction reports whether ctx is the context of a function that runs
// inside Do, Read or Quiet. What leaves the process must refuse such a context.
func InTransaction(ctx context.Context) bool {
	in, _ := ctx.Value(mark{}).(bool)
	return in
}

// Trace tells a door whether a refusal of the calls it made is in the log.
type Trace struct{ refused atomic.Bool }

// Refused reports whether a call was refused and the log says so. Safe for
// concurrent use.
func (t *Trace) Refused() bool { return t.refused.Load() }

// Traced returns a context whose calls to the guard are followed by the trace.
func Traced(ctx context.Context) (context.Context, *Trace) {
	t := new(Trace)
	return context.WithValue(ctx, traceKey{}, t), t
}

type traceKey struct{}

// traced notes in the trace of ctx that a call was refused with err, whose event
// is durable.
func traced(ctx context.Context, err error) {
	if err == nil || strongroom.IsKind(err, strongroom.Unavailable) {
		return
	}
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		t.refused.Store(true)
	}
}

// Transport returns a round tripper that passes requests on to next and refuses
// those made inside a call to the guard. A nil next is
// [http.DefaultTransport]. Safe for concurrent use if next is.
func Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{next}
}

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if InTransaction(r.Context()) {
		if r.Body != nil {
			_ = r.Body.Close() // a round tripper closes the body on every way out; nothing was read
		}
		return nil, strongroom.Faultf(strongroom.Internal, "network", "a request was made inside a transaction and was not sent")
	}
	return t.next.RoundTrip(r)
}

// turnContext is what a function sees: its caller's values, but the life of its
// turn. It is a type of its own because a timer and a goroutine for each of ten
// thousand turns a second would cost more than the turns.
type turnContext struct {
	values   context.Context
	life     context.Context
	deadline time.Time
}

func (c *turnContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c *turnContext) Done() <-chan struct{}       { return c.life.Done() }
func (c *turnContext) Err() error                  { return c.life.Err() }

func (c *turnContext) Value(key any) any {
	if key == (mark{}) {
		return true
	}
	return c.values.Value(key)
}
