package session_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/guard/guardtest"
)

// Who ends another one of the own sessions has shown two factors a moment ago:
// whoever found a browser open must not end those of its owner (ASVS 7.5.2).
func TestOtherSessionsNeedAFreshFactor(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com", "privacy")
	first := f.signIn(ana, home)
	for range 4 {
		f.pass(4 * time.Minute)
		f.actor(first, home) // in use
		must0(t, f.Tidy(t.Context()))
	}
	second, third := f.signIn(ana, home), f.signIn(ana, home)
	old := f.actor(first, home)
	guardtest.Want(t, "one", f.Revoke(t.Context(), old, second.Session.ID), strongroom.Denied, "step-up")
	_, err := f.RevokeOthers(t.Context(), old)
	guardtest.Want(t, "all others", err, strongroom.Denied, "step-up")
	if !f.holds(second, home) || !f.holds(third, home) {
		t.Error("they ended all the same")
	}
	// Planted: the same with a factor of now ends them, and not the one that acts; the
	// own session ends without.
	newest := f.actor(third, home)
	must0(t, f.Revoke(t.Context(), newest, second.Session.ID))
	if n := must(f.RevokeOthers(t.Context(), newest))(t); n != 1 || f.holds(first, home) || !f.holds(third, home) {
		t.Errorf("%d ended", n)
	}
	if _, err := f.RevokeOthers(t.Context(), security()); strongroom.KindOf(err) == strongroom.Internal {
		t.Errorf("an actor without a session: %v", err)
	}
}
