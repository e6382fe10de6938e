package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"strongroom"
)

// leaversCmd is what concerns those who leave. Without a verb it lists them.
type leaversCmd struct {
	List   leaversListCmd   `cmd:"" default:"withargs" help:"List who left, within how long everything was dead, and what is open."`
	Import leaversImportCmd `cmd:"" help:"End the accounts that a feed names, as CSV or JSON: shown first, then asked."`
	Probe  leaversProbeCmd  `cmd:"" help:"Try now whether somebody who left has any way in."`
}

type leaverView struct {
	Person  string   `json:"person"`
	Cause   string   `json:"cause"`
	Event   string   `json:"event_at"`
	Revoked string   `json:"revoked_at"`
	Seconds float64  `json:"took_seconds"`
	Late    bool     `json:"late"`
	Probed  string   `json:"probed_at"`
	Open    []string `json:"open"`
	Outside []struct {
		Way    string `json:"way"`
		System string `json:"system"`
		Ended  string `json:"ended_at"`
	} `json:"outside"`
}

// took says how long it took and whether that was within 24 hours (DPP 2.2.12).
func (l leaverView) took() string {
	text := (time.Duration(l.Seconds * float64(time.Second))).Round(time.Second).String()
	if l.Late {
		return text + " LATE"
	}
	return text
}

// ways says what a probe found.
func (l leaverView) ways() string {
	switch {
	case l.Probed == "":
		return "not probed"
	case len(l.Open) == 0:
		return "none"
	}
	return strings.Join(l.Open, " ")
}

type leaversListCmd struct {
	instance
	scripted
	Since string `help:"Who left from then on, such as 2026-11-01T00:00:00Z; default: everybody."`
}

func (l *leaversListCmd) Run(g *globals) error {
	return list(&l.instance, g, l.scripted, "/v1/leavers", "leavers", queryOf("since", l.Since), "PERSON\tCAUSE\tEVENT\tREVOKED\tTOOK\tPROBED\tOPEN",
		func(x leaverView) []string {
			return []string{x.Person, x.Cause, x.Event, x.Revoked, x.took(), x.Probed, x.ways()}
		})
}

type leaversProbeCmd struct {
	onPerson
	scripted
}

func (l *leaversProbeCmd) Run(g *globals) error {
	var found leaverView
	err := act(&l.instance, g, l.scripted, http.MethodPost, "/v1/leavers/"+escape(l.Person)+"/probe", nil, nil, func(x leaverView) error {
		found = x
		_, err := fmt.Fprintf(g.out, "cause    %s\nevent    %s\nrevoked  %s\ntook     %s\nopen     %s\n", x.Cause, x.Event, x.Revoked, x.took(), x.ways())
		for _, w := range x.Outside {
			if w.Ended == "" {
				w.Ended = "open; end it there, then: strongroom review outside end " + w.Way
			}
			fmt.Fprintf(g.out, "outside  %s: %s\n", w.System, w.Ended)
		}
		return err
	})
	if err == nil && len(found.Open) > 0 {
		err = strongroom.Faultf(strongroom.Conflict, "open", "somebody who left has a way in").Advise("open an incident; end it with: strongroom session revoke, grant revoke, key revoke")
	}
	return err
}

type leaversImportCmd struct {
	instance
	scripted
	Format string `enum:"csv,json," default:"" help:"csv or json; default: as the file looks."`
	Zone   string `placeholder:"ZONE" help:"Where dates without a time of day are, such as Europe/Berlin; default: UTC."`
	Dry    bool   `name:"dry-run" help:"Look who would end, and change nothing."`
	Yes    bool   `help:"Do not look first and do not ask."`
	File   string `arg:"" help:"File, or - for standard input."`
}

// Help says what a feed is and shows examples.
func (l *leaversImportCmd) Help() string {
	return `A feed has a column id or email, and may have ends (the last day) and event (when it
was known). Each line is carried out by itself; the same feed may be read again. What
cannot be carried out is named by its line.

Examples:
  strongroom person leavers import leavers.csv --dry-run --data DIR
  strongroom person leavers import leavers.csv --zone Europe/Berlin --data DIR
  hr-export | strongroom person leavers import - --yes --json --data DIR`
}

// feedReport is what became of a feed.
type feedReport struct {
	Lines     int   `json:"lines"`
	Ended     int   `json:"ended"`
	Suspended int   `json:"suspended"`
	Scheduled int   `json:"scheduled"`
	Already   int   `json:"already"`
	Unknown   []int `json:"unknown"`
	Failed    []struct {
		Line int    `json:"line"`
		Code string `json:"code"`
	} `json:"failed"`
	Late []struct {
		Line    int     `json:"line"`
		Person  string  `json:"person"`
		Seconds float64 `json:"took_seconds"`
	} `json:"late"`
}

// maxFeed is the largest feed the server reads.
const maxFeed = 16 << 20

func (l *leaversImportCmd) Run(g *globals) error {
	if l.File == "-" && !l.Dry && !l.Yes {
		return strongroom.Faultf(strongroom.Invalid, "confirm", "standard input holds the feed, so nobody can be asked").Advise("add --dry-run, then --yes")
	}
	f, err := open(g, l.File)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFeed+1))
	if err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "file", "the feed cannot be read to its end").Because(err)
	}
	if len(text) > maxFeed {
		return strongroom.Faultf(strongroom.TooLarge, "feed", "the feed is larger than 16 MiB").Advise("split it: each line stands by itself")
	}
	return l.with(g, func(c *client) error {
		if !l.Yes {
			r, raw, err := l.send(g, c, text, true)
			if err != nil {
				return err
			}
			if l.Dry {
				return l.tell(g, r, raw)
			}
			r.print(g.errs, "would end")
			if r.Ended+r.Suspended+r.Scheduled == 0 {
				fmt.Fprintln(g.errs, "nothing to do")
				return r.failure()
			}
			if !confirm(g, fmt.Sprintf("End %d accounts for good, suspend %d owners, and end %d on their last day? Type yes: ", r.Ended, r.Suspended, r.Scheduled)) {
				return strongroom.Faultf(strongroom.Conflict, "confirm", "nothing was changed")
			}
		}
		r, raw, err := l.send(g, c, text, false)
		if err != nil {
			return err
		}
		return l.tell(g, r, raw)
	})
}

// tell prints a report, as JSON or in words. Lines that were not carried out are a
// failure of the command.
func (l *leaversImportCmd) tell(g *globals, r feedReport, raw json.RawMessage) error {
	if l.JSON {
		if err := printJSON(g.out, raw); err != nil {
			return err
		}
		return r.failure()
	}
	ended := "ended"
	if l.Dry {
		ended = "would end"
	}
	r.print(g.out, ended)
	return r.failure()
}

// send sends the feed and shows how far it is until the report comes.
func (l *leaversImportCmd) send(g *globals, c *client, text []byte, dry bool) (r feedReport, raw json.RawMessage, err error) {
	q := queryOf("format", l.Format, "zone", l.Zone)
	if dry {
		q.Set("dry_run", "true")
	}
	c.accept = "application/x-ndjson"
	defer func() { c.accept = "" }()
	resp, err := c.send(g.ctx, http.MethodPost, "/v1/leavers", url.Values(q), "application/octet-stream", bytes.NewReader(text))
	if err != nil {
		return r, nil, err
	}
	defer resp.Body.Close()
	p := newProgress(g, "people")
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxFeed)
	for lines.Scan() {
		var stands struct {
			Progress *struct {
				Done int64 `json:"done"`
			} `json:"progress"`
			problem
		}
		if err := json.Unmarshal(lines.Bytes(), &stands); err != nil {
			return r, nil, err
		}
		switch {
		case stands.Progress != nil:
			p.set(stands.Progress.Done)
		case stands.Status >= 400:
			return r, nil, &stands.problem
		default:
			raw = bytes.Clone(lines.Bytes())
		}
	}
	if err := lines.Err(); err != nil || raw == nil {
		return r, nil, strongroom.Faultf(strongroom.Unavailable, "feed-cut", "the answer was cut off; what was done is kept").
			Advise("send the feed again: what was done is not done twice").Because(err)
	}
	err = json.Unmarshal(raw, &r)
	p.set(int64(r.Lines))
	p.done()
	return r, raw, err
}

func (r feedReport) print(w io.Writer, ended string) {
	fmt.Fprintf(w, "%-10s %d\n%-10s %d\n%-10s %d\n%-10s %d\n%-10s %d\n", "lines", r.Lines, ended, r.Ended, "suspended", r.Suspended, "scheduled", r.Scheduled, "before", r.Already)
	if len(r.Unknown) > 0 {
		var at []string
		for _, n := range r.Unknown {
			at = append(at, strconv.Itoa(n))
		}
		fmt.Fprintf(w, "%-10s line %s\n", "unknown", strings.Join(at, ", "))
	}
	for _, x := range r.Failed {
		fmt.Fprintf(w, "%-10s line %d: %s\n", "failed", x.Line, x.Code)
	}
	for _, x := range r.Late {
		fmt.Fprintf(w, "%-10s line %d: %s, %s after the event\n", "late", x.Line, x.Person, time.Duration(x.Seconds*float64(time.Second)).Round(time.Minute))
	}
}

func (r feedReport) failure() error {
	if len(r.Failed) == 0 {
		return nil
	}
	return strongroom.Faultf(strongroom.Invalid, "lines", "%d of %d lines are not carried out; the others are", len(r.Failed), r.Lines)
}
