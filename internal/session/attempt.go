package session

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// never is the end of a wait that has none.
const never = math.MaxInt64

// What is counted apart.
const (
	passwords = "password"
	factors   = "factor"
)

// counter counts failures in a row of one account or source.
type counter struct {
	mark   []byte
	person string // the account it belongs to; empty for a source
	closes bool   // after all its waits it stays closed until somebody unlocks
}

// charged is an attempt that was counted and may now be made.
type charged struct {
	counters []counter
	trusted  bool // the person signed in from this network before
	closed   bool // this one was the last before the account stays closed
}

// counters finds what an attempt at an account from a caller counts for. kind
// tells passwords from second factors.
func (s *Sessions) counters(r *db.Reader, kind, person string, c Caller) (ch charged, err error) {
	if ch.trusted, err = isKnown(r, s.networkMark(person, c)); err != nil {
		return ch, err
	}
	ch.counters = []counter{{mark: s.accountMark(kind, person, c, ch.trusted), person: person, closes: true}}
	if kind == passwords {
		// Who has shown the password need not wait for others at the same source.
		ch.counters = append(ch.counters, counter{mark: s.mark("source", origin(c.Source))})
	}
	// Two processes take their rows in one order.
	slices.SortFunc(ch.counters, func(a, b counter) int { return bytes.Compare(a.mark, b.mark) })
	return ch, nil
}

// accountMark names the counter of an account. A network the person signed in from
// before has one of its own, so that strangers elsewhere do not use it up.
func (s *Sessions) accountMark(kind, person string, c Caller, trusted bool) []byte {
	if trusted {
		return s.mark("attempt", kind, person, network(c.Source))
	}
	return s.mark("attempt", kind, person)
}

func (s *Sessions) networkMark(person string, c Caller) []byte {
	return s.mark("network", person, network(c.Source))
}

func (s *Sessions) familyMark(person string, c Caller) []byte {
	return s.mark("family", person, family(c.Agent))
}

// charge counts an attempt before it is made. While a counter waits, nothing is
// counted and the fault is Exhausted.
func (s *Sessions) charge(ctx context.Context, kind string, o signIn, c Caller) (charged, error) {
	var ch charged
	err := s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		var err error
		if ch, err = s.counters(r, kind, o.Person, c); err != nil {
			return err
		}
		// A flood that has to wait takes no turn of the writer.
		return s.waiting(r, ch.counters)
	})
	if err == nil {
		err = s.count(ctx, &ch)
	}
	if strongroom.IsKind(err, strongroom.Exhausted) {
		s.o.Refused(ctx, c.Source, codeOf(err))
	}
	return ch, err
}

// waiting returns Exhausted if one of the counters waits.
func (s *Sessions) waiting(r *db.Reader, cs []counter) error {
	now := db.Micros(s.o.Real.Now())
	for _, c := range cs {
		a, err := s.attempts(r, c)
		if err != nil {
			return err
		}
		if a.until > now {
			return s.errWait()
		}
	}
	return nil
}

// count adds one to each counter, or to none if one of them waits. It takes the rows
// first and looks then: they are held while another process wants to add as well.
func (s *Sessions) count(ctx context.Context, ch *charged) error {
	now := s.o.Real.Now()
	at, blocked := db.Micros(now), false
	err := s.o.Guard.Quiet(ctx, guard.Attempt, func(_ context.Context, tx *guard.Tx) error {
		blocked, ch.closed = false, false
		rows := make([]attemptRow, len(ch.counters))
		for i, c := range ch.counters {
			var err error
			if rows[i], err = s.hold(tx, c); err != nil {
				return err
			}
			blocked = blocked || rows[i].until > at
		}
		if blocked {
			return nil // a failure after a write would cost the others their turn
		}
		for i, c := range ch.counters {
			a := s.failedOnce(rows[i], at, now)
			wait, closed := s.p.wait(int(a.failures))
			if wait > 0 {
				a.until = db.Micros(now.Add(wait))
			}
			if closed && c.closes {
				a.until, ch.closed = never, true
			}
			if err := s.putAttempt(tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && blocked {
		err = s.errWait()
	}
	return err
}

// refund takes back an attempt that succeeded. At a source the wait stands that
// others have earned there.
func (s *Sessions) refund(tx *guard.Tx, ch charged) error {
	for _, c := range ch.counters {
		a, err := s.hold(tx, c)
		if err != nil {
			return err
		}
		if a.failures == 0 || a.damaged {
			continue
		}
		if c.person != "" || a.failures <= int64(s.p.Failures) {
			a.until = 0
		}
		a.failures--
		if err := s.putAttempt(tx, a); err != nil {
			return err
		}
	}
	return nil
}

// unlooked takes back an attempt that was not a wrong one, and returns why it came
// to nothing.
func (s *Sessions) unlooked(ctx context.Context, ch charged, why error) error {
	err := s.o.Guard.Quiet(context.WithoutCancel(ctx), guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		return s.refund(tx, ch)
	})
	if err != nil {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "an attempt stays counted", slog.String("kind", strongroom.KindOf(err).String()))
	}
	return why
}

// errWait says nothing of how long: a wait that is over soon and one without end
// answer alike, known or not.
func (s *Sessions) errWait() error {
	return strongroom.Faultf(strongroom.Exhausted, "sign-in-wait", "too many attempts have failed").
		Advise("wait, at most %d minutes; sign in with a passkey; or have the account unlocked", int(s.p.LongestWait.Minutes()))
}

// failed records that an attempt failed. That of a known account is an event;
// that of nobody is counted. Either is one commit.
func (s *Sessions) failed(ctx context.Context, o signIn, c Caller, ch charged, cause error) error {
	if !o.Real {
		s.o.Refused(ctx, c.Source, codeOf(cause))
		if err := s.touch(ctx, o, ch); err != nil {
			return err
		}
		if ch.closed {
			if err := s.touch(ctx, o, ch); err != nil { // where there is an account, it is locked
				return err
			}
		}
		return cause
	}
	err := s.o.Guard.Refused(ctx, itself(), sessionOpen, account(o.Person, strongroom.Actor{}), 0, cause)
	if ch.closed {
		if lerr := s.lock(ctx, itself(), o.Person, false, audit.Word("guessing")); lerr != nil {
			return lerr
		}
	}
	return err
}

// touch does the work of a commit for nobody.
func (s *Sessions) touch(ctx context.Context, o signIn, ch charged) error {
	return s.o.Guard.Quiet(ctx, guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		if len(ch.counters) > 0 {
			return touchAttempt(tx, ch.counters[0].mark)
		}
		return tryChallenge(tx, o.mark)
	})
}
