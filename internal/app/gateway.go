package app

import (
	"strongroom/internal/gateway"
)

// openGateway opens the mirrors of stores.
func (a *App) openGateway() {
	a.gateway = gateway.New(gateway.Options{
		Guard: a.guard, Keys: a.keys, Vault: a.vault, Credentials: a.intake, SameHand: a.identity.SameHand, Lost: a.lostStore,
		Public: a.conf.PublicURL, Log: a.log,
	})
}
