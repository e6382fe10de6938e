package lifecycle_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/lifecycle"
)

func TestCitation(t *testing.T) {
	for _, s := range []string{
		"GDPR Art. 15(1)", "AO § 147", "incident 2026-0007", "§§ 147, 257 HGB", "Código de Comercio Art. 49", "Ley 1581 de 2012, art. 15",
		"DSGVO Art. 15 Abs. 1", "C-311/18", "AG Hamburg 12 O 345/26", "18 U.S.C. § 2703(d)", "LGPD Art. 18, II", "N° 2016-1321", "Łódź 4/26",
		strings.Repeat("a", 119) + "1",
	} {
		if err := lifecycle.CheckCitation(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "A1", " AO § 147", "AO § 147 ", "AO  § 147", "AO\t147", "AO\n147", "147", "because my boss asked", "GDPR Art. 15\x00", "Ст. 15",
		"GDPR <b>15</b>", `GDPR "15"`, "A = 15", "Art. 15 €", "e\u0301tat 15", strings.Repeat("a", 120) + "1", "AO \u00d7 147", "a\xff15",
		"jane.doe@example.com 15", "call 206-555-0164", "card 4000002760003184", "DE89370400440532013000",
	} {
		err := lifecycle.CheckCitation(s)
		want(t, err, strongroom.Invalid, "citation")
		if len(s) > 10 && strings.Contains(err.Error(), s) { // the short ones are in its advice
			t.Errorf("the error repeats %q", s)
		}
	}
}

func FuzzCitation(f *testing.F) {
	f.Add("GDPR Art. 15(1)")
	f.Add("AO § 147")
	f.Add("a@b.c 1")
	f.Fuzz(func(t *testing.T, s string) {
		if lifecycle.CheckCitation(s) == nil && (strings.ContainsAny(s, "@<>\"\\\n\r\t%=") || len(s) > 4*120) {
			t.Errorf("%q is no citation", s)
		}
	})
}

// A case of a shopper's request is due in a month, that of a legal duty when it
// says; both have a latest date.
func TestDueDate(t *testing.T) {
	r := enter(t)
	open := func(p strongroom.Purpose, due time.Time) (time.Time, error) {
		c, err := r.Open(context.Background(), as(authz.Privacy), lifecycle.CaseSpec{Purpose: p, Citation: "AO § 147", Due: due})
		return c.Due, err
	}
	for _, c := range []struct{ now, due string }{
		{"2026-12-31T09:00:00Z", "2027-01-31T09:00:00Z"},
		{"2027-01-31T09:00:00Z", "2027-02-28T09:00:00Z"}, // the month is shorter: its last day
		{"2028-01-30T09:00:00Z", "2028-02-29T09:00:00Z"},
		{"2028-02-29T09:00:00Z", "2028-03-29T09:00:00Z"},
	} {
		r.set(c.now)
		due, err := open(strongroom.SubjectRequest, time.Time{})
		r.must(err)
		if d := due.Sub(date(c.due)); d < 0 || d > time.Minute {
			t.Errorf("opened at %s it is due at %v, want %s", c.now, due, c.due)
		}
	}
	r.set("2028-03-01T00:00:00Z")
	for _, c := range []struct {
		purpose strongroom.Purpose
		due     string
		ok      bool
	}{
		{strongroom.SubjectRequest, "2028-03-10T00:00:00Z", true},
		{strongroom.SubjectRequest, "2028-04-02T00:00:00Z", false},
		{strongroom.SubjectRequest, "2028-02-29T00:00:00Z", false},
		{strongroom.LegalDuty, "2029-02-28T00:00:00Z", true},
		{strongroom.LegalDuty, "2029-03-02T00:00:00Z", false},
		{strongroom.LegalDuty, "2028-02-29T00:00:00Z", false},
	} {
		due, err := open(c.purpose, date(c.due))
		if (err == nil) != c.ok || c.ok && !due.Equal(date(c.due)) {
			t.Errorf("%s due at %s: %v, %v", c.purpose, c.due, due, err)
		}
		if !c.ok {
			want(t, err, strongroom.Invalid, "due")
		}
	}
	_, err := open(strongroom.LegalDuty, time.Time{})
	want(t, err, strongroom.Invalid, "due")
}

// TestObligation_3_1_2_Cases: a legal duty and a shopper's request open records
// only while their own case is open, for its stores and before its due date.
func TestObligation_3_1_2_Cases(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	privacy := as(authz.Privacy)
	one, err := r.Open(ctx, privacy, lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: "GDPR Art. 15(1)", Store: r.known})
	r.must(err)
	duty, err := r.Open(ctx, as(authz.Security, r.known, strongroom.NewID("str")), lifecycle.CaseSpec{
		Purpose: strongroom.LegalDuty, Citation: "incident 2026-0007", Due: r.clock.Now().AddDate(0, 0, 10),
	})
	r.must(err)
	all, other := r.opened(), strongroom.NewID("str")
	// The planted negatives: each opens what it is for.
	r.must(r.check(one.ID, strongroom.SubjectRequest, r.known))
	r.must(r.check(duty.ID, strongroom.LegalDuty, r.known))
	r.must(r.check(all.ID, strongroom.SubjectRequest, other))

	want(t, r.check(strongroom.NewID("cas"), strongroom.SubjectRequest, r.known), strongroom.Denied, "case")
	want(t, r.check(one.ID, strongroom.LegalDuty, r.known), strongroom.Denied, "case-purpose")
	want(t, r.check(duty.ID, strongroom.SubjectRequest, r.known), strongroom.Denied, "case-purpose")
	want(t, r.check(all.ID, strongroom.Fulfilment, r.known), strongroom.Denied, "case-purpose")
	want(t, r.check(one.ID, strongroom.SubjectRequest, other), strongroom.Denied, "case-store")
	want(t, r.check(duty.ID, strongroom.LegalDuty, other), strongroom.Denied, "case-store")

	r.set("2026-11-30T11:59:59Z")
	r.must(r.check(duty.ID, strongroom.LegalDuty, r.known))
	r.set("2026-11-30T12:01:00Z")
	want(t, r.check(duty.ID, strongroom.LegalDuty, r.known), strongroom.Denied, "case-overdue")
	r.must(r.check(one.ID, strongroom.SubjectRequest, r.known))
	c, err := r.Close(ctx, privacy, one.ID, lifecycle.CloseAnswered)
	r.must(err)
	if c.State != lifecycle.CaseClosed || c.Closed.IsZero() || c.ClosedFor != lifecycle.CloseAnswered {
		t.Errorf("closed: %+v", c)
	}
	want(t, r.check(one.ID, strongroom.SubjectRequest, r.known), strongroom.Denied, "case-closed")
	r.must(r.check(all.ID, strongroom.SubjectRequest, r.known))
}

func TestExtendOnce(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	privacy := as(authz.Privacy)
	c := r.opened()
	_, err := r.Extend(ctx, privacy, c.ID, "holidays")
	want(t, err, strongroom.Invalid, "reason")
	longer, err := r.Extend(ctx, privacy, c.ID, lifecycle.ExtendComplexity)
	r.must(err)
	if longer.Due.Format("2006-01-02") != "2027-02-20" || longer.ExtendedFor != lifecycle.ExtendComplexity || longer.Extended.IsZero() {
		t.Errorf("extended to %+v", longer)
	}
	got, err := r.Get(ctx, privacy, c.ID)
	r.must(err)
	if fmt.Sprint(got) != fmt.Sprint(longer) || got.Citation != "GDPR Art. 15(1)" {
		t.Errorf("stored %+v, answered %+v", got, longer)
	}
	_, err = r.Extend(ctx, privacy, c.ID, lifecycle.ExtendNumber)
	want(t, err, strongroom.Conflict, "case-extended")

	duty, err := r.Open(ctx, privacy, lifecycle.CaseSpec{Purpose: strongroom.LegalDuty, Citation: "AO § 147", Due: r.clock.Now().AddDate(0, 1, 0)})
	r.must(err)
	_, err = r.Extend(ctx, privacy, duty.ID, lifecycle.ExtendComplexity)
	want(t, err, strongroom.Conflict, "case-purpose")
	closed, late := r.opened(), r.opened()
	_, err = r.Close(ctx, privacy, closed.ID, lifecycle.CloseWithdrawn)
	r.must(err)
	_, err = r.Extend(ctx, privacy, closed.ID, lifecycle.ExtendComplexity)
	want(t, err, strongroom.Conflict, "case-closed")
	r.set("2026-12-20T12:01:00Z")
	_, err = r.Extend(ctx, privacy, late.ID, lifecycle.ExtendComplexity)
	want(t, err, strongroom.Conflict, "case-overdue")
	r.must(r.check(c.ID, strongroom.SubjectRequest, r.known)) // the extended one goes on
	r.set("2027-02-20T12:01:00Z")
	want(t, r.check(c.ID, strongroom.SubjectRequest, r.known), strongroom.Denied, "case-overdue")
	if _, err = r.Close(ctx, privacy, late.ID, lifecycle.CloseAnswered); err != nil {
		t.Errorf("an overdue case is not closed: %v", err)
	}
}

func TestCloseIsForGood(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	c := r.opened()
	_, err := r.Close(ctx, as(authz.Privacy), c.ID, "done")
	want(t, err, strongroom.Invalid, "reason")
	first, err := r.Close(ctx, as(authz.Privacy), c.ID, lifecycle.CloseRefused)
	r.must(err)
	r.set("2026-11-21T12:00:00Z")
	again, err := r.Close(ctx, as(authz.Privacy), c.ID, lifecycle.CloseRefused)
	r.must(err)
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Errorf("closed again: %+v, first %+v", again, first)
	}
	_, err = r.Close(ctx, as(authz.Privacy), c.ID, lifecycle.CloseAnswered)
	want(t, err, strongroom.Conflict, "case-closed")
	for _, id := range []string{strongroom.NewID("cas"), "cas_7", "jane@example.com", ""} {
		_, err = r.Close(ctx, as(authz.Privacy), id, lifecycle.CloseAnswered)
		want(t, err, strongroom.NotFound, "case")
	}
}

// TestCasesOfOthers: what a role may not do is denied, and nobody handles a case
// that reaches further than they do.
func TestCasesOfOthers(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	spec := lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: "GDPR Art. 15(1)"}
	duty := lifecycle.CaseSpec{Purpose: strongroom.LegalDuty, Citation: "AO § 147", Due: r.clock.Now().AddDate(0, 1, 0)}
	all, other := r.opened(), strongroom.NewID("str")
	for _, role := range authz.Roles() {
		if role == authz.SystemRole || role == authz.TestEverything {
			continue
		}
		_, err := r.Open(ctx, as(role), spec)
		if ok := role == authz.Privacy; ok != (err == nil) {
			t.Errorf("%s opens a shopper's request: %v", role, err)
		}
		_, err = r.Open(ctx, as(role), duty)
		if ok := role == authz.Privacy || role == authz.Security || role == authz.Owner; ok != (err == nil) {
			t.Errorf("%s opens a legal duty: %v", role, err)
		}
		_, err = r.Get(ctx, as(role), all.ID)
		if ok := slices.Contains([]string{authz.Owner, authz.Privacy, authz.Security, authz.Auditor}, role); ok != (err == nil) {
			t.Errorf("%s reads a case: %v", role, err)
		}
		if role != authz.Privacy {
			_, err = r.Close(ctx, as(role), all.ID, lifecycle.CloseAnswered)
			want(t, err, strongroom.Denied, "denied")
			_, err = r.Extend(ctx, as(role), all.ID, lifecycle.ExtendNumber)
			want(t, err, strongroom.Denied, "denied")
		}
	}
	here := as(authz.Privacy, r.known)
	_, err := r.Close(ctx, here, all.ID, lifecycle.CloseAnswered)
	want(t, err, strongroom.Denied, "stores")
	_, err = r.Get(ctx, here, all.ID)
	want(t, err, strongroom.Denied, "stores")
	if list, _, err := r.List(ctx, here, lifecycle.CaseQuery{}); err != nil || len(list) != 0 {
		t.Errorf("somebody at one store lists %d cases of all, %v", len(list), err)
	}
	mine, err := r.Open(ctx, here, spec) // of the stores its opener sees
	r.must(err)
	if mine.All || len(mine.Stores) != 1 {
		t.Errorf("opened %+v", mine)
	}
	want(t, r.check(mine.ID, strongroom.SubjectRequest, other), strongroom.Denied, "case-store")
	r.must(r.check(mine.ID, strongroom.SubjectRequest, r.known))
	there := as(authz.Privacy, other)
	_, err = r.Get(ctx, there, mine.ID)
	want(t, err, strongroom.Denied, "stores")
	spec.Store = r.known
	_, err = r.Open(ctx, there, spec)
	want(t, err, strongroom.Denied, "denied")
	one, err := r.Open(ctx, here, spec)
	r.must(err)
	_, err = r.Close(ctx, there, one.ID, lifecycle.CloseAnswered)
	want(t, err, strongroom.Denied, "denied")
	spec.Store = other
	_, err = r.Open(ctx, as(authz.Privacy), spec)
	want(t, err, strongroom.NotFound, "store")
	nowhere := as(authz.Privacy)
	nowhere.AllStores, spec.Store = false, ""
	_, err = r.Open(ctx, nowhere, spec)
	want(t, err, strongroom.Denied, "stores")
	if list, _, err := r.List(ctx, here, lifecycle.CaseQuery{}); err != nil || len(list) != 2 {
		t.Errorf("somebody at one store lists %d cases, want his 2: %v", len(list), err)
	}
}

func TestCasePages(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	var ids []string
	for range 5 {
		ids = append(ids, r.opened().ID)
	}
	_, err := r.Close(ctx, as(authz.Privacy), ids[1], lifecycle.CloseAnswered)
	r.must(err)
	walk := func(open bool) (got []string) {
		for cursor := ""; ; {
			list, next, err := r.List(ctx, as(authz.Auditor), lifecycle.CaseQuery{Open: open, Cursor: cursor, Limit: 2})
			r.must(err)
			for _, c := range list {
				got = append(got, c.ID)
			}
			if cursor = next; next == "" {
				return got
			}
		}
	}
	if got := walk(false); fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("listed %v, want %v", got, ids)
	}
	if got := walk(true); fmt.Sprint(got) != fmt.Sprint(append(ids[:1:1], ids[2:]...)) {
		t.Errorf("open ones %v", got)
	}
	for _, cursor := range []string{"x", strongroom.NewID("cas")} {
		_, _, err = r.List(ctx, as(authz.Auditor), lifecycle.CaseQuery{Cursor: cursor})
		want(t, err, strongroom.Invalid, "cursor")
	}
}

// TestEditedCaseOpensNothing edits every column of a case behind the product's
// back: it opens nothing and cannot be read.
func TestEditedCaseOpensNothing(t *testing.T) {
	r := enter(t)
	a, b := r.opened(), r.opened()
	_, err := r.Close(context.Background(), as(authz.Privacy), b.ID, lifecycle.CloseAnswered)
	r.must(err)
	r.must(r.check(a.ID, strongroom.SubjectRequest, r.known)) // the planted negative
	later := db.Micros(a.Due.AddDate(1, 0, 0))
	for name, edit := range map[string]func(tx *db.Tx) (int64, error){
		"closed case opened again": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set closed_at = 0, closed_for = 0 where id = $1", b.ID)
		},
		"due": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set due_at = $2 where id = $1", a.ID, later)
		},
		"purpose": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set purpose = 1 where id = $1", a.ID)
		},
		"store": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set store = $2 where id = $1", a.ID, r.known)
		},
		"opener": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set opener = 'uid:0' where id = $1", a.ID)
		},
		"extended": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set extended_at = 1 where id = $1", a.ID)
		},
		"sealed of another": func(tx *db.Tx) (int64, error) {
			return tx.Exec("update lifecycle_case set sealed = (select sealed from lifecycle_case where id = $2) where id = $1", a.ID, b.ID)
		},
	} {
		id, purpose := a.ID, strongroom.SubjectRequest
		if strings.Contains(name, "closed") {
			id = b.ID
		}
		if name == "purpose" {
			purpose = strongroom.LegalDuty
		}
		r.exec(func(tx *db.Tx) error {
			n, err := edit(tx)
			if err == nil && n != 1 {
				t.Fatalf("%s: %d rows", name, n)
			}
			return err
		})
		want(t, r.check(id, purpose, r.known), strongroom.Internal, "case-sealed")
		if _, err := r.Get(context.Background(), as(authz.Privacy), id); err == nil {
			t.Errorf("%s: it can be read", name)
		}
		a = r.opened()
	}
	r.opts.Environment = strongroom.Production
	want(t, (&room{Cases: lifecycle.NewCases(r.opts), t: t, db: r.db, clock: r.clock}).check(a.ID, strongroom.SubjectRequest, r.known),
		strongroom.Internal, "case-sealed")
}

// TestEventsOfCases: each verb leaves an event with the case's id and purpose; the
// citation lies in no event and in no table.
func TestEventsOfCases(t *testing.T) {
	r := enter(t)
	ctx := context.Background()
	const citation = "Ordnungswidrigkeit Zirbelnuss 77/26"
	who := as(authz.Privacy)
	c, err := r.Open(ctx, who, lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: citation, Store: r.known})
	r.must(err)
	_, err = r.Extend(ctx, who, c.ID, lifecycle.ExtendNumber)
	r.must(err)
	_, err = r.Close(ctx, who, c.ID, lifecycle.CloseAnswered)
	r.must(err)
	_, err = r.Open(ctx, who, lifecycle.CaseSpec{Purpose: strongroom.Tax, Citation: citation})
	want(t, err, strongroom.Invalid, "purpose")
	_, err = r.Open(ctx, who, lifecycle.CaseSpec{Purpose: strongroom.SubjectRequest, Citation: citation + " jane.doe@example.com"})
	want(t, err, strongroom.Invalid, "citation")
	for action, n := range map[string]int{"case.open": 3, "case.extend": 1, "case.close": 1} {
		events := r.events(action)
		if len(events) != n {
			t.Fatalf("%d events of %s, want %d", len(events), action, n)
		}
		e := events[0]
		if e.Resource.Type != "Case" || e.Resource.ID != c.ID || e.Resource.Store != r.known || e.Purpose != strongroom.SubjectRequest || e.Outcome != audit.Success || len(e.Notes) == 0 {
			t.Errorf("%s is recorded as %+v", action, e)
		}
		for _, e := range events[1:] {
			if e.Outcome == audit.Success {
				t.Errorf("a refusal is recorded as %v", e.Outcome)
			}
		}
	}
	entries, err := r.log.Events(ctx, -1, 1000)
	r.must(err)
	for _, e := range entries {
		if bytes.Contains(e.Leaf, []byte("Zirbelnuss")) || bytes.Contains(e.Leaf, []byte("jane")) {
			t.Errorf("the log holds a citation: %s", e.Leaf)
		}
	}
	r.exec(func(tx *db.Tx) error {
		var sealed []byte
		if err := tx.QueryRow("select sealed from lifecycle_case where id = $1", c.ID).Scan(&sealed); err != nil {
			return err
		}
		if bytes.Contains(sealed, []byte("Zirbelnuss")) {
			t.Error("the citation lies in clear")
		}
		return nil
	})
	got, err := r.Get(ctx, who, c.ID)
	r.must(err)
	if got.Citation != citation { // the planted negative: it is there, sealed
		t.Errorf("the citation is %q", got.Citation)
	}
}

// Both engines have the same tables; every statement prepares; every action is
// known to the policies.
func TestCaseSchema(t *testing.T) {
	dbtest.Parity(t, lifecycle.Schema())
	all := dbtest.Statements(t, ".")
	if len(all) < 5 {
		t.Fatalf("only %d statements found", len(all))
	}
	dbtest.PrepareAll(t, enter(t).db, all)
	for _, a := range lifecycle.Actions() {
		if !authz.Known(a.Name) || a.Class == 0 || a.Activity == 0 {
			t.Errorf("%+v is no action of the table", a)
		}
	}
}
