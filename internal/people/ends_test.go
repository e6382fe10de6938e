package people_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/people"
)

// Whatever takes a person out, or changes what they are, ends the calls under way that
// were let in before; what does not, does not.
func TestCallsUnderWayEnd(t *testing.T) {
	f := fresh(t)
	contractor, name := people.Contractor, "Jane Smith"
	id := f.member(t, jane()).ID
	for _, c := range []struct {
		what string
		ends bool
		do   func(id string) error
	}{
		{"planted: a new name", false, func(id string) error {
			_, err := f.Update(t.Context(), f.boss(), id, people.Change{Name: &name})
			return err
		}},
		{"another employment", true, func(id string) error {
			_, err := f.Update(t.Context(), f.boss(), id, people.Change{Employment: &contractor})
			return err
		}},
		{"a new password is demanded", true, func(id string) error { return f.RequireChange(t.Context(), f.boss(), id) }},
		{"suspended", true, func(id string) error { return f.Suspend(t.Context(), f.boss(), id, people.Absence) }},
		{"planted: let back in", false, func(id string) error { return f.Resume(t.Context(), f.boss(), id) }},
		{"reset", true, func(id string) error { _, err := f.Reset(t.Context(), f.boss(), id); return err }},
		{"ended", true, func(id string) error { return f.End(t.Context(), f.boss(), id, people.Cause{Kind: people.ByHand}) }},
	} {
		under := strongroom.Actor{Kind: strongroom.PersonActor, ID: id, Seen: f.guard.Turn()}
		if err := c.do(id); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := f.guard.Current(under) != nil; got != c.ends {
			t.Errorf("%s: a call under way ends: %v", c.what, got)
		}
	}
}
