package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// entry is a session that was good when it was last looked at.
type entry struct {
	row     sessionRow
	x       Session
	actor   strongroom.Actor
	stale   bool // the rights have changed since the token was made
	loaded  time.Time
	used    atomic.Int64 // microseconds of real time
	stamped atomic.Int64 // used as it stands in the database
	looking atomic.Bool  // somebody is looking again
}

// Authenticate returns the actor whose token is shown. The fault is
// Unauthenticated for whatever does not hold, except where the person's rights
// have changed since the token was made: then its code is "session-stale", and
// [Sessions.Renew] gives a token for what the rights are now. A session that is
// used from another network or device ends.
func (s *Sessions) Authenticate(ctx context.Context, token string, c Caller) (strongroom.Actor, error) {
	e, err := s.authenticate(ctx, token, c)
	if err == nil && e.stale {
		err = strongroom.Faultf(strongroom.Unauthenticated, "session-stale", "the rights of this session have changed").Advise("renew it")
	} else if err != nil {
		err = s.stray(ctx, c, err)
	}
	if err != nil {
		return strongroom.Actor{}, err
	}
	who := e.actor
	_, who.Standing.Device = c.deviceOf(who.ID) // of this very call
	who.Standing.Source = c.Source
	return who, nil
}

// authenticate returns the entry of a token that holds, stale or not.
func (s *Sessions) authenticate(ctx context.Context, token string, c Caller) (*entry, error) {
	if err := checkForm(token, s.o.Environment); err != nil {
		return nil, err
	}
	h := sha256.Sum256([]byte(token))
	s.mu.RLock()
	e, turn := s.known[h], s.turn
	s.mu.RUnlock()
	if !s.trusted(e) {
		fresh, err := s.look(ctx, token, e)
		s.remember(h, fresh, turn)
		if err != nil {
			return nil, err
		}
		e = fresh
	}
	now := s.o.Real.Now()
	x := e.x
	x.Used = db.Time(e.used.Load())
	if cause := s.alive(x, now); cause != "" {
		return nil, errEnded()
	}
	if cause := moved(e.x, c); cause != "" {
		if err := s.endMoved(ctx, e.x, cause); err != nil {
			return nil, err
		}
		return nil, strongroom.Faultf(strongroom.Unauthenticated, "session-moved", "the session was used from another network or device and has ended").
			Advise("sign in again")
	}
	e.used.Store(db.Micros(now))
	return e, nil
}

// moved returns what is not as it was when the session was opened.
func moved(x Session, c Caller) Cause {
	place := x.network != network(c.Source)
	device := x.family != family(c.Agent) || x.Device != "" && c.Device != "" && x.Device != c.Device
	switch {
	case place && device:
		return Both
	case place:
		return Network
	case device:
		return Device
	}
	return ""
}

func (s *Sessions) endMoved(ctx context.Context, x Session, cause Cause) error {
	return s.o.Guard.Do(ctx, itself(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionRevoke, resource(x.ID, x.Person, itself()), guard.Context{}); err != nil {
			return err
		}
		tx.Note("reason", word(cause))
		tx.Note("account", x.Person)
		return s.end(tx, x.ID, x.Person, cause)
	})
}

// trusted reports whether e may be used without looking again. Past half of its
// time one caller is sent to look while the others go on.
func (s *Sessions) trusted(e *entry) bool {
	if e == nil {
		return false
	}
	age := s.o.Real.Now().Sub(e.loaded)
	return age >= 0 && s.o.Guard.Current(e.actor) == nil && (age <= s.o.Recheck/2 || age <= s.o.Recheck && !e.looking.CompareAndSwap(false, true))
}

// remember keeps e under h, or nothing if e is nil, unless something changed since
// the look began: then what was read may be older.
func (s *Sessions) remember(h [32]byte, e *entry, turn uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.known[h]
	switch {
	case e == nil:
		delete(s.known, h)
	case turn == s.turn:
		if old != nil {
			e.used.Store(max(e.used.Load(), old.used.Load()))
			e.stamped.Store(max(e.stamped.Load(), old.stamped.Load()))
		}
		s.known[h] = e
	}
}

// Forget has what this process remembers of a person's sessions looked at again.
// Whoever changes a person's account or rights calls it after the commit and
// before the caller hears of it.
func (s *Sessions) Forget(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	for k, e := range s.known {
		if e.row.person == person {
			delete(s.known, k)
		}
	}
}

// look reads a session with the person's standing and rights as they are now. A
// row that does not open means: not known.
func (s *Sessions) look(ctx context.Context, token string, old *entry) (*entry, error) {
	digest := s.digest(token)
	e := &entry{loaded: s.o.Real.Now()}
	seen := s.o.Guard.Turn()
	err := s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		if e.row, err = sessionByDigest(r, digest); err != nil {
			return err
		}
		if e.x, err = s.openRow(e.row); err != nil {
			return errEnded()
		}
		p, err := s.o.People.Person(r, e.row.person, r.Now())
		if err != nil {
			return err
		}
		l, err := loadLock(r, e.row.person)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		if !p.Active || err == nil && s.lockOf(l).complete {
			return errEnded()
		}
		g, err := s.rights(r, e.row.person, p, e.x.By)
		if err != nil {
			return err
		}
		e.stale = subtle.ConstantTimeCompare(s.rightsMark(e.row.id, g), e.row.rights) != 1
		e.actor = actor(e.x, p, g)
		e.actor.Seen = seen
		return nil
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, errEnded()
	}
	if err != nil {
		return nil, err
	}
	e.used.Store(e.row.used)
	e.stamped.Store(e.row.used)
	if old != nil {
		e.used.Store(max(e.row.used, old.used.Load())) // not yet written
	}
	return e, nil
}

// actor is who acts in a session.
func actor(x Session, p Person, g Granted) strongroom.Actor {
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: x.Person, Roles: g.Roles, Stores: g.Stores, AllStores: g.AllStores,
		Session: x.ID, Door: "http", Elevations: g.Elevations,
		Standing: strongroom.Standing{
			Employment: p.Employment, Trained: p.Trained, Pledged: p.Pledged, Device: unknown, Verified: x.Verified,
			PasswordDue: withheld(p, x.By),
		},
	}
}

func errEnded() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "session-ended", "the session is not known, or is over").Advise("sign in")
}

// word is a cause as the log says it.
func word(c Cause) audit.Term {
	switch c {
	case SignedOut:
		return audit.Word("signed-out")
	case Revoked:
		return audit.Word("revoked")
	case Network:
		return audit.Word("network")
	case Device:
		return audit.Word("device")
	case Both:
		return audit.Word("network-device")
	case Failures:
		return audit.Word("failures")
	case Locked:
		return audit.Word("locked")
	case Left:
		return audit.Word("left")
	case Idle:
		return audit.Word("idle")
	case Absolute:
		return audit.Word("absolute")
	}
	return audit.Word("other")
}
