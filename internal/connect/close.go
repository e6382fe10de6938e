package connect

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
)

// Closing is what a revocation came to.
type Closing struct {
	Closed time.Time // when, by the data clock; zero if the store was closed before
	Job    string    // the job that ends the access at EcartAPI, "" if there is none
}

// Revoke ends the grant of a store by hand and closes the store in the same commit: a
// call that comes behind it is refused. What EcartAPI has to be told is a job. Doing it
// again changes nothing. Faults: Denied, NotFound.
func (c *Connect) Revoke(ctx context.Context, who strongroom.Actor, store string) (Closing, error) {
	if !strongroom.IsAnyID(store) {
		return Closing{}, c.refuse(ctx, who, actionStoreClose, strongroom.Resource{Type: "Instance", ID: "instance"}, noStore())
	}
	return c.shut(ctx, who, store, ByHand)
}

// Lost closes a store because its grant is gone outside: EcartAPI refuses the token, or
// the shop uninstalled the application. cause is Unauthorized, Forbidden or
// Uninstalled. A 403 may concern what was asked for alone and a 401 be one bad moment of
// theirs, so EcartAPI is asked once more for the store itself, and only a second refusal
// closes. Lost must not be called
// inside a transaction. Faults: NotFound, Unavailable where it could not be looked or
// recorded.
func (c *Connect) Lost(ctx context.Context, store string, cause Cause) error {
	if !strongroom.IsAnyID(store) {
		return noStore()
	}
	if cause != Uninstalled {
		lost, err := c.confirmLost(ctx, store)
		if err != nil || !lost {
			return err
		}
	}
	closing, err := c.shut(ctx, strongroom.System("connect"), store, cause)
	if err == nil && !closing.Closed.IsZero() {
		c.o.Log.WarnContext(ctx, "a store was closed: its grant is gone", "store", store, "cause", cause.String())
	}
	return err
}

// confirmLost asks EcartAPI for the store itself with the stored token.
func (c *Connect) confirmLost(ctx context.Context, store string) (bool, error) {
	var conn intake.Connection
	err := c.o.Guard.Read(ctx, strongroom.System("connect"), func(_ context.Context, v *guard.View) (err error) {
		if err := v.Allow(intake.ActionSync, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		conn, err = c.o.Intake.CredentialTx(&v.Reader, store)
		return err
	})
	if strongroom.IsKind(err, strongroom.Conflict) || strongroom.IsKind(err, strongroom.Denied) {
		return false, nil // closed meanwhile, or never connected
	}
	if err != nil {
		return false, err
	}
	_, status, err := c.shopOf(ctx, conn)
	return err == nil && (status == 401 || status == 403), err
}

// shut ends the grant and closes the store, in one commit.
func (c *Connect) shut(ctx context.Context, who strongroom.Actor, store string, cause Cause) (out Closing, err error) {
	err = c.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		out = Closing{}
		if err := tx.Allow(actionStoreClose, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		tx.Note("reason", cause.word())
		first, err := c.o.Vault.CloseTx(tx, store)
		if err != nil || !first {
			return err
		}
		out.Closed = tx.Now()
		grant, err := c.endTx(tx, store, cause)
		if err != nil {
			return err
		}
		if out.Job, err = c.dropCredential(tx, store, grant, cause); err != nil {
			return err
		}
		return c.o.Closed(tx, store, cause)
	})
	return out, err
}

// dropCredential deletes a token that is worth nothing any more, and has one that still
// opens the shop ended at EcartAPI first.
func (c *Connect) dropCredential(tx *guard.Tx, store string, grant *grantRow, cause Cause) (job string, err error) {
	if cause == ByHand && grant != nil && grant.app != "" && c.o.Chores != nil {
		if job, err = c.o.Chores.EndUpstream(tx, store); err != nil || job != "" {
			if job != "" {
				tx.Note("job", job)
			}
			return job, err
		}
	}
	return "", c.o.Intake.ForgetTx(tx, store)
}

// EndUpstream ends the access of a closed store's token at EcartAPI and then deletes
// the token. It is for a job: it can be called again after any failure, and does
// nothing for a store that was connected anew. Faults: Unavailable while EcartAPI does
// not answer.
func (c *Connect) EndUpstream(ctx context.Context, store string) error {
	conn, ecartApp, err := c.toEnd(ctx, store)
	if err != nil || conn.Token.IsZero() {
		return err
	}
	if ecartApp != "" {
		if err := c.endAccess(ctx, conn, ecartApp); err != nil {
			return err
		}
	}
	return c.o.Guard.Do(ctx, strongroom.System("connect"), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreClose, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		open, err := openGrants(&tx.Reader, store)
		if err != nil || len(open) > 0 {
			return err // a new grant came meanwhile, with a token of its own
		}
		return c.o.Intake.ForgetTx(tx, store)
	})
}

// toEnd returns the token of a store that is closed and the application it was granted
// to; an empty token where there is nothing to end.
func (c *Connect) toEnd(ctx context.Context, store string) (conn intake.Connection, ecartApp string, err error) {
	err = c.o.Guard.Read(ctx, strongroom.System("connect"), func(_ context.Context, v *guard.View) error {
		if err := v.Allow(actionStoreClose, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		rows, err := grantsOf(&v.Reader, store)
		if err != nil || len(rows) == 0 || rows[0].ended == 0 {
			return err
		}
		if card, err := c.app(&v.Reader, rows[0].app); err == nil {
			ecartApp = card.EcartApp // else it was removed: the token is dropped all the same
		}
		conn, err = c.o.Intake.TokenTx(&v.Reader, store)
		if strongroom.IsKind(err, strongroom.Conflict) {
			return nil
		}
		return err
	})
	return conn, ecartApp, err
}
