package people_test

import (
	"testing"
	"time"
)

// TestObligation_2_2_12_NoAccountEndsAsItIsMade: an employment that is over makes no
// account, which would count as an end that came late.
func TestObligation_2_2_12_NoAccountEndsAsItIsMade(t *testing.T) {
	f := fresh(t)
	now := f.clock.Now()
	for name, c := range map[string]struct {
		starts, ends time.Time
		code         string
	}{
		"long over":          {time.Time{}, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "dates"},
		"just over":          {now.Add(-day), now, "dates"},
		"before it starts":   {now.Add(2 * day), now.Add(day), "dates"},
		"planted: for a day": {now.Add(-day), now.Add(day), ""},
	} {
		s := jane()
		s.Starts, s.Ends = c.starts, c.ends
		if _, err := f.tryAdd(s, "req_00000000000000000000000000"); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := f.EndDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if list, _, err := f.List(t.Context(), f.boss(), "", "", 10); err != nil || len(list) != 1 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
}
