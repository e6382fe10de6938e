package intake

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/guard"
)

// DefaultBase is where EcartAPI answers.
const DefaultBase = "https://api.ecartapi.com"

// defaultBody bounds one answer, in bytes.
const defaultBody = 32 << 20

// ClientOptions configure a [Client]. Token is required.
type ClientOptions struct {
	Base    string // "" means [DefaultBase]; plain http only towards loopback
	Version string // v1, v2 or v3; "" means v2
	Token   Secret
	Limit   int   // records a page; 0 means 50, which every platform grants
	MaxBody int64 // bytes of one answer; 0 means 32 MiB
	Retry   Retry
	// Transport makes the requests; nil is a transport of its own. It is wrapped
	// so that no request is made inside a transaction.
	Transport http.RoundTripper
}

// Client fetches from EcartAPI with one store's token. It is safe for concurrent
// use.
type Client struct {
	base    *url.URL
	version string
	token   Secret
	limit   int
	maxBody int64
	retry   Retry
	http    *http.Client

	requests, retries atomic.Int64
}

// NewClient returns a client. Faults: Invalid for a base address or a version
// that is refused, or without a token.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Base == "" {
		o.Base = DefaultBase
	}
	base, err := parseBase(o.Base)
	if err != nil {
		return nil, err
	}
	if o.Version == "" {
		o.Version = "v2"
	}
	if o.Version != "v1" && o.Version != "v2" && o.Version != "v3" {
		return nil, strongroom.Faultf(strongroom.Invalid, "version", "the version is one of v1, v2 and v3")
	}
	if o.Token.IsZero() {
		return nil, strongroom.Faultf(strongroom.Invalid, "token", "the store has no access token").
			Advise("connect the store first")
	}
	if o.Limit == 0 {
		o.Limit = 50
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultBody
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 8
		o.Transport = t
	}
	return &Client{
		base: base, version: o.Version, token: o.Token, limit: o.Limit, maxBody: o.MaxBody, retry: o.Retry.filled(),
		http: &http.Client{
			Transport: guard.Transport(o.Transport),
			Timeout:   2 * time.Minute,
			// The token must not travel on: a redirect is an answer like any other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// parseBase accepts https, and http towards loopback.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, strongroom.Faultf(strongroom.Invalid, "base", "the base address is not https://host")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, strongroom.Faultf(strongroom.Invalid, "base", "the base address must be https; plain http is for loopback alone")
	}
	return u, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Stats returns how many requests were made, and how many of them were repeats.
func (c *Client) Stats() (requests, retries int64) { return c.requests.Load(), c.retries.Load() }

// Window is a span of time over one of an object's dates. The zero Window is all
// time.
type Window struct {
	Field    string // "updatedAt" or "createdAt"
	From, To time.Time
}

const windowTime = "2006-01-02T15:04:05.000Z"

// query returns the query of the first page of a window.
func (c *Client) query(w Window) url.Values {
	q := url.Values{"limit": {strconv.Itoa(c.limit)}}
	if w.Field != "" {
		q.Set(w.Field+"[from]", w.From.UTC().Format(windowTime))
		q.Set(w.Field+"[to]", w.To.UTC().Format(windowTime))
	}
	return q
}

// Page is one page of a list.
type Page struct {
	Body    []byte // as it came; a native list without envelope is put into one
	Records int
	Next    string // cursor of the page behind it; "" at the end

	items []span
}

// Pages walks a list of a resource ("orders", "customers"), from the beginning
// of the window or from a cursor that an earlier page named. It stops after the
// first error.
func (c *Client) Pages(ctx context.Context, resource string, w Window, cursor string) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		if cursor == "" {
			cursor = c.query(w).Encode()
		}
		// Of the pages read, one is remembered, and after 1, 2, 4, … more the newest
		// instead: a list that leads in a circle comes by it again.
		seen, steps, until := cursor, 0, 1
		for {
			p, err := c.page(ctx, resource, cursor)
			if err == nil && p.Next == seen {
				err = strongroom.Faultf(strongroom.Unavailable, "paging", "the list leads back to an earlier page")
			}
			if steps++; steps == until {
				seen, steps, until = p.Next, 0, 2*until
			}
			if !yield(p, err) || err != nil || p.Next == "" {
				return
			}
			cursor = p.Next
		}
	}
}

func (c *Client) page(ctx context.Context, resource, query string) (Page, error) {
	var e envelope
	body, err := c.fetch(ctx, resource, query, func(b []byte) (err error) {
		e, err = readEnvelope(b, resource)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	p := Page{Body: body, Records: len(e.items), Next: e.next, items: e.items}
	if !e.paged && len(e.items) >= c.limit {
		p.Next = following(query) // native lists have no page member
	}
	if e.bare {
		head := `{"` + resource + `":`
		p.Body = append(append([]byte(head), body...), '}')
		for i := range p.items {
			p.items[i].from += len(head)
			p.items[i].to += len(head)
		}
	}
	return p, nil
}

// following returns the query with the next page number.
func following(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	n := 1
	if s := q.Get("page"); s != "" {
		if n, err = strconv.Atoi(s); err != nil {
			return ""
		}
	}
	q.Set("page", strconv.Itoa(n+1))
	return q.Encode()
}

// Get fetches one object or list, such as "orders/17/fulfillments" or "store".
// segments are path elements and are escaped.
func (c *Client) Get(ctx context.Context, segments ...string) ([]byte, error) {
	path := ""
	for i, s := range segments {
		if s == "" || s == "." || s == ".." {
			return nil, strongroom.Faultf(strongroom.Invalid, "request", "an id that is a dot cannot be asked for")
		}
		if i > 0 {
			path += "/"
		}
		path += url.PathEscape(s)
	}
	return c.fetch(ctx, path, "", func(b []byte) error {
		i := skipSpace(b, 0)
		end, ok := skipValue(b, i)
		if !ok || b[i] != '{' || skipSpace(b, end) != len(b) {
			return errShape
		}
		return nil
	})
}

// fetch gets one body and insists on it. look judges the body; one that is no
// JSON of the right shape is asked for again.
func (c *Client) fetch(ctx context.Context, path, query string, look func([]byte) error) ([]byte, error) {
	u := *c.base
	u = *u.JoinPath("api", c.version, path)
	u.RawQuery = query
	for try := 1; ; try++ {
		body, wait, err := c.once(ctx, u.String())
		if err == nil {
			if err = look(body); err == nil {
				return body, nil
			}
			wait, err = -1, unavailable("answer", "the answer is not what was asked for").Because(err)
		}
		if ctx.Err() != nil {
			return nil, unavailable("cancelled", "the fetch was given up").Because(ctx.Err())
		}
		if strongroom.KindOf(err) != strongroom.Unavailable || try >= c.retry.Tries || wait > c.retry.MaxWait {
			return nil, err
		}
		if wait < 0 {
			wait = c.retry.backoff(try)
		}
		c.retries.Add(1)
		if err := c.retry.Sleep(ctx, wait); err != nil {
			return nil, unavailable("cancelled", "the fetch was given up").Because(err)
		}
	}
}

func unavailable(code, what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unavailable, code, "%s", what)
}

// once makes one request. wait is how long the other end asks to wait, -1 if it
// does not say.
func (c *Client) once(ctx context.Context, address string) (body []byte, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, -1, strongroom.Faultf(strongroom.Invalid, "request", "the request cannot be made")
	}
	req.Header.Set("Authorization", "Bearer "+c.token.text)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "strongroom")
	c.requests.Add(1)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, -1, unavailable("unreachable", "EcartAPI cannot be reached").Because(bareError(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.CopyN(io.Discard, res.Body, 4096) // so that the connection can be used again
		wait, ok := RetryAfter(res.Header, time.Now())
		if !ok {
			wait = -1
		}
		return nil, wait, refusal(res.StatusCode)
	}
	if res.ContentLength > c.maxBody {
		return nil, -1, tooLarge()
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, c.maxBody+1))
	if err != nil {
		return nil, -1, unavailable("unreachable", "the answer of EcartAPI broke off").Because(bareError(err))
	}
	if int64(len(body)) > c.maxBody {
		return nil, -1, tooLarge()
	}
	return body, -1, nil
}

func tooLarge() error {
	return strongroom.Faultf(strongroom.TooLarge, "answer-size", "a page of EcartAPI is larger than allowed").
		Advise("ask for fewer records a page")
}

// bareError drops the address from an error of net/http: its query may hold
// anything.
func bareError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if o, ok := errors.AsType[*net.OpError](err); ok {
		return o.Err
	}
	return err
}

// refused is the status by which EcartAPI refused a token.
type refused int

func (r refused) Error() string { return strconv.Itoa(int(r)) }

// isRefused returns the cause, if err says that EcartAPI refused a token.
func isRefused(err error) (cause string, ok bool) {
	r, ok := errors.AsType[refused](err)
	if r == http.StatusForbidden {
		return LostForbidden, ok
	}
	return LostUnauthorized, ok
}

// refusal is the fault of a status other than 200.
func refusal(status int) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return strongroom.Faultf(strongroom.Denied, "store-token", "EcartAPI refuses the store's token (%d)", status).
			Advise("connect the store again").Because(refused(status))
	case status == http.StatusNotFound:
		return strongroom.Faultf(strongroom.NotFound, "upstream", "EcartAPI has no such thing (%d)", status)
	case status == http.StatusTooManyRequests:
		return unavailable("throttled", "the platform behind EcartAPI limits requests (429)")
	case status == http.StatusRequestTimeout || status >= 500:
		return strongroom.Faultf(strongroom.Unavailable, "upstream", "EcartAPI fails (%d)", status)
	case status >= 300 && status < 400:
		return strongroom.Faultf(strongroom.Invalid, "redirect", "EcartAPI redirects (%d), which is not followed", status).
			Advise("set the base address to where it answers")
	}
	return strongroom.Faultf(strongroom.Invalid, "upstream", "EcartAPI refuses the request (%d)", status)
}
