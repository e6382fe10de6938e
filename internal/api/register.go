package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/password"
	"strongroom/internal/review"
)

type listedIO struct {
	Account   string `json:"account" doc:"its name there; sealed at rest"`
	Privilege string `json:"privilege,omitempty" doc:"what it may do there, in a word or two"`
	Bound     string `json:"bound,omitempty" doc:"id of the person or service it belongs to"`
}

type wayOut struct {
	ID        string     `json:"id"`
	System    string     `json:"system"`
	Sort      string     `json:"sort" doc:"database, host, kms, bucket, provider or portal"`
	Account   string     `json:"account"`
	Privilege string     `json:"privilege,omitempty"`
	Bound     string     `json:"bound,omitempty" doc:"missing: nobody's, which is a finding"`
	First     time.Time  `json:"first_seen_at"`
	Seen      time.Time  `json:"seen_at" doc:"when it was last imported"`
	Ended     *time.Time `json:"ended_at,omitempty"`
	Stated    bool       `json:"stated,omitempty" doc:"a person gave the end; else an import did not list it any more"`
}

type waysIn struct {
	Account string `query:"account" doc:"those that are or were of one person or service; all come at once"`
	Live    bool   `query:"live" doc:"those that have not ended"`
	pageIn
}

type waysOut struct {
	Ways []wayOut `json:"ways"`
	Next string   `json:"next_cursor"`
}

type importIn struct {
	System   string     `json:"system" doc:"your name of it, such as db-1"`
	Sort     string     `json:"sort" doc:"database, host, kms, bucket, provider or portal"`
	Accounts []listedIO `json:"accounts" doc:"all of them: what is not listed has ended"`
	DryRun   bool       `json:"dry_run,omitempty" doc:"say what it would come to, and change nothing"`
	Confirm  bool       `json:"confirm,omitempty" doc:"take it in also where it is sweeping; else that is 409 confirm"`
}

type importOut struct {
	Added   int64 `json:"added"`
	Kept    int64 `json:"kept"`
	Ended   int64 `json:"ended"`
	Unbound int64 `json:"unbound" doc:"of those listed, nobody's"`

	Sweeping bool `json:"sweeping" doc:"it ends all ways of the system, or more than half and at least 5, and wants confirm"`
}

type catalogueOut struct {
	Engine   bool       `json:"has_roles" doc:"false where the engine has none"`
	Accounts []listedIO `json:"accounts"`
}

type bindIn struct {
	ID      string `path:"id" doc:"the way's id"`
	Account string `json:"account" doc:"a person or service that has not ended"`
}

type endWayIn struct {
	ID string    `path:"id" doc:"the way's id"`
	At time.Time `json:"at,omitzero" doc:"when it was closed in its system; missing is now"`
}

type providerIn struct {
	Provider string `json:"provider" doc:"your name of it"`
	Shape    string `json:"shape" doc:"okta, entra or generic"`
	Text     string `json:"text" doc:"the document as the provider gave it; what does not read is kept as unknown"`
}

type rulesOut struct {
	MinLength   *int64 `json:"min_length,omitempty"`
	Upper       *int64 `json:"upper,omitempty"`
	Lower       *int64 `json:"lower,omitempty"`
	Digit       *int64 `json:"digit,omitempty"`
	Special     *int64 `json:"special,omitempty"`
	ExcludeName *bool  `json:"exclude_name,omitempty"`
	History     *int64 `json:"history,omitempty"`
	MinAgeHours *int64 `json:"min_age_hours,omitempty"`
	MaxAgeDays  *int64 `json:"max_age_days,omitempty" doc:"0: a password never ends"`
	MFA         *bool  `json:"mfa,omitempty" doc:"for everybody, without exception"`
}

type clauseOut struct {
	Clause   string `json:"clause" doc:"of the policy; 2.4.1 is all of them"`
	Standing string `json:"standing" doc:"pass, fail or unknown"`
}

type providerOut struct {
	Provider string      `json:"provider"`
	Shape    string      `json:"shape"`
	Read     time.Time   `json:"read_at" doc:"rules read more than three months ago are unknown"`
	Rules    rulesOut    `json:"rules" doc:"missing: could not be read"`
	Clauses  []clauseOut `json:"clauses"`
}

type providersOut struct {
	Providers []providerOut `json:"providers"`
}

func registerRoutes() []Route {
	end := Route{Method: "POST", Path: "/v1/register/{id}/end", Action: "register.edit", Status: 204, BodyOptional: true,
		Summary: "Say that a way was closed in its system."}
	return []Route{
		define(Route{Method: "GET", Path: "/v1/register", Action: "register.read",
			Summary: "List the ways to information past the product."}, listWays),
		define(Route{Method: "POST", Path: "/v1/register/import", Action: "register.edit", Large: true,
			Summary: "Take in the whole list of who can reach a system."}, importWays),
		define(Route{Method: "GET", Path: "/v1/register/catalogue", Action: "register.read",
			Summary: "The roles of PostgreSQL that can sign in to the database below, to import."}, readCatalogue),
		define(Route{Method: "POST", Path: "/v1/register/{id}/bind", Action: "register.edit", Status: 204, Summary: "Say whose a way is."}, bindWay),
		define(end, endWay),
		define(Route{Method: "GET", Path: "/v1/register/providers", Action: "register.read",
			Summary: "What identity providers ask of passwords and second factors, held against the policy."}, listProviders),
		define(Route{Method: "POST", Path: "/v1/register/providers", Action: "register.edit", Status: 204, Large: true,
			Summary: "Read the rules of an identity provider anew."}, importProvider),
	}
}

func listWays(a *API, ctx context.Context, who strongroom.Actor, in *waysIn) (waysOut, error) {
	var list []review.Way
	var next string
	var err error
	if in.Account != "" {
		list, err = a.o.Reviews.WaysOf(ctx, who, in.Account)
	} else {
		list, next, err = a.o.Reviews.Ways(ctx, who, review.WayQuery{Live: in.Live, Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	}
	out := waysOut{Ways: []wayOut{}, Next: next}
	for _, w := range list {
		if in.Live && !w.Ended.IsZero() {
			continue
		}
		out.Ways = append(out.Ways, wayOut{
			w.ID, w.System.Name, string(w.System.Sort), w.Account, w.Privilege, w.Bound, w.First, w.Seen, orNil(w.Ended), w.Stated,
		})
	}
	return out, err
}

func importWays(a *API, ctx context.Context, who strongroom.Actor, in *importIn) (importOut, error) {
	list := make([]review.Listed, len(in.Accounts))
	for i, l := range in.Accounts {
		list[i] = review.Listed(l)
	}
	system := review.System{Name: in.System, Sort: review.SystemSort(in.Sort)}
	var n review.Imported
	var err error
	if in.DryRun {
		n, err = a.o.Reviews.Preview(ctx, who, system, list)
	} else {
		n, err = a.o.Reviews.Import(ctx, who, system, list, in.Confirm)
	}
	return importOut{int64(n.Added), int64(n.Kept), int64(n.Ended), int64(n.Unbound), n.Sweeping}, err
}

func readCatalogue(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (catalogueOut, error) {
	list, ok, err := a.o.Reviews.Catalogue(ctx, who)
	out := catalogueOut{ok, make([]listedIO, len(list))}
	for i, l := range list {
		out.Accounts[i] = listedIO(l)
	}
	return out, err
}

func bindWay(a *API, ctx context.Context, who strongroom.Actor, in *bindIn) (none, error) {
	return none{}, a.o.Reviews.Bind(ctx, who, in.ID, in.Account)
}

func endWay(a *API, ctx context.Context, who strongroom.Actor, in *endWayIn) (none, error) {
	return none{}, a.o.Reviews.EndWay(ctx, who, in.ID, in.At)
}

func importProvider(a *API, ctx context.Context, who strongroom.Actor, in *providerIn) (none, error) {
	return none{}, a.o.Reviews.ImportProvider(ctx, who, in.Provider, review.Shape(in.Shape), []byte(in.Text))
}

func listProviders(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (providersOut, error) {
	list, err := a.o.Reviews.Providers(ctx, who, password.Default())
	out := providersOut{make([]providerOut, len(list))}
	for i, p := range list {
		r := p.Rules
		out.Providers[i] = providerOut{p.Provider, string(p.Shape), p.Read, rulesOut{
			long(r.MinLength), long(r.Upper), long(r.Lower), long(r.Digit), long(r.Special), r.ExcludeName, long(r.History),
			long(r.MinAgeHours), long(r.MaxAgeDays), r.MFA,
		}, nil}
		for _, c := range review.Clauses() {
			out.Providers[i].Clauses = append(out.Providers[i].Clauses, clauseOut{c, string(p.Clauses[c])})
		}
	}
	return out, err
}

func long(n *int) *int64 {
	if n == nil {
		return nil
	}
	x := int64(*n)
	return &x
}
