package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

type erasureView struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	Scope       string   `json:"scope"`
	Source      string   `json:"source"`
	State       string   `json:"state"`
	Waits       []string `json:"waits,omitempty"`
	Stores      []string `json:"stores"`
	Reference   string   `json:"reference,omitempty"`
	Received    string   `json:"received_at"`
	Issued      string   `json:"issued_at"`
	DeleteBy    string   `json:"delete_by"`
	GoneBy      string   `json:"no_live_instance_by,omitempty"`
	EraseAt     string   `json:"erase_at,omitempty"`
	Erased      string   `json:"erased_at,omitempty"`
	Closed      string   `json:"closed_at,omitempty"`
	ClosedFor   string   `json:"dismissed_for,omitempty"`
	Case        string   `json:"case,omitempty"`
	Records     int64    `json:"records"`
	Failed      int64    `json:"failed,omitempty"`
	Proof       int64    `json:"proof,omitempty"`
	Certificate bool     `json:"certificate_requested"`
	CopiesDead  bool     `json:"copies_unreadable"`
	Overdue     bool     `json:"overdue"`
}

// stand says in short where a request stands.
func (e *erasureView) stand() string {
	s := e.State
	if len(e.Waits) > 0 {
		s += " (" + strings.Join(e.Waits, ", ") + ")"
	}
	if e.Overdue {
		s += " OVERDUE"
	}
	return s
}

// print shows a request to a person, or to a script.
func (e *erasureView) print(g *globals, s scripted) error {
	if s.JSON {
		return printJSON(g.out, e)
	}
	rows := [][]string{{"asks for", e.Kind + " of a " + e.Scope}, {"came from", e.Source}, {"state", e.stand()}, {"stores", strings.Join(e.Stores, ", ")}}
	for _, r := range [][2]string{
		{"reference", e.Reference}, {"received", e.Received}, {"issued", e.Issued}, {"delete by", e.DeleteBy}, {"no live instance by", e.GoneBy},
		{"erased", e.Erased}, {"case", e.Case}, {"dismissed as", e.ClosedFor},
	} {
		if r[1] != "" {
			rows = append(rows, []string{r[0], r[1]})
		}
	}
	if e.Erased != "" {
		copies := "older copies of the database still open it, until the next epoch roll is complete"
		if e.CopiesDead {
			copies = "no older copy of the database opens it"
		}
		rows = append(rows, []string{"records", strconv.FormatInt(e.Records, 10)}, []string{"copies", copies})
	}
	if e.Certificate {
		rows = append(rows, []string{"certificate", "is asked for"})
	}
	return table(g.out, "REQUEST\t"+e.ID, rows)
}

type erasureCmd struct {
	Open    erasureOpenCmd    `cmd:"" help:"Open a request that came by mouth, letter or mail."`
	List    erasureListCmd    `cmd:"" help:"List what was asked for, with its dates."`
	Show    erasureShowCmd    `cmd:"" help:"Show one request."`
	Records erasureRecordsCmd `cmd:"" help:"List the live records a request is about."`
	Assign  erasureAssignCmd  `cmd:"" help:"Say which store a waiting request is about."`
	Confirm erasureConfirmCmd `cmd:"" help:"Have a waiting request done as it stands."`
	Dismiss erasureDismissCmd `cmd:"" help:"End a waiting request without doing it."`
}

type erasureOpenCmd struct {
	instance
	scripted
	Store     string   `arg:"" help:"Id of the store it is about."`
	Kind      string   `default:"erasure" enum:"erasure,access" help:"erasure, or access for a shopper who asks what is held."`
	Whole     bool     `help:"Everything of the store: records, keys and credentials."`
	Order     []string `help:"The platform's id of an order; may be repeated."`
	Customer  string   `help:"The platform's id of the shopper."`
	Email     string   `help:"E-mail address of the shopper."`
	Phone     string   `help:"Telephone number with its country; counts where nothing better is given."`
	National  string   `name:"national-id" help:"Number of an identity document."`
	Reference string   `help:"Number of the letter it came by."`
}

// Help shows examples below the flags.
func (e *erasureOpenCmd) Help() string {
	return `Erasing begins at once. An erasure takes every record that states what is the shopper's own.

Examples:
  strongroom erasure open str_… --email jana@example.com --reference letter-12 --data DIR
  strongroom erasure open str_… --order 5001 --order 5002 --data DIR
  strongroom erasure open str_… --kind access --customer 77 --data DIR`
}

func (e *erasureOpenCmd) Run(g *globals) error {
	in := map[string]any{"store": e.Store, "kind": e.Kind}
	if e.Whole {
		in["whole_store"] = true
	}
	if len(e.Order) > 0 {
		in["orders"] = e.Order
	}
	for k, v := range map[string]string{"customer": e.Customer, "email": e.Email, "phone": e.Phone, "national_id": e.National, "reference": e.Reference} {
		if v != "" {
			in[k] = v
		}
	}
	return e.with(g, func(c *client) error {
		var v erasureView
		if err := c.call(g.ctx, http.MethodPost, "/v1/erasures", nil, in, &v); err != nil {
			return err
		}
		if e.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		fmt.Fprintf(g.errs, "%s, due %s\n", v.State, v.DeleteBy)
		return nil
	})
}

type erasureListCmd struct {
	instance
	scripted
	Open bool `help:"Only those that are not over."`
}

func (e *erasureListCmd) Run(g *globals) error {
	return e.with(g, func(c *client) error {
		q, all := url.Values{}, []erasureView{}
		if e.Open {
			q.Set("open", "true")
		}
		err := c.pages(g, "/v1/erasures", q, func(page *listing) error {
			all = append(all, page.Erasures...)
			return nil
		})
		if err != nil {
			return err
		}
		if e.JSON {
			return printJSON(g.out, all)
		}
		rows := make([][]string, len(all))
		for i, v := range all {
			rows[i] = []string{v.ID, v.Kind, v.Scope, v.Source, v.stand(), v.DeleteBy, v.GoneBy, v.Reference}
		}
		return table(g.out, "ID\tKIND\tSCOPE\tSOURCE\tSTATE\tDELETE BY\tGONE BY\tREFERENCE", rows)
	})
}

type erasureShowCmd struct {
	instance
	scripted
	Request string `arg:"" help:"Id of the request."`
}

func (e *erasureShowCmd) Run(g *globals) error {
	return e.aboutErasure(g, e.scripted, http.MethodGet, e.Request, "", nil)
}

type erasureRecordsCmd struct {
	instance
	Request string `arg:"" help:"Id of the request."`
}

func (e *erasureRecordsCmd) Run(g *globals) error {
	return e.with(g, func(c *client) error {
		var out struct {
			Records []string `json:"records"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/erasures/"+url.PathEscape(e.Request)+"/records", nil, nil, &out); err != nil {
			return err
		}
		for _, id := range out.Records {
			fmt.Fprintln(g.out, id)
		}
		return nil
	})
}

type erasureAssignCmd struct {
	instance
	scripted
	Request string `arg:"" help:"Id of the request."`
	Store   string `arg:"" help:"Id of the store that the shop is."`
}

func (e *erasureAssignCmd) Run(g *globals) error {
	return e.aboutErasure(g, e.scripted, http.MethodPost, e.Request, "/assign", map[string]string{"store": e.Store})
}

type erasureConfirmCmd struct {
	instance
	scripted
	Request string `arg:"" help:"Id of the request."`
	Whole   bool   `name:"whole-store" help:"What was unclear covers the whole store."`
}

func (e *erasureConfirmCmd) Run(g *globals) error {
	return e.aboutErasure(g, e.scripted, http.MethodPost, e.Request, "/confirm", map[string]bool{"whole_store": e.Whole})
}

type erasureDismissCmd struct {
	instance
	scripted
	Request string `arg:"" help:"Id of the request."`
	Reason  string `required:"" enum:"mistaken,duplicate,not_held" help:"mistaken, duplicate or not_held."`
}

func (e *erasureDismissCmd) Run(g *globals) error {
	return e.aboutErasure(g, e.scripted, http.MethodPost, e.Request, "/dismiss", map[string]string{"reason": e.Reason})
}

// aboutErasure makes a call about one request and prints it as it is then.
func (i *instance) aboutErasure(g *globals, s scripted, method, id, verb string, in any) error {
	return i.with(g, func(c *client) error {
		var v erasureView
		if err := c.call(g.ctx, method, "/v1/erasures/"+url.PathEscape(id)+verb, nil, in, &v); err != nil {
			return err
		}
		return v.print(g, s)
	})
}

// decodeOne reads one JSON value.
func decodeOne(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }
