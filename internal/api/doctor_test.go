package api_test

import (
	"context"
	"strings"
	"testing"

	"strongroom/internal/api"
	"strongroom/internal/authz"
)

// Findings are told on the host, to who may read the metrics.
func TestFindingsAreToldOnTheHostAlone(t *testing.T) {
	asked := 0
	f := serve(t, func(o *api.Options) {
		o.Findings = func(context.Context) ([]api.Finding, error) {
			asked++
			return []api.Finding{{Check: "networks", State: "fail", Found: "calls may come from everywhere"}}, nil
		}
	})
	for name, x := range map[string]struct {
		key  header
		want int
	}{
		"nobody known":         {header{"Authorization", ""}, 401},
		"an application":       {header{"Authorization", "Bearer " + f.newKey(authz.Application)}, 403},
		"from the network":     {header{"Authorization", "Bearer " + f.key}, 403},
		"from the network too": {header{"Authorization", "Bearer " + f.newKey(authz.Auditor)}, 403},
	} {
		if a := f.call("GET", "/v1/doctor", "", x.key); a.status != x.want || strings.Contains(string(a.body), "networks") {
			t.Errorf("%s is answered %d %s", name, a.status, a.body)
		}
	}
	if asked != 0 {
		t.Errorf("the instance was looked at %d times", asked)
	}
}
