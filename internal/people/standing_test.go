package people_test

import (
	"slices"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/people"
)

// train records both trainings of a person.
func (f *fixture) train(t testing.TB, id string) {
	t.Helper()
	for _, k := range people.Trainings() {
		if err := f.RecordTraining(t.Context(), f.boss(), id, k, "2026-1", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

// Both trainings must be current, each in its version and for a year (DPP 2.1.6).
func TestObligation_2_1_6_Trainings(t *testing.T) {
	f := fresh(t, func(o *people.Options) { o.Versions = map[people.Kind]string{people.ITSecurity: "2026-2"} })
	m := f.member(t, jane())
	s := f.standing(t, m.ID)
	if s.Trained || !slices.Equal(s.Missing, slices.Concat(people.Trainings(), people.Pledges())) || s.Employment != people.Employee {
		t.Errorf("nobody is trained by default: %+v", s)
	}
	me := f.actor(m.ID)
	me.Standing = strongroom.Standing{} // what an untrained person has
	if err := f.RecordTraining(t.Context(), me, m.ID, people.DataProtection, "2026-1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if s := f.standing(t, m.ID); s.Trained {
		t.Error("one of two is enough")
	}
	if err := f.RecordTraining(t.Context(), f.boss(), m.ID, people.ITSecurity, "2026-1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if s := f.standing(t, m.ID); s.Trained || !slices.Contains(s.Missing, people.ITSecurity) {
		t.Errorf("an outdated version counts: %+v", s)
	}
	done := f.clock.Now().Add(-100 * day)
	if err := f.RecordTraining(t.Context(), f.boss(), m.ID, people.ITSecurity, "2026-2", done); err != nil {
		t.Fatal(err)
	}
	// The newest counts, and that is the outdated one.
	if s := f.standing(t, m.ID); s.Trained {
		t.Error("an older training hides the newest")
	}
	f.clock.SetOffset(time.Hour)
	if err := f.RecordTraining(t.Context(), f.boss(), m.ID, people.ITSecurity, "2026-2", time.Time{}); err != nil {
		t.Fatal(err)
	}
	s = f.standing(t, m.ID)
	if !s.Trained || s.Until.IsZero() || slices.Contains(s.Missing, people.ITSecurity) {
		t.Errorf("planted: both are current: %+v", s)
	}
	f.clock.SetOffset(365*day - time.Minute)
	if !f.standing(t, m.ID).Trained {
		t.Error("lapsed early")
	}
	f.clock.SetOffset(365*day + time.Minute)
	if s := f.standing(t, m.ID); s.Trained || !slices.Contains(s.Missing, people.DataProtection) {
		t.Errorf("a year later: %+v", s)
	}
	f.clock.SetOffset(0)
	for name, c := range map[string]struct {
		who   strongroom.Actor
		topic people.Kind
		ver   string
		at    time.Time
		code  string
	}{
		"another's by oneself": {f.actor(strongroom.NewID("usr")), people.DataProtection, "1", time.Time{}, "denied"},
		"an operator":          {f.actor(strongroom.NewID("usr"), authz.Operator), people.DataProtection, "1", time.Time{}, "denied"},
		"a topic of one's own": {f.boss(), "cooking", "1", time.Time{}, "topic"},
		"a pledge":             {f.boss(), people.Confidentiality, "1", time.Time{}, "topic"},
		"no version":           {f.boss(), people.DataProtection, "", time.Time{}, "version"},
		"the future":           {f.boss(), people.DataProtection, "1", f.clock.Now().Add(time.Hour), "date"},
		"long ago":             {f.boss(), people.DataProtection, "1", f.clock.Now().Add(-366 * day), "date"},
	} {
		if err := f.RecordTraining(t.Context(), c.who, m.ID, c.topic, c.ver, c.at); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A date of one's own choosing is not taken for the own training.
	if err := f.RecordTraining(t.Context(), me, m.ID, people.DataProtection, "1", f.clock.Now().Add(day)); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.standing(t, m.ID).Given {
		if g.Kind == people.DataProtection && (g.At.After(f.clock.Now()) || g.By != m.ID) {
			t.Errorf("%+v", g)
		}
	}
}

// No record without confidentiality and acceptable use acknowledged (DPP 3.2.13).
func TestObligation_3_2_13_Pledges(t *testing.T) {
	versions := map[people.Kind]string{people.Confidentiality: "v2"}
	f := fresh(t, func(o *people.Options) { o.Versions = versions })
	m := f.member(t, jane())
	f.train(t, m.ID)
	me := f.actor(m.ID)
	me.Standing.Trained, me.Standing.Pledged = false, false
	for _, c := range []struct {
		kind    people.Kind
		version string
		pledged bool
	}{{people.Confidentiality, "v1", false}, {people.AcceptableUse, "v7", false}, {people.Confidentiality, "v2", true}} {
		if err := f.RecordPledge(t.Context(), me, m.ID, c.kind, c.version); err != nil {
			t.Fatal(err)
		}
		if s := f.standing(t, m.ID); s.Pledged != c.pledged || !s.Trained {
			t.Errorf("after %s %s: %+v", c.kind, c.version, s)
		}
		f.clock.SetOffset(f.clock.Offset() + time.Minute)
	}
	versions[people.AcceptableUse] = "v8" // a new text has to be acknowledged anew
	if s := f.standing(t, m.ID); s.Pledged || !slices.Equal(s.Missing, []people.Kind{people.AcceptableUse}) {
		t.Errorf("an outdated pledge counts: %+v", s)
	}
	if err := f.RecordPledge(t.Context(), me, m.ID, people.ITSecurity, "v1"); code(err) != "pledge" {
		t.Errorf("%v", err)
	}
	if err := f.RecordPledge(t.Context(), f.actor(strongroom.NewID("usr"), authz.Auditor), m.ID, people.AcceptableUse, "v8"); code(err) != "denied" {
		t.Errorf("%v", err)
	}
}

const (
	forgeStanding = `insert into people_standing (person, kind, given_at, version, recorded_at, recorded_by, proof)
		select person, 'it-security', given_at, version, recorded_at, recorded_by, proof from people_standing where person = $1`
	laterStanding = `update people_standing set given_at = given_at + 1 where person = $1`
)

// A row that was put there or edited makes nobody trained.
func TestForgedStanding(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	if err := f.RecordTraining(t.Context(), f.boss(), m.ID, people.DataProtection, "1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	edit := func(fn func(tx *db.Tx) error) people.Standing {
		t.Helper()
		if err := f.db.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		f.clock.SetOffset(time.Minute)
		return f.standing(t, m.ID)
	}
	if s := edit(func(tx *db.Tx) error { _, err := tx.Exec(forgeStanding, m.ID); return err }); s.Trained || len(s.Given) != 1 {
		t.Errorf("forged: %+v", s)
	}
	if s := edit(func(tx *db.Tx) error { _, err := tx.Exec(laterStanding, m.ID); return err }); len(s.Given) != 0 {
		t.Errorf("edited: %+v", s)
	}
}
