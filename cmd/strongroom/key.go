package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type keyView struct {
	ID       string   `json:"id"`
	State    string   `json:"state"`
	Label    string   `json:"label"`
	Roles    []string `json:"roles"`
	Stores   []string `json:"stores"`
	All      bool     `json:"all_stores"`
	Networks []string `json:"networks"`
	Expires  string   `json:"expires_at"`
	LastUsed string   `json:"used_at,omitempty"`
	Revoked  string   `json:"revoked_at,omitempty"`
	Secret   string   `json:"api_key,omitempty"`
}

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Create a service key; it is shown once."`
	List   keyListCmd   `cmd:"" help:"List service keys."`
	Rotate keyRotateCmd `cmd:"" help:"Replace a key's secret; the old one ends now or after an overlap."`
	Revoke keyRevokeCmd `cmd:"" help:"End a key at once."`
}

type keyCreateCmd struct {
	instance
	scripted
	Label    string   `arg:"" help:"Name of the service, such as label-printer."`
	Role     []string `required:"" help:"application, operator, privacy, security, auditor or owner."`
	Store    []string `help:"Ids of the stores it may touch; they must be connected."`
	All      bool     `name:"all-stores" help:"All stores, in the place of --store."`
	Network  []string `help:"Networks it may call from, such as 10.0.0.0/8; default: any."`
	Lifetime string   `default:"90d" help:"How long it lives, such as 90d or 36h; at most key_max_life of the configuration, a year unless set."`
}

// Help shows examples below the flags.
func (k *keyCreateCmd) Help() string {
	return `Examples:
  strongroom key create label-printer --role application --store str_… --data DIR
  strongroom key create scraper --role security --all-stores --network 10.0.0.0/8 --lifetime 30d --data DIR`
}

func (k *keyCreateCmd) Run(g *globals) error {
	life, err := parseDays(k.Lifetime)
	if err != nil {
		return err
	}
	return k.with(g, func(c *client) error {
		now, err := c.now(g)
		if err != nil {
			return err
		}
		in := map[string]any{"label": k.Label, "roles": k.Role, "stores": k.Store, "all_stores": k.All, "networks": k.Network, "expires_at": now.Add(life)}
		var key keyView
		if err := c.call(g.ctx, http.MethodPost, "/v1/keys", nil, in, &key); err != nil {
			return err
		}
		return k.show(g, key)
	})
}

// show prints a key whose secret will never be shown again.
func (s *scripted) show(g *globals, key keyView) error {
	if s.JSON {
		return printJSON(g.out, key)
	}
	fmt.Fprintln(g.out, key.Secret)
	fmt.Fprintf(g.errs, "%s, ends %s; the key above is shown once\n", key.ID, key.Expires)
	return nil
}

type keyListCmd struct {
	instance
	scripted
}

func (k *keyListCmd) Run(g *globals) error {
	return k.with(g, func(c *client) error {
		var all []keyView
		err := c.pages(g, "/v1/keys", nil, func(page *listing) error {
			all = append(all, page.Keys...)
			return nil
		})
		if err != nil {
			return err
		}
		if k.JSON {
			return printJSON(g.out, all)
		}
		rows := make([][]string, len(all))
		for i, key := range all {
			stores := strings.Join(key.Stores, ",")
			if key.All {
				stores = "all"
			}
			rows[i] = []string{key.ID, key.Label, strings.Join(key.Roles, ","), stores, key.State, key.Expires, key.LastUsed}
		}
		return table(g.out, "ID\tLABEL\tROLES\tSTORES\tSTATE\tENDS\tLAST USED", rows)
	})
}

type keyRotateCmd struct {
	instance
	scripted
	Key     string        `arg:"" help:"Id of the key."`
	Overlap time.Duration `help:"How long the old secret stays good, such as 24h; at most 168h."`
}

func (k *keyRotateCmd) Run(g *globals) error {
	in := map[string]int64{"overlap_seconds": int64(k.Overlap.Seconds())}
	return k.with(g, func(c *client) error {
		var key keyView
		if err := c.call(g.ctx, http.MethodPost, "/v1/keys/"+url.PathEscape(k.Key)+"/rotate", nil, in, &key); err != nil {
			return err
		}
		return k.show(g, key)
	})
}

type keyRevokeCmd struct {
	instance
	Key string `arg:"" help:"Id of the key."`
}

func (k *keyRevokeCmd) Run(g *globals) error {
	return k.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(k.Key), nil, nil, nil)
	})
}
