package intake

import (
	"context"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"strongroom"
	"strongroom/internal/vault"
)

// hint is what an order says about its shipment.
type hint struct {
	ID                json.RawMessage
	FulfillmentStatus json.RawMessage
	ClosedAt          *json.RawMessage
	CanceledAt        *json.RawMessage
	Dates             struct{ DeliveredAt, CanceledAt, ClosedAt *json.RawMessage }
}

// wantsFulfilments reports whether the order was shipped and tells no end: then
// its fulfilments hold the dates that its clock runs from.
func (h *hint) wantsFulfilments() bool {
	for _, end := range []*json.RawMessage{h.ClosedAt, h.CanceledAt, h.Dates.DeliveredAt, h.Dates.CanceledAt, h.Dates.ClosedAt} {
		if end != nil && string(*end) != "null" {
			return false
		}
	}
	var status struct{ Ecartapi, Status string }
	if json.Unmarshal(h.FulfillmentStatus, &status) != nil {
		json.Unmarshal(h.FulfillmentStatus, &status.Status) // the legacy shape: a bare text
	}
	return status.Ecartapi == "fulfilled" || status.Status == "fulfilled"
}

// externalID returns the order's id as text; "" if it has none.
func (h *hint) externalID() string {
	var text string
	if json.Unmarshal(h.ID, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(h.ID, &number) == nil {
		return number.String()
	}
	return ""
}

// fetches is how many fulfilments are asked for at a time.
const fetches = 4

// fulfillments fetches the fulfilments of the shipped orders of pages, a few at
// a time, and takes them in.
func (r *run) fulfillments(pages []Page) error {
	var ids []string
	for _, p := range pages {
		for _, s := range p.items {
			var h hint
			// Odd shapes are not ours to judge: such an order has no hint.
			if json.Unmarshal(p.Body[s.from:s.to], &h) != nil || !h.wantsFulfilments() {
				continue
			}
			if id := h.externalID(); id != "" {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	bodies := make([][]byte, len(ids))
	g, ctx := errgroup.WithContext(r.ctx)
	g.SetLimit(fetches)
	for k, id := range ids {
		g.Go(func() (err error) {
			bodies[k], err = r.fetchFulfilments(ctx, id)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var ins []vault.In
	for k, body := range bodies {
		if e, err := readEnvelope(body, "fulfillments"); err == nil && len(e.items) > 0 {
			r.sum.Fetched += int64(len(e.items))
			ins = append(ins, r.in("fulfillments", ids[k], body))
		}
	}
	return r.take(ins...)
}

// fetchFulfilments returns an empty body where the platform knows none.
func (r *run) fetchFulfilments(ctx context.Context, id string) ([]byte, error) {
	body, err := r.client.Get(ctx, "orders", id, "fulfillments")
	if strongroom.IsKind(err, strongroom.NotFound) || strongroom.IsKind(err, strongroom.Invalid) {
		return nil, nil
	}
	return body, err
}
