package people_test

import (
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/people"
)

// TestObligation_3_2_13_PledgesAreOnesOwn: a person pledges in person. Another records a
// signed paper by its reference and is seen to have done so; a service of the person's
// own does not.
func TestObligation_3_2_13_PledgesAreOnesOwn(t *testing.T) {
	robots := map[string]string{}
	f := fresh(t, func(o *people.Options) {
		o.Proof = true
		o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b || robots[a] == b, nil }
	})
	m := f.member(t, jane())
	me, boss := f.actor(m.ID, authz.Owner), f.boss()
	me.Standing.Verified = boss.Standing.Verified
	robot := boss
	robot.ID = strongroom.NewID("usr") // who acts for her, with the right to
	robots[robot.ID] = m.ID
	signed := f.clock.Now().Add(-48 * time.Hour)
	for _, c := range []struct {
		name      string
		who       strongroom.Actor
		reference string
		code      string
	}{
		{"another, without the paper", boss, "", "reference"},
		{"another, a reference that is none", boss, "the paper in the safe", "reference"},
		{"her own other account", robot, "paper-7", "four-eyes"},
		{"an operator", f.actor(strongroom.NewID("usr"), authz.Operator), "paper-7", "denied"},
		{"planted: another, with the paper", boss, "paper-7", ""},
		{"planted: herself", me, "", ""},
	} {
		at := signed
		if c.who.ID == m.ID {
			at = time.Time{}
		}
		if err := f.RecordSigned(t.Context(), c.who, m.ID, people.Confidentiality, "2026-1", c.reference, at); code(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.code != "" {
			continue
		}
		_, s, err := f.GetStanding(t.Context(), boss, m.ID)
		if err != nil || len(s.Given) != 1 {
			t.Fatalf("%s: %+v, %v", c.name, s, err)
		}
		if g := s.Given[0]; g.By != c.who.ID || g.Reference != c.reference || !at.IsZero() && g.At.Sub(at).Abs() > time.Second {
			t.Errorf("%s is shown as %+v", c.name, g)
		}
	}
}
