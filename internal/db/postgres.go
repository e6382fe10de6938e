package db

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"strongroom"
)

const (
	pgDialTimeout = 5 * time.Second
	pgPingAfter   = time.Second // idle longer than this, a connection is asked before it is used
	pgBatch       = 1024        // statements sent in one go, to bound memory
)

// openPostgres returns how to open the writing connection and a reading one.
func openPostgres(o Options, _ *slog.Logger) (write, read opener, err error) {
	config, err := parsePostgres(o.URL)
	if err != nil {
		return nil, nil, err
	}
	if _, err := hopOf(config); err != nil {
		return nil, nil, err
	}
	config.ConnectTimeout = pgDialTimeout
	config.DialFunc = pgDialer().DialContext
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	set := config.RuntimeParams
	set["application_name"] = "strongroom"
	set["timezone"] = "UTC"
	set["lock_timeout"] = "10s"
	set["idle_in_transaction_session_timeout"] = "60s"

	open := func(extra map[string]string) opener {
		c := config.Copy()
		for k, v := range extra {
			c.RuntimeParams[k] = v
		}
		return func(ctx context.Context) (link, error) { return dialPostgres(ctx, c) }
	}
	// A commit answered before it is on disk would make a lie of every event.
	return open(map[string]string{"synchronous_commit": "on"}),
		open(map[string]string{"default_transaction_read_only": "on"}), nil
}

// pgDialer makes connections that notice when the other end is gone. No statement
// has a deadline, because a long one is not a lost one; keep-alive finds a dead
// peer while we wait for its answer, and the limit on unacknowledged data finds
// one that never got the question, which else takes a quarter of an hour.
func pgDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
}

// pgUnacknowledged is how long sent data may stay unacknowledged.
const pgUnacknowledged = 25 * time.Second

// pgLink is one PostgreSQL connection. The driver prepares each statement once
// and keeps it for the life of the connection.
type pgLink struct {
	conn *pgx.Conn
	rows pgRows // reused: a session has one open query
}

func dialPostgres(ctx context.Context, config *pgx.ConnConfig) (link, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		if ctx.Err() != nil {
			return nil, errLeft(ctx)
		}
		return nil, pgDialFault(err)
	}
	return &pgLink{conn: conn}, nil
}

func (l *pgLink) engine() Engine { return Postgres }

func (l *pgLink) pipelines() bool { return true }

func (l *pgLink) exec(sql string, args []any) (int64, error) {
	tag, err := l.conn.Exec(context.Background(), sql, args...)
	if err != nil {
		return 0, err
	}
	return tag.RowsAffected(), nil
}

func (l *pgLink) run(ops []op) (done int, affected int64, err error) {
	if len(ops) == 1 {
		tag, err := l.conn.Exec(context.Background(), ops[0].sql, ops[0].args...)
		if err == nil {
			err = committed(ops[0], tag)
		}
		if err != nil {
			return 0, 0, err
		}
		return 1, tag.RowsAffected(), nil
	}
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(ops))}
	queue(b, ops)
	br := l.conn.SendBatch(context.Background(), b)
	done, affected, err = collect(br, ops)
	if cerr := br.Close(); err == nil {
		err = cerr
	}
	return done, affected, err
}

func queue(b *pgx.Batch, ops []op) {
	for _, o := range ops {
		b.Queue(o.sql, o.args...)
	}
}

// collect reads the answers to ops.
func collect(br pgx.BatchResults, ops []op) (done int, affected int64, err error) {
	for i, o := range ops {
		tag, err := br.Exec()
		if err == nil {
			err = committed(o, tag)
		}
		if err != nil {
			return i, 0, err
		}
		affected = tag.RowsAffected()
	}
	return len(ops), affected, nil
}

// committed refuses PostgreSQL's way of answering the commit of a failed
// transaction: a rollback, and no error.
func committed(o op, tag pgconn.CommandTag) error {
	if o.kind == opCommit && tag.String() != "COMMIT" {
		return errRolledBack()
	}
	return nil
}

func (l *pgLink) query(ops []op, sql string, args []any) (int, cursor, error) {
	if len(ops) == 0 {
		rows, err := l.conn.Query(context.Background(), sql, args...)
		if err != nil {
			return 0, nil, err
		}
		l.rows = pgRows{link: l, rows: rows}
		return 0, &l.rows, nil
	}
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(ops)+1)}
	queue(b, ops)
	b.Queue(sql, args...)
	br := l.conn.SendBatch(context.Background(), b)
	done, _, err := collect(br, ops)
	if err != nil {
		br.Close()
		return done, nil, err
	}
	rows, err := br.Query()
	if err != nil {
		br.Close()
		return done, nil, err
	}
	l.rows = pgRows{link: l, rows: rows, batch: br}
	return done, &l.rows, nil
}

func (l *pgLink) repeat(ops []op, sql string, n int, arg func([]any, int) ([]any, error)) (done int, affected int64, err error) {
	for from := 0; from < n; from += pgBatch {
		to := min(from+pgBatch, n)
		b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(ops)+to-from)}
		queue(b, ops)
		var flat []any // all arguments of the round: one piece of memory for many
		for i := from; i < to; i++ {
			start := len(flat)
			if flat, err = arg(flat, i); err != nil {
				return done, 0, err
			}
			b.Queue(sql, flat[start:len(flat):len(flat)]...)
			if i == from {
				flat = grow(flat, (to-from-1)*(len(flat)-start))
			}
		}
		br := l.conn.SendBatch(context.Background(), b)
		d, sum, err := l.collectSum(br, ops, to-from)
		done += d
		affected += sum
		if cerr := br.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return done, 0, err
		}
		ops = nil // sent with the first round
	}
	return done, affected, nil
}

func (l *pgLink) collectSum(br pgx.BatchResults, ops []op, n int) (done int, sum int64, err error) {
	if done, _, err = collect(br, ops); err != nil {
		return done, 0, err
	}
	for range n {
		tag, err := br.Exec()
		if err != nil {
			return done, 0, err
		}
		sum += tag.RowsAffected()
	}
	return done, sum, nil
}

// grow returns s with room for n more, in fresh memory: slices of the old one
// are queued already.
func grow(s []any, n int) []any {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(make([]any, 0, len(s)+n), s...)
}

func (l *pgLink) script(sql string) error {
	return l.conn.PgConn().Exec(context.Background(), sql).Close()
}

// check prepares without a name, so that nothing stays behind.
func (l *pgLink) check(sql string) error {
	_, err := l.conn.PgConn().Prepare(context.Background(), "", sql, nil)
	return err
}

func (l *pgLink) state() state {
	if l.lost() {
		return stateLost
	}
	switch l.conn.PgConn().TxStatus() {
	case 'I':
		return stateIdle
	case 'T':
		return stateActive
	case 'E':
		return stateFailed
	}
	return stateLost
}

func (l *pgLink) lost() bool { return l.conn.IsClosed() }

func (l *pgLink) fresh(ctx context.Context, idle time.Duration) bool {
	if l.state() != stateIdle {
		return false
	}
	if idle < pgPingAfter {
		return true
	}
	// Long enough for a loaded server, short enough not to hang on a dead one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pgDialTimeout)
	defer cancel()
	return l.conn.Ping(ctx) == nil
}

func (l *pgLink) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.conn.Close(ctx)
}

func (l *pgLink) answered(err error) bool {
	if _, ok := errors.AsType[*strongroom.Fault](err); ok {
		return true // see committed
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	// A server that is told to stop between commit and answer says so with these.
	return ok && !strings.HasPrefix(e.Code, "57P") && !strings.HasPrefix(e.Code, "08")
}

// pgRows is the cursor of the one open query.
type pgRows struct {
	link  *pgLink
	rows  pgx.Rows
	batch pgx.BatchResults // nil if the query travelled alone
	raw   [][]byte
}

func (r *pgRows) next() (bool, error) {
	if r.rows.Next() {
		r.raw = r.rows.RawValues()
		return true, nil
	}
	return false, r.rows.Err()
}

func (r *pgRows) cells() int { return len(r.raw) }

func (r *pgRows) cell(i int) (cell, error) {
	raw := r.raw[i]
	if raw == nil {
		return cell{}, nil
	}
	field := r.rows.FieldDescriptions()[i]
	binaryForm := field.Format == pgx.BinaryFormatCode
	switch field.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID:
		return cell{kind: cellText, b: raw, shared: true}, nil
	case pgtype.ByteaOID:
		if binaryForm {
			return cell{kind: cellBytes, b: raw, shared: true}, nil
		}
	case pgtype.Int8OID:
		if binaryForm {
			return cell{kind: cellInt, i: int64(binary.BigEndian.Uint64(raw))}, nil
		}
	case pgtype.Int4OID:
		if binaryForm {
			return cell{kind: cellInt, i: int64(int32(binary.BigEndian.Uint32(raw)))}, nil
		}
	case pgtype.Int2OID:
		if binaryForm {
			return cell{kind: cellInt, i: int64(int16(binary.BigEndian.Uint16(raw)))}, nil
		}
	case pgtype.Float8OID:
		if binaryForm {
			return cell{kind: cellFloat, f: math.Float64frombits(binary.BigEndian.Uint64(raw))}, nil
		}
	}
	return r.rareCell(field, raw)
}

// rareCell reads what only expressions yield: a sum is numeric, a comparison is
// boolean. Both are integers on SQLite, and so they are here.
func (r *pgRows) rareCell(field pgconn.FieldDescription, raw []byte) (cell, error) {
	types := r.link.conn.TypeMap()
	switch field.DataTypeOID {
	case pgtype.NumericOID, pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		var n int64
		if types.Scan(field.DataTypeOID, field.Format, raw, &n) == nil {
			return cell{kind: cellInt, i: n}, nil
		}
	case pgtype.BoolOID:
		var v bool
		if types.Scan(field.DataTypeOID, field.Format, raw, &v) == nil {
			n, _ := bindOne(v, 0)
			return cell{kind: cellInt, i: n.(int64)}, nil
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		var f float64
		if types.Scan(field.DataTypeOID, field.Format, raw, &f) == nil {
			return cell{kind: cellFloat, f: f}, nil
		}
	}
	return cell{}, strongroom.Faultf(strongroom.Internal, "scan", "a column has the PostgreSQL type %d, which has no like on SQLite", field.DataTypeOID)
}

func (r *pgRows) close() error {
	r.rows.Close()
	err := r.rows.Err()
	if r.batch != nil {
		if cerr := r.batch.Close(); err == nil {
			err = cerr
		}
	}
	return err
}
