package review

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"strongroom/internal/audit"
)

// FromLog reads use, approvals and reveals from the audit log, which keeps time in
// milliseconds. Use and reveals begin at the place of the time they are asked for, so
// that what they cost goes with the events of that stretch and not with the log's age.
// What use and approvals were found is remembered, on the shelf over a restart too: the
// next call reads the events since. A nil shelf keeps nothing.
func FromLog(log *audit.Log, shelf Shelf) Events { return &fromLog{log: log, shelf: shelf} }

type fromLog struct {
	log   *audit.Log
	shelf Shelf

	mu     sync.Mutex
	loaded bool  // the shelf was looked at
	kept   int64 // how far what lies on it goes
	memory memory
}

// memory is what was read of the log. It follows from the log alone.
type memory struct {
	Since time.Time        `json:"since"` // use is known from here on
	Next  int64            `json:"next"`  // up to this position
	Seen  map[string]*last `json:"seen"`  // by account; nil: nothing was read

	Read     int64             `json:"read"` // approvals are known up to this position
	Approved map[Kind]Approved `json:"approved"`
}

// last is when an account last did each action, and at each store.
type last struct {
	Actions map[string]time.Time `json:"a"`
	Stores  map[string]time.Time `json:"s,omitempty"`
}

// walk calls fn for the events from one position up to another, in order, and next
// with where to go on. Of the events it leaves out those without a word, if there is one.
func (l *fromLog) walk(ctx context.Context, from, to int64, word string, fn func(audit.Entry, audit.Event), next func(int64)) error {
	for after := from - 1; ; {
		entries, err := l.log.Events(ctx, after, audit.MaxEvents)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, x := range entries {
			if x.Position >= to {
				return nil
			}
			if word == "" || bytes.Contains(x.Leaf, []byte(word)) {
				e, err := x.Event()
				if err != nil {
					return err
				}
				fn(x, e)
			}
			next(x.Position + 1)
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
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	m := &l.memory
	if m.Seen == nil || since.Before(m.Since) {
		start, err := l.log.Moment(ctx, since)
		if err != nil {
			return nil, err
		}
		m.Since, m.Next, m.Seen = since, start.Next, map[string]*last{}
	}
	// What was read stays read, also where the walk is cut short.
	err := l.walk(ctx, m.Next, end, "", m.use, func(at int64) { m.Next = at })
	if l.keep(ctx); err != nil {
		return nil, err
	}
	out := map[string]Use{}
	for account, x := range m.Seen {
		if forget(x.Actions, since); len(x.Actions) == 0 {
			delete(m.Seen, account)
			continue
		}
		forget(x.Stores, since)
		out[account] = Use{Actions: maps.Clone(x.Actions), Stores: slices.Sorted(maps.Keys(x.Stores))}
	}
	m.Since = since
	return out, nil
}

// use remembers what one event says of use.
func (m *memory) use(_ audit.Entry, e audit.Event) {
	if e.Outcome != audit.Success || !isAccount(e.Actor.ID) {
		return
	}
	u := m.Seen[e.Actor.ID]
	if u == nil {
		u = &last{}
		m.Seen[e.Actor.ID] = u
	}
	if u.Actions == nil {
		u.Actions = map[string]time.Time{}
	}
	if u.Stores == nil {
		u.Stores = map[string]time.Time{}
	}
	u.Actions[e.Action.Name] = later(u.Actions[e.Action.Name], e.Time)
	if s := e.Resource.Store; s != "" {
		u.Stores[s] = later(u.Stores[s], e.Time)
	}
}

// forget drops what was last done before a time.
func forget(m map[string]time.Time, since time.Time) {
	maps.DeleteFunc(m, func(_ string, t time.Time) bool { return t.Before(since) })
}

// Approvals returns the last approval of each kind.
func (l *fromLog) Approvals(ctx context.Context) (map[Kind]Approved, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	m := &l.memory
	if m.Approved == nil {
		m.Approved = map[Kind]Approved{}
	}
	err := l.walk(ctx, m.Read, end, reviewClose.Name, m.approval, func(at int64) { m.Read = at })
	if l.keep(ctx); err != nil {
		return nil, err
	}
	return maps.Clone(m.Approved), nil
}

// approval remembers what one event says of an approved baseline.
func (m *memory) approval(_ audit.Entry, e audit.Event) {
	if e.Action.Name != reviewClose.Name || e.Outcome != audit.Success {
		return
	}
	notes := map[string]any{}
	for _, n := range e.Notes {
		notes[n.Key] = n.Value
	}
	version, _ := notes["version"].(int64)
	sum, _ := notes["digest"].(string)
	if notes["stage"] != any(stageBaseline()) || version <= 0 {
		return
	}
	for _, k := range Kinds() {
		if notes["kind"] == any(kindTerm(k)) {
			m.Approved[k] = Approved{Version: int(version), Digest: sum}
		}
	}
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
	err = l.walk(ctx, first.Next, last.Next, opens, func(x audit.Entry, e audit.Event) {
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
	}, func(int64) {})
	return out, err
}
