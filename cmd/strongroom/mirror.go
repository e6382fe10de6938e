package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
)

type mirrorCmd struct {
	List    mirrorListCmd    `cmd:"" help:"List the calls that people allowed a store's mirror beyond the table, and those that wait."`
	Propose mirrorProposeCmd `cmd:"" help:"Propose a call with its map; another person approves it."`
	Approve mirrorApproveCmd `cmd:"" help:"Put a call in force that another person proposed."`
	End     mirrorEndCmd     `cmd:"" help:"Take a call out of force, or a proposal back, at once."`
}

func storeMirror(store string) string { return "/v1/stores/" + url.PathEscape(store) + "/mirror" }

type callView struct {
	ID       string `json:"id"`
	Version  int64  `json:"version"`
	State    string `json:"state"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Answer   string `json:"answer"`
	Author   string `json:"author"`
	Approver string `json:"approver"`
}

func callTable(g *globals, all []callView) error {
	rows := make([][]string, len(all))
	for i, v := range all {
		rows[i] = []string{v.ID, fmt.Sprint(v.Version), v.State, v.Method, v.Path, v.Answer, v.Author, v.Approver}
	}
	return table(g.out, "ID\tVERSION\tSTATE\tMETHOD\tPATH\tRECORDS\tPROPOSED BY\tAPPROVED BY", rows)
}

type mirrorListCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
}

func (m *mirrorListCmd) Run(g *globals) error {
	return m.with(g, func(c *client) error {
		if m.JSON {
			return c.raw(g.ctx, g.out, http.MethodGet, storeMirror(m.Store), nil, nil)
		}
		var v struct {
			Calls []callView `json:"calls"`
		}
		if err := c.call(g.ctx, http.MethodGet, storeMirror(m.Store), nil, nil, &v); err != nil {
			return err
		}
		return callTable(g, v.Calls)
	})
}

type mirrorProposeCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	File  string `arg:"" help:"JSON file with method, path, and answer or shape; see docs/gateway.md."`
}

func (m *mirrorProposeCmd) Run(g *globals) error {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("%w: the file is no JSON object", errUsage)
	}
	return m.aboutCall(g, m.scripted, http.MethodPost, storeMirror(m.Store), spec)
}

type mirrorApproveCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Call  string `arg:"" help:"Id of the call, from: strongroom mirror list."`
}

func (m *mirrorApproveCmd) Run(g *globals) error {
	return m.aboutCall(g, m.scripted, http.MethodPost, storeMirror(m.Store)+"/"+url.PathEscape(m.Call)+"/approve", nil)
}

type mirrorEndCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Call  string `arg:"" help:"Id of the call, from: strongroom mirror list."`
}

func (m *mirrorEndCmd) Run(g *globals) error {
	return m.aboutCall(g, m.scripted, http.MethodDelete, storeMirror(m.Store)+"/"+url.PathEscape(m.Call), nil)
}

// aboutCall does something to one call and shows what became of it.
func (i *instance) aboutCall(g *globals, s scripted, method, path string, body any) error {
	return i.with(g, func(c *client) error {
		var v callView
		if err := c.call(g.ctx, method, path, nil, body, &v); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, v)
		}
		return callTable(g, []callView{v})
	})
}
