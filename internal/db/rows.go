package db

import (
	"strongroom"
)

// Rows walks the result of a query:
//
//	for rows.Next() { err = rows.Scan(…) }
//	return rows.Close()
//
// Close and Err return what went wrong on the way.
type Rows struct {
	s      *session
	c      cursor
	closed bool
	err    error
}

// Next goes to the next row and reports whether there is one. After the last
// row, or an error, the rows are closed.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	ok, err := r.c.next()
	if err != nil {
		r.shut(err)
		return false
	}
	if !ok {
		r.shut(nil)
	}
	return ok
}

// Scan copies the cells of the row into dest, one pointer each. A null goes into
// pointers to pointers, slices, *any and sql.Null only.
func (r *Rows) Scan(dest ...any) error {
	if r.closed {
		return strongroom.Faultf(strongroom.Internal, "scan", "no row to read: the rows are closed")
	}
	if n := r.c.cells(); n != len(dest) {
		return strongroom.Faultf(strongroom.Internal, "scan", "the query has %d columns and %d were asked for", n, len(dest))
	}
	for i, d := range dest {
		c, err := r.c.cell(i)
		if err != nil {
			return err
		}
		if err := assign(d, c, i); err != nil {
			return err
		}
	}
	return nil
}

// Err returns the error that ended Next, if any.
func (r *Rows) Err() error { return r.err }

// Close ends the query. It returns the error that ended Next or came with
// closing, and may be called more than once.
func (r *Rows) Close() error {
	if !r.closed {
		r.shut(nil)
	}
	return r.err
}

func (r *Rows) shut(err error) {
	r.closed = true
	r.s.rows = nil
	if cerr := r.c.close(); err == nil {
		err = cerr
	}
	if err != nil {
		r.err = r.s.fail(err, false)
	}
}

// Scanner is a row to be read: [Rows] at one, or [Row].
type Scanner interface{ Scan(dest ...any) error }

// Collect reads all rows of what Query returned, and closes them.
func Collect[T any](rows *Rows, err error, scan func(Scanner) (T, error)) (out []T, _ error) {
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			_ = rows.Close() // the first failure counts
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Close()
}

// Row is the result of QueryRow.
type Row struct {
	rows Rows
	err  error
}

// Scan copies the row's cells like [Rows.Scan] and ends the query. Without a row
// the fault is NotFound.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if !r.rows.Next() {
		if r.rows.err != nil {
			return r.rows.err
		}
		return errNoRow()
	}
	err := r.rows.Scan(dest...)
	if cerr := r.rows.Close(); err == nil {
		err = cerr
	}
	return err
}
