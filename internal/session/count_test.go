package session_test

import (
	"context"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/guard"
)

// edit changes rows as somebody who can write to the database would.
func (f *fixture) edit(sql func(tx *guard.Tx) (int64, error)) {
	f.t.Helper()
	must0(f.t, f.guard.Quiet(context.Background(), guard.Tally, func(_ context.Context, tx *guard.Tx) error {
		n, err := sql(tx)
		if err == nil && n == 0 {
			f.t.Error("nothing was edited")
		}
		return err
	}))
}

// TestObligation_2_2_9_EditedCounts shows that who edits counts of failures opens
// nothing: the account is closed, and it is seen.
func TestObligation_2_2_9_EditedCounts(t *testing.T) {
	for name, sql := range map[string]func(tx *guard.Tx) (int64, error){
		"planted: not edited": nil,
		"no failures":         func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_attempt set failures = 0`) },
		"no wait": func(tx *guard.Tx) (int64, error) {
			return tx.Exec(`update session_attempt set until_at = 0, failures = 1`)
		},
		"long ago": func(tx *guard.Tx) (int64, error) {
			return tx.Exec(`update session_attempt set last_at = 1, until_at = 0`)
		},
		"another's": func(tx *guard.Tx) (int64, error) {
			return tx.Exec(`update session_attempt set person = 'usr_00000000000000000000000000' where person <> ''`)
		},
		"a proof of nothing": func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_attempt set proof = mark`) },
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			ana := f.people.add("ana@example.com", "privacy")
			dev := f.people.addPasskey(t, ana, f.real.Now())
			for i := range 3 {
				wantCode(t, f.guess(ana.email, "wrong", stranger(i)), "sign-in")
			}
			if sql == nil {
				f.signIn(ana, stranger(9))
				must0(t, f.Tidy(t.Context()))
				if f.guard.Damage().Count() != 0 || len(f.events("session.lock")) != 0 {
					t.Error("rows nobody edited are told of as damaged")
				}
				return
			}
			f.edit(sql)
			wantCode(t, f.guess(ana.email, rightPassword, stranger(9)), "sign-in-wait")
			f.pass(100 * 60 * 60 * 1e9)
			wantCode(t, f.guess(ana.email, rightPassword, stranger(9)), "sign-in-wait")
			if f.guard.Damage().Count() == 0 {
				t.Error("the gauges show nothing")
			}
			for range 3 {
				must0(t, f.Tidy(t.Context()))
			}
			told := f.events("session.lock")
			if len(told) != 1 || told[0].Code != "tampered" || told[0].Resource.ID != ana.id {
				t.Errorf("the log has %+v", told)
			}
			ch, options, err := f.BeginPasskey(t.Context(), home) // nobody is locked out
			must0(t, err)
			must(f.Passkey(t.Context(), ch.ID, dev.get(t, options), home))(t)
			must0(t, f.Unlock(t.Context(), f.security(), ana.id))
			f.signIn(ana, stranger(9))
		})
	}
}

// A source whose row was edited waits as well; others do not.
func TestEditedSources(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	wantCode(t, f.guess("nobody@example.com", "wrong", stranger(1)), "sign-in")
	f.edit(func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_attempt set failures = 0`) })
	wantCode(t, f.guess(ana.email, rightPassword, stranger(1)), "sign-in-wait")
	f.signIn(ana, stranger(2))
}

// TestObligation_2_2_9_EditedLocks shows that an edited lock leaves no way in.
func TestObligation_2_2_9_EditedLocks(t *testing.T) {
	for name, sql := range map[string]func(tx *guard.Tx) (int64, error){
		"made partial": func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_lock set complete = 0`) },
		"older":        func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_lock set since_at = 1`) },
		"another word": func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_lock set cause = 'guessing'`) },
		"no proof": func(tx *guard.Tx) (int64, error) {
			return tx.Exec(`update session_lock set proof = substr(proof, 1, 0), complete = 0`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fresh(t)
			ana := f.people.add("ana@example.com")
			f.signIn(ana, home)
			must0(t, f.Disable(t.Context(), security(), ana.id, audit.Word("volume")))
			f.edit(sql)
			_, err := f.TOTP(t.Context(), f.half(ana, home).ID, f.code(ana), home)
			wantCode(t, err, "account-locked")
			if l := must(f.Locks(t.Context(), security()))(t); len(l) != 1 || !l[0].Complete || l[0].Cause != "damaged" {
				t.Errorf("the list shows %+v", l)
			}
			// A lock by failures, which leaves ways in, does not take its place.
			for i := range 30 {
				_ = f.guess(ana.email, "wrong", stranger(i))
				f.pass(15 * 60 * 1e9)
			}
			_, err = f.TOTP(t.Context(), f.half(ana, home).ID, f.code(ana), home)
			if code(err) != "account-locked" {
				t.Errorf("after guesses: %v", err)
			}
			must0(t, f.Tidy(t.Context()))
			if f.guard.Damage().Count() == 0 || last(f.events("session.lock")).Code != "tampered" {
				t.Error("nobody hears of it")
			}
			must0(t, f.Unlock(t.Context(), f.security(), ana.id))
			f.signIn(ana, home)
		})
	}
}

// An edited lock ends the sessions that its own kind leaves open.
func TestEditedLocksEndSessions(t *testing.T) {
	f := fresh(t)
	ana := f.people.add("ana@example.com")
	f.signIn(ana, home) // so that home is known
	for i := range 30 {
		_ = f.guess(ana.email, "wrong", stranger(i))
		f.pass(15 * 60 * 1e9)
	}
	if l := must(f.Locks(t.Context(), security()))(t); len(l) != 1 || l[0].Complete {
		t.Fatalf("the list shows %+v", l)
	}
	token := f.signIn(ana, home).Token.Reveal()
	f.pass(2e9)
	must(f.Authenticate(t.Context(), token, home))(t) // planted
	f.edit(func(tx *guard.Tx) (int64, error) { return tx.Exec(`update session_lock set since_at = 1`) })
	f.pass(2e9)
	_, err := f.Authenticate(t.Context(), token, home)
	wantCode(t, err, "session-ended")
}
