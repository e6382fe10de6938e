package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/identity"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/vault"
)

// openRooms opens what works on data.
func (a *App) openRooms(ctx context.Context) (err error) {
	if err := a.claim(ctx); err != nil {
		return err
	}
	a.keys, err = keys.New(a.ring, a.guard, keys.Options{Ledger: filepath.Join(a.conf.Keys, "erasures"), Log: a.log})
	if err != nil {
		return err
	}
	// A copy that was brought back knows nothing of what died since: the ledger
	// does, and it speaks before anything is served.
	again, err := a.keys.Replay(ctx, strongroom.System("restore"))
	if err != nil {
		return err
	}
	if again > 0 {
		a.log.WarnContext(ctx, "records of an older copy were destroyed again", "records", again)
	}
	maps, err := a.maps()
	if err != nil {
		return err
	}
	a.cases = lifecycle.NewCases(lifecycle.CasesOptions{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("lifecycle"),
		Store: func(r *db.Reader, id string) error { return a.vault.CheckStore(r, id) }, // the vault comes next
	})
	a.vault = vault.New(vault.Options{
		Guard: a.guard, Keys: a.keys, Maps: maps, Environment: a.conf.Environment, Clock: a.clock, Log: a.log,
		Profile: a.conf.Retention.profile(),
		Budgets: vault.Budgets{
			RecordsHour: a.conf.Budgets.RecordsPerHour, RecordsDay: a.conf.Budgets.RecordsPerDay,
			FieldsHour: a.conf.Budgets.FieldsPerHour, FieldsDay: a.conf.Budgets.FieldsPerDay,
		},
		Limits: fieldmap.Limits{Bytes: int(a.conf.MaxBody)}, Chores: (*chores)(a), Cases: a.cases,
	})
	a.logbook = logbook.New(a.guard, a.audit)
	a.identity = identity.New(identity.Options{
		Guard: a.guard, Environment: a.conf.Environment, Key: a.ring.InstanceKey("identity"), Clock: a.clock, Log: a.log,
		Refused: a.refuse, MaxLife: a.conf.KeyMaxLife, CheckStore: a.vault.CheckStore,
		Owner: a.serviceOwner, OtherOwner: a.otherOwner,
		Local: map[uint32][]string{uint32(os.Getuid()): a.localRoles()},
	})
	a.openPeople()
	if err := a.openFederation(); err != nil {
		return err
	}
	a.life = lifecycle.New(lifecycle.Options{Keys: a.keys, Vault: a.vault, Clock: a.clock, EpochLength: a.conf.EpochLength, Log: a.log})
	a.intake = intake.New(intake.Options{Guard: a.guard, Keys: a.keys, Vault: a.vault, BaseURL: a.conf.EcartAPI, Clock: a.clock, Log: a.log,
		Loopback: a.conf.Environment == strongroom.Test, Lost: a.lostStore})
	a.openGateway()
	if err := a.openWebhooks(maps); err != nil {
		return err
	}
	if err := a.openRoutes(); err != nil {
		return err
	}
	a.openErasure()
	a.openConnect()
	a.openReviews()
	a.openDetector()
	a.jobs = jobs.New(jobs.Options{Guard: a.guard, Handlers: a.handlers(), Log: a.log})
	if again > 0 {
		// The tombstones of what died again keep it away; they come before a sync.
		_, err = a.life.Sweep(ctx, strongroom.System("sweeper"))
	}
	return err
}

// localRoles are the roles of the OS user who owns the data folder: in production
// maintenance alone, which shows nothing of anybody.
func (a *App) localRoles() []string {
	if a.conf.Environment == strongroom.Test {
		return []string{authz.TestEverything}
	}
	return []string{authz.Maintenance}
}

// portActions are the actions behind the ports of the API.
func portActions() []strongroom.Action {
	return slices.Concat(jobs.Actions(), keys.Actions(), intake.Actions(), []strongroom.Action{audit.SetClock})
}

// openDoors builds the API and starts what works in the background.
func (a *App) openDoors(ctx context.Context) error {
	services, err := a.workloads()
	if err != nil {
		return err
	}
	a.api = api.New(api.Options{
		Vault: a.vault, Cases: a.cases, Identity: a.identity, Logbook: a.logbook, Environment: a.conf.Environment,
		People: a.people, Devices: a.devices, Sessions: a.sessions, Access: a.access, Policies: a.book, Federation: a.federation, Reviews: a.reviews,
		Workloads: services, SignOn: programs{signOn{f: a.federation}},
		Connect: a.connect, Mirror: a.gateway, Ways: a.routes, Documents: a.documents, Messages: a.messages, Untrusted: a.conf.untrusted(), Allowances: a.gateway, Webhooks: a.webhooks, Signals: a.signals, Erasures: a.requests, Limit: a.limit, Unheard: a.unheard, Link: a.conf.EnrolmentLink, Now: a.clock.Now,
		Actions: portActions(), Work: (*work)(a), Clock: (*clockDoor)(a), Ready: a.Ready, Metrics: a.serveMetrics, Findings: a.findings(), Observe: a.metrics.observe,
		MaxBody: a.conf.MaxBody, Version: Version, Log: a.log,
	})
	if err := a.openConsole(); err != nil {
		return err
	}
	a.metrics.registry.MustRegister(a) // every room it reads is open now
	low, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopParts = stop
	a.parts, low = errgroup.WithContext(low)
	a.ended = low.Done()
	a.parts.Go(func() error { return a.hold(low) })
	a.parts.Go(func() error { return a.life.Run(low) })
	a.parts.Go(func() error { return a.jobs.Run(low) })
	a.parts.Go(func() error { return a.identity.Run(low) })
	a.parts.Go(func() error { return a.sessions.Run(low) })
	a.parts.Go(func() error { return a.law.Run(low) })
	a.parts.Go(func() error { return a.keepTending(low) })
	a.parts.Go(func() error { return a.keepDetecting(low) })
	a.parts.Go(func() error { return a.recordRefusals(low) })
	return a.recordStart(ctx)
}
