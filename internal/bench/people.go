package bench

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/authz"
)

// crew reveals as people do: under the policies of a production instance as they
// are shipped, each with a budget of their own, trained, pledged, on a managed
// device, with two factors shown just now and an approved elevation for the order.
type crew struct {
	*product
	people []strongroom.Actor
	calls  atomic.Int64
}

// hire returns a crew of n over p and lets the policies of production decide from
// now on; they know no role that ingests.
func hire(p *product, n int) (*crew, error) {
	engine, err := authz.New(nil, authz.Options{Environment: strongroom.Production})
	if err != nil {
		return nil, err
	}
	p.policy.Store(engine)
	c := &crew{product: p}
	for range n {
		c.people = append(c.people, strongroom.Actor{
			Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Operator}, Stores: []string{p.store},
			Session: strongroom.NewID("ses"), Door: "http", Seen: p.turns.Turn(),
			Standing: strongroom.Standing{
				Employment: "employee", Trained: true, Pledged: true, Device: "managed",
				Verified: time.Now(), Source: netip.AddrFrom4([4]byte{192, 0, 2, 7}),
			},
		})
	}
	return c, nil
}

// Reveal has the next of the people reveal.
func (c *crew) Reveal(ctx context.Context, id, reference string) ([]byte, error) {
	who := c.people[int(c.calls.Add(1))%len(c.people)]
	who.Elevations = []strongroom.Elevation{{
		ID: "grant", Store: c.store, Purpose: strongroom.Fulfilment, Reference: reference, Until: time.Now().Add(time.Hour),
	}}
	return c.revealAs(ctx, who, id, reference)
}

// personal measures reveals of the same records by as many people as there are
// callers. Without the elevation each would be refused, which is tried first.
func (b *bench) personal(ctx context.Context, c *contest) error {
	services := c.p.policy.Load()
	defer c.p.policy.Store(services)
	people, err := hire(c.p, manyAtOnce)
	if err != nil {
		return err
	}
	if _, err := people.revealAs(ctx, people.people[0], c.sp.ids[0], c.sp.names[0]); !strongroom.IsKind(err, strongroom.Denied) {
		return wrong("a person without an elevation was let in")
	}
	side := &stock{side: people, ids: slices.Clip(c.sp.ids), names: slices.Clip(c.sp.names)}
	return b.reveal(ctx, "reveal (person)", "", c.sf, side, 0.5)
}
