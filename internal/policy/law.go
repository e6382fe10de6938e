package policy

import (
	"bytes"
	"context"
	"embed"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/seal"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "policy", FS: schema} }

// LawOptions say which policies are in force where. DB and Key are required.
type LawOptions struct {
	DB          *db.DB
	Environment strongroom.Environment
	// Files are those of the configuration. They are part of version 0 and always
	// in force.
	Files []authz.File
	// Key seals and proves the versions; it is the instance's.
	Key seal.Key
	// Zero starts with version 0 whatever is in force. It is for [Book.Reset] and
	// nothing else: an active version may not load, or let nobody reset.
	Zero bool
	// Every is how often to look for a change by another process; 0 is 500 ms.
	Every time.Duration
	// Log is the operational log; nil discards.
	Log *slog.Logger
}

// Law holds the engine that decisions are made with. It is safe for concurrent
// use.
type Law struct {
	o    LawOptions
	safe safe

	engine atomic.Pointer[authz.Engine] // nil: nothing can be decided

	mu     sync.Mutex // for what follows, and to swap all three
	turn   int64
	number int64
}

// NewLaw returns the law in force. An active version that does not load is a
// fault that says what to do.
func NewLaw(ctx context.Context, o LawOptions) (*Law, error) {
	if o.DB == nil || o.Key.IsZero() {
		panic("policy: DB and Key are required")
	}
	if o.Every <= 0 {
		o.Every = 500 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Law{o: o, safe: newSafe(o.Environment, o.Key)}
	c, engine, err := l.load(ctx)
	if o.Zero && !strongroom.IsKind(err, strongroom.Unavailable) {
		o.Log.WarnContext(ctx, "only the shipped policies and those of the configuration are in force")
		engine, err = l.build(nil)
	}
	if err != nil {
		return nil, err
	}
	l.put(c, engine)
	return l, nil
}

// Engine returns the engine to decide with now, nil if nothing can be decided;
// it is what a guard asks for each decision.
func (l *Law) Engine() *authz.Engine { return l.engine.Load() }

// Number returns the number of the version in force, as far as this process
// knows, and whether it loads.
func (l *Law) Number() (number int64, loads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number, l.engine.Load() != nil
}

// Run follows the changes of other processes until ctx ends.
func (l *Law) Run(ctx context.Context) error {
	t := time.NewTicker(l.o.Every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			l.Follow(ctx)
		}
	}
}

// Follow looks once for a change by another process and takes it over. A version
// that does not load denies everything here until one that loads is in force.
func (l *Law) Follow(ctx context.Context) {
	var c current
	err := l.o.DB.Read(ctx, func(r *db.Reader) (err error) {
		c, err = currentRow(r)
		return err
	})
	if err != nil || !l.behind(c.turn) {
		return // without its database the process decides nothing anyway
	}
	c, engine, err := l.load(ctx)
	if err != nil && strongroom.IsKind(err, strongroom.Unavailable) {
		return
	}
	if err != nil && l.engine.Load() != nil { // once, not at every look
		l.o.Log.ErrorContext(ctx, "the active policies do not load: everything is denied", "version", c.number, "err", err)
	}
	l.put(c, engine)
}

// behind reports whether turn is not the one this process has taken over.
func (l *Law) behind(turn int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return turn != l.turn || l.engine.Load() == nil
}

// put takes over an engine, unless a later one is there already.
func (l *Law) put(c current, engine *authz.Engine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.turn >= l.turn {
		l.engine.Store(engine)
		l.turn, l.number = c.turn, c.number
	}
}

// load reads the version in force and builds its engine. The row is returned with
// an error too, as far as it was read.
func (l *Law) load(ctx context.Context) (c current, engine *authz.Engine, err error) {
	var files []authz.File
	err = l.o.DB.Read(ctx, func(r *db.Reader) (err error) {
		var v Version
		c, v, err = l.inForce(r)
		files = v.Files
		return err
	})
	if err == nil {
		engine, err = l.build(files)
	}
	if err != nil && !strongroom.IsKind(err, strongroom.Unavailable) {
		err = strongroom.Faultf(strongroom.Conflict, "policy-stored", "version %d of the policies is in force and does not load", c.number).
			Advise("run the release that made it, or go back to the shipped policies: strongroom policy reset").Because(err)
	}
	return c, engine, err
}

// inForce returns the row that says what is in force, held to its proof, and the
// version it names: version 0 without an id.
func (l *Law) inForce(r *db.Reader) (current, Version, error) {
	c, err := currentRow(r)
	if err != nil {
		return c, Version{}, err
	}
	if c.turn != 0 && !bytes.Equal(c.proof, l.safe.currentProof(c)) {
		return c, Version{}, strongroom.Faultf(strongroom.Internal, "policy-sealed", "the row that says which policies are in force was changed")
	}
	if c.number == 0 {
		return c, l.zero(c), nil
	}
	row, err := rowByNumber(r, c.number)
	if err != nil {
		return c, Version{}, err
	}
	v, err := l.safe.open(row)
	if err == nil && v.State != Active {
		err = errSealed(row)
	}
	return c, v, err
}

// zero returns version 0: nothing beside what is always in force.
func (l *Law) zero(c current) Version {
	v := Version{State: Superseded, Digest: digestOf(l.o.Files)}
	if c.number == 0 {
		v.State, v.Active = Active, db.TimeOrZero(c.at)
	}
	return v
}

// with returns the files of the configuration and those of a version.
func (l *Law) with(files []authz.File) []authz.File { return slices.Concat(l.o.Files, files) }

func (l *Law) build(files []authz.File) (*authz.Engine, error) {
	return authz.New(l.with(files), authz.Options{Environment: l.o.Environment})
}
