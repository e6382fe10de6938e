package people

import (
	"context"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// passkeyLookup is what a passkey is found by: a keyed hash of its id.
func (p *People) passkeyLookup(id []byte) []byte {
	d := p.mac.MAC([]byte("passkey"), id)
	return d[:]
}

// passkeyRecords returns the records of a person's passkeys.
func (p *People) passkeyRecords(r *db.Reader, k seal.Key, person string) (records [][]byte, err error) {
	rows, err := factorsOf(r, person)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.kind != string(Passkey) {
			continue
		}
		x, err := p.openFactor(k, row)
		if err != nil {
			return nil, err
		}
		records = append(records, x.Record)
	}
	return records, nil
}

// AddPasskey begins the making of a passkey for the own account and returns the
// options for the browser. A second beginning ends the first.
func (p *People) AddPasskey(ctx context.Context, who strongroom.Actor) (options []byte, err error) {
	err = p.own(ctx, who, func(tx *guard.Tx, x Person, k seal.Key, _ bool) error {
		known, err := p.passkeyRecords(&tx.Reader, k, who.ID)
		if err != nil {
			return err
		}
		if len(known) >= maxPasskeys {
			return strongroom.Faultf(strongroom.Conflict, "passkey-many", "an account has at most %d passkeys", maxPasskeys)
		}
		at := p.o.Real.Now()
		var state []byte
		user := factor.User{Handle: []byte(who.ID), Name: x.Email, Display: x.Name}
		if options, state, err = p.o.Relying.BeginRegistration(user, known, at); err != nil {
			return err
		}
		expires := micros(at.Add(factor.CeremonyLife))
		return putCeremony(tx, who.ID, k.Seal(nil, p.ad("people_ceremony", who.ID), state), expires)
	})
	if err != nil {
		return nil, err
	}
	return options, nil
}

// FinishPasskey takes the browser's answer and keeps the passkey. The ceremony is
// over with the first answer, right or wrong. A passkey that does not verify who
// holds it is refused (Invalid, code "passkey-unverified"): it would be one factor.
func (p *People) FinishPasskey(ctx context.Context, who strongroom.Actor, answer []byte) error {
	var wrong error
	var receipt *guard.Receipt
	err := p.own(ctx, who, func(tx *guard.Tx, _ Person, k seal.Key, _ bool) error {
		wrong, receipt = nil, tx.Receipt()
		sealed, err := loadCeremony(&tx.Reader, who.ID)
		if strongroom.IsKind(err, strongroom.NotFound) {
			return strongroom.Faultf(strongroom.Conflict, "passkey-state", "no passkey is being made").Advise("start again")
		}
		if err != nil {
			return err
		}
		if err := deleteCeremony(tx, who.ID); err != nil {
			return err
		}
		state, err := k.Open(nil, p.ad("people_ceremony", who.ID), sealed)
		if err != nil {
			return damaged(who.ID)
		}
		made, err := p.o.Relying.FinishRegistration(state, answer, p.o.Real.Now())
		if err == nil && made.Factors() != 2 {
			err = strongroom.Faultf(strongroom.Invalid, "passkey-unverified", "the passkey did not verify who holds it").
				Advise("set up a PIN or a finger on the authenticator")
		}
		if err == nil {
			err = p.keepPasskey(tx, k, who.ID, made)
		}
		if strongroom.IsKind(err, strongroom.Internal) || strongroom.IsKind(err, strongroom.Unavailable) {
			return err
		}
		wrong = err // the ceremony is over all the same, so this commits
		return nil
	})
	if err != nil || wrong == nil {
		return err
	}
	f := codeOf(wrong)
	if index, ok := receipt.Index(); ok {
		if err := p.o.Guard.Failed(ctx, who, accountFactor, account(who.ID, who), f, index); err != nil {
			return err
		}
	}
	return wrong
}

func (p *People) keepPasskey(tx *guard.Tx, k seal.Key, person string, made factor.Passkey) error {
	if string(made.Handle) != person {
		return strongroom.Faultf(strongroom.Invalid, "passkey-state", "the ceremony was another person's")
	}
	lookup := p.passkeyLookup(made.ID)
	switch _, err := findFactor(&tx.Reader, lookup); {
	case err == nil:
		return strongroom.Faultf(strongroom.Conflict, "passkey-known", "the passkey is known already")
	case !strongroom.IsKind(err, strongroom.NotFound):
		return err
	}
	return p.add(tx, k, factorRow{person: person, kind: string(Passkey), lookup: lookup}, kept{Record: made.Record, Model: made.Model})
}

// BeginPasskey begins the use of a passkey at a sign-in or a step-up. With a person
// it asks for one of theirs; without, or where the person has none, for any the
// authenticator finds by itself, so that the answer names no account. The caller
// keeps state, which must not be forged, and deletes it with the first answer.
func (p *People) BeginPasskey(ctx context.Context, person string) (options, state []byte, err error) {
	var records [][]byte
	if IsID(person) {
		err = p.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
			k, err := p.key(r, person)
			if err != nil {
				return err
			}
			records, err = p.passkeyRecords(r, k, person)
			return err
		})
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return nil, nil, err
		}
	}
	var handle []byte
	if len(records) > 0 {
		handle = []byte(person)
	}
	return p.o.Relying.BeginAssertion(handle, records, p.o.Real.Now())
}

// Proof is what the use of a passkey proved.
type Proof struct {
	Person  string
	Factor  string // the passkey's id, "fct_…"
	Factors int    // two if the authenticator verified the person, one for presence, none for a copy
	Cloned  bool
}

// UsePasskeyTx checks the browser's answer inside the transaction of a sign-in and
// keeps the passkey's new record. The fault is Unauthenticated. Only Factors of two
// is a sign-in by itself (DPP 2.4.7); what is less the caller refuses or counts as
// one beside a password.
func (p *People) UsePasskeyTx(tx *guard.Tx, state, answer []byte) (Proof, error) {
	var row factorRow
	var k seal.Key
	find := func(handle, id []byte) ([]byte, error) {
		var err error
		if row, err = findFactor(&tx.Reader, p.passkeyLookup(id)); err != nil {
			return nil, err
		}
		if row.person != string(handle) || row.kind != string(Passkey) {
			return nil, noPerson()
		}
		if k, err = p.key(&tx.Reader, row.person); err != nil {
			return nil, err
		}
		x, err := p.openFactor(k, row)
		return x.Record, err
	}
	used, err := p.o.Relying.FinishAssertion(state, answer, find, p.o.Real.Now())
	if err != nil {
		return Proof{}, err
	}
	row.used = micros(tx.Now())
	if row, err = p.sealFactor(k, row, kept{Record: used.Record, Model: used.Model}); err != nil {
		return Proof{}, err
	}
	return Proof{Person: row.person, Factor: row.id, Factors: used.Factors(), Cloned: used.Cloned}, updateFactor(tx, row)
}

// codeOf returns the code of a fault.
func codeOf(err error) string {
	if f, ok := err.(*strongroom.Fault); ok {
		return f.Code
	}
	return "internal"
}
