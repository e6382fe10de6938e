package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"strongroom"
	"strongroom/internal/vault"
)

// One names an object that somebody said has changed.
type One struct {
	Store    string
	Resource string // orders, customers, or fulfillments of the order with the id
	ID       string // the platform's; at most 64 letters of the grammar of names
	How      string // how the vault records that it came in, such as "webhook"
}

// FetchOne reads one object anew and gives it to the vault, as who, who must be
// allowed to sync. What it returns is durable. Faults: as of a sync, and NotFound
// where the platform has no such object any more.
func (i *Intake) FetchOne(ctx context.Context, who strongroom.Actor, q One) (*vault.Ingested, error) {
	path := []string{q.Resource, q.ID}
	in := vault.In{Store: q.Store, Resource: q.Resource, How: q.How}
	switch q.Resource {
	case "orders", "customers":
	case "fulfillments":
		path, in.Order = []string{"orders", q.ID, "fulfillments"}, q.ID
	default:
		return nil, strongroom.Faultf(strongroom.Invalid, "resource", "one of orders, customers and fulfillments can be read anew")
	}
	if err := strongroom.CheckName("id", q.ID); err != nil {
		return nil, err
	}
	client, c, _, err := i.begin(ctx, who, q.Store, orders, 0)
	if err != nil {
		return nil, err
	}
	if in.Body, err = client.Get(ctx, path...); err != nil {
		i.lost(ctx, q.Store, err)
		return nil, err
	}
	in.Version, in.Platform = c.Version, c.Platform
	in.Endpoint = "/api/" + c.Version + "/" + q.Resource + "/:id"
	if q.Resource == "fulfillments" {
		in.Endpoint = "/api/" + c.Version + "/orders/:id/fulfillments"
	}
	out, err := i.o.Vault.IngestMany(ctx, who, []vault.In{in})
	if err != nil {
		return nil, err
	}
	return out[0].Ingested, out[0].Err
}

// Subscription asks EcartAPI to post what happens at a store to an address.
type Subscription struct {
	Resource, Action string // such as orders, create
	URL              string
	Auth             Secret // comes back in the header Authorization of each post
}

// Subscribe makes a subscription as who, who must be allowed to sync, and returns
// the id that EcartAPI gave it, "" if it gave none that can be kept. Faults: as of
// a sync; Invalid where EcartAPI does not know the resource or the action.
func (i *Intake) Subscribe(ctx context.Context, who strongroom.Actor, store string, s Subscription) (string, error) {
	client, _, _, err := i.begin(ctx, who, store, orders, 0)
	if err != nil {
		return "", err
	}
	type webhook struct {
		Resource string `json:"resource"`
		Action   string `json:"action"`
		URL      string `json:"url"`
		Auth     string `json:"auth"`
	}
	body, err := json.Marshal(map[string]webhook{"webhook": {s.Resource, s.Action, s.URL, s.Auth.text}})
	if err != nil {
		return "", err
	}
	text, err := client.post(ctx, "webhooks", body)
	if err != nil {
		i.lost(ctx, store, err)
		return "", err
	}
	var made struct {
		Webhook struct{ ID json.RawMessage }
	}
	id := ""
	if json.Unmarshal(text, &made) == nil {
		id = (&hint{ID: made.Webhook.ID}).externalID()
	}
	if strongroom.CheckName("id", id) != nil {
		id = ""
	}
	return id, nil
}

// post sends a body once: it is not known what a second one would do.
func (c *Client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	u := c.base.JoinPath("api", c.version, path)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "request", "the request cannot be made")
	}
	req.Header.Set("Authorization", "Bearer "+c.token.text)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "strongroom")
	c.requests.Add(1)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unavailable("unreachable", "EcartAPI cannot be reached").Because(bareError(err))
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		_, _ = io.CopyN(io.Discard, res.Body, 4096) // so that the connection can be used again
		return nil, refusal(res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, unavailable("unreachable", "the answer of EcartAPI broke off").Because(bareError(err))
	}
	return text, nil
}
