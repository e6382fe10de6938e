package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/erasure"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/signal"
)

// jobEndUpstream ends the access of a closed store at EcartAPI. Its argument is the
// store. The number stands on disk.
const jobEndUpstream jobs.Kind = 40

// openConnect opens what brings stores in and closes them.
func (a *App) openConnect() {
	a.connect = connect.New(connect.Options{
		Guard: a.guard, Keys: a.keys, Vault: a.vault, Intake: a.intake, Clock: a.clock, Environment: a.conf.Environment,
		Key: a.ring.InstanceKey("connect"), OAuth: a.conf.EcartOAuth, MaxAge: a.conf.CredentialMaxAge, Chores: (*connectChores)(a),
		Closed: func(tx *guard.Tx, store string, _ connect.Cause) error {
			if err := a.webhooks.CloseTx(tx, store); err != nil {
				return err
			}
			return a.requests.CloseTx(tx, store)
		},
		Reopened: func(tx *guard.Tx, store string) error { return a.requests.ReopenTx(tx, store) },
		Known: func(tx *guard.Tx, store, platform, address string) error {
			return a.signals.KnowTx(tx, store, erasure.Shop{Platform: signal.Platform(strings.ToLower(platform)), Domain: address})
		},
		Connected: func(ctx context.Context, store string) {
			if err := a.connected(ctx, store); err != nil {
				a.log.WarnContext(ctx, "what happens at a store is not subscribed to yet", "store", store, "kind", strongroom.KindOf(err).String())
			}
		},
		Log: a.log,
	})
}

// lostStore closes a store whose token EcartAPI refuses.
func (a *App) lostStore(ctx context.Context, store, cause string) {
	c := connect.Unauthorized
	if cause == intake.LostForbidden {
		c = connect.Forbidden
	}
	if err := a.connect.Lost(ctx, store, c); err != nil {
		a.log.ErrorContext(ctx, "a store whose token is refused could not be closed", "store", store, "kind", strongroom.KindOf(err).String())
	}
}

// connectChores puts in the jobs of grants, in the commits that end them.
type connectChores App

// EndUpstream puts in the job that ends access at EcartAPI.
func (c *connectChores) EndUpstream(tx *guard.Tx, store string) (string, error) {
	return c.jobs.Enqueue(tx, jobs.Order{Kind: jobEndUpstream, Args: jobs.Args{IDs: []string{store}}, Once: true})
}

// endUpstreamHandler ends accesses: whoever revoked is not asked again.
func (a *App) endUpstreamHandler() jobs.Handler {
	return jobs.Handler{Name: "store.revoke", Tries: -1, Run: func(ctx context.Context, j *jobs.Job) error {
		return a.connect.EndUpstream(ctx, j.Args.IDs[0])
	}}
}

// stampUses writes when credentials were used last.
func (a *App) stampUses(ctx context.Context) error { return a.intake.Stamp(ctx) }

// stampLast is stampUses while the instance stops: what cannot be written is a time.
func (a *App) stampLast() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := a.stampUses(ctx); err != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "the last use of credentials could not be written", slog.String("kind", strongroom.KindOf(err).String()))
	}
}

// credentialGauges show how old credentials are.
func credentialGauges() []gauge {
	return []gauge{
		{describe("credentials_old", "Credentials for EcartAPI older than credential_max_age."), prometheus.GaugeValue, func(s snapshot) float64 { return float64(s.credentials.Old) }},
		{describe("credential_oldest_seconds", "Age of the oldest credential for EcartAPI; 0 without one."), prometheus.GaugeValue, func(s snapshot) float64 { return s.credentials.Oldest.Seconds() }},
		{describe("stores_reopened", "Stores that are open although their grant ended, and changed receipts. Must be 0."), prometheus.GaugeValue, func(s snapshot) float64 { return float64(s.credentials.Reopened) }},
	}
}

// examineCredentials looks at the age of credentials and at the grants of stores.
func (a *App) examineCredentials(ctx context.Context) Finding {
	t, err := a.connect.Tally(ctx)
	switch {
	case err != nil:
		return finding("credentials", err, "", "see docs/operations.md")
	case t.Reopened > 0:
		return Finding{"credentials", Fail, fmt.Sprintf("%d stores are open although their grant ended, or their receipt was changed", t.Reopened),
			"somebody changed the database: open an incident, and revoke with: strongroom store revoke"}
	case t.Old > 0:
		return Finding{"credentials", Warn, fmt.Sprintf("%d of %d are older than %d days", t.Old, t.Credentials, int(a.conf.CredentialMaxAge.Hours()/24)),
			"EcartAPI's tokens do not expire: look with strongroom store credentials, then rotate with strongroom connect"}
	}
	return Finding{Check: "credentials", State: OK, Found: fmt.Sprintf("%d, the oldest %d days old", t.Credentials, int(t.Oldest.Hours()/24))}
}
