package identity

import (
	"context"
	"embed"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Options configure an [Identity].
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else. Hashes and
	// seals of this package are made with keys derived from it.
	Key seal.Key
	// Clock tells when a key expires; nil is real time.
	Clock *strongroom.Clock
	// Refused hears of each caller that could not be recognised, with the code of
	// the fault; it counts them into the log. It must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
	// Local maps OS users to the roles they have over the Unix socket.
	Local map[uint32][]string
	// MaxLife is how long a new key lives at most, [DefaultLife] if zero.
	MaxLife time.Duration
	// CheckStore returns nil for a store that a new key may be limited to, else a
	// fault that says why not. It is called in the transaction that makes the key.
	// nil takes every id.
	CheckStore func(r *db.Reader, store string) error
	// Owner says how a person stands who owns a service or shall; it is asked in
	// the transaction. nil takes everybody for active.
	Owner func(r *db.Reader, person string, now time.Time) (Ownership, error)
	// OtherOwner reports whether an owner of the instance other than a person can
	// sign in; it is asked in the transaction. nil knows of one always.
	OtherOwner func(r *db.Reader, person string, now time.Time) (bool, error)
	// Unused is how long a service may be unused, [Unused] if zero.
	Unused time.Duration
	// Recheck is how long an account is trusted without looking again, one second
	// if zero. A revocation in this process takes effect at once all the same.
	Recheck time.Duration
	Log     *slog.Logger // operational log; nil discards
}

// Identity knows the accounts of an instance. Make it with [New]; it is safe for
// concurrent use.
type Identity struct {
	o    Options
	mac  seal.Key // digests of keys, proofs, receipts
	seal seal.Key // what accounts may do

	real  strongroom.Clock // real time, for how long something is trusted
	mu    sync.RWMutex
	known map[[32]byte]*entry // by SHA-256 of the key's text
	turn  uint64              // counts changes of keys, so that a load that began before one is not kept

	strangers strangers
}

// New returns an Identity. It panics where the guard or the key is missing: that
// is a mistake of the program.
func New(o Options) *Identity {
	if o.Guard == nil || o.Key.IsZero() {
		panic("identity: guard and key are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("identity: environment is required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = new(strongroom.Clock)
	}
	if o.Recheck <= 0 {
		o.Recheck = time.Second
	}
	if o.MaxLife <= 0 {
		o.MaxLife = DefaultLife
	}
	if o.CheckStore == nil {
		o.CheckStore = func(*db.Reader, string) error { return nil }
	}
	if o.Owner == nil {
		o.Owner = func(*db.Reader, string, time.Time) (Ownership, error) { return OwnerActive, nil }
	}
	if o.OtherOwner == nil {
		o.OtherOwner = func(*db.Reader, string, time.Time) (bool, error) { return true, nil }
	}
	if o.Unused <= 0 {
		o.Unused = Unused
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	env := []byte(o.Environment)
	return &Identity{
		o: o, known: map[[32]byte]*entry{},
		mac: o.Key.Derive("identity mac", env), seal: o.Key.Derive("identity seal", env),
	}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "identity", FS: schema} }

// flushEvery is how often last-used stamps are written and old receipts removed.
const flushEvery = 15 * time.Second

// Run writes last-used stamps and removes receipts past their day until ctx
// ends, then writes the last stamps.
func (i *Identity) Run(ctx context.Context) error {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return i.tidy(context.WithoutCancel(ctx))
		case <-t.C:
			if err := i.tidy(ctx); err != nil {
				i.o.Log.LogAttrs(ctx, slog.LevelWarn, "last-used stamps wait",
					slog.String("kind", strongroom.KindOf(err).String()))
			}
		}
	}
}

// tidy coalesces the stamps of all keys used since the last time into one quiet
// turn.
func (i *Identity) tidy(ctx context.Context) error {
	stamps := map[string]int64{}
	i.mu.Lock()
	horizon := i.real.Now().Add(-10 * i.o.Recheck)
	for k, e := range i.known {
		if at := e.used.Swap(0); at > 0 {
			stamps[e.actor.ID] = max(stamps[e.actor.ID], at)
		} else if e.loaded.Before(horizon) {
			delete(i.known, k) // not used for a while: memory follows the callers
		}
	}
	i.mu.Unlock()
	if len(stamps) > 0 {
		if err := i.stampUsed(ctx, stamps); err != nil {
			return err
		}
	}
	return i.dropReceipts(ctx)
}
