package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom"
)

type connectCmd struct {
	instance
	scripted
	Name      string        `arg:"" optional:"" help:"Name of the store; sealed at rest."`
	Platform  string        `help:"Platform of a new store: shopify, woocommerce, tiendanube, magento2, …"`
	Store     string        `help:"Id of a store that is there: its token is replaced, a closed one is opened by a new grant."`
	App       string        `help:"Id of an application: print the page for the owner of the shop, and wait until the store is there."`
	Version   string        `name:"api-version" default:"v2" enum:"v1,v2,v3" help:"Version of the API to sync with: v1, v2 or v3."`
	BaseURL   string        `name:"base-url" help:"Where EcartAPI answers for this store; default: as configured."`
	GrantedBy string        `help:"Who at the shop granted access; sealed."`
	Wait      time.Duration `default:"30m" help:"With --app: how long to wait."`
}

// Help shows examples below the flags.
func (c *connectCmd) Help() string {
	return `The token is asked for without showing it, or read from standard input. It is never an argument.

Examples:
  strongroom connect "Tea & Co" --platform shopify --data DIR
  pass show shop | strongroom connect "Tea & Co" --platform shopify --data DIR
  strongroom connect --store str_… --data DIR
  strongroom connect --app app_… --data DIR`
}

func (c *connectCmd) Run(g *globals) error {
	switch {
	case c.App != "" && (c.Name != "" || c.Store != "" || c.Platform != ""), c.Store != "" && (c.Name != "" || c.Platform != ""):
		return fmt.Errorf("%w: give a name and --platform, or --store, or --app", errUsage)
	case c.App != "":
		return c.with(g, func(cl *client) error { return c.byOwner(g, cl) })
	case c.Store == "" && (c.Name == "" || c.Platform == ""):
		return fmt.Errorf("%w: a new store needs a name and --platform", errUsage)
	}
	token, err := readSecret(g, "Access token of the store")
	if err != nil {
		return err
	}
	in := map[string]string{"version": c.Version}
	for name, value := range map[string]string{"base_url": c.BaseURL, "granted_by": c.GrantedBy} {
		if value != "" {
			in[name] = value
		}
	}
	return c.with(g, func(cl *client) error {
		if c.Store != "" {
			in["access_token"] = strings.TrimSpace(token)
			return cl.call(g.ctx, http.MethodPost, "/v1/stores/"+url.PathEscape(c.Store)+"/grant", nil, in, nil)
		}
		in["token"], in["name"], in["platform"] = strings.TrimSpace(token), c.Name, c.Platform
		var st storeView
		if err := cl.call(g.ctx, http.MethodPost, "/v1/stores", nil, in, &st); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(g.out, st)
		}
		fmt.Fprintln(g.out, st.ID)
		return nil
	})
}

// appView is an application of EcartAPI.
type appView struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	EcartApp string   `json:"app_id"`
	Scope    []string `json:"scope"`
	Since    string   `json:"since"`
	Stores   int64    `json:"stores"`
	Path     string   `json:"path"`
	Damaged  bool     `json:"damaged,omitempty"`
}

func appsOf(g *globals, c *client) ([]appView, error) {
	var page struct {
		Apps []appView `json:"apps"`
	}
	err := c.call(g.ctx, http.MethodGet, "/v1/apps", nil, nil, &page)
	return page.Apps, err
}

// byOwner prints where the owner of a shop grants access, and waits for the store.
func (c *connectCmd) byOwner(g *globals, cl *client) error {
	apps, err := appsOf(g, cl)
	if err != nil {
		return err
	}
	path := ""
	for _, a := range apps {
		if a.ID == c.App {
			path = a.Path
		}
	}
	if path == "" {
		return strongroom.Faultf(strongroom.NotFound, "app", "there is no such application").Advise("add it with: strongroom app add")
	}
	known, err := grantedStores(g, cl)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.errs, "Have the owner of the shop open this page at the address of the instance, and wait:\n  PUBLIC_URL%s\n", path)
	late, tick := time.NewTimer(c.Wait), time.NewTicker(2*time.Second)
	defer late.Stop()
	defer tick.Stop()
	for {
		now, err := grantedStores(g, cl)
		if err != nil {
			return err
		}
		for id, grant := range now {
			if known[id] != grant {
				if c.JSON {
					return printJSON(g.out, storeView{ID: id, State: "connected"})
				}
				fmt.Fprintln(g.out, id)
				return nil
			}
		}
		select {
		case <-g.ctx.Done():
			return g.ctx.Err()
		case <-late.C:
			return strongroom.Faultf(strongroom.Unavailable, "connect", "nobody granted access in time").Advise("the page stays open; look with: strongroom store list")
		case <-tick.C:
		}
	}
}

// grantedStores returns when the credential of each store was put in.
func grantedStores(g *globals, c *client) (map[string]string, error) {
	list, err := credentialsOf(g, c)
	out := map[string]string{}
	for _, x := range list {
		if x.Store != "" {
			out[x.Store] = x.Since
		}
	}
	return out, err
}

type appCmd struct {
	Add    appAddCmd    `cmd:"" help:"Add an application of EcartAPI; its client id is asked for without showing it."`
	List   appListCmd   `cmd:"" help:"List the applications, with the page owners of shops open."`
	Remove appRemoveCmd `cmd:"" help:"Remove an application with its client id, once no grant stands by it."`
}

type appAddCmd struct {
	instance
	scripted
	Name  string   `arg:"" help:"What owners of shops read."`
	AppID string   `name:"app-id" required:"" help:"The application's id at EcartAPI."`
	Text  string   `help:"File with what an owner grants, in words; default: the product's own text."`
	Scope []string `enum:"orders,customers,fulfillments,store" help:"What is granted; default: all of orders, customers, fulfillments, store."`
}

func (a *appAddCmd) Run(g *globals) error {
	in := map[string]any{"name": a.Name, "app_id": a.AppID}
	if a.Text != "" {
		text, err := readInput(g, a.Text, 8<<10)
		if err != nil {
			return err
		}
		in["text"] = text
	}
	if len(a.Scope) > 0 {
		in["scope"] = a.Scope
	}
	clientID, err := readSecret(g, "Client id of the account")
	if err != nil {
		return err
	}
	in["client_id"] = strings.TrimSpace(clientID)
	return a.with(g, func(c *client) error {
		var v appView
		if err := c.call(g.ctx, http.MethodPost, "/v1/apps", nil, in, &v); err != nil {
			return err
		}
		if a.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "%s\npage      %s\nredirect  %s/callback\n", v.ID, v.Path, v.Path)
		return nil
	})
}

type appListCmd struct {
	instance
	scripted
}

func (a *appListCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		list, err := appsOf(g, c)
		if err != nil {
			return err
		}
		if a.JSON {
			return printJSON(g.out, list)
		}
		rows := make([][]string, len(list))
		for i, x := range list {
			rows[i] = []string{x.ID, x.EcartApp, fmt.Sprint(x.Stores), x.Since, x.Path, x.Name}
		}
		return table(g.out, "ID\tAPP\tSTORES\tSINCE\tPAGE\tNAME", rows)
	})
}

type appRemoveCmd struct {
	instance
	App string `arg:"" help:"Id of the application."`
}

func (a *appRemoveCmd) Run(g *globals) error {
	return a.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/apps/"+url.PathEscape(a.App), nil, nil, nil)
	})
}

type credentialView struct {
	Kind  string `json:"kind"`
	Store string `json:"store,omitempty"`
	App   string `json:"app,omitempty"`
	Since string `json:"since"`
	Used  string `json:"last_used_at,omitempty"`
	Old   bool   `json:"old"`
}

func credentialsOf(g *globals, c *client) ([]credentialView, error) {
	var page struct {
		Credentials []credentialView `json:"credentials"`
	}
	err := c.call(g.ctx, http.MethodGet, "/v1/credentials", nil, nil, &page)
	return page.Credentials, err
}

type storeCredentialsCmd struct {
	instance
	scripted
}

func (s *storeCredentialsCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		list, err := credentialsOf(g, c)
		if err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, list)
		}
		rows := make([][]string, len(list))
		for i, x := range list {
			used, old := x.Used, ""
			if used == "" {
				used = "never"
			}
			if x.Old {
				old = "rotate it"
			}
			rows[i] = []string{x.Kind, x.Store + x.App, x.Since, used, old}
		}
		return table(g.out, "KIND\tOF\tSINCE\tLAST USED\tAGE", rows)
	})
}

type storeGrantsCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
}

type receiptView struct {
	ID     string   `json:"id"`
	App    string   `json:"app,omitempty"`
	How    string   `json:"how"`
	At     string   `json:"at,omitempty"`
	By     string   `json:"by"`
	Person string   `json:"person,omitempty"`
	Scope  []string `json:"scope"`
	Digest string   `json:"text_digest"`
	Shown  bool     `json:"shown"`
	Ended  string   `json:"ended_at,omitempty"`
	Cause  string   `json:"cause,omitempty"`
	Bad    bool     `json:"damaged,omitempty"`
}

func (s *storeGrantsCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		var page struct {
			Grants []receiptView `json:"grants"`
		}
		if err := c.call(g.ctx, http.MethodGet, "/v1/stores/"+url.PathEscape(s.Store)+"/grants", nil, nil, &page); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, page.Grants)
		}
		rows := make([][]string, len(page.Grants))
		for i, x := range page.Grants {
			state := "stands"
			if x.Ended != "" {
				state = "ended " + x.Ended + " " + x.Cause
			}
			if x.Bad {
				state = "damaged: its row was changed in the database"
			}
			rows[i] = []string{x.ID, x.At, x.How, x.By, strings.Join(x.Scope, ","), state}
		}
		return table(g.out, "ID\tAT\tHOW\tBY\tSCOPE\tSTATE", rows)
	})
}

type storeRevokeCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Yes   bool   `help:"Do not ask."`
}

func (s *storeRevokeCmd) Run(g *globals) error {
	if !s.Yes && !confirm(g, fmt.Sprintf("This ends the grant of %s and closes the store. Type yes to go on: ", s.Store)) {
		return errUnconfirmed()
	}
	return s.with(g, func(c *client) error {
		var answer struct {
			Store  string `json:"store"`
			Closed string `json:"closed_at,omitempty"`
			Job    string `json:"job,omitempty"`
		}
		if err := c.call(g.ctx, http.MethodPost, "/v1/stores/"+url.PathEscape(s.Store)+"/revoke", nil, nil, &answer); err != nil {
			return err
		}
		switch {
		case s.JSON:
			return printJSON(g.out, answer)
		case answer.Closed == "":
			fmt.Fprintln(g.out, "the store was closed before")
		case answer.Job == "":
			fmt.Fprintln(g.out, "closed; its token is deleted")
		default:
			fmt.Fprintf(g.out, "closed; %s ends the access at EcartAPI\n", answer.Job)
		}
		return nil
	})
}
