package db

import (
	"context"
	"log/slog"
	"sync/atomic"

	"strongroom"
)

// Engine names a database engine.
type Engine string

// The two engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options says which database to open and how. Exactly one of Path and URL is
// set.
type Options struct {
	// Path is the SQLite file. It is made with mode 0600 if it is missing; its
	// folder must exist.
	Path string
	// URL is the address of a PostgreSQL database, "postgres://…". It may hold a
	// password and is never logged or repeated in an error.
	URL string
	// Clock tells the instant of each transaction; nil is real time.
	Clock *strongroom.Clock
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// Readers is the number of reading connections: 4 on SQLite and 8 on
	// PostgreSQL if it is 0.
	Readers int
	// MaxPages limits the SQLite file to so many pages; 0 is no limit. Past the
	// limit writes fail as on a full disk.
	MaxPages int
}

// DB is an open database with one writing connection and some reading ones.
// It is safe for concurrent use.
type DB struct {
	engine  Engine
	path    string
	clock   *strongroom.Clock
	log     *slog.Logger
	writer  *pool
	readers *pool
	closed  atomic.Bool
}

// Open opens the database of o and proves that it answers. Faults: Invalid for
// options that make no sense, Unavailable if the database cannot be reached.
func Open(ctx context.Context, o Options) (*DB, error) {
	if (o.Path == "") == (o.URL == "") {
		return nil, strongroom.Faultf(strongroom.Invalid, "database", "a database needs either a file or an address, not both")
	}
	d := &DB{path: o.Path, clock: o.Clock, log: o.Log}
	if d.clock == nil {
		d.clock = new(strongroom.Clock)
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	open, readers := openSQLite, 4
	d.engine = SQLite
	if o.URL != "" {
		open, readers = openPostgres, 8
		d.engine = Postgres
	}
	if o.Readers > 0 {
		readers = o.Readers
	}
	write, read, err := open(o, d.log)
	if err != nil {
		return nil, err
	}
	d.writer, d.readers = newPool(write, 1), newPool(read, readers)
	if err := d.Ping(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Engine returns the engine of the database.
func (d *DB) Engine() Engine { return d.engine }

// Clock returns the clock that tells the instant of each transaction.
func (d *DB) Clock() *strongroom.Clock { return d.clock }

// Close waits for the work under way and closes all connections. Later calls
// are refused with Unavailable. Closing twice is harmless.
func (d *DB) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	// Readers go first: on SQLite the writer, closed last, folds the
	// write-ahead log into the file and removes it.
	d.readers.close()
	d.writer.close()
	return nil
}

// Ping proves that both a reading and a writing connection answer. It writes
// nothing.
func (d *DB) Ping(ctx context.Context) error {
	for _, p := range []*pool{d.writer, d.readers} {
		l, err := d.take(ctx, p)
		if err != nil {
			return err
		}
		_, err = l.exec(sqlPing, nil)
		p.put(l, err == nil)
		if err != nil {
			return l.fault(err)
		}
	}
	return nil
}

// Prepare proves that the engine understands the statement. It runs nothing; it
// is how a test checks every statement of the product on both engines.
func (d *DB) Prepare(ctx context.Context, statement string) error {
	l, err := d.take(ctx, d.readers)
	if err != nil {
		return err
	}
	err = l.check(statement)
	d.readers.put(l, !l.lost())
	if err != nil {
		return l.fault(err)
	}
	return nil
}

// Read runs fn with a reading connection of its own. Each statement sees the
// newest committed state; two statements may see two states. fn must not keep
// the Reader.
func (d *DB) Read(ctx context.Context, fn func(*Reader) error) error {
	return d.read(ctx, "", fn)
}

// Snapshot runs fn on one consistent, read-only state of the database. fn must
// not keep the Reader.
func (d *DB) Snapshot(ctx context.Context, fn func(*Reader) error) error {
	begin := sqlBeginRead
	if d.engine == SQLite {
		begin = sqlBegin
	}
	return d.read(ctx, begin, fn)
}

func (d *DB) read(ctx context.Context, begin string, fn func(*Reader) error) error {
	l, err := d.take(ctx, d.readers)
	if err != nil {
		return err
	}
	s := newSession(l, d.clock.Now(), begin)
	// The connection goes back on every way out, a panic in fn included.
	defer func() {
		s.rollback()
		d.release(d.readers, s)
	}()
	if err := fn(&Reader{s}); err != nil {
		return err
	}
	return s.finish()
}

// Update runs fn in the write transaction and commits it if fn returns nil.
// There is one writer: calls wait for each other. The context is looked at
// before the transaction starts and never passed to SQL, because a cancelled
// statement takes the whole transaction along. fn must have no effect outside
// the transaction and must not keep the Tx; a panic in fn rolls back and goes on.
//
// A fault of kind Unavailable with the code [CodeUnknown] means that the commit
// was sent and not answered: it may or may not have happened. Every other error
// means that nothing was changed.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	l, err := d.take(ctx, d.writer)
	if err != nil {
		return err
	}
	begin := sqlBeginWrite
	if d.engine == SQLite {
		begin = sqlBeginImmediate
	}
	s := newSession(l, d.clock.Now(), begin)
	defer func() {
		s.rollback()
		d.release(d.writer, s)
	}()
	if d.engine == SQLite {
		// SQLite takes the write lock at once, so that what fn reads cannot change
		// before it writes.
		if err := s.settle(); err != nil {
			return err
		}
	}
	if err := fn(&Tx{Writer{Reader{s}}}); err != nil {
		return err
	}
	return s.commit()
}

// take returns a connection of p, with everything that can be wrong as a fault.
func (d *DB) take(ctx context.Context, p *pool) (link, error) {
	if d.closed.Load() {
		return nil, errClosed()
	}
	return p.get(ctx)
}

// release ends the session and gives its connection back, or closes it when it
// cannot be trusted any more.
func (d *DB) release(p *pool, s *session) {
	s.done = true
	sound := s.clean || s.link.state() == stateIdle
	if !sound {
		d.log.Warn("database connection dropped", slog.String("engine", string(d.engine)))
	}
	if s.link.lost() {
		// What ended this connection has most likely ended the idle ones as well.
		d.readers.drop()
		d.writer.drop()
	}
	p.put(s.link, sound)
}
