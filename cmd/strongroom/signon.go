package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"strongroom"
)

// atProvider leads a person to a provider in a browser on this machine and returns
// the session that comes of it (RFC 8252): the provider's answer comes to a port of
// loopback, which the server leads the browser to.
func (c *client) atProvider(g *globals, path, provider string) (o opened, err error) {
	if c.conn.Alone {
		return o, strongroom.Faultf(strongroom.Unavailable, "server", "the browser comes back to the pages of the server, and none serves the instance").
			Advise("start it: strongroom serve")
	}
	l, err := new(net.ListenConfig).Listen(g.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return o, strongroom.Faultf(strongroom.Unavailable, "loopback", "there is no port of this machine to wait at").Because(err)
	}
	var begun struct {
		URL    string    `json:"url"`
		Ticket string    `json:"ticket"`
		Until  time.Time `json:"until"`
	}
	in := map[string]any{"provider": provider, "port": l.Addr().(*net.TCPAddr).Port}
	if err := c.call(g.ctx, http.MethodPost, path, nil, in, &begun); err != nil {
		_ = l.Close() // nobody has been told of it
		return o, err
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		_ = l.Close()
		return o, strongroom.Faultf(strongroom.Unavailable, "provider", "the server names no address to sign in at")
	}
	fmt.Fprintf(g.errs, "Open this in a browser on this machine:\n  %s\n", begun.URL)
	ctx, cancel := context.WithDeadline(g.ctx, begun.Until)
	defer cancel()
	q, err := answerAt(ctx, l, u.Query().Get("state"))
	if err != nil {
		return o, err
	}
	answer := map[string]string{"ticket": begun.Ticket, "state": q.Get("state"), "code": q.Get("code"), "iss": q.Get("iss"), "error": q.Get("error")}
	c.token = "" // the answer says who it is
	err = c.call(g.ctx, http.MethodPost, "/v1/session/provider/finish", nil, answer, &o)
	return o, err
}

// answerAt waits for the one answer of a state. What else comes to the port is told
// nothing and changes nothing.
func answerAt(ctx context.Context, l net.Listener, state string) (url.Values, error) {
	got := make(chan url.Values, 1)
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/" || r.Host != l.Addr().String() || state == "" || q.Get("state") != state {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "Close this page and go back to the command line.")
		select {
		case got <- q:
		default: // the first one counts
		}
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	stop := func() {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.Shutdown(short) // the page is short
	}
	select {
	case q := <-got:
		stop()
		return q, nil
	case <-ctx.Done():
		stop()
		return nil, strongroom.Faultf(strongroom.Unavailable, "sign-on-over", "nobody came back from the provider").Advise("begin again")
	case err := <-ended:
		return nil, strongroom.Faultf(strongroom.Unavailable, "loopback", "this machine no longer waits for the browser").Because(err)
	}
}
