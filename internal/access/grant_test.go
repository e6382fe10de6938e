package access_test

import (
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// A short right is for one store, purpose, reference and class, comes from another
// person and ends by itself (DPP 2.3.2).
func TestObligation_2_3_2_ElevationsEndByThemselves(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	clerk := r.someone(nil)
	if g := r.rights(clerk.ID); len(g.Elevations) != 0 {
		t.Fatal("a clerk begins with a right")
	}
	q := r.granted(clerk, owner, rightSpec())
	got := r.rights(clerk.ID)
	if len(got.Elevations) != 1 || len(got.Roles) != 0 {
		t.Fatalf("%+v", got)
	}
	x := got.Elevations[0]
	if x.Store != storeA || x.Purpose != strongroom.Fulfilment || x.Reference != "order-1" || !slices.Equal(x.Classes, []string{"phone"}) ||
		x.Until.Sub(q.Decided) != 2*time.Hour {
		t.Errorf("%+v", x)
	}
	e := r.last("request.approve")
	if e.Purpose != strongroom.Fulfilment || len(e.Reference) != 32 {
		t.Errorf("the event says purpose %q, reference %q", e.Purpose, e.Reference)
	}
	r.ahead(2*time.Hour - time.Minute)
	if g := r.rights(clerk.ID); len(g.Elevations) != 1 {
		t.Error("it ended early")
	}
	r.ahead(2 * time.Minute)
	if g := r.rights(clerk.ID); len(g.Elevations) != 0 { // whether or not the sweeper came
		t.Errorf("an expired grant gives %+v", g)
	}
	if _, n, err := r.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("%d grants expired, %v", n, err)
	}
	if _, n, err := r.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d grants expired again, %v", n, err)
	}
	if e := r.last("grant.revoke"); e.Actor.ID != "sys:sweeper" || e.Resource.ID != x.ID {
		t.Errorf("event %+v", e)
	}
	// Planted: a longer life written by hand gives nothing.
	q = r.granted(clerk, owner, rightSpec())
	r.exec(func(tx *db.Tx) error { _, err := tx.Exec(longer, q.Made[0]); return err })
	if g := r.rights(clerk.ID); len(g.Elevations) != 0 {
		t.Errorf("an edited grant gives %+v", g)
	}
}

// The glass breaks for two people at once, or for one after the delay, for an hour.
func TestBreakGlass(t *testing.T) {
	r := enter(t, strongroom.Production)
	first, second := r.someone([]string{authz.Operator}), r.someone([]string{authz.Privacy})
	ask := func(who strongroom.Actor) access.Request {
		t.Helper()
		q, err := r.Ask(t.Context(), who, glassSpec())
		r.must(err)
		return q
	}
	q := ask(first)
	if e := r.last("glass.break"); e.Resource.ID != q.ID || e.Actor.ID != first.ID {
		t.Errorf("asking is not loud: %+v", e)
	}
	_, err := r.Approve(t.Context(), first, q.ID, "")
	want(t, "alone at once", err, strongroom.Denied, "four-eyes")
	_, err = r.Break(t.Context(), first, q.ID)
	want(t, "alone too early", err, strongroom.Conflict, "glass-delay")
	_, err = r.Break(t.Context(), second, q.ID)
	want(t, "another's", err, strongroom.Denied, "four-eyes")
	if q, err = r.Approve(t.Context(), second, q.ID, ""); err != nil || q.Alone {
		t.Fatalf("two people: %+v, %v", q, err)
	}
	if g := r.rights(first.ID); len(g.Elevations) != 1 || g.Elevations[0].Until.Sub(q.Decided) != access.GlassOpen {
		t.Errorf("%+v", g)
	}
	if g := r.rights(second.ID); len(g.Elevations) != 0 {
		t.Error("who approves gets a right")
	}
	alone := ask(second)
	stopped := ask(first)
	if _, err := r.Refuse(t.Context(), second, stopped.ID, ""); err != nil {
		t.Error(err)
	}
	r.ahead(access.GlassDelay + time.Second)
	_, err = r.Break(t.Context(), first, stopped.ID)
	want(t, "stopped", err, strongroom.Conflict, "request-state")
	if alone, err = r.Break(t.Context(), second, alone.ID); err != nil || !alone.Alone {
		t.Fatalf("after the delay: %v", err)
	}
	if g := r.rights(first.ID); len(g.Elevations) != 0 {
		t.Error("a broken glass stays open")
	}
	r.ahead(access.GlassOpen)
	if g := r.rights(second.ID); len(g.Elevations) != 0 {
		t.Error("a broken glass stays open")
	}
	late := ask(first)
	r.ahead(access.GlassLife)
	_, err = r.Break(t.Context(), first, late.ID)
	want(t, "a day later", err, strongroom.Conflict, "request-state")
	weak := first
	weak.Standing.Verified = time.Now().Add(-time.Hour)
	_, err = r.Ask(t.Context(), weak, glassSpec())
	want(t, "without two factors shown lately", err, strongroom.Denied, "")
}

// While nobody else could decide, the OS user on the spot is the second party, and
// no longer.
func TestFounding(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	if !slices.Equal(owner.Roles, []string{authz.Owner}) || !owner.AllStores {
		t.Fatalf("the first owner has %+v", owner)
	}
	first, err := r.Ask(t.Context(), owner, personSpec(authz.Owner))
	r.must(err)
	_, err = r.Approve(t.Context(), owner, first.ID, "")
	want(t, "self-approval", err, strongroom.Denied, "")
	q, err := r.Approve(t.Context(), onTheSpot(), first.ID, "")
	if err != nil || !q.Founding {
		t.Fatalf("%+v, %v", q, err)
	}
	clerk := r.someone(nil)
	again, err := r.Ask(t.Context(), owner, roleSpec(clerk.ID, authz.Auditor))
	r.must(err)
	if _, err := r.Approve(t.Context(), onTheSpot(), again.ID, ""); err != nil {
		t.Errorf("the second owner is invited only: %v", err)
	}
	r.stand(q.Made[0], good)
	last, err := r.Ask(t.Context(), owner, roleSpec(r.someone(nil).ID, authz.Auditor))
	r.must(err)
	_, err = r.Approve(t.Context(), onTheSpot(), last.ID, "")
	want(t, "two owners can decide", err, strongroom.Denied, "")
	byClerk, err := r.Ask(t.Context(), clerk, roleSpec(clerk.ID, authz.Security))
	r.must(err)
	_, err = r.Approve(t.Context(), onTheSpot(), byClerk.ID, "")
	want(t, "the owner can decide", err, strongroom.Denied, "")
	r.stand(owner.ID, person{})
	r.stand(q.Made[0], person{damaged: true})
	_, err = r.Approve(t.Context(), onTheSpot(), byClerk.ID, "")
	want(t, "of one owner it cannot be told", err, strongroom.Internal, "people-sealed")
	r.stand(q.Made[0], person{})
	if _, err := r.Approve(t.Context(), onTheSpot(), byClerk.ID, ""); err != nil {
		t.Errorf("no owner can sign in: %v", err)
	}
}

// Roles of one person share one scope, and the last owner's is not taken away.
func TestRoles(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	second := r.someone([]string{authz.Owner}) // decides, and has no grant
	clerk := r.someone(nil)
	at := func(replace bool, roles []string, stores ...string) access.Spec {
		s := roleSpec(clerk.ID, roles...)
		s.Stores, s.AllStores, s.Replace = stores, len(stores) == 0, replace
		return s
	}
	r.granted(clerk, owner, at(false, []string{authz.Operator}, storeA))
	for name, c := range map[string]struct {
		spec access.Spec
		code string
	}{
		"another scope": {at(false, []string{authz.Auditor}, storeB), "scope"},
		"all stores":    {at(false, []string{authz.Auditor}), "scope"},
		"held already":  {at(false, []string{authz.Operator}, storeA), "role-held"},
	} {
		q, err := r.Ask(t.Context(), clerk, c.spec)
		r.must(err)
		_, err = r.Approve(t.Context(), owner, q.ID, "")
		want(t, name, err, strongroom.Conflict, c.code)
	}
	r.granted(clerk, owner, at(false, []string{authz.Auditor}, storeA))
	r.granted(clerk, owner, at(true, []string{authz.Auditor, authz.Security}, storeA, storeB))
	got := r.rights(clerk.ID)
	slices.Sort(got.Roles)
	if !slices.Equal(got.Roles, []string{authz.Auditor, authz.Security}) || len(got.Stores) != 2 {
		t.Errorf("%+v", got)
	}
	mine, _, err := r.Grants(t.Context(), owner, access.GrantQuery{Person: owner.ID})
	if err != nil || len(mine) != 1 {
		t.Fatalf("%+v, %v", mine, err)
	}
	want(t, "the last owner's role", r.Revoke(t.Context(), second, mine[0].ID), strongroom.Conflict, "last-owner")
	down := roleSpec(owner.ID, authz.Auditor)
	down.Replace = true
	q, err := r.Ask(t.Context(), owner, down)
	r.must(err)
	_, err = r.Approve(t.Context(), second, q.ID, "")
	want(t, "the last owner's role in a replacement", err, strongroom.Conflict, "last-owner")
	r.granted(owner, second, at(true, []string{authz.Owner}))
	if err := r.Revoke(t.Context(), second, mine[0].ID); err != nil {
		t.Errorf("with two owners: %v", err)
	}
	if err := r.Revoke(t.Context(), second, mine[0].ID); err != nil {
		t.Errorf("again: %v", err)
	}
	if g := r.rights(owner.ID); g.Roles != nil {
		t.Errorf("%+v", g)
	}
	until := roleSpec(r.someone(nil).ID, authz.Auditor)
	until.Until = r.clock.Now().Add(24 * time.Hour)
	q = r.granted(clerk, second, until)
	r.ahead(24 * time.Hour)
	if g := r.rights(q.Spec.Subject); g.Roles != nil {
		t.Errorf("a role past its end: %+v", g)
	}
}

// A service of a request has an owner, who takes its secret (DPP 2.2.3).
func TestObligation_2_2_3_ServicesByRequest(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner, clerk := r.found(), r.someone(nil)
	q := r.granted(clerk, owner, serviceSpec(clerk.ID))
	k, secret, err := r.services.RotateKey(t.Context(), clerk, q.Made[0], 0)
	if err != nil || k.Owner != clerk.ID || k.Case != q.ID || len(k.Stores) != 1 {
		t.Fatalf("%+v, %v", k, err)
	}
	who, err := r.services.Authenticate(t.Context(), secret.Reveal(), netipAny())
	if err != nil || who.ID != k.ID || who.AllStores {
		t.Errorf("%+v, %v", who, err)
	}
	r.decide(owner, "person.end", func(tx *guard.Tx) error { return r.services.EndOwnedTx(tx, clerk.ID) })
	if _, err := r.services.Authenticate(t.Context(), secret.Reveal(), netipAny()); err == nil {
		t.Error("a leaver's service goes on")
	}
}
