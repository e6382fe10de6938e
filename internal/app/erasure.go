package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/erasure"
	"strongroom/internal/guard"
	"strongroom/internal/jobs"
	"strongroom/internal/lifecycle"
)

// jobErase does what a request asks for. Its argument is the request. The number
// stands on disk.
const jobErase jobs.Kind = 30

// openErasure opens the requests and the inbox they come by.
func (a *App) openErasure() {
	a.requests = lifecycle.NewRequests(lifecycle.RequestsOptions{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("requests"), Cases: a.cases, Records: a.vault,
		Store: a.holds,
		Epoch: func() (uint32, bool) { e := a.keys.Epoch(); return e.Current, e.Old > 0 },
		Queue: func(tx *guard.Tx, id string) error {
			_, err := a.jobs.Enqueue(tx, jobs.Order{Kind: jobErase, Args: jobs.Args{IDs: []string{id}}, Once: true})
			return err
		},
	})
	a.signals = erasure.New(erasure.Options{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("erasure"), Requests: a.requests,
		Shops: a.vault.Shops, Store: a.holds, Refused: a.refuse,
	})
}

// holds returns nil if a store is there and holds something still, open or closed.
func (a *App) holds(r *db.Reader, id string) error {
	err := a.vault.CheckStore(r, id)
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && f.Code == "store-closed" {
		return nil
	}
	return err
}

// eraseHandler does requests: what was promised is not given up.
func (a *App) eraseHandler() jobs.Handler {
	return jobs.Handler{Name: "erasure.run", Lease: 2 * time.Minute, Tries: -1, Run: func(ctx context.Context, j *jobs.Job) error {
		err := a.requests.Run(ctx, j.Args.IDs[0])
		if err == nil {
			a.life.Wake() // what the keys left behind
		}
		return err
	}}
}

// requestGauges show what was asked for and is not done.
func requestGauges() []gauge {
	return []gauge{
		{describe("erasures_open", "Requests to erase or to be told that are not over."), prometheus.GaugeValue, func(s snapshot) float64 { return float64(s.asked.Open) }},
		{describe("erasures_waiting", "Requests that wait for a person."), prometheus.GaugeValue, func(s snapshot) float64 { return float64(s.asked.Waiting) }},
		{describe("erasures_overdue", "Requests past a date of the policy or the law. Must be 0."), prometheus.GaugeValue, func(s snapshot) float64 { return float64(s.asked.Overdue) }},
	}
}

// examineRequests looks at what was asked for.
func (a *App) examineRequests(ctx context.Context) Finding {
	g, err := a.requests.Gauges(ctx)
	switch {
	case err != nil:
		return Finding{"requests", Fail, "what was asked for cannot be read", "look at the operational log"}
	case g.Overdue > 0:
		return Finding{"requests", Fail, fmt.Sprintf("%d requests are past their date", g.Overdue), "look with: strongroom erasure list --open"}
	case g.Waiting > 0:
		return Finding{"requests", Warn, fmt.Sprintf("%d requests wait for a person", g.Waiting), "look with: strongroom erasure list --open, then assign, confirm or dismiss them"}
	case g.Open > 0:
		return Finding{"requests", OK, fmt.Sprintf("%d requests are under way, the next date is %s", g.Open, g.Next.Format(time.DateOnly)), ""}
	}
	return Finding{"requests", OK, "nothing is asked for that is not done", ""}
}
