package review

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Verdicts returns the last verdict on each entry of a campaign, by number.
func (l *fromLog) Verdicts(ctx context.Context, campaign string, since time.Time) (map[int]Verdict, error) {
	start, err := l.log.Moment(ctx, since.Truncate(time.Millisecond))
	if err != nil {
		return nil, err
	}
	out := map[int]Verdict{}
	err = l.walk(ctx, start.Next, end, campaign, func(_ audit.Entry, e audit.Event) {
		if e.Action.Name != reviewDecide.Name || e.Outcome != audit.Success || e.Resource.ID != campaign {
			return
		}
		number, mode := int64(0), any(nil)
		for _, n := range e.Notes {
			switch n.Key {
			case "number":
				number, _ = n.Value.(int64)
			case "mode":
				mode = n.Value
			}
		}
		for _, x := range Verdicts() {
			if mode == any(verdictTerm(x)) {
				out[int(number)] = x
			}
		}
	}, func(int64) {})
	return out, err
}

// decided returns the verdicts that the log shows, outside of every transaction; nil
// where it shows none, or there is no such campaign.
func (v *Review) decided(ctx context.Context, campaign string) (map[int]Verdict, error) {
	if v.o.Events == nil {
		return nil, nil
	}
	opened := int64(0)
	if err := v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		row, err := scanCampaign(r.QueryRow(sqlLoadCampaign, campaign))
		opened = row.opened
		_, err = found(err)
		return err
	}); err != nil || opened == 0 {
		return nil, err
	}
	return v.o.Events.Verdicts(ctx, campaign, db.Time(opened))
}

// asDecided refuses entries whose verdict is not the last one that the log shows: an
// older row was put back.
func asDecided(entries []Entry, shown map[int]Verdict) error {
	for _, e := range entries {
		if last, ok := shown[e.Number]; ok && last != e.Verdict {
			return strongroom.Faultf(strongroom.Conflict, "verdict", "entry %d has not the verdict that the log shows", e.Number).
				Advise("if nobody has decided just now, somebody changed the database: open an incident, then decide it again")
		}
	}
	return nil
}
