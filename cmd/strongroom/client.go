package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"strongroom/internal/app"
)

// instance are the flags of every command that works on an instance.
type instance struct {
	Data   string `required:"" placeholder:"DIR" env:"STRONGROOM_DATA" help:"Data folder of the instance; or, for who signs in from elsewhere, https:// and the address of its server."`
	CA     string `name:"ca" placeholder:"FILE" env:"STRONGROOM_CA" help:"Certificate the server must show, where the system does not know it."`
	Config string `placeholder:"FILE" help:"Configuration file; default: strongroom.yaml in the data folder."`
}

// scripted is the flag of every command whose output a script may want.
type scripted struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// client calls the HTTP API: of a server at its address, over the socket of the
// server that owns the data folder, else of an instance opened in this process. Whoever is signed in calls
// as that person, else the OS user calls.
type client struct {
	conn   *app.Client
	base   string // of every address
	state  state
	token  string            // of the session; empty: the OS user calls
	accept string            // media type that is asked for; empty: any
	device *ecdsa.PrivateKey // of this device, if it has one
}

// overSocket is the address of an instance by its folder: whatever host it names, the
// socket is reached.
const overSocket = "http://strongroom"

// dial reaches the instance, whoever owns it.
func (i *instance) dial(g *globals) (*client, error) {
	c := &client{base: overSocket}
	var err error
	if app.IsServer(i.Data) {
		c.base = strings.TrimSuffix(i.Data, "/")
		c.conn, err = app.DialServer(c.base, i.CA)
	} else {
		c.conn, err = app.Dial(g.ctx, app.Options{Dir: i.Data, ConfigFile: i.Config, Passphrase: askPassphrase(g)})
	}
	if err != nil {
		return nil, err
	}
	if err := c.signed(i); err != nil {
		return nil, errors.Join(err, c.conn.Close())
	}
	return c, nil
}

// signed takes the session and the device key of this machine.
func (c *client) signed(i *instance) (err error) {
	if c.state, err = i.state(); err != nil {
		return err
	}
	if c.device, err = c.state.deviceKey(); err != nil {
		return err
	}
	x, err := c.state.signedIn()
	c.token = x.Token
	return err
}

// with dials, runs fn and closes, whichever way fn ends.
func (i *instance) with(g *globals, fn func(*client) error) (err error) {
	c, err := i.dial(g)
	if err != nil {
		return err
	}
	defer func() {
		if e := c.conn.Close(); err == nil {
			err = e
		}
	}()
	return fn(c)
}

// problem is an RFC 9457 document as the API sends it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	Code   string `json:"code"`
}

func (p *problem) Error() string {
	switch {
	case p.Code == "key-missing": // what the API says of it is for programs
		return "nobody is signed in; run: strongroom signin (who was invited first: strongroom enrol LINK)"
	case p.Detail == "":
		return p.Title
	case p.Hint == "":
		return p.Detail
	}
	return p.Detail + "; " + p.Hint
}

// send makes one request and returns the answer's body for streaming. An answer
// that is not a success is a *problem.
func (c *client) send(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	if _, whole := body.(*bytes.Reader); c.token != "" && body != nil && !whole {
		// A stream cannot be sent twice, so a token that is stale is renewed before.
		if err := c.call(ctx, http.MethodGet, "/v1/session", nil, nil, nil); err != nil {
			return nil, err
		}
	}
	u := c.base + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	if err := c.mark(req); err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.conn.HTTP.Do(req)
	if err != nil {
		return nil, c.unreached(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	p := &problem{Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode}
	if text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil {
		_ = json.Unmarshal(text, p) // an answer that is no problem document keeps its status text
		if err := c.overPlain(text); err != nil {
			return nil, err
		}
	}
	if _, whole := body.(*bytes.Reader); p.Code == "session-stale" && path != pathRenew && (body == nil || whole) {
		if err := c.renew(ctx); err != nil {
			return nil, err
		}
		if whole {
			_, _ = body.(*bytes.Reader).Seek(0, io.SeekStart) // cannot fail
		}
		return c.send(ctx, method, path, query, contentType, body)
	}
	return nil, p
}

const pathRenew = "/v1/session/renew"

// mark says who calls, from which device and with what.
func (c *client) mark(req *http.Request) error {
	req.Header.Set("User-Agent", "strongroom/"+app.Version+" ("+runtime.GOOS+")")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.accept != "" {
		req.Header.Set("Accept", c.accept)
	}
	if c.device == nil {
		return nil
	}
	proof, err := dpop(c.device, req.Method, req.URL.Path, time.Now()) // real time: a device proves itself now
	req.Header.Set("DPoP", proof)
	return err
}

// opened is a session as the API answers with it.
type opened struct {
	Token  string    `json:"token"`
	Person string    `json:"person"`
	Ends   time.Time `json:"ends_at"`
}

// take keeps a session that was opened or renewed.
func (c *client) take(o opened) error {
	c.token = o.Token
	return c.state.keep(signedIn(o))
}

// renew takes a new token, after the rights of the session have changed.
func (c *client) renew(ctx context.Context) error {
	var o opened
	if err := c.call(ctx, http.MethodPost, pathRenew, nil, nil, &o); err != nil {
		return err
	}
	return c.take(o)
}

// call sends in as JSON, if any, and decodes the answer into out, if any.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	contentType := ""
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, contentType = bytes.NewReader(text), "application/json"
	}
	resp, err := c.send(ctx, method, path, query, contentType, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// raw sends in as JSON and copies the answer to w, indented when it is JSON.
func (c *client) raw(ctx context.Context, w io.Writer, method, path string, query url.Values, in any) error {
	var answer json.RawMessage
	if err := c.call(ctx, method, path, query, in, &answer); err != nil {
		return err
	}
	return printJSON(w, answer)
}

// printJSON writes v with two spaces of indent and a final newline.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows as aligned columns under their heads.
func table(w io.Writer, heads string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, heads)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, cell)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// act makes one call and prints the answer: nothing, as JSON, or by show.
func act[Out any](i *instance, g *globals, s scripted, method, path string, query url.Values, in any, show func(Out) error) error {
	return i.with(g, func(c *client) error {
		var answer json.RawMessage
		if err := c.call(g.ctx, method, path, query, in, &answer); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, answer)
		}
		var out Out
		if err := json.Unmarshal(answer, &out); err != nil {
			return err
		}
		return show(out)
	})
}

// list walks a list page by page and prints it, as JSON or as a table.
func list[Row any](i *instance, g *globals, s scripted, path, name string, query url.Values, heads string, cells func(Row) []string) error {
	return i.with(g, func(c *client) error {
		if query == nil {
			query = url.Values{}
		}
		raw, rows := []json.RawMessage{}, [][]string{}
		for more := true; more; {
			var page map[string]json.RawMessage
			if err := c.call(g.ctx, http.MethodGet, path, query, nil, &page); err != nil {
				return err
			}
			var part []json.RawMessage
			if err := json.Unmarshal(page[name], &part); err != nil {
				return err
			}
			raw = append(raw, part...)
			next := ""
			if text, ok := page["next_cursor"]; ok {
				if err := json.Unmarshal(text, &next); err != nil {
					return err
				}
			}
			query.Set("cursor", next)
			more = next != ""
		}
		if s.JSON {
			return printJSON(g.out, raw)
		}
		for _, text := range raw {
			var row Row
			if err := json.Unmarshal(text, &row); err != nil {
				return err
			}
			rows = append(rows, cells(row))
		}
		return table(g.out, heads, rows)
	})
}

// tell makes one call that answers with nothing.
func (i *instance) tell(g *globals, method, path string, in any) error {
	return i.with(g, func(c *client) error { return c.call(g.ctx, method, path, nil, in, nil) })
}
