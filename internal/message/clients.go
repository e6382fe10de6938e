package message

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/jwe"
)

// Add registers a public key (a JWK) that a holder's answers are sealed to from now on.
// A zero until is no end. Faults: Invalid, Denied, Conflict (8 keys of a holder).
func (b *Book) Add(ctx context.Context, who strongroom.Actor, holder string, jwk []byte, until time.Time) (Client, error) {
	key, err := jwe.ParsePublic(jwk)
	switch {
	case err != nil:
	case !strongroom.IsAnyID(holder):
		err = strongroom.Faultf(strongroom.Invalid, "holder", "a key's holder is a service or a person, by id")
	case !until.IsZero() && !until.After(b.o.Clock.Now()):
		err = strongroom.Faultf(strongroom.Invalid, "until", "the key's end has passed")
	case b.o.OnHost && who.Door != "socket" && who.Door != "command":
		err = strongroom.Faultf(strongroom.Denied, "on-host", "TLS of this instance ends at somebody who is not trusted, so keys are registered on its host alone").
			Advise("run on the host: strongroom message add")
	}
	wrong := err
	c := clientRow{id: strongroom.NewID("msk"), holder: holder, author: who.ID}
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionAdd, instance(), guard.Context{}); err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		tx.Note("account", holder)
		var n int64
		if err := tx.QueryRow(sqlClientsCount, holder).Scan(&n); err != nil {
			return err
		}
		if n >= maxClient {
			return strongroom.Faultf(strongroom.Conflict, "message-keys", "%d keys are registered for it already", maxClient).Advise("remove one first")
		}
		c.added = db.Micros(tx.Now())
		if !until.IsZero() {
			c.until = db.Micros(until)
		}
		c.sealed = b.o.Key.Seal(nil, b.clientAD(&c), key.JWK())
		_, err := tx.Exec(sqlClientPut, c.id, c.holder, c.added, c.author, c.until, c.sealed)
		return err
	})
	if err != nil {
		return Client{}, err
	}
	return b.shown(&c), nil
}

func (b *Book) shown(c *clientRow) Client {
	out := Client{ID: c.id, Holder: c.holder, Added: db.Time(c.added), Author: c.author, Until: db.TimeOrZero(c.until)}
	key, err := b.client(c)
	if out.Damaged = err != nil; err == nil {
		out.KID = key.KID()
	}
	return out
}

// List returns the registered keys. Faults: Denied.
func (b *Book) List(ctx context.Context, who strongroom.Actor) (list []Client, err error) {
	err = b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		list = nil
		if err := v.Allow(actionList, instance(), guard.Context{}); err != nil {
			return err
		}
		rows, err := allClients(&v.Reader)
		for i := range rows {
			list = append(list, b.shown(&rows[i]))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Remove takes a key away at once. Faults: NotFound, Denied.
func (b *Book) Remove(ctx context.Context, who strongroom.Actor, id string) error {
	return b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionRemove, instance(), guard.Context{}); err != nil {
			return err
		}
		n, err := tx.Exec(sqlClientDrop, id)
		if err == nil && n == 0 {
			err = strongroom.Faultf(strongroom.NotFound, "message-key", "there is no such key")
		}
		return err
	})
}

// Tend makes a key of the instance where the newest is old, or there is none, and
// destroys those whose time is over. It reports whether it made one.
func (b *Book) Tend(ctx context.Context) (made bool, err error) {
	due := func(r *db.Reader) (bool, error) {
		rows, err := loadOwn(r)
		if err != nil || len(rows) == 0 {
			return err == nil, err
		}
		now := b.o.Clock.Now()
		keys, err := b.own(r, now)
		fresh := len(keys) > 0 && keys[0].Public().KID() == rows[0].id && now.Before(db.Time(rows[0].made).Add(KeyLife))
		over := !now.Before(db.Time(rows[len(rows)-1].made).Add(KeyLife + Overlap))
		return !fresh || over, err
	}
	wanted := false
	err = b.o.Guard.Look(ctx, guard.Tally, func(r *db.Reader) (err error) {
		wanted, err = due(r)
		return err
	})
	if err != nil || !wanted {
		return false, err
	}
	k, err := jwe.NewPrivate()
	if err != nil {
		return false, err
	}
	err = b.o.Guard.Do(ctx, strongroom.System("messages"), func(_ context.Context, tx *guard.Tx) error {
		made = false
		if err := tx.Allow(actionRotate, instance(), guard.Context{}); err != nil {
			return err
		}
		if _, err := tx.Exec(sqlOwnOver, db.Micros(tx.Now().Add(-KeyLife-Overlap))); err != nil {
			return err
		}
		if again, err := due(&tx.Reader); err != nil || !again {
			return err // somebody else made one, or only old ones were to go
		}
		raw, err := k.Expose()
		if err != nil {
			return err
		}
		defer clear(raw)
		o := ownRow{id: k.Public().KID(), made: db.Micros(tx.Now())}
		o.sealed = b.o.Key.Seal(nil, b.ownAD(&o), raw)
		made = true
		_, err = tx.Exec(sqlOwnPut, o.id, o.made, o.sealed)
		return err
	})
	return made && err == nil, err
}
