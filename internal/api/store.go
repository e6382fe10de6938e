package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/vault"
)

type storeIn struct {
	Name     string `json:"name" doc:"what people call the shop; sealed at rest"`
	Platform string `json:"platform,omitempty" doc:"the shop's platform, such as shopify"`

	Token     string `json:"token,omitempty" doc:"EcartAPI's access token of the store, to connect it at once; sealed, never shown again"`
	Version   string `json:"version,omitempty" doc:"with token: of the API, v1, v2 or v3; v2 if missing"`
	Base      string `json:"base_url,omitempty" doc:"with token: where EcartAPI answers for this store; loopback in a test instance alone"`
	GrantedBy string `json:"granted_by,omitempty" doc:"with token: who at the shop granted access; sealed"`
}

// storeOut leaves out of a damaged store everything but id and state.
type storeOut struct {
	ID           string     `json:"id"`
	State        string     `json:"state" doc:"connected, closed: its grant is gone, disconnected, or damaged: its row was changed in the database"`
	Name         string     `json:"name"`
	Platform     string     `json:"platform"`
	Connected    time.Time  `json:"connected_at,omitzero"`
	Disconnected *time.Time `json:"disconnected_at,omitempty"`
	Closed       *time.Time `json:"closed_at,omitempty" doc:"when its grant ended"`
	Records      *int64     `json:"records,omitempty" doc:"live records; only where one store is asked for"`
}

func (s storeOut) resource() string { return s.ID }

type storePage struct {
	Stores []storeOut `json:"stores"`
	Next   string     `json:"next_cursor"`
}

type pageIn struct {
	Cursor string `query:"cursor,opaque" doc:"next_cursor of the page before"`
	Limit  int64  `query:"limit" cap:"200" doc:"at most this many, 50 if missing; more than 200 counts as 200"`
}

type oneStoreIn struct {
	Store string `path:"store" doc:"the store's id"`
}

type disconnectIn struct {
	Store   string `path:"store" doc:"the store's id"`
	Preview bool   `query:"preview" doc:"only say what would be erased"`
}

type disconnectOut struct {
	Store   string `json:"store"`
	Records int64  `json:"records" doc:"records that are erased, or would be"`
	Preview bool   `json:"preview"`
	Job     string `json:"job,omitempty"`
}

func (d disconnectOut) resource() string { return d.Store }

type syncIn struct {
	Store    string    `path:"store" doc:"the store's id"`
	Since    time.Time `query:"since" doc:"fetch what changed since; missing is since the last sync"`
	Resource []string  `query:"resource" of:"orders fulfillments customers store" doc:"orders, fulfillments, customers, store; missing is orders and fulfillments"`
}

type credentialIn struct {
	Store   string `path:"store" doc:"the store's id"`
	Token   string `json:"access_token" doc:"EcartAPI's access token of the store; sealed, never shown again"`
	Version string `json:"version,omitempty" doc:"of the API to sync with: v1, v2 or v3; v2 if missing"`
}

type jobOut struct {
	Job string `json:"job"`
}

func (j jobOut) resource() string { return j.Job }

func storeRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/stores", Action: "store.add", Status: 201, Repeatable: true,
			Summary: "Add a store. It counts as holding personal data from now on."}, addStore),
		define(Route{Method: "GET", Path: "/v1/stores", Action: "store.list",
			Summary: "List the stores the caller may see."}, listStores),
		define(Route{Method: "GET", Path: "/v1/stores/{store}", Action: "store.list",
			Summary: "One store with the number of its records."}, oneStore),
		define(Route{Method: "DELETE", Path: "/v1/stores/{store}", Action: "store.disconnect", Status: 202, Repeatable: true,
			Summary: "Disconnect a store: its keys and all its records die. With preview=true nothing is done."}, disconnectStore),
		define(Route{Method: "PUT", Path: "/v1/stores/{store}/credential", Action: "store.add", Status: 204,
			Summary: "Seal a store's access token, in the place of an older one."}, putCredential),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/sync", Action: "sync.run", Status: 202, Repeatable: true,
			Summary: "Fetch what changed at the store, as a job."}, syncStore),
	}
}

func addStore(a *API, ctx context.Context, who strongroom.Actor, in *storeIn) (storeOut, error) {
	spec := vault.StoreSpec{Name: in.Name, Platform: in.Platform}
	if in.Token == "" {
		if in.Version != "" || in.Base != "" || in.GrantedBy != "" {
			return storeOut{}, strongroom.Faultf(strongroom.Invalid, "token", "version, base_url and granted_by come with a token")
		}
		s, err := a.o.Vault.CreateStore(ctx, who, spec)
		return outStore(s), err
	}
	c, err := a.connects()
	if err != nil {
		return storeOut{}, err
	}
	s, err := c.AddStore(ctx, who, spec, connect.Pasted{Token: in.Token, Version: in.Version, Base: in.Base, GrantedBy: in.GrantedBy})
	return outStore(s), err
}

func listStores(a *API, ctx context.Context, who strongroom.Actor, in *pageIn) (storePage, error) {
	list, next, err := a.o.Vault.Stores(ctx, who, in.Cursor, pageSize(in.Limit))
	out := storePage{Stores: make([]storeOut, len(list)), Next: next}
	for i, s := range list {
		out.Stores[i] = outStore(s)
	}
	return out, err
}

func oneStore(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (storeOut, error) {
	s, err := a.o.Vault.Store(ctx, who, in.Store)
	out := outStore(s)
	out.Records = &s.Records
	return out, err
}

func disconnectStore(a *API, ctx context.Context, who strongroom.Actor, in *disconnectIn) (disconnectOut, error) {
	p, err := a.o.Vault.Disconnect(ctx, who, in.Store, in.Preview)
	return disconnectOut{Store: in.Store, Records: p.Records, Preview: in.Preview, Job: p.Job}, err
}

func putCredential(a *API, ctx context.Context, who strongroom.Actor, in *credentialIn) (none, error) {
	w, err := a.work()
	if err != nil {
		return none{}, err
	}
	return none{}, w.Credential(ctx, who, in.Store, in.Token, in.Version)
}

func syncStore(a *API, ctx context.Context, who strongroom.Actor, in *syncIn) (jobOut, error) {
	w, err := a.work()
	if err != nil {
		return jobOut{}, err
	}
	job, err := w.Sync(ctx, who, in.Store, in.Resource, in.Since)
	return jobOut{job}, err
}

// work returns the port for background work, or why there is none.
func (a *API) work() (Work, error) {
	if a.o.Work == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "work", "this instance does no background work")
	}
	return a.o.Work, nil
}

func outStore(s vault.Store) storeOut {
	state := "connected"
	switch {
	case s.Damaged:
		state = "damaged"
	case !s.Disconnected.IsZero():
		state = "disconnected"
	case !s.Closed.IsZero():
		state = "closed"
	}
	return storeOut{
		ID: s.ID, State: state, Name: s.Name, Platform: s.Platform, Connected: s.Connected, Disconnected: orNil(s.Disconnected), Closed: orNil(s.Closed),
	}
}

// orNil keeps a time that was never set out of an answer.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
