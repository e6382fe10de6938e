package gateway

import (
	"context"
	"errors"
	"net/http"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/web"
)

// maxRequest bounds the body of a request, in bytes.
const maxRequest = 1 << 20

// headerReference names the order that a request with tokens is for, where its
// path names none.
const headerReference = "Strongroom-Reference"

// call is one request on its way through the mirror.
type call struct {
	g      *Gateway
	who    strongroom.Actor
	store  string
	method string
	target target
	row    *Endpoint
	base   string // of links to this instance
	event  *guard.Receipt
}

func (c *call) action() strongroom.Action {
	if c.method == http.MethodGet || c.method == http.MethodHead {
		return ActionRead
	}
	return ActionWrite
}

// Serve answers a request to the mirror of a store: the path of r is
// /ecartapi/{store}/api/{version}/…, and who asks is known. What it refuses is
// recorded when it returns; an error means that nothing was answered yet. It panics
// with [http.ErrAbortHandler] where an answer that has begun cannot go on.
func (g *Gateway) Serve(ctx context.Context, who strongroom.Actor, store string, w http.ResponseWriter, r *http.Request) error {
	c := &call{g: g, who: who, store: store, method: r.Method, base: g.baseOf(r)}
	body, err := c.read(ctx, w, r)
	if err != nil {
		return c.refuse(ctx, err)
	}
	return c.serve(ctx, w, r, body)
}

// baseOf returns the address that links in an answer begin with.
func (g *Gateway) baseOf(r *http.Request) string {
	if g.home != "" {
		return g.home
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// read takes the request apart and finds its row.
func (c *call) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, err error) {
	if !strongroom.IsAnyID(c.store) {
		return nil, strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	if c.target, err = parseTarget(r.URL.EscapedPath(), r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := c.find(ctx); err != nil {
		return nil, err
	}
	if c.row == nil {
		return nil, strongroom.Faultf(strongroom.Denied, "endpoint", "the mirror does not know this call and passes nothing it does not know").
			Advise("a person may allow it with: strongroom mirror propose")
	}
	if c.row.Refused != "" {
		return nil, strongroom.Faultf(strongroom.Denied, "endpoint", "this call does not pass: %s", c.row.Refused).Advise("%s", c.row.Instead)
	}
	if err := c.g.openCursor(c.store, &c.target); err != nil {
		return nil, err
	}
	return c.readBody(w, r)
}

// find looks for the row of the call. What people allowed comes before a shape of the
// table, which they may have widened.
func (c *call) find(ctx context.Context) error {
	if c.row = find(c.g.table, c.method, c.target.segments); c.row != nil && (c.row.Answer != "" || c.row.Refused != "") {
		return nil
	}
	list, err := c.g.allowed(ctx, c.store)
	if err != nil {
		return err
	}
	if e := find(list, c.method, c.target.segments); e != nil {
		c.row = e
	}
	return nil
}

// readBody returns the request's body, nil if there is none.
func (c *call) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must not be packed").Advise("leave Content-Encoding out")
	}
	body, err := web.ReadBody(w, r, maxRequest)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if c.row.Body == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "body", "this call takes no body")
	}
	t, err := web.MediaType(r)
	if err != nil {
		return nil, err
	}
	if t != "application/json" && t != "" {
		return nil, strongroom.Faultf(strongroom.Denied, "content-type", "the mirror passes bodies of application/json alone").
			Advise("a person may allow more with: strongroom mirror propose")
	}
	return body, nil
}

// refuse records that a request was refused before a policy was asked.
func (c *call) refuse(ctx context.Context, err error) error {
	if web.Status(err) >= http.StatusInternalServerError {
		return err
	}
	res := strongroom.Resource{Type: "Instance", ID: "instance"}
	if strongroom.IsAnyID(c.store) {
		res = resourceOf(c.store)
	}
	return c.g.o.Guard.Refused(ctx, c.who, c.action(), res, web.Status(err), err)
}

// serve decides, calls the platform and answers.
func (c *call) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) error {
	if body != nil || c.action().Name == ActionWrite.Name {
		return c.write(ctx, w, r, body)
	}
	a, err := c.fetch(ctx)
	if err != nil {
		return c.failed(ctx, err)
	}
	defer a.body.Close()
	return c.answer(ctx, w, r, a)
}

// fetch decides and asks the platform at the same time: what changes nothing may
// be asked for once the policies have allowed it, and nothing of the answer is
// looked at before the event is durable.
func (c *call) fetch(ctx context.Context) (*answer, error) {
	allowed := make(chan intake.Connection, 1)
	recorded := make(chan error, 1)
	go func() {
		recorded <- c.g.o.Guard.Read(ctx, c.who, func(_ context.Context, v *guard.View) error {
			conn, err := c.decide(v)
			if err == nil {
				select {
				case allowed <- conn:
				default: // the call is decided once more; nobody waits for a second answer
				}
			}
			return err
		})
	}()
	var conn intake.Connection
	select {
	case conn = <-allowed:
	case err := <-recorded:
		if err == nil { // both were there
			conn, recorded = <-allowed, closedWith(nil)
			break
		}
		return nil, err
	}
	a, err := c.ask(ctx, conn, nil)
	if lost := <-recorded; lost != nil {
		if err == nil {
			_ = a.body.Close() // nobody sees it
		}
		return nil, lost
	}
	return a, err
}

// closedWith returns a channel that gives err once.
func closedWith(err error) chan error {
	c := make(chan error, 1)
	c <- err
	return c
}

// ask makes the call, unless the platform has failed too often. The body of the answer
// is closed by who gets it.
func (c *call) ask(ctx context.Context, conn intake.Connection, body []byte) (*answer, error) {
	p, err := c.g.circuits.enter(c.store, c.g.o.Now())
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, conn, body)
	switch {
	case err == nil:
		p.judge(ctx, a, c.method, c.g.o.Now)
	case ctx.Err() != nil:
		p.quit() // the caller left: that is no fault of the platform's
	default:
		p.leave(false, c.g.o.Now())
	}
	return a, err
}

// decide asks the policies and finds the credential. Its use is recorded by the
// event of the call.
func (c *call) decide(v *guard.View) (conn intake.Connection, err error) {
	if err := v.Allow(c.action(), resourceOf(c.store), guard.Context{}); err != nil {
		return conn, err
	}
	v.Note("mode", c.row.word)
	c.event = v.Receipt()
	if err := c.g.o.Vault.CheckStore(&v.Reader, c.store); err != nil {
		return conn, err
	}
	return c.g.o.Credentials.CredentialTx(&v.Reader, c.store)
}

// write makes a call that changes something: it is recorded first, and its tokens
// are put back for the order it is about.
func (c *call) write(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) error {
	var found []slot
	if body != nil {
		var err error
		if found, err = c.row.Body.slots(body, c.g.home); err != nil {
			return c.refuse(ctx, err)
		}
	}
	var conn intake.Connection
	err := c.g.o.Guard.Read(ctx, c.who, func(_ context.Context, v *guard.View) (err error) {
		conn, err = c.decide(v)
		v.Note("fields", int64(len(found)))
		return err
	})
	if err != nil {
		return err
	}
	if body, err = c.g.putBack(ctx, c.who, c.store, c.reference(r), body, found); err != nil {
		return err
	}
	a, err := c.ask(ctx, conn, body)
	if err != nil {
		return c.failed(ctx, err)
	}
	defer a.body.Close()
	return c.answer(ctx, w, r, a)
}

// reference names the order that tokens are put back for.
func (c *call) reference(r *http.Request) string {
	if ref := r.Header.Get(headerReference); ref != "" {
		return ref
	}
	if c.row.Order {
		return c.row.named(c.target.segments)
	}
	return ""
}

// failed records what the mirror itself refused of an answer, and returns err. That a
// platform is away is no refusal: the event of the call stands.
func (c *call) failed(ctx context.Context, err error) error {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || c.event == nil || !isRefused(f.Code) {
		return err
	}
	if f.Kind == strongroom.Denied {
		return c.refuse(ctx, err)
	}
	index, _ := c.event.Index()
	if lost := c.g.o.Guard.Failed(ctx, c.who, c.action(), resourceOf(c.store), f.Code, index); lost != nil {
		return lost
	}
	return err
}
