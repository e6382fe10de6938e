package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"strongroom"
)

type signalCmd struct {
	Paste  signalPasteCmd  `cmd:"" help:"Hand in a notice or signal that came by e-mail or otherwise."`
	Secret signalSecretCmd `cmd:"" help:"Register who may send signals, and what they sign with."`
	Shop   signalShopCmd   `cmd:"" help:"Say which shop a store is."`
}

type takenView struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	State string `json:"state"`
	Due   string `json:"due_at"`
	Again bool   `json:"again"`
}

type signalPasteCmd struct {
	instance
	scripted
	File string `arg:"" help:"File with the message as it came, - for standard input."`
	Kind string `default:"ecartapi" help:"Who sent it: ecartapi, shopify, ebay, tiendanube, nuvemshop or shopline."`
	Type string `default:"auto" enum:"auto,json,form,mail" help:"json, form or mail; auto looks at the message."`
}

// Help shows examples below the flags.
func (s *signalPasteCmd) Help() string {
	return `Save EcartAPI's deletion notice with its headers, or paste its text and end with Ctrl-D.
What cannot be read for certain waits for you: strongroom erasure list --open.

Examples:
  strongroom signal paste notice.eml --data DIR
  strongroom signal paste - --data DIR
  strongroom signal paste body.json --kind shopify-customers-redact --data DIR`
}

func (s *signalPasteCmd) Run(g *globals) error {
	f, err := open(g, s.File)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return strongroom.Faultf(strongroom.Invalid, "file", "the message cannot be read").Because(err)
	}
	media := map[string]string{"json": "application/json", "form": "application/x-www-form-urlencoded", "mail": "message/rfc822"}[s.Type]
	if media == "" {
		media = "message/rfc822"
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			media = "application/json"
		}
	}
	return s.with(g, func(c *client) error {
		resp, err := c.send(g.ctx, http.MethodPost, "/v1/erasure-signals/"+url.PathEscape(s.Kind), nil, media, bytes.NewReader(text))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var v takenView
		if err := decodeOne(resp.Body, &v); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		if v.Again {
			fmt.Fprintln(g.errs, "the same came before; nothing was opened")
		}
		fmt.Fprintf(g.errs, "%s, %s, due %s\n", v.Kind, v.State, v.Due)
		return nil
	})
}

type signalSecretCmd struct {
	Set  signalSecretSetCmd  `cmd:"" help:"Register a sender, or give it another secret, read from a file or standard input."`
	List signalSecretListCmd `cmd:"" help:"List senders, without their secrets."`
	Drop signalSecretDropCmd `cmd:"" help:"Forget a sender: what it signs is refused."`
}

type senderView struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Endpoint string `json:"endpoint,omitempty"`
	Key      bool   `json:"public_key"`
	Set      string `json:"set_at"`
	Used     string `json:"used_at,omitempty"`
}

type signalSecretSetCmd struct {
	instance
	scripted
	Kind      string `arg:"" help:"ecartapi, shopify, ebay, tiendanube or shopline."`
	File      string `arg:"" optional:"" default:"-" help:"File with the secret; default: standard input."`
	Name      string `required:"" help:"Of the application there, as you call it."`
	Endpoint  string `help:"eBay: the address it was told, to the letter."`
	PublicKey string `placeholder:"FILE" help:"eBay: file with its public key in PEM."`
}

// Help shows examples below the flags.
func (s *signalSecretSetCmd) Help() string {
	return `The secret is the application's client secret; for ecartapi the value it sends as
Authorization; for ebay the verification token. It is sealed and never shown.

Examples:
  pass show shopify/app | strongroom signal secret set shopify --name our-app --data DIR
  strongroom signal secret set ebay token.txt --name our-app --endpoint https://strongroom.example.com/v1/erasure-signals/ebay --public-key ebay.pem --data DIR`
}

func (s *signalSecretSetCmd) Run(g *globals) error {
	secret, err := readInput(g, s.File, 4096)
	if err != nil {
		return err
	}
	in := map[string]string{"kind": s.Kind, "name": s.Name, "secret": secret}
	if s.Endpoint != "" {
		in["endpoint"] = s.Endpoint
	}
	if s.PublicKey != "" {
		if in["public_key"], err = readInput(g, s.PublicKey, 4096); err != nil {
			return err
		}
	}
	return s.with(g, func(c *client) error {
		var v senderView
		if err := c.call(g.ctx, http.MethodPut, "/v1/signal-senders", nil, in, &v); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintln(g.out, v.ID)
		return nil
	})
}

type signalSecretListCmd struct {
	instance
	scripted
}

func (s *signalSecretListCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		var out struct {
			Senders []senderView `json:"senders"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/signal-senders", nil, nil, &out); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, out.Senders)
		}
		rows := make([][]string, len(out.Senders))
		for i, v := range out.Senders {
			rows[i] = []string{v.ID, v.Kind, v.Name, v.Set, v.Used}
		}
		return table(g.out, "ID\tKIND\tNAME\tSET\tUSED", rows)
	})
}

type signalSecretDropCmd struct {
	instance
	Sender string `arg:"" help:"Id of the sender."`
}

func (s *signalSecretDropCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/signal-senders/"+url.PathEscape(s.Sender), nil, nil, nil)
	})
}

type signalShopCmd struct {
	Set  signalShopSetCmd  `cmd:"" help:"Say that a store is the shop with a domain or a platform's id."`
	Show signalShopShowCmd `cmd:"" help:"Show what the shop of a store is called."`
	Drop signalShopDropCmd `cmd:"" help:"Forget what the shop of a store is called."`
}

type signalShopSetCmd struct {
	instance
	Store  string `arg:"" help:"Id of the store."`
	Domain string `help:"Domain of the shop."`
	Kind   string `help:"Platform of the id: shopify, tiendanube, shopline or ecartapi."`
	ID     string `name:"id" help:"What that platform calls the shop."`
}

func (s *signalShopSetCmd) Run(g *globals) error {
	in := map[string]string{}
	for k, v := range map[string]string{"domain": s.Domain, "kind": s.Kind, "id": s.ID} {
		if v != "" {
			in[k] = v
		}
	}
	return s.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodPut, "/v1/stores/"+url.PathEscape(s.Store)+"/shop", nil, in, nil)
	})
}

type signalShopShowCmd struct {
	instance
	Store string `arg:"" help:"Id of the store."`
}

func (s *signalShopShowCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		return c.raw(g.ctx, g.out, http.MethodGet, "/v1/stores/"+url.PathEscape(s.Store)+"/shop", nil, nil)
	})
}

type signalShopDropCmd struct {
	instance
	Store string `arg:"" help:"Id of the store."`
}

func (s *signalShopDropCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/stores/"+url.PathEscape(s.Store)+"/shop", nil, nil, nil)
	})
}
