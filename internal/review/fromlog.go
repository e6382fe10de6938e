package review

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"strongroom/internal/audit"
)

// FromLog reads use and reveals from the audit log, which keeps time in milliseconds.
// Both begin at the place of the time they are asked for, so that what they cost goes
// with the events of that stretch and not with the log's age. What use was found is
// remembered: the next call reads the events since.
func FromLog(log *audit.Log) Events { return &fromLog{log: log} }

type fromLog struct {
	log *audit.Log

	mu    sync.Mutex
	since time.Time        // what was read begins here
	next  int64            // the position to go on with
	seen  map[string]*last // by account; nil: nothing was read
}

// last is when an account last did each action, and at each store.
type last struct{ actions, stores map[string]time.Time }

// walk calls fn for the events from one position up to another, in order.
func (l *fromLog) walk(ctx context.Context, from, to int64, fn func(audit.Entry, audit.Event)) error {
	for after := from - 1; ; {
		entries, err := l.log.Events(ctx, after, audit.MaxEvents)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, x := range entries {
			if x.Position >= to {
				return nil
			}
			e, err := x.Event()
			if err != nil {
				return err
			}
			fn(x, e)
		}
		after = entries[len(entries)-1].Position
	}
}

// end is behind every event.
const end = int64(1)<<62 - 1

// Use returns what each account did since a time.
func (l *fromLog) Use(ctx context.Context, since time.Time) (map[string]Use, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || since.Before(l.since) {
		start, err := l.log.Moment(ctx, since)
		if err != nil {
			return nil, err
		}
		l.since, l.next, l.seen = since, start.Next, map[string]*last{}
	}
	// What was read stays read, also where the walk is cut short.
	if err := l.walk(ctx, l.next, end, l.note); err != nil {
		return nil, err
	}
	out := map[string]Use{}
	for account, x := range l.seen {
		if forget(x.actions, since); len(x.actions) == 0 {
			delete(l.seen, account)
			continue
		}
		forget(x.stores, since)
		out[account] = Use{Actions: maps.Clone(x.actions), Stores: slices.Sorted(maps.Keys(x.stores))}
	}
	l.since = since
	return out, nil
}

// note remembers what one event says of use.
func (l *fromLog) note(x audit.Entry, e audit.Event) {
	l.next = x.Position + 1
	if e.Outcome != audit.Success || !isAccount(e.Actor.ID) {
		return
	}
	u := l.seen[e.Actor.ID]
	if u == nil {
		u = &last{map[string]time.Time{}, map[string]time.Time{}}
		l.seen[e.Actor.ID] = u
	}
	u.actions[e.Action.Name] = later(u.actions[e.Action.Name], e.Time)
	if s := e.Resource.Store; s != "" {
		u.stores[s] = later(u.stores[s], e.Time)
	}
}

// forget drops what was last done before a time.
func forget(m map[string]time.Time, since time.Time) {
	maps.DeleteFunc(m, func(_ string, t time.Time) bool { return t.Before(since) })
}

// hold is how many reveals are held before those that cannot be picked are let go.
const hold = 4096

// Opened returns the reveals of a stretch of time. Where a log was continued by
// another, the root is that of the log at the end.
func (l *fromLog) Opened(ctx context.Context, from, to time.Time, n int) (out Opened, err error) {
	month, most := from.UTC().Format("2006-01"), hold
	first, err := l.log.Moment(ctx, from)
	if err != nil {
		return out, err
	}
	last, err := l.log.Moment(ctx, to)
	if err != nil {
		return out, err
	}
	out.Size, out.Root = last.Size, last.Root
	err = l.walk(ctx, first.Next, last.Next, func(x audit.Entry, e audit.Event) {
		if e.Action.Name != opens || e.Outcome != audit.Success || e.Time.Before(from) || !isAccount(e.Actor.ID) {
			return
		}
		out.Reveals = append(out.Reveals, Reveal{
			Position: x.Position, Actor: e.Actor.ID, Store: e.Resource.Store, Record: e.Resource.ID,
			Purpose: e.Purpose, Reference: e.Reference, At: e.Time,
		})
		if out.Count++; n > 0 && len(out.Reveals) >= most {
			out.Reveals = Pick(month, out, n)
			most = len(out.Reveals) + hold
		}
	})
	return out, err
}
