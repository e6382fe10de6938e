package webhook

import (
	"context"
	"net/http"
	"net/netip"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/jobs"
)

// Arrival is a post at the address of a subscription.
type Arrival struct {
	Hook          string // the id in the address
	Authorization string // the header
	Source        netip.Addr
	// Body reads what was posted. It is called once the secret has been shown, and
	// bounds size and time.
	Body func() ([]byte, error)
}

// Accept takes a delivery in and returns its id. Once it returns nil, the delivery
// and the job that works it through are durable. A delivery that is known returns
// the id of the first. Faults: Unauthenticated for a post that does not show the
// secret of its subscription, whose body is not read; Invalid and TooLarge for a
// body that is no JSON object within bounds; Unavailable deliveries while as many of
// the store wait as may; Denied store-closed and Erased for the
// store; Exhausted for a source that shows no secret too often.
func (w *Webhooks) Accept(ctx context.Context, a Arrival) (id string, err error) {
	h, err := w.known(ctx, a)
	if err != nil {
		return "", err
	}
	body, err := a.Body()
	var s shape
	if err == nil {
		s, err = shapeOf(body, h.resource, h.action)
	}
	if err != nil {
		return "", w.refuse(ctx, h.store, actionReceive, http.StatusBadRequest, err)
	}
	d := deliveryRow{id: strongroom.NewID("dlv"), hook: h.id, store: h.store, state: deliveryWaits}
	k, err := w.key(h.store)
	if err != nil {
		return "", err
	}
	sum := k.MAC([]byte("delivery"), []byte(h.resource), []byte(h.action), body)
	d.digest = sum[:]
	d.body = k.Seal(nil, w.ad("delivery", d.store, d.id, d.hook), body)
	if err := w.room(ctx, h.store); err != nil {
		return "", w.refuse(ctx, h.store, actionReceive, http.StatusServiceUnavailable, err)
	}
	err = w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		id, err = w.acceptTx(tx, d, s)
		return err
	})
	return id, err
}

// room refuses more of a store than can wait: whoever sends comes again later.
func (w *Webhooks) room(ctx context.Context, store string) error {
	var n int64
	err := w.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		n, err = countPending(r, store, w.o.MaxWaiting)
		return err
	})
	if err == nil && n >= w.o.MaxWaiting {
		err = strongroom.Faultf(strongroom.Unavailable, "deliveries", "as many deliveries of the store wait as may").
			Advise("send it again later")
	}
	return err
}

// acceptTx writes a delivery down, unless it is known.
func (w *Webhooks) acceptTx(tx *guard.Tx, d deliveryRow, s shape) (id string, err error) {
	if err := tx.Allow(actionReceive, storeResource(d.store), guard.Context{}); err != nil {
		return "", err
	}
	if err := w.o.Vault.CheckStore(&tx.Reader, d.store); err != nil {
		return "", err
	}
	old, state, err := knownDelivery(&tx.Reader, d.digest, db.Micros(tx.Now().Add(-Window)))
	switch {
	case err == nil && (s.whole || state == deliveryWaits):
		tx.Note("again", true)
		tx.Note("ids", []string{old})
		return old, nil
	case err != nil && !strongroom.IsKind(err, strongroom.NotFound):
		return "", err
	}
	tx.Note("ids", []string{d.id})
	d.at = db.Micros(tx.Now())
	if err := addDelivery(tx, d); err != nil {
		return "", err
	}
	if err := seeHook(tx, d.hook, d.at); err != nil {
		return "", err
	}
	_, err = w.o.Enqueue(tx, jobs.Order{Kind: w.o.Kinds.Process, Args: jobs.Args{IDs: []string{d.id}}})
	return d.id, err
}

// known returns the subscription whose secret a post shows.
func (w *Webhooks) known(ctx context.Context, a Arrival) (hookRow, error) {
	var h hookRow
	err := strongroom.Faultf(strongroom.NotFound, "hook", "there is no such subscription")
	if strongroom.IsID("whk", a.Hook) {
		if e := w.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
			h, err = loadHook(r, a.Hook)
			return err
		}); e != nil && !strongroom.IsKind(e, strongroom.NotFound) {
			return h, e
		} else if e == nil {
			err = nil
		}
	}
	if err == nil && w.proves(h, a.Authorization) {
		return h, nil
	}
	wrong := unproven()
	if e := w.o.Limit(a.Source); e != nil {
		return hookRow{}, e
	}
	if err != nil { // nobody's: counted for its source
		w.o.Refused(ctx, a.Source, wrong.Code)
		return hookRow{}, wrong
	}
	return hookRow{}, w.refuse(ctx, h.store, actionReceive, http.StatusUnauthorized, wrong)
}

// unproven is the same whether there is such a subscription or not.
func unproven() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unauthenticated, "webhook-secret", "the post does not show the secret of its subscription")
}

// refuse records that a post about a store was refused and returns why.
func (w *Webhooks) refuse(ctx context.Context, store string, a strongroom.Action, status int, why error) error {
	return w.o.Guard.Refused(ctx, system(), a, storeResource(store), status, why)
}
