package connect

import (
	"context"
	"crypto/tls"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "connect", FS: schema} }

// DefaultOAuth is where EcartAPI has the owner of a shop grant access.
const DefaultOAuth = "https://oauth.ecartapi.com"

// Chores puts in the jobs that finish what a verb has begun, in the verb's own
// transaction.
type Chores interface {
	// EndUpstream puts in the job that calls [Connect.EndUpstream] for a store.
	EndUpstream(tx *guard.Tx, store string) (job string, err error)
}

// Options configure a [Connect]. Guard, Keys, Vault, Intake, Clock, Key and
// Environment are required.
type Options struct {
	Guard       *guard.Guard
	Keys        *keys.Keys
	Vault       *vault.Vault
	Intake      *intake.Intake
	Clock       *strongroom.Clock // the data clock
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key seal.Key
	// Real is the clock of the minute within which the older flow must end; nil is
	// the machine's.
	Real *strongroom.Clock
	// OAuth is where EcartAPI grants access; "" means [DefaultOAuth].
	OAuth string
	// MaxAge is how old a credential may be before it is a finding: EcartAPI's tokens
	// do not expire. 0 means 365 days.
	MaxAge time.Duration
	// Transport makes the calls of an account; nil is a transport of the package's own.
	Transport http.RoundTripper
	// Chores is nil where the caller ends access at EcartAPI by himself.
	Chores Chores
	// Closed hears in the transaction that a store was closed, and starts the clocks of
	// what it holds. nil starts none but those that run.
	Closed func(tx *guard.Tx, store string, cause Cause) error
	// Reopened hears in the transaction that a new grant opened a closed store. nil
	// ignores it.
	Reopened func(tx *guard.Tx, store string) error
	// Known hears in the transaction which shop a store is, as EcartAPI named it: its
	// platform and address. nil ignores it.
	Known func(tx *guard.Tx, store, platform, address string) error
	// Connected hears after the commit that a store has a new grant. nil ignores it.
	Connected func(ctx context.Context, store string)
	Log       *slog.Logger // nil discards
}

// Connect keeps applications and grants. It is safe for concurrent use.
type Connect struct {
	o     Options
	seal  seal.Key
	proof seal.Key
	mark  seal.Key
	http  *http.Client
}

// accountTime bounds one call of an account.
const accountTime = 15 * time.Second

// New returns a Connect. A missing required option is a mistake of the program and
// panics.
func New(o Options) *Connect {
	if o.Guard == nil || o.Keys == nil || o.Vault == nil || o.Intake == nil || o.Clock == nil || o.Key.IsZero() {
		panic("connect: Options needs Guard, Keys, Vault, Intake, Clock and Key")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("connect: Options needs an Environment")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.OAuth == "" {
		o.OAuth = DefaultOAuth
	}
	if o.MaxAge <= 0 {
		o.MaxAge = 365 * 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Closed == nil {
		o.Closed = func(*guard.Tx, string, Cause) error { return nil }
	}
	if o.Reopened == nil {
		o.Reopened = func(*guard.Tx, string) error { return nil }
	}
	if o.Known == nil {
		o.Known = func(*guard.Tx, string, string, string) error { return nil }
	}
	if o.Connected == nil {
		o.Connected = func(context.Context, string) {}
	}
	if o.Transport == nil {
		o.Transport = transport()
	}
	env := []byte(o.Environment)
	return &Connect{
		o: o, seal: o.Key.Derive("app seal", env), proof: o.Key.Derive("grant proof", env), mark: o.Key.Derive("mark", env),
		http: &http.Client{
			Transport: guard.Transport(o.Transport), Timeout: accountTime,
			// A client id or a token must not travel on.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// transport makes the calls of an account.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // the environment of the process names nobody who may read along
	t.MaxResponseHeaderBytes = 64 << 10
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

func appResource(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Instance", ID: id}
}

func storeResource(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: id, Store: id}
}

func noApp() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "app", "there is no such application")
}

func noStore() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
}

// look reads before anybody is known, or before it is decided about.
func (c *Connect) look(ctx context.Context, fn func(r *db.Reader) error) error {
	return c.o.Guard.Look(ctx, guard.LookUp, fn)
}

// refuse records that something was refused for what it is and returns err. The policies
// are asked first: their denial, or a log that cannot be written, is returned in its place.
func (c *Connect) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, err error) error {
	return c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, r, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}
