package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/lifecycle"
)

type caseIn struct {
	Purpose  string    `json:"purpose" doc:"legal_duty or subject_request"`
	Citation string    `json:"citation" doc:"the law, order or incident it rests on, such as GDPR Art. 15(1); sealed at rest"`
	Store    string    `json:"store,omitempty" doc:"id of the one store it is for; all the caller may see if missing"`
	Due      time.Time `json:"due_at,omitzero" doc:"when it must be done: at most a year away for a legal duty, which needs one; a month away for a subject request, and then if missing"`
}

type caseOut struct {
	ID          string     `json:"id" doc:"the reference of a reveal under this case"`
	Purpose     string     `json:"purpose"`
	Citation    string     `json:"citation"`
	State       string     `json:"state" doc:"open, overdue or closed; only an open case opens anything"`
	Store       string     `json:"store,omitempty" doc:"the one store it is for"`
	Stores      []string   `json:"stores,omitempty" doc:"or those its opener could see"`
	AllStores   bool       `json:"all_stores" doc:"or every store"`
	OpenedBy    string     `json:"opened_by" doc:"the actor's id"`
	Opened      time.Time  `json:"opened_at"`
	Due         time.Time  `json:"due_at"`
	Extended    *time.Time `json:"extended_at,omitempty"`
	ExtendedFor string     `json:"extended_for,omitempty" doc:"complexity or number"`
	Closed      *time.Time `json:"closed_at,omitempty"`
	ClosedFor   string     `json:"closed_for,omitempty" doc:"answered, refused, withdrawn or mistaken"`
}

func (c caseOut) resource() string { return c.ID }

type casePage struct {
	Cases []caseOut `json:"cases"`
	Next  string    `json:"next_cursor"`
}

type casesIn struct {
	Open bool `query:"open" doc:"only those that are not closed, overdue ones included"`
	pageIn
}

type oneCaseIn struct {
	Case string `path:"case" doc:"the case's id"`
}

type closeCaseIn struct {
	Case   string `path:"case" doc:"the case's id"`
	Reason string `json:"reason" doc:"answered, refused, withdrawn or mistaken"`
}

type extendCaseIn struct {
	Case   string `path:"case" doc:"the case's id"`
	Reason string `json:"reason" doc:"complexity of the request or number of requests (GDPR Art. 12(3))"`
}

func caseRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/cases", Action: "case.open", Status: 201, Repeatable: true,
			Summary: "Open a case, so that a legal duty or a shopper's request may open records."}, openCase),
		define(Route{Method: "GET", Path: "/v1/cases", Action: "case.list",
			Summary: "List the cases within the stores of the caller, oldest first."}, listCases),
		define(Route{Method: "GET", Path: "/v1/cases/{case}", Action: "case.list",
			Summary: "One case."}, oneCase),
		define(Route{Method: "POST", Path: "/v1/cases/{case}/close", Action: "case.close",
			Summary: "Close a case for good: it opens nothing more."}, closeCase),
		define(Route{Method: "POST", Path: "/v1/cases/{case}/extend", Action: "case.extend", Repeatable: true,
			Summary: "Give a shopper's request two months more, once, before it is due."}, extendCase),
	}
}

func openCase(a *API, ctx context.Context, who strongroom.Actor, in *caseIn) (caseOut, error) {
	c, err := a.o.Cases.Open(ctx, who, lifecycle.CaseSpec{
		Purpose: strongroom.Purpose(in.Purpose), Citation: in.Citation, Store: in.Store, Due: in.Due,
	})
	return outCase(c), err
}

func listCases(a *API, ctx context.Context, who strongroom.Actor, in *casesIn) (casePage, error) {
	list, next, err := a.o.Cases.List(ctx, who, lifecycle.CaseQuery{Open: in.Open, Cursor: in.Cursor, Limit: pageSize(in.Limit)})
	out := casePage{Cases: make([]caseOut, len(list)), Next: next}
	for i, c := range list {
		out.Cases[i] = outCase(c)
	}
	return out, err
}

func oneCase(a *API, ctx context.Context, who strongroom.Actor, in *oneCaseIn) (caseOut, error) {
	c, err := a.o.Cases.Get(ctx, who, in.Case)
	return outCase(c), err
}

func closeCase(a *API, ctx context.Context, who strongroom.Actor, in *closeCaseIn) (caseOut, error) {
	c, err := a.o.Cases.Close(ctx, who, in.Case, lifecycle.CloseReason(in.Reason))
	return outCase(c), err
}

func extendCase(a *API, ctx context.Context, who strongroom.Actor, in *extendCaseIn) (caseOut, error) {
	c, err := a.o.Cases.Extend(ctx, who, in.Case, lifecycle.ExtendReason(in.Reason))
	return outCase(c), err
}

func outCase(c lifecycle.Case) caseOut {
	return caseOut{
		ID: c.ID, Purpose: string(c.Purpose), Citation: c.Citation, State: string(c.State), Store: c.Store, Stores: c.Stores,
		AllStores: c.All, OpenedBy: c.Opener, Opened: c.Opened, Due: c.Due, Extended: orNil(c.Extended), ExtendedFor: string(c.ExtendedFor),
		Closed: orNil(c.Closed), ClosedFor: string(c.ClosedFor),
	}
}
