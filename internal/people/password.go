package people

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/password"
	"strongroom/internal/seal"
)

// Password is where the password of an account stands.
type Password struct {
	None       bool      // there is none: the account has passkeys alone, and no rule applies
	Set        time.Time // when it was set, by the data clock
	Ends       time.Time // when it is too old (DPP 2.4.6)
	Expired    bool      // it is too old: it may be used to set a new one and for nothing else
	MustChange bool      // somebody asked for a new one: as Expired
}

func (p *People) state(r passwordRow, now time.Time) Password {
	set := db.TimeOrZero(r.set)
	ends := set.Add(p.o.Profile.MaxAge)
	return Password{Set: set, Ends: ends, Expired: !now.Before(ends), MustChange: r.must}
}

func wrongPassword() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "password-wrong", "the account or the password is not known")
}

// VerifyPassword checks what was typed as a person's password. It records nothing
// but a hash made anew at a higher cost: the sign-in records what comes of it,
// counts failures, and looks at the state of the account. person may be empty or
// unknown; then it takes as long and fails alike. The fault is Unauthenticated
// (code "password-wrong").
func (p *People) VerifyPassword(ctx context.Context, person string, typed []byte) (Password, error) {
	normal, err := password.Normal(typed)
	if err != nil {
		normal = []byte("no password") // it is too long or no text; it takes its time all the same
	}
	defer clear(normal)
	var s secrets
	var now time.Time
	lerr := p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		now = r.Now()
		var err error
		s, err = p.secrets(r, person)
		return err
	})
	if lerr != nil && !strongroom.IsKind(lerr, strongroom.NotFound) {
		return Password{}, lerr
	}
	i := s.current()
	if i < 0 || err != nil {
		if _, err := p.slowly(ctx, "", normal, p.o.Cost); err != nil {
			return Password{}, err
		}
		return Password{}, wrongPassword()
	}
	ok, err := p.matches(ctx, person, normal, s.hashes[i])
	if err != nil {
		return Password{}, err
	}
	if !ok {
		return Password{}, wrongPassword()
	}
	if cheaper(s.hashes[i].Params, p.o.Cost) {
		p.rehash(ctx, person, s.rows[i].id, normal)
	}
	return p.state(s.rows[i], now), nil
}

// SetPassword sets the own password: in an enrolment without an old one, else with
// it, and two factors shown a moment ago. Faults: Invalid with everything that is
// wrong with the new one (DPP 2.4.2 to 2.4.4), Conflict "password-used" for one of
// those before, Conflict "password-young" before the least age is reached
// (DPP 2.4.5), Denied "password-wrong" for a wrong old one, Exhausted after too many of these. A change that somebody
// asked for need not wait; that is recorded.
func (p *People) SetPassword(ctx context.Context, who strongroom.Actor, old, typed []byte) error {
	var s secrets
	in := false
	err := p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		if s, err = p.secrets(r, who.ID); err != nil {
			return err
		}
		// Who may not change it now learns nothing more, and costs no hash.
		in, err = p.mayChange(r, who, s, r.Now())
		return err
	})
	var h hashed
	if err == nil {
		h, err = p.accept(ctx, who, s, in, old, typed)
	}
	if err != nil {
		return p.refuse(ctx, who, accountPassword, resourceOf(who.ID, who), err)
	}
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		_, k, err := p.handle(tx, accountPassword, who.ID)
		if err != nil {
			return err
		}
		now, err := p.secrets(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		if in, err = p.mayChange(&tx.Reader, who, now, tx.Now()); err != nil {
			return err
		}
		if !same(now.rows, s.rows) {
			return strongroom.Faultf(strongroom.Conflict, "password-changed", "the password was changed meanwhile").Advise("try again")
		}
		if i := now.current(); i >= 0 && now.rows[i].must {
			tx.Note("mode", audit.Word("forced"))
		}
		if err := p.retire(tx, k, now); err != nil {
			return err
		}
		row, err := p.sealPassword(k, passwordRow{id: strongroom.NewID("pwd"), person: who.ID, set: db.Micros(tx.Now()), current: true}, h)
		if err != nil {
			return err
		}
		if err := insertPassword(tx, row); err != nil || in {
			return err
		}
		return run(p.o.Changed, tx, who.ID)
	})
}

// mayChange says whether the actor may set the own password at a time, before
// anything slow is done.
func (p *People) mayChange(r *db.Reader, who strongroom.Actor, s secrets, now time.Time) (inEnrolment bool, err error) {
	if inEnrolment, err = p.proven(r, who, now); err != nil || inEnrolment {
		return inEnrolment, err
	}
	if s.person.State != Active {
		return false, strongroom.Faultf(strongroom.Conflict, "person-state", "the account is %s", s.person.State)
	}
	if i := s.current(); i >= 0 && !s.rows[i].must && now.Sub(db.TimeOrZero(s.rows[i].set)) < p.o.Profile.MinAge {
		return false, strongroom.Faultf(strongroom.Conflict, "password-young", "the password is younger than %.4g hours", p.o.Profile.MinAge.Hours()).
			Advise("wait, or have it reset if somebody else may know it")
	}
	return false, nil
}

// accept checks a new password against all rules, and the old one, and hashes it.
func (p *People) accept(ctx context.Context, who strongroom.Actor, s secrets, inEnrolment bool, old, typed []byte) (hashed, error) {
	subject := password.Subject{Name: s.person.Name, Emails: []string{s.person.Email}, Words: p.o.Words}
	if err := p.o.Profile.Refuse(typed, subject); err != nil {
		return hashed{}, err
	}
	if p.o.Breached != nil {
		out, err := p.o.Breached(typed)
		if err != nil {
			return hashed{}, err
		}
		if out {
			return hashed{}, strongroom.Faultf(strongroom.Invalid, "password-breached", "the password came out in a breach elsewhere").
				Advise("choose another, and change it wherever else it is used")
		}
	}
	normal, err := password.Normal(typed)
	if err != nil {
		return hashed{}, err
	}
	defer clear(normal)
	if i := s.current(); i >= 0 && !inEnrolment {
		if err := p.present(ctx, who, s.hashes[i], old); err != nil {
			return hashed{}, err
		}
	}
	for _, h := range s.hashes {
		used, err := p.matches(ctx, s.person.ID, normal, h)
		if err != nil {
			return hashed{}, err
		}
		if used {
			return hashed{}, strongroom.Faultf(strongroom.Conflict, "password-used", "the password is one of the last %d", p.o.Profile.History+1).
				Advise("choose one that was not used before")
		}
	}
	return p.hash(ctx, s.person.ID, normal)
}

// retire makes the password in use a former one, and forgets those that are more
// than the history holds.
func (p *People) retire(tx *guard.Tx, k seal.Key, s secrets) error {
	for i, r := range s.rows {
		if i >= p.o.Profile.History {
			if err := deletePassword(tx, r.id); err != nil {
				return err
			}
			continue
		}
		if !r.current {
			continue
		}
		r.current, r.must = false, false
		sealed, err := p.sealPassword(k, r, s.hashes[i])
		if err != nil {
			return err
		}
		if err := updatePassword(tx, sealed); err != nil {
			return err
		}
	}
	return nil
}

// RequireChange has a person set a new password at the next sign-in, without
// regard to its age: another person's decision, after a compromise.
func (p *People) RequireChange(ctx context.Context, who strongroom.Actor, id string) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		_, k, err := p.handle(tx, personReset, id)
		if err != nil {
			return err
		}
		s, err := p.secrets(&tx.Reader, id)
		if err != nil {
			return err
		}
		i := s.current()
		if i < 0 {
			return strongroom.Faultf(strongroom.Conflict, "no-password", "the account has no password")
		}
		r := s.rows[i]
		r.must = true
		if r, err = p.sealPassword(k, r, s.hashes[i]); err != nil {
			return err
		}
		tx.Ends(id) // whoever signed in with it has no right until it is changed
		return updatePassword(tx, r)
	})
}

// PasswordOf returns where a person's password stands at a time of the data clock.
func (p *People) PasswordOf(r *db.Reader, person string, now time.Time) (Password, error) {
	_, k, err := p.load(r, person)
	if err != nil || k.IsZero() {
		return Password{None: true}, err
	}
	return p.passwordOf(r, k, person, now)
}

func (p *People) passwordOf(r *db.Reader, k seal.Key, person string, now time.Time) (Password, error) {
	row, err := currentPassword(r, person)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return Password{None: true}, nil
	}
	if err != nil {
		return Password{}, err
	}
	if _, err := p.openPassword(k, row); err != nil { // its date counts only if nobody changed it
		return Password{}, err
	}
	return p.state(row, now), nil
}
