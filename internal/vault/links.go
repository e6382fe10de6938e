package vault

import (
	"time"
)

// Orders, fulfilments and customers lean on each other's dates: a fulfilment
// moves its order's clock and follows it, a customer follows its last order.
// They may come in any order. Whoever comes later finds the others by its links.

// maxLinked bounds how many records one link leads to. The newest ones count.
const maxLinked = 1000

// clock returns an object's facts, completed by what its links add, and its
// verdict. self is the record it is stored as, 0 for none yet.
func (p *placing) clock(w *work, f facts, self recordID) (facts, verdict, error) {
	switch w.obj.Kind {
	case kindOrder:
		if err := p.addParcels(&f, w.external, 0, nil); err != nil {
			return f, verdict{}, err
		}
	case kindFulfillment:
		vd, ok, err := p.orderVerdict(w, f, self)
		if err != nil || ok {
			return f, vd, err
		}
	case kindCustomer:
		var err error
		if f.LastOrder, err = p.lastOrder(w.links); err != nil {
			return f, verdict{}, err
		}
	}
	return f, p.v.profile.clock(w.obj.Kind, f), nil
}

// linked returns the live records a link leads to, of one kind, as outlines.
func (p *placing) linked(h hash, k kind) ([]*row, error) {
	if p.kinds&(1<<k) == 0 {
		return nil, nil
	}
	if err := p.write(); err != nil {
		return nil, err
	}
	rows, err := loadLinked(&p.tx.Reader, h, k, maxLinked)
	return p.in.same(rows), err
}

// addParcels adds to an order's facts what its fulfilments state: the last ship
// date, and the last delivery once all of them are delivered. own are the facts
// of the fulfilment that is being placed, self the record it has.
func (p *placing) addParcels(f *facts, order string, self recordID, own *facts) error {
	rows, err := p.linked(linkHash(p.ident, linkOrder, order), kindFulfillment)
	if err != nil {
		return err
	}
	parcels := make([]facts, 0, len(rows)+1)
	if own != nil {
		parcels = append(parcels, *own)
	}
	for _, r := range rows {
		if r.id == self {
			continue
		}
		one, err := parseFacts(r.facts)
		if err != nil {
			return err
		}
		parcels = append(parcels, one)
	}
	all := true
	var shipped, delivered time.Time
	for i := range parcels {
		if !parcels[i].Cancelled.IsZero() {
			continue
		}
		shipped = latest(shipped, parcels[i].Shipped)
		delivered = latest(delivered, parcels[i].Delivered)
		all = all && !parcels[i].Delivered.IsZero()
	}
	if len(parcels) == 0 {
		return nil
	}
	// Later parcels move the dates; a parcel that is not delivered takes back
	// that all are.
	f.ParcelsShipped, f.ParcelsDelivered = shipped, time.Time{}
	if all {
		f.ParcelsDelivered = delivered
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// orderVerdict returns the clock of a fulfilment's order, moved by this very
// fulfilment. ok is false while the order is not here. The fulfilments of a dead
// order are dead.
func (p *placing) orderVerdict(w *work, f facts, self recordID) (vd verdict, ok bool, err error) {
	order, err := p.orderOf(w)
	if err != nil || order == nil {
		return verdict{}, false, err
	}
	now := p.tx.Now()
	reached := !now.Before(order.expires)
	switch {
	case order.status != live && reached:
		return verdict{}, false, nil // only a tombstone that has run out
	case order.status != live || reached:
		at := order.anchorAt
		if order.status != live {
			at = now // a tombstone keeps no anchor
		}
		return verdict{anchor: order.anchor, at: at, eraseBy: now}, true, nil
	}
	was, err := parseFacts(order.facts)
	if err != nil {
		return verdict{}, false, err
	}
	if err := p.addParcels(&was, w.obj.OrderID, self, &f); err != nil {
		return verdict{}, false, err
	}
	return p.v.profile.clock(kindOrder, was), true, nil
}

// orderOf returns the row of a fulfilment's order, nil if it is not here.
func (p *placing) orderOf(w *work) (*row, error) {
	if w.obj.OrderID == "" {
		return nil, nil
	}
	return p.in.byIdent(&p.tx.Reader, identOf(p.ident, kindOrder, w.obj.OrderID))
}

// lastOrder returns the latest erase-by date of a shopper's live orders.
func (p *placing) lastOrder(links []hash) (time.Time, error) {
	var last time.Time
	for _, h := range links {
		orders, err := p.linked(h, kindOrder)
		if err != nil {
			return last, err
		}
		for _, o := range orders {
			if p.tx.Now().Before(o.expires) {
				last = latest(last, o.expires)
			}
		}
	}
	return last, nil
}

// spread carries a new date to those who follow it.
func (p *placing) spread(w *work, r *row, vd verdict) error {
	switch w.obj.Kind {
	case kindOrder:
		if err := p.moveParcels(linkHash(p.ident, linkOrder, w.external), 0, vd); err != nil {
			return err
		}
		return p.moveCustomer(w, vd.eraseBy)
	case kindFulfillment:
		return p.moveOrder(w, r)
	}
	return nil
}

// moveOrder gives a fulfilment's order the date that follows from all its
// fulfilments, and everyone else who follows the order.
func (p *placing) moveOrder(w *work, self *row) error {
	order, err := p.orderOf(w)
	if err != nil || order == nil || order.status != live {
		return err
	}
	f, err := parseFacts(order.facts)
	if err != nil {
		return err
	}
	if err := p.addParcels(&f, w.obj.OrderID, 0, nil); err != nil {
		return err
	}
	vd := p.v.profile.clock(kindOrder, f)
	if vd.eraseBy.Equal(order.expires) && vd.anchor == order.anchor {
		return nil
	}
	if err := p.retime(order, f, vd); err != nil {
		return err
	}
	if err := p.moveParcels(linkHash(p.ident, linkOrder, w.obj.OrderID), self.id, vd); err != nil {
		return err
	}
	return p.moveCustomers(linksOf(order.entries))
}

// moveParcels gives the fulfilments of an order its date.
func (p *placing) moveParcels(link hash, but recordID, vd verdict) error {
	rows, err := p.linked(link, kindFulfillment)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.id == but || r.expires.Equal(vd.eraseBy) && r.anchor == vd.anchor {
			continue
		}
		f, err := parseFacts(r.facts)
		if err != nil {
			return err
		}
		if err := p.retime(r, f, vd); err != nil {
			return err
		}
	}
	return nil
}

// moveCustomer tells the customer behind an order that the order has a new date.
func (p *placing) moveCustomer(w *work, eraseBy time.Time) error {
	if w.obj.CustomerID == "" || p.kinds&(1<<kindCustomer) == 0 {
		return nil
	}
	c, err := p.in.byIdent(&p.tx.Reader, identOf(p.ident, kindCustomer, w.obj.CustomerID))
	if err != nil || c == nil || c.status != live {
		return err
	}
	return p.follow(c, linkHash(p.ident, linkCustomer, w.obj.CustomerID), eraseBy)
}

// moveCustomers gives the customers behind an order the date of their last one.
func (p *placing) moveCustomers(links []hash) error {
	for _, h := range links {
		customers, err := p.linked(h, kindCustomer)
		if err != nil {
			return err
		}
		for _, c := range customers {
			if err := p.follow(c, h, time.Time{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow gives a customer the date of the last order that a link leads to. moved
// is the new date of one of them, if the caller has one: as the latest of all it
// spares the look at the others, of which a wholesaler has thousands.
func (p *placing) follow(c *row, link hash, moved time.Time) error {
	f, err := parseFacts(c.facts)
	if err != nil {
		return err
	}
	last := moved
	if moved.IsZero() || moved.Before(f.LastOrder) {
		if last, err = p.lastOrder([]hash{link}); err != nil {
			return err
		}
	}
	if last.IsZero() {
		return nil // keeps the date of the order that is gone
	}
	f.LastOrder = last
	vd := p.v.profile.clock(kindCustomer, f)
	if vd.eraseBy.Equal(c.expires) {
		return nil
	}
	return p.retime(c, f, vd)
}
