package identity

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Numbers that are ours; no text asks for them.
const (
	// Unowned is how long a key that nobody owns goes on once that was seen.
	Unowned = 30 * 24 * time.Hour
	// Unused is after how long without a use a service is a finding, unless
	// [Options.Unused] says otherwise.
	Unused = 90 * 24 * time.Hour
	// UnusedGrace is how long after that it is suspended.
	UnusedGrace = 14 * 24 * time.Hour
	// DefaultRotate is how long a secret is used that no request says more about.
	DefaultRotate = 90 * 24 * time.Hour
	// MaxRotate is how long a secret is used at most.
	MaxRotate = 365 * 24 * time.Hour
)

// Ownership is how the person stands who owns a service.
type Ownership uint8

// How an owner stands.
const (
	OwnerUnknown Ownership = iota // no such person
	OwnerActive                   // may own a service
	OwnerAway                     // invited or suspended: what they own goes on
	OwnerGone                     // ended: what they own dies
)

// Adoption is who answers for a service from now on.
type Adoption struct {
	Owner       string        // a person who is active
	Purpose     string        // a name, sealed; empty keeps what there is
	RotateEvery time.Duration // 0 keeps what there is, [DefaultRotate] if nothing
}

// CheckService refuses a spec that no approval could make good. It looks nothing
// up. Safe for concurrent use.
func (i *Identity) CheckService(spec KeySpec) error {
	if err := i.check(spec); err != nil {
		return err
	}
	if !strongroom.IsID("usr", spec.Owner) {
		return strongroom.Faultf(strongroom.Invalid, "owner", "a service needs an owner, the id of a person")
	}
	if err := checkWord("purpose", spec.Purpose); err != nil {
		return err
	}
	return checkRotate(spec.RotateEvery)
}

// CheckLife refuses an end, zero being none, that a service made at a time of the data
// clock could not have: one that is past, or later than a key lives (Invalid, code
// "expires"). It looks nothing up. Safe for concurrent use.
func (i *Identity) CheckLife(now, expires time.Time) error {
	_, err := i.lifeOf(now, expires)
	return err
}

func checkRotate(d time.Duration) error {
	if d < 0 || d > MaxRotate {
		return strongroom.Faultf(strongroom.Invalid, "rotate", "a secret is rotated within %d days", int(MaxRotate.Hours()/24))
	}
	return nil
}

// AddServiceTx makes the service of an approved request, whose id becomes its
// case (DPP 2.2.3). It has no secret yet: its owner takes the first one with
// [Identity.RotateKey], so that neither who asked nor who approved sees it. The
// caller has decided.
func (i *Identity) AddServiceTx(tx *guard.Tx, spec KeySpec, request string) (Key, error) {
	if err := i.CheckService(spec); err != nil {
		return Key{}, err
	}
	if err := i.canOwn(&tx.Reader, spec.Owner, tx.Now()); err != nil {
		return Key{}, err
	}
	k := Key{
		ID: strongroom.NewID("svc"), Label: spec.Label, Roles: spec.Roles, Stores: spec.Stores,
		AllStores: spec.AllStores, Networks: spec.Networks,
		Owner: spec.Owner, Purpose: spec.Purpose, RotateEvery: spec.RotateEvery, Case: request,
	}
	if k.RotateEvery == 0 {
		k.RotateEvery = DefaultRotate
	}
	return k, i.insert(tx, &k, spec.Expires)
}

// canOwn refuses an owner who is not an active person.
func (i *Identity) canOwn(r *db.Reader, person string, now time.Time) error {
	if !strongroom.IsID("usr", person) {
		return strongroom.Faultf(strongroom.Invalid, "owner", "an owner is a person, by id")
	}
	o, err := i.o.Owner(r, person, now)
	if err == nil && o != OwnerActive {
		err = strongroom.Faultf(strongroom.Conflict, "owner", "an owner must be an active person")
	}
	return err
}

// Adopt gives a service an owner, or hands it over to another one. A key that was
// to die because nobody owned it goes on. Only an owner adopts for themselves
// (Denied, code "four-eyes"). Faults: Invalid, Denied, NotFound, Conflict for an owner who is not active or a service that has ended.
func (i *Identity) Adopt(ctx context.Context, who strongroom.Actor, id string, a Adoption) (Key, error) {
	err := checkRotate(a.RotateEvery)
	if err == nil && a.Purpose != "" {
		err = checkWord("purpose", a.Purpose)
	}
	if err != nil {
		return Key{}, i.refuse(ctx, who, serviceAdopt, err)
	}
	return i.change(ctx, who, serviceAdopt, id, func(tx *guard.Tx, k *Key) error {
		if a.Owner == who.ID {
			if err := i.mayTake(tx, who); err != nil {
				return err
			}
		}
		if err := i.canOwn(&tx.Reader, a.Owner, tx.Now()); err != nil {
			return err
		}
		if a.Purpose != "" {
			k.Purpose = a.Purpose
		}
		if k.Purpose == "" {
			return strongroom.Faultf(strongroom.Invalid, "purpose", "a service needs a purpose")
		}
		if a.RotateEvery > 0 {
			k.RotateEvery = a.RotateEvery
		}
		if k.RotateEvery == 0 {
			k.RotateEvery = DefaultRotate
		}
		k.Owner, k.Grace, k.Resumed = a.Owner, time.Time{}, tx.Now()
		tx.Note("account", a.Owner)
		return nil
	})
}

// mayTake refuses who makes themselves the owner of a service, and so could take its
// secret: an owner alone may who does not also look after security, in production
// while no other owner can sign in.
func (i *Identity) mayTake(tx *guard.Tx, who strongroom.Actor) error {
	may := slices.Contains(who.Roles, authz.Owner) && !slices.Contains(who.Roles, authz.Security)
	if may && i.o.Environment == strongroom.Production {
		other, err := i.o.OtherOwner(&tx.Reader, who.ID, tx.Now())
		if err != nil {
			return err
		}
		may = !other
	}
	if !may {
		return strongroom.Faultf(strongroom.Denied, "four-eyes", "another person makes you the owner").Advise("let an owner adopt it for you")
	}
	return nil
}

// Suspend has a service refused from the commit on, until [Identity.Resume].
// Suspending it again changes nothing.
func (i *Identity) Suspend(ctx context.Context, who strongroom.Actor, id string) (Key, error) {
	return i.change(ctx, who, serviceSuspend, id, func(tx *guard.Tx, k *Key) error {
		if k.Suspended.IsZero() {
			k.Suspended = tx.Now()
		}
		tx.Ends(id)
		return nil
	})
}

// Resume lets a suspended service go on.
func (i *Identity) Resume(ctx context.Context, who strongroom.Actor, id string) (Key, error) {
	return i.change(ctx, who, serviceResume, id, func(tx *guard.Tx, k *Key) error {
		k.Suspended, k.Resumed = time.Time{}, tx.Now()
		return nil
	})
}

// change has fn change an account that goes on, once who may do a to it.
func (i *Identity) change(ctx context.Context, who strongroom.Actor, a strongroom.Action, id string, fn func(tx *guard.Tx, k *Key) error) (Key, error) {
	if !strongroom.IsID("svc", id) {
		return Key{}, i.refuse(ctx, who, a, noKey())
	}
	var k Key
	err := i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		if k, err = i.handle(tx, who, a, id); err != nil {
			return err
		}
		if !k.Revoked.IsZero() || !k.Expires.After(tx.Now()) {
			return ended()
		}
		if err := fn(tx, &k); err != nil {
			return err
		}
		return i.save(tx, k)
	})
	i.forget(id)
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// EndOwnedTx revokes what a person owns, in the commit that ends the person
// (DPP 2.2.12). What was handed over before goes on. It has the form of a hook of
// package people. The caller has decided.
func (i *Identity) EndOwnedTx(tx *guard.Tx, person string) error {
	ids, err := owned(&tx.Reader, person)
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		if err := revoke(tx, id, db.Micros(tx.Now())); err != nil {
			return err
		}
	}
	tx.Note("keys", len(ids))
	tx.AfterCommit(func() {
		for _, id := range ids {
			i.forget(id)
		}
	})
	return nil
}

// Owned returns the ids of the services a person owns that are not revoked.
func (i *Identity) Owned(r *db.Reader, person string) ([]string, error) { return owned(r, person) }

func ended() error {
	return strongroom.Faultf(strongroom.Conflict, "key-ended", "the key is revoked or has expired").Advise("make a new one")
}

// SuspendOwnedTx suspends what a person owns, in the commit that takes the person out.
// It has the form of a hook of package people. The caller has decided.
func (i *Identity) SuspendOwnedTx(tx *guard.Tx, person string) error {
	ids, err := owned(&tx.Reader, person)
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		row, err := loadKey(&tx.Reader, id)
		if err != nil {
			return err
		}
		k, err := i.openAccount(row)
		if err != nil {
			continue // good for nothing as it is
		}
		tx.Ends(id)
		if k.Suspended.IsZero() {
			k.Suspended = tx.Now()
			if err := i.save(tx, k); err != nil {
				return err
			}
		}
	}
	tx.Note("keys", len(ids))
	tx.AfterCommit(func() {
		for _, id := range ids {
			i.forget(id)
		}
	})
	return nil
}
