package session

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
)

// BeginPasskey begins a sign-in by passkey alone: the authenticator finds the
// account by itself, so nobody is told whether one exists. options is the JSON for
// navigator.credentials.get.
func (s *Sessions) BeginPasskey(ctx context.Context, c Caller) (ch Challenge, options []byte, err error) {
	if s.o.Relying.ID == "" {
		return Challenge{}, nil, strongroom.Faultf(strongroom.Conflict, "passkey-off", "there are no passkeys here").
			Advise("they need a domain that people reach the instance by: public_url in the configuration")
	}
	options, state, err := s.o.Relying.BeginAssertion(nil, nil, s.o.Real.Now())
	if err != nil {
		return Challenge{}, nil, err
	}
	ch, err = s.begin(ticket{Ceremony: state}, c)
	ch.Methods = []Method{ByPasskey}
	return ch, options, err
}

// SecondPasskey begins the use of a passkey as the second factor, after the
// password.
func (s *Sessions) SecondPasskey(ctx context.Context, challenge string, c Caller) (options []byte, err error) {
	o, err := s.find(ctx, challenge, c)
	if err == nil && (!o.Password || o.Session != "") {
		err = errOver()
	}
	if err != nil {
		return nil, s.stray(ctx, c, err)
	}
	options, o.Ceremony, err = s.askPasskey(ctx, o.Person)
	if err != nil {
		return nil, err
	}
	return options, s.o.Guard.Quiet(ctx, guard.Outcome, func(_ context.Context, tx *guard.Tx) error {
		return s.advance(tx, o)
	})
}

// askPasskey begins an assertion by one of the passkeys of a person.
func (s *Sessions) askPasskey(ctx context.Context, person string) (options, state []byte, err error) {
	var handle []byte
	var records [][]byte
	err = s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		handle, records, err = s.o.People.Passkeys(r, person)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if len(records) == 0 {
		return nil, nil, strongroom.Faultf(strongroom.NotFound, "passkey-none", "the account has no passkey").Advise("use another way")
	}
	return s.o.Relying.BeginAssertion(handle, records, s.o.Real.Now())
}

// Passkey ends a sign-in by the answer of a passkey. Alone, the passkey must have
// verified the person on this very assertion: presence is one factor and is
// refused. After the password presence is enough. A ceremony takes one answer,
// right or wrong.
func (s *Sessions) Passkey(ctx context.Context, challenge string, answer []byte, c Caller) (Opened, error) {
	o, err := s.find(ctx, challenge, c)
	if err == nil && (len(o.Ceremony) == 0 || o.Session != "") {
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
	if err == nil && o.Password && a.person != o.Person {
		err = errFactor()
	}
	if err != nil {
		if !o.Password && a.person != "" {
			o.Person, o.Real = a.person, true
		}
		return Opened{}, s.failed(ctx, o, c, charged{}, err)
	}
	got := shown{knows: o.Password, has: true, is: a.used.Factors() == 2, by: []Method{ByPasskey}}
	if o.Password {
		got.by = []Method{ByPassword, ByPasskey}
	}
	o.Person, o.Real = a.person, true
	if !got.two() {
		return Opened{}, s.failed(ctx, o, c, charged{}, errUnverified())
	}
	return s.open(ctx, o, c, got, charged{}, func(tx *guard.Tx) error {
		return s.o.People.KeepPasskey(tx, a.person, a.used, a.old)
	})
}

// takeCeremony takes the state of a passkey ceremony out of its challenge, so that
// there is no second answer to it.
func (s *Sessions) takeCeremony(ctx context.Context, o *signIn) (state []byte, err error) {
	next := *o
	next.Ceremony = nil
	err = s.o.Guard.Quiet(ctx, guard.Attempt, func(_ context.Context, tx *guard.Tx) error {
		return s.advance(tx, next)
	})
	state = o.Ceremony
	*o = next
	o.step, o.kept = o.step+1, true
	return state, err
}

// asserted is what the answer of a passkey has proved.
type asserted struct {
	person string // whose passkey it is; set as soon as it is known
	used   factor.Passkey
	old    []byte // the record before
}

// assert looks at the answer of a passkey. One that was copied proves nothing.
func (s *Sessions) assert(ctx context.Context, state, answer []byte) (a asserted, err error) {
	find := func(handle, id []byte) ([]byte, error) {
		err := s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
			var err error
			a.person, a.old, err = s.o.People.Passkey(r, handle, id)
			return err
		})
		return a.old, err
	}
	a.used, err = s.o.Relying.FinishAssertion(state, answer, find, s.o.Real.Now())
	if err == nil && a.used.Factors() == 0 {
		err = strongroom.Faultf(strongroom.Unauthenticated, "passkey-copied", "the passkey may have been copied").
			Advise("remove it and make another")
	}
	return a, err
}

func errUnverified() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "passkey-unverified", "the passkey did not verify who holds it").
		Advise("set a PIN or a fingerprint for it, or sign in with password and passkey")
}
