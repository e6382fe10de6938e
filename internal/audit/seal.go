package audit

import (
	"context"
	"log/slog"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// A checkpoint is signed every sealPause, or sooner when sealEvery events have
// come since the last one, but not more often than every sealRest: the disk has
// other work. The row inside the database, which takes the write lock, is written
// every sealPause at most.
const (
	sealPause = time.Second
	sealEvery = 1000
	sealRest  = 100 * time.Millisecond
)

// sealed is the newest signed checkpoint and what became of the last attempt.
type sealed struct {
	mark   tlog.Checkpoint
	note   []byte
	inside time.Time // when the row was written, in real time
	err    error
}

func (l *Log) setSealed(mark tlog.Checkpoint, note []byte) {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	l.sealed = sealed{mark: mark, note: note}
	l.signed.Store(&mark)
}

// Run signs checkpoints until ctx ends, then once more, and goes on checking the
// older events in the background. A checkpoint that cannot be written is logged
// and tried again; [Log.Sealed] tells. Run returns a [*ContinuityError] if the
// stored log turns out to be damaged; events are refused from then on.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(sealPause)
	defer tick.Stop()
	if err := l.Ready(); err != nil {
		return err
	}
	// Start has checked from there on. It counted what it found, which is more
	// than the checkpoint covers where a process ended between commit and seal.
	scrub := scrubber{end: (l.seen.Load() - tailEvents) / tlog.TileWidth}
	var err error
	for {
		select {
		case <-ctx.Done():
			// The last events of a graceful stop get their checkpoint, too.
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return l.seal(end)
		case <-tick.C:
			err = l.scrub(ctx, &scrub)
		case <-l.wake:
			time.Sleep(sealRest)
		}
		if err == nil {
			err = l.seal(ctx)
		}
		if b := l.broken.Load(); b != nil {
			return b
		}
		if err != nil && ctx.Err() == nil {
			l.log.Warn("audit log not sealed", slog.Any("error", err))
		}
		err = nil
	}
}

// Seal signs a checkpoint of everything committed so far and returns it. It
// returns the newest one if nothing was added since.
func (l *Log) Seal(ctx context.Context) ([]byte, tlog.Checkpoint, error) {
	if err := l.seal(ctx); err != nil {
		return nil, tlog.Checkpoint{}, err
	}
	return l.Checkpoint()
}

// Checkpoint returns the newest signed checkpoint, as a note and read.
func (l *Log) Checkpoint() ([]byte, tlog.Checkpoint, error) {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	if l.sealed.note == nil {
		return nil, tlog.Checkpoint{}, strongroom.Faultf(strongroom.NotFound, "audit-unsealed", "there is no checkpoint yet").Advise("try again in a second")
	}
	return l.sealed.note, l.sealed.mark, nil
}

// Sealed returns how many events this process has seen since the newest
// checkpoint, and why the last attempt to write one failed, if it did.
func (l *Log) Sealed() (waiting int64, err error) {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	return max(0, l.seen.Load()-l.sealed.mark.Size), l.sealed.err
}

// seal signs the committed tree, after proving that it extends the last one
// signed. The file is written before the row: both describe what is durable.
func (l *Log) seal(ctx context.Context) error {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	err := l.sealLocked(ctx)
	l.sealed.err = err
	return err
}

func (l *Log) sealLocked(ctx context.Context) error {
	if err := l.Ready(); err != nil {
		return err
	}
	st := l.started.Load()
	var mark tlog.Checkpoint
	err := l.db.Snapshot(ctx, func(r *db.Reader) error {
		h, err := readHead(r)
		if err != nil {
			return err
		}
		if h.log != st.log {
			return strongroom.Faultf(strongroom.Unavailable, "audit-continued", "the audit log was continued while this process was running")
		}
		if h.size == l.sealed.mark.Size && l.sealed.note != nil {
			mark = l.sealed.mark // unless the head was rewritten in place
			if tree, err := h.tree(); err != nil || tree.Root() != mark.Root {
				return l.fail("its head changed without an event", err)
			}
			return nil
		}
		tree, err := h.tree()
		if err != nil {
			return l.fail("its head is damaged", err)
		}
		if err := extends(r, h.log, &tree, l.sealed.mark); err != nil {
			return l.fail("it does not extend the last checkpoint", err)
		}
		mark = tlog.Checkpoint{Origin: st.origin, Size: tree.Size(), Root: tree.Root()}
		return nil
	})
	if err != nil || mark == l.sealed.mark && l.sealed.note != nil {
		return err
	}
	return l.keep(ctx, st.log, mark)
}

// keep signs a checkpoint and writes it outside and inside.
func (l *Log) keep(ctx context.Context, log int64, mark tlog.Checkpoint) error {
	note, err := mark.Sign(l.o.Signer)
	if err != nil {
		return err
	}
	if err := l.writeOutside(note); err != nil {
		return err
	}
	l.sealed.mark, l.sealed.note = mark, note
	l.signed.Store(&mark)
	if time.Since(l.sealed.inside) < sealPause-sealRest && ctx.Err() == nil {
		return nil
	}
	l.sealed.inside = time.Now()
	return l.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(sqlPutCheckpoint, log, tx.Now().Unix()/3600, mark.Size, note)
		return err
	})
}

// fail notes that the stored log is damaged: no event is taken any more.
func (l *Log) fail(what string, cause error) error {
	if strongroom.IsKind(cause, strongroom.Unavailable) {
		return cause // the database could not be read; that says nothing about it
	}
	b := &ContinuityError{Found: l.seen.Load(), What: what, cause: cause}
	if m := l.signed.Load(); m != nil {
		b.Lost = *m
	}
	l.broken.Store(b)
	l.log.Error("audit log damaged", slog.Any("error", b))
	return b
}

// scrubber is how far the background check has come and where it ends, in tiles.
type scrubber struct{ next, end int64 }

// scrubTiles is how many tiles are checked at a time.
const scrubTiles = 16

// scrub checks the next few of the older events against the tree, once each in
// the life of the process. Start has checked the newest.
func (l *Log) scrub(ctx context.Context, s *scrubber) error {
	if s.next >= s.end {
		return nil
	}
	st := l.started.Load()
	return l.db.Snapshot(ctx, func(r *db.Reader) error {
		h, err := readHead(r)
		if err != nil {
			return err
		}
		to := min(s.next+scrubTiles, s.end)
		if h.log != st.log || to > h.size/tlog.TileWidth {
			return nil // the next seal says what is wrong
		}
		tree, err := h.tree()
		if err != nil {
			return l.fail("its head is damaged", err)
		}
		if err := checkTiles(r, h.log, &tree, s.next, to); err != nil {
			return l.fail("an event is not the one in the tree", err)
		}
		s.next = to
		return nil
	})
}

// Check hashes every event of the log that is being written and compares it with
// the tree, without changing anything. It takes a while: some microseconds an
// event. It returns the number of events, and a [*ContinuityError] if one is not
// what it was.
func (l *Log) Check(ctx context.Context) (events int64, err error) {
	out, err := l.readOutside()
	if err != nil {
		return 0, err
	}
	err = l.db.Snapshot(ctx, func(r *db.Reader) error {
		h, err := readHead(r)
		if err != nil {
			return err
		}
		logs, err := readLogs(r)
		if err != nil || len(logs) == 0 {
			return err
		}
		events = h.size
		if err := l.checkStored(r, h, logs, out); err != nil {
			return err
		}
		tree, err := h.tree()
		if err != nil {
			return err
		}
		if err := checkTiles(r, h.log, &tree, 0, h.size/tlog.TileWidth); err != nil {
			return l.orUnavailable(err, &ContinuityError{Lost: out.mark, Found: h.size, What: "an event is not the one in the tree", cause: err})
		}
		return nil
	})
	return events, err
}
