package guard

import (
	"context"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

// Look is [Guard.Quiet] for work that only reads: fn runs in the caller's
// goroutine and takes no turn of the writer. What fn finds is disclosed to nobody.
func (g *Guard) Look(ctx context.Context, reason Reason, fn func(r *db.Reader) error) error {
	if reason < LastSeen || reason > LookUp {
		return strongroom.Faultf(strongroom.Internal, "quiet", "quiet work has no reason of the list")
	}
	if InTransaction(ctx) {
		return errNested()
	}
	return g.db.Read(ctx, func(r *db.Reader) error {
		return g.shield(func() error { return fn(r) })
	})
}

// Still reports whether the policies allow who to do a to r, and records nothing.
// It is for repeating what was allowed and recorded a moment ago and discloses no
// personal data; who calls it counts, and has the count recorded with the next
// event. Package logbook does. Package route asks it what a refusal, which is recorded
// in any case, may say, and package connect whether an address is looked up.
func (g *Guard) Still(who strongroom.Actor, a strongroom.Action, r strongroom.Resource) bool {
	return g.Current(who) == nil && g.policy().Decide(authz.Request{
		Actor: who, Action: a, Resource: r, Now: g.db.Clock().Now(), Real: g.realTime(who),
	}).Allow
}

// Refused records that a door refused what who asked for before a policy could
// be asked. status is the HTTP status it answers, 0 if none; the zero action is
// recorded as the guard's own. It returns refusal once the event is durable, else
// why it is not.
func (g *Guard) Refused(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, status int, refusal error) error {
	if a.Name == "" {
		a = refused()
	}
	d := decision{action: a, resource: r, outcome: audit.Failure, code: codeOf(refusal)}
	if status > 0 {
		d.notes = []audit.Note{{Key: "status", Value: int64(status)}}
	}
	if err := g.submit(&call{ctx: context.WithoutCancel(ctx), who: who, before: []decision{d}, note: true}); err != nil {
		return err
	}
	traced(ctx, refusal)
	return refusal
}
