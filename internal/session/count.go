package session

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// attemptProof binds all of a row of failures: who can write to the database alone
// does not make an account patient. A row that is deleted, or put back as it was,
// is as if nobody had tried since.
func (s *Sessions) attemptProof(a attemptRow) []byte {
	m := s.mac.MAC([]byte("attempt row"), seal.AD(a.mark, a.person, a.failures, a.until, a.last))
	return m[:]
}

// checked returns a row as it counts: one that was edited waits without end, and is
// told of as damaged.
func (s *Sessions) checked(a attemptRow, c counter) attemptRow {
	if a.person == c.person && subtle.ConstantTimeCompare(s.attemptProof(a), a.proof) == 1 {
		return a
	}
	s.damaged(c.person)
	a.until, a.damaged = never, true
	return a
}

// attempts returns what was counted, nothing if there is no row.
func (s *Sessions) attempts(r *db.Reader, c counter) (attemptRow, error) {
	a, found, err := loadAttempt(r, c.mark)
	if err != nil || !found {
		return attemptRow{}, err
	}
	return s.checked(a, c), nil
}

// hold returns what was counted, for a change: the row is made if there is none, and
// nobody else adds to it until the transaction ends.
func (s *Sessions) hold(tx *guard.Tx, c counter) (attemptRow, error) {
	a := attemptRow{mark: c.mark, person: c.person}
	a.proof = s.attemptProof(a)
	if err := holdAttempt(tx, a); err != nil {
		return a, err
	}
	a, _, err := loadAttempt(&tx.Reader, c.mark)
	if err != nil {
		return a, err
	}
	return s.checked(a, c), nil
}

// failedOnce returns a row with one failure more. Those of long ago are forgotten.
func (s *Sessions) failedOnce(a attemptRow, at int64, now time.Time) attemptRow {
	forget := s.p.Forget
	if a.person == "" {
		forget = s.p.ForgetSource
	}
	if a.last < db.Micros(now.Add(-forget)) && a.until < at {
		a.failures = 0
	}
	a.failures++
	a.last = at
	return a
}

func (s *Sessions) putAttempt(tx *guard.Tx, a attemptRow) error {
	a.proof = s.attemptProof(a)
	return updateAttempt(tx, a)
}

// lockProof binds all of a lock.
func (s *Sessions) lockProof(l lockRow) []byte {
	complete := 0
	if l.complete {
		complete = 1
	}
	m := s.mac.MAC([]byte("lock row"), seal.AD(l.person, complete, l.cause, l.since))
	return m[:]
}

// lockOf returns a lock as it counts: one that was edited leaves no way in.
func (s *Sessions) lockOf(l lockRow) lockRow {
	if subtle.ConstantTimeCompare(s.lockProof(l), l.proof) != 1 {
		s.damaged(l.person)
		l.complete, l.cause = true, causeDamaged
	}
	return l
}

// causeDamaged is the cause of a lock whose row was edited.
const causeDamaged = "damaged"

// maxMet bounds the accounts whose damaged rows are remembered until they are told of.
const maxMet = 1000

// damaged notes that a row about an account, or about a source where that is empty,
// was changed in the database. The gauges show it at once, the log with the next
// tidying.
func (s *Sessions) damaged(person string) {
	s.o.Guard.Damage().Saw("attempts " + person)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.met[person]; !known && len(s.met) < maxMet {
		s.met[person] = false
	}
}

// tellDamaged records each account that was met damaged, once in a process. What could
// not be recorded is tried again the next time.
func (s *Sessions) tellDamaged(ctx context.Context) {
	s.mu.Lock()
	var list []string
	for person, told := range s.met {
		if !told {
			list = append(list, person)
			s.met[person] = true
		}
	}
	s.mu.Unlock()
	for _, person := range list {
		r := strongroom.Resource{Type: "Instance", ID: "instance"}
		if person != "" {
			r = account(person, itself())
		}
		err := strongroom.Faultf(strongroom.Internal, "tampered", "failures or a lock were changed in the database")
		if got := s.o.Guard.Refused(ctx, itself(), sessionLock, r, 0, err); got != err {
			s.o.Log.LogAttrs(ctx, slog.LevelError, "damaged failures could not be recorded", slog.String("kind", strongroom.KindOf(got).String()))
			s.mu.Lock()
			s.met[person] = false
			s.mu.Unlock()
		}
	}
}
