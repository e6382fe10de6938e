package app

import (
	"net/http"

	"strongroom/internal/console"
)

// openConsole opens the pages for browsers.
func (a *App) openConsole() (err error) {
	a.console, err = console.New(console.Options{
		People: a.people, Devices: a.devices, Sessions: a.sessions, Access: a.access, Logbook: a.logbook,
		Environment: a.conf.Environment, Public: a.conf.publicURL(), SignOn: newSignOn(a.federation, a.conf.SignOn),
		Refused: a.refuse, Limit: a.limit, Observe: a.metrics.observe, Connect: a.connect, Documents: a.documents, Log: a.log,
	})
	return err
}

// withPages answers with the pages for browsers where a path is theirs.
func (a *App) withPages(others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Owns(r.URL.Path) {
			a.sealedOnly(a.console).ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}
