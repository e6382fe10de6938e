package main

import (
	"fmt"
	"net/http"
	"net/url"
)

type fieldsCmd struct {
	List     fieldsListCmd     `cmd:"" help:"List unknown fields, by the path of known keys."`
	Classify fieldsClassifyCmd `cmd:"" help:"Say what a field is; a change to personal re-seals stored records by a job."`
}

type fieldView struct {
	ID       string `json:"id"`
	Store    string `json:"store"`
	Resource string `json:"resource"`
	Version  string `json:"version"`
	Platform string `json:"platform"`
	Path     string `json:"path"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Why      string `json:"why"`
	Count    int64  `json:"count"`
	First    string `json:"first_at"`
	Last     string `json:"last_at"`
	As       string `json:"as"`
}

func fieldTable(g *globals, all []fieldView) error {
	rows := make([][]string, len(all))
	for i, x := range all {
		rows[i] = []string{x.ID, x.Resource, x.Path, x.Name, x.Type, fmt.Sprint(x.Count), x.As}
	}
	return table(g.out, "ID\tRESOURCE\tPATH\tNAME\tTYPE\tCOUNT\tDECIDED", rows)
}

type fieldsListCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Names bool   `help:"Show the real names of the keys as well, which may be personal."`
}

func (f *fieldsListCmd) Run(g *globals) error {
	return f.with(g, func(c *client) error {
		q := url.Values{"store": {f.Store}}
		if f.Names {
			q.Set("names", "true")
		}
		all := []fieldView{}
		err := c.pages(g, "/v1/fields", q, func(page *listing) error {
			all = append(all, page.Fields...)
			return nil
		})
		if err != nil {
			return err
		}
		if f.JSON {
			return printJSON(g.out, all)
		}
		return fieldTable(g, all)
	})
}

type fieldsClassifyCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Field string `arg:"" help:"Id of the field, from: strongroom fields list."`
	As    string `arg:"" help:"clear, or the class of the value: email, phone, name, text, payment, …"`
}

func (f *fieldsClassifyCmd) Run(g *globals) error {
	return f.with(g, func(c *client) error {
		in := map[string]string{"store": f.Store, "field": f.Field, "as": f.As}
		var answer struct {
			Field      fieldView `json:"field"`
			Job        string    `json:"job,omitempty"`
			ClearUntil string    `json:"clear_until,omitempty"`
		}
		if err := c.call(g.ctx, http.MethodPost, "/v1/fields/classify", nil, in, &answer); err != nil {
			return err
		}
		if f.JSON {
			return printJSON(g.out, answer)
		}
		if err := fieldTable(g, []fieldView{answer.Field}); err != nil {
			return err
		}
		if answer.Job != "" {
			fmt.Fprintf(g.errs, "stored records follow by %s\n", answer.Job)
		}
		if answer.ClearUntil != "" {
			fmt.Fprintf(g.errs, "older copies of the database hold it in clear until %s\n", answer.ClearUntil)
		}
		return nil
	})
}
