package session

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// Sessions returns the sessions of a person, the newest first, those that ended
// within [Profile.Keep] included. A row that was edited is left out.
func (s *Sessions) Sessions(ctx context.Context, who strongroom.Actor, person string) (out []Session, err error) {
	if !strongroom.IsID("usr", person) {
		return nil, s.refuse(ctx, who, sessionList, noAccount())
	}
	err = s.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(sessionList, account(person, who), guard.Context{}); err != nil {
			return err
		}
		out = nil
		rows, err := sessionsOf(&v.Reader, person, db.Micros(s.o.Real.Now().Add(-s.p.Keep)))
		if err != nil {
			return err
		}
		for _, r := range rows {
			x, err := s.openRow(r)
			if err != nil {
				continue
			}
			if cause := s.alive(x, s.o.Real.Now()); cause != "" && x.Ended.IsZero() {
				x.Cause, x.Ended = cause, x.Ends
				if cause == Idle {
					x.Ended = x.Used.Add(s.p.Idle)
				}
			}
			out = append(out, x)
		}
		v.Note("count", len(out))
		return nil
	})
	return out, err
}

// SignOut ends the session whose token is shown. A token that holds no more is
// not an error: what was wanted is so.
func (s *Sessions) SignOut(ctx context.Context, token string, c Caller) error {
	e, err := s.authenticate(ctx, token, c)
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.revoke(ctx, e.actor, e.row.id, e.row.person, SignedOut)
}

// Revoke ends one session. Ending it again changes nothing. Another one of the own
// sessions is ended by who has shown two factors within [people.Fresh], else the fault
// is Denied, code "step-up": whoever found a browser open must not end those of its
// owner (ASVS 7.5.2).
func (s *Sessions) Revoke(ctx context.Context, who strongroom.Actor, id string) error {
	if !strongroom.IsID("ses", id) {
		return s.refuse(ctx, who, sessionRevoke, noSession())
	}
	person := ""
	err := s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		person, err = ownerOf(r, id)
		return err
	})
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	return s.revoke(ctx, who, id, person, Revoked)
}

// revoke asks and ends. A session that does not exist is asked about all the same.
func (s *Sessions) revoke(ctx context.Context, who strongroom.Actor, id, person string, cause Cause) error {
	return s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionRevoke, resource(id, person, who), guard.Context{}); err != nil {
			return err
		}
		if person == "" {
			return noSession()
		}
		if person == who.ID && id != who.Session {
			if err := s.fresh(who); err != nil {
				return err
			}
		}
		tx.Note("reason", word(cause))
		tx.Note("account", person)
		return s.end(tx, id, person, cause)
	})
}

// fresh refuses somebody who has not shown two factors a moment ago.
func (s *Sessions) fresh(who strongroom.Actor) error {
	at := who.Standing.Verified
	if age := s.o.Real.Now().Sub(at); at.IsZero() || age > people.Fresh || age < -time.Minute {
		return strongroom.Faultf(strongroom.Denied, "step-up", "two factors must have been shown in the last %d minutes", int(people.Fresh.Minutes())).
			Advise("show them again")
	}
	return nil
}

// RevokeOthers ends the own sessions but the one that acts, as [Sessions.Revoke]
// does, and returns how many there were.
func (s *Sessions) RevokeOthers(ctx context.Context, who strongroom.Actor) (n int, err error) {
	if !strongroom.IsID("usr", who.ID) || !strongroom.IsID("ses", who.Session) {
		return 0, s.refuse(ctx, who, sessionRevoke, noAccount())
	}
	err = s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionRevoke, account(who.ID, who), guard.Context{}); err != nil {
			return err
		}
		if err := s.fresh(who); err != nil {
			return err
		}
		n, err = s.RevokeOthersTx(tx, who.ID)
		tx.Note("count", n)
		return err
	})
	return n, err
}

// RevokeAll ends all sessions of a person and returns how many there were.
func (s *Sessions) RevokeAll(ctx context.Context, who strongroom.Actor, person string) (n int, err error) {
	if !strongroom.IsID("usr", person) {
		return 0, s.refuse(ctx, who, sessionRevoke, noAccount())
	}
	err = s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionRevoke, account(person, who), guard.Context{}); err != nil {
			return err
		}
		n, err = s.endAll(tx, person, Revoked)
		tx.Note("count", n)
		return err
	})
	return n, err
}

// RevokeAllTx ends all sessions of a person, and what of a sign-in is under way
// ends at its last step, in the transaction of what ends or suspends the account
// (DPP 2.2.12). The event of that stands for it. It returns how many sessions
// there were.
func (s *Sessions) RevokeAllTx(tx *guard.Tx, person string) (int, error) {
	return s.endAll(tx, person, Left)
}

// RevokeOthersTx ends the sessions of a person but the one that acts, in the
// transaction in which they change how they sign in: who holds another one may be
// the reason. The event of that stands for it. It returns how many there were.
func (s *Sessions) RevokeOthersTx(tx *guard.Tx, person string) (int, error) {
	rows, err := sessionsOf(&tx.Reader, person, never)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if r.id != tx.Actor().Session {
			tx.Ends(r.id)
		}
	}
	tx.AfterCommit(func() { s.Forget(person) })
	n, err := endOthers(tx, person, db.Micros(s.o.Real.Now()), string(Revoked), tx.Actor().Session)
	return int(n), err
}

func (s *Sessions) endAll(tx *guard.Tx, person string, cause Cause) (int, error) {
	tx.Ends(person)
	tx.AfterCommit(func() { s.Forget(person) })
	n, err := endSessions(tx, person, db.Micros(s.o.Real.Now()), string(cause))
	return int(n), err
}

// refuse records that something was refused before it began. It returns err, or
// the denial of a caller who may not ask for it at all.
func (s *Sessions) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, err error) error {
	return s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

func noSession() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "session", "there is no such session")
}

func noAccount() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "account", "there is no such account")
}
