package policy_test

import (
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/guard"
	"strongroom/internal/policy"
)

// day makes a log of decisions and returns the span that holds them.
func (f *fixture) day(times int, who strongroom.Actor, action string, r strongroom.Resource, c guard.Context, want bool) {
	f.t.Helper()
	for range times {
		if got := f.ask(who, action, r, c); got != want {
			f.t.Fatalf("%s by %v: %v", action, who.Roles, got)
		}
	}
}

// TestObligation_2_3_1_DryRun: a change is tried against what happened.
func TestObligation_2_3_1_DryRun(t *testing.T) {
	f := fresh(t)
	owner := f.person(authz.Owner)
	operator, auditor, shipper := f.person(authz.Operator), f.person(authz.Auditor), f.service(authz.Application)
	str := store(strongroom.NewID("str"))
	open := guard.Context{Purpose: strongroom.Fulfilment, Reference: strings.Repeat("0", 26), Attrs: map[string]any{"classes": []string{"phone"}}}
	record := strongroom.Resource{Type: "Record", ID: strongroom.NewID("rec"), Store: str.ID}

	f.clock.SetOffset(-48 * time.Hour)
	f.day(5, operator, "record.list", str, guard.Context{}, true) // the day before: not of the span
	f.clock.SetOffset(-24 * time.Hour)
	from := f.clock.Now()
	f.day(12, operator, "record.list", str, guard.Context{}, true)
	f.day(3, auditor, "record.read", str, guard.Context{}, false)
	f.day(4, shipper, "record.reveal", record, open, true)
	f.day(2, shipper, "record.reveal", record, guard.Context{Purpose: strongroom.Fulfilment}, false) // by a guard
	untrained := operator
	untrained.Standing.Trained = false
	f.day(1, untrained, "record.list", str, guard.Context{}, false) // by a guard
	to := f.clock.Now().Add(time.Second)
	f.clock.SetOffset(0)
	f.day(7, operator, "record.list", str, guard.Context{}, true) // today: not of the span

	run := func(text string) policy.Report {
		t.Helper()
		r, err := f.DryRun(t.Context(), owner, f.propose(owner, own(text)).ID, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if r.Decisions != 22 || r.Same+r.Denied+r.Allowed+r.Unknown != r.Decisions {
			t.Errorf("%+v does not add up", r)
		}
		return r
	}
	for name, c := range map[string]struct {
		text            string
		denied, allowed int
		unknown         int
		says            string
	}{
		"nothing":            {`@id("own/x") forbid (principal, action == Action::"key.add", resource);`, 0, 0, 0, "would have denied 0 and allowed 0 of 22"},
		"operators no lists": {narrower, 12, 0, 0, "would have denied 12 and allowed 0 of 22"},
		"auditors may read":  {wider, 0, 3, 0, "allowed 3"},
		"both":               {narrower + wider, 12, 3, 0, "record.list: denied 12, allowed 0"},
		"elsewhere":          {strings.Replace(narrower, "resource)", `resource in Store::"str_x")`, 1), 0, 0, 0, "denied 0"},
		"by purpose": {`@id("own/p") forbid (principal, action == Action::"record.reveal", resource) when { context has purpose && context.purpose == "fulfilment" };`,
			4, 0, 0, "denied 4"},
		"by class, which the log does not know": {`@id("own/c") forbid (principal, action == Action::"record.reveal", resource) when { context has classes && context.classes.contains("phone") };`,
			0, 0, 4, "4: the change looks at something that is not in the log"},
	} {
		r := run(c.text)
		if r.Denied != c.denied || r.Allowed != c.allowed || r.Unknown != c.unknown || !strings.Contains(r.String(), c.says) {
			t.Errorf("%s: %+v\n%s", name, r, r)
		}
		if len(r.DeniedAt) != c.denied || len(r.AllowedAt) != c.allowed {
			t.Errorf("%s: %v, %v", name, r.DeniedAt, r.AllowedAt)
		}
	}
	// Who is gone, or has other roles today, is not guessed at.
	f.mu.Lock()
	delete(f.actors, operator.ID)
	changed := f.actors[auditor.ID]
	changed.Roles = []string{authz.Privacy}
	f.actors[auditor.ID] = changed
	f.mu.Unlock()
	if r := run(narrower + wider); r.Denied != 0 || r.Allowed != 0 || r.Unknown != 15 || len(r.Why) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestDryRunIsDecided(t *testing.T) {
	f := fresh(t)
	v := f.propose(f.person(authz.Owner), own(narrower))
	if _, err := f.DryRun(t.Context(), f.service(authz.Application), v.ID, time.Time{}, time.Now()); !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("an application: %v", err)
	}
	if _, err := f.DryRun(t.Context(), f.person(authz.Auditor), strongroom.NewID("pol"), time.Time{}, time.Now()); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("a version that is not there: %v", err)
	}
	// An empty span is empty, before the log and after it.
	for _, at := range []time.Time{time.Unix(0, 0), time.Now().Add(time.Hour)} {
		r, err := f.DryRun(t.Context(), f.person(authz.Auditor), v.ID, at, at.Add(time.Minute))
		if err != nil || r.Decisions != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
