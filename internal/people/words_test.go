package people_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"strongroom/internal/people"
)

// The log says which training or pledge, why somebody is suspended, and what ended
// an account, each in its own word.
func TestTheLogSaysWhy(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	var want []string
	for _, k := range people.Trainings() {
		if err := f.RecordTraining(t.Context(), f.boss(), m.ID, k, "v1", time.Time{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, "kind "+string(k))
	}
	for _, k := range people.Pledges() {
		if err := f.RecordPledge(t.Context(), f.boss(), m.ID, k, "v1"); err != nil {
			t.Fatal(err)
		}
		want = append(want, "kind "+string(k))
	}
	for _, r := range people.Reasons() {
		if err := f.Suspend(t.Context(), f.boss(), m.ID, r); err != nil {
			t.Fatal(err)
		}
		want = append(want, "reason "+string(r))
	}
	for _, c := range []people.CauseKind{people.ByHand, people.ByDate, people.ByFeed, people.BySCIM} {
		s := li()
		s.Email = "b" + string(c) + "@kitchen.example"
		if err := f.End(t.Context(), f.boss(), f.add(t, s).ID, people.Cause{Kind: c}); err != nil {
			t.Fatal(err)
		}
		want = append(want, "how "+string(c))
	}
	if err := f.End(t.Context(), f.boss(), m.ID, people.Cause{Kind: "whim"}); code(err) != "cause" {
		t.Errorf("%v", err)
	}
	var got []string
	for _, e := range f.events(t) {
		for _, n := range e.Notes {
			got = append(got, fmt.Sprintf("%s %v", n.Key, n.Value))
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the log does not say %q", w)
		}
	}
}
