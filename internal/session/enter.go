package session

import (
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Entry is a sign-in that was proved elsewhere, at an identity provider.
type Entry struct {
	Person string
	// Verified is when several factors were shown there, in real time. Whoever makes
	// an Entry has the proof of it (DPP 2.4.7).
	Verified time.Time
	// Session is the session that this verifies anew; empty to open one.
	Session string
	Caller  Caller
}

// EnterTx opens a session, or verifies one anew, for who proved it elsewhere,
// inside the transaction of the proof. It asks for its own decision; the actor of
// the transaction is the person. The token is worth nothing until the commit.
// Faults: Denied where the account may not sign in, Unauthenticated where the
// session to verify is over or was opened elsewhere.
func (s *Sessions) EnterTx(tx *guard.Tx, e Entry) (Opened, error) {
	now := s.o.Real.Now()
	if !own(e.Person, tx.Actor()) || e.Verified.IsZero() {
		return Opened{}, strongroom.Faultf(strongroom.Internal, "session-entry", "a session is opened by nobody, or without a proof of two factors")
	}
	if e.Verified.After(now) {
		e.Verified = now // another's clock is ahead
	}
	if e.Session != "" {
		return s.verifyTx(tx, e, now)
	}
	x := s.opening(e.Person, e.Caller, shown{has: true, is: true, by: []Method{ByProvider}}, e.Verified)
	row, err := s.admit(tx, x, func() error { return nil })
	if err != nil {
		return Opened{}, err
	}
	return s.opened(row, x.token)
}

func (s *Sessions) verifyTx(tx *guard.Tx, e Entry, now time.Time) (Opened, error) {
	row, err := sessionByID(&tx.Reader, e.Session)
	var x Session
	if err == nil {
		x, err = s.openRow(row)
	}
	if strongroom.IsKind(err, strongroom.Unavailable) {
		return Opened{}, err
	}
	if err != nil || x.Person != e.Person || s.alive(x, now) != "" || moved(x, e.Caller) != "" {
		return Opened{}, errEnded()
	}
	token := newToken(s.o.Environment)
	row, err = s.replace(tx, row, x.By, audit.Word("provider"), token, e.Verified, func() error { return nil })
	if err != nil {
		return Opened{}, err
	}
	return s.opened(row, token)
}

// HasOpen reports whether a person has a session that is not over: a way in that a
// proof of the end must find closed (DPP 2.2.12). A session that was not ended
// and whose row was changed in the database counts as open: nobody can say that it is
// over.
func (s *Sessions) HasOpen(r *db.Reader, person string, _ time.Time) (bool, error) {
	rows, err := sessionsOf(r, person, never)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if x, err := s.openRow(row); err != nil || s.alive(x, s.o.Real.Now()) == "" {
			return true, nil
		}
	}
	return false, nil
}
