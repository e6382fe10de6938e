package people_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// TestObligation_2_2_12_AKeyEndsNoOwner: a directory takes an owner out at once, with
// sessions and services, and a person decides about the end. Everybody else it ends.
func TestObligation_2_2_12_AKeyEndsNoOwner(t *testing.T) {
	roles := map[string][]string{}
	var barred []string
	f := fresh(t, holding(roles), func(o *people.Options) {
		o.Barred = []people.Hook{func(_ *guard.Tx, person string) error { barred = append(barred, person); return nil }}
	})
	chief, clerk, other := f.member(t, jane()), f.member(t, li()), f.complete(t, f.enrolling(t, people.Spec{
		Name: "Mira Okonkwo", Email: "mira@kitchen.example", Employment: people.Employee, Source: "hand"}))
	roles[chief.ID], roles[clerk.ID], roles[other.ID] = []string{authz.Security, authz.Owner}, []string{authz.Security}, []string{authz.Owner}
	f.owners = []string{chief.ID, other.ID}
	directory := strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Provisioner}, AllStores: true, Door: "http"}
	end := func(who strongroom.Actor, id string) error {
		return f.End(t.Context(), who, id, people.Cause{Kind: people.BySCIM})
	}
	if err := end(directory, chief.ID); err != nil || f.may(t, chief.ID) != "suspended" || len(f.closed) != 1 || len(barred) != 1 || barred[0] != chief.ID {
		t.Errorf("an owner: %v, may sign in: %q, closed %v, barred %v", err, f.may(t, chief.ID), f.closed, barred)
	}
	if x := f.get(t, chief.ID); x.State != people.Suspended || x.Reason != people.Directory {
		t.Errorf("%+v", x)
	}
	if err := end(directory, other.ID); code(err) != "last-owner" {
		t.Errorf("the last owner: %v", err)
	}
	if err := end(directory, clerk.ID); err != nil || f.may(t, clerk.ID) != "ended" { // planted: somebody else
		t.Errorf("somebody else: %v, %q", err, f.may(t, clerk.ID))
	}
	if err := f.Suspend(t.Context(), f.boss(), other.ID, people.Directory); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("a reason of the product, by hand: %v", err)
	}
	if err := end(f.boss(), chief.ID); err != nil || f.may(t, chief.ID) != "ended" { // planted: a person
		t.Errorf("by a person: %v, %q", err, f.may(t, chief.ID))
	}
}
