package webhook

import (
	"context"
	"crypto/x509"
	"embed"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/egress"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "webhook", FS: schema} }

// Numbers of this package; all are ours.
const (
	// Window is how long a delivery is known again, by the data clock.
	Window = 72 * time.Hour
	// Kept is how long a delivery nobody understands and a dead letter are kept.
	Kept = 30 * 24 * time.Hour
	// Overlap is how long the old secret of an endpoint signs beside the new one,
	// by real time.
	Overlap = 24 * time.Hour
	// Tries is how often a message is sent before it is a dead letter: with the
	// pauses of package jobs, over about a day.
	Tries = 34
	// processTries is the same for working a delivery through.
	processTries = 24
	// lease is how long what a process was working on waits after it died.
	lease = 15 * time.Second
	// MaxWaiting is how many deliveries of a store may wait.
	MaxWaiting = 10_000
	// maxEndpoints bounds the endpoints of a store.
	maxEndpoints = 16
)

// Vault is what this package needs of the vault.
type Vault interface {
	Ingest(ctx context.Context, who strongroom.Actor, in vault.In) (*vault.Ingested, error)
	PlatformOf(ctx context.Context, id string) (string, error)
	CheckStore(r *db.Reader, id string) error
}

// Intake is what this package needs to talk to EcartAPI.
type Intake interface {
	FetchOne(ctx context.Context, who strongroom.Actor, q intake.One) (*vault.Ingested, error)
	Subscribe(ctx context.Context, who strongroom.Actor, store string, s intake.Subscription) (string, error)
}

// Kinds are the numbers of this package's jobs.
type Kinds struct{ Subscribe, Process, Forward, Tend jobs.Kind }

// Options configure [Webhooks]. Those without a remark are required.
type Options struct {
	Guard       *guard.Guard
	Keys        *keys.Keys
	Vault       Vault
	Intake      Intake
	Environment strongroom.Environment
	// Enqueue puts a job in with a transaction; Kinds are those it knows of us.
	Enqueue func(tx *guard.Tx, o jobs.Order) (string, error)
	Kinds   Kinds
	// Public returns where EcartAPI reaches the instance, such as
	// https://strongroom.example.com.
	Public func() string
	// Lost closes a store whose merchant has taken the application away; nil leaves
	// it to others.
	Lost func(ctx context.Context, store, cause string) error
	// MaxWaiting is how many deliveries of a store may wait; 0 means [MaxWaiting].
	MaxWaiting int64
	// Limit counts a post that proves nothing for its source; its fault is answered
	// instead. nil lets all pass.
	Limit func(source netip.Addr) error
	// Refused hears of each post that proves nothing and names no store. nil
	// ignores it.
	Refused func(ctx context.Context, source netip.Addr, code string)
	// Maps say what is personal in a request for live rates.
	Maps *fieldmap.Set
	// Allow names networks that are not public to which messages may go; Roots are
	// whom the certificates of endpoints are verified by, nil is the system's. Lookup
	// finds the addresses of a host, nil asks the system.
	Allow  []netip.Prefix
	Roots  *x509.CertPool
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Log    *slog.Logger // nil discards
}

// Webhooks takes posts in and sends messages out. It is safe for concurrent use.
type Webhooks struct {
	o    Options
	log  *slog.Logger
	real strongroom.Clock // real time: receivers look at the age of a message

	mu  sync.Mutex
	out map[string]*egress.Transport // by origin
	// rateMap says what is personal in a request for rates; made when first asked for.
	rateMap *fieldmap.Map
}

// New returns Webhooks. It panics without a required option, which is a mistake
// of the programmer.
func New(o Options) *Webhooks {
	if o.Guard == nil || o.Keys == nil || o.Vault == nil || o.Intake == nil || o.Enqueue == nil || o.Public == nil || o.Maps == nil {
		panic("webhook: Options needs Guard, Keys, Vault, Intake, Enqueue, Public and Maps")
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = MaxWaiting
	}
	if o.Limit == nil {
		o.Limit = func(netip.Addr) error { return nil }
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	if o.Lost == nil {
		o.Lost = func(context.Context, string, string) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Webhooks{o: o, log: o.Log, out: map[string]*egress.Transport{}}
}

// Handlers are the jobs of this package.
func (w *Webhooks) Handlers() map[jobs.Kind]jobs.Handler {
	k := w.o.Kinds
	return map[jobs.Kind]jobs.Handler{
		k.Subscribe: {Name: "webhook.subscribe", Run: w.runSubscribe},
		k.Process:   {Name: "webhook.process", Run: w.runProcess, Tries: processTries, Lease: lease},
		k.Forward:   {Name: "webhook.forward", Run: w.runForward, Tries: Tries, Lease: lease},
		k.Tend:      {Name: "webhook.tend", Run: w.runTend, Every: 10 * time.Minute},
	}
}

// system acts for what EcartAPI posts and what goes out by itself.
func system() strongroom.Actor { return strongroom.System("webhook") }

func storeResource(store string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: store, Store: store}
}

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func noStore() error {
	return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
}

// key returns the store's key for what this package seals and hashes.
func (w *Webhooks) key(store string) (seal.Key, error) {
	k, err := w.o.Keys.StoreKey(store, keys.Credential)
	if err != nil {
		return k, err
	}
	return k.Derive("strongroom/webhook-key/1"), nil
}

// ad binds what is sealed to its place.
func (w *Webhooks) ad(what, store, id, of string) []byte {
	return seal.AD("strongroom/webhook/1", string(w.o.Environment), what, store, id, of)
}

// unseal opens what this package sealed.
func (w *Webhooks) unseal(what, store, id, of string, sealed []byte) ([]byte, error) {
	k, err := w.key(store)
	if err != nil {
		return nil, err
	}
	text, err := k.Open(nil, w.ad(what, store, id, of), sealed)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Internal, "webhook-sealed", "a %s does not open: its row was changed", what)
	}
	return text, nil
}

// CloseTx retires the subscriptions of a store, as a part of closing it: what they
// still bring is refused, and a new grant makes new ones. The caller has been allowed
// to.
func (w *Webhooks) CloseTx(tx *guard.Tx, store string) error { return closeHooks(tx, store) }

// ForgetTx deletes everything of a store, as a part of disconnecting it. The
// caller has been allowed to.
func (w *Webhooks) ForgetTx(tx *guard.Tx, store string) error { return dropStore(tx, store) }
