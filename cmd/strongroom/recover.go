package main

import (
	"fmt"
	"net/http"

	"strongroom"
)

type personRecoverCmd struct {
	instance
	scripted
	Address string `arg:"" optional:"" help:"Address of the owner; without it, list recoveries under way."`
	Cancel  string `help:"Call the recovery of an account off, by its id." placeholder:"ID"`
}

type recoveryView struct {
	Person  string `json:"person"`
	Asked   string `json:"asked_at"`
	Due     string `json:"due_at"`
	Until   string `json:"until"`
	Link    string `json:"link"`
	Expires string `json:"expires_at"`
}

func (p *personRecoverCmd) Run(g *globals) error {
	const path = "/v1/recoveries"
	switch {
	case p.Address != "" && p.Cancel != "":
		return strongroom.Faultf(strongroom.Invalid, "arguments", "a recovery is asked for or called off, not both")
	case p.Cancel != "":
		return p.tell(g, http.MethodDelete, path+"/"+escape(p.Cancel), nil)
	case p.Address == "":
		return list(&p.instance, g, p.scripted, path, "recoveries", nil, "ACCOUNT\tASKED\tDUE\tUNTIL", func(x recoveryView) []string {
			return []string{x.Person, x.Asked, x.Due, x.Until}
		})
	}
	return act(&p.instance, g, p.scripted, http.MethodPost, path, nil, map[string]string{"email": p.Address}, func(x recoveryView) error {
		if x.Link != "" {
			return printLink(g)(linkView{x.Link, x.Expires})
		}
		fmt.Fprintf(g.out, "the recovery of %s is under way; call again from %s until %s\n", x.Person, x.Due, x.Until)
		return nil
	})
}
