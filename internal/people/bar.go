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

// Fate is what an end would come to.
type Fate uint8

// What an end comes to.
const (
	Ends     Fate = iota // the account ends
	Suspends             // an owner, by a key: taken out until a person decides
	IsOver               // it has ended before
)

// FateOf says what [People.EndTx] by who would come to now, by the same rules and
// without a decision; an owner who is gone leaves nobody behind, nil is nobody. Faults:
// NotFound, and Conflict with the codes last-owner and own-key.
func (p *People) FateOf(r *db.Reader, who strongroom.Actor, id string, gone func(id string) bool) (Fate, error) {
	x, _, err := p.load(r, id)
	switch {
	case err != nil && !isDamaged(err):
		return Ends, err
	case x.State == Ended:
		return IsOver, nil
	}
	if err := p.notOwnKey(r, who, id); err != nil {
		return Ends, err
	}
	if err := p.leavesOwner(r, id, gone); err != nil {
		return Ends, err
	}
	if bar, err := p.bars(r, who, id); err != nil || bar {
		return Suspends, err
	}
	return Ends, nil
}

// notOwnKey refuses a key that would take out who owns it, and itself with them: from
// then on a directory could end nobody (DPP 2.2.12).
func (p *People) notOwnKey(r *db.Reader, who strongroom.Actor, id string) error {
	if who.Kind != strongroom.ServiceActor {
		return nil
	}
	owned, err := p.o.Owned(r, id)
	if err == nil && slices.Contains(owned, who.ID) {
		err = strongroom.Faultf(strongroom.Conflict, "own-key", "a key does not take out the person who owns it, and itself with them").
			Advise("give this key to another owner first, one who is not in its feed: strongroom service adopt")
	}
	return err
}

// bars reports whether the actor takes somebody out and does not end the account: a
// key, of an owner, in production.
func (p *People) bars(r *db.Reader, who strongroom.Actor, id string) (bool, error) {
	if who.Kind != strongroom.ServiceActor || p.o.Environment != strongroom.Production {
		return false, nil
	}
	roles, err := p.o.Roles(r, id, r.Now())
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
