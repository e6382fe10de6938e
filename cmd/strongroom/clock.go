package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"strongroom"
)

type clockCmd struct {
	Show    clockShowCmd    `cmd:"" default:"withargs" help:"Show the instance's time."`
	Set     clockSetCmd     `cmd:"" help:"Set the clock of a test instance."`
	Advance clockAdvanceCmd `cmd:"" help:"Move the clock of a test instance on."`
}

type clockView struct {
	Now time.Time `json:"now"`
}

// now returns the instance's time: in production that is this machine's.
func (c *client) now(g *globals) (time.Time, error) {
	var v clockView
	err := c.call(g.ctx, http.MethodGet, "/v1/clock", nil, nil, &v)
	if p, ok := errors.AsType[*problem](err); ok && p.Status == http.StatusNotFound {
		return time.Now().UTC(), nil
	}
	return v.Now, err
}

func (i *instance) clock(g *globals, s scripted, method string, in any) error {
	return i.with(g, func(c *client) error {
		var v clockView
		if err := c.call(g.ctx, method, "/v1/clock", nil, in, &v); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.Now.Format(time.RFC3339Nano))
		return nil
	})
}

type clockShowCmd struct {
	instance
	scripted
}

func (c *clockShowCmd) Run(g *globals) error { return c.clock(g, c.scripted, http.MethodGet, nil) }

type clockSetCmd struct {
	instance
	scripted
	Time time.Time `arg:"" help:"Time such as 2026-11-20T12:00:00Z."`
}

func (c *clockSetCmd) Run(g *globals) error {
	return c.clock(g, c.scripted, http.MethodPost, map[string]time.Time{"now": c.Time.UTC()})
}

type clockAdvanceCmd struct {
	instance
	scripted
	By string `arg:"" help:"How far, such as 31d, 36h or 90m."`
}

func (c *clockAdvanceCmd) Run(g *globals) error {
	d, err := parseDays(c.By)
	if err != nil {
		return err
	}
	return c.clock(g, c.scripted, http.MethodPost, map[string]int64{"advance_seconds": int64(d.Seconds())})
}

// parseDays reads a duration that may also be a number of days, as in 31d.
func parseDays(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseFloat(n, 64)
		if err != nil || days > 36500 || days < -36500 {
			return 0, strongroom.Faultf(strongroom.Invalid, "duration", "a duration looks like 31d, 36h or 90m")
		}
		return time.Duration(days * 24 * float64(time.Hour)), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, strongroom.Faultf(strongroom.Invalid, "duration", "a duration looks like 31d, 36h or 90m")
	}
	return d, nil
}
