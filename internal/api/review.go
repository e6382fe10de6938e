package api

import (
	"context"
	"strconv"
	"time"

	"strongroom"
	"strongroom/internal/review"
)

type scopeIO struct {
	Roles     []string   `json:"roles,omitempty"`
	Stores    []string   `json:"stores,omitempty"`
	AllStores bool       `json:"all_stores,omitempty"`
	Until     *time.Time `json:"until,omitempty" doc:"missing is as before"`
}

type itemOut struct {
	ID        string     `json:"id" doc:"of the person, service, grant, way outside, or store of a connector"`
	Sort      string     `json:"sort" doc:"account, right, outside or connector"`
	Account   string     `json:"account,omitempty" doc:"whose it is; missing for a way that is nobody's"`
	Owner     string     `json:"owner,omitempty" doc:"who answers for the service"`
	Roles     []string   `json:"roles,omitempty"`
	Elevated  bool       `json:"elevated,omitempty" doc:"a right for hours"`
	Stores    []string   `json:"stores,omitempty"`
	AllStores bool       `json:"all_stores,omitempty"`
	Case      string     `json:"case,omitempty" doc:"the request it came by"`
	From      *time.Time `json:"from,omitempty"`
	Until     *time.Time `json:"until,omitempty"`
	System    string     `json:"system,omitempty" doc:"of a way outside"`
	Privilege string     `json:"privilege,omitempty" doc:"of a way outside"`
	Used      *time.Time `json:"used_at,omitempty"`
	Suspended bool       `json:"suspended,omitempty"`
}

type campaignOut struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" doc:"people or services"`
	Opened  time.Time  `json:"opened_at"`
	Opener  string     `json:"opened_by"`
	Closed  *time.Time `json:"closed_at,omitempty"`
	Closer  string     `json:"closed_by,omitempty"`
	Digest  string     `json:"digest" doc:"SHA-256 over what was frozen; the event of the opening has it too"`
	Entries int64      `json:"entries"`
	Counts  *countsOut `json:"counts,omitempty" doc:"missing in lists"`
}

func (c campaignOut) resource() string { return c.ID }

type countsOut struct {
	Decided  int64 `json:"decided" doc:"entries with a verdict"`
	Due      int64 `json:"due" doc:"of them, to be changed or removed"`
	Verified int64 `json:"verified" doc:"of those, read back as gone"`
}

type deadlineOut struct {
	Kind    string     `json:"kind"`
	Last    *time.Time `json:"last_closed_at,omitempty"`
	Due     *time.Time `json:"due_at,omitempty" doc:"missing while there is nobody to review"`
	Overdue bool       `json:"overdue"`
	Open    string     `json:"open,omitempty" doc:"the review that is going on"`
}

type reviewsOut struct {
	Reviews   []campaignOut `json:"reviews" doc:"the newest 100"`
	Deadlines []deadlineOut `json:"deadlines"`
}

type openReviewIn struct {
	Kind string `json:"kind" doc:"people or services"`
}

type entriesIn struct {
	ID   string `path:"id" doc:"the review's id"`
	Open bool   `query:"open" doc:"those without a verdict"`
	pageIn
}

type entryOut struct {
	Entry    int64      `json:"entry" doc:"its number"`
	Item     itemOut    `json:"item"`
	Verdict  string     `json:"verdict,omitempty" doc:"keep, change or remove"`
	Reason   string     `json:"reason,omitempty"`
	Text     string     `json:"text,omitempty"`
	Wanted   *scopeIO   `json:"wanted,omitempty" doc:"of a change"`
	Decider  string     `json:"decided_by,omitempty"`
	Decided  *time.Time `json:"decided_at,omitempty"`
	Executed *time.Time `json:"executed_at,omitempty" doc:"when the product acted"`
	Verified *time.Time `json:"verified_at,omitempty" doc:"when it was read back"`
	Failure  string     `json:"failure,omitempty" doc:"the code of the last attempt"`
}

type entriesOut struct {
	Entries []entryOut `json:"entries"`
	Next    string     `json:"next_cursor"`
}

type decisionIn struct {
	Entry   int64    `json:"entry"`
	Verdict string   `json:"verdict" doc:"keep, change or remove"`
	Reason  string   `json:"reason" doc:"needed, moved, left, unused, too-wide, unknown or other"`
	Text    string   `json:"text,omitempty" doc:"a sentence without personal data; other needs one"`
	Wanted  *scopeIO `json:"wanted,omitempty" doc:"of a change: what stays, within what there is"`
}

type decisionsIn struct {
	ID        string       `path:"id" doc:"the review's id"`
	Decisions []decisionIn `json:"decisions" doc:"50 at most: all are taken, or none"`
	Confirm   int64        `json:"confirm,omitempty" doc:"how many there are, where there are several"`
}

type executionOut struct {
	Executed int64 `json:"executed" doc:"by this call"`
	Verified int64 `json:"verified" doc:"of all, read back as gone"`
	Failed   int64 `json:"failed" doc:"refused; the entries have the codes"`
	Waiting  int64 `json:"waiting" doc:"still there; ways outside are ended in their system"`
	Left     int64 `json:"left" doc:"not come to; call again"`
}

type holdersIn struct {
	Action string `query:"action" must:"true" doc:"such as key.rotate"`
}

type holdersOut struct {
	Holders []itemOut `json:"holders"`
}

func reviewRoutes() []Route {
	execute := Route{Method: "POST", Path: "/v1/reviews/{id}/execute", Action: "review.close", Long: true,
		Summary: "Take away what was not kept, 200 entries at a time, and read back whether it is gone."}
	return []Route{
		define(Route{Method: "POST", Path: "/v1/reviews", Action: "review.open", Status: 201, Repeatable: true,
			Summary: "Freeze who or what can reach information, for others to decide about."}, openReview),
		define(Route{Method: "GET", Path: "/v1/reviews", Action: "review.read", Summary: "List reviews and when the next are due."}, listReviews),
		define(Route{Method: "GET", Path: "/v1/reviews/holders", Action: "review.read",
			Summary: "Name who may do an action, by right or by a way outside."}, listHolders),
		define(Route{Method: "GET", Path: "/v1/reviews/{id}", Action: "review.read", Summary: "One review, held against what was frozen."}, getReview),
		define(Route{Method: "GET", Path: "/v1/reviews/{id}/entries", Action: "review.read", Summary: "The entries of a review."}, listEntries),
		define(Route{Method: "POST", Path: "/v1/reviews/{id}/decisions", Action: "review.decide", Status: 204,
			Summary: "Decide about entries that concern others."}, decideEntries),
		define(execute, executeReview),
		define(Route{Method: "POST", Path: "/v1/reviews/{id}/close", Action: "review.close",
			Summary: "Close a review; refused while something is undecided or still there."}, closeReview),
	}
}

func openReview(a *API, ctx context.Context, who strongroom.Actor, in *openReviewIn) (campaignOut, error) {
	c, err := a.o.Reviews.Open(ctx, who, review.Kind(in.Kind))
	return outCampaign(c, false), err
}

func listReviews(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (out reviewsOut, err error) {
	list, err := a.o.Reviews.Campaigns(ctx, who)
	if err != nil {
		return out, err
	}
	due, err := a.o.Reviews.Deadlines(ctx)
	out = reviewsOut{Reviews: make([]campaignOut, len(list)), Deadlines: make([]deadlineOut, len(due))}
	for i, c := range list {
		out.Reviews[i] = outCampaign(c, false)
	}
	for i, d := range due {
		out.Deadlines[i] = deadlineOut{string(d.Kind), orNil(d.Last), orNil(d.Due), d.Overdue, d.Open}
	}
	return out, err
}

func getReview(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (campaignOut, error) {
	c, _, err := a.o.Reviews.Campaign(ctx, who, in.ID)
	return outCampaign(c, true), err
}

func listEntries(a *API, ctx context.Context, who strongroom.Actor, in *entriesIn) (entriesOut, error) {
	after, err := numberCursor(in.Cursor)
	if err != nil {
		return entriesOut{}, err
	}
	list, more, err := a.o.Reviews.Entries(ctx, who, in.ID, review.EntryQuery{Open: in.Open, After: after, Limit: pageSize(in.Limit)})
	out := entriesOut{Entries: make([]entryOut, len(list))}
	for i, e := range list {
		out.Entries[i] = outEntry(e)
	}
	if more {
		out.Next = strconv.Itoa(list[len(list)-1].Number)
	}
	return out, err
}

// numberCursor reads a cursor that is the number of the last row.
func numberCursor(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, refusal("cursor", "this is no cursor of ours")
	}
	return n, nil
}

func decideEntries(a *API, ctx context.Context, who strongroom.Actor, in *decisionsIn) (none, error) {
	list := make([]review.Decision, len(in.Decisions))
	for i, d := range in.Decisions {
		list[i] = review.Decision{
			Entry: int(d.Entry), Verdict: review.Verdict(d.Verdict), Reason: review.Reason(d.Reason), Text: d.Text, Wanted: inScope(d.Wanted),
		}
	}
	return none{}, a.o.Reviews.Decide(ctx, who, in.ID, list, int(in.Confirm))
}

func executeReview(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (executionOut, error) {
	x, err := a.o.Reviews.Execute(ctx, who, in.ID)
	return executionOut{int64(x.Executed), int64(x.Verified), int64(x.Failed), int64(x.Waiting), int64(x.Left)}, err
}

func closeReview(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (campaignOut, error) {
	c, err := a.o.Reviews.Close(ctx, who, in.ID)
	return outCampaign(c, true), err
}

func listHolders(a *API, ctx context.Context, who strongroom.Actor, in *holdersIn) (holdersOut, error) {
	list, err := a.o.Reviews.Holders(ctx, who, in.Action)
	return holdersOut{outItems(list)}, err
}

func outCampaign(c review.Campaign, counted bool) campaignOut {
	out := campaignOut{
		ID: c.ID, Kind: string(c.Kind), Opened: c.Opened, Opener: c.Opener, Closed: orNil(c.Closed), Closer: c.Closer,
		Digest: c.Digest, Entries: int64(c.Entries),
	}
	if counted {
		out.Counts = &countsOut{int64(c.Decided), int64(c.Due), int64(c.Verified)}
	}
	return out
}

func outEntry(e review.Entry) entryOut {
	out := entryOut{
		Entry: int64(e.Number), Item: outItem(e.Item), Verdict: string(e.Verdict), Reason: string(e.Reason), Text: e.Text, Decider: e.Decider,
		Decided: orNil(e.Decided), Executed: orNil(e.Executed), Verified: orNil(e.Verified), Failure: e.Failure,
	}
	if e.Verdict == review.Change {
		out.Wanted = outScope(e.Wanted)
	}
	return out
}

func outItem(i review.Item) itemOut {
	return itemOut{
		ID: i.ID, Sort: string(i.Sort), Account: i.Account, Owner: i.Owner, Roles: i.Roles, Elevated: i.Elevated, Stores: i.Stores,
		AllStores: i.AllStores, Case: i.Case, From: orNil(i.From), Until: orNil(i.Until), System: i.System, Privilege: i.Privilege,
		Used: orNil(i.Used), Suspended: i.Suspended,
	}
}

func outItems(list []review.Item) []itemOut {
	out := make([]itemOut, len(list))
	for i, it := range list {
		out[i] = outItem(it)
	}
	return out
}

func outScope(s review.Scope) *scopeIO {
	return &scopeIO{s.Roles, s.Stores, s.AllStores, orNil(s.Until)}
}

func inScope(s *scopeIO) review.Scope {
	if s == nil {
		return review.Scope{}
	}
	return review.Scope{Roles: s.Roles, Stores: s.Stores, AllStores: s.AllStores, Until: orZero(s.Until)}
}
