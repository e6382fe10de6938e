package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/intake"
	"strongroom/internal/web"
)

// How long the platform may take; numbers are ours.
const (
	headTime  = 45 * time.Second // until an answer begins
	quietTime = 30 * time.Second // an answer may stand still
	tries     = 3                // of a call that changes nothing
	firstWait = 150 * time.Millisecond
	longWait  = 2 * time.Second // a platform that wants more than this is not asked again
)

// Bounds of what an answer may unpack to.
const (
	maxRatio  = 200      // bytes out for each that came in,
	freeBytes = 16 << 20 // once more than these came out
)

// answer is what the platform said.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser // unpacked; a read that stands still ends
	kind   string        // media type, in small letters
}

// send makes a call at the platform, again where it changes nothing and the
// platform was not there. Faults: Unavailable with a code of web for 502 and 504.
func (c *call) send(ctx context.Context, conn intake.Connection, body []byte) (*answer, error) {
	safe := c.method == http.MethodGet || c.method == http.MethodHead
	for try := 1; ; try++ {
		a, err := c.sendOnce(ctx, conn, body)
		again := err != nil || a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout
		if !again || !safe || try >= tries || ctx.Err() != nil {
			return a, err
		}
		wait := pause(try)
		if err == nil {
			asked, _ := intake.RetryAfter(a.header, c.g.o.Now())
			if wait = max(wait, asked); wait > longWait {
				return a, nil // the caller is told when to come again
			}
			_ = a.body.Close() // it is not looked at
		}
		if c.g.o.Sleep(ctx, wait) != nil {
			return nil, gone(ctx.Err())
		}
	}
}

// pause is how long to wait after a try: twice as long each time, and less by up to a
// half by chance, so that callers who failed together do not come again together.
func pause(try int) time.Duration {
	d := firstWait << (try - 1)
	return d - rand.N(d/2)
}

func (c *call) sendOnce(ctx context.Context, conn intake.Connection, body []byte) (*answer, error) {
	client, base, err := c.g.way(conn.Base)
	if err != nil {
		return nil, badGateway("the store's base address is not one to call").Because(err)
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, badGateway("the store's base address cannot be read")
	}
	u = u.JoinPath("api", c.target.version, c.target.path())
	u.RawQuery = c.target.query.Encode()
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(headTime, func() { cancel(errSlow) })
	var out io.Reader
	if body != nil {
		out = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), out)
	if err != nil {
		watch.Stop()
		cancel(nil)
		return nil, badGateway("the call cannot be made")
	}
	// Nothing of the caller's headers goes out: these are all there are.
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "strongroom")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+conn.Token.Reveal())
	res, err := client.Do(req)
	if err != nil {
		watch.Stop()
		slow := errors.Is(context.Cause(ctx), errSlow)
		cancel(nil)
		if slow || isTimeout(err) {
			return nil, gatewayTime()
		}
		return nil, gone(err)
	}
	watch.Stop()
	return unpack(res, &quiet{ctx: ctx, body: res.Body, watch: watch, cancel: cancel})
}

// errSlow is why a call was given up that took too long.
var errSlow = errors.New("the platform took too long")

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// gone says that the platform is not there. The cause of an error of net/http
// names an address, so its kind alone is kept.
func gone(err error) error {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if ok && f.Kind != strongroom.Unavailable {
		return f // refused before it was sent
	}
	if o, ok := errors.AsType[*net.OpError](err); ok {
		return badGateway("the platform cannot be reached").Because(o.Err)
	}
	return badGateway("the platform cannot be reached")
}

func badGateway(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unavailable, web.CodeBadGateway, "%s", what).
		Advise("try again; the request's id is the reference")
}

func gatewayTime() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unavailable, web.CodeGatewayTime, "the platform did not answer in time").
		Advise("try again; the request's id is the reference")
}

// unpack returns the answer with its body unpacked, within bounds.
func unpack(res *http.Response, body *quiet) (*answer, error) {
	a := &answer{status: res.StatusCode, header: res.Header, body: body}
	a.kind, _, _ = strings.Cut(res.Header.Get("Content-Type"), ";")
	a.kind = strings.ToLower(strings.TrimSpace(a.kind))
	switch e := res.Header.Get("Content-Encoding"); e {
	case "", "identity":
	case "gzip":
		a.body = &unzip{in: &counted{r: body}, close: body.Close}
	default:
		_ = body.Close() // it is not looked at
		return nil, badGateway("the platform's answer is packed in a way that was not asked for")
	}
	return a, nil
}

// quiet is a body that may not stand still. Its time runs while it is read: that a
// caller is slow to take what was read is no fault of the platform's.
type quiet struct {
	ctx    context.Context // of the call
	body   io.ReadCloser
	watch  *time.Timer
	cancel context.CancelCauseFunc
}

func (q *quiet) Read(p []byte) (int, error) {
	q.watch.Reset(quietTime)
	n, err := q.body.Read(p)
	q.watch.Stop()
	switch {
	case err == nil, err == io.EOF:
		return n, err
	case errors.Is(context.Cause(q.ctx), errSlow):
		return n, gatewayTime()
	}
	return n, badGateway("the platform's answer broke off")
}

func (q *quiet) Close() error {
	q.watch.Stop()
	err := q.body.Close()
	q.cancel(nil)
	return err
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unzip unpacks a body that may not grow beyond what its size allows.
type unzip struct {
	in    *counted
	z     *gzip.Reader
	out   int64
	close func() error
}

func (u *unzip) Read(p []byte) (int, error) {
	if u.z == nil {
		z, err := gzip.NewReader(u.in)
		if errors.Is(err, io.EOF) {
			return 0, io.EOF // an empty body
		}
		if _, ours := errors.AsType[*strongroom.Fault](err); ours {
			return 0, err
		}
		if err != nil {
			return 0, badGateway("the platform's answer cannot be unpacked")
		}
		u.z = z
	}
	n, err := u.z.Read(p)
	if u.out += int64(n); u.out > freeBytes && u.out > maxRatio*u.in.n {
		return 0, strongroom.Faultf(strongroom.Unavailable, codeBomb, "the platform's answer unpacks to more than it may")
	}
	if _, ours := errors.AsType[*strongroom.Fault](err); err != nil && err != io.EOF && !ours {
		err = badGateway("the platform's answer broke off")
	}
	return n, err
}

func (u *unzip) Close() error { return u.close() }
