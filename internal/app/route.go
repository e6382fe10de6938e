package app

import (
	"strongroom/internal/gateway"
	"strongroom/internal/route"
)

// openRoutes opens the ways out.
func (a *App) openRoutes() error {
	networks, err := a.conf.Outward.prefixes()
	if err != nil {
		return err
	}
	a.routes = route.New(route.Options{
		Guard: a.guard, Keys: a.keys, Vault: a.vault, Environment: a.conf.Environment, Key: a.ring.InstanceKey("route"),
		Shape:    func(rows [][2]string) (route.Filter, error) { return gateway.ParseShape(rows) },
		SameHand: a.identity.SameHand, Allow: networks, Log: a.log,
	})
	return nil
}
