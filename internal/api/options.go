package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/device"
	"strongroom/internal/erasure"
	"strongroom/internal/federation"
	"strongroom/internal/identity"
	"strongroom/internal/identity/workload"
	"strongroom/internal/lifecycle"
	"strongroom/internal/logbook"
	"strongroom/internal/people"
	"strongroom/internal/policy"
	"strongroom/internal/review"
	"strongroom/internal/session"
	"strongroom/internal/vault"
)

// Options configure an [API]. All rooms are required.
type Options struct {
	Vault       *vault.Vault
	Cases       *lifecycle.Cases
	Identity    *identity.Identity
	People      *people.People
	Devices     *device.Devices
	Sessions    *session.Sessions
	Access      *access.Access
	Policies    *policy.Book
	Federation  *federation.Federation
	Reviews     *review.Review
	Logbook     *logbook.Logbook
	Environment strongroom.Environment

	// Actions are those that Work, Clock and the other ports ask the policies for.
	// With those of vault, identity and logbook every row's action is among them.
	Actions []strongroom.Action
	// Work starts background work; nil refuses it as unavailable.
	Work Work
	// Workloads knows services that prove themselves without a key; nil knows none.
	Workloads *workload.Workloads
	// SignOn signs people in at a provider for a program on their own machine; nil
	// knows no provider.
	SignOn SignOn
	// Now is the time of the data clock; required.
	Now func() time.Time
	// Limit counts a call that asks for nobody, or whose caller is not known, for the
	// address it came from; its fault is answered instead. nil lets all pass.
	Limit func(source netip.Addr) error
	// Unheard returns how many calls said for whom they were forwarded and came from no
	// trusted proxy; nil knows of none.
	Unheard func() int64
	// Link makes a link to enrol of its token.
	Link func(token string) string
	// Clock moves the clock of a test instance; nil refuses it.
	Clock Clock
	// Ready returns nil while the instance can decide and record, else a fault
	// that says why not. nil is always ready.
	Ready func(ctx context.Context) error
	// Mirror answers calls of EcartAPI for a store, Allowances are the calls that people
	// allow it; nil mirrors none.
	Mirror     Mirror
	Allowances Allowances
	// Connect brings stores in by a grant and closes them; nil does neither.
	Connect Connect
	// Ways are the ways out; nil has none.
	Ways Ways
	// Documents are the files that came back; nil keeps none.
	Documents Documents
	// Messages are the keys that calls and answers are sealed with; nil seals none.
	Messages Messages
	// Untrusted says that TLS ends at somebody who must not read along: what comes by a
	// network is sealed, or says and shows nothing personal.
	Untrusted bool
	// Webhooks take posts in and say where messages go; nil takes none.
	Webhooks Webhooks
	// Signals take in what asks for erasure, Erasures keep it; nil takes none.
	Signals  *erasure.Inbox
	Erasures *lifecycle.Requests
	// Metrics writes the metrics; that the caller may read them has been decided.
	// nil serves none.
	Metrics func(ctx context.Context, who strongroom.Actor, w http.ResponseWriter, r *http.Request) error
	// Findings checks the instance; that the caller may ask has been decided. nil
	// checks nothing.
	Findings func(ctx context.Context) ([]Finding, error)
	// Observe hears of each answer: the pattern of its route, its status and how
	// long it took. nil ignores them.
	Observe func(route string, status int, took time.Duration)

	MaxBody int64        // of a record or an envelope, 8 MiB if zero
	MaxLine int64        // of a line of bulk ingest, 4 MiB if zero
	Version string       // of the product, for the document
	Log     *slog.Logger // operational log; nil discards
}

// Work is what a caller may set going. Each verb decides and records for itself.
type Work interface {
	// Credential seals a store's access token, in the place of an older one.
	Credential(ctx context.Context, who strongroom.Actor, store, token, version string) error
	// Sync begins to fetch what changed at a store since a time; zero is since the
	// last sync, no resources are the usual ones. It returns the id of the job.
	Sync(ctx context.Context, who strongroom.Actor, store string, resources []string, since time.Time) (job string, err error)
	// Roll begins an epoch roll and returns the id of the job.
	Roll(ctx context.Context, who strongroom.Actor) (job string, err error)
	// Sweep destroys the keys of all records past their date and clears what
	// remains of dead ones, and returns the numbers of both.
	Sweep(ctx context.Context, who strongroom.Actor) (expired, cleared int64, err error)
	// Job says where a job stands.
	Job(ctx context.Context, who strongroom.Actor, id string) (JobStatus, error)
	// Jobs lists up to limit jobs of a state (of all for ""), by their ids, those
	// after cursor. next is empty at the end.
	Jobs(ctx context.Context, who strongroom.Actor, state, cursor string, limit int) (list []JobStatus, next string, err error)
	// Retry gives a job that was given up all its tries again.
	Retry(ctx context.Context, who strongroom.Actor, id string) error
}

// JobStatus is where a job stands.
type JobStatus struct {
	ID       string
	Name     string // of its kind
	State    string // waiting, running, done or dead
	Code     string // of its last failure
	Tries    int
	Due      time.Time // real time
	Progress Progress
}

// Progress is how far a job has come, as far as this process knows.
type Progress struct {
	Records   int64   `json:"records"`
	Total     int64   `json:"total,omitempty" doc:"of records, if known"`
	Stored    int64   `json:"stored"`
	Unchanged int64   `json:"unchanged"`
	Dead      int64   `json:"dead"`
	Refused   int64   `json:"refused"`
	Damaged   int64   `json:"damaged" doc:"objects whose stored record was changed in the database"`
	Pages     int64   `json:"pages"`
	Retries   int64   `json:"retries"`
	Seconds   float64 `json:"seconds"`
}

// Clock is the data clock. Set moves it, in a test instance alone, and decides
// and records for itself.
type Clock interface {
	Now() time.Time
	Set(ctx context.Context, who strongroom.Actor, to time.Time) error
}
