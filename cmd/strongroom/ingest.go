package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom"
)

type ingestCmd struct {
	instance
	scripted
	Store    string `required:"" help:"Id of the store."`
	Resource string `required:"" help:"orders, customers, fulfillments or stores."`
	Version  string `default:"v2" help:"API version of the JSON: v1, v2 or v3."`
	Platform string `help:"Platform the JSON came from, such as shopify; default: the store's. Chooses the field map of v1 and is kept as origin."`
	Order    string `help:"External id of the order, for fulfilments that do not name it."`
	NDJSON   bool   `name:"ndjson" help:"The file holds one JSON document a line; implied by .ndjson and .jsonl."`
	File     string `arg:"" help:"File, or - for standard input."`
}

// Help shows examples below the flags.
func (i *ingestCmd) Help() string {
	return `Examples:
  strongroom ingest --data DIR --store str_… --resource orders --platform shopify orders.json
  zcat old.ndjson.gz | strongroom ingest --data DIR --store str_… --resource orders --ndjson -`
}

func (i *ingestCmd) Run(g *globals) error {
	f, err := open(g, i.File)
	if err != nil {
		return err
	}
	defer f.Close()
	q := url.Values{"resource": {i.Resource}, "version": {i.Version}}
	if i.Order != "" {
		q.Set("order", i.Order)
	}
	path := "/v1/stores/" + url.PathEscape(i.Store) + "/ingest"
	return i.with(g, func(c *client) error {
		if i.Platform != "" {
			q.Set("platform", i.Platform)
		}
		if i.NDJSON || strings.HasSuffix(i.File, ".ndjson") || strings.HasSuffix(i.File, ".jsonl") {
			return i.stream(g, c, path, q, f)
		}
		resp, err := c.send(g.ctx, http.MethodPost, path, q, "application/json", f)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(g.out, resp.Body); err != nil {
			return err
		}
		h := resp.Header
		fmt.Fprintf(g.errs, "stored %s, unchanged %s, dead on arrival %s\n", h.Get("Strongroom-Stored"), h.Get("Strongroom-Unchanged"), h.Get("Strongroom-Dead"))
		return nil
	})
}

// stream sends NDJSON and counts the answers, line by line.
func (i *ingestCmd) stream(g *globals, c *client, path string, q url.Values, f io.Reader) error {
	resp, err := c.send(g.ctx, http.MethodPost, path, q, "application/x-ndjson", f)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	p := newProgress(g, "orders")
	lines := bufio.NewReaderSize(resp.Body, 1<<20)
	good, bad := 0, 0
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var fail problem
			if json.Unmarshal(line, &fail) == nil && fail.Status >= 400 {
				bad++
				fmt.Fprintf(g.errs, "line %d: %s\n", good+bad, fail.Error())
			} else if good++; !i.JSON {
				if _, err := g.out.Write(line); err != nil {
					return err
				}
			}
			p.set(int64(good + bad))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	p.done()
	if i.JSON {
		return printJSON(g.out, map[string]int{"lines": good + bad, "taken": good, "refused": bad})
	}
	if bad > 0 {
		return strongroom.Faultf(strongroom.Invalid, "lines", "%d of %d lines were refused; the others are stored", bad, good+bad)
	}
	return nil
}

// progress shows a count and a rate on a terminal, and nothing elsewhere.
type progress struct {
	g     *globals
	what  string
	start time.Time
	last  time.Time
	n     int64
	live  bool
}

func newProgress(g *globals, what string) *progress {
	return &progress{g: g, what: what, start: time.Now(), live: terminal(g.errs)}
}

func (p *progress) set(n int64) {
	p.n = n
	if now := time.Now(); p.live && now.Sub(p.last) > 100*time.Millisecond {
		p.last = now
		fmt.Fprintf(p.g.errs, "\r%d %s, %.0f/s ", n, p.what, p.rate())
	}
}

func (p *progress) rate() float64 { return float64(p.n) / max(time.Since(p.start).Seconds(), 1e-3) }

func (p *progress) done() {
	if p.live {
		fmt.Fprintf(p.g.errs, "\r%d %s, %.0f/s\n", p.n, p.what, p.rate())
	}
}
