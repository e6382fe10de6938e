package policy

import (
	"context"
	"sort"
	"time"

	"strongroom/internal/audit"
	"strongroom/internal/authz"
)

// FromLog reads decisions from the audit log, which keeps time in milliseconds.
func FromLog(log *audit.Log) Decisions {
	return func(ctx context.Context, from, to time.Time, yield func(Decision) bool) error {
		after, err := before(ctx, log, from.Truncate(time.Millisecond))
		for err == nil {
			var entries []audit.Entry
			if entries, err = log.Events(ctx, after, audit.MaxEvents); err != nil || len(entries) == 0 {
				return err
			}
			for _, x := range entries {
				e, err := x.Event()
				if err != nil {
					return err
				}
				if !e.Time.Before(to) {
					return nil
				}
				if d, ok := decisionOf(x.Position, e); ok && !yield(d) {
					return nil
				}
			}
			after = entries[len(entries)-1].Position
		}
		return err
	}
}

// before returns a position before the first event at or after t: events are in
// the order of time, so it is found by halving.
func before(ctx context.Context, log *audit.Log, t time.Time) (int64, error) {
	const most = 53 // bits of a position
	var failed error
	at := sort.Search(1<<most, func(i int) bool {
		if failed != nil {
			return true
		}
		entries, err := log.Events(ctx, int64(i)-1, 1)
		if err != nil || len(entries) == 0 {
			failed = err
			return true
		}
		e, err := entries[0].Event()
		if err != nil {
			failed = err
			return true
		}
		return !e.Time.Before(t)
	})
	return int64(at) - 1, failed
}

// decisionOf tells the events of decisions from others: a policy decided, or the
// policies said no.
func decisionOf(position int64, e audit.Event) (Decision, bool) {
	denied := e.Outcome == audit.Denied && e.Code == "denied"
	if len(e.Policies) == 0 && !denied || !authz.Known(e.Action.Name) || e.Code == "policy" {
		return Decision{}, false
	}
	return Decision{
		Position: position, Time: e.Time, Actor: e.Actor, Action: e.Action.Name, Resource: e.Resource,
		Purpose: e.Purpose, Reference: e.Reference != "", Allowed: !denied, Policies: e.Policies,
	}, true
}
