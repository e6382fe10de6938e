package audit

import (
	"context"
	"log/slog"
	"math"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// Continue is the one way past a [ContinuityError]. It begins a new log under a
// new origin whose first event commits to the checkpoint that was lost, to the
// tree over what the database holds, to the reason (one of [Reasons]) and to the
// account that decided. Nothing is deleted: the events found stay, the lost
// checkpoint's file is set aside beside the new one, and [Verify] reports the
// break. It opens the log as [Log.Start] does.
//
// Faults: Invalid for an unknown reason or an account that is no id.
func (l *Log) Continue(ctx context.Context, reason, by string) error {
	if !slices.Contains(Reasons(), reason) {
		return strongroom.Faultf(strongroom.Invalid, "reason", "the reason must be one of %v", Reasons())
	}
	if !validID(by) {
		return strongroom.Faultf(strongroom.Invalid, "by", "who decided must be the id of an account")
	}
	out, err := l.readOutside()
	if err != nil {
		return err
	}
	ev := Event{
		Action: Continue, Outcome: Success, Resource: strongroom.Resource{Type: "Log", ID: "log"},
		Actor: strongroom.Actor{Kind: kindOfID(by), ID: by, Door: "command"},
		Break: &Break{Reason: reason, Lost: out.mark},
	}
	// The sealer must not see the new log with the old checkpoint.
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	var h head
	var origin string
	err = l.db.Update(ctx, func(tx *db.Tx) error {
		h, origin, err = l.continueTx(tx, &ev)
		return err
	})
	if err != nil {
		return err
	}
	// A crash before the file is replaced leaves one that the new log does not
	// extend, so the person is asked again; the break then has two parts.
	if err := l.setAside(h.log); err != nil {
		return err
	}
	l.log.Warn("audit log continued", slog.String("origin", origin), slog.String("reason", reason),
		slog.Int64("found", ev.Break.Found.Size), slog.Int64("lost", ev.Break.LostEvents()))
	tree, err := h.tree()
	if err != nil {
		return err
	}
	l.open(h, origin)
	l.sealed = sealed{}
	return l.keep(ctx, h.log, tlog.Checkpoint{Origin: origin, Size: tree.Size(), Root: tree.Root()})
}

// continueTx begins the new log within a transaction and returns its head.
func (l *Log) continueTx(tx *db.Tx, ev *Event) (h head, origin string, err error) {
	if h, err = takeHead(tx); err != nil {
		return h, "", err
	}
	logs, err := readLogs(&tx.Reader)
	if err != nil {
		return h, "", err
	}
	// The newest log that has a name is the one found, whatever the head says.
	last := logRow{origin: l.origin}
	if n := len(logs); n > 0 {
		last = logs[n-1]
	} else if _, err := tx.Exec(sqlAddLog, 0, l.origin, db.Micros(tx.Now())); err != nil {
		return h, "", err
	}
	if ev.Break.Lost.Origin == "" {
		// Without a file, the newest checkpoint inside is what is known to be lost.
		ev.Break.Lost, err = l.newestInside(&tx.Reader, last.log)
		if strongroom.IsKind(err, strongroom.Unavailable) {
			return h, "", err
		}
	}
	found, newest, err := whatIsThere(&tx.Reader, last)
	if err != nil {
		return h, "", err
	}
	ev.Break.Found = found
	h = head{log: max(last.log, h.log) + 1, newest: newest}
	if h.log > maxLog {
		return h, "", strongroom.Faultf(strongroom.Exhausted, "audit-full", "the log was continued too often")
	}
	origin = l.origin + "/" + strongroom.NewID("log")
	if _, err := tx.Exec(sqlAddLog, h.log, origin, db.Micros(tx.Now())); err != nil {
		return h, "", err
	}
	b := &Batch{l: l, tx: tx, head: h}
	if _, err := b.append(ev); err != nil {
		return h, "", err
	}
	if err := b.Flush(); err != nil {
		return h, "", err
	}
	h, err = readHead(&tx.Reader)
	return h, origin, err
}

// maxGap is the largest hole in a damaged log that is still counted.
const maxGap = 1 << 20

// whatIsThere returns the tree over the events a log holds. In a damaged log some
// may be missing: each hole counts as the hash of an empty leaf, which no event
// has, so that the tree commits to every event and to its index. Events behind a
// hole of more than maxGap are not counted. It also returns the time of the
// newest event in microseconds.
func whatIsThere(r *db.Reader, log logRow) (c tlog.Checkpoint, newest int64, err error) {
	var tree tlog.Frontier
	var last Entry
	err = eachEvent(r, position(log.log, 0), position(log.log+1, 0), math.MaxInt64, func(at int64, leaf []byte) error {
		_, index := splitPosition(at)
		if index-tree.Size() > maxGap {
			return nil
		}
		fillTo(&tree, index)
		tree.Append(tlog.LeafHash(leaf))
		last = Entry{Position: at, Leaf: leaf}
		return nil
	})
	if ev, decodeErr := last.Event(); decodeErr == nil {
		newest = db.Micros(ev.Time)
	}
	return tlog.Checkpoint{Origin: log.origin, Size: tree.Size(), Root: tree.Root()}, newest, err
}

// fillTo grows the tree to a size with the hashes of empty leaves.
func fillTo(tree *tlog.Frontier, size int64) {
	for tree.Size() < size {
		tree.Append(tlog.LeafHash(nil))
	}
}
