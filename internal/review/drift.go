package review

import (
	"cmp"
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Events is what this package asks of the log.
type Events interface {
	// Use returns what each account did since a time of the data clock.
	Use(ctx context.Context, since time.Time) (map[string]Use, error)
	// Opened returns the reveals from one time up to another, in the order of the log,
	// with the root of the tree over all events before the second. Of many it keeps
	// those that [Pick] picks n of, for the month that the first time is in; 0 keeps all.
	Opened(ctx context.Context, from, to time.Time, n int) (Opened, error)
	// Approvals returns the last approval of a baseline of each kind that had one.
	Approvals(ctx context.Context) (map[Kind]Approved, error)
	// Verdicts returns the last verdict on each entry of a campaign that was opened at a
	// time, by the entry's number.
	Verdicts(ctx context.Context, campaign string, opened time.Time) (map[int]Verdict, error)
}

// Use is what an account did: when each action last succeeded, and at which stores.
type Use struct {
	Actions map[string]time.Time
	Stores  []string
}

// Flaw is what is wrong with an account or a right.
type Flaw string

// The flaws (DPP 2.2.6, 2.3.2).
const (
	FlawUnapproved Flaw = "unapproved" // neither in the baseline nor with a case, or wider than approved
	FlawNew        Flaw = "new"        // with a case, since the baseline
	FlawDormant    Flaw = "dormant"    // an account not used for long
	FlawUnusedRole Flaw = "unused"     // a right whose role nobody used for [UsedWithin]
	FlawStanding   Flaw = "standing"   // a role over the instance without an end
	FlawUnbound    Flaw = "unbound"    // a way outside that is nobody's
	FlawLeaver     Flaw = "leaver"     // a way outside of somebody who has left
)

// Finding is an account or a right with a flaw.
type Finding struct {
	Flaw Flaw
	Item Item
}

// Shrink proposes less for a right that is not used as a whole. To lies within it;
// where it names no role the right can go.
type Shrink struct {
	Item Item
	Used []string // actions of the role that were used
	To   Scope
}

// past is what the log shows, as drift takes it.
type past struct {
	used  map[string]Use // nil: nothing is known
	since time.Time      // use is known from here on
	shown map[Kind]Approved
}

// Drift compares what there is with the baseline and with what is used. For who may
// not ask, the log is not read; for who may, the log has two events. The fault is
// Conflict, code "baseline-lost", where the baseline is not the one the log shows.
func (v *Review) Drift(ctx context.Context, who strongroom.Actor, kind Kind) (out []Finding, less []Shrink, err error) {
	res := campaignResource("", string(kind), false)
	// Reading the log takes long: first it is decided, and recorded, whether who may ask.
	if err := v.refuse(ctx, who, reviewRead, res, whole(who)); err != nil {
		return nil, nil, err
	}
	known, err := v.past(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(reviewRead, res, guard.Context{}); err != nil {
			return err
		}
		if err := whole(who); err != nil {
			return err
		}
		out, less, err = v.drift(&w.Reader, kind, w.Now(), known)
		w.Note("count", len(out))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return out, less, nil
}

// past reads the log, outside of every transaction.
func (v *Review) past(ctx context.Context) (p past, err error) {
	if v.o.Events == nil {
		return p, nil
	}
	if err := v.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		p.since = r.Now().Add(-UsedWithin)
		return nil
	}); err != nil {
		return p, err
	}
	if p.used, err = v.o.Events.Use(ctx, p.since); err != nil {
		return p, err
	}
	if p.used == nil {
		p.used = map[string]Use{}
	}
	p.shown, err = v.approvals(ctx)
	return p, err
}

// Recall reads what the log has that [Review.Drift] needs, so that the next one goes on
// from there. The sweeper calls it.
func (v *Review) Recall(ctx context.Context) error {
	_, err := v.past(ctx)
	return err
}

func (v *Review) drift(r *db.Reader, kind Kind, now time.Time, p past) (out []Finding, less []Shrink, err error) {
	items, err := v.population(r, kind, now)
	if err != nil {
		return nil, nil, err
	}
	return v.driftOf(r, kind, items, now, p)
}

// driftOf is drift of a population that was read.
func (v *Review) driftOf(r *db.Reader, kind Kind, items []Item, now time.Time, p past) ([]Finding, []Shrink, error) {
	base, _, err := v.baseline(r, kind, p.shown)
	if err != nil {
		return nil, nil, err
	}
	return v.departs(r, items, &base, now, p)
}

// departs is drift from a baseline.
func (v *Review) departs(r *db.Reader, items []Item, base *Baseline, now time.Time, p past) (out []Finding, less []Shrink, err error) {
	approved, there := byID(base.Items), byID(items)
	for _, it := range items {
		for _, f := range v.flaws(it, approved, base.Version > 0, now) {
			out = append(out, Finding{f, it})
		}
		if _, ok := there[it.Account]; !ok && it.Sort == Outside && it.Account != "" {
			switch alive, err := found(v.o.Registers.Exists(r, it.Account)); {
			case err != nil:
				return nil, nil, err
			case !alive:
				out = append(out, Finding{FlawLeaver, it})
			}
		}
		if p.used == nil || v.o.Verbs == nil || len(it.Roles) == 0 || it.Elevated || it.From.After(p.since) {
			continue
		}
		if s, ok := v.shrink(it, p.used[it.Account]); ok {
			less = append(less, s)
			if len(s.To.Roles) == 0 {
				out = append(out, Finding{FlawUnusedRole, it})
			}
		}
	}
	return out, less, nil
}

// flaws compares one item with the baseline and the calendar.
func (v *Review) flaws(it Item, approved map[string]Item, based bool, now time.Time) (out []Flaw) {
	was, known := approved[it.ID]
	switch {
	case it.Sort == Outside && it.Account == "":
		out = append(out, FlawUnbound)
	case known && !it.scope().Within(was.scope()), known && (it.Account != was.Account || it.Privilege != was.Privilege):
		out = append(out, FlawUnapproved)
	case !known && it.Case == "" && !it.Elevated:
		out = append(out, FlawUnapproved)
	case !known && based && !it.Elevated:
		out = append(out, FlawNew)
	}
	if it.Sort == Account && !it.Suspended && now.Sub(later(it.Used, it.From)) > v.o.Dormant {
		out = append(out, FlawDormant)
	}
	if it.standing() {
		out = append(out, FlawStanding)
	}
	return out
}

// standing reports whether the item is a role over the whole instance without end.
func (i *Item) standing() bool {
	return i.Until.IsZero() && i.AllStores && (i.decides() || slices.Contains(i.Roles, authz.Operator))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// shrink proposes the fewest roles that cover what was used, and the stores where.
func (v *Review) shrink(it Item, use Use) (Shrink, bool) {
	roles := slices.Clone(it.Roles)
	// The widest role goes first, if the others do.
	slices.SortStableFunc(roles, func(a, b string) int { return cmp.Compare(len(v.o.Verbs(b)), len(v.o.Verbs(a))) })
	var did []string
	for _, r := range roles {
		for _, a := range v.o.Verbs(r) {
			if !use.Actions[a].IsZero() && !slices.Contains(did, a) {
				did = append(did, a)
			}
		}
	}
	slices.Sort(did)
	keep := slices.Clone(roles)
	for _, r := range roles {
		rest := slices.DeleteFunc(slices.Clone(keep), func(x string) bool { return x == r })
		if v.covers(rest, did) {
			keep = rest
		}
	}
	slices.Sort(keep)
	to := Scope{Roles: keep, Stores: it.Stores, AllStores: it.AllStores, Until: it.Until}
	if at := v.usedAt(it, use); len(keep) > 0 && len(at) > 0 && !it.standing() {
		to.Stores, to.AllStores = at, false
	}
	return Shrink{Item: it, Used: did, To: to}, !it.scope().Within(to)
}

// covers reports whether the roles permit all of the actions.
func (v *Review) covers(roles, actions []string) bool {
	return !slices.ContainsFunc(actions, func(a string) bool {
		return !slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(v.o.Verbs(r), a) })
	})
}

// usedAt returns the stores of an item where something was done.
func (v *Review) usedAt(it Item, use Use) (out []string) {
	for _, s := range use.Stores {
		if it.AllStores || slices.Contains(it.Stores, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
