package access_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

const (
	byHand        = `insert into access_grant (id, subject, role, request, from_at, until_at, ended_at, sealed) values ($1, $2, 'owner', $3, $4, 0, 0, $5)`
	copyOf        = `insert into access_grant (id, subject, role, request, from_at, until_at, ended_at, sealed) select $2, $3, role, request, from_at, until_at, ended_at, sealed from access_grant where id = $1`
	raiseRole     = `update access_grant set role = 'owner' where id = $1`
	longer        = `update access_grant set until_at = 0 where id = $1`
	dropCase      = `delete from access_request where id = $1`
	approveByHand = `update access_request set state = 2, decided_at = $2 where id = $1`
	reopen        = `update access_request set state = 1 where id = $1`
)

// Every right has a request, an approval by another person, and a grant, and no
// other way leads to one (DPP 2.2.1).
func TestObligation_2_2_1_NoGrantWithoutCase(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	clerk := r.someone(nil)
	q := r.granted(clerk, owner, roleSpec(clerk.ID, authz.Operator))
	if q.State != access.Approved || q.Decider != owner.ID || q.Founding || len(q.Made) != 1 {
		t.Errorf("%+v", q)
	}
	if got := r.rights(clerk.ID); !slices.Equal(got.Roles, []string{authz.Operator}) || !got.AllStores {
		t.Errorf("rights %+v", got)
	}
	if e := r.last("request.approve"); e.Resource.ID != q.ID || e.Actor.ID != owner.ID {
		t.Errorf("event %+v", e)
	}
	orphans := func() int {
		t.Helper()
		n, err := r.Orphans(t.Context())
		r.must(err)
		return n
	}
	if n := orphans(); n != 0 {
		t.Fatalf("%d grants without a case", n)
	}
	// Planted: rows written by hand give nothing and are counted.
	thief := r.someone(nil)
	for i, forge := range []func(tx *db.Tx) (int64, error){
		func(tx *db.Tx) (int64, error) {
			return tx.Exec(byHand, strongroom.NewID("grt"), thief.ID, q.ID, db.Micros(r.clock.Now()), []byte("sealed?"))
		},
		func(tx *db.Tx) (int64, error) { return tx.Exec(copyOf, q.Made[0], strongroom.NewID("grt"), thief.ID) },
		func(tx *db.Tx) (int64, error) {
			return tx.Exec(copyOf, q.Made[0], strongroom.NewID("grt"), clerk.ID)
		},
	} {
		r.exec(func(tx *db.Tx) error { _, err := forge(tx); return err })
		if n := orphans(); n != i+1 {
			t.Errorf("forgery %d: %d grants without a case", i, n)
		}
	}
	if got := r.rights(thief.ID); got.Roles != nil {
		t.Errorf("a forged row gives %+v", got)
	}
	if got := r.rights(clerk.ID); len(got.Roles) != 1 {
		t.Errorf("a copied row gives %+v", got)
	}
	list, _, err := r.Grants(t.Context(), owner, access.GrantQuery{Person: thief.ID})
	if err != nil || len(list) != 2 || !list[0].Damaged || !list[1].Damaged {
		t.Errorf("%+v, %v", list, err)
	}
	r.must(r.Revoke(t.Context(), owner, list[0].ID))
	if n := orphans(); n != 2 {
		t.Errorf("%d grants without a case after one was ended", n)
	}
	for name, change := range map[string]string{"a raised role": raiseRole, "a case that is gone": dropCase, "a case reopened": reopen} {
		other := r.someone(nil)
		q := r.granted(other, owner, roleSpec(other.ID, authz.Auditor))
		id := q.Made[0]
		if change != raiseRole {
			id = q.ID
		}
		before := orphans()
		r.exec(func(tx *db.Tx) error {
			switch change {
			case raiseRole:
				_, err := tx.Exec(raiseRole, id)
				return err
			case dropCase:
				_, err := tx.Exec(dropCase, id)
				return err
			}
			_, err := tx.Exec(reopen, id)
			return err
		})
		if got := r.rights(other.ID); got.Roles != nil || orphans() != before+1 {
			t.Errorf("%s: rights %+v, %d orphans more", name, got, orphans()-before)
		}
	}
}

// Who approves is another one, holds what is given, and reaches as far.
func TestApproval(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner, second := r.found(), r.someone([]string{authz.Owner})
	security, privacy, operator := r.someone([]string{authz.Security}), r.someone([]string{authz.Privacy}), r.someone([]string{authz.Operator})
	nearby := r.someone([]string{authz.Owner}, storeA)
	clerk := r.someone(nil)
	unpledged := r.someone([]string{authz.Privacy})
	unpledged.Standing.Pledged = false
	forStore := func(store string) access.Spec {
		s := roleSpec(clerk.ID, authz.Auditor)
		s.AllStores, s.Stores = false, []string{store}
		return s
	}
	for name, c := range map[string]struct {
		asker, approver strongroom.Actor
		spec            access.Spec
		code            string // of the denial; empty is allowed
	}{
		"another owner":                {owner, second, roleSpec(clerk.ID, authz.Privacy), ""},
		"who asked":                    {owner, owner, roleSpec(clerk.ID, authz.Privacy), "denied"},
		"whom it is about":             {clerk, second, roleSpec(second.ID, authz.Privacy), "denied"},
		"who will own the service":     {owner, second, serviceSpec(second.ID), "denied"},
		"no right to decide":           {clerk, operator, roleSpec(clerk.ID, authz.Operator), "denied"},
		"a role they hold":             {clerk, security, roleSpec(clerk.ID, authz.Security), ""},
		"a role they do not hold":      {clerk, security, roleSpec(clerk.ID, authz.Privacy), "beyond"},
		"a role above":                 {clerk, security, roleSpec(clerk.ID, authz.Owner), "beyond"},
		"a service's role not held":    {clerk, security, serviceSpec(clerk.ID), "beyond"},
		"a service by an owner":        {clerk, owner, serviceSpec(clerk.ID), ""},
		"all stores by one with one":   {clerk, nearby, roleSpec(clerk.ID, authz.Auditor), "stores"},
		"another store":                {clerk, nearby, forStore(storeB), "stores"},
		"their store":                  {clerk, nearby, forStore(storeA), ""},
		"a short right by privacy":     {clerk, privacy, rightSpec(), ""},
		"by who may open none herself": {clerk, unpledged, rightSpec(), "beyond"},
	} {
		q, err := r.Ask(t.Context(), c.asker, c.spec)
		r.must(err)
		done, err := r.Approve(t.Context(), c.approver, q.ID, "")
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code == "denied": // by the policies
			want(t, name, err, strongroom.Denied, "")
		case c.code != "":
			want(t, name, err, strongroom.Denied, c.code)
		}
		if err != nil {
			if _, err := r.Withdraw(t.Context(), c.asker, q.ID); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, g := range done.Made {
			if strings.HasPrefix(g, "grt_") {
				r.must(r.Revoke(t.Context(), owner, g))
			}
		}
	}
	if _, err := r.Approve(t.Context(), owner, strongroom.NewID("req"), ""); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := r.Approve(t.Context(), operator, "jane.doe@example.com", ""); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("what is no id, by one who may not: %v", err)
	}
}

func TestRequestsEnd(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	clerk := r.someone(nil)
	ask := func() string {
		t.Helper()
		q, err := r.Ask(t.Context(), clerk, roleSpec(clerk.ID, authz.Auditor))
		r.must(err)
		return q.ID
	}
	refused, withdrawn, late, stopped := ask(), ask(), ask(), ask()
	if _, err := r.Refuse(t.Context(), owner, refused, "not needed"); err != nil {
		t.Error(err)
	}
	if _, err := r.Withdraw(t.Context(), r.someone(nil), withdrawn); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("a stranger withdraws: %v", err)
	}
	if _, err := r.Withdraw(t.Context(), clerk, withdrawn); err != nil {
		t.Error(err)
	}
	if _, err := r.Refuse(t.Context(), owner, stopped, "call 206-555-0164"); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("a remark with a number: %v", err)
	}
	r.ahead(access.RequestLife)
	for _, id := range []string{refused, withdrawn, late} {
		_, err := r.Approve(t.Context(), owner, id, "")
		want(t, id, err, strongroom.Conflict, "request-state")
	}
	if n, _, err := r.Expire(t.Context()); n != 2 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	if n, _, err := r.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d expired again, %v", n, err)
	}
	list, _, err := r.Requests(t.Context(), clerk, access.Query{Own: true})
	if err != nil || len(list) != 4 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, q := range list {
		wantState := map[string]access.State{refused: access.Refused, withdrawn: access.Withdrawn, late: access.Expired, stopped: access.Expired}[q.ID]
		if q.State != wantState || q.Spec.Reason != "" || q.Remark != "" {
			t.Errorf("%+v", q)
		}
	}
	full, err := r.Request(t.Context(), clerk, refused)
	if err != nil || full.Remark != "not needed" || full.Spec.Reason == "" {
		t.Errorf("%+v, %v", full, err)
	}
	if _, _, err := r.Requests(t.Context(), clerk, access.Query{}); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("a clerk lists the others': %v", err)
	}
	if list, _, err = r.Requests(t.Context(), owner, access.Query{State: access.Refused}); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	for range access.MaxOpen {
		ask()
	}
	_, err = r.Ask(t.Context(), clerk, roleSpec(clerk.ID, authz.Auditor))
	want(t, "one too many", err, strongroom.Exhausted, "request-open")
}

func TestAskRefuses(t *testing.T) {
	r := enter(t, strongroom.Production)
	clerk, other := r.someone(nil), r.someone(nil)
	untrained := r.someone(nil)
	r.stand(untrained.ID, person{active: true, pledged: true})
	ended := r.someone(nil)
	r.stand(ended.ID, person{ended: true})
	role := func(change func(*access.Spec)) access.Spec {
		s := roleSpec(clerk.ID, authz.Auditor)
		change(&s)
		return s
	}
	right := func(change func(*access.Spec)) access.Spec { s := rightSpec(); change(&s); return s }
	account := func(change func(*access.Spec)) access.Spec { s := personSpec(); change(&s); return s }
	for name, c := range map[string]struct {
		spec access.Spec
		kind strongroom.Kind
		code string
	}{
		"no kind":                {access.Spec{Reason: "because"}, strongroom.Invalid, "kind"},
		"no reason":              {role(func(s *access.Spec) { s.Reason = "" }), strongroom.Invalid, "reason"},
		"a personal reason":      {role(func(s *access.Spec) { s.Reason = "for jane.doe@example.com" }), strongroom.Invalid, "reason"},
		"a reason with markup":   {role(func(s *access.Spec) { s.Reason = "see <b>here</b>" }), strongroom.Invalid, "reason"},
		"a reason of two lines":  {role(func(s *access.Spec) { s.Reason = "one\ntwo" }), strongroom.Invalid, "reason"},
		"an unknown role":        {role(func(s *access.Spec) { s.Roles = []string{"admin"} }), strongroom.Invalid, "roles"},
		"a role of services":     {role(func(s *access.Spec) { s.Roles = []string{authz.Application} }), strongroom.Invalid, "roles"},
		"the product's role":     {role(func(s *access.Spec) { s.Roles = []string{authz.SystemRole} }), strongroom.Invalid, "roles"},
		"the role on the spot":   {role(func(s *access.Spec) { s.Roles = []string{authz.Maintenance} }), strongroom.Invalid, "roles"},
		"a role twice":           {role(func(s *access.Spec) { s.Roles = []string{authz.Auditor, authz.Auditor} }), strongroom.Invalid, "roles"},
		"stores and all":         {role(func(s *access.Spec) { s.Stores = []string{storeA} }), strongroom.Invalid, "stores"},
		"no such store":          {role(func(s *access.Spec) { s.AllStores, s.Stores = false, []string{strongroom.NewID("str")} }), strongroom.NotFound, "store"},
		"a role for nobody":      {role(func(s *access.Spec) { s.Subject = "" }), strongroom.Invalid, "subject"},
		"a role for a leaver":    {role(func(s *access.Spec) { s.Subject = ended.ID }), strongroom.NotFound, "person"},
		"a shared mailbox":       {account(func(s *access.Spec) { s.Person.Email = "support@example.com" }), strongroom.Invalid, ""},
		"a shared name":          {account(func(s *access.Spec) { s.Person.Name = "Admin" }), strongroom.Invalid, ""},
		"no employment":          {account(func(s *access.Spec) { s.Person.Employment = "" }), strongroom.Invalid, "employment"},
		"a service without one":  {serviceSpec(""), strongroom.Invalid, "owner"},
		"no reference":           {right(func(s *access.Spec) { s.Right.Reference = "" }), strongroom.Invalid, "reference"},
		"a personal reference":   {right(func(s *access.Spec) { s.Right.Reference = "206-555-0164" }), strongroom.Invalid, "reference"},
		"a reference with space": {right(func(s *access.Spec) { s.Right.Reference = "order 1" }), strongroom.Invalid, "reference"},
		"an unknown purpose":     {right(func(s *access.Spec) { s.Right.Purpose = "marketing" }), strongroom.Invalid, "purpose"},
		"an unknown class":       {right(func(s *access.Spec) { s.Right.Classes = []string{"everything"} }), strongroom.Invalid, "classes"},
		"nine hours":             {right(func(s *access.Spec) { s.Right.Duration = 9 * time.Hour }), strongroom.Invalid, "duration"},
		"for an untrained":       {right(func(s *access.Spec) { s.Subject = untrained.ID }), strongroom.Conflict, "gates"},
		"for a service":          {right(func(s *access.Spec) { s.Subject = strongroom.NewID("svc") }), strongroom.Invalid, "subject"},
	} {
		_, err := r.Ask(t.Context(), clerk, c.spec)
		want(t, name, err, c.kind, c.code)
		if err != nil && strings.Contains(err.Error(), "jane") {
			t.Errorf("%s: the fault repeats what was sent: %v", name, err)
		}
	}
	s := glassSpec()
	s.Subject = other.ID
	_, err := r.Ask(t.Context(), r.someone([]string{authz.Operator}), s)
	want(t, "the glass for another", err, strongroom.Invalid, "subject")
	_, err = r.Ask(t.Context(), clerk, glassSpec())
	want(t, "the glass by one without a role", err, strongroom.Denied, "")
}

// Names, addresses and reasons are nowhere in clear, and leave the request when it
// is decided.
func TestPersonalPartIsSealedAndGoes(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	second := r.someone([]string{authz.Owner})
	q, err := r.Ask(t.Context(), second, personSpec(authz.Operator))
	r.must(err)
	open, err := r.Request(t.Context(), owner, q.ID)
	if err != nil || open.Spec.Person.Name != "Jane Doe" {
		t.Fatalf("the approver sees %+v, %v", open.Spec.Person, err)
	}
	if x, err := r.Request(t.Context(), r.someone([]string{authz.Auditor}), q.ID); err != nil || x.Spec.Person.Name != "" || x.Spec.Reason == "" {
		t.Errorf("the auditor sees %+v, %v", x.Spec, err)
	}
	done, err := r.Approve(t.Context(), owner, q.ID, "")
	r.must(err)
	id := done.Made[0]
	if r.added[id].Name != "Jane Doe" || r.added[id].Source != "hand" {
		t.Errorf("the account is %+v", r.added[id])
	}
	if got := r.rights(id); !slices.Equal(got.Roles, []string{authz.Operator}) {
		t.Errorf("rights %+v", got)
	}
	closed, err := r.Request(t.Context(), owner, q.ID)
	if err != nil || closed.Spec.Person.Name != "" || closed.Spec.Person.Email != "" || closed.Spec.Subject != id {
		t.Errorf("%+v, %v", closed, err)
	}
	disk := r.ground.Disk(t, nil)
	if !bytes.Contains(disk, []byte(q.ID)) {
		t.Error("the search finds nothing at all")
	}
	for _, secret := range []string{"Jane", "jane.doe", "joins the desk"} {
		if bytes.Contains(disk, []byte(secret)) {
			t.Errorf("%q is at rest in clear", secret)
		}
	}
}

// The case of an account works with the real register of people, and a leaver's
// rights, requests and keys die in the commit that ends the account (DPP 2.2.12).
func TestObligation_2_2_12_LeaverLosesRights(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.found()
	leaver := r.now(func() strongroom.Actor {
		x := r.someone(nil)
		r.granted(owner, r.someone([]string{authz.Owner}), roleSpec(x.ID, authz.Privacy))
		return x
	}())
	r.granted(leaver, owner, func() access.Spec { s := rightSpec(); return s }())
	open, err := r.Ask(t.Context(), leaver, rightSpec())
	r.must(err)
	about, err := r.Ask(t.Context(), owner, roleSpec(leaver.ID, authz.Security))
	r.must(err)
	mine, err := r.Ask(t.Context(), owner, roleSpec(owner.ID, authz.Auditor))
	r.must(err)
	if g := r.rights(leaver.ID); len(g.Roles) != 1 || len(g.Elevations) != 1 { // planted: there is something to lose
		t.Fatalf("%+v", g)
	}
	r.changed = nil
	r.decide(owner, "person.end", func(tx *guard.Tx) error { return r.EndTx(tx, leaver.ID) })
	if g := r.rights(leaver.ID); len(g.Roles)+len(g.Elevations) > 0 {
		t.Errorf("a leaver has %+v", g)
	}
	if !slices.Contains(r.changed, leaver.ID) {
		t.Error("nobody heard that the rights changed")
	}
	for _, id := range []string{open.ID, about.ID} {
		_, err := r.Approve(t.Context(), r.someone([]string{authz.Owner}), id, "")
		want(t, "a request of a leaver", err, strongroom.Conflict, "request-state")
	}
	if q, err := r.Request(t.Context(), owner, mine.ID); err != nil || q.State != access.Open {
		t.Errorf("another's request is %s, %v", q.State, err)
	}
	if n, err := r.Orphans(context.Background()); n != 0 || err != nil {
		t.Errorf("%d orphans, %v", n, err)
	}
}

// A row that somebody changed stands in the list by its id, and the others with it.
func TestDamagedRequestStandsAlone(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner, clerk := r.found(), r.someone(nil)
	bad, err := r.Ask(t.Context(), clerk, roleSpec(clerk.ID, authz.Auditor))
	r.must(err)
	r.exec(func(tx *db.Tx) error { _, err := tx.Exec(approveByHand, bad.ID, db.Micros(r.clock.Now())); return err })
	list, _, err := r.Requests(t.Context(), owner, access.Query{})
	if err != nil || len(list) != 2 || list[0].Damaged == list[1].Damaged {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := r.Approve(t.Context(), owner, bad.ID, ""); err == nil {
		t.Error("a damaged request is approved")
	}
	r.ahead(access.RequestLife)
	if n, _, err := r.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
}

// Who has not been approved reaches nothing: before the approval, after a refusal,
// and when the right is over (DPP 2.1.5).
func TestObligation_2_1_5_ApprovedUsersOnly(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner, clerk := r.found(), r.someone(nil)
	reach := func() (out []string) {
		t.Helper()
		who := r.now(clerk)
		for _, a := range authz.Actions() {
			if a.Name == "request.ask" {
				continue // everybody may ask
			}
			err := r.guard.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
				return tx.Allow(strongroom.Action{Name: a.Name, Class: 6003, Activity: 1}, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{})
			})
			if err == nil {
				out = append(out, a.Name)
			} else if !strongroom.IsKind(err, strongroom.Denied) {
				t.Fatal(err)
			}
		}
		return out
	}
	ask := func() string {
		t.Helper()
		q, err := r.Ask(t.Context(), clerk, roleSpec(clerk.ID, authz.Auditor))
		r.must(err)
		return q.ID
	}
	waiting, refused := ask(), ask()
	_, err := r.Refuse(t.Context(), owner, refused, "")
	r.must(err)
	if got := reach(); len(got) > 0 {
		t.Errorf("before the approval: %v", got)
	}
	q, err := r.Approve(t.Context(), owner, waiting, "")
	r.must(err)
	if got := reach(); len(got) < 5 { // planted: who is approved reaches something
		t.Errorf("after the approval: %v", got)
	}
	r.must(r.Revoke(t.Context(), owner, q.Made[0]))
	if got := reach(); len(got) > 0 {
		t.Errorf("after the end: %v", got)
	}
}
