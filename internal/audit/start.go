package audit

import (
	"context"
	"log/slog"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// ContinuityError says that the database is not what the newest checkpoint
// outside it commits to. It wraps a Conflict fault with the code
// "log-continuity". Nothing is recorded, and so nothing is done, until a person
// has decided with [Log.Continue].
type ContinuityError struct {
	Lost  tlog.Checkpoint // the newest checkpoint known; zero if none is
	Found int64           // the number of events the database claims to hold
	What  string          // what is wrong
	cause error
}

// Error says what is wrong and what to do.
func (e *ContinuityError) Error() string { return e.fault().Error() }

// Unwrap returns the fault.
func (e *ContinuityError) Unwrap() error { return e.fault() }

func (e *ContinuityError) fault() *strongroom.Fault {
	f := strongroom.Faultf(strongroom.Conflict, "log-continuity",
		"the audit log does not continue: %s (checkpoint of %d events, %d found)", e.What, e.Lost.Size, e.Found)
	f = f.Advise("find out why; if this database is the one to go on with, run: strongroom log continue --reason REASON --by ACCOUNT")
	if e.cause != nil {
		f = f.Because(e.cause)
	}
	return f
}

// tailEvents is how many of the newest events Start hashes again; Run does the
// rest in the background.
const tailEvents = 65_536

// Start opens the log. The first time it begins it; later it makes sure that the
// database extends the checkpoint outside, and returns a [*ContinuityError] if
// not. It must have succeeded before [Log.Begin].
func (l *Log) Start(ctx context.Context) error {
	out, err := l.readOutside()
	if err != nil {
		return err
	}
	var h head
	var logs []logRow
	err = l.db.Snapshot(ctx, func(r *db.Reader) error {
		if h, err = readHead(r); err != nil {
			return err
		}
		if logs, err = readLogs(r); err != nil || len(logs) == 0 {
			return err
		}
		return l.checkStored(r, h, logs, out)
	})
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return l.begin(ctx, h, out)
	}
	l.open(h, logs[len(logs)-1].origin)
	l.setSealed(out.mark, out.note)
	return nil
}

// open lets events in.
func (l *Log) open(h head, origin string) {
	l.newest.Store(h.newest)
	l.seen.Store(h.size)
	l.broken.Store(nil)
	l.started.Store(&started{log: h.log, origin: origin})
	l.log.Info("audit log open", slog.String("origin", origin), slog.Int64("events", h.size))
}

// begin makes the very first log. The file comes first: a crash in between leaves
// a checkpoint of nothing, which every log extends.
func (l *Log) begin(ctx context.Context, h head, out outside) error {
	switch {
	case h.size != 0 || h.log != 0:
		return &ContinuityError{Lost: out.mark, Found: h.size, What: "the database has events and no log"}
	case out.damage != nil:
		return &ContinuityError{What: "the checkpoint outside is not one of this log's key", cause: out.damage}
	case out.note != nil && (out.mark.Size != 0 || out.mark.Origin != l.origin):
		return &ContinuityError{Lost: out.mark, What: "the database is empty"}
	}
	mark := tlog.Checkpoint{Origin: l.origin, Root: tlog.EmptyRoot()}
	note, err := mark.Sign(l.o.Signer)
	if err != nil {
		return err
	}
	if err := l.writeOutside(note); err != nil {
		return err
	}
	err = l.db.Update(ctx, func(tx *db.Tx) error {
		if h, err = takeHead(tx); err != nil {
			return err
		}
		_, err := tx.Exec(sqlAddLog, 0, l.origin, db.Micros(tx.Now()))
		return err
	})
	if err != nil {
		return err
	}
	l.open(h, l.origin)
	l.setSealed(mark, note)
	return nil
}

// checkStored makes sure that what is stored extends the checkpoint outside and
// the newest one inside, and that the newest events are the ones in the tree.
func (l *Log) checkStored(r *db.Reader, h head, logs []logRow, out outside) error {
	current := logs[len(logs)-1]
	refuse := func(what string, cause error) error {
		return &ContinuityError{Lost: out.mark, Found: h.size, What: what, cause: cause}
	}
	switch {
	case logs[0].origin != l.origin:
		return refuse("it was begun under another key", nil)
	case current.log != h.log:
		return refuse("the head belongs to another log", nil)
	case out.damage != nil:
		return refuse("the checkpoint outside is not one of this log's key", out.damage)
	case l.o.CheckpointPath != "" && out.note == nil:
		return refuse("the checkpoint outside is missing", nil)
	case out.note != nil && out.mark.Origin != current.origin:
		return refuse("the checkpoint outside belongs to another log", nil)
	}
	tree, err := h.tree()
	if err != nil {
		return refuse("its head is damaged", err)
	}
	marks := []tlog.Checkpoint{out.mark}
	inside, err := l.newestInside(r, h.log)
	if err != nil {
		return l.orUnavailable(err, refuse("the newest checkpoint inside is damaged", err))
	}
	marks = append(marks, inside)
	for _, m := range marks {
		if err := extends(r, h.log, &tree, m); err != nil {
			return l.orUnavailable(err, refuse("it is not an extension of the checkpoint: cut, rolled back or edited", err))
		}
	}
	full := h.size / tlog.TileWidth
	if err := checkTiles(r, h.log, &tree, max(0, full-tailEvents/tlog.TileWidth), full); err != nil {
		return l.orUnavailable(err, refuse("its newest events are not the ones in the tree", err))
	}
	return l.checkEnd(r, h, &tree, refuse)
}

// orUnavailable passes on that the database cannot be read; whatever else is
// wrong with the tree is the refusal.
func (l *Log) orUnavailable(err, refusal error) error {
	if strongroom.IsKind(err, strongroom.Unavailable) {
		return err
	}
	return refusal
}

// newestInside returns the newest checkpoint in the database, a zero one if there
// is none yet.
func (l *Log) newestInside(r *db.Reader, log int64) (tlog.Checkpoint, error) {
	var note []byte
	err := r.QueryRow(sqlNewestCheckpoint, log).Scan(&note)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return tlog.Checkpoint{}, nil
	}
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	return tlog.OpenCheckpoint(note, l.Verifier())
}

// extends makes sure that the stored tree extends a checkpoint.
func extends(r *db.Reader, log int64, tree *tlog.Frontier, old tlog.Checkpoint) error {
	if old.Size == 0 {
		return nil
	}
	root := tree.Root()
	proof, err := tlog.ProveConsistency(tree.Size(), root, old.Size, tileReader{r, log})
	if err != nil {
		return err
	}
	return tlog.CheckConsistency(proof, tree.Size(), root, old.Size, old.Root)
}

// checkEnd looks at what no full tile covers: the unfinished tile, and that
// nothing stands behind the head.
func (l *Log) checkEnd(r *db.Reader, h head, tree *tlog.Frontier, refuse func(string, error) error) error {
	if h.size > 0 {
		if _, err := tlog.ProveInclusion(h.size, tree.Root(), h.size-1, tileReader{r, h.log}); err != nil {
			return l.orUnavailable(err, refuse("its newest events are not the ones in the tree", err))
		}
	}
	extra := false
	err := eachEvent(r, position(h.log, h.size), position(h.log+1, 0), 1, func(int64, []byte) error {
		extra = true
		return nil
	})
	if err == nil && extra {
		return refuse("there are events behind its head", nil)
	}
	return err
}

// checkTiles hashes the events of full tiles again and compares them with the
// tree and with the stored tiles.
func checkTiles(r *db.Reader, log int64, tree *tlog.Frontier, from, to int64) error {
	src := tileReader{r, log}
	const step = 256 // the tiles under one tile of the next level
	for ; from < to; from += step {
		n := min(step, to-from)
		roots, err := tlog.TileRoots(tree.Size(), tree.Root(), from, n, src)
		if err != nil {
			return err
		}
		for i, want := range roots {
			if err := checkTile(src, from+int64(i), want); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkTile(src tileReader, n int64, want tlog.Hash) error {
	leaves, err := src.leafHashes(n*tlog.TileWidth, tlog.TileWidth)
	if err != nil {
		return err
	}
	stored, err := src.ReadTile(tlog.TileID{Index: n}, tlog.TileWidth)
	if err != nil {
		return err
	}
	got, err := tlog.TileRoot(leaves)
	if err != nil {
		return err
	}
	if got != want || string(stored) != string(leaves) {
		return tlog.ErrProof
	}
	return nil
}
