package access_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/authz"
)

// A right that ends, ends the calls under way that were let in with it; one that is
// given does not.
func TestCallsUnderWayEnd(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner, clerk := r.found(), r.someone(nil)
	under := func() strongroom.Actor {
		return strongroom.Actor{Kind: strongroom.PersonActor, ID: clerk.ID, Seen: r.guard.Turn()}
	}
	before := under()
	q := r.granted(clerk, owner, roleSpec(clerk.ID, authz.Operator))
	if err := r.guard.Current(before); err != nil {
		t.Errorf("planted: a right was given: %v", err)
	}
	before = under()
	r.must(r.Revoke(t.Context(), owner, q.Made[0]))
	want(t, "a right was taken away", r.guard.Current(before), strongroom.Unauthenticated, "rights-changed")
	if err := r.guard.Current(under()); err != nil {
		t.Errorf("recognised anew: %v", err)
	}
}
