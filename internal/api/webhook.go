package api

import (
	"context"
	"net/http"
	"time"

	"strongroom"
	"strongroom/internal/web"
	"strongroom/internal/webhook"
)

// Webhooks take posts of EcartAPI in and say where messages about them go. Each
// verb decides and records for itself.
type Webhooks interface {
	Accept(ctx context.Context, a webhook.Arrival) (id string, err error)
	Rates(ctx context.Context, q webhook.Quote) ([]byte, error)
	Subscribe(ctx context.Context, who strongroom.Actor, store string, again bool) (job string, err error)
	List(ctx context.Context, who strongroom.Actor, store string) (webhook.Listing, error)
	Add(ctx context.Context, who strongroom.Actor, store, address string, kind webhook.Kind) (webhook.Added, error)
	Rotate(ctx context.Context, who strongroom.Actor, store, id string) (webhook.Secret, error)
	Remove(ctx context.Context, who strongroom.Actor, store, id string) error
	Letters(ctx context.Context, who strongroom.Actor, store, cursor string, limit int) ([]webhook.Letter, string, error)
	Retry(ctx context.Context, who strongroom.Actor, store, id string) error
}

type subscribeIn struct {
	Store string `path:"store" doc:"the store's id"`
	Again bool   `query:"again" doc:"make new subscriptions with new secrets in the place of those that are there"`
}

type endpointIn struct {
	Store string `path:"store" doc:"the store's id"`
	URL   string `json:"url" doc:"https:// address of the application; sealed, and shown by its host alone"`
	Kind  string `json:"kind,omitempty" doc:"events (each delivery, tokenised) or rates (requests for live rates, which it answers); events if missing"`
}

type endpointAdded struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Origin string `json:"origin" doc:"scheme, host and port"`
	Secret string `json:"secret" doc:"signs the messages (Standard Webhooks); shown once"`
	Path   string `json:"path,omitempty" doc:"of rates: where EcartAPI posts requests, below the instance's own address; holds a secret, shown once"`
}

func (e endpointAdded) resource() string { return e.ID }

type oneEndpointIn struct {
	Store    string `path:"store" doc:"the store's id"`
	Endpoint string `path:"endpoint" doc:"the endpoint's id"`
}

type rotatedSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret" doc:"the new secret, shown once; for a day the old one signs beside it"`
}

func (r rotatedSecret) resource() string { return r.ID }

type hookOut struct {
	ID       string     `json:"id"`
	Resource string     `json:"resource"`
	Action   string     `json:"action"`
	State    string     `json:"state" doc:"asked, made, retired, or refused by EcartAPI"`
	Code     string     `json:"code,omitempty" doc:"why it was refused"`
	Created  time.Time  `json:"created_at"`
	Seen     *time.Time `json:"seen_at,omitempty" doc:"of the last delivery"`
}

type endpointOut struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind" doc:"events or rates"`
	State   string    `json:"state" doc:"live, or damaged: its row was changed in the database"`
	Origin  string    `json:"origin" doc:"scheme, host and port"`
	Secrets int64     `json:"secrets" doc:"that sign now: two for a day after a rotation"`
	Created time.Time `json:"created_at"`
	Changed time.Time `json:"changed_at" doc:"of its secrets"`
}

type webhooksOut struct {
	Hooks     []hookOut     `json:"subscriptions"`
	Endpoints []endpointOut `json:"endpoints"`
	Waiting   int64         `json:"waiting" doc:"deliveries and messages under way"`
}

type lettersIn struct {
	Store string `path:"store" doc:"the store's id"`
	pageIn
}

type letterOut struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind" doc:"message: it was given up; unknown: a delivery nobody understands; failed: a delivery that could not be worked through"`
	Code     string    `json:"code" doc:"why"`
	Delivery string    `json:"delivery,omitempty" doc:"what a message is about; its webhook-id"`
	Endpoint string    `json:"endpoint,omitempty" doc:"where a message goes"`
	Tries    int64     `json:"tries,omitempty"`
	At       time.Time `json:"at"`
}

type letterPage struct {
	Letters []letterOut `json:"letters"`
	Next    string      `json:"next_cursor"`
}

type oneLetterIn struct {
	Store  string `path:"store" doc:"the store's id"`
	Letter string `path:"letter" doc:"the letter's id"`
}

func webhookRoutes() []Route {
	return []Route{
		defineRaw(Route{Method: "POST", Path: "/v1/webhooks/{hook}", Public: true, Proves: true, Status: 202,
			Summary: "A delivery of EcartAPI. The secret of the subscription comes in Authorization; the answer comes once the delivery is durable."},
			"202, application/json: the id of the delivery", takeDelivery),
		defineRaw(Route{Method: "POST", Path: "/v1/live-rates/{endpoint}/{key}", Public: true, Proves: true,
			Summary: "A request for live rates, passed on tokenised to the endpoint that answers it. Nothing of it is stored."},
			"application/json, as the endpoint answers", takeQuote),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/subscriptions", Action: "webhook.edit", Status: 202, Repeatable: true,
			Summary: "Subscribe at EcartAPI to what happens at a store, as a job."}, subscribe),
		define(Route{Method: "GET", Path: "/v1/stores/{store}/webhooks", Action: "webhook.list",
			Summary: "The subscriptions and endpoints of a store. No secret is shown."}, listWebhooks),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/webhooks", Action: "webhook.edit", Status: 201, Repeatable: true,
			Summary: "Name an address of the application to which messages about a store go."}, addEndpoint),
		define(Route{Method: "DELETE", Path: "/v1/stores/{store}/webhooks/{endpoint}", Action: "webhook.edit", Status: 204,
			Summary: "Take an endpoint away, with what is under way to it."}, removeEndpoint),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/webhooks/{endpoint}/rotate", Action: "webhook.edit", Repeatable: true,
			Summary: "Give an endpoint a new secret."}, rotateEndpoint),
		define(Route{Method: "GET", Path: "/v1/stores/{store}/letters", Action: "webhook.list",
			Summary: "Messages that were given up and deliveries nobody understands. No body is shown."}, listLetters),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/letters/{letter}/retry", Action: "webhook.edit", Status: 204,
			Summary: "Give a letter all its tries again."}, retryLetter),
	}
}

// hooks returns the port for webhooks, or why there is none.
func (a *API) hooks() (Webhooks, error) {
	if a.o.Webhooks == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "webhooks", "this instance takes no webhooks")
	}
	return a.o.Webhooks, nil
}

// bodyOf reads the body of a post once who sent it is known.
func (c *call) bodyOf(limit int64) func() ([]byte, error) {
	return func() ([]byte, error) {
		if err := wantJSON(c.r); err != nil {
			return nil, err
		}
		return web.ReadBody(c.w, c.r, limit)
	}
}

// deliveryIn and quoteIn are looked at by their rows alone: what is no id is
// refused, and counted, like a wrong secret.
type deliveryIn struct {
	Hook string `path:"hook,bare" doc:"the subscription's id"`
}

type quoteIn struct {
	Endpoint string `path:"endpoint,bare" doc:"the endpoint's id"`
	Key      string `path:"key,bare" doc:"the secret of the address"`
}

// cut has a refused post answered without waiting for the rest of its body, and its
// connection closed.
func (c *call) cut(err error) error {
	if c.r.ProtoMajor == 1 {
		c.w.Header().Set("Connection", "close")
	}
	return err
}

type deliveryOut struct {
	ID string `json:"id"`
}

func takeDelivery(a *API, c *call, in *deliveryIn) error {
	h, err := a.hooks()
	if err != nil {
		return err
	}
	id, err := h.Accept(c.ctx, webhook.Arrival{
		Hook: in.Hook, Authorization: c.r.Header.Get("Authorization"),
		Source: web.ConnOf(c.ctx).Addr, Body: c.bodyOf(a.o.MaxBody),
	})
	if err != nil {
		return c.cut(err)
	}
	return c.write(http.StatusAccepted, deliveryOut{id})
}

func takeQuote(a *API, c *call, in *quoteIn) error {
	h, err := a.hooks()
	if err != nil {
		return err
	}
	answer, err := h.Rates(c.ctx, webhook.Quote{
		Endpoint: in.Endpoint, Key: in.Key,
		Source: web.ConnOf(c.ctx).Addr, Body: c.bodyOf(controlBody),
	})
	if err != nil {
		return c.cut(err)
	}
	return c.send(http.StatusOK, "application/json", answer)
}

func subscribe(a *API, ctx context.Context, who strongroom.Actor, in *subscribeIn) (jobOut, error) {
	h, err := a.hooks()
	if err != nil {
		return jobOut{}, err
	}
	job, err := h.Subscribe(ctx, who, in.Store, in.Again)
	return jobOut{job}, err
}

func listWebhooks(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (webhooksOut, error) {
	h, err := a.hooks()
	if err != nil {
		return webhooksOut{}, err
	}
	l, err := h.List(ctx, who, in.Store)
	out := webhooksOut{Hooks: make([]hookOut, len(l.Hooks)), Endpoints: make([]endpointOut, len(l.Endpoints)), Waiting: l.Waiting}
	for i, k := range l.Hooks {
		out.Hooks[i] = hookOut{ID: k.ID, Resource: k.Resource, Action: k.Action, State: k.State, Code: k.Code, Created: k.Created, Seen: orNil(k.Seen)}
	}
	for i, e := range l.Endpoints {
		state := "live"
		if e.Damaged {
			state = "damaged"
		}
		out.Endpoints[i] = endpointOut{
			ID: e.ID, Kind: e.Kind.String(), State: state, Origin: e.Origin, Secrets: int64(e.Secrets), Created: e.Created, Changed: e.Changed,
		}
	}
	return out, err
}

func addEndpoint(a *API, ctx context.Context, who strongroom.Actor, in *endpointIn) (endpointAdded, error) {
	h, err := a.hooks()
	if err != nil {
		return endpointAdded{}, err
	}
	kind, err := webhook.ParseKind(in.Kind)
	if err != nil {
		return endpointAdded{}, err
	}
	e, err := h.Add(ctx, who, in.Store, in.URL, kind)
	if err != nil {
		return endpointAdded{}, err
	}
	return endpointAdded{ID: e.ID, Kind: e.Kind.String(), Origin: e.Origin, Secret: e.Secret.Reveal(), Path: e.Path.Reveal()}, nil
}

func removeEndpoint(a *API, ctx context.Context, who strongroom.Actor, in *oneEndpointIn) (none, error) {
	h, err := a.hooks()
	if err != nil {
		return none{}, err
	}
	return none{}, h.Remove(ctx, who, in.Store, in.Endpoint)
}

func rotateEndpoint(a *API, ctx context.Context, who strongroom.Actor, in *oneEndpointIn) (rotatedSecret, error) {
	h, err := a.hooks()
	if err != nil {
		return rotatedSecret{}, err
	}
	s, err := h.Rotate(ctx, who, in.Store, in.Endpoint)
	return rotatedSecret{ID: in.Endpoint, Secret: s.Reveal()}, err
}

func listLetters(a *API, ctx context.Context, who strongroom.Actor, in *lettersIn) (letterPage, error) {
	h, err := a.hooks()
	if err != nil {
		return letterPage{}, err
	}
	list, next, err := h.Letters(ctx, who, in.Store, in.Cursor, pageSize(in.Limit))
	out := letterPage{Letters: make([]letterOut, len(list)), Next: next}
	for i, l := range list {
		out.Letters[i] = letterOut{ID: l.ID, Kind: l.Kind, Code: l.Code, Delivery: l.Delivery, Endpoint: l.Endpoint, Tries: int64(l.Tries), At: l.At}
	}
	return out, err
}

func retryLetter(a *API, ctx context.Context, who strongroom.Actor, in *oneLetterIn) (none, error) {
	h, err := a.hooks()
	if err != nil {
		return none{}, err
	}
	return none{}, h.Retry(ctx, who, in.Store, in.Letter)
}
