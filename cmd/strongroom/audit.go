package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"strongroom"
	"strongroom/internal/audit"
)

type auditCmd struct {
	Events     auditEventsCmd     `cmd:"" help:"Read events; reading is an event too."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Print the newest signed checkpoint."`
	Key        auditKeyCmd        `cmd:"" help:"Print the verifier key of the log; keep a copy elsewhere."`
	Proof      auditProofCmd      `cmd:"" help:"Print the inclusion proof of an event."`
	Export     auditExportCmd     `cmd:"" help:"Write the whole log, so that anyone can verify it."`
	Verify     auditVerifyCmd     `cmd:"" help:"Verify an export offline, from the file and the verifier key alone."`
}

type auditEventsCmd struct {
	instance
	scripted
	Limit  int    `default:"50" help:"Events a page, at most 1000."`
	Cursor string `help:"Go on after this event."`
}

// Help shows examples below the flags.
func (a *auditEventsCmd) Help() string {
	return `Examples:
  strongroom audit events --data DIR
  strongroom audit events --limit 1000 --cursor 999 --data DIR

Prints JSON, with or without --json.`
}

func (a *auditEventsCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		q := url.Values{"limit": {fmt.Sprint(a.Limit)}}
		if a.Cursor != "" {
			q.Set("cursor", a.Cursor)
		}
		return c.raw(g.ctx, g.out, http.MethodGet, "/v1/audit/events", q, nil)
	})
}

type auditCheckpointCmd struct{ instance }

func (a *auditCheckpointCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error { return c.text(g, "/v1/audit/checkpoint", nil) })
}

type auditKeyCmd struct {
	instance
	scripted
}

func (a *auditKeyCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		var v struct {
			Key string `json:"key"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/audit/key", nil, nil, &v); err != nil {
			return err
		}
		if a.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.Key)
		return nil
	})
}

type auditProofCmd struct {
	instance
	Index int64 `arg:"" help:"Index of the event."`
}

func (a *auditProofCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		return c.text(g, "/v1/audit/proof", url.Values{"index": {fmt.Sprint(a.Index)}})
	})
}

type auditExportCmd struct {
	instance
	Out string `short:"o" default:"-" help:"File to write; default: standard output."`
}

func (a *auditExportCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		if a.Out == "-" {
			return c.text(g, "/v1/audit/export", nil)
		}
		f, err := os.OpenFile(a.Out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		to := *g
		to.out = f
		if err := c.text(&to, "/v1/audit/export", nil); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	})
}

// text copies an answer to the output as it is.
func (c *client) text(g *globals, path string, q url.Values) error {
	resp, err := c.send(g.ctx, http.MethodGet, path, q, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(g.out, resp.Body)
	return err
}

type auditVerifyCmd struct {
	scripted
	File       string `arg:"" help:"The export, or - for standard input."`
	Key        string `required:"" help:"Verifier key, or @FILE that holds it."`
	Checkpoint string `placeholder:"FILE" help:"A checkpoint kept elsewhere: the export must extend it."`
}

// Help shows examples below the flags.
func (a *auditVerifyCmd) Help() string {
	return `Needs no instance and no network.

Examples:
  strongroom audit export --data DIR -o log.ndjson
  strongroom audit verify log.ndjson --key 'strongroom.example/ab12+1f6c…'`
}

func (a *auditVerifyCmd) Run(g *globals) error {
	key := a.Key
	if name, ok := strings.CutPrefix(key, "@"); ok {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		key = strings.TrimSpace(string(text))
	}
	var checkpoint []byte
	if a.Checkpoint != "" {
		text, err := os.ReadFile(a.Checkpoint)
		if err != nil {
			return err
		}
		checkpoint = text
	}
	f, err := open(g, a.File)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := audit.Verify(bufio.NewReaderSize(f, 1<<20), key, checkpoint)
	if err != nil {
		return strongroom.Faultf(strongroom.Invalid, "verify", "the log does not verify").Because(err)
	}
	if a.JSON {
		return printJSON(g.out, report)
	}
	fmt.Fprintf(g.out, "verified: %d events, nothing edited, dropped, reordered, doubled or cut\nlog %s at size %d, root %s\n",
		report.Events, report.Checkpoint.Origin, report.Checkpoint.Size, report.Checkpoint.Root)
	for _, b := range report.Breaks {
		fmt.Fprintf(g.out, "BREAK: the log was continued (%s); %d events are lost\n", b.Reason, b.LostEvents())
	}
	return nil
}
