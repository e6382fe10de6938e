package main

import (
	"fmt"
	"os"

	"strongroom"
	"strongroom/internal/authz"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"Check a folder of policies against the schema."`
	Test    policyTestCmd    `cmd:"" help:"Run a file of cases: request and wanted decision."`
	Explain policyExplainCmd `cmd:"" help:"Say why an actor may or may not."`
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
}

func (p *policyExplainCmd) Run(g *globals) error {
	e, err := p.engine()
	if err != nil {
		return err
	}
	x := e.Explain(authz.Request{
		Actor:        strongroom.Actor{Kind: strongroom.ActorKind(p.Kind), ID: "svc_example", Roles: p.Role, Stores: p.Stores, AllStores: len(p.Stores) == 0},
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
