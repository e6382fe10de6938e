package intake

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/vault"
)

// batch is how many objects are gathered for one call of the vault.
const batch = 300

// pages fetches the pages of a window and takes them in, the next ones being
// fetched meanwhile.
func (r *run) pages(mark *progressMark, res resource, name string) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	type fetched struct {
		Page
		err error
	}
	ahead := make(chan fetched, 4)
	go func() {
		defer close(ahead)
		for p, err := range r.client.Pages(ctx, name, mark.window(), mark.Next) {
			select {
			case ahead <- fetched{p, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	for f := range ahead {
		pages, records, failed := []Page{f.Page}, f.Records, f.err
		// Take along what has arrived already; never wait for more.
	gather:
		for failed == nil && records < batch {
			select {
			case g, ok := <-ahead:
				if !ok {
					break gather
				}
				if g.err == nil {
					pages, records = append(pages, g.Page), records+g.Records
				}
				failed = g.err
			default:
				break gather
			}
		}
		if f.err == nil {
			if err := r.takePages(pages, name); err != nil {
				return err
			}
			mark.Next = pages[len(pages)-1].Next
			if mark.Next != "" || failed != nil {
				if err := r.save(r.ctx, r.q.Store, res, *mark); err != nil {
					return err
				}
			}
			r.tell(mark.Count)
		}
		if failed != nil {
			return failed
		}
	}
	return r.ctx.Err()
}

// takePages gives pages to the vault, and then the fulfilments of their orders.
func (r *run) takePages(pages []Page, name string) error {
	for _, p := range pages {
		r.sum.Pages++
		r.sum.Fetched += int64(p.Records)
	}
	if name == "customers" || r.has("orders") {
		if err := r.take(r.bodies(pages, name)...); err != nil {
			return err
		}
	}
	if name == "orders" && r.has("fulfillments") && r.card.Version != "v1" {
		return r.fulfillments(pages)
	}
	return nil
}

func (r *run) bodies(pages []Page, name string) []vault.In {
	var ins []vault.In
	for _, p := range pages {
		if p.Records > 0 {
			ins = append(ins, r.in(name, "", p.Body))
		}
	}
	return ins
}

func (r *run) in(name, order string, body []byte) vault.In {
	endpoint := "/api/" + r.card.Version + "/" + name
	if name == "fulfillments" {
		endpoint = "/api/" + r.card.Version + "/orders/:id/fulfillments"
	}
	return vault.In{
		Store: r.q.Store, Resource: name, Version: r.card.Version, Platform: r.card.Platform, Order: order,
		How: "sync", Endpoint: endpoint, Body: body,
	}
}

// take gives bodies to the vault, as the product itself: who asked for the sync
// may not be one who may store records. A list that is refused, or holds an object
// whose record is damaged, is given again object by object.
func (r *run) take(ins ...vault.In) error {
	if len(ins) == 0 {
		return nil
	}
	outs, err := r.o.Vault.IngestMany(r.ctx, strongroom.System("sync"), ins)
	if err != nil {
		return err
	}
	for k, out := range outs {
		switch {
		case out.Err == nil:
			r.sum.add(out.Ingested)
		case vault.IsDamaged(out.Err):
			if err := r.split(ins[k], &r.sum.Damaged); err != nil {
				return err
			}
		case strongroom.IsKind(out.Err, strongroom.Invalid), strongroom.IsKind(out.Err, strongroom.TooLarge):
			if err := r.split(ins[k], &r.sum.Refused); err != nil {
				return err
			}
		default:
			return out.Err
		}
	}
	return nil
}

// split gives the objects of a list that did not come in to the vault one by one.
// One that cannot be split any further is counted.
func (r *run) split(in vault.In, count *int64) error {
	e, err := readEnvelope(in.Body, in.Resource)
	if err != nil || len(e.items) <= 1 {
		*count++
		return nil
	}
	var ins []vault.In
	for _, s := range e.items {
		one := in
		one.Body = slices.Concat([]byte(`{"`+in.Resource+`":[`), in.Body[s.from:s.to], []byte(`]}`))
		ins = append(ins, one)
	}
	return r.take(ins...)
}
