package review

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Close ends a campaign. It is refused while an entry has no verdict (Conflict, code
// "undecided"), and while something that was to go is still there when read again
// (code "unverified"), and where a verdict is not the one that the log shows (code
// "verdict"). What appeared since the opening is left to the next one.
func (v *Review) Close(ctx context.Context, who strongroom.Actor, id string) (c Campaign, err error) {
	if !strongroom.IsID("cmp", id) {
		return c, v.refuse(ctx, who, reviewClose, campaignResource("", "", false), noCampaign())
	}
	shown, err := v.decided(ctx, id)
	if err != nil {
		return c, err
	}
	err = v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(reviewClose, campaignResource(id, "", false), guard.Context{}); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("close"))
		if err := whole(who); err != nil {
			return err
		}
		var entries []Entry
		if c, entries, err = v.load(&tx.Reader, id); err != nil {
			return err
		}
		if !c.Closed.IsZero() {
			return closed()
		}
		if err := asDecided(entries, shown); err != nil {
			return err
		}
		if err := v.finished(&tx.Reader, c, entries, tx.Now()); err != nil {
			return err
		}
		row, err := scanCampaign(tx.QueryRow(sqlLoadCampaign, id))
		if err != nil {
			return err
		}
		row.closed, row.closer = db.Micros(tx.Now()), who.ID
		if row.sealed, err = v.pack(v.campaignAD(row), struct{}{}); err != nil {
			return err
		}
		c.Closed, c.Closer = tx.Now(), who.ID
		tx.Note("digest", c.Digest)
		tx.Note("count", c.Entries)
		tx.Note("cleared", c.Verified)
		_, err = tx.Exec(sqlCloseCampaign, id, row.closed, row.closer, row.sealed)
		return err
	})
	if err != nil {
		return Campaign{}, err
	}
	return c, nil
}

// finished reports what keeps a campaign open. What was removed is read once more:
// it may have come back.
func (v *Review) finished(r *db.Reader, c Campaign, entries []Entry, now time.Time) error {
	if n := c.Entries - c.Decided; n > 0 {
		return strongroom.Faultf(strongroom.Conflict, "undecided", "%s of the campaign %s no verdict: %s", count(n), have(n), numbers(entries, undecided)).
			Advise("decide them; who may: strongroom review holders review.decide")
	}
	items, err := v.population(r, c.Kind, now)
	if err != nil {
		return err
	}
	live, n := byID(items), 0
	still := func(e *Entry) bool { return e.due() && (e.Verified.IsZero() || !e.gone(live)) }
	for i := range entries {
		if still(&entries[i]) {
			n++
		}
	}
	if n > 0 {
		return strongroom.Faultf(strongroom.Conflict, "unverified", "%s to go and still there: %s", count(n), numbers(entries, still)).
			Advise("execute the campaign")
	}
	return nil
}

func noCampaign() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "campaign", "there is no such campaign")
}

func closed() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Conflict, "closed", "the campaign is closed")
}
