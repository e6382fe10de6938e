package policy_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/policy"
)

// TestObligation_2_3_2_OwnServiceIsNoSecond: in a test instance services may propose
// and approve; a person and the services of that person are one pair of eyes.
func TestObligation_2_3_2_OwnServiceIsNoSecond(t *testing.T) {
	hands := map[string]string{}
	same := func(_ *db.Reader, a, b string) (bool, error) {
		return a == b || hands[a] != "" && hands[a] == hands[b], nil
	}
	for name, one := range map[string]bool{"one hand": true, "planted: two hands": false} {
		t.Run(name, func(t *testing.T) {
			f := freshIn(t, strongroom.Test, same)
			jane, robot, li := f.person(authz.Owner), f.service(authz.TestEverything), f.person(authz.Owner)
			clear(hands)
			hands[jane.ID], hands[li.ID] = "jane", "li"
			if hands[robot.ID] = "another"; one {
				hands[robot.ID] = "jane"
			}
			for _, pair := range [][2]strongroom.Actor{{robot, jane}, {jane, robot}} {
				v := f.propose(pair[0], own(wider))
				_, err := f.Activate(t.Context(), pair[1], v.ID)
				if strongroom.IsKind(err, strongroom.Denied) != one || !one && err != nil {
					t.Errorf("put in force: %v", err)
				}
				if !one {
					must[policy.Version](t)(f.Activate(t.Context(), jane, f.propose(jane, own(narrower)).ID))
					continue
				}
				if _, err := f.Approve(t.Context(), pair[1], v.ID); !strongroom.IsKind(err, strongroom.Denied) {
					t.Errorf("approved: %v", err)
				}
				must[policy.Version](t)(f.Approve(t.Context(), li, v.ID))
				must[policy.Version](t)(f.Activate(t.Context(), pair[1], v.ID))
				must[policy.Version](t)(f.Activate(t.Context(), jane, f.propose(jane, own(narrower)).ID))
			}
		})
	}
}
