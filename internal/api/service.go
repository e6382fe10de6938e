package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/identity"
)

type findingOut struct {
	Service string     `json:"service"`
	Owner   string     `json:"owner,omitempty"`
	Flaws   []string   `json:"flaws" doc:"unowned, orphan, away, unused, rotate or damaged"`
	Ends    *time.Time `json:"ends_at,omitempty" doc:"when it dies or is suspended by itself because of them"`
}

type findingsOut struct {
	Findings []findingOut `json:"findings"`
}

type adoptIn struct {
	ID          string `path:"id" doc:"the service's id"`
	Owner       string `json:"owner" doc:"a person who is active"`
	Purpose     string `json:"purpose,omitempty" doc:"what it is there for; missing keeps what there is"`
	RotateEvery int64  `json:"rotate_every_seconds,omitempty" doc:"how long a key of it is used at most; missing keeps what there is"`
}

func serviceRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/services/findings", Action: "service.list",
			Summary: "List services that nobody owns or uses, or whose key is too old."}, listFindings),
		define(Route{Method: "POST", Path: "/v1/services/{id}/adopt", Action: "service.adopt",
			Summary: "Give a service an owner, or hand it over."}, adopt),
		define(Route{Method: "POST", Path: "/v1/services/{id}/suspend", Action: "service.suspend",
			Summary: "Have a service refused until it is resumed."}, suspendService),
		define(Route{Method: "POST", Path: "/v1/services/{id}/resume", Action: "service.resume",
			Summary: "Let a suspended service go on."}, resumeService),
	}
}

func listFindings(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (findingsOut, error) {
	list, err := a.o.Identity.Findings(ctx, who)
	out := findingsOut{Findings: make([]findingOut, len(list))}
	for i, f := range list {
		out.Findings[i] = findingOut{f.Service, f.Owner, words(f.Flaws), orNil(f.Ends)}
	}
	return out, err
}

func adopt(a *API, ctx context.Context, who strongroom.Actor, in *adoptIn) (keyOut, error) {
	k, err := a.o.Identity.Adopt(ctx, who, in.ID, identity.Adoption{Owner: in.Owner, Purpose: in.Purpose, RotateEvery: seconds(in.RotateEvery)})
	return outKey(k, identity.Secret{}), err
}

func suspendService(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (keyOut, error) {
	k, err := a.o.Identity.Suspend(ctx, who, in.ID)
	return outKey(k, identity.Secret{}), err
}

func resumeService(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (keyOut, error) {
	k, err := a.o.Identity.Resume(ctx, who, in.ID)
	return outKey(k, identity.Secret{}), err
}
