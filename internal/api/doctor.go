package api

import (
	"context"

	"strongroom"
	"strongroom/internal/web"
)

// Finding is what came of one check of the instance. It holds counts, dates and ids of
// the instance's own, never data of records or people.
type Finding struct {
	Check  string `json:"check" doc:"what was looked at, such as networks"`
	State  string `json:"state" of:"ok warn fail unknown" doc:"ok, warn, fail or unknown"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty" doc:"what to do when the state is not ok"`
}

type doctorOut struct {
	Findings []Finding `json:"findings"`
}

func doctorRoutes() []Route {
	return []Route{
		define(Route{Method: "GET", Path: "/v1/doctor", Action: "metrics.read", Long: true,
			Summary: "Check the instance as `strongroom doctor` does; over the Unix socket only, one call at a time."}, doctor),
	}
}

// doctor answers on the host alone: a finding may repeat what the engine or the disk
// says, and it reads the whole log.
func doctor(a *API, ctx context.Context, who strongroom.Actor, _ *struct{}) (doctorOut, error) {
	if a.o.Findings == nil {
		return doctorOut{}, strongroom.Faultf(strongroom.NotFound, "doctor", "checks are not served here")
	}
	if err := a.o.Logbook.Watch(ctx, who); err != nil {
		return doctorOut{}, err
	}
	if !web.ConnOf(ctx).Unix {
		return doctorOut{}, strongroom.Faultf(strongroom.Denied, "doctor", "the instance is checked from its host alone").
			Advise("on the host, run: strongroom doctor; from elsewhere read /metrics")
	}
	list, err := a.o.Findings(ctx)
	return doctorOut{list}, err
}
