package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

type routeCmd struct {
	List    routeListCmd    `cmd:"" help:"List the routes that are in force or wait."`
	Show    routeShowCmd    `cmd:"" help:"Show what a version of a route says."`
	Test    routeTestCmd    `cmd:"" help:"Say whether a file can be a route; nothing changes."`
	Propose routeProposeCmd `cmd:"" help:"Propose a file as a version of a route."`
	Approve routeApproveCmd `cmd:"" help:"Put somebody else's version in force."`
	Remove  routeRemoveCmd  `cmd:"" help:"Take a version out of force, or back if it waits."`
	Preset  routePresetCmd  `cmd:"" help:"Specifications to begin with: a label carrier, a tax service, an e-mail sender."`
}

type routeView struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Number     int64           `json:"number"`
	State      string          `json:"state"`
	Author     string          `json:"author"`
	Decider    string          `json:"decided_by,omitempty"`
	Credential bool            `json:"credential"`
	Route      json.RawMessage `json:"route"`
}

type routeListCmd struct {
	instance
	scripted
	All bool `help:"Also those that were superseded, removed or withdrawn."`
}

func routesOf(g *globals, c *client, all bool) (list []routeView, err error) {
	var out struct {
		Routes []routeView `json:"routes"`
	}
	q := url.Values{}
	if all {
		q.Set("all", "true")
	}
	err = c.call(g.ctx, http.MethodGet, "/v1/routes", q, nil, &out)
	return out.Routes, err
}

func (r *routeListCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		list, err := routesOf(g, c, r.All)
		if err != nil {
			return err
		}
		if r.JSON {
			return printJSON(g.out, list)
		}
		for _, v := range list {
			fmt.Fprintf(g.out, "%s  %s  version %d  %s\n", v.ID, v.Name, v.Number, v.State)
		}
		return nil
	})
}

type routeShowCmd struct {
	instance
	Version string `arg:"" help:"Id of a version."`
}

func (r *routeShowCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		list, err := routesOf(g, c, true)
		if err != nil {
			return err
		}
		for _, v := range list {
			if v.ID == r.Version {
				return printJSON(g.out, v)
			}
		}
		return fmt.Errorf("there is no such version of a route")
	})
}

// routeFile reads a specification in YAML or JSON.
func routeFile(name string) (json.RawMessage, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(text)
}

func sendRoute(g *globals, c *client, file, credential string, dry bool) (v routeView, err error) {
	spec, err := routeFile(file)
	if err != nil {
		return v, err
	}
	in := map[string]any{"route": spec, "dry": dry}
	if credential != "" {
		text, err := os.ReadFile(credential)
		if err != nil {
			return v, err
		}
		in["credential"] = strings.TrimSpace(string(text))
	}
	err = c.call(g.ctx, http.MethodPost, "/v1/routes", nil, in, &v)
	return v, err
}

type routeTestCmd struct {
	instance
	File string `arg:"" help:"Specification in YAML or JSON."`
}

func (r *routeTestCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		if _, err := sendRoute(g, c, r.File, "", true); err != nil {
			return err
		}
		fmt.Fprintln(g.out, "this can be a route")
		return nil
	})
}

type routeProposeCmd struct {
	instance
	scripted
	File       string `arg:"" help:"Specification in YAML or JSON."`
	Credential string `placeholder:"FILE" help:"File with what the route shows to its upstream; sealed, and never shown."`
}

func (r *routeProposeCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		v, err := sendRoute(g, c, r.File, r.Credential, false)
		if err != nil {
			return err
		}
		if r.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		return nil
	})
}

type routeApproveCmd struct {
	instance
	Version string `arg:"" help:"Id of a version."`
}

func (r *routeApproveCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodPost, "/v1/routes/"+url.PathEscape(r.Version)+"/approve", nil, nil, nil)
	})
}

type routeRemoveCmd struct {
	instance
	Version string `arg:"" help:"Id of a version."`
}

func (r *routeRemoveCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/routes/"+url.PathEscape(r.Version), nil, nil, nil)
	})
}
