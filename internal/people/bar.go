package people

import (
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// bars reports whether the actor takes somebody out and does not end the account: a
// key, of an owner, in production.
func (p *People) bars(tx *guard.Tx, id string) (bool, error) {
	if tx.Actor().Kind != strongroom.ServiceActor || p.o.Environment != strongroom.Production {
		return false, nil
	}
	roles, err := p.o.Roles(&tx.Reader, id, tx.Now())
	return slices.Contains(roles, authz.Owner), err
}

// HasProof reports whether there is a password or a factor of a person: a way in that a
// proof of the end must find closed (DPP 2.2.12).
func (p *People) HasProof(r *db.Reader, person string, _ time.Time) (bool, error) {
	password, factors, err := p.proofs(r, person)
	return password || len(factors) > 0, err
}

// bar takes an owner out: the account is suspended, and so are the services they own.
func (p *People) bar(tx *guard.Tx, k seal.Key, x Person) error {
	if err := p.suspend(tx, &x, Directory); err != nil {
		return err
	}
	if err := p.save(tx, k, x); err != nil {
		return err
	}
	return run(p.o.Barred, tx, x.ID)
}
