package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"strongroom"
	"strongroom/internal/app"
)

// instance are the flags of every command that works on an instance.
type instance struct {
	Data   string `required:"" placeholder:"DIR" env:"STRONGROOM_DATA" help:"Data folder of the instance."`
	Config string `placeholder:"FILE" help:"Configuration file; default: strongroom.yaml in the data folder."`
}

// scripted is the flag of every command whose output a script may want.
type scripted struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// client calls the HTTP API: over the socket of the server that owns the data
// folder, else of an instance opened in this process.
type client struct {
	conn *app.Client
}

// dial reaches the instance, whoever owns it.
func (i *instance) dial(g *globals) (*client, error) {
	conn, err := app.Dial(g.ctx, app.Options{Dir: i.Data, ConfigFile: i.Config, Passphrase: askPassphrase(g)})
	if err != nil {
		return nil, err
	}
	return &client{conn}, nil
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
	u := "http://strongroom" + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.conn.HTTP.Do(req)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "server", "the instance did not answer").Because(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	p := &problem{Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode}
	if text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil {
		_ = json.Unmarshal(text, p) // an answer that is no problem document keeps its status text
	}
	return nil, p
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
