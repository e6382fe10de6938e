package audit

import (
	"embed"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

//go:embed schema
var schemaFS embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "audit", FS: schemaFS} }

// Options say how a log is kept.
type Options struct {
	// Origin names the log; empty is the signer's name, and nothing else is
	// allowed to differ from it. Lower-case letters, digits and . - _ / only.
	Origin string
	// Signer signs the checkpoints. Required.
	Signer *tlog.Signer
	// CheckpointPath is the file that holds the newest checkpoint outside the
	// database, in a folder that exists. Empty keeps none, which is for tests: then
	// a truncation cannot be seen.
	CheckpointPath string
	// Clock tells the time of checkpoints and of [Log.Behind]; nil is real time.
	Clock *strongroom.Clock
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// Actions, if any, are the only action names an event may have.
	Actions []string
}

// Log is the audit log of one database. It is safe for concurrent use.
type Log struct {
	db      *db.DB
	o       Options
	log     *slog.Logger
	clock   *strongroom.Clock
	origin  string // of the first log
	actions []string

	started atomic.Pointer[started]
	broken  atomic.Pointer[ContinuityError]
	signed  atomic.Pointer[tlog.Checkpoint] // sealed.mark, for whoever may not wait
	usual   atomic.Int64                    // bytes that the events of the last batch took
	newest  atomic.Int64                    // time of the newest event seen, microseconds
	seen    atomic.Int64                    // size seen at the last Flush
	wake    chan struct{}                   // asks the sealer not to wait

	mu      sync.Mutex
	builder *tlog.Builder // of the newest Flush; its edge saves reading it again
	number  int64         // the log builder belongs to

	sealMu sync.Mutex
	sealed sealed
}

// started is what Start found out.
type started struct {
	log    int64
	origin string
}

// New returns the log kept in d. It reads nothing yet: [Log.Start] must have
// succeeded before the first event. It fails with an Invalid fault for options
// that make no sense.
func New(d *db.DB, o Options) (*Log, error) {
	if d == nil || o.Signer == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "audit-options", "the log needs a database and a signing key")
	}
	name := o.Signer.Name()
	if o.Origin == "" {
		o.Origin = name
	}
	if o.Origin != name || !validOrigin(name) || len(name) > 96 {
		return nil, strongroom.Faultf(strongroom.Invalid, "audit-options",
			"the log's origin must be its key's name: up to 96 lower-case letters, digits and . - _ /")
	}
	l := &Log{
		db: d, o: o, log: o.Log, clock: o.Clock, origin: name,
		wake: make(chan struct{}, 1), actions: slices.Sorted(slices.Values(o.Actions)),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.clock == nil {
		l.clock = d.Clock()
	}
	return l, nil
}

// Verifier returns the public key that checkpoints are signed with; an outsider
// needs its text.
func (l *Log) Verifier() *tlog.Verifier { return l.o.Signer.Verifier() }

// Origin returns the name of the log that is being written, empty before
// [Log.Start].
func (l *Log) Origin() string {
	if s := l.started.Load(); s != nil {
		return s.origin
	}
	return ""
}

// Newest returns the time of the newest event this process knows of, the zero
// time if there is none.
func (l *Log) Newest() time.Time {
	if us := l.newest.Load(); us > 0 {
		return db.Time(us)
	}
	return time.Time{}
}

// Behind returns how far the clock is behind the newest event, 0 if it is not.
// A clock that is far behind would open what has already died, so reveals refuse
// beyond five minutes.
func (l *Log) Behind() time.Duration {
	us := l.newest.Load()
	return max(0, time.Duration(us-db.Micros(l.clock.Now()))*time.Microsecond)
}

// Ready returns nil if events can be taken now, else an Unavailable fault or the
// [ContinuityError] that was found.
func (l *Log) Ready() error {
	if b := l.broken.Load(); b != nil {
		return b
	}
	if l.started.Load() == nil {
		return strongroom.Faultf(strongroom.Unavailable, "audit-start", "the audit log has not been started")
	}
	return nil
}
