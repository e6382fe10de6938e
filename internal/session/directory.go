package session

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// Directory returns what a sign-in asks about persons, answered by package people.
func Directory(p *people.People) People { return directory{p} }

type directory struct{ p *people.People }

func (d directory) Lookup(ctx context.Context, address string) (id string, mark []byte, err error) {
	return d.p.Lookup(ctx, address)
}

func (d directory) VerifyPassword(ctx context.Context, person string, typed []byte) (bool, error) {
	_, err := d.p.VerifyPassword(ctx, person, typed)
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		return false, nil
	}
	return err == nil, err
}

func (d directory) Person(r *db.Reader, id string, now time.Time) (Person, error) {
	err := d.p.MaySignIn(r, id, now)
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		return Person{}, nil
	}
	if err != nil {
		return Person{}, err
	}
	s, err := d.p.Standing(r, id, now)
	return Person{
		Active: err == nil, Employment: s.Employment, Trained: s.Trained, Pledged: s.Pledged, PasswordDue: s.PasswordDue,
	}, err
}

func (d directory) Offers(r *db.Reader, person string) (out []Method, err error) {
	kinds, err := d.p.Offers(r, person)
	for _, k := range kinds {
		switch k {
		case people.TOTP:
			out = append(out, ByTOTP)
		case people.Passkey:
			out = append(out, ByPasskey)
		case people.Recovery:
			out = append(out, ByRecovery)
		}
	}
	return out, err
}

func (d directory) UseTOTP(tx *guard.Tx, person, code string, at time.Time) (bool, error) {
	return d.p.UseTOTP(tx, person, code, at)
}

func (d directory) UseRecovery(tx *guard.Tx, person, code string) (bool, error) {
	return d.p.UseRecovery(tx, person, code)
}

func (d directory) Passkeys(r *db.Reader, person string) (handle []byte, records [][]byte, err error) {
	return d.p.Passkeys(r, person)
}

func (d directory) Passkey(r *db.Reader, handle, id []byte) (person string, record []byte, err error) {
	return d.p.Passkey(r, handle, id)
}

func (d directory) KeepPasskey(tx *guard.Tx, person string, used factor.Passkey, old []byte) error {
	return d.p.KeepPasskey(tx, person, used, old)
}
