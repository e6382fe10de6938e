package session

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Opened is a session that was opened or verified anew, with its token.
type Opened struct {
	Token   Token
	Session Session
}

// maxAddress and maxPassword bound what is looked at, in bytes.
const (
	maxAddress  = 320
	maxPassword = 1024
)

// Begin begins a sign-in with an address. Everybody gets a challenge: whether
// there is such an account is not told.
func (s *Sessions) Begin(ctx context.Context, address string, c Caller) (Challenge, error) {
	if len(address) > maxAddress {
		address = address[:maxAddress]
	}
	id, mark, err := s.o.People.Lookup(ctx, address)
	if err != nil {
		return Challenge{}, err
	}
	t := ticket{Person: s.standIn(mark)}
	if id != "" {
		t.Person, t.Real = id, true
	}
	ch, err := s.begin(t, c)
	ch.Methods = []Method{ByPassword}
	if s.o.Relying.ID != "" {
		ch.Methods = append(ch.Methods, ByPasskey)
	}
	return ch, err
}

// standIn is what takes the place of an account for an address nobody has. It is
// the same each time, so that its counters work, and is never written to the log.
func (s *Sessions) standIn(mark []byte) string {
	m := s.mac.MAC([]byte("stand-in"), mark)
	return strongroom.IDFrom("usr", [16]byte(m[:16]))
}

// Password shows the password. The challenge that comes back says which second
// factors there are. Faults: Unauthenticated for whatever does not fit; Exhausted
// while account or source have to wait; Unavailable where too many wait already.
func (s *Sessions) Password(ctx context.Context, challenge string, typed []byte, c Caller) (Challenge, error) {
	o, err := s.find(ctx, challenge, c)
	if err != nil {
		return Challenge{}, s.stray(ctx, c, err)
	}
	if o.Password || o.Session != "" {
		return Challenge{}, s.stray(ctx, c, errOver())
	}
	if o, err = s.enrolled(ctx, o); err != nil {
		return Challenge{}, err
	}
	ch, err := s.charge(ctx, passwords, o, c)
	if err != nil {
		return Challenge{}, err
	}
	ok, err := s.verify(ctx, o.Person, typed)
	if err != nil {
		return Challenge{}, s.unlooked(ctx, ch, err)
	}
	if !ok || !o.Real {
		return Challenge{}, s.failed(ctx, o, c, ch, errWrong())
	}
	o.Password = true
	var offers []Method
	err = s.o.Guard.Quiet(ctx, guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		var err error
		if offers, err = s.o.People.Offers(&tx.Reader, o.Person); err != nil {
			return err
		}
		if err := s.advance(tx, o); err != nil {
			return err
		}
		return s.refund(tx, ch)
	})
	if err != nil {
		return Challenge{}, s.unlooked(ctx, ch, err)
	}
	return Challenge{ID: challenge, Until: db.Time(o.Until), Methods: offers}, nil
}

// enrolled returns o as it is if the account has a second factor. One that has none
// cannot sign in (DPP 2.4.7) and is treated as nobody's from here on, so that a right
// password tells no more than a wrong one. The work is the same for everybody.
func (s *Sessions) enrolled(ctx context.Context, o signIn) (signIn, error) {
	var offers []Method
	err := s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		offers, err = s.o.People.Offers(r, o.Person)
		return err
	})
	if other := s.standIn([]byte(o.Person)); o.Real && len(offers) == 0 {
		o.Person, o.Real = other, false
	}
	return o, err
}

// verify has the password verified when there is a slot: the memory of Argon2id
// is bounded, and so is the line of those who wait for it.
func (s *Sessions) verify(ctx context.Context, person string, typed []byte) (bool, error) {
	select {
	case s.line <- struct{}{}:
		defer func() { <-s.line }()
	default:
		return false, strongroom.Faultf(strongroom.Unavailable, "sign-in-busy", "too many sign-ins are waiting").Advise("try again in a moment")
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return false, strongroom.Faultf(strongroom.Unavailable, "cancelled", "the caller left before its turn").Because(ctx.Err())
	}
	if len(typed) > maxPassword {
		typed = typed[:maxPassword] // longer than any password may be, so it fits none
	}
	return s.o.People.VerifyPassword(ctx, person, typed)
}

// TOTP shows a code of an authenticator app after the password, and opens the
// session. Faults are those of [Sessions.Password]; once two factors were shown,
// Denied says why the account may not sign in.
func (s *Sessions) TOTP(ctx context.Context, challenge, code string, c Caller) (Opened, error) {
	return s.second(ctx, challenge, c, ByTOTP, func(tx *guard.Tx, person string) (bool, error) {
		return s.o.People.UseTOTP(tx, person, code, s.o.Real.Now())
	})
}

// Recovery is [Sessions.TOTP] with a recovery code.
func (s *Sessions) Recovery(ctx context.Context, challenge, code string, c Caller) (Opened, error) {
	return s.second(ctx, challenge, c, ByRecovery, func(tx *guard.Tx, person string) (bool, error) {
		return s.o.People.UseRecovery(tx, person, code)
	})
}

// second shows a second factor that is used up in the commit that opens the
// session.
func (s *Sessions) second(ctx context.Context, challenge string, c Caller, by Method, use func(tx *guard.Tx, person string) (bool, error)) (Opened, error) {
	o, err := s.find(ctx, challenge, c)
	if err == nil && (!o.Password || o.Session != "") {
		err = errOver()
	}
	if err != nil {
		return Opened{}, s.stray(ctx, c, err)
	}
	ch, err := s.charge(ctx, factors, o, c)
	if err != nil {
		return Opened{}, err
	}
	got := shown{knows: true, has: true, by: []Method{ByPassword, by}}
	out, err := s.open(ctx, o, c, got, ch, func(tx *guard.Tx) error {
		ok, err := use(tx, o.Person)
		if err == nil && !ok {
			err = errFactor()
		}
		return err
	})
	switch {
	case err == nil:
		return out, nil
	case !strongroom.IsKind(err, strongroom.Unauthenticated):
		err = s.unlooked(ctx, ch, err)
	case ch.closed:
		err = s.closing(ctx, o.Person, err)
	}
	return Opened{}, err
}

// stray counts a failure that is nobody's and returns it.
func (s *Sessions) stray(ctx context.Context, c Caller, err error) error {
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		s.o.Refused(ctx, c.Source, codeOf(err))
	}
	return err
}
