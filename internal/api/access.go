package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/identity"
	"strongroom/internal/people"
)

type rightIO struct {
	Store     string   `json:"store"`
	Purpose   string   `json:"purpose" doc:"fulfilment, tax, invoice, legal_duty or subject_request"`
	Reference string   `json:"reference,omitempty" doc:"the order or case it is for"`
	Classes   []string `json:"classes,omitempty" doc:"classes of fields; missing is all"`
	Seconds   int64    `json:"duration_seconds,omitempty" max:"28800" doc:"an hour if missing, eight at most"`
}

type newPersonIO struct {
	Name       string     `json:"name,omitempty"`
	Email      string     `json:"email,omitempty" doc:"the person's own address"`
	Employment string     `json:"employment" doc:"employee, contractor, agency or intern"`
	Manager    string     `json:"manager,omitempty" doc:"a person's id"`
	Starts     *time.Time `json:"starts_at,omitempty"`
	Ends       *time.Time `json:"ends_at,omitempty"`
	Vouched    bool       `json:"vouched,omitempty" doc:"the name is a person's own although it holds a word of a role"`
}

type newServiceIO struct {
	Label       string    `json:"label" doc:"a name for people; sealed at rest"`
	Owner       string    `json:"owner" doc:"the person who answers for it and takes its key"`
	Purpose     string    `json:"purpose" doc:"what it is there for"`
	Roles       []string  `json:"roles"`
	Stores      []string  `json:"stores,omitempty"`
	AllStores   bool      `json:"all_stores,omitempty"`
	Networks    []string  `json:"networks,omitempty"`
	Expires     time.Time `json:"expires_at,omitzero"`
	RotateEvery int64     `json:"rotate_every_seconds,omitempty" doc:"how long a key of it is used at most"`
}

type askIn struct {
	Kind      string        `json:"kind" doc:"account, role, service, elevation or break-glass"`
	Reason    string        `json:"reason" doc:"why, in a sentence without personal data"`
	Subject   string        `json:"subject,omitempty" doc:"the person it is about; of an elevation, missing is yourself"`
	Person    *newPersonIO  `json:"person,omitempty" doc:"of an account"`
	Service   *newServiceIO `json:"service,omitempty" doc:"of a service"`
	Roles     []string      `json:"roles,omitempty" doc:"of an account or a role"`
	Stores    []string      `json:"stores,omitempty" doc:"where the roles count"`
	AllStores bool          `json:"all_stores,omitempty"`
	Until     *time.Time    `json:"until,omitempty" doc:"when the roles end; missing is when they are taken away"`
	Replace   bool          `json:"replace,omitempty" doc:"the roles take the place of all that the person has"`
	Right     *rightIO      `json:"right,omitempty" doc:"of an elevation or a broken glass"`
}

type requestOut struct {
	ID        string        `json:"id"`
	State     string        `json:"state" doc:"open, approved, refused, withdrawn or expired"`
	Kind      string        `json:"kind"`
	Asker     string        `json:"asker"`
	Subject   string        `json:"subject,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Person    *newPersonIO  `json:"person,omitempty" doc:"without name and address once it is decided"`
	Service   *newServiceIO `json:"service,omitempty"`
	Roles     []string      `json:"roles,omitempty"`
	Stores    []string      `json:"stores,omitempty"`
	AllStores bool          `json:"all_stores"`
	Right     *rightIO      `json:"right,omitempty"`
	Asked     time.Time     `json:"asked_at"`
	Ends      time.Time     `json:"ends_at" doc:"it can be decided until then"`
	Decided   *time.Time    `json:"decided_at,omitempty"`
	Decider   string        `json:"decider,omitempty"`
	Remark    string        `json:"remark,omitempty"`
	Founding  bool          `json:"founding" doc:"the OS user on the spot decided, because nobody else could"`
	Alone     bool          `json:"alone" doc:"the glass was broken by one person after the delay"`
	Made      []string      `json:"made,omitempty" doc:"ids of what came of it"`
}

func (r requestOut) resource() string { return r.ID }

type requestsIn struct {
	Own   bool   `query:"own" doc:"those that you have asked for, or that are about you"`
	State string `query:"state" of:"open approved refused withdrawn expired" doc:"open, approved, refused, withdrawn or expired; missing is all"`
	pageIn
}

type requestsOut struct {
	Requests []requestOut `json:"requests"`
	Next     string       `json:"next_cursor"`
}

type decideIn struct {
	ID     string `path:"id" doc:"the request's id"`
	Remark string `json:"remark,omitempty" doc:"without personal data"`
}

type grantOut struct {
	ID        string     `json:"id"`
	State     string     `json:"state" doc:"live, ended, or damaged: its row was changed in the database and it gives no right"`
	Subject   string     `json:"subject"`
	Role      string     `json:"role,omitempty" doc:"missing for an elevation"`
	Stores    []string   `json:"stores,omitempty"`
	AllStores bool       `json:"all_stores"`
	Right     *rightIO   `json:"right,omitempty"`
	Glass     bool       `json:"glass" doc:"it came by breaking the glass"`
	Request   string     `json:"request" doc:"the case it came by"`
	From      time.Time  `json:"from"`
	Until     *time.Time `json:"until,omitempty"`
	Ended     *time.Time `json:"ended_at,omitempty"`
}

type grantsIn struct {
	Person string `query:"person" doc:"of one person, over or not; missing is all"`
	Live   bool   `query:"live" doc:"those that nobody ended"`
	pageIn
}

type grantsOut struct {
	Grants []grantOut `json:"grants"`
	Next   string     `json:"next_cursor"`
}

type ruleIO struct {
	ID        string `json:"id,omitempty"`
	Listener  string `json:"listener,omitempty" doc:"api, console or scim; missing is each"`
	Principal string `json:"principal,omitempty" doc:"a person or service; missing is everybody"`
	Deny      bool   `json:"deny,omitempty" doc:"else it allows"`
	Network   string `json:"network" doc:"such as 192.0.2.0/24"`
}

type networksOut struct {
	Rules []ruleIO `json:"rules"`
}

type networksIn struct {
	Add    []ruleIO `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty" doc:"ids of rules"`
}

func accessRoutes() []Route {
	decide := func(verb, action, says string) Route {
		return Route{Method: "POST", Path: "/v1/requests/{id}/" + verb, Action: action, BodyOptional: true, Summary: says}
	}
	return []Route{
		define(Route{Method: "POST", Path: "/v1/requests", Action: "request.ask", Status: 201, Repeatable: true,
			Summary: "Ask for an account, a role, a service or a short right; another person decides."}, ask),
		define(Route{Method: "GET", Path: "/v1/requests", Action: "request.list", Summary: "List requests, without names and reasons."}, listRequests),
		define(Route{Method: "GET", Path: "/v1/requests/{id}", Action: "request.list", Summary: "One request with all it says."}, getRequest),
		define(decide("approve", "request.approve", "Make what a request asks for."), approve),
		define(decide("refuse", "request.approve", "Say no to a request."), refuse),
		define(Route{Method: "POST", Path: "/v1/requests/{id}/withdraw", Action: "request.withdraw", Summary: "Take a request back."}, withdraw),
		define(Route{Method: "POST", Path: "/v1/requests/{id}/break", Action: "glass.break",
			Summary: "Open the glass you asked for, alone, once the delay is over."}, breakGlass),
		define(Route{Method: "GET", Path: "/v1/grants", Action: "grant.list", Summary: "List grants: who has which right, and by which case."}, listGrants),
		define(Route{Method: "DELETE", Path: "/v1/grants/{id}", Action: "grant.revoke", Status: 204, Summary: "End a grant at once."}, revokeGrant),
		define(Route{Method: "GET", Path: "/v1/networks", Action: "network.list", Summary: "List the network rules."}, listNetworks),
		define(Route{Method: "POST", Path: "/v1/networks", Action: "network.edit",
			Summary: "Add and remove network rules, but not so that you could not come back."}, editNetworks),
	}
}

func ask(a *API, ctx context.Context, who strongroom.Actor, in *askIn) (requestOut, error) {
	s := access.Spec{
		Kind: access.Kind(in.Kind), Reason: in.Reason, Subject: in.Subject, Roles: in.Roles, Stores: in.Stores, AllStores: in.AllStores,
		Until: orZero(in.Until), Replace: in.Replace,
	}
	if p := in.Person; p != nil {
		s.Person = people.Spec{Name: p.Name, Email: p.Email, Employment: p.Employment, Manager: p.Manager,
			Starts: orZero(p.Starts), Ends: orZero(p.Ends), Vouched: p.Vouched}
	}
	if x := in.Service; x != nil {
		nets, err := networks(x.Networks)
		if err != nil {
			return requestOut{}, err
		}
		s.Service = identity.KeySpec{Label: x.Label, Owner: x.Owner, Purpose: x.Purpose, Roles: x.Roles, Stores: x.Stores,
			AllStores: x.AllStores, Networks: nets, Expires: x.Expires, RotateEvery: seconds(x.RotateEvery)}
	}
	if r := in.Right; r != nil {
		s.Right = access.Right{Store: r.Store, Purpose: strongroom.Purpose(r.Purpose), Reference: r.Reference, Classes: r.Classes, Duration: seconds(r.Seconds)}
	}
	q, err := a.o.Access.Ask(ctx, who, s)
	return outRequest(q), err
}

func listRequests(a *API, ctx context.Context, who strongroom.Actor, in *requestsIn) (requestsOut, error) {
	list, next, err := a.o.Access.Requests(ctx, who, access.Query{Own: in.Own, State: access.State(in.State), Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	out := requestsOut{Requests: make([]requestOut, len(list)), Next: next}
	for i, q := range list {
		out.Requests[i] = outRequest(q)
	}
	return out, err
}

func getRequest(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (requestOut, error) {
	q, err := a.o.Access.Request(ctx, who, in.ID)
	return outRequest(q), err
}

func approve(a *API, ctx context.Context, who strongroom.Actor, in *decideIn) (requestOut, error) {
	q, err := a.o.Access.Approve(ctx, who, in.ID, in.Remark)
	return outRequest(q), err
}

func refuse(a *API, ctx context.Context, who strongroom.Actor, in *decideIn) (requestOut, error) {
	q, err := a.o.Access.Refuse(ctx, who, in.ID, in.Remark)
	return outRequest(q), err
}

func withdraw(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (requestOut, error) {
	q, err := a.o.Access.Withdraw(ctx, who, in.ID)
	return outRequest(q), err
}

func breakGlass(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (requestOut, error) {
	q, err := a.o.Access.Break(ctx, who, in.ID)
	return outRequest(q), err
}

func listGrants(a *API, ctx context.Context, who strongroom.Actor, in *grantsIn) (grantsOut, error) {
	list, next, err := a.o.Access.Grants(ctx, who, access.GrantQuery{Person: in.Person, Live: in.Live, Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	out := grantsOut{Grants: make([]grantOut, len(list)), Next: next}
	for i, g := range list {
		out.Grants[i] = outGrant(g)
	}
	return out, err
}

func revokeGrant(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.Access.Revoke(ctx, who, in.ID)
}

func listNetworks(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (networksOut, error) {
	rules, err := a.o.Access.Networks(ctx, who)
	return outRules(rules), err
}

func editNetworks(a *API, ctx context.Context, who strongroom.Actor, in *networksIn) (networksOut, error) {
	add := make([]access.Rule, len(in.Add))
	for i, r := range in.Add {
		p, err := parseNetwork(r.Network)
		if err != nil {
			return networksOut{}, err
		}
		add[i] = access.Rule{Listener: access.Listener(r.Listener), Principal: r.Principal, Deny: r.Deny, Network: p}
	}
	rules, err := a.o.Access.ChangeNetworks(ctx, who, add, in.Remove)
	return outRules(rules), err
}

func outRules(rules []access.Rule) networksOut {
	out := networksOut{Rules: make([]ruleIO, len(rules))}
	for i, r := range rules {
		out.Rules[i] = ruleIO{r.ID, string(r.Listener), r.Principal, r.Deny, r.Network.String()}
	}
	return out
}

func outRequest(q access.Request) requestOut {
	s := q.Spec
	out := requestOut{
		ID: q.ID, State: string(q.State), Kind: string(s.Kind), Asker: q.Asker, Subject: s.Subject, Reason: s.Reason, Roles: s.Roles,
		Stores: s.Stores, AllStores: s.AllStores, Right: outRight(s.Right), Asked: q.Asked, Ends: q.Ends, Decided: orNil(q.Decided),
		Decider: q.Decider, Remark: q.Remark, Founding: q.Founding, Alone: q.Alone, Made: q.Made,
	}
	switch p := s.Person; s.Kind {
	case access.Account:
		out.Person = &newPersonIO{p.Name, p.Email, p.Employment, p.Manager, orNil(p.Starts), orNil(p.Ends), p.Vouched}
	case access.Service:
		k := s.Service
		out.Service = &newServiceIO{Label: k.Label, Owner: k.Owner, Purpose: k.Purpose, Roles: k.Roles, Stores: k.Stores, AllStores: k.AllStores,
			Expires: k.Expires, RotateEvery: int64(k.RotateEvery / time.Second)}
		for _, n := range k.Networks {
			out.Service.Networks = append(out.Service.Networks, n.String())
		}
	}
	return out
}

func outRight(r access.Right) *rightIO {
	if r.Store == "" {
		return nil
	}
	return &rightIO{r.Store, string(r.Purpose), r.Reference, r.Classes, int64(r.Duration / time.Second)}
}

func outGrant(g access.Grant) grantOut {
	state := "live"
	switch {
	case g.Damaged:
		state = "damaged"
	case !g.Ended.IsZero():
		state = "ended"
	}
	return grantOut{
		ID: g.ID, State: state, Subject: g.Subject, Role: g.Role, Stores: g.Stores, AllStores: g.AllStores, Right: outRight(g.Right),
		Glass: g.Glass, Request: g.Request, From: g.From, Until: orNil(g.Until), Ended: orNil(g.Ended),
	}
}

// orZero is a time that may be missing.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// seconds is a number of seconds as far as a duration reaches.
func seconds(n int64) time.Duration {
	const most = 100 * 366 * 24 * 3600
	return time.Duration(min(max(n, -1), most)) * time.Second
}
