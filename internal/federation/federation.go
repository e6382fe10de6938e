package federation

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// Numbers that are ours; no text asks for them.
const (
	// FlowLife is how long a sign-on may stay at the provider, in real time.
	FlowLife = 10 * time.Minute
	// MaxAge is how old a sign-in at the provider may be unless the configuration
	// says less.
	MaxAge = 12 * time.Hour
	// maxFlows is how many sign-ons may be under way from one source.
	maxFlows = 32
	// maxAllFlows is how many may be under way from everywhere.
	maxAllFlows = 4096
)

// Limit is the time DPP 2.2.12 allows from the reason to end to the revocation.
const Limit = 24 * time.Hour

// Token is the secret of a session that was opened. It prints as a redaction.
type Token interface{ Reveal() string }

// Entry is a sign-on that has been proved.
type Entry struct {
	Person   string
	Provider string
	// Verified is when the person showed several factors to the provider, in real
	// time.
	Verified time.Time
	// StepUp says that the person was asked to show them anew.
	StepUp bool
	// Session is the session a step-up was begun in; empty otherwise.
	Session string
	// Caller is what the door knew of the browser.
	Caller any
}

// Opener opens a session, or renews the one of a step-up, inside the transaction
// of the sign-on. It asks for its own decision and refuses an account that may not
// sign in now. Safe for concurrent use.
type Opener func(tx *guard.Tx, e Entry) (Token, error)

// Access is what requests and grants do for directories and groups. Each method
// works inside the transaction it is given, serves the decision that was made
// there, and does nothing where it was done before.
type Access interface {
	// AskTx keeps a request for an account, to be approved by people.
	AskTx(tx *guard.Tx, spec people.Spec) (request string, err error)
	// Outcome says what became of a request: the person it made, if it was approved,
	// and whether it still waits.
	Outcome(r *db.Reader, request string) (person string, waits bool, err error)
	// WithdrawTx withdraws a request that waits.
	WithdrawTx(tx *guard.Tx, request string) error
	// EnsureTx sees to it that a person has what a mapping gives: by a grant where
	// the mapping's case is an approved request for exactly that, else by a request.
	EnsureTx(tx *guard.Tx, person string, m Mapping) error
	// RetractTx takes back what a mapping gave a person or asked for, and nothing
	// else.
	RetractTx(tx *guard.Tx, person string, m Mapping) error
}

// Way is one way into the product, or one thing somebody could still reach, as a
// probe tries it. Open reports whether it is open to a person at a time of the data
// clock; it changes nothing.
type Way struct {
	Name string // one of [Ways]
	Open func(r *db.Reader, person string, now time.Time) (bool, error)
}

// Options configure a [Federation]. Guard, Environment, Key, People, Access and
// Open are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key    seal.Key
	People *people.People
	Access Access
	Open   Opener
	// Providers are where persons may sign in, Mappings what groups give.
	Providers []Provider
	Mappings  []Mapping
	// Callback is where providers send browsers back to, an https address to the
	// letter as registered there.
	Callback string
	// Ways are what a probe tries beside the sign-in and the links of this package.
	Ways []Way
	// Transport carries calls to providers; nil is [http.DefaultTransport].
	Transport http.RoundTripper
	// Real is real time; nil is the machine's clock.
	Real *strongroom.Clock
	// Refused hears of each failure that is nobody's, with the code of the fault. It
	// must not block. nil ignores them.
	Refused func(ctx context.Context, source netip.Addr, code string)
	Log     *slog.Logger // operational log; nil discards
}

// Federation joins directories and providers to the accounts of an instance. Make
// it with [New]; it is safe for concurrent use.
type Federation struct {
	o         Options
	mac       seal.Key // marks and proofs
	seal      seal.Key // flows, users and groups
	providers map[string]*provider

	probing sync.Mutex
	probed  leaverRow // where the next call of ProbeDue begins; under probing
}

// New returns a Federation, or the fault Invalid for a configuration that is not
// safe. It panics where something required is missing: that is a mistake of the
// program.
func New(o Options) (*Federation, error) {
	if o.Guard == nil || o.Key.IsZero() || o.People == nil || o.Access == nil || o.Open == nil {
		panic("federation: guard, key, people, access and an opener are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("federation: environment is required")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, netip.Addr, string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	env := []byte(o.Environment)
	f := &Federation{
		o: o, providers: map[string]*provider{}, probed: leaverRow{left: lowestDate},
		mac: o.Key.Derive("federation mac", env), seal: o.Key.Derive("federation seal", env),
	}
	if err := Check(o.Environment, o.Callback, o.Providers, o.Mappings); err != nil {
		return nil, err
	}
	for _, p := range o.Providers {
		f.providers[p.Name] = newProvider(p, o.Callback, o.Transport, o.Real)
	}
	for _, w := range o.Ways {
		if _, ok := wayWord(w.Name); !ok || w.Open == nil {
			panic("federation: a way in has no name of the list")
		}
	}
	return f, nil
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "federation", FS: schema} }

// mark is the keyed hash something is kept under.
func (f *Federation) mark(kind string, parts ...string) []byte {
	all := [][]byte{[]byte(kind)}
	for _, p := range parts {
		all = append(all, []byte(p))
	}
	m := f.mac.MAC(all...)
	return m[:]
}

// ad binds what is sealed to a table, the environment and parts of its row.
func (f *Federation) ad(table string, parts ...any) []byte {
	return seal.AppendAD(seal.AD(table, string(f.o.Environment)), parts...)
}

// account describes a person to the policies.
func account(id string, who strongroom.Actor) strongroom.Resource {
	return strongroom.Resource{Type: "Account", ID: id, Attrs: map[string]any{"own": who.Kind == strongroom.PersonActor && who.ID == id}}
}

func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

// damaged is what became of a row that was edited or moved.
func damaged(id string) error {
	return strongroom.Faultf(strongroom.Internal, "federation-sealed", "the entry %s does not open", id).
		Advise("its row was changed, or the keyring is another's")
}
