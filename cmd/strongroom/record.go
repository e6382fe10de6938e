package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

type recordView struct {
	ID         string          `json:"id"`
	Store      string          `json:"store,omitempty"`
	ExternalID string          `json:"external_id"`
	State      string          `json:"state"`
	Kind       string          `json:"kind"`
	Origin     json.RawMessage `json:"origin,omitempty"`
	Clock      struct {
		Anchor string `json:"anchor"`
		At     string `json:"at"`
	} `json:"clock"`
	ExpiresAt string `json:"expires_at"`
	Version   int    `json:"version"`
}

func recordTable(g *globals, all []recordView) error {
	rows := make([][]string, len(all))
	for i, r := range all {
		if r.State == "damaged" {
			rows[i] = []string{r.ID, "damaged", "", "its row was changed in the database", ""}
			continue
		}
		rows[i] = []string{r.ID, r.Kind, r.ExternalID, r.Clock.Anchor + " " + r.Clock.At, r.ExpiresAt}
	}
	return table(g.out, "ID\tKIND\tEXTERNAL ID\tCLOCK\tERASE BY", rows)
}

type recordCmd struct {
	List recordListCmd `cmd:"" help:"List a store's records."`
	Show recordShowCmd `cmd:"" help:"Show a record, tokenised."`
}

type recordListCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Kind  string `help:"Only this kind: order, customer, fulfilment or store."`
	paged
}

// paged are the flags of every command that shows one page of a long list.
type paged struct {
	Limit  int    `default:"50" help:"Lines a page, at most 200."`
	Cursor string `help:"Go on after this page, as the page before says."`
}

// more tells a person how to see the next page.
func (p *paged) more(g *globals, next string) {
	if next != "" {
		fmt.Fprintf(g.errs, "more: --cursor %s\n", next)
	}
}

func (r *recordListCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		q := url.Values{"limit": {fmt.Sprint(r.Limit)}}
		if r.Kind != "" {
			q.Set("kind", r.Kind)
		}
		if r.Cursor != "" {
			q.Set("cursor", r.Cursor)
		}
		path := "/v1/stores/" + url.PathEscape(r.Store) + "/records"
		if r.JSON {
			return c.raw(g.ctx, g.out, http.MethodGet, path, q, nil)
		}
		var page listing
		if err := c.call(g.ctx, http.MethodGet, path, q, nil, &page); err != nil {
			return err
		}
		if err := recordTable(g, page.Records); err != nil {
			return err
		}
		r.more(g, page.Next)
		return nil
	})
}

type recordShowCmd struct {
	instance
	scripted
	Store  string `arg:"" help:"Id of the store."`
	Record string `arg:"" help:"Id of the record."`
}

func (r *recordShowCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		return c.raw(g.ctx, g.out, http.MethodGet, recordPath(r.Store, r.Record), nil, nil)
	})
}

func recordPath(store, record string) string {
	return "/v1/stores/" + url.PathEscape(store) + "/records/" + url.PathEscape(record)
}

type revealCmd struct {
	instance
	scripted
	Purpose   string   `required:"" help:"fulfilment, tax, invoice, legal_duty or subject_request."`
	Reference string   `required:"" help:"Order or case this is for."`
	Store     string   `help:"Id of the record's store."`
	Record    string   `help:"Id of the record to open."`
	Fields    []string `help:"Open only these fields (shippingAddress.phone) or classes (email)."`
	Tokens    []string `arg:"" optional:"" help:"Tokens to open."`

	Find map[string]string `placeholder:"WHAT=VALUE" help:"Open the records that one exact value finds: email, phone, name, postal_code, national_id or external_id; store=str_… narrows it down."`
}

// Help shows examples below the flags.
func (r *revealCmd) Help() string {
	return `Examples:
  strongroom reveal --data DIR --purpose fulfilment --reference 1047 --store str_… --record rec_…
  strongroom reveal --data DIR --purpose fulfilment --reference 1047 --store str_… --record rec_… --fields shippingAddress.phone
  strongroom reveal --data DIR --purpose fulfilment --reference 1047 srt_… srt_…
  strongroom reveal --data DIR --purpose fulfilment --reference 1047 --find email=jana.novak@example.com

Prints JSON, with or without --json.`
}

func (r *revealCmd) Run(g *globals) error {
	ways := 0
	for _, given := range []bool{r.Record != "", len(r.Tokens) > 0, len(r.Find) > 0} {
		if given {
			ways++
		}
	}
	if ways != 1 || r.Record != "" && r.Store == "" {
		return fmt.Errorf("%w: give either --store and --record, or --find, or tokens", errUsage)
	}
	return r.with(g, func(c *client) error {
		in := map[string]any{"purpose": r.Purpose, "reference": r.Reference}
		if len(r.Find) > 0 {
			in["find"] = r.Find
			return c.raw(g.ctx, g.out, http.MethodPost, "/v1/reveal", nil, in)
		}
		if r.Record == "" {
			in["tokens"] = r.Tokens
			return c.raw(g.ctx, g.out, http.MethodPost, "/v1/reveal", nil, in)
		}
		if len(r.Fields) > 0 {
			in["fields"] = r.Fields
		}
		return c.raw(g.ctx, g.out, http.MethodPost, recordPath(r.Store, r.Record)+"/reveal", nil, in)
	})
}

type findCmd struct {
	instance
	scripted
	Store      string `help:"Only this store; default: all you may see."`
	Email      string `help:"E-mail address, in any case, with or without plus-tag; - reads it from standard input."`
	Phone      string `help:"Phone number in any format."`
	Name       string `help:"Full name, either order."`
	PostalCode string `help:"Postal code."`
	NationalID string `name:"national-id" help:"National or tax id."`
	ExternalID string `name:"external-id" help:"The platform's id of the record."`
	paged
}

func (f *findCmd) Run(g *globals) error {
	in := map[string]any{"limit": f.Limit}
	for k, v := range map[string]string{"store": f.Store, "email": f.Email, "phone": f.Phone, "name": f.Name,
		"postal_code": f.PostalCode, "national_id": f.NationalID, "external_id": f.ExternalID, "cursor": f.Cursor} {
		if v == "-" {
			text, err := readInput(g, "-", 4096)
			if err != nil {
				return err
			}
			v = text
		}
		if v != "" {
			in[k] = v
		}
	}
	return f.with(g, func(c *client) error {
		if f.JSON {
			return c.raw(g.ctx, g.out, http.MethodPost, "/v1/find", nil, in)
		}
		var page listing
		if err := c.call(g.ctx, http.MethodPost, "/v1/find", nil, in, &page); err != nil {
			return err
		}
		if err := recordTable(g, page.Records); err != nil {
			return err
		}
		f.more(g, page.Next)
		return nil
	})
}

type eraseCmd struct {
	instance
	scripted
	Store     string   `arg:"" help:"Id of the store."`
	Records   []string `arg:"" help:"Ids of the records."`
	Reason    string   `default:"request" help:"Why: request, notice or error."`
	Reference string   `help:"Case this is for."`
	Yes       bool     `help:"Do not ask."`
}

func (e *eraseCmd) Run(g *globals) error {
	if !e.Yes && !confirm(g, fmt.Sprintf("This erases %d records for good. Type yes to go on: ", len(e.Records))) {
		return errUnconfirmed()
	}
	in := map[string]any{"store": e.Store, "records": e.Records, "reason": e.Reason}
	if e.Reference != "" {
		in["reference"] = e.Reference
	}
	return e.with(g, func(c *client) error {
		var answer map[string]any
		if err := c.call(g.ctx, http.MethodPost, "/v1/erase", nil, in, &answer); err != nil {
			return err
		}
		if e.JSON {
			return printJSON(g.out, answer)
		}
		fmt.Fprintf(g.out, "erased %v; unreadable in every copy after the next epoch roll (strongroom epoch roll)\n", strings.TrimSuffix(fmt.Sprint(answer["erased"]), ".0"))
		if failed, _ := answer["failed"].([]any); len(failed) > 0 {
			fmt.Fprintf(g.out, "not erased, because nothing proves whose they are: %v; run strongroom doctor\n", failed)
		}
		return nil
	})
}
