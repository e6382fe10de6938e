package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

type webhookCmd struct {
	List      webhookListCmd      `cmd:"" help:"List what a store is subscribed to, and where messages about it go."`
	Subscribe webhookSubscribeCmd `cmd:"" help:"Subscribe at EcartAPI to what happens at a store."`
	Add       webhookAddCmd       `cmd:"" help:"Name an address of the application; prints the secret that signs the messages, once."`
	Rotate    webhookRotateCmd    `cmd:"" help:"Give an endpoint a new secret, printed once; for a day both sign."`
	Remove    webhookRemoveCmd    `cmd:"" help:"Take an endpoint away, with what is under way to it."`
	Dead      webhookDeadCmd      `cmd:"" help:"List messages that were given up and deliveries nobody understands."`
	Retry     webhookRetryCmd     `cmd:"" help:"Send a dead letter again."`
}

// storeHooks is the path of a store's webhooks.
func storeHooks(store string) string { return "/v1/stores/" + url.PathEscape(store) + "/webhooks" }

type webhookListCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
}

type webhooksView struct {
	Subscriptions []struct {
		ID       string `json:"id"`
		Resource string `json:"resource"`
		Action   string `json:"action"`
		State    string `json:"state"`
		Code     string `json:"code"`
		Seen     string `json:"seen_at"`
	} `json:"subscriptions"`
	Endpoints []struct {
		ID      string `json:"id"`
		Kind    string `json:"kind"`
		State   string `json:"state"`
		Origin  string `json:"origin"`
		Changed string `json:"changed_at"`
	} `json:"endpoints"`
	Waiting int64 `json:"waiting"`
}

func (w *webhookListCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		if w.JSON {
			return c.raw(g.ctx, g.out, http.MethodGet, storeHooks(w.Store), nil, nil)
		}
		var v webhooksView
		if err := c.call(g.ctx, http.MethodGet, storeHooks(w.Store), nil, nil, &v); err != nil {
			return err
		}
		var rows [][]string
		for _, s := range v.Subscriptions {
			rows = append(rows, []string{s.ID, "in", s.Resource + " " + s.Action, s.State, s.Seen})
		}
		for _, e := range v.Endpoints {
			rows = append(rows, []string{e.ID, "out", e.Kind + " to " + e.Origin, e.State, e.Changed})
		}
		if err := table(g.out, "ID\tWAY\tWHAT\tSTATE\tLAST", rows); err != nil {
			return err
		}
		fmt.Fprintf(g.out, "%d under way\n", v.Waiting)
		return nil
	})
}

type webhookSubscribeCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	Again bool   `help:"Make new subscriptions with new secrets in the place of those that are there."`
}

func (w *webhookSubscribeCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		var v struct {
			Job string `json:"job"`
		}
		q := url.Values{"again": {strconv.FormatBool(w.Again)}}
		if err := c.call(g.ctx, http.MethodPost, "/v1/stores/"+url.PathEscape(w.Store)+"/subscriptions", q, nil, &v); err != nil {
			return err
		}
		if w.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "%s subscribes; see: strongroom webhook list %s\n", v.Job, w.Store)
		return nil
	})
}

type webhookAddCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
	URL   string `arg:"" help:"https:// address of the application, on a public host."`
	Kind  string `enum:"events,rates" default:"events" help:"events: a message for each delivery; rates: answers requests for live rates."`
}

func (w *webhookAddCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		var v struct {
			ID     string `json:"id"`
			Kind   string `json:"kind"`
			Origin string `json:"origin"`
			Secret string `json:"secret"`
			Path   string `json:"path,omitempty"`
		}
		if err := c.call(g.ctx, http.MethodPost, storeHooks(w.Store), nil, map[string]string{"url": w.URL, "kind": w.Kind}, &v); err != nil {
			return err
		}
		if w.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "endpoint   %s (%s to %s)\nsecret     %s\n", v.ID, v.Kind, v.Origin, v.Secret)
		if v.Path != "" {
			fmt.Fprintf(g.out, "callback   %s\n", v.Path)
		}
		fmt.Fprintln(g.out, "This is shown once.")
		return nil
	})
}

type webhookRotateCmd struct {
	instance
	scripted
	Store    string `arg:"" help:"Id of the store."`
	Endpoint string `arg:"" help:"Id of the endpoint."`
}

func (w *webhookRotateCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		var v struct {
			ID     string `json:"id"`
			Secret string `json:"secret"`
		}
		if err := c.call(g.ctx, http.MethodPost, storeHooks(w.Store)+"/"+url.PathEscape(w.Endpoint)+"/rotate", nil, nil, &v); err != nil {
			return err
		}
		if w.JSON {
			return printJSON(g.out, v)
		}
		fmt.Fprintf(g.out, "%s\n", v.Secret)
		return nil
	})
}

type webhookRemoveCmd struct {
	instance
	Store    string `arg:"" help:"Id of the store."`
	Endpoint string `arg:"" help:"Id of the endpoint."`
}

func (w *webhookRemoveCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		return c.call(g.ctx, http.MethodDelete, storeHooks(w.Store)+"/"+url.PathEscape(w.Endpoint), nil, nil, nil)
	})
}

type webhookDeadCmd struct {
	instance
	scripted
	Store string `arg:"" help:"Id of the store."`
}

type letterView struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Code     string `json:"code"`
	Delivery string `json:"delivery,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Tries    int64  `json:"tries,omitempty"`
	At       string `json:"at"`
}

func (w *webhookDeadCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		all := []letterView{}
		q := url.Values{}
		for {
			var page struct {
				Letters []letterView `json:"letters"`
				Next    string       `json:"next_cursor"`
			}
			if err := c.call(g.ctx, http.MethodGet, "/v1/stores/"+url.PathEscape(w.Store)+"/letters", q, nil, &page); err != nil {
				return err
			}
			all = append(all, page.Letters...)
			if page.Next == "" {
				break
			}
			q.Set("cursor", page.Next)
		}
		if w.JSON {
			return printJSON(g.out, all)
		}
		rows := make([][]string, len(all))
		for i, l := range all {
			rows[i] = []string{l.ID, l.Kind, l.Code, l.Endpoint, l.At}
		}
		return table(g.out, "ID\tKIND\tWHY\tENDPOINT\tSINCE", rows)
	})
}

type webhookRetryCmd struct {
	instance
	Store  string `arg:"" help:"Id of the store."`
	Letter string `arg:"" help:"Id of the letter."`
}

func (w *webhookRetryCmd) Run(g *globals) error {
	return w.with(g, func(c *client) error {
		path := "/v1/stores/" + url.PathEscape(w.Store) + "/letters/" + url.PathEscape(w.Letter) + "/retry"
		return c.call(g.ctx, http.MethodPost, path, nil, nil, nil)
	})
}
