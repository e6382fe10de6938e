package review

import (
	"context"
	"slices"
	"time"

	"strongroom/internal/audit"
	"strongroom/internal/tlog"
)

// FromLog reads use and reveals from the audit log, which keeps time in milliseconds.
// Both walk the log from its beginning: the root at a month's end is that of the tree
// over every event before it. They are for work that is done once a month or on
// demand.
func FromLog(log *audit.Log) Events { return fromLog{log} }

type fromLog struct{ log *audit.Log }

// walk calls fn for every event before a time, in order.
func (l fromLog) walk(ctx context.Context, to time.Time, fn func(audit.Entry, audit.Event)) error {
	for after := int64(-1); ; {
		entries, err := l.log.Events(ctx, after, audit.MaxEvents)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, x := range entries {
			e, err := x.Event()
			if err != nil {
				return err
			}
			if !to.IsZero() && !e.Time.Before(to) {
				return nil
			}
			fn(x, e)
		}
		after = entries[len(entries)-1].Position
	}
}

// Use returns what each account did since a time.
func (l fromLog) Use(ctx context.Context, since time.Time) (map[string]Use, error) {
	out := map[string]Use{}
	err := l.walk(ctx, time.Time{}, func(_ audit.Entry, e audit.Event) {
		if e.Time.Before(since) || e.Outcome != audit.Success || !isAccount(e.Actor.ID) {
			return
		}
		u, ok := out[e.Actor.ID]
		if !ok {
			u.Actions = map[string]int{}
		}
		u.Actions[e.Action.Name]++
		if s := e.Resource.Store; s != "" && !slices.Contains(u.Stores, s) {
			u.Stores = append(u.Stores, s)
		}
		out[e.Actor.ID] = u
	})
	return out, err
}

// Opened returns the reveals of a stretch of time. Where a log was continued by
// another, the root is that of the log at the end.
func (l fromLog) Opened(ctx context.Context, from, to time.Time) (out Opened, err error) {
	var tree tlog.Frontier
	log := int64(-1)
	err = l.walk(ctx, to, func(x audit.Entry, e audit.Event) {
		if n := x.LogNumber(); n != log {
			tree, log = tlog.Frontier{}, n
		}
		tree.Append(x.Hash())
		if e.Action.Name != opens || e.Outcome != audit.Success || e.Time.Before(from) || !isAccount(e.Actor.ID) {
			return
		}
		out.Reveals = append(out.Reveals, Reveal{
			Position: x.Position, Actor: e.Actor.ID, Store: e.Resource.Store, Record: e.Resource.ID,
			Purpose: e.Purpose, Reference: e.Reference, At: e.Time,
		})
	})
	out.Size, out.Root = tree.Size(), [32]byte(tree.Root())
	return out, err
}
