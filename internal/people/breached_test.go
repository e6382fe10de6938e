package people_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/people"
)

// A password of a breach is refused wherever one is set, and so is every one while
// nobody can look.
func TestBreachedPasswords(t *testing.T) {
	var fails error
	f := fresh(t, func(o *people.Options) {
		o.Breached = func(candidate []byte) (bool, error) { return string(candidate) == otherPassword, fails }
	})
	who := f.enrolling(t, jane())
	if err := f.SetPassword(t.Context(), who, nil, []byte(otherPassword)); code(err) != "password-breached" || !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("in an enrolment: %v", err)
	}
	fails = strongroom.Faultf(strongroom.Unavailable, "breached-list", "the list cannot be read")
	if err := f.SetPassword(t.Context(), who, nil, []byte(goodPassword)); code(err) != "breached-list" {
		t.Errorf("without the list: %v", err)
	}
	fails = nil
	m := f.complete(t, who) // planted: another is taken
	f.clock.SetOffset(2 * day)
	if err := f.SetPassword(t.Context(), f.again(m), []byte(goodPassword), []byte(otherPassword)); code(err) != "password-breached" {
		t.Errorf("in a change: %v", err)
	}
}
