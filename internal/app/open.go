package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/acme"
	"strongroom/internal/api"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/connect"
	"strongroom/internal/console"
	"strongroom/internal/db"
	"strongroom/internal/detect"
	"strongroom/internal/device"
	"strongroom/internal/document"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/fieldmap"
	"strongroom/internal/gateway"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/message"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/route"
	"strongroom/internal/scim"
	"strongroom/internal/session"
	"strongroom/internal/vault"
	"strongroom/internal/web"
	"strongroom/internal/webhook"
)

// Version is the release this binary is; "-dev" after it means on the way there.
const Version = "0.2.0-dev"

// Options say which instance to open and what this run does otherwise than its
// configuration says.
type Options struct {
	Dir        string // the data folder; required
	ConfigFile string // empty: strongroom.yaml in Dir
	Listen     string // empty: as configured
	TLS        string // empty: as configured
	Database   string // empty: as configured
	Passphrase Passphrase
	Log        *slog.Logger // operational log; nil discards
	// ShippedPolicies starts with the policies of the product and the configuration
	// alone, for a version that does not load. It is for [ResetPolicies].
	ShippedPolicies bool

	adopt bool // the key folder serves this data folder from now on, whatever it served
}

// App is an open instance: it owns the data folder and every part runs. Make it
// with [Open], end it with [App.Close].
type App struct {
	o    Options
	conf Config
	log  *slog.Logger
	lock *Lock

	clock      *strongroom.Clock
	ring       *keys.Ring
	db         *db.DB
	migrated   []db.Applied // by this start, not in the log yet
	audit      *audit.Log
	law        *policy.Law
	guard      *guard.Guard
	keys       *keys.Keys
	jobs       *jobs.Queue
	logbook    *logbook.Logbook
	vault      *vault.Vault
	identity   *identity.Identity
	people     *people.People
	devices    *device.Devices
	sessions   *session.Sessions
	access     *access.Access
	book       *policy.Book
	reviews    *review.Review
	standing   standing // of the reviews
	detector   *detect.Detector
	blind      atomic.Bool // the detector failed the last time
	federation *federation.Federation
	scim       *scim.Handler
	limiter    web.Limiter
	front      atomic.Pointer[web.Server]      // the one that takes calls from networks
	shown      atomic.Pointer[web.Certificate] // nil where no TLS is served
	acme       *acme.Client                    // nil unless tls is acme
	stale      atomic.Bool                     // the files of the certificate could not be taken
	refusals   audit.Refusals
	refused    []audit.Event // taken out of refusals, not written yet; of recordRefusals alone
	cases      *lifecycle.Cases
	requests   *lifecycle.Requests
	signals    *erasure.Inbox
	life       *lifecycle.Lifecycle
	intake     *intake.Intake
	connect    *connect.Connect
	webhooks   *webhook.Webhooks
	gateway    *gateway.Gateway
	routes     *route.Book
	documents  *document.Book
	messages   *message.Book
	api        *api.API
	console    *console.Console
	metrics    *metrics
	runs       runs
	holder     string        // the data folder's own id
	lost       chan struct{} // closed when the database has become another's
	losing     sync.Once

	readiness struct {
		mu  sync.Mutex
		at  time.Time
		err error
	}

	background sync.WaitGroup // guard and sealer: they outlive the rest
	stopLow    context.CancelFunc
	parts      *errgroup.Group
	ended      <-chan struct{} // a part has ended, and the others with it
	stopParts  context.CancelFunc
	closing    sync.Once
	closeErr   error
}

// configFile is where the configuration of the instance lies.
func (o Options) configFile() string {
	if o.ConfigFile != "" {
		return o.ConfigFile
	}
	return filepath.Join(o.Dir, ConfigName)
}

// config loads the configuration and lays the options of this run over it.
func (o Options) config() (Config, error) {
	c, err := LoadConfig(o.Dir, o.ConfigFile)
	if err != nil {
		return c, err
	}
	for _, over := range []struct {
		set *string
		to  string
	}{{&c.Listen, o.Listen}, {&c.TLS, o.TLS}, {&c.Database, o.Database}} {
		if over.to != "" {
			*over.set = over.to
		}
	}
	return c, c.Check(o.Dir)
}

// Open opens the instance in o.Dir and starts its parts in floor order. It
// returns ErrLocked if another process owns the folder. What is unsafe is
// refused with what to type.
func Open(ctx context.Context, o Options) (*App, error) {
	c, err := o.config()
	if err != nil {
		return nil, err
	}
	return open(ctx, o, c)
}

func open(ctx context.Context, o Options, c Config) (*App, error) {
	if err := CheckFolder(o.Dir); err != nil {
		return nil, err
	}
	lock, err := TakeLock(o.Dir)
	if err != nil {
		return nil, err
	}
	root, err := openRoot(c, o.Passphrase)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	ring, err := openRing(ctx, o, c, root)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return start(ctx, o, c, lock, ring)
}

func openRing(ctx context.Context, o Options, c Config, root keys.KMS) (*ringAndClock, error) {
	clock, err := loadClock(o.Dir, c.Environment)
	if err != nil {
		return nil, err
	}
	if err := keys.ProtectMemory(); err != nil {
		return nil, err
	}
	ring, err := keys.OpenRing(ctx, keys.RingOptions{Dir: c.Keys, KMS: root, Environment: c.Environment, Clock: clock})
	if err != nil {
		return nil, err
	}
	if err := bind(o.Dir, c.Keys, o.adopt); err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	return &ringAndClock{ring, clock}, nil
}

type ringAndClock struct {
	ring  *keys.Ring
	clock *strongroom.Clock
}

// start wires the parts over an open keyring. On failure everything that was
// opened is closed again, the lock last.
func start(ctx context.Context, o Options, c Config, lock *Lock, r *ringAndClock) (a *App, err error) {
	a = &App{o: o, conf: c, log: o.Log, lock: lock, ring: r.ring, clock: r.clock, metrics: newMetrics(), lost: make(chan struct{})}
	if a.log == nil {
		a.log = discard()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
			a = nil
		}
	}()
	if err := a.openEngine(ctx); err != nil {
		return a, err
	}
	if err := a.openLog(ctx); err != nil {
		return a, err
	}
	if err := a.openRooms(ctx); err != nil {
		return a, err
	}
	return a, a.openDoors(ctx)
}

// openEngine opens the database and brings its tables up to this release.
func (a *App) openEngine(ctx context.Context) error {
	o := db.Options{Clock: a.clock, Log: a.log}
	if a.conf.Database == "" {
		o.Path = filepath.Join(a.o.Dir, databaseName)
	} else {
		url, err := a.conf.databaseURL()
		if err != nil {
			return err
		}
		o.URL = url
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	a.db = d
	applied, err := d.Migrate(ctx, Schemas())
	if err != nil {
		return err
	}
	for _, m := range applied {
		a.log.InfoContext(ctx, "migrated", "package", m.Package, "number", m.Number)
	}
	a.migrated = applied
	return nil
}

// Schemas lists the tables of every package in floor order.
func Schemas() []db.Schema {
	return []db.Schema{audit.Schema(), keys.Schema(), jobs.Schema(), vault.Schema(), identity.Schema(), people.Schema(),
		device.Schema(), policy.Schema(), intake.Schema(), connect.Schema(), lifecycle.Schema(), session.Schema(), access.Schema(), federation.Schema(), review.Schema(), webhook.Schema(), gateway.Schema(), route.Schema(), document.Schema(), message.Schema(),
		erasure.Schema(),
		ownSchema()}
}

// openLog opens policies, log and guard: from here on everything is decided and
// recorded.
func (a *App) openLog(ctx context.Context) error {
	if err := a.belongs(ctx); err != nil {
		return err
	}
	if err := a.openLaw(ctx); err != nil {
		return err
	}
	if err := a.makeLog(); err != nil {
		return err
	}
	if err := a.audit.Start(ctx); err != nil {
		return err
	}
	if len(a.migrated) > 0 {
		if err := a.audit.Record(ctx, audit.Migrated(a.migrated)...); err != nil {
			return err
		}
	}
	a.guard = guard.New(guard.Options{DB: a.db, Log: a.audit, Policy: a.law.Engine, Logger: a.log})
	low, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopLow = stop
	a.background.Go(func() { a.report(low, "guard", a.guard.Run(low)) })
	a.background.Go(func() { a.report(low, "sealer", a.audit.Run(low)) })
	return nil
}

// openLaw loads the policies in force: those of the product and the configuration,
// and the version that people have put in force.
func (a *App) openLaw(ctx context.Context) (err error) {
	var files []authz.File
	if a.conf.Policies != "" {
		if files, err = authz.Load(os.DirFS(a.conf.Policies)); err != nil {
			return err
		}
	}
	a.law, err = policy.NewLaw(ctx, policy.LawOptions{
		DB: a.db, Environment: a.conf.Environment, Files: files, Key: a.ring.InstanceKey("policy"), Zero: a.o.ShippedPolicies, Log: a.log,
	})
	return err
}

// makeLog makes the log over the engine without starting it.
func (a *App) makeLog() error {
	signer, err := a.ring.LogSigner(LogOrigin(a.ring))
	if err != nil {
		return err
	}
	a.audit, err = audit.New(a.db, audit.Options{Signer: signer, CheckpointPath: a.checkpointPath(), Clock: a.clock, Log: a.log, Actions: actionNames()})
	return err
}

// LogOrigin names the log of the instance that ring belongs to.
func LogOrigin(ring *keys.Ring) string {
	return "strongroom/" + strings.ReplaceAll(strings.ToLower(ring.ID()), "_", "-")
}

func (a *App) checkpointPath() string { return filepath.Join(a.conf.Keys, "checkpoint") }

// actionNames are all the verbs an event may have.
func actionNames() []string {
	var names []string
	for _, r := range authz.Actions() {
		names = append(names, r.Name)
	}
	for _, list := range [][]strongroom.Action{guard.Actions(), audit.Actions()} {
		for _, act := range list {
			names = append(names, act.Name)
		}
	}
	return names
}

func (a *App) report(ctx context.Context, part string, err error) {
	if err != nil {
		a.log.ErrorContext(ctx, "part ended", "part", part, "kind", strongroom.KindOf(err).String())
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Handler returns the doors of the instance: the HTTP API, that of directories and the
// pages for browsers.
func (a *App) Handler() http.Handler { return a.withPages(a.doors()) }

// local is the actor of commands that work on the instance itself, without the
// HTTP API: the OS user who could read the root key.
func (a *App) local() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: "uid:" + uidText(), Roles: a.localRoles(), AllStores: true, Door: "command"}
}

// maps loads the shipped field maps and the operator's own. The detector goes
// with them: a clear field whose value it fires on is sealed all the same.
func (a *App) maps() (*fieldmap.Set, error) {
	o := fieldmap.LoadOptions{Detect: func(text []byte) bool {
		_, found := classify.Has(text)
		return found
	}}
	if a.conf.FieldMaps != "" {
		o.Overlay = os.DirFS(a.conf.FieldMaps)
	}
	return fieldmap.Load(o)
}

// Close stops the parts in reverse order: doors and workers first, then the
// batch in flight, the last checkpoint, keys, engine, lock. Closing twice is
// harmless.
func (a *App) Close() error {
	a.closing.Do(func() {
		var errs []error
		if a.stopParts != nil {
			a.stopParts()
			errs = append(errs, a.parts.Wait())
		}
		if a.guard != nil {
			if a.intake != nil {
				a.stampLast()
			}
			a.recordStop()
			errs = append(errs, a.guard.Close())
			a.stopLow()
			a.background.Wait()
		}
		if a.db != nil {
			errs = append(errs, a.db.Close())
		}
		if a.ring != nil {
			errs = append(errs, a.ring.Close())
		}
		errs = append(errs, a.lock.Release())
		a.closeErr = errors.Join(errs...)
	})
	return a.closeErr
}
