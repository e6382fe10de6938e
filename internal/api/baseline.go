package api

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/review"
)

type kindIn struct {
	Kind string `path:"kind" of:"people services" doc:"people or services"`
}

type baselineOut struct {
	Kind    string     `json:"kind"`
	Version int64      `json:"version,omitempty" doc:"missing for what is there and was not approved"`
	Made    *time.Time `json:"approved_at,omitempty"`
	Maker   string     `json:"approved_by,omitempty"`
	Digest  string     `json:"digest" doc:"SHA-256 over the items"`
	Items   []itemOut  `json:"items"`
	Waits   bool       `json:"waits,omitempty" doc:"the approved baseline is not the one the log shows: somebody else approves the same digest within seven days"`
}

type approveBaselineIn struct {
	Kind   string `path:"kind" of:"people services" doc:"people or services"`
	Digest string `json:"digest" doc:"of what you have seen"`
}

type driftFinding struct {
	Flaw string  `json:"flaw" doc:"unapproved, new, dormant, unused, standing, unbound or leaver"`
	Item itemOut `json:"item"`
}

type proposalOut struct {
	Item itemOut  `json:"item"`
	Used []string `json:"used" doc:"actions of the role that were used"`
	To   scopeIO  `json:"to" doc:"what would be enough; without roles, the right can go"`
}

type driftOut struct {
	Findings  []driftFinding `json:"findings"`
	Proposals []proposalOut  `json:"proposals" doc:"for rights that are not used as a whole"`
}

type monthIn struct {
	Month string `path:"month" doc:"such as 2026-10"`
}

type sampleOut struct {
	Position  int64      `json:"position" doc:"of the reveal in the log"`
	Actor     string     `json:"actor"`
	Owner     string     `json:"owner,omitempty" doc:"who answers for the service that opened it"`
	Store     string     `json:"store"`
	Record    string     `json:"record"`
	Purpose   string     `json:"purpose"`
	At        time.Time  `json:"at"`
	Judgement string     `json:"judgement,omitempty" doc:"justified, unjustified or unclear"`
	Text      string     `json:"text,omitempty"`
	Judge     string     `json:"judged_by,omitempty"`
	Judged    *time.Time `json:"judged_at,omitempty"`
}

type monthOut struct {
	Month   string      `json:"month"`
	Drawn   *time.Time  `json:"drawn_at,omitempty"`
	Size    int64       `json:"size" doc:"of the log at the month's end"`
	Root    string      `json:"root,omitempty" doc:"of the log at the month's end: it chose the samples"`
	Reveals int64       `json:"reveals"`
	Open    int64       `json:"open" doc:"not judged"`
	Stale   bool        `json:"stale" doc:"not drawn, or not judged, within the month that follows"`
	Samples []sampleOut `json:"samples"`
}

type judgeIn struct {
	Month     string `path:"month" doc:"such as 2026-10"`
	Position  int64  `json:"position"`
	Judgement string `json:"judgement" doc:"justified, unjustified or unclear"`
	Text      string `json:"text,omitempty" doc:"a sentence without personal data"`
}

func baselineRoutes() []Route {
	drift := Route{Method: "GET", Path: "/v1/baselines/{kind}/drift", Action: "review.read", Long: true,
		Summary: "What departs from the baseline, and rights that are not used as a whole."}
	return []Route{
		define(Route{Method: "GET", Path: "/v1/baselines/{kind}", Action: "review.read", Summary: "The approved set of accounts and rights."}, getBaseline),
		define(Route{Method: "GET", Path: "/v1/baselines/{kind}/present", Action: "review.read", Summary: "The set as it is now, to approve."}, getPresent),
		define(Route{Method: "POST", Path: "/v1/baselines/{kind}/approve", Action: "review.close", Summary: "Make what is there the baseline."}, approveBaseline),
		define(drift, getDrift),
		define(Route{Method: "GET", Path: "/v1/samples/{month}", Action: "review.read",
			Summary: "The reveals of a month that somebody else is to judge."}, getSamples),
		define(Route{Method: "POST", Path: "/v1/samples/{month}/judge", Action: "review.decide", Status: 204,
			Summary: "Say of a reveal whether it had to be known."}, judgeSample),
	}
}

func getBaseline(a *API, ctx context.Context, who strongroom.Actor, in *kindIn) (baselineOut, error) {
	b, err := a.o.Reviews.Baseline(ctx, who, review.Kind(in.Kind))
	return outBaseline(b), err
}

func getPresent(a *API, ctx context.Context, who strongroom.Actor, in *kindIn) (baselineOut, error) {
	b, err := a.o.Reviews.Present(ctx, who, review.Kind(in.Kind))
	return outBaseline(b), err
}

func approveBaseline(a *API, ctx context.Context, who strongroom.Actor, in *approveBaselineIn) (baselineOut, error) {
	b, err := a.o.Reviews.Approve(ctx, who, review.Kind(in.Kind), in.Digest)
	return outBaseline(b), err
}

func outBaseline(b review.Baseline) baselineOut {
	return baselineOut{string(b.Kind), int64(b.Version), orNil(b.Made), b.Maker, b.Digest, outItems(b.Items), b.Waits}
}

func getDrift(a *API, ctx context.Context, who strongroom.Actor, in *kindIn) (driftOut, error) {
	found, less, err := a.o.Reviews.Drift(ctx, who, review.Kind(in.Kind))
	out := driftOut{Findings: make([]driftFinding, len(found)), Proposals: make([]proposalOut, len(less))}
	for i, f := range found {
		out.Findings[i] = driftFinding{string(f.Flaw), outItem(f.Item)}
	}
	for i, p := range less {
		out.Proposals[i] = proposalOut{outItem(p.Item), noNil(p.Used), *outScope(p.To)}
	}
	return out, err
}

func getSamples(a *API, ctx context.Context, who strongroom.Actor, in *monthIn) (monthOut, error) {
	m, err := a.o.Reviews.SamplesOf(ctx, who, in.Month)
	out := monthOut{
		Month: m.Month, Drawn: orNil(m.Drawn), Size: m.Size, Root: m.Root, Reveals: int64(m.Reveals), Open: int64(m.Open), Stale: m.Stale,
		Samples: make([]sampleOut, len(m.Samples)),
	}
	for i, s := range m.Samples {
		r := s.Reveal
		out.Samples[i] = sampleOut{
			r.Position, r.Actor, r.Owner, r.Store, r.Record, string(r.Purpose), r.At, string(s.Judgement), s.Text, s.Judge, orNil(s.Judged),
		}
	}
	return out, err
}

func judgeSample(a *API, ctx context.Context, who strongroom.Actor, in *judgeIn) (none, error) {
	return none{}, a.o.Reviews.Judge(ctx, who, in.Month, in.Position, review.Judgement(in.Judgement), in.Text)
}
