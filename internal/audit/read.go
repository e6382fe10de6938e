package audit

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/tlog"
)

// MaxEvents is how many events one call of [Log.Events] returns at most.
const MaxEvents = 1000

// Events returns the events after a position, oldest first, at most limit of
// them. Start with -1; go on with the position of the last one. Events of
// continued logs come before those of the log that continues them, and the first
// event of that log is the break.
func (l *Log) Events(ctx context.Context, after int64, limit int) ([]Entry, error) {
	limit = min(max(limit, 1), MaxEvents)
	var out []Entry
	err := l.db.Read(ctx, func(r *db.Reader) error {
		logs, err := readLogs(r)
		if err != nil {
			return err
		}
		origins := make(map[int64]string, len(logs))
		for _, g := range logs {
			origins[g.log] = g.origin
		}
		out = make([]Entry, 0, min(limit, 64))
		return eachEvent(r, max(after, -1)+1, position(maxLog+1, 0), int64(limit), func(at int64, leaf []byte) error {
			log, _ := splitPosition(at)
			out = append(out, Entry{Position: at, Origin: origins[log], Leaf: leaf})
			return nil
		})
	})
	return out, err
}

// Inclusion is a proof that an event is in the log.
type Inclusion struct {
	Entry
	// Proof leads from the event to a signed checkpoint; [tlog.FormatProof] makes
	// the text an outsider checks with the public key.
	Proof tlog.Proof
}

// Inclusion proves that the event at a position is in the log. Faults: NotFound
// for a position without an event and for one in a log that was continued, whose
// proof is the export.
func (l *Log) Inclusion(ctx context.Context, at int64) (Inclusion, error) {
	note, mark, err := l.covering(ctx, at)
	if err != nil {
		return Inclusion{}, err
	}
	log, index := splitPosition(at)
	p := Inclusion{Entry: Entry{Position: at, Origin: mark.Origin}}
	err = l.db.Read(ctx, func(r *db.Reader) error {
		if err := r.QueryRow(sqlReadEvent, at).Scan(&p.Leaf); err != nil {
			return err
		}
		hashes, err := tlog.ProveInclusion(mark.Size, mark.Root, index, tileReader{r, log})
		if err != nil {
			return unproven(err)
		}
		p.Proof = tlog.Proof{Index: index, Hashes: hashes, Checkpoint: note}
		return nil
	})
	if err != nil {
		return Inclusion{}, err
	}
	return p, unproven(tlog.CheckInclusion(p.Proof.Hashes, mark.Size, mark.Root, index, p.Hash()))
}

// covering returns the newest checkpoint, signing one first if it does not cover
// the position.
func (l *Log) covering(ctx context.Context, at int64) ([]byte, tlog.Checkpoint, error) {
	st := l.started.Load()
	if st == nil {
		return nil, tlog.Checkpoint{}, l.Ready()
	}
	log, index := splitPosition(at)
	if at >= 0 && log < st.log {
		return nil, tlog.Checkpoint{}, strongroom.Faultf(strongroom.NotFound, "audit-old-log",
			"the event belongs to a log that was continued").Advise("its proof is in an export of the log")
	}
	note, mark, err := l.Checkpoint()
	if err != nil || index >= mark.Size {
		note, mark, err = l.Seal(ctx)
	}
	if err == nil && (at < 0 || log != st.log || index >= mark.Size) {
		err = strongroom.Faultf(strongroom.NotFound, "audit-position", "there is no event at this position")
	}
	return note, mark, err
}

// Consistency is a proof that the log extends an older state of itself.
type Consistency struct {
	From       int64       // the older size
	Hashes     []tlog.Hash // empty where From is 0
	Checkpoint []byte      // the newest one, a signed note
}

// Consistency proves that the newest checkpoint extends the log's first from
// events. Faults: NotFound if there are fewer.
func (l *Log) Consistency(ctx context.Context, from int64) (Consistency, error) {
	st := l.started.Load()
	if st == nil {
		return Consistency{}, l.Ready()
	}
	note, mark, err := l.Checkpoint()
	if err != nil || from > mark.Size {
		note, mark, err = l.Seal(ctx)
	}
	if err != nil {
		return Consistency{}, err
	}
	if from < 0 || from > mark.Size {
		return Consistency{}, strongroom.Faultf(strongroom.NotFound, "audit-position", "the log has fewer events")
	}
	c := Consistency{From: from, Checkpoint: note}
	if from == 0 {
		return c, nil
	}
	err = l.db.Read(ctx, func(r *db.Reader) error {
		c.Hashes, err = tlog.ProveConsistency(mark.Size, mark.Root, from, tileReader{r, st.log})
		return unproven(err)
	})
	return c, err
}

// unproven turns a proof that failed into a fault; the stored log is damaged.
func unproven(err error) error {
	if err == nil || strongroom.KindOf(err) != strongroom.Internal {
		return err
	}
	return strongroom.Faultf(strongroom.Internal, "audit-proof", "the stored log does not match its checkpoint").
		Advise("run: strongroom doctor").Because(err)
}

// Record adds events outside any other work: starts, stops, migrations, counted
// refusals. Everything a caller asks for goes through package guard instead.
func (l *Log) Record(ctx context.Context, events ...Event) error {
	return l.db.Update(ctx, func(tx *db.Tx) error {
		b, err := l.Begin(tx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if _, err := b.Append(e); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}

// Lifecycle returns the event of a step in the life of an instance: [Start],
// [Stop], [Migrate] or [TakeCertificate].
func Lifecycle(step strongroom.Action, notes ...Note) Event {
	return Event{
		Action: step, Actor: strongroom.System("app"), Outcome: Success,
		Resource: strongroom.Resource{Type: "Instance", ID: "instance"}, Notes: notes,
	}
}

// Migrated returns the events of the migrations that were applied.
func Migrated(applied []db.Applied) []Event {
	out := make([]Event, 0, len(applied))
	for _, a := range applied {
		// Package names and hashes come from our own files, never from a caller.
		e := Lifecycle(Migrate, Note{"package", Term{a.Package}}, Note{"number", a.Number}, Note{"digest", a.Hash})
		e.Time = a.At
		out = append(out, e)
	}
	return out
}
