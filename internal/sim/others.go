package sim

import (
	"fmt"
	"time"
)

// customerUpdated returns when a customer was made and last changed.
func (st *store) customerTimes(n int) (created, updated time.Time) {
	r := st.random(kindCustomer, uint64(n))
	created = st.sim.o.Now.Add(-time.Duration(1+r.IntN(1000)) * 24 * time.Hour)
	updated = created.Add(time.Duration(r.Int64N(int64(st.sim.o.Now.Sub(created)))))
	return created, updated.Truncate(time.Second)
}

// writeCustomer writes a customer with one address, or two.
func (st *store) writeCustomer(d *doc, n int) {
	p := st.person(kindCustomer, uint64(n))
	created, updated := st.customerTimes(n)
	d.open("")
	d.str("id", customerID(n))
	d.personal("email", p.email)
	d.personal("firstName", p.first)
	d.personal("lastName", p.last)
	d.open("status")
	d.str("status", "active")
	d.bool("active", true)
	d.close()
	d.null("note")
	d.personal("phone", p.phone(n))
	d.str("currency", st.dialect().currency)
	d.openList("addresses")
	d.open("")
	d.str("id", fmt.Sprint(33_107+n))
	d.personal("firstName", p.first)
	d.personal("lastName", p.last)
	d.personal("address1", p.street)
	d.personal("address2", p.extra)
	d.open("country")
	d.str("code", p.loc.iso2)
	d.close()
	d.str("city", p.city)
	if n%2 == 0 {
		d.postal("postalCode", p.postal)
	} else {
		d.postal("postalcode", p.postal)
	}
	d.personal("phone", p.phone(n+1))
	d.personal("references", p.references)
	d.bool("defaultBilling", true)
	d.close()
	d.closeList()
	s := st.dialect().style
	if st.dialect().shape == legacy {
		d.date("createdAt", created, s)
		d.date("updatedAt", updated, s)
	} else {
		d.open("dates")
		d.date("createdAt", created, s)
		d.date("updatedAt", updated, s)
		d.close()
	}
	d.close()
}

// writeFulfillments writes the elements of an order's fulfilments: one parcel,
// if it was shipped.
func (st *store) writeFulfillments(d *doc, o *order) {
	if o.shipped.IsZero() {
		return
	}
	status := "in_transit"
	if !o.delivered.IsZero() {
		status = "delivered"
	}
	d.open("")
	d.str("id", fmt.Sprintf("%d", 5_501_120_771+int(mix(st.seed, uint64(o.n), 3)%1_000_000_000)))
	d.open("shippingMethod")
	d.str("service", "Estándar")
	d.close()
	d.open("tracking")
	d.personal("number", o.tracking)
	d.personal("url", "https://track.example.net/"+o.tracking)
	d.str("company", "Correo Colibrí")
	d.openList("numbers")
	d.personal("", o.tracking)
	d.closeList()
	d.close()
	d.open("status")
	d.str("status", "success")
	d.str("shipment", status)
	d.close()
	d.openList("items")
	for i, it := range o.items {
		d.open("")
		d.str("id", fmt.Sprintf("%s%02d", o.id, i+1))
		d.int("quantity", it.quantity)
		d.close()
	}
	d.closeList()
	d.open("dates")
	d.date("createdAt", o.shipped, o.style)
	updated := o.shipped
	if !o.delivered.IsZero() {
		updated = o.delivered
	}
	d.date("updatedAt", updated, o.style)
	d.date("shippedAt", o.shipped, o.style)
	d.close()
	d.personal("phone", o.ship.phone(o.phones))
	d.close()
}

// writeStore writes the merchant's own object.
func (st *store) writeStore(d *doc) {
	p := st.person(kindOwner, 0)
	d.open("")
	d.str("id", fmt.Sprintf("shop-%06x", st.seed&0xFFFFFF))
	d.personal("name", p.first+" "+p.last+" Shop")
	d.str("ecommerce", st.spec.Platform)
	d.personal("email", p.email)
	d.str("url", "https://"+st.spec.Name)
	d.open("address")
	d.personal("address1", p.street)
	d.open("country")
	d.str("code", p.loc.iso2)
	d.close()
	d.str("city", p.city)
	d.postal("postalCode", p.postal)
	d.personal("phone", p.phone(0))
	d.close()
	d.str("currency", st.dialect().currency)
	d.open("units")
	d.str("weight", "kg")
	d.close()
	d.close()
}
