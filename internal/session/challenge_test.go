package session_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/seal"
	"strongroom/internal/session"
)

// A challenge is kept by the browser: nobody makes or changes one, and one that was
// used up does not begin anew.
func TestChallengesAreSealed(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	ch := must(f.Begin(t.Context(), ana.email, home))(t)
	try := func(id string, c session.Caller) error {
		_, err := f.Password(t.Context(), id, []byte(rightPassword), c)
		return err
	}
	other := must(f.Begin(t.Context(), ana.email, home))(t)
	const name = len("chl_") + 26
	for what, id := range map[string]string{
		"nothing":            "",
		"the name alone":     ch.ID[:name],
		"another's name":     other.ID[:name] + ch.ID[name:],
		"a changed end":      ch.ID[:len(ch.ID)-1] + map[bool]string{true: "A", false: "Q"}[strings.HasSuffix(ch.ID, "Q")],
		"a changed middle":   ch.ID[:60] + map[bool]string{true: "A", false: "B"}[ch.ID[60] == 'B'] + ch.ID[61:],
		"something appended": ch.ID + "AAAA",
		"padding":            ch.ID + "=",
		"a line break":       ch.ID[:60] + "\n" + ch.ID[60:],
		"far too long":       ch.ID + strings.Repeat("A", 1<<16),
	} {
		if err := try(id, home); code(err) != "sign-in-over" {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantCode(t, try(ch.ID, stranger(1)), "sign-in-over")
	elsewhere := f.another(func(o *session.Options) { o.Key = seal.NewKey() })
	_, err := elsewhere.Password(t.Context(), ch.ID, []byte(rightPassword), home)
	wantCode(t, err, "sign-in-over")
	must0(t, try(ch.ID, home)) // planted: as it is it holds, here and in another process
	_, err = f.another(nil).Password(t.Context(), other.ID, []byte(rightPassword), home)
	must0(t, err)
}

func TestChallengesEnd(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	dev := f.people.addPasskey(t, ana, f.real.Now())
	ch, options, err := f.BeginPasskey(t.Context(), home)
	must0(t, err)
	answer := dev.get(t, options)
	f.pass(time.Minute)
	must(f.Passkey(t.Context(), ch.ID, answer, home))(t)
	for range 3 { // the row that says so is not tidied away before the challenge is over
		_, err = f.Passkey(t.Context(), ch.ID, answer, home)
		wantCode(t, err, "sign-in-over")
		f.pass(time.Minute)
		must0(t, f.Tidy(t.Context()))
	}
	late := must(f.Begin(t.Context(), ana.email, home))(t)
	f.pass(5*time.Minute + time.Second)
	_, err = f.Password(t.Context(), late.ID, []byte(rightPassword), home)
	wantCode(t, err, "sign-in-over")
	f.pass(10 * time.Minute)
	must0(t, f.Tidy(t.Context()))
	if n := must(f.open())(t); n != 0 {
		t.Errorf("%d rows of sign-ins that are over stay", n)
	}
}
