package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"
)

type messageCmd struct {
	List   messageListCmd   `cmd:"" help:"List the public keys to which answers are sealed."`
	Add    messageAddCmd    `cmd:"" help:"Register the public key of a service or person."`
	Remove messageRemoveCmd `cmd:"" help:"Take a registered key away at once."`
}

type messageKeyView struct {
	ID      string `json:"id"`
	Holder  string `json:"holder"`
	KID     string `json:"kid"`
	Added   string `json:"added_at"`
	Author  string `json:"author"`
	Until   string `json:"expires_at,omitempty"`
	Damaged bool   `json:"damaged,omitempty"`
}

type messageListCmd struct {
	instance
	scripted
}

func (m *messageListCmd) Run(g *globals) error {
	return m.with(g, func(c *client) error {
		var out struct {
			Keys []messageKeyView `json:"keys"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/message-keys", nil, nil, &out); err != nil {
			return err
		}
		if m.JSON {
			return printJSON(g.out, out.Keys)
		}
		w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
		for _, k := range out.Keys {
			state := "since " + k.Added
			if k.Damaged {
				state = "DAMAGED: remove it"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID, k.Holder, k.KID, state)
		}
		return w.Flush()
	})
}

type messageAddCmd struct {
	instance
	scripted
	Holder string    `arg:"" help:"Id of the service or person whose answers are sealed to it."`
	File   string    `arg:"" type:"path" help:"File with the public key: an EC key on P-256 as a JWK."`
	Until  time.Time `placeholder:"TIME" help:"When it ends, such as 2027-06-01T00:00:00Z; missing is never."`
}

func (m *messageAddCmd) Run(g *globals) error {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return err
	}
	if !json.Valid(text) {
		return fmt.Errorf("%s holds no JSON; a JWK begins with {\"kty\":\"EC\",\"crv\":\"P-256\"", m.File)
	}
	return m.with(g, func(c *client) error {
		in := map[string]any{"holder": m.Holder, "jwk": json.RawMessage(text)}
		if !m.Until.IsZero() {
			in["expires_at"] = m.Until
		}
		var v messageKeyView
		if err := c.call(g.ctx, http.MethodPost, "/v1/message-keys", nil, in, &v); err != nil {
			return err
		}
		if m.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		fmt.Fprintf(g.errs, "its thumbprint is %s; compare it with the owner's\n", v.KID)
		return nil
	})
}

type messageRemoveCmd struct {
	instance
	Key string `arg:"" help:"Id of a registered key."`
}

func (m *messageRemoveCmd) Run(g *globals) error {
	return m.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/message-keys/"+url.PathEscape(m.Key), nil, nil, nil)
	})
}
