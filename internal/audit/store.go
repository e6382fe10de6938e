package audit

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// addWidth is how many events sqlAddEvents adds.
const addWidth = 8

// The statements of this package, the same on both engines.
const (
	// The first statement of a write transaction: it changes nothing, locks the
	// row and returns it.
	sqlTakeHead = `update audit_head set size = size where id = 1 returning log, size, frontier, newest`
	sqlReadHead = `select log, size, frontier, newest from audit_head where id = 1`
	sqlMoveHead = `update audit_head set log = $1, size = $2, frontier = $3, newest = $4 where id = 1`

	sqlAddEvent  = `insert into audit_event (position, leaf) values ($1, $2)`
	sqlAddEvents = `insert into audit_event (position, leaf) values ($1, $2), ($3, $4), ($5, $6), ($7, $8),
		($9, $10), ($11, $12), ($13, $14), ($15, $16)`
	sqlReadEvent = `select leaf from audit_event where position = $1`
	sqlEvents    = `select position, leaf from audit_event where position >= $1 and position < $2 order by position limit $3`

	sqlPutTile = `
insert into audit_tile (log, level, n, data) values ($1, $2, $3, $4)
on conflict (log, level, n) do update set data = excluded.data`
	sqlReadTile = `select data from audit_tile where log = $1 and level = $2 and n = $3`

	sqlAddLog = `insert into audit_log (log, origin, begun) values ($1, $2, $3)`
	sqlLogs   = `select log, origin, begun from audit_log order by log`

	sqlPutCheckpoint = `
insert into audit_checkpoint (log, hour, size, note) values ($1, $2, $3, $4)
on conflict (log, hour) do update set size = excluded.size, note = excluded.note
where excluded.size > audit_checkpoint.size`
	sqlNewestCheckpoint = `select note from audit_checkpoint where log = $1 order by size desc, hour desc limit 1`
)

// head is the head row.
type head struct {
	log      int64
	size     int64
	frontier []byte
	newest   int64 // microseconds
}

func (h *head) scan(r *db.Row) error { return r.Scan(&h.log, &h.size, &h.frontier, &h.newest) }

// tree returns the frontier, after making sure that it belongs to the row.
func (h *head) tree() (tlog.Frontier, error) {
	var f tlog.Frontier
	if err := f.Unmarshal(h.frontier); err != nil || f.Size() != h.size {
		return f, strongroom.Faultf(strongroom.Internal, "audit-head", "the head of the log is damaged")
	}
	return f, nil
}

func takeHead(tx *db.Tx) (h head, err error) {
	err = h.scan(tx.QueryRow(sqlTakeHead))
	return h, err
}

func readHead(r *db.Reader) (h head, err error) {
	err = h.scan(r.QueryRow(sqlReadHead))
	return h, err
}

// logRow is a row of audit_log.
type logRow struct {
	log    int64
	origin string
	begun  int64 // microseconds
}

func readLogs(r *db.Reader) ([]logRow, error) {
	rows, err := r.Query(sqlLogs)
	if err != nil {
		return nil, err
	}
	var out []logRow
	for rows.Next() {
		var l logRow
		if err := rows.Scan(&l.log, &l.origin, &l.begun); err != nil {
			rows.Close()
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Close()
}

// eachEvent calls fn with every event from one position to another, the latter
// excluded, at most limit of them. The leaf is fn's to keep.
func eachEvent(r *db.Reader, from, to, limit int64, fn func(position int64, leaf []byte) error) error {
	rows, err := r.Query(sqlEvents, from, to, limit)
	if err != nil {
		return err
	}
	for rows.Next() {
		var position int64
		var leaf []byte
		if err = rows.Scan(&position, &leaf); err == nil {
			err = fn(position, leaf)
		}
		if err != nil {
			rows.Close()
			return err
		}
	}
	return rows.Close()
}

// tileReader reads the tiles of one log. An unfinished tile of level 0 is made
// from the events themselves.
type tileReader struct {
	r   *db.Reader
	log int64
}

func errTile() error {
	return strongroom.Faultf(strongroom.Internal, "audit-tile", "a tile of the log is missing or damaged")
}

// ReadTile implements [tlog.TileSource].
func (t tileReader) ReadTile(id tlog.TileID, width int) ([]byte, error) {
	if id.Level == 0 && width < tlog.TileWidth {
		first := id.Index * tlog.TileWidth
		return t.leafHashes(first, int64(width))
	}
	var data []byte
	if err := t.r.QueryRow(sqlReadTile, t.log, id.Level, id.Index).Scan(&data); err != nil {
		if strongroom.IsKind(err, strongroom.NotFound) {
			return nil, errTile()
		}
		return nil, err
	}
	if len(data) < width*tlog.HashSize {
		return nil, errTile()
	}
	return data[:width*tlog.HashSize], nil
}

// leafHashes hashes n events from an index on; a missing one is an error.
func (t tileReader) leafHashes(first, n int64) ([]byte, error) {
	out := make([]byte, 0, n*tlog.HashSize)
	next := position(t.log, first)
	err := eachEvent(t.r, next, next+n, n, func(at int64, leaf []byte) error {
		if at != next {
			return errTile()
		}
		next++
		h := tlog.LeafHash(leaf)
		out = append(out, h[:]...)
		return nil
	})
	if err == nil && int64(len(out)) != n*tlog.HashSize {
		err = errTile()
	}
	return out, err
}
