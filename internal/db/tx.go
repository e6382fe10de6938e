package db

import "time"

// text is SQL. The type is not exported, so that only constants convert to it:
// a statement built at run time does not compile.
type text string

// Reader reads. A Reader belongs to one call of Read, Snapshot or Update and to
// one goroutine; copies share its state. One query is open at a time: a
// statement before the rows of the last one are closed is refused.
//
// Arguments and results are integers, float64, string, []byte, nil, and types
// made of these. A bool is stored as 0 or 1, a uint64 by its bit pattern (an
// int64 of the same bits). Instants are stored with [Micros]; a time.Time is
// refused. Text must be UTF-8 without NUL.
type Reader struct{ s *session }

// Query runs a statement that returns rows. The caller closes them.
func (r *Reader) Query(q text, args ...any) (*Rows, error) {
	rows := new(Rows)
	if err := r.s.query(string(q), args, rows); err != nil {
		return nil, err
	}
	return rows, nil
}

// QueryRow runs a statement that returns at most one row. An error comes with
// [Row.Scan], which must be called.
func (r *Reader) QueryRow(q text, args ...any) *Row {
	row := new(Row)
	row.err = r.s.query(string(q), args, &row.rows)
	return row
}

// Now returns the instant of the transaction, the same at every call.
func (r *Reader) Now() time.Time { return r.s.now }

// Engine returns the engine. No rule depends on it; it is for a choice between two
// statements that do the same and of which each engine is slow at one.
func (r *Reader) Engine() Engine { return r.s.link.engine() }

// Writer reads and writes within a transaction.
//
// After a statement failed, every further one is refused with Unavailable until
// [Tx.RollbackToMark]: PostgreSQL works like that, and SQLite is made to.
type Writer struct{ Reader }

// Exec runs a statement that returns no rows and returns the number of rows it
// changed. Faults: Conflict when a unique key exists already, Unavailable when
// the database is busy, full or gone.
func (w *Writer) Exec(q text, args ...any) (affected int64, err error) {
	return w.s.exec(string(q), args)
}

// Batch runs the statement n times with the arguments arg returns for 0 to n-1
// and returns the number of rows changed by all. On PostgreSQL the statements
// travel together. arg may return the same slice each time; what its elements
// point to must not change before Batch returns.
func (w *Writer) Batch(q text, n int, arg func(i int) []any) (affected int64, err error) {
	return w.s.repeat(string(q), n, arg)
}

// Queue runs a statement whose outcome matters only as a whole: on PostgreSQL it
// waits and travels with the next statement, [Writer.Settle] or the commit, and
// its failure is returned there. What the arguments point to must not change
// until then. On SQLite it is run at once.
//
// A statement queued before [Tx.Mark] that fails after it breaks the
// transaction: settle first where that matters.
func (w *Writer) Queue(q text, args ...any) error {
	return w.s.later(string(q), args)
}

// Settle sends what [Writer.Queue] left waiting and returns its failure.
func (w *Writer) Settle() error { return w.s.settle() }

// Tx is the write transaction of one call of Update.
type Tx struct{ Writer }

// Mark starts a part of the transaction that RollbackToMark can undo. It
// replaces the mark before, whose work then stays. It sends nothing: the
// savepoint travels with the first write that follows.
//
// A mark set after a failed statement, without going back first, breaks the
// transaction. A query that is not a write is not covered on PostgreSQL until
// something was written: if the engine refuses it, the transaction is beyond use.
func (t *Tx) Mark() { t.s.setMark() }

// MarkLightly is [Tx.Mark] for those who can begin the whole transaction again: it
// takes no savepoint, which costs either engine as much as a small write. Until
// something is written RollbackToMark works as ever; after that, going back or a
// statement that fails breaks the transaction.
func (t *Tx) MarkLightly() { t.s.setLightMark() }

// RollbackToMark undoes everything since the mark, closes open rows and makes
// the transaction usable after a failed statement. The mark stays. It does
// nothing when nothing was written. An error, of kind Unavailable, means that
// the whole transaction is beyond use.
func (t *Tx) RollbackToMark() error { return t.s.backToMark() }

// Sound proves that the transaction still stands and that, if a statement
// failed, RollbackToMark can lead back. The error is of kind Unavailable.
func (t *Tx) Sound() error { return t.s.sound() }
