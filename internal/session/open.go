package session

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// shown is what somebody has shown in one sign-in.
type shown struct {
	knows bool // a password
	has   bool // a code or a passkey
	is    bool // a passkey that verified the person
	by    []Method
}

// two reports whether that is two factors (DPP 2.4.7): something known and
// something held, or a passkey that verified who holds it.
func (g shown) two() bool { return g.has && (g.knows || g.is) }

// opening is a session about to be opened.
type opening struct {
	id, person string
	token      Token
	caller     Caller
	got        shown
	verified   time.Time // when the factors were shown, in real time
}

func (s *Sessions) opening(person string, c Caller, got shown, verified time.Time) opening {
	return opening{strongroom.NewID("ses"), person, newToken(s.o.Environment), c, got, verified}
}

// open opens a session: it uses the factor and the challenge up, looks whether
// the account may sign in, and keeps the session, in one commit with the event.
func (s *Sessions) open(ctx context.Context, o signIn, c Caller, got shown, ch charged, use func(tx *guard.Tx) error) (Opened, error) {
	if !got.two() || !o.Real {
		return Opened{}, strongroom.Faultf(strongroom.Unauthenticated, "sign-in-one", "one factor is not enough").Advise("show a second one")
	}
	who := strongroom.Actor{Kind: strongroom.PersonActor, ID: o.Person, Door: "http"}
	x := s.opening(o.Person, c, got, s.o.Real.Now())
	var row sessionRow
	err := s.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		row, err = s.admit(tx, x, func() error {
			if err := use(tx); err != nil {
				return err // nothing was written yet, so it costs the neighbours nothing
			}
			return s.finish(tx, o)
		})
		if err != nil {
			return err
		}
		return s.settle(tx, o.Person, c, ch)
	})
	if err != nil {
		return Opened{}, err
	}
	return s.opened(row, x.token)
}

// admit opens a session in a transaction, if the account may sign in. use uses up
// what was shown for it.
func (s *Sessions) admit(tx *guard.Tx, x opening, use func() error) (sessionRow, error) {
	if err := tx.Allow(sessionOpen, resource(x.id, x.person, tx.Actor()), guard.Context{}); err != nil {
		return sessionRow{}, err
	}
	tx.Note("how", term(x.got.by))
	if err := use(); err != nil {
		return sessionRow{}, err
	}
	p, err := s.mayEnter(&tx.Reader, x.person, tx.Now())
	if err != nil {
		return sessionRow{}, err
	}
	granted, err := s.rights(&tx.Reader, x.person, p, x.got.by)
	if err != nil {
		return sessionRow{}, err
	}
	now := s.o.Real.Now()
	row, err := s.newRow(x, granted, now)
	if err != nil {
		return sessionRow{}, err
	}
	if err := s.notice(tx, x.person, x.caller, now); err != nil {
		return sessionRow{}, err
	}
	return row, s.keep(tx, row, now)
}

func (s *Sessions) opened(row sessionRow, token Token) (Opened, error) {
	x, err := s.openRow(row)
	return Opened{Token: token, Session: x}, err
}

// mayEnter says why an account may not sign in. Who hears it has shown two
// factors.
func (s *Sessions) mayEnter(r *db.Reader, person string, now time.Time) (Person, error) {
	p, err := s.o.People.Person(r, person, now)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return Person{}, err
	}
	if err != nil || !p.Active {
		return Person{}, strongroom.Faultf(strongroom.Denied, "account-inactive", "the account may not sign in now").
			Advise("ask who manages accounts: it is not enrolled, suspended, ended, or outside the dates of employment")
	}
	l, err := loadLock(r, person)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return Person{}, err
	}
	if err == nil && s.lockOf(l).complete {
		return Person{}, strongroom.Faultf(strongroom.Denied, "account-locked", "the account is locked").Advise("have another person unlock it")
	}
	return p, nil
}

// Concurrent is how recently another session of the person must have been used
// for a sign-in from another network to be noticed as concurrent.
const Concurrent = 15 * time.Minute

// notice notes in the event what is unusual about a sign-in (DPP 2.2.5, 2.2.8),
// and remembers network and device.
func (s *Sessions) notice(tx *guard.Tx, person string, c Caller, now time.Time) error {
	var kinds []audit.Term
	before, err := knownOf(&tx.Reader, person)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		mark []byte
		word audit.Term
	}{{s.networkMark(person, c), audit.Word("new-network")}, {s.familyMark(person, c), audit.Word("new-device")}} {
		if before > 0 {
			if ok, err := isKnown(&tx.Reader, x.mark); err != nil {
				return err
			} else if !ok {
				kinds = append(kinds, x.word)
			}
		}
		if err := setKnown(tx, x.mark, person, db.Micros(now)); err != nil {
			return err
		}
	}
	rows, err := sessionsOf(&tx.Reader, person, never)
	if err != nil {
		return err
	}
	for _, r := range rows {
		x, err := s.openRow(r)
		if err != nil {
			continue // a row that was edited is refused wherever it counts
		}
		if s.alive(x, now) == "" && x.network != network(c.Source) && now.Sub(x.Used) < Concurrent {
			kinds = append(kinds, audit.Word("concurrent"))
			break
		}
	}
	if len(kinds) > 0 {
		tx.Note("kinds", kinds)
	}
	return nil
}

// settle forgets the failures of an account that was signed in to, and takes back
// what this sign-in counted for its source. What strangers failed at stands where
// the person came from a network of their own.
func (s *Sessions) settle(tx *guard.Tx, person string, c Caller, ch charged) error {
	if err := s.refund(tx, ch); err != nil || len(ch.counters) == 0 {
		return err
	}
	for _, kind := range []string{passwords, factors} {
		if err := dropAttempt(tx, s.accountMark(kind, person, c, ch.trusted)); err != nil {
			return err
		}
	}
	return nil
}

// term is how somebody signed in, as the log says it.
func term(by []Method) audit.Term {
	if len(by) == 0 {
		return audit.Word("nothing")
	}
	alone := len(by) == 1
	switch by[len(by)-1] {
	case ByTOTP:
		return audit.Word("password-totp")
	case ByRecovery:
		return audit.Word("password-recovery")
	case ByPasskey:
		if alone {
			return audit.Word("passkey")
		}
		return audit.Word("password-passkey")
	case ByProvider:
		return audit.Word("provider")
	case ByPassword:
	}
	return audit.Word("password")
}

func clip(agent string) string { return agent[:min(len(agent), maxAgent)] }
