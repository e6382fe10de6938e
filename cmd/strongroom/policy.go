package main

import (
	"fmt"
	"os"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"Check a folder of policies against the schema."`
	Test    policyTestCmd    `cmd:"" help:"Run a file of cases: request and wanted decision."`
	Explain policyExplainCmd `cmd:"" help:"Say why an actor may or may not."`

	List     policyListCmd     `cmd:"" help:"List the versions of an instance."`
	Show     policyShowCmd     `cmd:"" help:"Show a version, its files and how it differs from what is in force."`
	Propose  policyProposeCmd  `cmd:"" help:"Propose a folder as a version; nothing changes yet."`
	DryRun   policyDryRunCmd   `cmd:"" help:"Say what a version would have done to past decisions."`
	Approve  policyApproveCmd  `cmd:"" help:"Approve somebody else's version."`
	Activate policyActivateCmd `cmd:"" help:"Put a version in force."`
	Withdraw policyWithdrawCmd `cmd:"" help:"Take back a version that waits."`
	Rollback policyRollbackCmd `cmd:"" help:"Bring back what an earlier version said."`
	Reset    policyResetCmd    `cmd:"" help:"Go back to the shipped policies, when nothing else works."`
}

// policies are the flags that choose what is decided by: the shipped policies
// and, with a folder, an operator's own. No instance is needed.
type policies struct {
	Policies    string `placeholder:"DIR" help:"Folder of policies that are added to the shipped ones."`
	Environment string `default:"production" enum:"production,test" help:"For which environment: production or test."`
}

func (p *policies) engine() (*authz.Engine, error) {
	var files []authz.File
	if p.Policies != "" {
		var err error
		if files, err = authz.Load(os.DirFS(p.Policies)); err != nil {
			return nil, err
		}
	}
	return authz.New(files, authz.Options{Environment: strongroom.Environment(p.Environment)})
}

type policyCheckCmd struct {
	policies
	scripted
}

func (p *policyCheckCmd) Run(g *globals) error {
	e, err := p.engine()
	if err != nil {
		return err
	}
	if p.JSON {
		return printJSON(g.out, e.Policies())
	}
	rows := make([][]string, 0, len(e.Policies()))
	for _, x := range e.Policies() {
		effect := "permit"
		if x.Forbid {
			effect = "forbid"
		}
		rows = append(rows, []string{x.ID, effect, x.Says})
	}
	return table(g.out, "POLICY\tEFFECT\tSAYS", rows)
}

type policyTestCmd struct {
	policies
	scripted
	File string `arg:"" help:"Case file."`
}

func (p *policyTestCmd) Run(g *globals) error {
	e, err := p.engine()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		return err
	}
	results, err := e.Test(text)
	if err != nil {
		return err
	}
	bad := 0
	for _, r := range results {
		if !r.OK {
			bad++
		}
		if !p.JSON {
			fmt.Fprintf(g.out, "%s\t%s\n", map[bool]string{true: "ok", false: "FAIL"}[r.OK], r.Case.Name)
			if !r.OK {
				fmt.Fprintf(g.out, "\t%s\n", r.Got.Text)
			}
		}
	}
	if p.JSON {
		if err := printJSON(g.out, results); err != nil {
			return err
		}
	}
	if bad > 0 {
		return strongroom.Faultf(strongroom.Conflict, "policy", "%d of %d cases were decided otherwise", bad, len(results))
	}
	return nil
}

type policyExplainCmd struct {
	policies
	scripted
	Role      []string `required:"" help:"Roles of the actor."`
	Action    string   `required:"" help:"Action, such as record.reveal."`
	Store     string   `default:"str_example" help:"Store of the resource."`
	Stores    []string `help:"Stores the actor is limited to; default: all."`
	Kind      string   `default:"service" enum:"service,person,system" help:"Kind of actor."`
	Resource  string   `default:"Record" help:"Type of resource: Record, Store, Log, Key, Instance, …"`
	Purpose   string   `help:"Purpose, for a reveal."`
	Reference bool     `help:"A reference is given."`

	Trained bool          `help:"Of a person: both trainings are current."`
	Pledged bool          `help:"Of a person: both pledges are given."`
	Device  string        `help:"Of a person: managed, unmanaged or unknown."`
	MFAAge  time.Duration `name:"mfa-age" default:"-1s" help:"Of a person: how long ago two factors were shown; default: never."`
}

func (p *policyExplainCmd) Run(g *globals) error {
	e, err := p.engine()
	if err != nil {
		return err
	}
	now := time.Now() // any instant: only its distance from what was shown counts
	who := strongroom.Actor{Kind: strongroom.ActorKind(p.Kind), ID: "svc_example", Roles: p.Role, Stores: p.Stores, AllStores: len(p.Stores) == 0, Door: "http"}
	if who.Kind == strongroom.PersonActor {
		who.ID, who.Standing = "usr_example", strongroom.Standing{Trained: p.Trained, Pledged: p.Pledged, Device: p.Device}
		if p.MFAAge >= 0 {
			who.Standing.Verified = now.Add(-p.MFAAge)
		}
	}
	x := e.Explain(authz.Request{
		Actor: who, Now: now, Real: now,
		Action:       strongroom.Action{Name: p.Action},
		Resource:     strongroom.Resource{Type: p.Resource, ID: "example", Store: p.Store},
		Purpose:      strongroom.Purpose(p.Purpose),
		HasReference: p.Reference,
	})
	if p.JSON {
		return printJSON(g.out, x)
	}
	fmt.Fprintln(g.out, x.Text)
	for _, r := range x.Reasons {
		fmt.Fprintln(g.out, "  "+r)
	}
	return nil
}
