package access

import (
	"context"
	"embed"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// Numbers that are ours; no text asks for them.
const (
	// RequestLife is how long a request waits for a decision.
	RequestLife = 7 * 24 * time.Hour
	// GlassLife is how long a request to break the glass can be used.
	GlassLife = 24 * time.Hour
	// GlassDelay is how long somebody alone waits before the glass breaks.
	GlassDelay = time.Hour
	// GlassOpen is how long a broken glass stays so.
	GlassOpen = time.Hour
	// MaxElevation is how long an elevation lasts at most, and DefaultElevation how
	// long unless it says.
	MaxElevation     = 8 * time.Hour
	DefaultElevation = time.Hour
	// MaxOpen is how many requests of one person wait at most.
	MaxOpen = 20
	// MaxGrants is how many grants of one person count at most.
	MaxGrants = 64
)

// People is what this package asks of the register of persons; package people has
// it.
type People interface {
	AddTx(tx *guard.Tx, spec people.Spec, request string) (people.Person, error)
	Exists(r *db.Reader, person string) error
	MaySignIn(r *db.Reader, person string, now time.Time) error
	Standing(r *db.Reader, person string, now time.Time) (people.Standing, error)
}

// Services is what this package asks of the register of services; package identity
// has it.
type Services interface {
	CheckService(spec identity.KeySpec) error
	CheckLife(now, expires time.Time) error
	AddServiceTx(tx *guard.Tx, spec identity.KeySpec, request string) (identity.Key, error)
	SameHand(r *db.Reader, a, b string) (bool, error)
}

// Options configure an [Access]. Guard, Environment, Key, People, Services and
// Logged are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key      seal.Key
	People   People
	Services Services
	// Logged returns what stands for a caller's word in the log; package keys has it.
	Logged func(what, word string) ([16]byte, error)
	// CheckStore returns nil for a store that a right may be for, else a fault. It is
	// asked inside the transaction; nil takes every id.
	CheckStore func(r *db.Reader, store string) error
	// Changed hears of each person whose rights changed, after the commit and before
	// the caller does: sessions are made anew. It must be quick. nil ignores it.
	Changed func(person string)
	// GlassDelay is how long somebody alone waits, [GlassDelay] if zero.
	GlassDelay time.Duration
	// Refused hears of each call that a network rule refused; it counts them into the
	// log by source and second, and must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
	// Recheck is how long the network rules are trusted without looking again, one
	// second if zero. A change in this process takes effect at once.
	Recheck time.Duration
	Log     *slog.Logger // operational log; nil discards
}

// Access knows the requests and grants of an instance. Make it with [New]; it is
// safe for concurrent use.
type Access struct {
	o     Options
	seal  seal.Key
	real  strongroom.Clock // real time, for how long something is trusted
	rules keptRules
}

// New returns an Access. It panics where something required is missing: that is a
// mistake of the program.
func New(o Options) *Access {
	if o.Guard == nil || o.Key.IsZero() || o.People == nil || o.Services == nil || o.Logged == nil {
		panic("access: guard, key, people, services and logged are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("access: environment is required")
	}
	if o.CheckStore == nil {
		o.CheckStore = func(*db.Reader, string) error { return nil }
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	if o.GlassDelay <= 0 {
		o.GlassDelay = GlassDelay
	}
	if o.Recheck <= 0 {
		o.Recheck = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Access{o: o, seal: o.Key.Derive("access seal", []byte(o.Environment))}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "access", FS: schema} }

// Roles lists the roles a person can be given.
func Roles() []string {
	return []string{authz.Owner, authz.Operator, authz.Privacy, authz.Security, authz.Auditor}
}

// within refuses stores that who may not touch. Policies speak of roles; this is
// the same rule for stores.
func within(who strongroom.Actor, stores []string, all bool) error {
	if who.AllStores {
		return nil
	}
	if all || slices.ContainsFunc(stores, func(s string) bool { return !slices.Contains(who.Stores, s) }) {
		return strongroom.Faultf(strongroom.Denied, "stores", "a right cannot reach further than who gives it")
	}
	return nil
}

// local reports whether who is an OS user on the spot.
func local(who strongroom.Actor) bool { return strings.HasPrefix(who.ID, "uid:") }

// instance is the resource of what is about nothing in particular.
func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

// refuse records that something was refused before it began. It returns err, or
// the denial of a caller who may not ask for it at all.
func (a *Access) refuse(ctx context.Context, who strongroom.Actor, act strongroom.Action, err error) error {
	return a.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(act, instance(), guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}
