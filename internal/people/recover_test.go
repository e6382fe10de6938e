package people_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// TestRecovery leads an only owner back in: late, loud, and not against their will.
func TestRecovery(t *testing.T) {
	var unlocked []string
	f := fresh(t, func(o *people.Options) {
		o.Recovered = []people.Hook{func(_ *guard.Tx, id string) error { unlocked = append(unlocked, id); return nil }}
	})
	m := f.member(t, jane())
	f.owners = []string{m.ID}
	owner := f.actor(m.ID, authz.Owner)
	recover := func() people.WayBack {
		t.Helper()
		r, err := f.Recover(t.Context(), maintenance(), janeMail)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	count := func() int {
		t.Helper()
		n, err := f.RecoveriesUnderWay(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	start := f.clock.Offset()
	first := recover()
	if first.Link.Token.Reveal() != "" || first.Person != m.ID || first.Due.Sub(first.Asked) != people.RecoveryDelay || count() != 1 {
		t.Fatalf("begun: %+v", first)
	}
	f.clock.SetOffset(start + people.RecoveryDelay - time.Minute)
	if r := recover(); r.Link.Token.Reveal() != "" || !r.Due.Equal(first.Due) {
		t.Errorf("a minute before: %+v", r)
	}
	if f.get(t, m.ID).State != people.Active || len(f.closed) != 0 {
		t.Error("something changed before its time")
	}

	// The owner calls it off; then it begins anew.
	if err := f.CancelRecovery(t.Context(), owner, m.ID); err != nil {
		t.Fatal(err)
	}
	if count() != 0 {
		t.Error("it goes on")
	}
	if err := f.CancelRecovery(t.Context(), owner, m.ID); code(err) != "recovery" {
		t.Errorf("called off twice: %v", err)
	}
	f.clock.SetOffset(start + people.RecoveryDelay + time.Minute)
	if r := recover(); r.Link.Token.Reveal() != "" {
		t.Error("what was called off leads in")
	}

	// A day later it is carried out, once.
	f.clock.SetOffset(f.clock.Offset() + people.RecoveryDelay)
	r := recover()
	if r.Link.Token.Reveal() == "" || count() != 0 {
		t.Fatalf("after a day: %+v", r)
	}
	if f.get(t, m.ID).State != people.Invited || f.may(t, m.ID) == "" || len(f.closed) != 1 || len(unlocked) != 1 {
		t.Errorf("afterwards the account is %s, closed %v, unlocked %v", f.get(t, m.ID).State, f.closed, unlocked)
	}
	again := f.follow(t, r.Link)
	if err := f.SetPassword(t.Context(), again, nil, []byte(otherPassword)); err != nil {
		t.Fatal(err)
	}
	f.totp(t, again)
	if _, err := f.Complete(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if f.get(t, m.ID).State != people.Active {
		t.Error("the link leads nowhere")
	}
	if r := recover(); r.Link.Token.Reveal() != "" {
		t.Error("it leads in twice")
	}
	f.clock.SetOffset(f.clock.Offset() + people.RecoveryDelay + people.RecoveryOpen + time.Second)
	if r := recover(); r.Link.Token.Reveal() != "" {
		t.Error("it leads in long after it was asked for")
	}

	var stages []string
	for _, e := range f.ground.Events(t, "person.recover") {
		if e.Outcome == audit.Success {
			stages = append(stages, fmt.Sprint(e.Notes[len(e.Notes)-1].Value))
		}
	}
	if got := strings.Join(stages, " "); got != "begun waiting begun done begun begun" {
		t.Errorf("the log says %s", got)
	}
	if strings.Contains(f.lines.String(), janeMail) {
		t.Error("the operational log names somebody")
	}
}

// TestObligation_2_2_1_RecoveryIsForNobodyElse shows who asks for it, for whom, and
// who calls it off.
func TestObligation_2_2_1_RecoveryIsForNobodyElse(t *testing.T) {
	f := fresh(t)
	a, b := f.member(t, jane()), f.member(t, li())
	f.owners = []string{a.ID, b.ID}
	if _, err := f.Recover(t.Context(), maintenance(), janeMail); code(err) != "other-owner" {
		t.Errorf("while another owner can sign in: %v", err)
	}
	f.owners = []string{a.ID}
	for what, address := range map[string]string{"no owner": li().Email, "nobody": "nobody@kitchen.example", "no address": "jane"} {
		if _, err := f.Recover(t.Context(), maintenance(), address); code(err) != "no-owner" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, role := range []string{authz.Owner, authz.Operator, authz.Security, authz.Auditor, authz.Privacy} {
		if _, err := f.Recover(t.Context(), f.actor(b.ID, role), janeMail); code(err) != "denied" {
			t.Errorf("by %s: %v", role, err)
		}
	}
	if _, err := f.Recover(t.Context(), maintenance(), janeMail); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{authz.Operator, authz.Security, authz.Auditor, authz.Privacy} {
		if err := f.CancelRecovery(t.Context(), f.actor(b.ID, role), a.ID); code(err) != "denied" {
			t.Errorf("called off by %s: %v", role, err)
		}
	}
	if list, err := f.Recoveries(t.Context(), f.boss()); err != nil || len(list) != 1 || list[0].Person != a.ID {
		t.Errorf("listed: %v, %v", list, err)
	}
	// A second owner who comes in meanwhile ends it.
	f.clock.SetOffset(people.RecoveryDelay + time.Minute)
	f.owners = []string{a.ID, b.ID}
	if _, err := f.Recover(t.Context(), maintenance(), janeMail); code(err) != "other-owner" {
		t.Errorf("with a second owner: %v", err)
	}
}

// Who can write to the database does not make a recovery due.
func TestEditedRecovery(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	f.owners = []string{m.ID}
	if _, err := f.Recover(t.Context(), maintenance(), janeMail); err != nil {
		t.Fatal(err)
	}
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`update people_recovery set asked_at = asked_at - 90000000000`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r, err := f.Recover(t.Context(), maintenance(), janeMail)
	if err != nil || r.Link.Token.Reveal() != "" || time.Until(r.Due) < people.RecoveryDelay-time.Minute {
		t.Errorf("an edited row: %+v, %v", r, err)
	}
	if f.guard.Damage().Count() != 1 {
		t.Error("nobody hears of it")
	}
}
