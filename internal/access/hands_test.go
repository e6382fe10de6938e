package access_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/identity"
)

// robot is a service of a test instance whose key somebody made.
func (r *room) robot(maker strongroom.Actor) strongroom.Actor {
	r.t.Helper()
	k, _, err := r.services.CreateKey(r.t.Context(), maker, identity.KeySpec{Label: "robot", Roles: []string{authz.TestEverything}, AllStores: true})
	r.must(err)
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: k.ID, Roles: k.Roles, AllStores: true, Door: "http"}
}

// TestObligation_2_3_2_OwnServiceIsNoSecond: in a test instance services may ask and
// decide; nobody decides about what their own service asked, and no service about what
// its own person did.
func TestObligation_2_3_2_OwnServiceIsNoSecond(t *testing.T) {
	for name, c := range map[string]struct {
		asker, approver func(r *room, jane, li strongroom.Actor) strongroom.Actor
		denied          bool
	}{
		"her service asks": {
			func(r *room, jane, _ strongroom.Actor) strongroom.Actor { return r.robot(jane) },
			func(_ *room, jane, _ strongroom.Actor) strongroom.Actor { return jane }, true},
		"her service decides": {
			func(_ *room, jane, _ strongroom.Actor) strongroom.Actor { return jane },
			func(r *room, jane, _ strongroom.Actor) strongroom.Actor { return r.robot(jane) }, true},
		"both are hers": {
			func(r *room, jane, _ strongroom.Actor) strongroom.Actor { return r.robot(jane) },
			func(r *room, jane, _ strongroom.Actor) strongroom.Actor { return r.robot(jane) }, true},
		"planted: another person": {
			func(r *room, jane, _ strongroom.Actor) strongroom.Actor { return r.robot(jane) },
			func(_ *room, _, li strongroom.Actor) strongroom.Actor { return li }, false},
		"planted: another's service": {
			func(_ *room, jane, _ strongroom.Actor) strongroom.Actor { return jane },
			func(r *room, _, li strongroom.Actor) strongroom.Actor { return r.robot(li) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := enter(t, strongroom.Test)
			jane, li := r.someone([]string{authz.Owner}), r.someone([]string{authz.Owner})
			clerk := r.someone(nil)
			q, err := r.Ask(t.Context(), c.asker(r, jane, li), roleSpec(clerk.ID, authz.Operator))
			r.must(err)
			approver := c.approver(r, jane, li)
			for what, decide := range map[string]func() (access.Request, error){
				"refused":  func() (access.Request, error) { return r.Refuse(t.Context(), approver, q.ID, "") },
				"approved": func() (access.Request, error) { return r.Approve(t.Context(), approver, q.ID, "") },
			} {
				if !c.denied && what == "refused" {
					continue
				}
				_, err := decide()
				if c.denied {
					want(t, what, err, strongroom.Denied, "")
				} else {
					r.must(err)
				}
			}
			if got := len(r.rights(clerk.ID).Roles); (got == 0) != c.denied {
				t.Errorf("%d roles were given", got)
			}
		})
	}
}
