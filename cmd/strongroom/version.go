package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/authz"
)

// Versions of the policies that people change while the instance runs.

type versionView struct {
	ID      string `json:"id"`
	Number  int64  `json:"number"`
	State   string `json:"state"`
	Author  string `json:"author"`
	Created string `json:"created_at"`
	Decider string `json:"decider"`
	Change  *struct {
		Widens bool `json:"widens"`
		Stops  bool `json:"stops"`
		Steps  []struct {
			Policy string `json:"policy"`
			What   string `json:"what"`
			Why    string `json:"why"`
		} `json:"steps"`
	} `json:"change"`
}

// printVersion says what a version is and how it differs from what is in force.
func printVersion(g *globals) func(versionView) error {
	return func(v versionView) error {
		fmt.Fprintf(g.out, "%s version %d, %s\n", v.ID, v.Number, v.State)
		if v.Change == nil {
			return nil
		}
		for _, s := range v.Change.Steps {
			fmt.Fprintf(g.out, "  %s %s: %s\n", s.Policy, s.What, s.Why)
		}
		if v.Change.Widens || v.Change.Stops {
			fmt.Fprintln(g.errs, "another person approves it: strongroom policy approve "+v.ID)
		}
		return nil
	}
}

type policyListCmd struct {
	instance
	scripted
}

func (p *policyListCmd) Run(g *globals) error {
	return list(&p.instance, g, p.scripted, "/v1/policies", "versions", nil, "ID\tNUMBER\tSTATE\tAUTHOR\tCREATED\tDECIDED BY", func(v versionView) []string {
		return []string{v.ID, strconv.FormatInt(v.Number, 10), v.State, v.Author, v.Created, v.Decider}
	})
}

type policyShowCmd struct {
	instance
	Version string `arg:"" optional:"" help:"Id of the version; default: the one in force."`
}

func (p *policyShowCmd) Run(g *globals) error {
	id := "current"
	if p.Version != "" {
		id = escape(p.Version)
	}
	return p.with(g, func(c *client) error { return c.raw(g.ctx, g.out, http.MethodGet, "/v1/policies/"+id, nil, nil) })
}

type policyProposeCmd struct {
	instance
	scripted
	Folder string `arg:"" help:"Folder with the policies of the version."`
}

func (p *policyProposeCmd) Run(g *globals) error {
	files, err := authz.Load(os.DirFS(p.Folder))
	if err != nil {
		return err
	}
	type file struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	in := map[string][]file{"files": {}}
	for _, f := range files {
		in["files"] = append(in["files"], file{f.Name, string(f.Text)})
	}
	return act(&p.instance, g, p.scripted, http.MethodPost, "/v1/policies", nil, in, printVersion(g))
}

// onVersion is the flags and argument of what is done to one version.
type onVersion struct {
	instance
	scripted
	Version string `arg:"" help:"Id of the version."`
}

func (p *onVersion) do(g *globals, verb string) error {
	return act(&p.instance, g, p.scripted, http.MethodPost, "/v1/policies/"+escape(p.Version)+"/"+verb, nil, nil, printVersion(g))
}

type policyDryRunCmd struct {
	onVersion
	Days int `default:"1" help:"How many days back."`
}

type dryRunView struct {
	Text string `json:"text"`
}

func (p *policyDryRunCmd) Run(g *globals) error {
	return p.with(g, func(c *client) error {
		now, err := c.now(g)
		if err != nil {
			return err
		}
		in := map[string]time.Time{"from": now.AddDate(0, 0, -p.Days), "to": now}
		path := "/v1/policies/" + escape(p.Version) + "/dry-run"
		if p.JSON {
			return c.raw(g.ctx, g.out, http.MethodPost, path, nil, in)
		}
		var out dryRunView
		if err := c.call(g.ctx, http.MethodPost, path, nil, in, &out); err != nil {
			return err
		}
		fmt.Fprint(g.out, out.Text)
		return nil
	})
}

type policyApproveCmd struct{ onVersion }

func (p *policyApproveCmd) Run(g *globals) error { return p.do(g, "approve") }

type policyActivateCmd struct{ onVersion }

func (p *policyActivateCmd) Run(g *globals) error { return p.do(g, "activate") }

type policyWithdrawCmd struct{ onVersion }

func (p *policyWithdrawCmd) Run(g *globals) error { return p.do(g, "withdraw") }

type policyRollbackCmd struct {
	instance
	scripted
	Number int64 `arg:"" help:"Number of the version to bring back; 0 is what was shipped and configured."`
}

func (p *policyRollbackCmd) Run(g *globals) error {
	return act(&p.instance, g, p.scripted, http.MethodPost, "/v1/policies/rollback", nil, map[string]int64{"number": p.Number}, printVersion(g))
}

type policyResetCmd struct{ instance }

func (p *policyResetCmd) Run(g *globals) error {
	err := app.ResetPolicies(g.ctx, app.Options{Dir: p.Data, ConfigFile: p.Config, Passphrase: askPassphrase(g)})
	if err == nil {
		fmt.Fprintln(g.out, "the policies of the product and the configuration are in force, and no version")
	}
	return err
}

type accessCmd struct {
	Explain accessExplainCmd `cmd:"" help:"Say why an account may or may not, by the policies in force."`
}

type accessExplainCmd struct {
	instance
	scripted
	Account   string        `arg:"" help:"Id of the person or service."`
	Action    string        `required:"" help:"Action, such as record.reveal."`
	Type      string        `default:"Record" help:"Type of what is acted on: Record, Store, Log, Key, Instance, …"`
	Store     string        `help:"Id of the store."`
	Purpose   string        `help:"Purpose, for a reveal."`
	Reference bool          `help:"An order or case is named."`
	Class     []string      `help:"Classes of the fields asked for, such as phone."`
	Device    string        `help:"managed, unmanaged or unknown."`
	MFAAge    time.Duration `name:"mfa-age" default:"-1s" help:"How long ago two factors were shown; default: never."`
}

type explainView struct {
	Allow bool   `json:"allow"`
	Lines string `json:"lines"`
}

func (a *accessExplainCmd) Run(g *globals) error {
	in := map[string]any{
		"subject": a.Account, "action": a.Action, "type": a.Type, "store": a.Store, "purpose": a.Purpose, "reference": a.Reference,
		"classes": a.Class, "device": a.Device,
	}
	if a.MFAAge >= 0 {
		in["mfa_age_seconds"] = int64(a.MFAAge / time.Second)
	}
	return act(&a.instance, g, a.scripted, http.MethodPost, "/v1/policies/explain", nil, in, func(x explainView) error {
		_, err := fmt.Fprintln(g.out, x.Lines)
		return err
	})
}
