package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"strongroom"
)

// What every SQLite connection is told. WAL lets readers go on while the writer
// commits; FULL makes a commit durable before it is answered; secure_delete
// overwrites what is deleted; temp_store keeps plaintext out of temporary files;
// no mmap, so that a failing disk is an error and not a crash.
const (
	sqliteSettings = "_busy_timeout=5000&_dqs=0&_defensive=1&_error_rc=1" +
		"&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=foreign_keys(1)" +
		"&_pragma=temp_store(2)&_pragma=mmap_size(0)"
	sqliteWriter = sqliteSettings + "&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=secure_delete(1)&_pragma=cache_size(-32768)" +
		"&_pragma=wal_autocheckpoint(8000)&_pragma=journal_size_limit(33554432)"
	sqliteReader = sqliteSettings + "&_pragma=cache_size(-2048)&_query_only=1"
)

type opener = func(context.Context) (link, error)

// openSQLite returns how to open the writing connection and a reading one.
func openSQLite(o Options, log *slog.Logger) (write, read opener, err error) {
	if err := sqliteFile(o.Path, log); err != nil {
		return nil, nil, err
	}
	open := func(settings string) opener {
		// Escaping keeps a path with a question mark a path.
		dsn := "file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?" + settings
		return func(context.Context) (link, error) { return dialSQLite(dsn) }
	}
	settings := sqliteWriter
	if o.MaxPages > 0 {
		settings += "&_pragma=max_page_count(" + strconv.Itoa(o.MaxPages) + ")"
	}
	return open(settings), open(sqliteReader), nil
}

// sqliteFile makes sure that nobody but the owner can read the file. SQLite
// gives its side files the same mode.
func sqliteFile(path string, log *slog.Logger) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unavailable("open", "the database file cannot be opened").
			Advise("look at the folder's owner, mode and room").Because(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return unavailable("open", "the database file cannot be looked at").Because(err)
	}
	if st.Mode().Perm()&0o077 == 0 {
		return nil
	}
	log.Warn("database file was open to others; its mode is now 0600", slog.String("was", st.Mode().Perm().String()))
	if err := f.Chmod(0o600); err != nil {
		return unavailable("open", "the database file is open to others").Advise("run chmod 600 on it").Because(err)
	}
	return nil
}

// sqliteLink is one SQLite connection with its prepared statements. It calls the
// driver directly: package database/sql would cost as much as a small statement.
type sqliteLink struct {
	conn  driver.Conn
	stmts map[string]sqliteStmt
	named []driver.NamedValue // reused; the driver copies what it needs
	rows  sqliteRows          // reused: a session has one open query
	bad   bool                // the file or the handle cannot be trusted

	// active: a transaction was begun, and nothing has failed or ended it since.
	// Nothing else can: prepare refuses what would control transactions in other
	// words than ours. It saves asking after every part of a group.
	active bool
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func dialSQLite(dsn string) (link, error) {
	l := &sqliteLink{stmts: make(map[string]sqliteStmt)}
	conn, err := new(sqlite.Driver).Open(dsn)
	if err != nil {
		return nil, l.fault(err)
	}
	l.conn = conn
	return l, nil
}

func (l *sqliteLink) engine() Engine { return SQLite }

func (l *sqliteLink) pipelines() bool { return false }

// prepare returns the statement, prepared once for the life of the connection.
// All statements are constants, so there are only so many.
func (l *sqliteLink) prepare(sql string) (sqliteStmt, error) {
	if st, ok := l.stmts[sql]; ok {
		return st, nil
	}
	if controls(sql) {
		return nil, internal("control", "a statement of the program controls transactions")
	}
	st, err := l.conn.Prepare(unnumbered(sql))
	if err != nil {
		return nil, l.broke(err)
	}
	s := st.(sqliteStmt) // the driver's own type has both methods
	l.stmts[sql] = s
	return s, nil
}

// args gives the arguments the ordinals by which the driver matches $1, $2, …
// in any order.
func (l *sqliteLink) args(args []any) []driver.NamedValue {
	l.named = l.named[:0]
	for i, a := range args {
		l.named = append(l.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return l.named
}

func (l *sqliteLink) exec(sql string, args []any) (int64, error) {
	st, err := l.prepare(sql)
	if err != nil {
		return 0, err
	}
	n, err := l.step(st, args)
	if err == nil {
		switch sql {
		case sqlBegin, sqlBeginImmediate:
			l.active = true
		case sqlCommit, sqlRollback:
			l.active = false
		}
	}
	return n, err
}

// controls reports whether a statement would begin, mark or end a transaction
// in other words than this package does.
func controls(sql string) bool {
	switch sql {
	case sqlBegin, sqlBeginImmediate, sqlCommit, sqlRollback, sqlSavepoint, sqlRelease, sqlRollbackTo:
		return false
	}
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	switch strings.ToLower(strings.TrimRight(word, ";")) {
	case "begin", "commit", "end", "rollback", "savepoint", "release":
		return true
	}
	return false
}

func (l *sqliteLink) step(st sqliteStmt, args []any) (int64, error) {
	res, err := st.ExecContext(context.Background(), l.args(args))
	if err != nil {
		return 0, l.broke(err)
	}
	return res.RowsAffected()
}

func (l *sqliteLink) run(ops []op) (done int, affected int64, err error) {
	for i, o := range ops {
		if affected, err = l.exec(o.sql, o.args); err != nil {
			return i, 0, err
		}
	}
	return len(ops), affected, nil
}

func (l *sqliteLink) query(ops []op, sql string, args []any) (int, cursor, error) {
	done, _, err := l.run(ops)
	if err != nil {
		return done, nil, err
	}
	st, err := l.prepare(sql)
	if err != nil {
		return done, nil, err
	}
	rows, err := st.QueryContext(context.Background(), l.args(args))
	if err != nil {
		return done, nil, l.broke(err)
	}
	l.rows.start(l, rows)
	return done, &l.rows, nil
}

func (l *sqliteLink) repeat(ops []op, sql string, n int, arg func([]any, int) ([]any, error)) (int, int64, error) {
	done, _, err := l.run(ops)
	if err != nil {
		return done, 0, err
	}
	st, err := l.prepare(sql)
	if err != nil {
		return done, 0, err
	}
	var total int64
	var bound []any
	for i := range n {
		if bound, err = arg(bound[:0], i); err != nil {
			return done, 0, err
		}
		changed, err := l.step(st, bound)
		if err != nil {
			return done, 0, err
		}
		total += changed
	}
	return done, total, nil
}

func (l *sqliteLink) script(sql string) error {
	l.active = false // a script may hold anything: the engine is asked again
	_, err := l.conn.(driver.ExecerContext).ExecContext(context.Background(), sql, nil)
	return l.broke(err)
}

func (l *sqliteLink) check(sql string) error {
	st, err := l.conn.Prepare(sql)
	if err != nil {
		return err
	}
	return st.Close()
}

// state asks SQLite with a second begin, which it refuses inside a transaction
// and only there. The driver does not hand out the autocommit flag.
func (l *sqliteLink) state() state {
	switch {
	case l.bad:
		return stateLost
	case l.active:
		return stateActive
	}
	if _, err := l.exec(sqlBegin, nil); err != nil {
		if l.bad {
			return stateLost
		}
		l.active = true // until the next failure
		return stateActive
	}
	if _, err := l.exec(sqlRollback, nil); err != nil {
		l.bad = true
		return stateLost
	}
	return stateIdle
}

func (l *sqliteLink) lost() bool { return l.bad }

func (l *sqliteLink) fresh(context.Context, time.Duration) bool { return !l.bad }

func (l *sqliteLink) close() {
	for _, st := range l.stmts {
		st.Close()
	}
	l.conn.Close()
}

// broke notes an error after which the connection must not be used again.
func (l *sqliteLink) broke(err error) error {
	if err != nil {
		l.active = false // until the engine is asked
	}
	switch sqliteCode(err) & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_CANTOPEN,
		lib.SQLITE_NOMEM, lib.SQLITE_MISUSE, lib.SQLITE_INTERNAL, lib.SQLITE_PROTOCOL:
		l.bad = true
	}
	return err
}

func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// answered: after these errors SQLite has written no commit. After others, an
// I/O error above all, the commit may be found when the file is opened again.
func (l *sqliteLink) answered(err error) bool {
	switch sqliteCode(err) & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_BUSY, lib.SQLITE_CONSTRAINT, lib.SQLITE_READONLY, lib.SQLITE_ERROR:
		return true
	}
	return false
}

func (l *sqliteLink) fault(err error) *strongroom.Fault {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	code := sqliteCode(err)
	// SQLite's texts name tables, columns and constraints, never values.
	why := &cause{engine: SQLite, code: strconv.Itoa(code)}
	if code != 0 {
		why.text = err.Error()
	}
	switch code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		return errExists().Because(why)
	}
	switch code & 0xff {
	case lib.SQLITE_FULL:
		return unavailable("full", "the disk of the database is full").Advise("make room; no restart is needed").Because(why)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return unavailable("busy", "another process holds the database").Advise("stop the other process or try again").Because(why)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return unavailable("read-only", "the database file cannot be opened or written").
			Advise("look at the owner and mode of the file and its folder, and at the mount").Because(why)
	case lib.SQLITE_IOERR, lib.SQLITE_NOMEM, lib.SQLITE_INTERRUPT, lib.SQLITE_PROTOCOL:
		return unavailable("io", "the database file could not be read or written").Advise("look at the disk and the system log").Because(why)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return errCorrupt().Because(why)
	case lib.SQLITE_TOOBIG:
		return strongroom.Faultf(strongroom.TooLarge, "too-big", "a value is larger than the database stores").Because(why)
	}
	return internal("sqlite", "the database refused a statement").Because(why)
}

// sqliteRows is the cursor of the one open query.
type sqliteRows struct {
	link *sqliteLink
	rows driver.Rows
	vals []driver.Value
	over bool
}

func (r *sqliteRows) start(l *sqliteLink, rows driver.Rows) {
	n := len(rows.Columns())
	if cap(r.vals) < n {
		r.vals = make([]driver.Value, n)
	}
	r.link, r.rows, r.vals, r.over = l, rows, r.vals[:n], false
}

func (r *sqliteRows) next() (bool, error) {
	err := r.rows.Next(r.vals)
	if err == nil {
		return true, nil
	}
	r.over = true
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return false, r.link.broke(err)
}

func (r *sqliteRows) cells() int { return len(r.vals) }

func (r *sqliteRows) cell(i int) (cell, error) {
	switch v := r.vals[i].(type) {
	case int64:
		return cell{kind: cellInt, i: v}, nil
	case float64:
		return cell{kind: cellFloat, f: v}, nil
	case string:
		return cell{kind: cellText, s: v}, nil
	case []byte:
		return cell{kind: cellBytes, b: v}, nil
	}
	return cell{}, nil
}

func (r *sqliteRows) close() error {
	err := r.rows.Close()
	clear(r.vals)
	return r.link.broke(err)
}
