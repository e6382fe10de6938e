package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom"
)

type caseView struct {
	ID       string   `json:"id"`
	Purpose  string   `json:"purpose"`
	Citation string   `json:"citation"`
	State    string   `json:"state"`
	Store    string   `json:"store,omitempty"`
	Stores   []string `json:"stores,omitempty"`
	All      bool     `json:"all_stores"`
	OpenedBy string   `json:"opened_by"`
	Opened   string   `json:"opened_at"`
	Due      string   `json:"due_at"`
	Extended string   `json:"extended_at,omitempty"`
	Why      string   `json:"extended_for,omitempty"`
	Closed   string   `json:"closed_at,omitempty"`
	Reason   string   `json:"closed_for,omitempty"`
}

// reach says in short which stores the case is for.
func (c *caseView) reach() string {
	switch {
	case c.Store != "":
		return c.Store
	case c.All:
		return "all"
	}
	return strings.Join(c.Stores, ",")
}

// print shows a case to a person, or to a script.
func (c *caseView) print(g *globals, s scripted) error {
	if s.JSON {
		return printJSON(g.out, c)
	}
	rows := [][]string{
		{"purpose", c.Purpose}, {"citation", c.Citation}, {"state", c.State}, {"stores", c.reach()},
		{"opened", c.Opened + " by " + c.OpenedBy}, {"due", c.Due},
	}
	if c.Extended != "" {
		rows = append(rows, []string{"extended", c.Extended + " for " + c.Why})
	}
	if c.Closed != "" {
		rows = append(rows, []string{"closed", c.Closed + " as " + c.Reason})
	}
	return table(g.out, "CASE\t"+c.ID, rows)
}

type caseCmd struct {
	Open   caseOpenCmd   `cmd:"" help:"Open a case; prints its id, the reference of reveals under it."`
	List   caseListCmd   `cmd:"" help:"List cases."`
	Show   caseShowCmd   `cmd:"" help:"Show one case."`
	Close  caseCloseCmd  `cmd:"" help:"Close a case for good: it opens nothing more."`
	Extend caseExtendCmd `cmd:"" help:"Give a shopper's request two months more, once."`
}

type caseOpenCmd struct {
	instance
	scripted
	Purpose  string `required:"" enum:"legal_duty,subject_request" help:"legal_duty or subject_request."`
	Citation string `required:"" help:"Law, order or incident it rests on, by its number."`
	Store    string `help:"Id of the one store it is for; default: all you may see."`
	Due      string `help:"When it must be done: 2026-12-31, a time, or 10d from now. A legal duty needs it."`
}

// Help shows examples below the flags.
func (c *caseOpenCmd) Help() string {
	return `A legal duty is due within a year, a subject request within a month (GDPR Art. 12(3)).
Past its due date a case opens nothing.

Examples:
  strongroom case open --data DIR --purpose subject_request --citation "GDPR Art. 15(1)" --store str_…
  strongroom case open --data DIR --purpose legal_duty --citation "incident 2026-0007" --due 30d
  strongroom reveal --data DIR --purpose subject_request --reference cas_… --store str_… --record rec_…`
}

func (c *caseOpenCmd) Run(g *globals) error {
	return c.with(g, func(cl *client) error {
		in := map[string]any{"purpose": c.Purpose, "citation": c.Citation}
		if c.Store != "" {
			in["store"] = c.Store
		}
		if c.Due != "" {
			due, err := cl.due(g, c.Due)
			if err != nil {
				return err
			}
			in["due_at"] = due
		}
		var v caseView
		if err := cl.call(g.ctx, http.MethodPost, "/v1/cases", nil, in, &v); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		fmt.Fprintf(g.errs, "due %s\n", v.Due)
		return nil
	})
}

// due reads a due date: a day (its end, in UTC), a time, or a duration from the
// instance's now.
func (c *client) due(g *globals, s string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	d, err := parseDays(s)
	if err != nil {
		return time.Time{}, strongroom.Faultf(strongroom.Invalid, "due", "a due date looks like 2026-12-31, 2026-12-31T12:00:00Z or 10d")
	}
	now, err := c.now(g)
	return now.Add(d), err
}

type caseListCmd struct {
	instance
	scripted
	Open bool `help:"Only those that are not closed; overdue ones wait to be."`
}

func (c *caseListCmd) Run(g *globals) error {
	return c.with(g, func(cl *client) error {
		q := url.Values{}
		if c.Open {
			q.Set("open", "true")
		}
		all := []caseView{}
		err := cl.pages(g, "/v1/cases", q, func(page *listing) error {
			all = append(all, page.Cases...)
			return nil
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(g.out, all)
		}
		rows := make([][]string, len(all))
		for i, v := range all {
			rows[i] = []string{v.ID, v.Purpose, v.State, v.Due, v.reach(), v.Citation}
		}
		return table(g.out, "ID\tPURPOSE\tSTATE\tDUE\tSTORES\tCITATION", rows)
	})
}

type caseShowCmd struct {
	instance
	scripted
	Case string `arg:"" help:"Id of the case."`
}

func (c *caseShowCmd) Run(g *globals) error {
	return c.aboutCase(g, c.scripted, http.MethodGet, c.Case, "", nil)
}

type caseCloseCmd struct {
	instance
	scripted
	Case   string `arg:"" help:"Id of the case."`
	Reason string `required:"" enum:"answered,refused,withdrawn,mistaken" help:"answered, refused, withdrawn or mistaken."`
}

// Help shows examples below the flags.
func (c *caseCloseCmd) Help() string {
	return `Examples:
  strongroom case close --data DIR cas_… --reason answered`
}

func (c *caseCloseCmd) Run(g *globals) error {
	return c.aboutCase(g, c.scripted, http.MethodPost, c.Case, "/close", map[string]string{"reason": c.Reason})
}

type caseExtendCmd struct {
	instance
	scripted
	Case   string `arg:"" help:"Id of the case."`
	Reason string `required:"" enum:"complexity,number" help:"complexity of the request or number of requests (GDPR Art. 12(3))."`
}

// Help shows examples below the flags.
func (c *caseExtendCmd) Help() string {
	return `Tell the shopper so within the first month, with the reason.

Examples:
  strongroom case extend --data DIR cas_… --reason complexity`
}

func (c *caseExtendCmd) Run(g *globals) error {
	return c.aboutCase(g, c.scripted, http.MethodPost, c.Case, "/extend", map[string]string{"reason": c.Reason})
}

// aboutCase makes a call about one case and prints the case as it is then.
func (i *instance) aboutCase(g *globals, s scripted, method, id, verb string, in any) error {
	return i.with(g, func(c *client) error {
		var v caseView
		if err := c.call(g.ctx, method, "/v1/cases/"+url.PathEscape(id)+verb, nil, in, &v); err != nil {
			return err
		}
		return v.print(g, s)
	})
}
