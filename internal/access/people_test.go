package access_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/seal"
)

// withPeople puts the real register of persons in the place of the one in memory,
// wired as the product does.
func withPeople(r *room) *people.People {
	var p *people.People
	opts := r.opts
	r.services = identity.New(identity.Options{Guard: r.guard, Environment: r.opts.Environment, Key: seal.NewKey(), Clock: r.clock})
	p = people.New(people.Options{
		Guard: r.guard, Environment: r.opts.Environment, Key: seal.NewKey(),
		Owners:  func(v *db.Reader, now time.Time) ([]string, error) { return r.Owners(v, now) },
		Founded: []people.Hook{func(tx *guard.Tx, id string) error { return r.FoundTx(tx, id) }},
		Ended: []people.Hook{
			func(tx *guard.Tx, id string) error { return r.EndTx(tx, id) },
			r.services.EndOwnedTx,
		},
	})
	opts.People, opts.Services = p, r.services
	r.Access = access.New(opts)
	return p
}

// With the real register of persons: the founding, an account by request, and a
// leaver, each in one commit.
func TestWithPeople(t *testing.T) {
	r := enter(t, strongroom.Production)
	p := withPeople(r)
	first, _, err := p.Found(context.Background(), onTheSpot(), people.Spec{Name: "Ada Byron", Email: "ada@example.com", Employment: people.Employee})
	r.must(err)
	owner := r.someone(nil)
	owner.ID = first.ID
	owner = r.now(owner)
	if !slices.Equal(owner.Roles, []string{authz.Owner}) {
		t.Fatalf("the first owner has %+v", owner.Roles)
	}
	q, err := r.Ask(t.Context(), owner, personSpec(authz.Operator))
	r.must(err)
	q, err = r.Approve(t.Context(), onTheSpot(), q.ID, "")
	r.must(err)
	id := q.Made[0]
	x, err := p.Get(t.Context(), owner, id)
	if err != nil || x.Case != q.ID || x.State != people.Invited || x.Email != "jane.doe@example.com" {
		t.Fatalf("%+v, %v", x, err)
	}
	again, err := r.Ask(t.Context(), owner, personSpec())
	r.must(err)
	_, err = r.Approve(t.Context(), onTheSpot(), again.ID, "")
	want(t, "the same address", err, strongroom.Conflict, "person-known")
	spec := roleSpec(id, authz.Auditor)
	open, err := r.Ask(t.Context(), owner, spec)
	r.must(err)
	if got := r.rights(id); !slices.Equal(got.Roles, []string{authz.Operator}) {
		t.Errorf("%+v", got)
	}
	r.must(p.End(t.Context(), owner, id, people.Cause{Kind: people.ByHand}))
	if got := r.rights(id); got.Roles != nil {
		t.Errorf("a leaver has %+v", got)
	}
	if q, err := r.Request(t.Context(), owner, open.ID); err != nil || q.State != access.Withdrawn {
		t.Errorf("%s, %v", q.State, err)
	}
	_, err = r.Ask(t.Context(), owner, spec)
	want(t, "a role for a leaver", err, strongroom.NotFound, "person")
	if n, err := r.Orphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d orphans, %v", n, err)
	}
}
