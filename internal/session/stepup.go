package session

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// stepTries is how often somebody may fail to verify anew before the session
// ends (ours).
const stepTries = 5

// VerifyTOTP shows a code of an authenticator app again. The session's token is
// replaced and the age of the second factor begins anew. After five failures the
// session ends.
func (s *Sessions) VerifyTOTP(ctx context.Context, token, code string, c Caller) (Opened, error) {
	e, err := s.authenticate(ctx, token, c)
	if err != nil {
		return Opened{}, s.stray(ctx, c, err)
	}
	if err := s.chargeStep(ctx, e, c); err != nil {
		return Opened{}, err
	}
	return s.rotate(ctx, e, audit.Word("totp"), true, func(tx *guard.Tx) error {
		ok, err := s.o.People.UseTOTP(tx, e.row.person, code, s.o.Real.Now())
		if err == nil && !ok {
			err = errFactor()
		}
		return err
	})
}

// VerifyPasskey begins to show a passkey again.
func (s *Sessions) VerifyPasskey(ctx context.Context, token string, c Caller) (ch Challenge, options []byte, err error) {
	e, err := s.authenticate(ctx, token, c)
	if err != nil {
		return Challenge{}, nil, s.stray(ctx, c, err)
	}
	options, state, err := s.askPasskey(ctx, e.row.person)
	if err != nil {
		return Challenge{}, nil, err
	}
	ch, err = s.begin(ticket{Person: e.row.person, Real: true, Ceremony: state, Session: e.row.id}, c)
	ch.Methods = []Method{ByPasskey}
	return ch, options, err
}

// FinishPasskey ends what [Sessions.VerifyPasskey] began. The passkey must verify
// the person.
func (s *Sessions) FinishPasskey(ctx context.Context, token, challenge string, answer []byte, c Caller) (Opened, error) {
	e, err := s.authenticate(ctx, token, c)
	if err != nil {
		return Opened{}, s.stray(ctx, c, err)
	}
	o, err := s.find(ctx, challenge, c)
	if err == nil && (o.Session != e.row.id || len(o.Ceremony) == 0) {
		err = errOver()
	}
	if err != nil {
		return Opened{}, s.stray(ctx, c, err)
	}
	state, err := s.takeCeremony(ctx, &o)
	if err != nil {
		return Opened{}, err
	}
	a, err := s.assert(ctx, state, answer)
	if err == nil && a.person != e.row.person {
		err = errFactor()
	}
	if err == nil && a.used.Factors() != 2 {
		err = errUnverified()
	}
	if err != nil {
		return Opened{}, s.failed(ctx, o, c, charged{}, err)
	}
	return s.rotate(ctx, e, audit.Word("passkey"), true, func(tx *guard.Tx) error {
		if err := s.o.People.KeepPasskey(tx, a.person, a.used, a.old); err != nil {
			return err
		}
		return s.finish(tx, o)
	})
}

// Renew replaces the token of a session whose rights have changed. The old one
// is dead, and the new one carries what the rights are now.
func (s *Sessions) Renew(ctx context.Context, token string, c Caller) (Opened, error) {
	e, err := s.authenticate(ctx, token, c)
	if err != nil {
		return Opened{}, s.stray(ctx, c, err)
	}
	return s.rotate(ctx, e, audit.Word("renewed"), false, func(*guard.Tx) error { return nil })
}

// rotate gives a session another token, in one commit with what was shown for it.
func (s *Sessions) rotate(ctx context.Context, e *entry, how audit.Term, verified bool, use func(tx *guard.Tx) error) (Opened, error) {
	token := newToken(s.o.Environment)
	var at time.Time
	if verified {
		at = s.o.Real.Now()
	}
	var row sessionRow
	err := s.o.Guard.Do(ctx, e.actor, func(_ context.Context, tx *guard.Tx) (err error) {
		row, err = s.replace(tx, e.row, e.x.By, how, token, at, func() error { return use(tx) })
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	row.used = e.used.Load()
	proof := s.useProof(row.id, row.used)
	row.useProof = proof[:]
	return s.opened(row, token)
}

// replace replaces the token of a session in a transaction, and the time of its
// second factor unless verified is zero. The rights are those of now.
func (s *Sessions) replace(tx *guard.Tx, row sessionRow, by []Method, how audit.Term, token Token, verified time.Time, use func() error) (sessionRow, error) {
	if err := tx.Allow(sessionVerify, resource(row.id, row.person, tx.Actor()), guard.Context{}); err != nil {
		return row, err
	}
	tx.Note("how", how)
	if err := use(); err != nil {
		return row, err
	}
	p, err := s.mayEnter(&tx.Reader, row.person, tx.Now())
	if err != nil {
		return row, err
	}
	g, err := s.rights(&tx.Reader, row.person, p, by)
	if err != nil {
		return row, err
	}
	old := row.digest
	row.digest, row.rights = s.digest(token.Reveal()), s.rightsMark(row.id, g)
	if !verified.IsZero() {
		row.verified = db.Micros(verified)
		if err := dropAttempt(tx, s.mark("step", row.id)); err != nil {
			return row, err
		}
	}
	row.proof = s.rowProof(row)
	n, err := rotateSession(tx, row, old)
	if err == nil && n != 1 {
		err = errEnded() // ended, or replaced by another call, since it was looked at
	}
	tx.AfterCommit(func() { s.Forget(row.person) })
	return row, err
}

// chargeStep counts an attempt to verify anew. Past the last one the session
// ends: whoever holds it is not the person.
func (s *Sessions) chargeStep(ctx context.Context, e *entry, c Caller) error {
	now, over := s.o.Real.Now(), false
	err := s.o.Guard.Quiet(ctx, guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		a, err := s.hold(tx, counter{mark: s.mark("step", e.row.id), person: e.row.person})
		if err != nil {
			return err
		}
		a = s.failedOnce(a, db.Micros(now), now)
		if over = a.damaged || a.failures > stepTries; a.damaged {
			return nil
		}
		return s.putAttempt(tx, a)
	})
	if err != nil || !over {
		return err
	}
	if err := s.endMoved(ctx, e.x, Failures); err != nil {
		return err
	}
	return s.stray(ctx, c, strongroom.Faultf(strongroom.Unauthenticated, "session-failures", "the second factor was wrong too often and the session has ended").
		Advise("sign in again"))
}
