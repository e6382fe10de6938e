package access_test

import (
	"context"
	"slices"
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

func directory() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Provisioner}, AllStores: true, Door: "http"}
}

func operators() access.Membership {
	return access.Membership{Source: "scim", Group: "Strongroom operators", Role: authz.Operator, AllStores: true}
}

func (r *room) outcome(request string) (person string, waits bool) {
	r.t.Helper()
	r.must(r.db.Read(context.Background(), func(v *db.Reader) (err error) {
		person, waits, err = r.Outcome(v, request)
		return err
	}))
	return person, waits
}

// TestObligation_2_2_1_DirectoriesOnlyAsk: what a directory wants is a request like
// any other: it gives nothing until a person approved it.
func TestObligation_2_2_1_DirectoriesOnlyAsk(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	var id string
	ask := func(spec people.Spec) (err error) {
		return r.guard.Do(context.Background(), directory(), func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(strongroom.Action{Name: "person.provision", Class: 3001, Activity: 99}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
				return err
			}
			id, err = r.AskAccountTx(tx, spec)
			return err
		})
	}
	good := personSpec().Person
	good.Source = "scim"
	r.must(ask(good))
	if person, waits := r.outcome(id); person != "" || !waits {
		t.Fatalf("%q %v", person, waits)
	}
	q, err := r.Approve(t.Context(), owner, id, "")
	r.must(err)
	if person, waits := r.outcome(id); person == "" || person != q.Spec.Subject || waits {
		t.Errorf("%q %v", person, waits)
	}
	shared := good
	shared.Email = "info@kitchen.example"
	if err := ask(shared); strongroom.KindOf(err) != strongroom.Invalid { // planted: the good one passed
		t.Errorf("a shared mailbox: %v", err)
	}
	good.Email = "another.one@kitchen.example"
	r.must(ask(good))
	r.decide(directory(), "person.provision", func(tx *guard.Tx) error { return r.WithdrawTx(tx, id) })
	if person, waits := r.outcome(id); person != "" || waits {
		t.Errorf("withdrawn: %q %v", person, waits)
	}
	if _, err := r.Approve(t.Context(), owner, id, ""); err == nil {
		t.Error("a withdrawn request was approved")
	}
}

// TestObligation_2_2_1_MembershipsOnlyAsk: a group gives a role when people approved
// it, and takes back that alone.
func TestObligation_2_2_1_MembershipsOnlyAsk(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	jane := r.someone(nil)
	m := operators()
	ensure := func() {
		r.decide(directory(), "person.provision", func(tx *guard.Tx) error { return r.EnsureTx(tx, jane.ID, m) })
	}
	retract := func() {
		r.decide(directory(), "person.provision", func(tx *guard.Tx) error { return r.RetractTx(tx, jane.ID, m) })
	}
	waiting := func() (out []access.Request) {
		t.Helper()
		all, _, err := r.Requests(t.Context(), owner, access.Query{State: access.Open})
		r.must(err)
		return all
	}
	ensure()
	ensure()
	open := waiting()
	if len(open) != 1 || len(r.rights(jane.ID).Roles) != 0 {
		t.Fatalf("%d requests wait, roles %v", len(open), r.rights(jane.ID).Roles)
	}
	if _, err := r.Approve(t.Context(), jane, open[0].ID, ""); err == nil {
		t.Error("who it is about approved it")
	}
	if _, err := r.Approve(t.Context(), owner, open[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := r.rights(jane.ID).Roles; !slices.Equal(got, []string{authz.Operator}) {
		t.Fatalf("approved: %v", got)
	}
	ensure() // held: nothing is asked
	if n := len(waiting()); n != 0 {
		t.Errorf("%d requests for what is held", n)
	}
	// Another role, asked for by hand, is none of the group's business.
	r.granted(owner, r.someone([]string{authz.Owner}), roleSpec(jane.ID, authz.Auditor))
	retract()
	if got := r.rights(jane.ID).Roles; !slices.Equal(got, []string{authz.Auditor}) {
		t.Errorf("after the group was left: %v", got)
	}
	// Left while it waits, the request is withdrawn.
	ensure()
	retract()
	if n := len(waiting()); n != 0 {
		t.Errorf("%d requests wait for who has left the group", n)
	}
	// A refusal is not asked again at each sign-in, but it is after a while.
	ensure()
	_, err := r.Refuse(t.Context(), owner, waiting()[0].ID, "not now")
	r.must(err)
	ensure()
	if n := len(waiting()); n != 0 {
		t.Errorf("asked again at once: %d", n)
	}
	r.ahead(access.AskAgain)
	ensure()
	if n := len(waiting()); n != 1 {
		t.Errorf("asked again after a while: %d", n)
	}
	if n, err := r.Orphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d grants without a case, %v", n, err)
	}
}

const editAsked = `update access_request set asked_at = asked_at + 1 where id = $1`

// TestRetractWhereTheRequestWasEdited: who edits the request of a directory does not
// keep the right that came of it when the group is left. Planted: the request of
// somebody else, edited as well, keeps what it gave.
func TestRetractWhereTheRequestWasEdited(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	jane := r.someone(nil)
	m := operators()
	r.decide(directory(), "person.provision", func(tx *guard.Tx) error { return r.EnsureTx(tx, jane.ID, m) })
	open, _, err := r.Requests(t.Context(), owner, access.Query{State: access.Open})
	r.must(err)
	_, err = r.Approve(t.Context(), owner, open[0].ID, "")
	r.must(err)
	byHand := r.granted(owner, r.someone([]string{authz.Owner}), roleSpec(jane.ID, authz.Auditor))
	for _, id := range []string{open[0].ID, byHand.ID} {
		r.exec(func(tx *db.Tx) error { _, err := tx.Exec(editAsked, id); return err })
	}
	if got := r.rights(jane.ID).Roles; !slices.Contains(got, authz.Operator) {
		t.Fatalf("before the group was left: %v", got)
	}
	r.decide(directory(), "person.provision", func(tx *guard.Tx) error { return r.RetractTx(tx, jane.ID, m) })
	if got := r.rights(jane.ID).Roles; !slices.Equal(got, []string{authz.Auditor}) {
		t.Errorf("after the group was left: %v", got)
	}
}
