package sim

import (
	"fmt"
	"time"
)

// writeOrder writes an order in a version of the API, without envelope.
func (st *store) writeOrder(d *doc, o *order, version string) {
	if version == "v1" {
		switch st.spec.Platform {
		case "woocommerce":
			st.writeWoo(d, o)
			return
		case "shopify":
			st.writeShopify(d, o)
			return
		}
	}
	d.quoted, d.ascii = true, st.dialect().ascii
	if st.dialect().shape == legacy {
		st.writeLegacy(d, o)
	} else {
		st.writeUnified(d, o)
	}
	d.ascii = false
}

// writeUnified writes the newest, the older or the scalar shape.
func (st *store) writeUnified(d *doc, o *order) {
	dia := st.dialect()
	sh := dia.shape
	d.quoted = !o.bare
	d.open("")
	d.str("id", o.id)
	d.str("number", o.number)
	d.nulls("marketPlaceId", "groupId")
	if dia.person {
		d.personal("name", o.buyer.first+" "+o.buyer.last)
	} else {
		d.str("name", "#"+o.number)
	}
	d.null("packsId")
	d.personal("email", o.email())
	st.writeFulfilmentStatus(d, o)
	d.str("currency", dia.currency)
	writeTotals(d, o, sh)
	if d.full {
		d.bool("taxesIncluded", true)
		d.openList("taxLines")
		d.closeList()
	}
	writeStatus(d, o)
	d.nulls("locationId", "reference")
	d.open("payment")
	d.str("method", "credit_card")
	d.str("status", "paid")
	d.close()
	st.writeOrderCustomer(d, o)
	if sh == scalars {
		d.open("billingAddress")
		d.close()
	} else {
		st.writeAddress(d, "billingAddress", &o.buyer, o, 0)
	}
	d.str("shippingMethod", "Two-day ground")
	st.writeAddress(d, "shippingAddress", &o.ship, o, 1)
	st.writeItems(d, "items", o)
	st.writePackages(d, o)
	writeMeta(d, o)
	d.open("dates")
	if sh == newest {
		d.date("deliveredAt", o.delivered, o.style)
	}
	d.date("canceledAt", o.cancelled, o.style)
	d.date("closedAt", o.closedAt(sh), o.style)
	d.date("createdAt", o.created, o.style)
	d.date("updatedAt", o.updated, o.style)
	d.date("paidAt", o.paid, o.style)
	d.close()
	d.null("cancelReason")
	d.personal("note", o.note)
	d.personal("checkoutId", "")
	d.close()
}

// email is the buyer's address, now and then with a tag or in capitals.
func (o *order) email() string {
	e := o.buyer.email
	switch o.phones % 20 {
	case 3:
		return upperASCII(e)
	case 7:
		for i := range len(e) {
			if e[i] == '@' {
				return e[:i] + "+shop" + e[i:]
			}
		}
	}
	return e
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 32
		}
	}
	return string(b)
}

// closedAt is when the platform closed the order. Shapes without deliveredAt
// close an order when it is delivered.
func (o *order) closedAt(sh shape) time.Time {
	if sh != newest && !o.delivered.IsZero() {
		return o.delivered
	}
	return o.closed
}

func (st *store) writeFulfilmentStatus(d *doc, o *order) {
	status, id := "unfulfilled", "3"
	if !o.shipped.IsZero() || o.state == Digital {
		status, id = "fulfilled", "1"
	}
	d.open("fulfillmentStatus")
	d.null("id")
	d.str("status", status)
	d.str("ecartapi", status)
	d.num("ecartapiId", id)
	if d.full {
		d.bool("partiallAvailable", false)
	}
	d.close()
}

func writeTotals(d *doc, o *order, sh shape) {
	if sh == scalars {
		d.str("totals", money(o.subtotal+o.cost))
		return
	}
	d.open("totals")
	d.cents("subtotal", o.subtotal)
	d.cents("total", o.subtotal+o.cost)
	d.cents("tax", o.tax)
	if d.full {
		d.cents("discount", 0)
	}
	d.cents("shipping", o.cost)
	d.close()
}

func writeStatus(d *doc, o *order) {
	status, financial, id := "any", "paid", "1"
	if o.state == Cancelled {
		status, financial, id = "Canceled", "refunded", "5"
	}
	d.open("status")
	d.null("id")
	d.str("status", status)
	d.str("financial", financial)
	d.num("ecartapiId", id)
	d.close()
}

func (st *store) writeOrderCustomer(d *doc, o *order) {
	switch {
	case st.dialect().shape == scalars:
		d.num("customer", customerID(o.customer))
		return
	case o.noCustomer:
		d.open("customer")
		d.close()
		return
	}
	d.open("customer")
	d.str("id", customerID(o.customer))
	d.personal("email", o.email())
	d.personal("firstName", o.buyer.first)
	d.personal("lastName", o.buyer.last)
	d.personal("phone", o.buyer.phone(o.phones))
	if o.phones%3 == 0 {
		d.personal("identificationNumber", o.buyer.nationalID)
	} else {
		d.null("identificationNumber")
	}
	d.personal("company", o.buyer.company)
	d.null("ecartapiUrl")
	d.close()
}

func (st *store) writeAddress(d *doc, k string, p *person, o *order, spelling int) {
	d.open(k)
	d.null("id")
	d.personal("firstName", p.first)
	d.personal("lastName", p.last)
	if st.spec.Platform == "liverpool" || st.spec.Platform == "linio" {
		d.personal("dni", p.nationalID)
	} else {
		d.nulls("dni", "identificationNumber")
	}
	d.personal("address1", p.street)
	if st.spec.Platform == "liverpool" {
		d.personal("interiorNumber", p.extra)
	} else {
		d.personal("address2", p.extra)
	}
	d.null("address3")
	d.open("country")
	d.str("code", p.loc.iso2)
	if d.full {
		d.str("name", p.loc.country)
		d.str("codeIso2", p.loc.iso2)
		d.str("codeIso3", p.loc.iso3)
	}
	d.close()
	d.open("state")
	d.str("code", p.code)
	if d.full {
		d.str("name", p.state)
	}
	d.close()
	d.str("city", p.city)
	d.postal("postalCode", p.postal)
	d.personal("phone", p.phone(o.phones+spelling))
	d.nulls("email")
	d.personal("company", p.company)
	d.personal("references", p.references)
	d.personal("latitude", p.lat)
	d.personal("longitude", p.lon)
	d.close()
}

// postal writes a postal code; the long ones lead to a door.
func (d *doc) postal(k, v string) {
	if len(v) > 6 {
		d.personal(k, v)
	} else {
		d.str(k, v)
	}
}

func (st *store) writeItems(d *doc, k string, o *order) {
	d.openList(k)
	if o.nullItem {
		d.raw("", "null")
	}
	for i, it := range o.items {
		d.open("")
		d.str("id", fmt.Sprintf("%s%02d", o.id, i+1))
		d.str("sku", it.sku)
		d.str("name", it.name)
		d.int("quantity", it.quantity)
		d.cents("price", it.price)
		d.nulls("variantId", "productId", "offerId", "inventoryId", "upc", "vendor", "imageUrl", "ecartapiUrl", "weight", "length", "width", "height")
		if d.full {
			d.bool("requiresShipping", o.state != Digital)
			d.bool("taxable", true)
			d.openList("associatedItems")
			d.closeList()
		}
		d.close()
	}
	d.closeList()
}

func (st *store) writePackages(d *doc, o *order) {
	if o.tracking == "" || o.phones%2 == 0 {
		if d.full {
			d.openList("packages")
			d.closeList()
		}
		return
	}
	d.openList("packages")
	d.open("")
	d.str("id", "pkg-"+o.id)
	d.personal("trackingNumber", o.tracking)
	if o.delivered.IsZero() {
		d.str("status", "in_transit")
	} else {
		d.str("status", "delivered")
	}
	d.close()
	d.closeList()
}

func writeMeta(d *doc, o *order) {
	if o.giftMessage == "" && o.phones%9 != 0 {
		d.null("meta")
		return
	}
	d.open("meta")
	d.personal("giftMessage", o.giftMessage)
	if o.phones%9 == 0 {
		d.personal("customerIp", o.ip)
		d.open("surveyAnswers")
		d.personal("heardFrom", o.ship.first+" "+o.ship.last)
		d.close()
	}
	d.close()
}
