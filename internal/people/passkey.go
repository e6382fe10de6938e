package people

import (
	"bytes"
	"context"
	"errors"

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
		expires := db.Micros(at.Add(factor.CeremonyLife))
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

// Passkeys returns what the use of a passkey begins with: the person's handle and
// the records of the passkeys. Both are empty where there is none, or nobody: the
// sign-in then asks for any passkey, which names no account. The records are for
// package factor.
func (p *People) Passkeys(r *db.Reader, person string) (handle []byte, records [][]byte, err error) {
	k, err := p.keyOf(r, person)
	if err != nil {
		return nil, nil, unlessWrong(err)
	}
	if records, err = p.passkeyRecords(r, k, person); err != nil || len(records) == 0 {
		return nil, nil, err
	}
	return []byte(person), records, nil
}

func unlessWrong(err error) error {
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		return nil
	}
	return err
}

// Passkey returns whose the passkey with an id is, and its record. The fault is
// NotFound where handle and id do not belong together.
func (p *People) Passkey(r *db.Reader, handle, id []byte) (person string, record []byte, err error) {
	row, k, err := p.passkey(r, id)
	if err != nil {
		return "", nil, err
	}
	if row.person != string(handle) {
		return "", nil, noPasskey()
	}
	x, err := p.openFactor(k, row)
	return row.person, x.Record, err
}

func noPasskey() error {
	return strongroom.Faultf(strongroom.NotFound, "passkey", "there is no such passkey")
}

// passkey finds a passkey by its id.
func (p *People) passkey(r *db.Reader, id []byte) (factorRow, seal.Key, error) {
	row, err := findFactor(r, p.passkeyLookup(id))
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && row.kind != string(Passkey) {
		return row, seal.Key{}, noPasskey()
	}
	if err != nil {
		return row, seal.Key{}, err
	}
	k, err := p.key(r, row.person)
	return row, k, err
}

// KeepPasskey puts the record of a passkey that was used in the place of the old
// one, inside the transaction of the sign-in. Whether it proved two factors is in
// [factor.Passkey.Factors] and for the caller to ask. The fault is Conflict where
// the passkey was used or removed meanwhile.
func (p *People) KeepPasskey(tx *guard.Tx, person string, used factor.Passkey, old []byte) error {
	row, k, err := p.passkey(&tx.Reader, used.ID)
	var x kept
	if err == nil {
		x, err = p.openFactor(k, row)
	}
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && (row.person != person || !bytes.Equal(x.Record, old)) {
		return strongroom.Faultf(strongroom.Conflict, "passkey-used", "the passkey was used or removed meanwhile").Advise("try again")
	}
	if err != nil {
		return err
	}
	row.used = db.Micros(tx.Now())
	if row, err = p.sealFactor(k, row, kept{Record: used.Record, Model: used.Model}); err != nil {
		return err
	}
	return updateFactor(tx, row)
}

// codeOf returns the code of a fault.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return "internal"
}
