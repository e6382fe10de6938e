package identity

import (
	"context"
	"crypto/subtle"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// receiptLife is how long a receipt stands.
const receiptLife = 24 * time.Hour

// Receipt is what became of an earlier call of the same name.
type Receipt struct {
	Status   int    // the HTTP status it was answered with
	Resource string // the id of what it made or changed; may be empty
}

// Claim is a call that named itself and has begun. Whoever holds it ends it with
// [Claim.Done] or [Claim.Drop].
type Claim struct {
	i    *Identity
	name [32]byte
}

// Claim begins the call that who has named key, for the request whose digest is
// given. If it was made before, found is true and the receipt says how it ended.
// Faults: Invalid for a bad name; Conflict with code "idempotency-reused" if the
// name stood for another request, "idempotency-open" if that call is still
// running or was cut off without a receipt.
func (i *Identity) Claim(ctx context.Context, who strongroom.Actor, key string, request []byte) (c *Claim, r Receipt, found bool, err error) {
	if err := checkWord("idempotency-key", key); err != nil {
		return nil, Receipt{}, false, err
	}
	name := i.mac.MAC([]byte("receipt"), []byte(who.ID), []byte(key))
	digest := i.mac.MAC([]byte("request"), request)
	var row receiptRow
	err = i.o.Guard.Quiet(ctx, guard.Idempotency, func(_ context.Context, tx *guard.Tx) error {
		now := i.real.Now() // how long a caller may repeat himself is no data clock
		if err := dropReceipt(tx, name[:], db.Micros(now)); err != nil {
			return err
		}
		n, err := insertReceipt(tx, name[:], digest[:], db.Micros(now.Add(receiptLife)))
		if err != nil || n == 1 {
			found = false
			return err
		}
		found = true
		row, err = loadReceipt(&tx.Reader, name[:])
		return err
	})
	switch {
	case err != nil:
		return nil, Receipt{}, false, err
	case !found:
		return &Claim{i: i, name: name}, Receipt{}, false, nil
	case subtle.ConstantTimeCompare(row.request, digest[:]) != 1:
		return nil, Receipt{}, false, strongroom.Faultf(strongroom.Conflict, "idempotency-reused",
			"this idempotency key stood for another request").Advise("use a new one")
	case row.status == 0:
		return nil, Receipt{}, false, strongroom.Faultf(strongroom.Conflict, "idempotency-open",
			"the call with this idempotency key is running, or was cut off before its end was noted").
			Advise("look whether it took effect before using a new key")
	}
	return nil, Receipt{Status: row.status, Resource: row.resource}, true, nil
}

// Done notes how the call ended. resource must be an id of ours.
func (c *Claim) Done(ctx context.Context, status int, resource string) error {
	if resource != "" {
		if err := checkWord("resource", resource); err != nil {
			return err
		}
	}
	return c.i.o.Guard.Quiet(ctx, guard.Idempotency, func(_ context.Context, tx *guard.Tx) error {
		return finishReceipt(tx, c.name[:], status, resource)
	})
}

// Drop forgets the call: it failed and changed nothing, so it may be repeated.
func (c *Claim) Drop(ctx context.Context) error {
	return c.i.o.Guard.Quiet(ctx, guard.Idempotency, func(_ context.Context, tx *guard.Tx) error {
		return deleteReceipt(tx, c.name[:])
	})
}

func (i *Identity) dropReceipts(ctx context.Context) error {
	return i.o.Guard.Quiet(ctx, guard.Idempotency, func(_ context.Context, tx *guard.Tx) error {
		return expireReceipts(tx, db.Micros(i.real.Now()))
	})
}

func (i *Identity) stampUsed(ctx context.Context, stamps map[string]int64) error {
	return i.o.Guard.Quiet(ctx, guard.LastSeen, func(_ context.Context, tx *guard.Tx) error {
		for id, at := range stamps {
			if err := setUsed(tx, id, at); err != nil {
				return err
			}
		}
		return nil
	})
}
