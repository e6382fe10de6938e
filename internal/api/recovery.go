package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/people"
)

type recoverIn struct {
	Email string `json:"email" doc:"the address of the owner"`
}

type wayBackOut struct {
	Person  string     `json:"person"`
	Asked   time.Time  `json:"asked_at"`
	Due     time.Time  `json:"due_at" doc:"from then on it can be carried out; until then any owner who signs in calls it off"`
	Until   time.Time  `json:"until" doc:"afterwards it begins anew"`
	Link    string     `json:"link,omitempty" doc:"where the owner enrols anew; only when it was carried out, shown this once"`
	Expires *time.Time `json:"expires_at,omitempty" doc:"of the link"`
}

type recoveriesOut struct {
	Recoveries []wayBackOut `json:"recoveries"`
}

func recoveryRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/recoveries", Action: "person.list",
			Summary: "Owners who are being led back in from the host."}, listRecoveries),
		define(Route{Method: "POST", Path: "/v1/recoveries", Action: "person.recover",
			Summary: "Begin to lead an only owner back in who lost all factors; a day later, carry it out."}, recoverOwner),
		define(Route{Method: "DELETE", Path: "/v1/recoveries/{id}", Action: "recovery.cancel", Status: 204,
			Summary: "Call a recovery off, by the id of the account."}, cancelRecovery),
	}
}

func recoverOwner(a *API, ctx context.Context, who strongroom.Actor, in *recoverIn) (wayBackOut, error) {
	r, err := a.o.People.Recover(ctx, who, in.Email)
	if err != nil {
		return wayBackOut{}, err
	}
	return a.outRecovery(r), nil
}

func listRecoveries(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (recoveriesOut, error) {
	list, err := a.o.People.Recoveries(ctx, who)
	out := recoveriesOut{Recoveries: make([]wayBackOut, len(list))}
	for i, r := range list {
		out.Recoveries[i] = a.outRecovery(r)
	}
	return out, err
}

func cancelRecovery(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (none, error) {
	return none{}, a.o.People.CancelRecovery(ctx, who, in.ID)
}

func (a *API) outRecovery(r people.WayBack) wayBackOut {
	out := wayBackOut{Person: r.Person, Asked: r.Asked, Due: r.Due, Until: r.Until}
	if token := r.Link.Token.Reveal(); token != "" {
		out.Link, out.Expires = a.o.Link(token), &r.Link.Expires
	}
	return out
}
