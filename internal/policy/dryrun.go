package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

// Decision is a past decision as the log knows it.
type Decision struct {
	Position int64
	Time     time.Time
	Actor    strongroom.Actor // kind, id and door
	Action   string
	Resource strongroom.Resource // type, id and store
	Purpose  strongroom.Purpose
	// Reference says that one was named. Which one the log does not know.
	Reference bool
	Allowed   bool
	Policies  []string // that decided; of a denial none means that nothing permitted it
}

// Decisions calls yield with each decision of a span of time, oldest first, until
// yield says no. Safe for concurrent use.
type Decisions func(ctx context.Context, from, to time.Time, yield func(Decision) bool) error

// MaxReplay is how many decisions a dry run looks at.
const MaxReplay = 100_000

// Report says what a change would have done to past decisions.
//
// The log knows who, what, to what, when, for which purpose, whether a reference
// was named, how it ended and which policies decided. It does not know roles and
// stores of that time, for which those of today stand in; nor device, second
// factor, place, elevations, attributes of resources, classes and numbers of
// fields. A decision that hangs on any of these is counted as unknown, with the
// reason. So is one that the policies in force would not make again from what is
// known.
type Report struct {
	From, To   time.Time
	Decisions  int // looked at
	Same       int // as they were
	Denied     int // allowed then, denied with the change
	Allowed    int // denied then, allowed with the change
	Unknown    int
	Why        map[string]int // why unknown
	Actions    map[string]Tally
	DeniedAt   []int64 // positions in the log of the first of them
	AllowedAt  []int64
	Incomplete bool // there were more than [MaxReplay]
}

// Tally counts what would be different for one action.
type Tally struct{ Denied, Allowed, Unknown int }

// String says it in a few lines.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "this change would have denied %d and allowed %d of %d decisions\n", r.Denied, r.Allowed, r.Decisions)
	for _, a := range slices.Sorted(maps.Keys(r.Actions)) {
		if t := r.Actions[a]; t.Denied+t.Allowed > 0 {
			fmt.Fprintf(&b, "  %s: denied %d, allowed %d\n", a, t.Denied, t.Allowed)
		}
	}
	if r.Unknown > 0 {
		fmt.Fprintf(&b, "%d cannot be told:\n", r.Unknown)
		for _, w := range slices.Sorted(maps.Keys(r.Why)) {
			fmt.Fprintf(&b, "  %d: %s\n", r.Why[w], w)
		}
	}
	if r.Incomplete {
		fmt.Fprintf(&b, "there are more; the first %d were looked at\n", r.Decisions)
	}
	return b.String()
}

// Why a decision is unknown.
const (
	whyGone  = "the account is no longer there"
	whyReads = "the change looks at something that is not in the log"
	whyMoved = "the policies in force would decide otherwise today"
)

// DryRun says what a version would have done to the decisions of a span, such as
// yesterday. It discloses counts and positions, not events.
func (b *Book) DryRun(ctx context.Context, who strongroom.Actor, id string, from, to time.Time) (Report, error) {
	var v, now Version
	err := b.read(ctx, who, id, func(r *db.Reader) error {
		row, err := rowByID(r, id)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return errNoVersion()
		}
		if err == nil {
			v, err = b.o.Law.safe.open(row)
		}
		if err == nil {
			_, now, err = b.o.Law.inForce(r)
		}
		return err
	})
	if err != nil {
		return Report{}, err
	}
	if b.o.Decisions == nil {
		return Report{}, strongroom.Faultf(strongroom.Unavailable, "policy-log", "there is no log to replay")
	}
	p, err := b.replay(now, v)
	if err != nil {
		return Report{}, err
	}
	p.report.From, p.report.To = from, to
	err = b.o.Decisions(ctx, from, to, func(d Decision) bool {
		if p.report.Decisions >= MaxReplay {
			p.report.Incomplete = true
			return false
		}
		p.failed = p.take(ctx, d)
		return p.failed == nil
	})
	if err == nil {
		err = p.failed
	}
	return p.report, err
}

// replay holds two engines against the same decisions.
type replay struct {
	book   *Book
	before *authz.Engine
	after  *authz.Engine
	change authz.Change
	actors map[string]*strongroom.Actor // nil: gone
	report Report
	failed error
}

func (b *Book) replay(now, v Version) (*replay, error) {
	p := &replay{book: b, actors: map[string]*strongroom.Actor{}, report: Report{Why: map[string]int{}, Actions: map[string]Tally{}}}
	var err error
	if p.change, err = authz.Compare(b.o.Law.with(now.Files), b.o.Law.with(v.Files)); err != nil {
		return nil, err
	}
	if p.before, err = b.o.Law.build(now.Files); err != nil {
		return nil, err
	}
	p.after, err = b.o.Law.build(v.Files)
	return p, err
}

// take counts one decision. An error is of the port, not of the decision.
func (p *replay) take(ctx context.Context, d Decision) error {
	r := &p.report
	r.Decisions++
	if !p.concerns(d.Action) || !d.Allowed && slices.ContainsFunc(d.Policies, isGuard) {
		r.Same++ // no step touches it, or a guard forbade it and still does
		return nil
	}
	if p.reads(d.Action) {
		p.unknown(d, whyReads)
		return nil
	}
	who, err := p.actor(ctx, d.Actor)
	if err != nil {
		return err
	}
	if who == nil {
		p.unknown(d, whyGone)
		return nil
	}
	q := request(*who, d)
	if was := p.before.Decide(q); was.Err != nil || was.Allow != d.Allowed {
		p.unknown(d, whyMoved)
		return nil
	}
	is := p.after.Decide(q)
	t := r.Actions[d.Action]
	switch {
	case is.Allow == d.Allowed:
		r.Same++
	case is.Allow:
		r.Allowed++
		t.Allowed++
		r.AllowedAt = first(r.AllowedAt, d.Position)
	default:
		r.Denied++
		t.Denied++
		r.DeniedAt = first(r.DeniedAt, d.Position)
	}
	r.Actions[d.Action] = t
	return nil
}

func first(list []int64, at int64) []int64 {
	if len(list) < 20 {
		list = append(list, at)
	}
	return list
}

// isGuard reports whether a policy is one of those that no version can lift.
func isGuard(id string) bool { return strings.HasPrefix(id, "guards/") }

func (p *replay) unknown(d Decision, why string) {
	p.report.Unknown++
	p.report.Why[why]++
	t := p.report.Actions[d.Action]
	t.Unknown++
	p.report.Actions[d.Action] = t
}

// concerns reports whether a step of the change can match the action.
func (p *replay) concerns(action string) bool {
	return slices.ContainsFunc(p.change.Steps, func(s authz.Step) bool { return slices.Contains(s.Actions, action) })
}

// reads reports whether a step that can match the action looks at something that
// the log does not know.
func (p *replay) reads(action string) bool {
	return slices.ContainsFunc(p.change.Steps, func(s authz.Step) bool {
		return slices.Contains(s.Actions, action) && slices.ContainsFunc(s.Reads, func(name string) bool { return !known(name) })
	})
}

// known reports whether a past decision still tells an attribute.
func known(name string) bool {
	switch name {
	case "context.environment", "context.purpose", "context.has_reference", "context.time", "context.in_scope",
		"principal.door", "principal.all_stores", "principal.employment":
		return true
	}
	return false
}

// actor returns who somebody is today, nil if nobody.
func (p *replay) actor(ctx context.Context, a strongroom.Actor) (*strongroom.Actor, error) {
	if who, ok := p.actors[a.ID]; ok {
		return who, nil
	}
	who, ok, err := p.book.actor(ctx, a.Kind, a.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		p.actors[a.ID] = nil
		return nil, nil
	}
	p.actors[a.ID] = &who
	return &who, nil
}

// request asks again what was asked then. What was allowed had passed the guards,
// so it had all that they ask for; what was denied by another policy is asked
// again as by somebody who has it.
func request(who strongroom.Actor, d Decision) authz.Request {
	who.Door = d.Actor.Door
	st := &who.Standing
	st.Trained, st.Pledged, st.Device, st.Verified = true, true, "managed", d.Time
	return authz.Request{
		Actor: who, Action: strongroom.Action{Name: d.Action}, Resource: d.Resource,
		Purpose: d.Purpose, HasReference: d.Reference, Now: d.Time, Real: d.Time,
	}
}
