package people

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// FactorKind is a way to show who one is beside a password.
type FactorKind string

// The kinds of factors. A passkey that verifies its holder is two factors by
// itself; a recovery code stands in once for an authenticator app.
const (
	TOTP     FactorKind = "totp"
	Passkey  FactorKind = "passkey"
	Recovery FactorKind = "recovery"
)

// maxPasskeys is how many passkeys an account may have; ours.
const maxPasskeys = 20

// Factor is something a person shows, without what proves it.
type Factor struct {
	ID      string // "fct_…"
	Kind    FactorKind
	Created time.Time
	Used    time.Time // zero if never
	Pending bool      // an authenticator app that was not confirmed with a code
	Model   string    // of a passkey: the authenticator's model in hex; zeros if it does not tell
}

// kept is what is sealed of a factor.
type kept struct {
	Secret []byte `json:"s,omitempty"` // of an authenticator app
	Record []byte `json:"r,omitempty"` // of a passkey
	Model  string `json:"m,omitempty"`
}

func (p *People) bindFactor(r factorRow) []byte {
	return p.ad("people_factor", r.id, r.person, r.kind, r.lookup, r.created, r.used, r.step, flag(r.pending))
}

func (p *People) sealFactor(k seal.Key, r factorRow, x kept) (factorRow, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return r, err
	}
	r.sealed = k.Seal(nil, p.bindFactor(r), text)
	return r, nil
}

func (p *People) openFactor(k seal.Key, r factorRow) (x kept, err error) {
	text, err := k.Open(nil, p.bindFactor(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &x)
	}
	if err != nil {
		return x, damaged(r.person)
	}
	return x, nil
}

// proofs returns what a person could sign in with.
func (p *People) proofs(r *db.Reader, person string) (hasPassword bool, rows []factorRow, err error) {
	passwords, err := passwordsOf(r, person)
	if err != nil {
		return false, nil, err
	}
	rows, err = factorsOf(r, person)
	return slices.ContainsFunc(passwords, func(x passwordRow) bool { return x.current }), rows, err
}

// enough reports whether it is two factors (DPP 2.4.7).
func enough(hasPassword bool, rows []factorRow) bool {
	return slices.ContainsFunc(rows, func(r factorRow) bool {
		return !r.pending && (r.kind == string(Passkey) || hasPassword && r.kind == string(TOTP))
	})
}

// enrolled reports whether a person has what a sign-in needs.
func (p *People) enrolled(r *db.Reader, person string) (bool, error) {
	hasPassword, rows, err := p.proofs(r, person)
	return err == nil && enough(hasPassword, rows), err
}

// Factors lists what a person shows: the own, or with the right to read others.
// Of recovery codes it lists those that are left.
func (p *People) Factors(ctx context.Context, who strongroom.Actor, person string) (out []Factor, pw Password, err error) {
	a := personRead
	if who.ID == person {
		a = accountRead
	}
	err = p.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if denied := v.Allow(a, resourceOf(person, who), guard.Context{}); denied != nil {
			return denied
		}
		_, k, err := p.load(&v.Reader, person)
		if err != nil || k.IsZero() {
			return err
		}
		if pw, err = p.PasswordOf(&v.Reader, person, v.Now()); err != nil {
			return err
		}
		rows, err := factorsOf(&v.Reader, person)
		if err != nil {
			return err
		}
		for _, r := range rows {
			x, err := p.openFactor(k, r)
			if err != nil {
				return err
			}
			out = append(out, Factor{r.id, FactorKind(r.kind), db.TimeOrZero(r.created), db.TimeOrZero(r.used), r.pending, x.Model})
		}
		return nil
	})
	if err != nil {
		return nil, Password{}, err
	}
	return out, pw, nil
}

// own asks for a change of the actor's own factors.
func (p *People) own(ctx context.Context, who strongroom.Actor, fn func(tx *guard.Tx, x Person, k seal.Key, in bool) error) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		x, k, err := p.handle(tx, accountFactor, who.ID)
		if err != nil {
			return err
		}
		in, err := p.proven(&tx.Reader, who, tx.Now())
		if err != nil {
			return err
		}
		if x.State != Active && !in {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is %s", x.State)
		}
		return fn(tx, x, k, in)
	})
}

// add stores a factor.
func (p *People) add(tx *guard.Tx, k seal.Key, r factorRow, x kept) error {
	r.id, r.created = strongroom.NewID("fct"), db.Micros(tx.Now())
	r, err := p.sealFactor(k, r, x)
	if err != nil {
		return err
	}
	return insertFactor(tx, r)
}

// AddTOTP makes the secret of an authenticator app and the address for its QR
// code. It counts only once [People.ConfirmTOTP] has seen a code of it. What was
// not confirmed before is forgotten; an app in use stays until then.
func (p *People) AddTOTP(ctx context.Context, who strongroom.Actor) (secret factor.TOTPSecret, uri factor.Shown, err error) {
	secret = factor.NewTOTP()
	err = p.own(ctx, who, func(tx *guard.Tx, x Person, k seal.Key, _ bool) error {
		rows, err := factorsOf(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.kind == string(TOTP) && r.pending {
				if err := deleteFactor(tx, r.id); err != nil {
					return err
				}
			}
		}
		uri = secret.URI(p.o.Issuer, x.Email)
		lookup := make([]byte, 32)
		rand.Read(lookup) // never fails: crypto/rand aborts the program instead
		return p.add(tx, k, factorRow{person: who.ID, kind: string(TOTP), lookup: lookup, pending: true}, kept{Secret: secret.Expose(nil)})
	})
	if err != nil {
		return factor.TOTPSecret{}, factor.Shown{}, err
	}
	return secret, uri, nil
}

// ConfirmTOTP takes an authenticator app into use by a first code of it, in the
// place of the one before. A wrong code is Invalid, code "totp-code".
func (p *People) ConfirmTOTP(ctx context.Context, who strongroom.Actor, code string) error {
	return p.own(ctx, who, func(tx *guard.Tx, _ Person, k seal.Key, _ bool) error {
		rows, err := factorsOf(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.kind != string(TOTP) || !r.pending {
				continue
			}
			ok, err := p.tryTOTP(tx, k, r, code, p.o.Real.Now())
			if err != nil {
				return err
			}
			if !ok {
				return strongroom.Faultf(strongroom.Invalid, "totp-code", "the code is not the app's").
					Advise("check that the clock of the device is right and enter the next one")
			}
			return p.dropOthers(tx, rows, r.id)
		}
		return strongroom.Faultf(strongroom.Conflict, "totp-none", "no authenticator app waits to be confirmed")
	})
}

// dropOthers removes the authenticator apps but one.
func (p *People) dropOthers(tx *guard.Tx, rows []factorRow, id string) error {
	for _, r := range rows {
		if r.kind == string(TOTP) && r.id != id {
			if err := deleteFactor(tx, r.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// tryTOTP reports whether code is a new one of r's, and keeps its step if so.
func (p *People) tryTOTP(tx *guard.Tx, k seal.Key, r factorRow, code string, at time.Time) (bool, error) {
	x, err := p.openFactor(k, r)
	if err != nil {
		return false, err
	}
	secret, err := factor.TOTPFrom(x.Secret)
	clear(x.Secret)
	if err != nil {
		return false, err
	}
	step, ok := secret.Verify(code, at)
	if !ok || step <= r.step {
		return false, nil
	}
	r.step, r.used, r.pending = step, db.Micros(tx.Now()), false
	if r, err = p.sealFactor(k, r, kept{Secret: secret.Expose(nil)}); err != nil {
		return false, err
	}
	return true, updateFactor(tx, r)
}

// newRecovery replaces the recovery codes.
func (p *People) newRecovery(tx *guard.Tx, k seal.Key, person string) ([]factor.Code, error) {
	if err := deleteKind(tx, person, Recovery); err != nil {
		return nil, err
	}
	codes := factor.NewRecovery(factor.RecoveryCodes)
	for _, c := range codes {
		digest := c.Digest(p.mac, person)
		if err := p.add(tx, k, factorRow{person: person, kind: string(Recovery), lookup: digest[:]}, kept{}); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// RecoveryCodes makes a new set of codes in the place of the old one. They are in
// the answer and nowhere else.
func (p *People) RecoveryCodes(ctx context.Context, who strongroom.Actor) (codes []factor.Code, err error) {
	err = p.own(ctx, who, func(tx *guard.Tx, _ Person, k seal.Key, in bool) error {
		if codes, err = p.newRecovery(tx, k, who.ID); err != nil || in {
			return err
		}
		return run(p.o.Changed, tx, who.ID)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// Remove takes one of the own factors away, but not the last one that makes two
// (Conflict, code "second-factor").
func (p *People) Remove(ctx context.Context, who strongroom.Actor, id string) error {
	return p.own(ctx, who, func(tx *guard.Tx, _ Person, _ seal.Key, in bool) error {
		hasPassword, rows, err := p.proofs(&tx.Reader, who.ID)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(rows), func(r factorRow) bool { return r.id == id })
		if len(left) == len(rows) {
			return strongroom.Faultf(strongroom.NotFound, "factor", "there is no such factor")
		}
		if !in && !enough(hasPassword, left) {
			return strongroom.Faultf(strongroom.Conflict, "second-factor", "it is the last second factor").
				Advise("add another first")
		}
		return deleteFactor(tx, id)
	})
}

// noFactor says that somebody who signs in is not there.
func noFactor() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "factor-wrong", "this does not prove who signs in")
}

// Offers returns the kinds of second factors a person has, for a sign-in that has
// seen the password.
func (p *People) Offers(r *db.Reader, person string) (kinds []FactorKind, err error) {
	rows, err := factorsOf(r, person)
	for _, row := range rows {
		if k := FactorKind(row.kind); !row.pending && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, err
}

// UseTOTP accepts a code of a person's authenticator app at a real time, inside the
// transaction of a sign-in, once: the same code is refused afterwards. Where it
// answers false nothing was changed.
func (p *People) UseTOTP(tx *guard.Tx, person, code string, at time.Time) (bool, error) {
	k, err := p.keyOf(&tx.Reader, person)
	if err != nil {
		return false, unlessWrong(err)
	}
	rows, err := factorsOf(&tx.Reader, person)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r.kind != string(TOTP) || r.pending {
			continue
		}
		if ok, err := p.tryTOTP(tx, k, r, code, at); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// UseRecovery accepts one of a person's recovery codes, once, in the place of a
// code of the app. Where it answers false nothing was changed.
func (p *People) UseRecovery(tx *guard.Tx, person, text string) (bool, error) {
	code, err := factor.ParseRecovery(text)
	if err != nil {
		return false, nil
	}
	k, err := p.keyOf(&tx.Reader, person)
	if err != nil {
		return false, unlessWrong(err)
	}
	digest := code.Digest(p.mac, person)
	row, err := findFactor(&tx.Reader, digest[:])
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && (row.person != person || row.kind != string(Recovery)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := p.openFactor(k, row); err != nil { // a row that somebody put there
		return false, err
	}
	return true, deleteFactor(tx, row.id)
}

// keyOf returns the key of a person who signs in; one who is not there has shown
// nothing.
func (p *People) keyOf(r *db.Reader, person string) (seal.Key, error) {
	if !IsID(person) {
		return seal.Key{}, noFactor()
	}
	k, err := p.key(r, person)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return k, noFactor()
	}
	return k, err
}
