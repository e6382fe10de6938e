package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/vault"
)

// Connect brings stores in and closes them. Safe for concurrent use.
type Connect interface {
	AddApp(ctx context.Context, who strongroom.Actor, spec connect.AppSpec) (connect.App, error)
	Apps(ctx context.Context, who strongroom.Actor) ([]connect.App, error)
	RemoveApp(ctx context.Context, who strongroom.Actor, id string) error
	Authorize(ctx context.Context, who strongroom.Actor, app string, a connect.Authorization) (connect.Connected, error)
	AddStore(ctx context.Context, who strongroom.Actor, spec vault.StoreSpec, p connect.Pasted) (vault.Store, error)
	Paste(ctx context.Context, who strongroom.Actor, store string, p connect.Pasted) error
	Grants(ctx context.Context, who strongroom.Actor, store string) ([]connect.Receipt, error)
	Credentials(ctx context.Context, who strongroom.Actor) ([]connect.Credential, error)
	Revoke(ctx context.Context, who strongroom.Actor, store string) (connect.Closing, error)
}

type appIn struct {
	Name     string   `json:"name" doc:"what owners of shops read"`
	EcartApp string   `json:"app_id" doc:"the application's id at EcartAPI"`
	ClientID string   `json:"client_id" doc:"the account's client id token; sealed, never shown again"`
	Text     string   `json:"text,omitempty" doc:"what an owner grants, in words; missing is the product's own text"`
	Scope    []string `json:"scope,omitempty" doc:"of orders, customers, fulfillments and store; missing is all"`
}

type appOut struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	EcartApp string    `json:"app_id"`
	Scope    []string  `json:"scope"`
	Since    time.Time `json:"since" doc:"when the client id was put in"`
	Stores   int64     `json:"stores" doc:"grants that stand"`
	Path     string    `json:"path" doc:"the page owners of shops open; register path/callback as the redirect at EcartAPI"`
	Damaged  bool      `json:"damaged,omitempty" doc:"its row was changed in the database"`
}

func (a appOut) resource() string { return a.ID }

type appList struct {
	Apps []appOut `json:"apps"`
}

type oneAppIn struct {
	App string `path:"app" doc:"the application's id"`
}

type authorizeIn struct {
	App         string            `path:"app" doc:"the application's id"`
	Platform    string            `json:"platform" doc:"the shop's platform, such as woocommerce"`
	URL         string            `json:"url" doc:"the shop's address"`
	Credentials map[string]string `json:"credentials" doc:"what the platform asks for, by name; sent to EcartAPI once and kept nowhere"`
	GrantedBy   string            `json:"granted_by,omitempty" doc:"who at the shop granted access; sealed"`
}

type connectedOut struct {
	Store string `json:"store"`
	New   bool   `json:"new" doc:"the store was not known before"`
}

func (c connectedOut) resource() string { return c.Store }

type regrantIn struct {
	Store     string `path:"store" doc:"the store's id"`
	Token     string `json:"access_token" doc:"EcartAPI's access token of the store; sealed, never shown again"`
	Version   string `json:"version,omitempty" doc:"of the API: v1, v2 or v3; v2 if missing"`
	Base      string `json:"base_url,omitempty" doc:"where EcartAPI answers for this store; missing is the configured address"`
	GrantedBy string `json:"granted_by,omitempty" doc:"who at the shop granted access; sealed"`
}

type receiptOut struct {
	ID         string     `json:"id"`
	Store      string     `json:"store"`
	App        string     `json:"app,omitempty"`
	How        string     `json:"how" doc:"redirect, shop_id, paste or authorize"`
	At         time.Time  `json:"at,omitzero"`
	By         string     `json:"by" doc:"the account that recorded it; sys:connect for an owner's own way"`
	Person     string     `json:"person,omitempty" doc:"keyed hash of who granted access; the name is sealed"`
	Scope      []string   `json:"scope"`
	TextDigest string     `json:"text_digest" doc:"SHA-256 of name, scope and text, in hex"`
	Shown      bool       `json:"shown" doc:"a page of the product showed the text in this browser before"`
	Ended      *time.Time `json:"ended_at,omitempty"`
	Cause      string     `json:"cause,omitempty" doc:"by_hand, unauthorized, forbidden, uninstalled, again or disconnect"`
	Damaged    bool       `json:"damaged,omitempty" doc:"its row was changed in the database"`
}

type receiptList struct {
	Grants []receiptOut `json:"grants"`
}

type credentialOut struct {
	Kind  string     `json:"kind" doc:"store: the token of a store; application: the client id of an account"`
	Store string     `json:"store,omitempty"`
	App   string     `json:"app,omitempty"`
	Since time.Time  `json:"since" doc:"when it was put in"`
	Used  *time.Time `json:"last_used_at,omitempty"`
	Old   bool       `json:"old" doc:"older than the configured age: rotate it"`
}

type credentialList struct {
	Credentials []credentialOut `json:"credentials"`
}

type revokeOut struct {
	Store  string     `json:"store"`
	Closed *time.Time `json:"closed_at,omitempty" doc:"missing if the store was closed before"`
	Job    string     `json:"job,omitempty" doc:"ends the access at EcartAPI too"`
}

func (r revokeOut) resource() string { return r.Store }

func connectRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/apps", Action: "app.edit", Status: 201, Repeatable: true,
			Summary: "Add an application of EcartAPI, by which owners of shops grant access."}, addApp),
		define(Route{Method: "GET", Path: "/v1/apps", Action: "app.list",
			Summary: "List the applications. No client id is shown."}, listApps),
		define(Route{Method: "DELETE", Path: "/v1/apps/{app}", Action: "app.edit", Status: 204,
			Summary: "Remove an application with its client id, once no grant stands by it."}, removeApp),
		define(Route{Method: "POST", Path: "/v1/apps/{app}/authorize", Action: "store.add", Status: 201, Repeatable: true,
			Summary: "Connect a store by the platform's own credentials, of which EcartAPI makes a token."}, authorizeStore),
		define(Route{Method: "GET", Path: "/v1/stores/{store}/grants", Action: "store.list",
			Summary: "The receipts of a store's grants, newest first."}, listReceipts),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/grant", Action: "store.add", Status: 204,
			Summary: "Seal a pasted token for a store. For a closed store it is a new grant and opens it."}, regrant),
		define(Route{Method: "POST", Path: "/v1/stores/{store}/revoke", Action: "store.close", BodyOptional: true,
			Summary: "End the grant of a store: sync, gateway, routes and reveal refuse from now on. Its records stay sealed and die on their dates."}, revokeStore),
		define(Route{Method: "GET", Path: "/v1/credentials", Action: "store.list",
			Summary: "List the credentials for EcartAPI with their age and last use. None is shown."}, listCredentials),
	}
}

// connects returns the port for connecting, or why there is none.
func (a *API) connects() (Connect, error) {
	if a.o.Connect == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "connect", "this instance connects no stores")
	}
	return a.o.Connect, nil
}

func addApp(a *API, ctx context.Context, who strongroom.Actor, in *appIn) (appOut, error) {
	c, err := a.connects()
	if err != nil {
		return appOut{}, err
	}
	app, err := c.AddApp(ctx, who, connect.AppSpec{Name: in.Name, EcartApp: in.EcartApp, ClientID: in.ClientID, Text: in.Text, Scope: in.Scope})
	return outApp(app), err
}

func outApp(a connect.App) appOut {
	out := appOut{
		ID: a.ID, Name: a.Name, EcartApp: a.EcartApp, Scope: a.Scope, Since: a.Since, Stores: a.Stores, Path: "/connect/" + a.ID, Damaged: a.Damaged,
	}
	if out.Scope == nil {
		out.Scope = []string{}
	}
	return out
}

func listApps(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (appList, error) {
	c, err := a.connects()
	if err != nil {
		return appList{}, err
	}
	list, err := c.Apps(ctx, who)
	out := appList{Apps: make([]appOut, len(list))}
	for i, x := range list {
		out.Apps[i] = outApp(x)
	}
	return out, err
}

func removeApp(a *API, ctx context.Context, who strongroom.Actor, in *oneAppIn) (none, error) {
	c, err := a.connects()
	if err != nil {
		return none{}, err
	}
	return none{}, c.RemoveApp(ctx, who, in.App)
}

func authorizeStore(a *API, ctx context.Context, who strongroom.Actor, in *authorizeIn) (connectedOut, error) {
	c, err := a.connects()
	if err != nil {
		return connectedOut{}, err
	}
	got, err := c.Authorize(ctx, who, in.App, connect.Authorization{Platform: in.Platform, URL: in.URL, Credentials: in.Credentials, GrantedBy: in.GrantedBy})
	return connectedOut{got.Store, got.New}, err
}

func listReceipts(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (receiptList, error) {
	c, err := a.connects()
	if err != nil {
		return receiptList{}, err
	}
	list, err := c.Grants(ctx, who, in.Store)
	out := receiptList{Grants: make([]receiptOut, len(list))}
	for i, g := range list {
		out.Grants[i] = receiptOut{
			ID: g.ID, Store: g.Store, App: g.App, How: g.How, At: g.At, By: g.By, Person: g.Person, Scope: g.Scope,
			TextDigest: g.TextDigest, Shown: g.Shown, Ended: orNil(g.Ended), Cause: g.Cause, Damaged: g.Damaged,
		}
		if g.Scope == nil {
			out.Grants[i].Scope = []string{}
		}
	}
	return out, err
}

func regrant(a *API, ctx context.Context, who strongroom.Actor, in *regrantIn) (none, error) {
	c, err := a.connects()
	if err != nil {
		return none{}, err
	}
	return none{}, c.Paste(ctx, who, in.Store, connect.Pasted{Token: in.Token, Version: in.Version, Base: in.Base, GrantedBy: in.GrantedBy})
}

func revokeStore(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (revokeOut, error) {
	c, err := a.connects()
	if err != nil {
		return revokeOut{}, err
	}
	got, err := c.Revoke(ctx, who, in.Store)
	return revokeOut{Store: in.Store, Closed: orNil(got.Closed), Job: got.Job}, err
}

func listCredentials(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (credentialList, error) {
	c, err := a.connects()
	if err != nil {
		return credentialList{}, err
	}
	list, err := c.Credentials(ctx, who)
	out := credentialList{Credentials: make([]credentialOut, len(list))}
	for i, x := range list {
		out.Credentials[i] = credentialOut{Kind: x.Kind, Store: x.Store, App: x.App, Since: x.Since, Used: orNil(x.Used), Old: x.Old}
	}
	return out, err
}
