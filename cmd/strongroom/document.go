package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
)

type documentCmd struct {
	List documentListCmd `cmd:"" help:"List the files that came back by routes; what is in them is not shown."`
	Link documentLinkCmd `cmd:"" help:"Make a code by which one person opens a document: once, within 15 minutes."`
	Open documentOpenCmd `cmd:"" help:"Open a document by a code that was made for you."`
}

type documentView struct {
	ID     string `json:"id"`
	Store  string `json:"store"`
	Record string `json:"record"`
	Type   string `json:"type"`
	Bytes  int64  `json:"bytes"`
	At     string `json:"at"`
	Route  string `json:"route"`
	Author string `json:"author"`
}

type documentListCmd struct {
	instance
	scripted
	Store  string `arg:"" help:"Id of the store."`
	Record string `placeholder:"REC" help:"Only those of this record."`
}

func (d *documentListCmd) Run(g *globals) error {
	return d.with(g, func(c *client) error {
		list := []documentView{}
		q := url.Values{}
		if d.Record != "" {
			q.Set("record", d.Record)
		}
		for {
			var page struct {
				Documents []documentView `json:"documents"`
				Next      string         `json:"next_cursor"`
			}
			if err := c.call(g.ctx, http.MethodGet, "/v1/stores/"+url.PathEscape(d.Store)+"/documents", q, nil, &page); err != nil {
				return err
			}
			list = append(list, page.Documents...)
			if page.Next == "" {
				break
			}
			q.Set("cursor", page.Next)
		}
		if d.JSON {
			return printJSON(g.out, list)
		}
		w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
		for _, v := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d bytes\t%s\n", v.ID, v.Record, v.Type, v.Bytes, v.At)
		}
		return w.Flush()
	})
}

type documentLinkCmd struct {
	instance
	scripted
	Document  string `arg:"" help:"Id of the document."`
	Person    string `required:"" placeholder:"USR" help:"Id of who is to open it."`
	Purpose   string `default:"fulfilment" help:"What for, as of a reveal."`
	Reference string `required:"" help:"The order or case it is for."`
}

func (d *documentLinkCmd) Run(g *globals) error {
	return d.with(g, func(c *client) error {
		var out struct {
			Code  string `json:"code"`
			Until string `json:"expires_at"`
		}
		in := map[string]string{"person": d.Person, "purpose": d.Purpose, "reference": d.Reference}
		if err := c.call(g.ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(d.Document)+"/links", nil, in, &out); err != nil {
			return err
		}
		if d.JSON {
			return printJSON(g.out, out)
		}
		fmt.Fprintln(g.out, out.Code)
		fmt.Fprintf(g.errs, "good once, until %s; give it to that person and to nobody else\n", out.Until)
		return nil
	})
}

type documentOpenCmd struct {
	instance
	Out string `arg:"" type:"path" help:"File to write; one that is there is left alone."`
}

// Run writes the document before it asks for it: a file that cannot be made must not use
// the code up.
func (d *documentOpenCmd) Run(g *globals) (err error) {
	f, err := os.OpenFile(d.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name a new file", d.Out)
	}
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(d.Out)) // nothing half is left
		}
	}()
	return d.with(g, func(c *client) error {
		code, err := readSecret(g, "code of the document")
		if err != nil {
			return err
		}
		var out struct {
			Body []byte `json:"body"`
		}
		if err := c.call(g.ctx, http.MethodPost, "/v1/documents/open", nil, map[string]string{"code": code}, &out); err != nil {
			return err
		}
		if _, err := f.Write(out.Body); err != nil {
			return err
		}
		return f.Sync()
	})
}
