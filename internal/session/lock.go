package session

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Lock is an account that is locked (DPP 2.2.9).
type Lock struct {
	Person string
	// Complete says that there is no way in. Otherwise too many attempts have failed:
	// no password is taken where they came from, while passkeys and the networks the
	// person signed in from stay open.
	Complete bool
	Cause    string    // "damaged" where the row was edited: then there is no way in
	Since    time.Time // real time
}

// Disable locks an account completely because of a signal, such as a detector's
// finding, and ends its sessions. signal is a word of the program's own.
func (s *Sessions) Disable(ctx context.Context, who strongroom.Actor, person string, signal audit.Term) error {
	if !strongroom.IsID("usr", person) {
		return s.refuse(ctx, who, sessionLock, noAccount())
	}
	return s.lock(ctx, who, person, true, signal)
}

func (s *Sessions) lock(ctx context.Context, who strongroom.Actor, person string, complete bool, cause audit.Term) error {
	return s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionLock, account(person, who), guard.Context{}); err != nil {
			return err
		}
		tx.Note("reason", cause)
		tx.Note("full", complete)
		if err := s.close(tx, person, complete, cause); err != nil || !complete {
			return err
		}
		n, err := s.endAll(tx, person, Locked)
		tx.Note("count", n)
		return err
	})
}

// close keeps a lock, unless there is one that leaves no way in.
func (s *Sessions) close(tx *guard.Tx, person string, complete bool, cause audit.Term) error {
	was, err := loadLock(&tx.Reader, person)
	if err == nil && s.lockOf(was).complete {
		return nil
	}
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	l := lockRow{person: person, complete: complete, cause: cause.String(), since: db.Micros(s.o.Real.Now())}
	l.proof = s.lockProof(l)
	return putLock(tx, l)
}

// Unlock opens an account that is locked and forgets its failures. The policies
// let nobody unlock the own account. Unlocking one that is open changes nothing.
func (s *Sessions) Unlock(ctx context.Context, who strongroom.Actor, person string) error {
	if !strongroom.IsID("usr", person) {
		return s.refuse(ctx, who, sessionUnlock, noAccount())
	}
	return s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionUnlock, account(person, who), guard.Context{}); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.Forget(person) })
		return s.UnlockTx(tx, person)
	})
}

// UnlockTx is [Sessions.Unlock] inside a transaction of another package, which has
// been allowed to do it.
func (s *Sessions) UnlockTx(tx *guard.Tx, person string) error {
	for _, kind := range []string{passwords, factors} { // also where a row no longer says whose it is
		if err := dropAttempt(tx, s.mark("attempt", kind, person)); err != nil {
			return err
		}
	}
	return dropLock(tx, person)
}

// Locks returns the accounts that are locked, the oldest lock first.
func (s *Sessions) Locks(ctx context.Context, who strongroom.Actor) (out []Lock, err error) {
	err = s.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(sessionList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		rows, err := locks(&v.Reader)
		out = nil
		for _, r := range rows {
			r = s.lockOf(r)
			out = append(out, Lock{Person: r.person, Complete: r.complete, Cause: r.cause, Since: db.Time(r.since)})
		}
		return err
	})
	return out, err
}

// Gauges are numbers for a watcher.
type Gauges struct {
	Open     int64 // sessions that were not ended; one that lapsed counts until the next tidying
	UnderWay int64 // sign-ins
	Locked   int64 // accounts
	Complete int64 // of these, with no way in
}

// Gauges returns the gauges as of now.
func (s *Sessions) Gauges(ctx context.Context) (g Gauges, err error) {
	err = s.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) error {
		g, err = gauges(r)
		return err
	})
	return g, err
}

// closing locks an account after the last attempt before its counter stays
// closed. err is why that attempt failed.
func (s *Sessions) closing(ctx context.Context, person string, err error) error {
	if lerr := s.lock(ctx, itself(), person, false, audit.Word("guessing")); lerr != nil {
		return lerr
	}
	return err
}
