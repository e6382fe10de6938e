package people

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Change says what to change of a person; nil leaves it.
type Change struct {
	Name *string
	// Email may change while the account waits for an enrolment; the link that
	// follows verifies it. Reset an active account first.
	Email        *string
	Employment   *string
	Manager      *string
	Starts, Ends *time.Time
	Vouched      bool // of a new name, see [Spec]
}

// Update changes what is known of a person. An end date may not be given to the
// last active owner. A new address ends the links to the old one.
func (p *People) Update(ctx context.Context, who strongroom.Actor, id string, c Change) (Person, error) {
	return p.change(ctx, who, personUpdate, id, func(tx *guard.Tx, _ seal.Key, x *Person) error {
		if x.State == Ended {
			return over()
		}
		if c.Name != nil {
			x.Name, x.Vouched = *c.Name, c.Vouched
		}
		if c.Email != nil {
			if err := p.move(tx, x, *c.Email); err != nil {
				return err
			}
		}
		if c.Employment != nil {
			x.Employment = *c.Employment
			tx.Ends(x.ID)
		}
		if c.Manager != nil {
			if *c.Manager == x.ID {
				return strongroom.Faultf(strongroom.Invalid, "manager", "nobody is the own manager")
			}
			x.Manager = *c.Manager
		}
		if c.Starts != nil {
			x.Starts = *c.Starts
		}
		if c.Ends != nil {
			x.Ends = *c.Ends
			if !x.Ends.IsZero() {
				if err := p.notOwnKey(&tx.Reader, who, x.ID); err != nil {
					return err
				}
				if err := p.keepOwner(tx, x.ID); err != nil {
					return err
				}
			}
		}
		if x.Manager != "" && c.Manager != nil {
			if _, err := loadPerson(&tx.Reader, x.Manager); err != nil {
				return unlessFound(err, "manager", "there is no such manager")
			}
		}
		return p.check(Spec{Name: x.Name, Email: x.Email, Employment: x.Employment, Manager: x.Manager, Starts: x.Starts,
			Ends: x.Ends, Source: x.Source, Vouched: x.Vouched})
	})
}

// move gives a person who waits for an enrolment another address.
func (p *People) move(tx *guard.Tx, x *Person, address string) error {
	if x.State != Invited {
		return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is %s", x.State).
			Advise("reset it; the new link goes to the new address")
	}
	digest, err := p.freeMail(&tx.Reader, address, x.ID)
	if err != nil {
		return err
	}
	if err := deleteLinks(tx, x.ID); err != nil {
		return err
	}
	if err := deleteEnrolments(tx, x.ID); err != nil {
		return err
	}
	x.Email, x.EmailVerified = address, time.Time{}
	if err := deleteMail(tx, x.ID); err != nil {
		return err
	}
	return insertMail(tx, digest, x.ID)
}

// freeMail returns the digest of an address that is nobody else's.
func (p *People) freeMail(r *db.Reader, address, person string) ([]byte, error) {
	folded, err := foldMail(address)
	if err != nil {
		return nil, err
	}
	digest := p.mailDigest(folded)
	switch id, err := loadMail(r, digest); {
	case err == nil && id != person:
		return nil, strongroom.Faultf(strongroom.Conflict, "person-known", "the address has an account already").
			Advise("a person has one account; change its rights instead")
	case err != nil && !strongroom.IsKind(err, strongroom.NotFound):
		return nil, err
	}
	return digest, nil
}

// change loads a person, asks for a, applies fn and saves.
func (p *People) change(ctx context.Context, who strongroom.Actor, a strongroom.Action, id string, fn func(tx *guard.Tx, k seal.Key, x *Person) error) (Person, error) {
	var x Person
	err := p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		var k seal.Key
		var err error
		if x, k, err = p.handle(tx, a, id); err != nil {
			return err
		}
		if x.State == Ended && k.IsZero() {
			return over()
		}
		if err := fn(tx, k, &x); err != nil {
			return err
		}
		return p.save(tx, k, x)
	})
	if err != nil {
		return Person{}, err
	}
	return x, nil
}

func over() error {
	return strongroom.Faultf(strongroom.Conflict, "person-ended", "the account has ended for good").
		Advise("who comes back gets a new account by a request")
}
