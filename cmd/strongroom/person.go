package main

import (
	"fmt"
	"net/http"
	"net/url"

	"strongroom"
)

// escape makes a path segment of an argument.
func escape(s string) string { return url.PathEscape(s) }

// queryOf makes a query of names and values; empty values are left out.
func queryOf(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

type personCmd struct {
	Add     personAddCmd     `cmd:"" help:"Ask for an account for a person; another person approves."`
	Found   personFoundCmd   `cmd:"" help:"Make the first owner, where there is no account yet."`
	List    personListCmd    `cmd:"" help:"List people."`
	Show    personShowCmd    `cmd:"" help:"Show a person; without an id yourself, with what you sign in with."`
	Invite  personInviteCmd  `cmd:"" help:"Make a new link to enrol; the old one dies."`
	Suspend personSuspendCmd `cmd:"" help:"Keep a person from signing in; the sessions end."`
	Resume  personResumeCmd  `cmd:"" help:"Let a suspended person back in."`
	Reset   personResetCmd   `cmd:"" help:"Take password and factors away and make a link to enrol anew."`
	Recover personRecoverCmd `cmd:"" help:"Lead back in an only owner who lost all factors, after a day; or call it off."`
	Unlock  personUnlockCmd  `cmd:"" help:"Unlock an account after too many failed sign-ins."`
	End     personEndCmd     `cmd:"" help:"End an account for good, with all it could reach."`
	Leavers leaversCmd       `cmd:"" help:"Read a feed of leavers, show the proof of the 24 hours, probe."`
}

type personView struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	Employment string `json:"employment"`
	Reason     string `json:"reason"`
	Ends       string `json:"ends_at"`
}

type personAddCmd struct {
	instance
	scripted
	Name       string   `arg:"" help:"Full name."`
	Email      string   `required:"" help:"The person's own address."`
	Employment string   `default:"employee" enum:"employee,contractor,agency,intern" help:"employee, contractor, agency or intern."`
	Manager    string   `help:"Id of the person they report to."`
	Role       []string `required:"" help:"owner, operator, privacy, security or auditor."`
	Store      []string `help:"Ids of the stores the roles count at."`
	All        bool     `name:"all-stores" help:"All stores, in the place of --store."`
	Reason     string   `required:"" help:"Why, in a sentence without personal data."`
	Vouched    bool     `help:"The name is the person's own although it holds a word of a role."`
}

func (p *personAddCmd) Run(g *globals) error {
	return ask(&p.instance, g, p.scripted, map[string]any{
		"kind": "account", "reason": p.Reason, "roles": p.Role, "stores": p.Store, "all_stores": p.All,
		"person": map[string]any{"name": p.Name, "email": p.Email, "employment": p.Employment, "manager": p.Manager, "vouched": p.Vouched},
	})
}

type personFoundCmd struct {
	instance
	scripted
	Name  string `arg:"" help:"Full name."`
	Email string `required:"" help:"The person's own address."`
}

func (p *personFoundCmd) Run(g *globals) error {
	in := map[string]string{"name": p.Name, "email": p.Email}
	return act(&p.instance, g, p.scripted, http.MethodPost, "/v1/people", nil, in, printLink(g))
}

type personListCmd struct {
	instance
	scripted
	State string `help:"invited, active, suspended or ended; default: all."`
}

func (p *personListCmd) Run(g *globals) error {
	return list(&p.instance, g, p.scripted, "/v1/people", "people", queryOf("state", p.State), "ID\tSTATE\tNAME\tADDRESS\tEMPLOYMENT\tENDS",
		func(x personView) []string {
			return []string{x.ID, x.State, x.Name, x.Email, x.Employment, x.Ends}
		})
}

type personShowCmd struct {
	instance
	Person string `arg:"" optional:"" help:"Id of the person; default: yourself."`
}

func (p *personShowCmd) Run(g *globals) error {
	path := "/v1/account"
	if p.Person != "" {
		path = "/v1/people/" + escape(p.Person)
	}
	return p.with(g, func(c *client) error { return c.raw(g.ctx, g.out, http.MethodGet, path, nil, nil) })
}

type linkView struct {
	Link    string `json:"link"`
	Expires string `json:"expires_at"`
}

func printLink(g *globals) func(linkView) error {
	return func(x linkView) error {
		fmt.Fprintln(g.out, x.Link)
		fmt.Fprintf(g.errs, "the link above is shown once and ends %s\n", x.Expires)
		return nil
	}
}

// onPerson is the flags and argument of what is done to one person.
type onPerson struct {
	instance
	Person string `arg:"" help:"Id of the person."`
}

func (p *onPerson) path(verb string) string { return "/v1/people/" + escape(p.Person) + "/" + verb }

type personInviteCmd struct {
	onPerson
	scripted
}

func (p *personInviteCmd) Run(g *globals) error {
	return act(&p.instance, g, p.scripted, http.MethodPost, p.path("invite"), nil, nil, printLink(g))
}

type personSuspendCmd struct {
	onPerson
	Reason string `required:"" enum:"absence,incident,anomaly,dormant,lapse,request" help:"absence, incident, anomaly, dormant, lapse or request."`
}

func (p *personSuspendCmd) Run(g *globals) error {
	return p.tell(g, http.MethodPost, p.path("suspend"), map[string]string{"reason": p.Reason})
}

type personResumeCmd struct{ onPerson }

func (p *personResumeCmd) Run(g *globals) error {
	return p.tell(g, http.MethodPost, p.path("resume"), nil)
}

type personResetCmd struct {
	onPerson
	scripted
}

func (p *personResetCmd) Run(g *globals) error {
	return act(&p.instance, g, p.scripted, http.MethodPost, p.path("reset"), nil, nil, printLink(g))
}

type personUnlockCmd struct{ onPerson }

func (p *personUnlockCmd) Run(g *globals) error {
	return p.tell(g, http.MethodPost, p.path("unlock"), nil)
}

type personEndCmd struct {
	onPerson
	At  string `help:"When the reason to end came about, such as 2026-11-20T12:00:00Z; default: now."`
	Yes bool   `help:"Do not ask."`
}

func (p *personEndCmd) Run(g *globals) error {
	if !p.Yes && !confirm(g, "End the account for good, with its sessions, rights, services and devices? Type yes: ") {
		return strongroom.Faultf(strongroom.Conflict, "confirm", "nothing was changed")
	}
	if p.At == "" {
		return p.tell(g, http.MethodPost, p.path("end"), nil)
	}
	return p.tell(g, http.MethodPost, p.path("end"), map[string]string{"at": p.At})
}

type trainingCmd struct {
	Record trainingRecordCmd `cmd:"" help:"Record that a person was trained in data-protection or it-security."`
	Pledge trainingPledgeCmd `cmd:"" help:"Acknowledge a text: confidentiality or acceptable-use."`
}

type trainingRecordCmd struct {
	instance
	Topic   string `arg:"" help:"data-protection or it-security."`
	Version string `required:"" help:"Version of the training, such as 2026-1."`
	Person  string `help:"Id of the person; default: yourself."`
	At      string `help:"When it took place, such as 2026-11-20T12:00:00Z; default: now."`
	Proof   string `name:"reference" help:"What proves that it was completed, such as the number of a certificate."`
}

func (t *trainingRecordCmd) Run(g *globals) error {
	in := map[string]string{"topic": t.Topic, "version": t.Version}
	setIf(in, "person", t.Person)
	setIf(in, "at", t.At)
	setIf(in, "reference", t.Proof)
	return t.tell(g, http.MethodPost, "/v1/trainings", in)
}

type trainingPledgeCmd struct {
	instance
	Pledge  string `arg:"" help:"confidentiality or acceptable-use."`
	Version string `required:"" help:"Version of the text, such as 2026-1."`
	Person  string `help:"Id of the person; default: yourself."`
	Paper   string `name:"reference" help:"Of another's: the signed paper by the number it is filed under."`
	At      string `help:"When another signed it, such as 2026-11-20T12:00:00Z; default: now."`
}

func (t *trainingPledgeCmd) Run(g *globals) error {
	in := map[string]string{"pledge": t.Pledge, "version": t.Version}
	setIf(in, "person", t.Person)
	setIf(in, "reference", t.Paper)
	setIf(in, "at", t.At)
	return t.tell(g, http.MethodPost, "/v1/pledges", in)
}

func setIf(in map[string]string, key, value string) {
	if value != "" {
		in[key] = value
	}
}
