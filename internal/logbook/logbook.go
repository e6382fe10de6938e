package logbook

import (
	"context"
	"encoding/base64"
	"io"
	"sync"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
	"strongroom/internal/tlog"
)

// The actions of this package: OCSF Event Log Activity (1008), 8 is Export.
var (
	logRead   = strongroom.Action{Name: "log.read", Class: 6005, Activity: 1}     // Datastore Activity, Read
	logProof  = strongroom.Action{Name: "log.proof", Class: 6005, Activity: 4}    // Datastore Activity, Query
	metrics   = strongroom.Action{Name: "metrics.read", Class: 6005, Activity: 1} // Datastore Activity, Read
	logExport = strongroom.Action{Name: "log.export", Class: 1008, Activity: 8}   // Event Log Activity, Export
)

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action { return []strongroom.Action{logRead, logProof, logExport, metrics} }

// Logbook reads the audit log for callers. Make it with [New].
type Logbook struct {
	guard *guard.Guard
	log   *audit.Log

	real    strongroom.Clock // real time, for the hours of watched
	mu      sync.Mutex
	watched map[string]watching // by the actor's id
}

// New returns a Logbook. It panics where guard or log is missing: that is a
// mistake of the program.
func New(g *guard.Guard, l *audit.Log) *Logbook {
	if g == nil || l == nil {
		panic("logbook: guard and log are required")
	}
	return &Logbook{guard: g, log: l, watched: map[string]watching{}}
}

// Event is an entry of the log.
type Event struct {
	Position int64  // its place; the cursor for [Logbook.Events]
	OCSF     []byte // the complete OCSF object, JSON
}

// MaxEvents is how many events one call returns at most.
const MaxEvents = audit.MaxEvents

// Events returns up to limit events after a position, oldest first; -1 begins.
func (b *Logbook) Events(ctx context.Context, who strongroom.Actor, after int64, limit int) ([]Event, error) {
	if err := b.allow(ctx, who, logRead); err != nil {
		return nil, err
	}
	entries, err := b.log.Events(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Event, len(entries))
	for i, e := range entries {
		text, err := e.OCSF()
		if err != nil {
			return nil, err
		}
		out[i] = Event{Position: e.Position, OCSF: text}
	}
	return out, nil
}

// Checkpoint returns the newest signed checkpoint, a C2SP signed note.
func (b *Logbook) Checkpoint(ctx context.Context, who strongroom.Actor) ([]byte, error) {
	if err := b.allow(ctx, who, logProof); err != nil {
		return nil, err
	}
	note, _, err := b.log.Checkpoint()
	if strongroom.IsKind(err, strongroom.NotFound) {
		note, _, err = b.log.Seal(ctx) // the log is younger than its first second
	}
	return note, err
}

// VerifierKey returns the text of the public key that checkpoints are signed
// with. It is public.
func (b *Logbook) VerifierKey() string { return b.log.Verifier().String() }

// Inclusion proves that an event is in the log.
type Inclusion struct {
	Position   int64
	Leaf       []byte // the exact bytes that were hashed
	Hash       string // of the leaf, base64
	Proof      []byte // C2SP tlog-proof text: index, hashes, checkpoint
	Checkpoint []byte // the checkpoint inside the proof
}

// Inclusion proves that the event at a position is in the log.
func (b *Logbook) Inclusion(ctx context.Context, who strongroom.Actor, position int64) (Inclusion, error) {
	if err := b.allow(ctx, who, logProof); err != nil {
		return Inclusion{}, err
	}
	p, err := b.log.Inclusion(ctx, position)
	if err != nil {
		return Inclusion{}, err
	}
	return Inclusion{
		Position: position, Leaf: p.Leaf, Hash: encode(p.Hash()),
		Proof: tlog.FormatProof(p.Proof), Checkpoint: p.Proof.Checkpoint,
	}, nil
}

// Consistency proves that the log of today extends the log of an earlier size.
type Consistency struct {
	From       int64
	Hashes     []string // base64, as RFC 6962 orders them
	Checkpoint []byte   // the newest one
}

// Consistency proves that the newest checkpoint extends the first from events.
func (b *Logbook) Consistency(ctx context.Context, who strongroom.Actor, from int64) (Consistency, error) {
	if err := b.allow(ctx, who, logProof); err != nil {
		return Consistency{}, err
	}
	c, err := b.log.Consistency(ctx, from)
	if err != nil {
		return Consistency{}, err
	}
	out := Consistency{From: c.From, Hashes: make([]string, len(c.Hashes)), Checkpoint: c.Checkpoint}
	for i, h := range c.Hashes {
		out.Hashes[i] = encode(h)
	}
	return out, nil
}

// Export writes the whole log to w, for [audit.Verify] on a machine that has
// nothing but the public key. begin is called once it is allowed and recorded,
// before the first byte.
func (b *Logbook) Export(ctx context.Context, who strongroom.Actor, w io.Writer, begin func()) error {
	if err := b.allow(ctx, who, logExport); err != nil {
		return err
	}
	begin()
	return b.log.Export(ctx, w)
}

// Follow returns a context for a call of a door, and a function that reports
// whether the log holds a refusal of what was done with it. Where it does not,
// the door owes one: [Logbook.Refused].
func (b *Logbook) Follow(ctx context.Context) (context.Context, func() bool) {
	ctx, trace := guard.Traced(ctx)
	return ctx, trace.Refused
}

// Refused records that a door refused what a known caller asked for before any
// package could: a body that is no JSON, one that is too large. status is the
// answer it gives. It returns refusal, or why it could not be recorded. A caller
// who may not do a at all is recorded as denied; one who is limited to stores is
// asked about the first of them, because which one was meant could not be read.
// The zero action is what anyone may do.
func (b *Logbook) Refused(ctx context.Context, who strongroom.Actor, a strongroom.Action, status int, refusal error) error {
	r := strongroom.Resource{Type: "Instance", ID: "instance"}
	if !who.AllStores && len(who.Stores) > 0 {
		r.Store = who.Stores[0]
	}
	// A reveal without a purpose cannot even be asked for, and of what anyone may
	// do no policy is asked; that it was refused is recorded all the same.
	if a.Name == "record.reveal" || a.Name == "" {
		return b.guard.Refused(ctx, who, a, r, status, refusal)
	}
	return b.refused(ctx, who, a, r, status, refusal)
}

// RefusedOwn is [Logbook.Refused] for what a person asked of the own account, which
// may be more than they may ask of others.
func (b *Logbook) RefusedOwn(ctx context.Context, who strongroom.Actor, a strongroom.Action, status int, refusal error) error {
	r := strongroom.Resource{Type: "Account", ID: who.ID, Attrs: map[string]any{"own": who.Kind == strongroom.PersonActor}}
	return b.refused(ctx, who, a, r, status, refusal)
}

func (b *Logbook) refused(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, status int, refusal error) error {
	return b.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(a, r, guard.Context{}); err != nil {
			return err
		}
		tx.Note("status", int64(status))
		return refusal
	})
}

// allow asks, and returns nil once the answer is durable.
func (b *Logbook) allow(ctx context.Context, who strongroom.Actor, a strongroom.Action) error {
	return b.guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		return v.Allow(a, strongroom.Resource{Type: "Log", ID: "log"}, guard.Context{})
	})
}

func encode(h tlog.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
