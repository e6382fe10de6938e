package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/gateway"
)

// Allowances are the calls that people allow the mirrors beyond the table. Each verb
// decides and records for itself.
type Allowances interface {
	Propose(ctx context.Context, who strongroom.Actor, store string, spec gateway.Spec) (gateway.Allowed, error)
	Approve(ctx context.Context, who strongroom.Actor, store, id string) (gateway.Allowed, error)
	End(ctx context.Context, who strongroom.Actor, store, id string) (gateway.Allowed, error)
	List(ctx context.Context, who strongroom.Actor, store string) ([]gateway.Allowed, error)
}

type proposeCallIn struct {
	Store  string         `path:"store" doc:"the store's id"`
	Method string         `json:"method" doc:"GET, POST, PUT or DELETE"`
	Path   string         `json:"path" doc:"behind the version, such as /orders/{id}/events; {…} is one element"`
	Answer string         `json:"answer,omitempty" doc:"orders, customers, fulfillments or store: the records in the answer, which are sealed and tokenised by field map"`
	Shape  []gateway.Line `json:"shape,omitempty" doc:"what may stand in an answer without records"`
	Places []string       `json:"places,omitempty" doc:"paths of the request's body where tokens are put back"`
}

type oneAllowedIn struct {
	Store string `path:"store" doc:"the store's id"`
	ID    string `path:"id" doc:"the call's id"`
}

type allowedOut struct {
	ID       string         `json:"id"`
	Version  int64          `json:"version" doc:"the store's calls are counted"`
	State    string         `json:"state" doc:"proposed, in-force or over"`
	Method   string         `json:"method"`
	Path     string         `json:"path"`
	Answer   string         `json:"answer,omitempty"`
	Shape    []gateway.Line `json:"shape,omitempty"`
	Places   []string       `json:"places,omitempty"`
	Author   string         `json:"author"`
	Approver string         `json:"approver,omitempty"`
	At       time.Time      `json:"proposed_at"`
}

func (a allowedOut) resource() string { return a.ID }

type allowedPage struct {
	Calls []allowedOut `json:"calls"`
}

func outAllowed(a gateway.Allowed) allowedOut {
	return allowedOut{
		ID: a.ID, Version: a.Number, State: a.State, Method: a.Spec.Method, Path: a.Spec.Path, Answer: a.Spec.Answer,
		Shape: a.Spec.Shape, Places: a.Spec.Places, Author: a.Author, Approver: a.Approver, At: a.At,
	}
}

func allowRoutes() []Route {
	const base = "/v1/stores/{store}/mirror"
	return []Route{
		define(Route{Method: "GET", Path: base, Action: "mirror.list",
			Summary: "List the calls that people allowed a store's mirror beyond the table, and those that wait."}, listAllowed),
		define(Route{Method: "POST", Path: base, Action: "mirror.propose", Status: 201, Repeatable: true,
			Summary: "Propose a call with its map. Nothing passes until another person approves it."}, proposeCall),
		define(Route{Method: "POST", Path: base + "/{id}/approve", Action: "mirror.approve",
			Summary: "Put a call in force that another person proposed, in the place of an older version of it."}, approveCall),
		define(Route{Method: "DELETE", Path: base + "/{id}", Action: "mirror.end",
			Summary: "Take a call out of force, or a proposal back, at once."}, endCall),
	}
}

// allowances returns the port, or why there is none.
func (a *API) allowances() (Allowances, error) {
	if a.o.Allowances == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "mirror", "this instance mirrors no store")
	}
	return a.o.Allowances, nil
}

func listAllowed(a *API, ctx context.Context, who strongroom.Actor, in *oneStoreIn) (allowedPage, error) {
	p, err := a.allowances()
	if err != nil {
		return allowedPage{}, err
	}
	list, err := p.List(ctx, who, in.Store)
	out := allowedPage{Calls: make([]allowedOut, len(list))}
	for i, one := range list {
		out.Calls[i] = outAllowed(one)
	}
	return out, err
}

func proposeCall(a *API, ctx context.Context, who strongroom.Actor, in *proposeCallIn) (allowedOut, error) {
	p, err := a.allowances()
	if err != nil {
		return allowedOut{}, err
	}
	out, err := p.Propose(ctx, who, in.Store, gateway.Spec{Method: in.Method, Path: in.Path, Answer: in.Answer, Shape: in.Shape, Places: in.Places})
	return outAllowed(out), err
}

func approveCall(a *API, ctx context.Context, who strongroom.Actor, in *oneAllowedIn) (allowedOut, error) {
	p, err := a.allowances()
	if err != nil {
		return allowedOut{}, err
	}
	out, err := p.Approve(ctx, who, in.Store, in.ID)
	return outAllowed(out), err
}

func endCall(a *API, ctx context.Context, who strongroom.Actor, in *oneAllowedIn) (allowedOut, error) {
	p, err := a.allowances()
	if err != nil {
		return allowedOut{}, err
	}
	out, err := p.End(ctx, who, in.Store, in.ID)
	return outAllowed(out), err
}
