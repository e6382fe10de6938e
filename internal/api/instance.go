package api

import (
	"context"
	"net/http"
	"time"

	"strongroom"
)

type sweepOut struct {
	Expired int64 `json:"expired" doc:"keys destroyed because their date had come"`
	Cleared int64 `json:"cleared" doc:"records whose remains were removed"`
}

type jobIn struct {
	ID string `path:"id" doc:"the job's id"`
}

type jobState struct {
	ID       string    `json:"id"`
	Name     string    `json:"name" doc:"what it does, such as store.sync"`
	State    string    `json:"state" doc:"waiting, running, done, or dead: given up after its last try"`
	Code     string    `json:"code,omitempty" doc:"of its last failure"`
	Tries    int       `json:"tries"`
	Due      time.Time `json:"due_at,omitzero" doc:"of the next try, by the clock of the machine"`
	Progress Progress  `json:"progress" doc:"how far it has come in this process"`
}

type jobsIn struct {
	State string `query:"state" of:"waiting running done dead" doc:"waiting, running, done or dead; missing is all"`
	pageIn
}

type jobPage struct {
	Jobs []jobState `json:"jobs"`
	Next string     `json:"next_cursor"`
}

type clockIn struct {
	Now     time.Time `json:"now,omitzero" doc:"move the clock to this time"`
	Advance int64     `json:"advance_seconds,omitempty" doc:"or by this much; back only while there is no record"`
}

type clockNow struct {
	Now time.Time `json:"now"`
}

type aliveOut struct {
	Alive bool `json:"alive"`
}

type readyOut struct {
	Ready     bool  `json:"ready"`
	Damaged   int64 `json:"damaged" doc:"rows that were changed in the database and were met since the start, each once; 0 is well"`
	Forwarded int64 `json:"forwarded" doc:"calls since the start that said for whom they were forwarded and came from no trusted proxy"`
}

func instanceRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/epoch/roll", Action: "epoch.roll", Status: 202, Repeatable: true,
			Summary: "Begin an epoch roll: after it no older copy of the database opens what is erased."}, roll),
		define(Route{Method: "POST", Path: "/v1/sweep", Action: "retention.sweep", Long: true,
			Summary: "Erase now what is past its date, and clear what remains of the dead."}, sweep),
		define(Route{Method: "GET", Path: "/v1/jobs", Action: "job.run",
			Summary: "List jobs, such as those that were given up (state=dead)."}, listJobs),
		define(Route{Method: "GET", Path: "/v1/jobs/{id}", Action: "job.run",
			Summary: "Where a job stands."}, jobStatus),
		define(Route{Method: "POST", Path: "/v1/jobs/{id}/retry", Action: "job.run", Status: 202,
			Summary: "Give a job that was given up all its tries again."}, retryJob),
		define(Route{Method: "GET", Path: "/v1/clock", Anyone: true, Only: strongroom.Test,
			Summary: "The data clock of a test instance."}, getClock),
		define(Route{Method: "POST", Path: "/v1/clock", Action: "clock.set", Only: strongroom.Test,
			Summary: "Move the data clock of a test instance."}, setClock),
		define(Route{Method: "GET", Path: "/healthz", Public: true, Anywhere: true,
			Summary: "The process is alive."}, healthz),
		define(Route{Method: "GET", Path: "/readyz", Public: true, Anywhere: true,
			Summary: "The instance can decide and record; if not, why not."}, readyz),
		defineRaw(Route{Method: "GET", Path: "/metrics", Action: "metrics.read",
			Summary: "Metrics for Prometheus. No label holds a value of a record."}, "text/plain", metrics),
		defineRaw(Route{Method: "GET", Path: "/openapi.json", Public: true, Anywhere: true,
			Summary: "This description."}, "application/json, OpenAPI 3.1", openapi),
	}
}

func roll(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (jobOut, error) {
	w, err := a.work()
	if err != nil {
		return jobOut{}, err
	}
	job, err := w.Roll(ctx, who)
	return jobOut{job}, err
}

func sweep(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (sweepOut, error) {
	w, err := a.work()
	if err != nil {
		return sweepOut{}, err
	}
	expired, cleared, err := w.Sweep(ctx, who)
	return sweepOut{expired, cleared}, err
}

func jobStatus(a *API, ctx context.Context, who strongroom.Actor, in *jobIn) (jobState, error) {
	w, err := a.work()
	if err != nil {
		return jobState{}, err
	}
	s, err := w.Job(ctx, who, in.ID)
	return outJob(s), err
}

func listJobs(a *API, ctx context.Context, who strongroom.Actor, in *jobsIn) (jobPage, error) {
	w, err := a.work()
	if err != nil {
		return jobPage{}, err
	}
	list, next, err := w.Jobs(ctx, who, in.State, in.Cursor, pageSize(in.Limit))
	out := jobPage{Jobs: make([]jobState, len(list)), Next: next}
	for i, s := range list {
		out.Jobs[i] = outJob(s)
	}
	return out, err
}

func retryJob(a *API, ctx context.Context, who strongroom.Actor, in *jobIn) (jobOut, error) {
	w, err := a.work()
	if err != nil {
		return jobOut{}, err
	}
	return jobOut{in.ID}, w.Retry(ctx, who, in.ID)
}

func outJob(s JobStatus) jobState {
	return jobState(s)
}

func getClock(a *API, _ context.Context, _ strongroom.Actor, _ *struct{}) (clockNow, error) {
	if a.o.Clock == nil {
		return clockNow{}, noClock()
	}
	return clockNow{a.o.Clock.Now()}, nil
}

func setClock(a *API, ctx context.Context, who strongroom.Actor, in *clockIn) (clockNow, error) {
	if a.o.Clock == nil {
		return clockNow{}, noClock()
	}
	if in.Now.IsZero() == (in.Advance == 0) || max(in.Advance, -in.Advance) > maxAdvance {
		return clockNow{}, refusal("clock", "name either now or advance_seconds")
	}
	to := in.Now
	if to.IsZero() {
		to = a.o.Clock.Now().Add(time.Duration(in.Advance) * time.Second)
	}
	err := a.o.Clock.Set(ctx, who, to.UTC())
	return clockNow{a.o.Clock.Now()}, err
}

// maxAdvance is how far the clock moves at once, in seconds: a hundred years.
const maxAdvance = 100 * 366 * 24 * 3600

func noClock() error {
	return strongroom.Faultf(strongroom.Unavailable, "clock", "the clock of this instance cannot be moved")
}

func healthz(*API, context.Context, strongroom.Actor, *struct{}) (aliveOut, error) {
	return aliveOut{true}, nil
}

func readyz(a *API, ctx context.Context, _ strongroom.Actor, _ *struct{}) (readyOut, error) {
	if a.o.Ready != nil {
		if err := a.o.Ready(ctx); err != nil {
			if !strongroom.IsKind(err, strongroom.Unavailable) {
				err = strongroom.Faultf(strongroom.Unavailable, "not-ready", "the instance cannot decide or record").
					Advise("look at the operational log").Because(err)
			}
			return readyOut{}, err
		}
	}
	out := readyOut{Ready: true, Damaged: a.o.Vault.Damaged()}
	if a.o.Unheard != nil {
		out.Forwarded = a.o.Unheard()
	}
	return out, nil
}

func metrics(a *API, c *call, _ *struct{}) error {
	if a.o.Metrics == nil {
		return strongroom.Faultf(strongroom.NotFound, "metrics", "metrics are not served here")
	}
	if err := a.o.Logbook.Watch(c.ctx, c.who); err != nil {
		return err
	}
	return a.o.Metrics(c.ctx, c.who, c.w, c.r)
}

func openapi(a *API, c *call, _ *struct{}) error {
	return c.send(http.StatusOK, "application/json", a.doc)
}
