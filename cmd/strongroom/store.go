package main

import (
	"fmt"
	"net/http"
	"net/url"
)

type storeCmd struct {
	Add         storeAddCmd         `cmd:"" help:"Add a store; prints its id."`
	List        storeListCmd        `cmd:"" help:"List stores."`
	Credential  storeCredentialCmd  `cmd:"" help:"Seal the store's EcartAPI access token, read from a file or standard input."`
	Credentials storeCredentialsCmd `cmd:"" help:"List the credentials for EcartAPI with their age and last use; none is shown."`
	Grants      storeGrantsCmd      `cmd:"" help:"List the receipts of a store's grants."`
	Revoke      storeRevokeCmd      `cmd:"" help:"End the grant of a store and close it: its records stay sealed and die on their dates."`
	Disconnect  storeDisconnectCmd  `cmd:"" help:"Kill a store's tokens, indexes, credentials and all its records, after asking."`
}

type storeView struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Name      string `json:"name"`
	Platform  string `json:"platform"`
	Ended     string `json:"disconnected_at,omitempty"`
	Connected string `json:"connected_at,omitempty"`
}

type storeAddCmd struct {
	instance
	scripted
	Name     string `arg:"" help:"Name of the store; sealed at rest."`
	Platform string `required:"" help:"Platform: shopify, woocommerce, tiendanube, magento2, …"`
}

func (s *storeAddCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		var st storeView
		if err := c.call(g.ctx, http.MethodPost, "/v1/stores", nil, map[string]string{"name": s.Name, "platform": s.Platform}, &st); err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, st)
		}
		fmt.Fprintln(g.out, st.ID)
		return nil
	})
}

type storeListCmd struct {
	instance
	scripted
}

func (s *storeListCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		var all []storeView
		err := c.pages(g, "/v1/stores", nil, func(page *listing) error {
			all = append(all, page.Stores...)
			return nil
		})
		if err != nil {
			return err
		}
		if s.JSON {
			return printJSON(g.out, all)
		}
		rows := make([][]string, len(all))
		for i, st := range all {
			rows[i] = []string{st.ID, st.Platform, st.State, st.Name}
		}
		return table(g.out, "ID\tPLATFORM\tSTATE\tNAME", rows)
	})
}

type storeCredentialCmd struct {
	instance
	Version string `name:"api-version" default:"v2" enum:"v1,v2,v3" help:"Version of the API to sync with: v1, v2 or v3."`
	Store   string `arg:"" help:"Id of the store."`
	File    string `arg:"" help:"File with the access token, or - for standard input."`
}

func (s *storeCredentialCmd) Run(g *globals) error {
	text, err := readInput(g, s.File, 64<<10)
	if err != nil {
		return err
	}
	return s.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodPut, "/v1/stores/"+url.PathEscape(s.Store)+"/credential", nil, map[string]string{"access_token": text, "version": s.Version}, nil)
	})
}

type storeDisconnectCmd struct {
	instance
	scripted
	Store   string `arg:"" help:"Id of the store."`
	Preview bool   `help:"Only say what would die."`
	Yes     bool   `help:"Do not ask."`
}

func (s *storeDisconnectCmd) Run(g *globals) error {
	return s.with(g, func(c *client) error {
		path := "/v1/stores/" + url.PathEscape(s.Store)
		var answer struct {
			Records int64  `json:"records"`
			Job     string `json:"job,omitempty"`
		}
		if err := c.call(g.ctx, http.MethodDelete, path, url.Values{"preview": {"true"}}, nil, &answer); err != nil {
			return err
		}
		if !s.Preview {
			if !s.Yes && !confirm(g, fmt.Sprintf("This kills %d records of %s for good. Type yes to go on: ", answer.Records, s.Store)) {
				return errUnconfirmed()
			}
			if err := c.call(g.ctx, http.MethodDelete, path, nil, nil, &answer); err != nil {
				return err
			}
		}
		if s.JSON {
			return printJSON(g.out, answer)
		}
		verb := "die now; the rows are cleared by a job"
		if s.Preview {
			verb = "would die"
		}
		fmt.Fprintf(g.out, "%d records %s\n", answer.Records, verb)
		return nil
	})
}
