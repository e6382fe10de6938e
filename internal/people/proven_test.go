package people_test

import (
	"testing"
	"time"

	"strongroom/internal/people"
)

// TestFactorsNeedFactors shows that no proof of an account is added, taken away or
// made anew by who has not shown two factors lately: a session that somebody found
// open does not become the account.
func TestFactorsNeedFactors(t *testing.T) {
	f := fresh(t)
	m := f.member(t, jane())
	stale := f.again(m)
	stale.Standing.Verified = f.real.Now().Add(-people.Fresh - time.Minute)
	never := f.again(m)
	never.Standing.Verified = time.Time{}
	list, _, err := f.Factors(t.Context(), f.again(m), m.ID)
	if err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	for what, try := range map[string]func(m member) error{
		"password": func(m member) error {
			return f.SetPassword(t.Context(), m.Actor, []byte(goodPassword), []byte(otherPassword))
		},
		"a new app":          func(m member) error { _, _, err := f.AddTOTP(t.Context(), m.Actor); return err },
		"confirming the app": func(m member) error { return f.ConfirmTOTP(t.Context(), m.Actor, "000000") },
		"a new passkey":      func(m member) error { _, err := f.AddPasskey(t.Context(), m.Actor); return err },
		"a passkey's answer": func(m member) error { return f.FinishPasskey(t.Context(), m.Actor, []byte("{}")) },
		"removing":           func(m member) error { return f.Remove(t.Context(), m.Actor, list[0].ID) },
		"recovery codes":     func(m member) error { _, err := f.RecoveryCodes(t.Context(), m.Actor); return err },
	} {
		old, none, now := m, m, m
		old.Actor, none.Actor, now.Actor = stale, never, f.again(m)
		if err := try(old); code(err) != "step-up" {
			t.Errorf("%s, factors shown long ago: %v", what, err)
		}
		if err := try(none); code(err) != "step-up" {
			t.Errorf("%s, factors never shown: %v", what, err)
		}
		if err := try(now); code(err) == "step-up" {
			t.Errorf("planted: %s, factors shown a moment ago: %v", what, err)
		}
	}
}
