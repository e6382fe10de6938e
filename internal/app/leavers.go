package app

import (
	"time"

	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// leaverHooks are what dies with an account, in its commit (DPP 2.2.12): sessions,
// rights and requests, services, devices, links to providers. What each leaves open is
// found by one of [App.waysIn].
func (a *App) leaverHooks() []people.Hook {
	return []people.Hook{a.endSessions, a.endRights, a.identity.EndOwnedTx, a.endDevices, a.endLinks}
}

func (a *App) endRights(tx *guard.Tx, person string) error { return a.access.EndTx(tx, person) }

func (a *App) endDevices(tx *guard.Tx, person string) error { return a.devices.EndTx(tx, person) }

func (a *App) endLinks(tx *guard.Tx, person string) error { return a.federation.Ended(tx, person) }

// waysIn are what a probe tries of somebody who left, beside the sign-in and the links
// to providers.
func (a *App) waysIn() []federation.Way {
	return []federation.Way{
		{Name: "password", Open: a.people.HasProof},
		{Name: "session", Open: a.sessions.HasOpen},
		{Name: "key", Open: func(r *db.Reader, person string, _ time.Time) (bool, error) {
			ids, err := a.identity.Owned(r, person)
			return len(ids) > 0, err
		}},
		{Name: "grant", Open: func(r *db.Reader, person string, now time.Time) (bool, error) {
			g, err := a.access.Rights(r, person, now)
			return len(g.Roles)+len(g.Elevations) > 0, err
		}},
		{Name: "request", Open: a.access.HasOpen},
		{Name: "device", Open: a.devices.HasLive},
	}
}
