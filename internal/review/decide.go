package review

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Verdict is what shall become of an entry.
type Verdict string

// The verdicts.
const (
	Keep   Verdict = "keep"
	Change Verdict = "change" // less than before
	Remove Verdict = "remove"
)

// Verdicts lists the verdicts. Their places are stored.
func Verdicts() []Verdict { return []Verdict{Keep, Change, Remove} }

// Reason is why; the list is closed.
type Reason string

// The reasons. [Other] needs a text.
const (
	Needed  Reason = "needed"
	Moved   Reason = "moved" // another task
	Left    Reason = "left"
	Unused  Reason = "unused"
	TooWide Reason = "too-wide"
	Unknown Reason = "unknown" // nobody knows what it is for
	Other   Reason = "other"
)

// Reasons lists the reasons.
func Reasons() []Reason { return []Reason{Needed, Moved, Left, Unused, TooWide, Unknown, Other} }

// Decision is what somebody says of an entry.
type Decision struct {
	Entry   int // its number
	Verdict Verdict
	Reason  Reason
	Text    string // a sentence without personal data; may be empty unless Reason is Other
	Wanted  Scope  // of a change
}

func (d *Decision) check() error {
	if db.Place(Verdicts(), d.Verdict) == 0 || !slices.Contains(Reasons(), d.Reason) {
		return strongroom.Faultf(strongroom.Invalid, "verdict", "a decision has a verdict and a reason of the lists")
	}
	if d.Reason == Other && d.Text == "" {
		return strongroom.Faultf(strongroom.Invalid, "reason", "say in a sentence why")
	}
	if d.Verdict == Keep && d.Reason != Needed && d.Reason != Other || d.Verdict != Keep && d.Reason == Needed {
		return strongroom.Faultf(strongroom.Invalid, "reason", "the reason speaks against the verdict")
	}
	return checkText(d.Text)
}

// due reports whether something is to be done about the entry.
func (e *Entry) due() bool { return e.Verdict == Remove || e.Verdict == Change }

// gone reports whether what there is agrees with the verdict.
func (e *Entry) gone(live map[string]Item) bool {
	it, there := live[e.Item.ID]
	if e.Verdict == Change && there {
		return it.scope().Within(e.Wanted)
	}
	return !there
}

// Decide notes what who says of entries: all of them, or none. More than one need
// their count in confirm, and there are [MaxBulk] at most. Nobody decides about the
// own account and rights or a service they answer for or hold the key of: one such
// entry refuses the call (Denied). A decision can be replaced until it is executed. A change that
// gives more than was frozen is refused (Invalid, code "wider").
func (v *Review) Decide(ctx context.Context, who strongroom.Actor, campaign string, list []Decision, confirm int) error {
	if err := v.checkDecisions(campaign, list, confirm); err != nil {
		return v.refuse(ctx, who, reviewDecide, campaignResource("", "", false), err)
	}
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		for i := range list {
			if err := v.decide(tx, who, campaign, &list[i]); isOwn(err) {
				return v.ownAmong(tx, who, campaign, list[i:])
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

func (v *Review) checkDecisions(campaign string, list []Decision, confirm int) error {
	if !strongroom.IsID("cmp", campaign) {
		return noCampaign()
	}
	if len(list) == 0 || len(list) > MaxBulk {
		return strongroom.Faultf(strongroom.Invalid, "bulk", "a call decides 1 to %d entries", MaxBulk)
	}
	if len(list) > 1 && confirm != len(list) {
		return strongroom.Faultf(strongroom.Invalid, "confirm", "the count to confirm is not that of the decisions")
	}
	seen := map[int]bool{}
	for i := range list {
		if seen[list[i].Entry] {
			return strongroom.Faultf(strongroom.Invalid, "bulk", "an entry is decided twice")
		}
		seen[list[i].Entry] = true
		if err := list[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (v *Review) decide(tx *guard.Tx, who strongroom.Actor, campaign string, d *Decision) error {
	row, err := scanCampaign(tx.QueryRow(sqlLoadCampaign, campaign))
	there, err := found(err)
	if err != nil {
		return err
	}
	var c Campaign
	var e Entry
	if there {
		if c, err = v.openCampaign(row); err != nil {
			return err
		}
		r, err := scanEntry(tx.QueryRow(sqlLoadEntry, campaign, d.Entry))
		if there, err = found(err); err != nil {
			return err
		}
		if there {
			if e, err = v.openEntry(r); err != nil {
				return err
			}
		}
	}
	own, err := v.own(&tx.Reader, who.ID, &e.Item)
	if err != nil && (d.Verdict != Remove || !strongroom.IsKind(err, strongroom.Internal)) {
		return err // of a service whose row was changed nothing can be told: it can go
	}
	if err := tx.Allow(reviewDecide, campaignResource(campaign, string(c.Kind), own), guard.Context{}); err != nil {
		if own { // which one, and not only that one was refused
			return ownEntries(d.Entry)
		}
		return err
	}
	tx.Note("number", d.Entry&0xffffff)
	tx.Note("mode", verdictTerm(d.Verdict))
	tx.Note("reason", reasonTerm(d.Reason))
	if isAccount(e.Item.Account) {
		tx.Note("account", e.Item.Account)
	}
	switch {
	case own || who.Kind != strongroom.PersonActor && who.Kind != strongroom.ServiceActor:
		return ownEntries(d.Entry)
	case whole(who) != nil:
		return whole(who)
	case !there:
		return strongroom.Faultf(strongroom.NotFound, "entry", "there is no such entry or campaign")
	case !c.Closed.IsZero():
		return closed()
	case !e.Executed.IsZero():
		return strongroom.Faultf(strongroom.Conflict, "executed", "what was decided about the entry has been done")
	}
	if err := wider(d, &e); err != nil {
		return err
	}
	e.Verdict, e.Reason, e.Text, e.Wanted = d.Verdict, d.Reason, d.Text, Scope{}
	if d.Verdict == Change {
		e.Wanted = d.Wanted
	}
	e.Decider, e.Decided, e.Failure = who.ID, tx.Now(), ""
	return v.saveEntry(tx, campaign, &e)
}

// wider refuses a change that is none, or that gives anything the entry did not.
func wider(d *Decision, e *Entry) error {
	if d.Verdict != Change {
		return nil
	}
	if e.Item.Sort != Right {
		return strongroom.Faultf(strongroom.Invalid, "change", "only a right can be changed").Advise("keep or remove it")
	}
	w, was := d.Wanted, e.Item.scope()
	if len(w.Roles) == 0 || !w.AllStores && len(w.Stores) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "change", "a change names the role and the stores that stay")
	}
	if !w.Within(was) {
		return strongroom.Faultf(strongroom.Invalid, "wider", "a review takes away or leaves; it gives nothing").Advise("ask for a right")
	}
	if was.Within(w) {
		return strongroom.Faultf(strongroom.Invalid, "change", "the change changes nothing").Advise("keep it")
	}
	return nil
}

// stageTerm says in the log what an execution came to.
func stageTerm(failure string) audit.Term {
	if failure != "" {
		return audit.Word("failed")
	}
	return audit.Word("executed")
}
