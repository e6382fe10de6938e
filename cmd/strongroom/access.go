package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// requestView is a case: what somebody asked for and what became of it.
type requestView struct {
	ID      string   `json:"id"`
	State   string   `json:"state"`
	Kind    string   `json:"kind"`
	Asker   string   `json:"asker"`
	Subject string   `json:"subject"`
	Roles   []string `json:"roles"`
	Asked   string   `json:"asked_at"`
	Ends    string   `json:"ends_at"`
	Decider string   `json:"decider"`
	Made    []string `json:"made"`
}

// ask puts in a request.
func ask(i *instance, g *globals, s scripted, in map[string]any) error {
	return act(i, g, s, http.MethodPost, "/v1/requests", nil, in, func(x requestView) error {
		fmt.Fprintln(g.out, x.ID)
		fmt.Fprintf(g.errs, "another person decides until %s: strongroom request approve %s\n", x.Ends, x.ID)
		return nil
	})
}

type requestCmd struct {
	Open     requestOpenCmd     `cmd:"" help:"Ask to open records of a store for a while."`
	Glass    requestGlassCmd    `cmd:"" help:"Ask to break the glass: the same when nobody can wait."`
	List     requestListCmd     `cmd:"" help:"List requests."`
	Show     requestShowCmd     `cmd:"" help:"Show one with all it says."`
	Approve  requestApproveCmd  `cmd:"" help:"Make what somebody else asks for."`
	Refuse   requestRefuseCmd   `cmd:"" help:"Say no to what somebody else asks for."`
	Withdraw requestWithdrawCmd `cmd:"" help:"Take a request back."`
	Break    requestBreakCmd    `cmd:"" help:"Break the glass you asked for, alone, once the delay is over."`
}

// opening says what shall be opened.
type opening struct {
	instance
	scripted
	Store     string   `arg:"" help:"Id of the store."`
	Purpose   string   `required:"" help:"fulfilment, tax, invoice, legal_duty or subject_request."`
	Reference string   `help:"The order or case it is for."`
	Class     []string `help:"Classes of fields, such as phone; default: all."`
	Reason    string   `required:"" help:"Why, in a sentence without personal data."`
}

func (o *opening) ask(g *globals, kind string, life time.Duration) error {
	right := map[string]any{"store": o.Store, "purpose": o.Purpose, "reference": o.Reference, "classes": o.Class}
	if life > 0 {
		right["duration_seconds"] = int64(life / time.Second)
	}
	return ask(&o.instance, g, o.scripted, map[string]any{"kind": kind, "reason": o.Reason, "right": right})
}

type requestOpenCmd struct {
	opening
	For time.Duration `default:"1h" help:"How long, at most 8h."`
}

func (r *requestOpenCmd) Run(g *globals) error { return r.ask(g, "elevation", r.For) }

type requestGlassCmd struct{ opening }

func (r *requestGlassCmd) Run(g *globals) error { return r.ask(g, "break-glass", 0) }

type requestListCmd struct {
	instance
	scripted
	State string `help:"open, approved, refused, withdrawn or expired; default: all."`
	Own   bool   `help:"Those you have asked for, or that are about you."`
}

func (r *requestListCmd) Run(g *globals) error {
	q := queryOf("state", r.State)
	if r.Own {
		q.Set("own", "true")
	}
	return list(&r.instance, g, r.scripted, "/v1/requests", "requests", q, "ID\tSTATE\tKIND\tASKED BY\tABOUT\tROLES\tASKED\tDECIDED BY", func(x requestView) []string {
		return []string{x.ID, x.State, x.Kind, x.Asker, x.Subject, strings.Join(x.Roles, ","), x.Asked, x.Decider}
	})
}

// onRequest is the flags and argument of what is done to one request.
type onRequest struct {
	instance
	scripted
	Request string `arg:"" help:"Id of the request."`
}

func (r *onRequest) do(g *globals, verb string, in any) error {
	return act(&r.instance, g, r.scripted, http.MethodPost, "/v1/requests/"+escape(r.Request)+"/"+verb, nil, in, func(x requestView) error {
		_, err := fmt.Fprintln(g.out, strings.TrimSpace(x.State+" "+strings.Join(x.Made, " ")))
		return err
	})
}

type requestShowCmd struct {
	instance
	Request string `arg:"" help:"Id of the request."`
}

func (r *requestShowCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		return c.raw(g.ctx, g.out, http.MethodGet, "/v1/requests/"+escape(r.Request), nil, nil)
	})
}

type requestApproveCmd struct {
	onRequest
	Remark string `help:"A word about it, without personal data."`
}

func (r *requestApproveCmd) Run(g *globals) error {
	return r.do(g, "approve", map[string]string{"remark": r.Remark})
}

type requestRefuseCmd struct {
	onRequest
	Remark string `help:"A word about it, without personal data."`
}

func (r *requestRefuseCmd) Run(g *globals) error {
	return r.do(g, "refuse", map[string]string{"remark": r.Remark})
}

type requestWithdrawCmd struct{ onRequest }

func (r *requestWithdrawCmd) Run(g *globals) error { return r.do(g, "withdraw", nil) }

type requestBreakCmd struct{ onRequest }

func (r *requestBreakCmd) Run(g *globals) error { return r.do(g, "break", nil) }

type roleCmd struct {
	Ask roleAskCmd `cmd:"" help:"Ask for roles for a person; another person approves."`
}

type roleAskCmd struct {
	instance
	scripted
	Person  string   `arg:"" help:"Id of the person."`
	Role    []string `required:"" help:"owner, operator, privacy, security or auditor."`
	Store   []string `help:"Ids of the stores they count at."`
	All     bool     `name:"all-stores" help:"All stores, in the place of --store."`
	Replace bool     `help:"In the place of all that the person has."`
	Reason  string   `required:"" help:"Why, in a sentence without personal data."`
}

func (r *roleAskCmd) Run(g *globals) error {
	return ask(&r.instance, g, r.scripted, map[string]any{
		"kind": "role", "subject": r.Person, "reason": r.Reason, "roles": r.Role, "stores": r.Store, "all_stores": r.All, "replace": r.Replace,
	})
}

type grantCmd struct {
	List   grantListCmd   `cmd:"" help:"List grants: who has which right, and by which case."`
	Revoke grantRevokeCmd `cmd:"" help:"End a grant at once."`
}

type grantView struct {
	ID      string   `json:"id"`
	State   string   `json:"state"`
	Subject string   `json:"subject"`
	Role    string   `json:"role"`
	Stores  []string `json:"stores"`
	All     bool     `json:"all_stores"`
	Request string   `json:"request"`
	Until   string   `json:"until"`
	Right   *struct {
		Store   string `json:"store"`
		Purpose string `json:"purpose"`
	} `json:"right"`
}

type grantListCmd struct {
	instance
	scripted
	Person string `help:"Those of one person, over or not."`
	Live   bool   `help:"Those that nobody ended."`
}

func (l *grantListCmd) Run(g *globals) error {
	q := queryOf("person", l.Person)
	if l.Live {
		q.Set("live", "true")
	}
	return list(&l.instance, g, l.scripted, "/v1/grants", "grants", q, "ID\tSTATE\tPERSON\tRIGHT\tSTORES\tUNTIL\tCASE", func(x grantView) []string {
		right, stores := x.Role, strings.Join(x.Stores, ",")
		if x.Right != nil {
			right, stores = x.Right.Purpose, x.Right.Store
		}
		if x.All {
			stores = "all"
		}
		return []string{x.ID, x.State, x.Subject, right, stores, x.Until, x.Request}
	})
}

type grantRevokeCmd struct {
	instance
	Grant string `arg:"" help:"Id of the grant."`
}

func (r *grantRevokeCmd) Run(g *globals) error {
	return r.tell(g, http.MethodDelete, "/v1/grants/"+escape(r.Grant), nil)
}
