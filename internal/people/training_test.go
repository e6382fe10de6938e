package people_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/people"
)

// lms is a learning system that calls with a key.
func lms() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Provisioner}, AllStores: true, Door: "http"}
}

// TestObligation_2_1_6_WhoRecordsTrainings shows that nobody declares themselves
// trained unless the configuration lets them, and then not without a reference.
func TestObligation_2_1_6_WhoRecordsTrainings(t *testing.T) {
	for _, x := range []struct {
		recorder         people.Recorder
		own, boss, learn string // the code of the refusal
	}{
		{people.BySelf, "reference", "", ""},
		{people.ByAnother, "training-recorder", "", ""},
		{people.ByService, "training-recorder", "training-recorder", ""},
	} {
		t.Run(string(x.recorder), func(t *testing.T) {
			f := fresh(t, func(o *people.Options) { o.Recorder, o.Proof = x.recorder, true })
			m := f.member(t, jane())
			me := f.actor(m.ID)
			me.Standing.Trained = false
			record := func(who strongroom.Actor) error {
				f.clock.SetOffset(f.clock.Offset() + time.Minute)
				return f.RecordTraining(t.Context(), who, m.ID, people.DataProtection, "2026-1", time.Time{})
			}
			for who, c := range map[string]struct {
				who  strongroom.Actor
				want string
			}{"oneself": {me, x.own}, "an owner": {f.boss(), x.boss}, "the learning system": {lms(), x.learn}} {
				if err := record(c.who); code(err) != c.want {
					t.Errorf("%s: %v, want %q", who, err, c.want)
				}
			}
			operator := f.actor(strongroom.NewID("usr"), authz.Operator)
			if err := record(operator); code(err) != "denied" { // whatever the configuration says
				t.Errorf("an operator: %v", err)
			}
		})
	}
}

// With a reference a person records the own where that is allowed, and what was
// given is kept, bound to the row.
func TestObligation_2_1_6_References(t *testing.T) {
	f := fresh(t, func(o *people.Options) { o.Proof = true })
	m := f.member(t, jane())
	me := f.actor(m.ID)
	for _, bad := range []string{"jane.doe@kitchen.example", "two words", "+4915112345678"} {
		if err := f.RecordCompleted(t.Context(), me, m.ID, people.DataProtection, "2026-1", bad, time.Time{}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := f.RecordCompleted(t.Context(), me, m.ID, people.DataProtection, "2026-1", "LMS-4711", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if g := f.standing(t, m.ID).Given; len(g) != 1 || g[0].Reference != "LMS-4711" || g[0].By != m.ID {
		t.Errorf("given: %+v", g)
	}
	if err := f.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(`update people_standing set reference = 'LMS-4712' where person = $1`, m.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if g := f.standing(t, m.ID).Given; len(g) != 0 {
		t.Errorf("an edited reference counts: %+v", g)
	}
}

// TestObligation_2_1_6_NobodyThroughAService shows that a service of one's own is no
// other recorder.
func TestObligation_2_1_6_NobodyThroughAService(t *testing.T) {
	for _, recorder := range []people.Recorder{people.ByAnother, people.ByService} {
		mine, id := lms(), ""
		f := fresh(t, func(o *people.Options) {
			o.Recorder = recorder
			o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b || a == mine.ID && b == id, nil }
		})
		m := f.member(t, jane())
		id = m.ID
		record := func(who strongroom.Actor) error {
			return f.RecordTraining(t.Context(), who, m.ID, people.ITSecurity, "2026-1", time.Time{})
		}
		if err := record(mine); code(err) != "training-recorder" {
			t.Errorf("by a service of the own: %v", err)
		}
		if err := record(lms()); err != nil { // planted: somebody else's
			t.Error(err)
		}
	}
}

// TestObligation_2_1_6_NewVersions shows that a new version makes everybody untrained
// at once, and that there is a way back: one owner first, and by it the others.
func TestObligation_2_1_6_NewVersions(t *testing.T) {
	versions := map[people.Kind]string{people.DataProtection: "2026-1", people.ITSecurity: "2026-1"}
	f := fresh(t, func(o *people.Options) { o.Recorder, o.Versions = people.ByAnother, versions })
	a := f.member(t, jane())
	b := f.member(t, li())
	f.owners = []string{a.ID, b.ID}
	record := func(who strongroom.Actor, to string) error {
		f.clock.SetOffset(f.clock.Offset() + time.Minute)
		for _, k := range people.Trainings() {
			if err := f.RecordTraining(t.Context(), who, to, k, versions[k], time.Time{}); err != nil {
				return err
			}
		}
		return nil
	}
	owner := func(m member) strongroom.Actor {
		who := f.actor(m.ID, authz.Owner)
		who.Standing.Trained = f.standing(t, m.ID).Trained
		who.Standing.Verified = time.Now()
		return who
	}
	if err := record(owner(a), a.ID); err != nil {
		t.Fatalf("the first owner: %v", err)
	}
	all := f.ground.Events(t, "training.record")
	if notes := fmt.Sprint(all[len(all)-1].Notes); !strings.Contains(notes, "alone") {
		t.Errorf("the log says %s", notes)
	}
	if err := record(owner(b), b.ID); code(err) != "training-recorder" {
		t.Errorf("the second owner by herself: %v", err)
	}
	if err := record(owner(a), b.ID); err != nil {
		t.Fatalf("the second owner by the first: %v", err)
	}
	if err := record(owner(a), a.ID); code(err) != "training-recorder" {
		t.Errorf("the first owner once there is another: %v", err)
	}
	versions[people.ITSecurity] = "2026-2"
	for _, m := range []member{a, b} {
		if s := f.standing(t, m.ID); s.Trained || !slices.Contains(s.Missing, people.ITSecurity) {
			t.Errorf("after a new version: %+v", s)
		}
	}
	if err := record(owner(a), b.ID); code(err) != "untrained" {
		t.Errorf("who is untrained trains another: %v", err)
	}
	if err := record(f.actor(a.ID), f.member(t, people.Spec{Name: "Thea Thief", Email: "tt@kitchen.example", Employment: people.Intern, Source: "hand"}).ID); err == nil {
		t.Error("who is no owner trains another")
	}
	if err := record(owner(b), b.ID); err != nil {
		t.Errorf("one of them: %v", err)
	}
	if err := record(owner(a), a.ID); code(err) != "training-recorder" {
		t.Errorf("both of them: %v", err)
	}
	if err := record(owner(b), a.ID); err != nil {
		t.Errorf("the other by the one: %v", err)
	}
}
