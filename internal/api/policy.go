package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/people"
	"strongroom/internal/policy"
)

type fileIO struct {
	Name string `json:"name" doc:"ends in .cedar"`
	Text string `json:"text" doc:"in Cedar's own syntax"`
}

type versionOut struct {
	ID       string     `json:"id,omitempty" doc:"missing for version 0, what was shipped and configured"`
	Number   int64      `json:"number"`
	State    string     `json:"state" doc:"proposed, approved, active, superseded or withdrawn"`
	Digest   string     `json:"digest"`
	Author   string     `json:"author,omitempty"`
	Created  *time.Time `json:"created_at,omitempty"`
	Decider  string     `json:"decider,omitempty"`
	Decided  *time.Time `json:"decided_at,omitempty"`
	Active   *time.Time `json:"active_at,omitempty" doc:"when it was put in force last"`
	Restores int64      `json:"restores,omitempty" doc:"the version it brings back"`
	Files    []fileIO   `json:"files,omitempty"`
	Change   *changeOut `json:"change,omitempty" doc:"how it differs from what is in force"`
}

func (v versionOut) resource() string { return v.ID }

type changeOut struct {
	Widens bool      `json:"widens" doc:"it may allow what was denied; another person approves it"`
	Stops  bool      `json:"stops" doc:"it may keep somebody from erasing, ending or reading the log; another person approves it"`
	Steps  []stepOut `json:"steps"`
}

type stepOut struct {
	Policy string `json:"policy"`
	What   string `json:"what" doc:"added, removed or changed"`
	Forbid bool   `json:"forbid"`
	Widens bool   `json:"widens"`
	Stops  bool   `json:"stops"`
	Why    string `json:"why"`
}

type versionsIn struct {
	Before int64 `query:"before" doc:"versions with lower numbers; missing begins with the newest"`
	Limit  int64 `query:"limit" cap:"200" doc:"at most this many, 50 if missing; more than 200 counts as 200"`
}

type versionsOut struct {
	Versions []versionOut `json:"versions"`
}

type proposeIn struct {
	Files []fileIO `json:"files"`
}

type problemsOut struct {
	Problems []problemLine `json:"problems" doc:"empty where the engine takes the files"`
}

type problemLine struct {
	File   string `json:"file"`
	Line   int64  `json:"line"`
	Policy string `json:"policy,omitempty"`
	What   string `json:"what"`
}

type dryRunIn struct {
	ID   string    `path:"id" doc:"the version's id"`
	From time.Time `json:"from,omitzero" doc:"a day before to if missing"`
	To   time.Time `json:"to,omitzero" doc:"now if missing"`
}

type dryRunOut struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Decisions  int64     `json:"decisions" doc:"looked at"`
	Denied     int64     `json:"denied" doc:"allowed then, denied with the change"`
	Allowed    int64     `json:"allowed" doc:"denied then, allowed with the change"`
	Unknown    int64     `json:"unknown" doc:"cannot be told from the log"`
	Incomplete bool      `json:"incomplete"`
	Text       string    `json:"text" doc:"the same in a few lines"`
}

type rollbackIn struct {
	Number int64 `json:"number" doc:"of the version to bring back; 0 is what was shipped and configured"`
}

type explainIn struct {
	Kind      string   `json:"kind,omitempty" doc:"person or service; missing is by the id"`
	Subject   string   `json:"subject" doc:"the account's id"`
	Action    string   `json:"action" doc:"such as record.reveal"`
	Type      string   `json:"type" doc:"of what is acted on: Record, Store, Log, Key, Instance, …"`
	Store     string   `json:"store,omitempty"`
	Purpose   string   `json:"purpose,omitempty"`
	Reference bool     `json:"reference,omitempty" doc:"an order or case is named"`
	Classes   []string `json:"classes,omitempty" doc:"of the fields asked for"`
	Device    string   `json:"device,omitempty" doc:"managed, unmanaged or unknown"`
	MFAAge    *int64   `json:"mfa_age_seconds,omitempty" doc:"since two factors were shown; missing is never"`
}

type explainOut struct {
	Allow     bool     `json:"allow"`
	Text      string   `json:"text" doc:"one sentence"`
	Reasons   []string `json:"reasons" doc:"the policies that decided"`
	Otherwise []string `json:"otherwise,omitempty" doc:"what would allow it, were it not forbidden"`
	Holders   []string `json:"holders,omitempty" doc:"roles that may"`
	Lines     string   `json:"lines" doc:"all of it for a terminal"`
}

func policyRoutes() []Route {
	on := func(verb, action, says string) Route {
		return Route{Method: "POST", Path: "/v1/policies/{id}/" + verb, Action: action, Summary: says}
	}
	dry := on("dry-run", "policy.read", "Say what a version would have done to past decisions.")
	dry.BodyOptional = true
	return []Route{
		define(Route{Method: "GET", Path: "/v1/policies", Action: "policy.read", Summary: "List versions of the policies, newest first."}, listVersions),
		define(Route{Method: "GET", Path: "/v1/policies/current", Action: "policy.read", Summary: "The version in force, with its files."}, currentVersion),
		define(Route{Method: "GET", Path: "/v1/policies/{id}", Action: "policy.read", Summary: "A version, its files and how it differs."}, getVersion),
		define(Route{Method: "POST", Path: "/v1/policies", Action: "policy.propose", Status: 201, Repeatable: true,
			Summary: "Propose a version. Nothing changes yet."}, propose),
		define(Route{Method: "POST", Path: "/v1/policies/check", Action: "policy.propose", Summary: "Say what is wrong with files."}, checkFiles),
		define(dry, dryRun),
		define(on("approve", "policy.approve", "Approve a version for the policies in force now."), approveVersion),
		define(on("activate", "policy.approve", "Put a version in force."), activate),
		define(on("withdraw", "policy.propose", "Take back a version that waits."), withdrawVersion),
		define(Route{Method: "POST", Path: "/v1/policies/rollback", Action: "policy.propose", Status: 201,
			Summary: "Propose an earlier version again; at once in force where that is not wider."}, rollback),
		define(Route{Method: "POST", Path: "/v1/policies/explain", Action: "policy.read",
			Summary: "Why an account may or may not."}, explain),
	}
}

func listVersions(a *API, ctx context.Context, who strongroom.Actor, in *versionsIn) (versionsOut, error) {
	list, err := a.o.Policies.List(ctx, who, in.Before, pageSize(in.Limit))
	out := versionsOut{Versions: make([]versionOut, len(list))}
	for i, v := range list {
		out.Versions[i] = outVersion(v)
	}
	return out, err
}

func currentVersion(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (versionOut, error) {
	v, err := a.o.Policies.Current(ctx, who)
	return outVersion(v), err
}

func getVersion(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (versionOut, error) {
	v, change, err := a.o.Policies.Get(ctx, who, in.ID)
	out := outVersion(v)
	out.Change = &changeOut{change.Widens, change.Stops, make([]stepOut, len(change.Steps))}
	for i, s := range change.Steps {
		out.Change.Steps[i] = stepOut{s.Policy, s.What, s.Forbid, s.Widens, s.Stops, s.Why}
	}
	return out, err
}

func propose(a *API, ctx context.Context, who strongroom.Actor, in *proposeIn) (versionOut, error) {
	texts, err := textsOf(in.Files)
	if err != nil {
		return versionOut{}, err
	}
	v, change, err := a.o.Policies.Propose(ctx, who, policy.Files(texts))
	out := outVersion(v)
	out.Change = &changeOut{change.Widens, change.Stops, make([]stepOut, len(change.Steps))}
	for i, s := range change.Steps {
		out.Change.Steps[i] = stepOut{s.Policy, s.What, s.Forbid, s.Widens, s.Stops, s.Why}
	}
	return out, err
}

func checkFiles(a *API, ctx context.Context, who strongroom.Actor, in *proposeIn) (problemsOut, error) {
	texts, err := textsOf(in.Files)
	if err != nil {
		return problemsOut{}, err
	}
	list, err := a.o.Policies.Check(ctx, who, policy.Files(texts))
	out := problemsOut{Problems: []problemLine{}}
	for _, p := range list {
		out.Problems = append(out.Problems, problemLine{p.File, int64(p.Line), p.Policy, p.What})
	}
	return out, err
}

func dryRun(a *API, ctx context.Context, who strongroom.Actor, in *dryRunIn) (dryRunOut, error) {
	if in.To.IsZero() {
		in.To = a.o.Now()
	}
	if in.From.IsZero() {
		in.From = in.To.AddDate(0, 0, -1)
	}
	r, err := a.o.Policies.DryRun(ctx, who, in.ID, in.From, in.To)
	if err != nil {
		return dryRunOut{}, err
	}
	return dryRunOut{r.From, r.To, int64(r.Decisions), int64(r.Denied), int64(r.Allowed), int64(r.Unknown), r.Incomplete, r.String()}, nil
}

func approveVersion(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (versionOut, error) {
	v, err := a.o.Policies.Approve(ctx, who, in.ID)
	return outVersion(v), err
}

func activate(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (versionOut, error) {
	v, err := a.o.Policies.Activate(ctx, who, in.ID)
	return outVersion(v), err
}

func withdrawVersion(a *API, ctx context.Context, who strongroom.Actor, in *idIn) (versionOut, error) {
	v, err := a.o.Policies.Withdraw(ctx, who, in.ID)
	return outVersion(v), err
}

func rollback(a *API, ctx context.Context, who strongroom.Actor, in *rollbackIn) (versionOut, error) {
	v, _, err := a.o.Policies.Rollback(ctx, who, in.Number)
	return outVersion(v), err
}

func explain(a *API, ctx context.Context, who strongroom.Actor, in *explainIn) (explainOut, error) {
	q := policy.Question{
		Kind: strongroom.ActorKind(in.Kind), Subject: in.Subject, Action: in.Action, Purpose: strongroom.Purpose(in.Purpose),
		Resource:  strongroom.Resource{Type: in.Type, ID: "asked", Store: in.Store},
		Reference: in.Reference, Classes: in.Classes, Device: in.Device, Shown: -1,
	}
	for _, must := range [][2]string{{"subject", in.Subject}, {"action", in.Action}, {"type", in.Type}} {
		if must[1] == "" {
			return explainOut{}, strongroom.Faultf(strongroom.Invalid, must[0], "%s is missing", must[0]).Advise("see /openapi.json")
		}
	}
	if in.Kind == "" {
		q.Kind = kindOf(in.Subject)
	}
	if in.MFAAge != nil {
		q.Shown = seconds(*in.MFAAge)
	}
	x, err := a.o.Policies.Explain(ctx, who, q)
	if err != nil {
		return explainOut{}, err
	}
	return explainOut{x.Decision.Allow, x.Text, noNil(x.Reasons), x.Otherwise, x.Holders, x.String()}, nil
}

// textsOf are the texts of files by name; a name may be there once.
func textsOf(files []fileIO) (map[string]string, error) {
	out := make(map[string]string, len(files))
	for _, f := range files {
		if _, twice := out[f.Name]; twice {
			return nil, refusal("policy-file", "two files have the same name")
		}
		out[f.Name] = f.Text
	}
	return out, nil
}

func outVersion(v policy.Version) versionOut {
	out := versionOut{
		ID: v.ID, Number: v.Number, State: v.State.String(), Digest: v.Digest, Author: v.Author, Created: orNil(v.Created),
		Decider: v.Decider, Decided: orNil(v.Decided), Active: orNil(v.Active), Restores: v.Restores,
	}
	for _, f := range v.Files {
		out.Files = append(out.Files, fileIO{f.Name, string(f.Text)})
	}
	return out
}

// kindOf tells the kind of an account by its id.
func kindOf(id string) strongroom.ActorKind {
	if people.IsID(id) {
		return strongroom.PersonActor
	}
	return strongroom.ServiceActor
}
