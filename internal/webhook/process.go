package webhook

import (
	"context"
	"encoding/json"
	"errors"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/vault"
)

// result is what a delivery came to: a message, or why there is none.
type result struct {
	body []byte // tokenised
	code string // "" or why nothing is told: see runProcess
	keep int    // the state of a delivery that is kept; 0 is none
}

// runProcess works a delivery through. What the vault has taken in it takes in
// again without a change, so that a run that was cut off does no harm; the messages
// and the end of the job are one commit.
func (w *Webhooks) runProcess(ctx context.Context, j *jobs.Job) error {
	id := j.Args.IDs[0]
	var d deliveryRow
	var h hookRow
	err := w.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		if d, err = loadDelivery(r, id); err == nil {
			h, err = loadHook(r, d.hook)
		}
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil // its store was disconnected
	}
	if err != nil || d.state != deliveryWaits {
		return err
	}
	res, err := w.workOut(ctx, d, h)
	switch {
	case err == nil:
	case isGone(err):
		res = result{code: codeOf(err)}
	case strongroom.IsKind(err, strongroom.Invalid), strongroom.IsKind(err, strongroom.TooLarge):
		res = result{code: codeOf(err), keep: deliveryUnknown}
	case j.Try >= processTries:
		res = result{code: codeOf(err), keep: deliveryDead}
	default:
		return err
	}
	return w.settle(ctx, j, d, res)
}

// isGone reports whether the store takes nothing in any more.
func isGone(err error) bool {
	return strongroom.IsKind(err, strongroom.Erased) || codeOf(err) == "store-closed"
}

// codeOf returns the code of a fault, "internal" for another error.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok && strongroom.CheckName("code", f.Code) == nil {
		return f.Code
	}
	return "internal"
}

// workOut gives what a delivery holds to the vault and returns what the
// application is told.
func (w *Webhooks) workOut(ctx context.Context, d deliveryRow, h hookRow) (result, error) {
	body, err := w.unseal("delivery", d.store, d.id, d.hook, d.body)
	if err != nil {
		return result{code: codeOf(err), keep: deliveryDead}, nil // somebody changed the row: no try mends it
	}
	s, err := shapeOf(body, h.resource, h.action)
	if err != nil {
		return result{}, err
	}
	switch {
	case s.left:
		return result{code: "uninstalled"}, w.o.Lost(ctx, d.store, "uninstalled")
	case s.whole:
		return w.take(ctx, d, s, body)
	case s.resource != "" && s.id != "":
		return w.reread(ctx, d, s)
	}
	return result{code: "shape", keep: deliveryUnknown}, nil
}

// take gives an object that was delivered to the vault.
func (w *Webhooks) take(ctx context.Context, d deliveryRow, s shape, body []byte) (result, error) {
	platform, err := w.o.Vault.PlatformOf(ctx, d.store)
	if err != nil {
		return result{}, err
	}
	in := vault.In{
		Store: d.store, Resource: s.resource, Version: "v2", Platform: platform,
		How: "webhook", Endpoint: "/webhooks/" + s.resource, Body: body,
	}
	if s.resource == "orders" {
		in.Resource = "webhook_delivery"
	}
	got, err := w.o.Vault.Ingest(ctx, system(), in)
	if err != nil {
		return result{}, err
	}
	if got.Stored+got.Unchanged+got.Dead == 0 { // the vault has found no object in it
		return result{code: "shape", keep: deliveryUnknown}, nil
	}
	return result{body: got.Body}, nil
}

// notice is what the application is told of a delivery that only named an object:
// the same members, and the object as it was read.
type notice struct {
	Resource string          `json:"resource"`
	Action   string          `json:"action,omitempty"`
	ID       string          `json:"id"`
	Order    json.RawMessage `json:"order,omitempty"`
	Customer json.RawMessage `json:"customer,omitempty"`
	List     json.RawMessage `json:"fulfillments,omitempty"`
}

// reread reads the object that a delivery names. One that the platform has no more
// is told of by its id.
func (w *Webhooks) reread(ctx context.Context, d deliveryRow, s shape) (result, error) {
	n := notice{Resource: s.resource, Action: s.action, ID: s.id}
	got, err := w.o.Intake.FetchOne(ctx, system(), intake.One{Store: d.store, Resource: s.resource, ID: s.id, How: "webhook"})
	switch {
	case strongroom.IsKind(err, strongroom.NotFound):
	case err != nil:
		return result{}, err
	default:
		var top map[string]json.RawMessage
		if err := json.Unmarshal(got.Body, &top); err != nil {
			return result{}, strongroom.Faultf(strongroom.Internal, "webhook-answer", "the vault's answer is no object")
		}
		part := func(names ...string) json.RawMessage {
			for _, name := range names {
				if v, ok := top[name]; ok {
					return v
				}
			}
			return got.Body // native, without an envelope
		}
		switch s.resource {
		case "orders":
			n.Order = part("order", "orders")
		case "customers":
			n.Customer = part("customer", "customers")
		default:
			n.List = part("fulfillments", "fulfillment")
		}
	}
	text, err := json.Marshal(n)
	return result{body: text}, err
}

// settle writes down what a delivery came to: the messages to the endpoints of the
// store, or why there are none.
func (w *Webhooks) settle(ctx context.Context, j *jobs.Job, d deliveryRow, res result) error {
	k, err := w.key(d.store)
	if strongroom.IsKind(err, strongroom.Erased) {
		return nil // disconnected: everything of the store is gone with it
	}
	if err != nil {
		return err
	}
	return w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionProcess, storeResource(d.store), guard.Context{}); err != nil {
			return err
		}
		tx.Note("ids", []string{d.id})
		if res.keep != 0 {
			tx.Note("stage", audit.Word("keep"))
			if err := keepDelivery(tx, d.id, res.keep, res.code); err != nil {
				return err
			}
			return j.Done(tx)
		}
		n, err := w.spread(tx, d, k.Seal, res.body)
		if err != nil {
			return err
		}
		tx.Note("count", int64(n))
		if err := finishDelivery(tx, d.id, res.code); err != nil {
			return err
		}
		return j.Done(tx)
	})
}

// spread puts in one message for each endpoint of the store.
func (w *Webhooks) spread(tx *guard.Tx, d deliveryRow, seal func(dst, ad, text []byte) []byte, body []byte) (n int, err error) {
	if body == nil {
		return 0, nil
	}
	list, err := endpointsOf(&tx.Reader, d.store)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		if e.kind != Events {
			continue
		}
		f := forwardRow{
			id: strongroom.NewID("fwd"), endpoint: e.id, delivery: d.id, store: d.store,
			state: forwardWaits, at: db.Micros(tx.Now()),
		}
		f.body = seal(nil, w.ad("forward", f.store, f.id, f.endpoint), body)
		if err := addForward(tx, f); err != nil {
			return n, err
		}
		if _, err := w.o.Enqueue(tx, jobs.Order{Kind: w.o.Kinds.Forward, Args: jobs.Args{IDs: []string{f.id}}}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
