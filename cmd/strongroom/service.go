package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

type serviceCmd struct {
	Ask      serviceAskCmd      `cmd:"" help:"Ask for a service account; its owner takes the key by: strongroom key rotate."`
	Findings serviceFindingsCmd `cmd:"" help:"List services that nobody owns or uses, or whose key is too old."`
	Adopt    serviceAdoptCmd    `cmd:"" help:"Give a service an owner, or hand it over."`
	Suspend  serviceSuspendCmd  `cmd:"" help:"Have a service refused until it is resumed."`
	Resume   serviceResumeCmd   `cmd:"" help:"Let a suspended service go on."`
}

type serviceAskCmd struct {
	instance
	scripted
	Label   string   `arg:"" help:"Name of the service, such as label-printer."`
	Owner   string   `required:"" help:"Id of the person who answers for it."`
	Purpose string   `required:"" help:"What it is there for, such as labels."`
	Role    []string `required:"" help:"application, operator, privacy, security, auditor, or provisioner for a directory."`
	Store   []string `help:"Ids of the stores it may touch."`
	All     bool     `name:"all-stores" help:"All stores, in the place of --store."`
	Network []string `help:"Networks it may call from, such as 10.0.0.0/8; default: any."`
	Rotate  string   `default:"90d" help:"How long a key of it is used at most."`
	Reason  string   `required:"" help:"Why, in a sentence without personal data."`
}

func (s *serviceAskCmd) Run(g *globals) error {
	every, err := parseDays(s.Rotate)
	if err != nil {
		return err
	}
	return ask(&s.instance, g, s.scripted, map[string]any{"kind": "service", "reason": s.Reason, "service": map[string]any{
		"label": s.Label, "owner": s.Owner, "purpose": s.Purpose, "roles": s.Role, "stores": s.Store, "all_stores": s.All,
		"networks": s.Network, "rotate_every_seconds": int64(every / time.Second),
	}})
}

type serviceFindingsCmd struct {
	instance
	scripted
}

type serviceFinding struct {
	Service string   `json:"service"`
	Owner   string   `json:"owner"`
	Flaws   []string `json:"flaws"`
	Ends    string   `json:"ends_at"`
}

func (s *serviceFindingsCmd) Run(g *globals) error {
	return list(&s.instance, g, s.scripted, "/v1/services/findings", "findings", nil, "SERVICE\tOWNER\tFLAWS\tENDS", func(x serviceFinding) []string {
		return []string{x.Service, x.Owner, strings.Join(x.Flaws, ","), x.Ends}
	})
}

// onService is the flags and argument of what is done to one service.
type onService struct {
	instance
	scripted
	Service string `arg:"" help:"Id of the service."`
}

func (s *onService) do(g *globals, verb string, in any) error {
	return act(&s.instance, g, s.scripted, http.MethodPost, "/v1/services/"+escape(s.Service)+"/"+verb, nil, in, func(x keyView) error {
		_, err := fmt.Fprintf(g.out, "%s, ends %s\n", x.ID, x.Expires)
		return err
	})
}

type serviceAdoptCmd struct {
	onService
	Owner   string `required:"" help:"Id of the person who answers for it."`
	Purpose string `help:"What it is there for; default: as it is."`
}

func (s *serviceAdoptCmd) Run(g *globals) error {
	return s.do(g, "adopt", map[string]string{"owner": s.Owner, "purpose": s.Purpose})
}

type serviceSuspendCmd struct{ onService }

func (s *serviceSuspendCmd) Run(g *globals) error { return s.do(g, "suspend", nil) }

type serviceResumeCmd struct{ onService }

func (s *serviceResumeCmd) Run(g *globals) error { return s.do(g, "resume", nil) }

type networkCmd struct {
	List   networkListCmd   `cmd:"" help:"List the network rules."`
	Allow  networkAllowCmd  `cmd:"" help:"Let calls come from a network; those from elsewhere are refused from then on."`
	Deny   networkDenyCmd   `cmd:"" help:"Refuse calls from a network."`
	Remove networkRemoveCmd `cmd:"" help:"Remove a rule."`
}

type ruleView struct {
	ID        string `json:"id,omitempty"`
	Listener  string `json:"listener,omitempty"`
	Principal string `json:"principal,omitempty"`
	Deny      bool   `json:"deny,omitempty"`
	Network   string `json:"network"`
}

type networkListCmd struct {
	instance
	scripted
}

func (n *networkListCmd) Run(g *globals) error {
	return list(&n.instance, g, n.scripted, "/v1/networks", "rules", nil, "ID\tRULE\tNETWORK\tLISTENER\tFOR", func(x ruleView) []string {
		rule := "allow"
		if x.Deny {
			rule = "deny"
		}
		return []string{x.ID, rule, x.Network, x.Listener, x.Principal}
	})
}

// onNetwork is the flags and argument of a new rule.
type onNetwork struct {
	instance
	Network  string `arg:"" help:"Address with prefix length, such as 192.0.2.0/24."`
	Listener string `help:"api, console or scim; default: each."`
	For      string `help:"Id of a person or service; default: everybody."`
}

func (n *onNetwork) add(g *globals, deny bool) error {
	return n.tell(g, http.MethodPost, "/v1/networks", map[string]any{"add": []ruleView{{Listener: n.Listener, Principal: n.For, Deny: deny, Network: n.Network}}})
}

type networkAllowCmd struct{ onNetwork }

func (n *networkAllowCmd) Run(g *globals) error { return n.add(g, false) }

type networkDenyCmd struct{ onNetwork }

func (n *networkDenyCmd) Run(g *globals) error { return n.add(g, true) }

type networkRemoveCmd struct {
	instance
	Rule string `arg:"" help:"Id of the rule."`
}

func (n *networkRemoveCmd) Run(g *globals) error {
	return n.tell(g, http.MethodPost, "/v1/networks", map[string]any{"remove": []string{n.Rule}})
}
