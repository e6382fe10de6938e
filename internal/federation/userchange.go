package federation

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// ChangeUser loads a user, has change made to them, and keeps what came of it. One
// who is switched off ends in the same commit; one who is switched on again asks for
// a new account. A version that is not zero must be the newest.
func (f *Federation) ChangeUser(ctx context.Context, who strongroom.Actor, id string, version int64, change func(*User) error) (User, error) {
	var u User
	err := f.provision(ctx, who, entry(id), func(tx *guard.Tx) error {
		before, err := f.loadUser(&tx.Reader, id)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return strongroom.Faultf(strongroom.Conflict, "version", "the entry was changed meanwhile").Advise("load it again")
		}
		u = before
		u.Emails = slices.Clone(before.Emails)
		if err := change(&u); err != nil {
			return err
		}
		u.ID, u.Person, u.Request, u.Created = before.ID, before.Person, before.Request, before.Created
		if err := u.check(); err != nil {
			return err
		}
		if err := f.follow(tx, before, &u); err != nil {
			return err
		}
		if err := f.keepUser(tx, &u); err != nil {
			return err
		}
		u.Groups, err = f.groupsOf(&tx.Reader, id)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// keepUser writes a user back, as of now.
func (f *Federation) keepUser(tx *guard.Tx, u *User) error {
	other, err := findUser(&tx.Reader, f.nameMark(u.UserName))
	if err == nil && other.id != u.ID {
		return taken()
	}
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	u.Modified, u.Version = tx.Now(), u.Version+1
	row, err := f.userRow(*u)
	if err != nil {
		return err
	}
	return updateUser(tx, row)
}

// follow makes of the account what a change of a user asks for.
func (f *Federation) follow(tx *guard.Tx, before User, u *User) error {
	if err := f.resolve(tx, u); err != nil {
		return err
	}
	switch {
	case !u.Active:
		return f.switchOff(tx, u)
	case !before.Active:
		return f.join(tx, u)
	}
	return nil
}

// resolve joins a user to the account that came of its request.
func (f *Federation) resolve(tx *guard.Tx, u *User) error {
	if u.Request == "" || u.Person != "" {
		return nil
	}
	person, waits, err := f.o.Access.Outcome(&tx.Reader, u.Request)
	if err != nil || waits {
		return err
	}
	u.Request = ""
	if u.Person = person; person == "" {
		return nil // it was refused: the directory has to switch the user off and on to ask again
	}
	tx.Note("account", person)
	return f.settleUser(tx, *u)
}

// switchOff ends the account of a user, or withdraws the request for one (DPP
// 2.2.12).
func (f *Federation) switchOff(tx *guard.Tx, u *User) error {
	person, request := u.Person, u.Request
	u.Person, u.Request = "", ""
	if request != "" {
		if err := f.o.Access.WithdrawTx(tx, request); err != nil {
			return err
		}
	}
	if person == "" {
		return nil
	}
	tx.Note("kinds", []audit.Term{audit.Word("switched-off")})
	return f.o.People.EndTx(tx, person, people.Cause{Kind: people.BySCIM})
}

// DeleteUser forgets a user and ends the account.
func (f *Federation) DeleteUser(ctx context.Context, who strongroom.Actor, id string) error {
	return f.provision(ctx, who, entry(id), func(tx *guard.Tx) error {
		u, err := f.loadUser(&tx.Reader, id)
		if err != nil {
			return err
		}
		if err := f.resolve(tx, &u); err != nil {
			return err
		}
		if err := f.switchOff(tx, &u); err != nil {
			return err
		}
		if err := dropMemberships(tx, id); err != nil {
			return err
		}
		return dropUser(tx, id)
	})
}
