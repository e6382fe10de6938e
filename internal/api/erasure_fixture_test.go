package api_test

import (
	"strongroom"
	"strongroom/internal/erasure"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/vault"
)

// erasures is an inbox for signals over the instance's own records.
func (f *fixture) erasures(g *guard.Guard, ring *keys.Ring, v *vault.Vault, cases *lifecycle.Cases) (*lifecycle.Requests, *erasure.Inbox) {
	rs := lifecycle.NewRequests(lifecycle.RequestsOptions{
		Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("requests"), Cases: cases, Records: v, Store: v.CheckStore,
		Epoch: func() (uint32, bool) { return 1, false },
	})
	return rs, erasure.New(erasure.Options{
		Guard: g, Environment: strongroom.Test, Key: ring.InstanceKey("erasure"), Requests: rs, Shops: v.Shops, Store: v.CheckStore,
	})
}
