package app

import (
	"context"

	"strongroom"
	"strongroom/internal/document"
	"strongroom/internal/gateway"
	"strongroom/internal/message"
	"strongroom/internal/route"
)

// openRoutes opens the ways out, and what keeps the files that come back.
func (a *App) openRoutes() error {
	networks, err := a.conf.Outward.prefixes()
	if err != nil {
		return err
	}
	a.documents = document.New(document.Options{
		Guard: a.guard, Vault: a.vault, Environment: a.conf.Environment, Key: a.ring.InstanceKey("document"), Clock: a.clock,
		MaySignIn: a.people.MaySignIn,
	})
	a.messages = message.New(message.Options{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("message"), Clock: a.clock, Real: new(strongroom.Clock),
		OnHost: a.conf.untrusted(),
	})
	a.routes = route.New(route.Options{
		Guard: a.guard, Keys: a.keys, Vault: a.vault, Environment: a.conf.Environment, Key: a.ring.InstanceKey("route"),
		Shape: func(rows [][2]string) (route.Filter, error) { return gateway.ParseShape(rows) },
		Keep: func(ctx context.Context, who strongroom.Actor, f route.File) (string, error) {
			return a.documents.Keep(ctx, who, document.File{Store: f.Store, Record: f.Record, Route: f.Route, Type: f.Type, Body: f.Body})
		},
		Room:     a.documents.Room,
		SameHand: a.identity.SameHand, Allow: networks, Log: a.log,
	})
	return nil
}
