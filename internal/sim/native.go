package sim

import (
	"fmt"
	"time"
)

// writeLegacy writes the shape of the first unified platforms: flat country and
// state, postalcode, products and dates at the top.
func (st *store) writeLegacy(d *doc, o *order) {
	d.open("")
	d.str("id", o.id)
	d.str("number", fmt.Sprintf("QW%07d", o.n))
	d.personal("email", o.email())
	if o.shipped.IsZero() {
		d.str("fulfillmentStatus", "unfulfilled")
	} else {
		d.str("fulfillmentStatus", "fulfilled")
	}
	d.str("currency", st.dialect().currency)
	d.cents("subtotalPrice", o.subtotal)
	d.cents("totalPrice", o.subtotal+o.cost)
	d.cents("totalTax", o.tax)
	d.cents("totalDiscounts", 0)
	d.str("status", "paid")
	d.key("tags")
	d.quote("")
	d.open("customer")
	d.str("id", customerID(o.customer))
	d.personal("firstName", o.buyer.first)
	d.personal("lastName", o.buyer.last)
	d.personal("email", o.email())
	d.personal("phone", o.buyer.phone(o.phones))
	if o.phones%3 == 0 {
		d.personal("vatNumber", o.buyer.nationalID)
	}
	d.close()
	legacyAddress(d, "billingAddress", &o.buyer, o.phones)
	legacyAddress(d, "shippingAddress", &o.ship, o.phones+1)
	st.writeItems(d, "products", o)
	d.str("shippingMethod", "Colis relais")
	d.personal("note", o.note)
	d.date("createdAt", o.created, o.style)
	d.date("updatedAt", o.updated, o.style)
	d.date("canceledAt", o.cancelled, o.style)
	d.date("closedAt", o.closedAt(legacy), o.style)
	d.close()
}

func legacyAddress(d *doc, k string, p *person, spelling int) {
	d.open(k)
	d.personal("firstName", p.first)
	d.personal("lastName", p.last)
	d.personal("address1", p.street)
	d.personal("address2", p.extra)
	d.postal("postalcode", p.postal)
	d.str("city", p.city)
	d.str("country", p.loc.country)
	d.str("countryCode", p.loc.iso2)
	d.null("state")
	d.personal("phone", p.phone(spelling))
	d.personal("company", p.company)
	d.personal("other", p.references)
	d.close()
}

// writeWoo writes WooCommerce's own shape: numbers are numbers, amounts strings.
func (st *store) writeWoo(d *doc, o *order) {
	d.quoted = false
	d.open("")
	d.num("id", o.id)
	d.int("parent_id", 0)
	switch o.state {
	case Cancelled:
		d.str("status", "cancelled")
	case Delivered, Digital:
		d.str("status", "completed")
	default:
		d.str("status", "processing")
	}
	d.str("currency", st.dialect().currency)
	d.str("version", "9.4.1")
	local := func(k string, t time.Time) {
		d.key(k)
		if t.IsZero() {
			d.b = append(d.b, "null"...)
			return
		}
		d.b = t.AppendFormat(append(d.b, '"'), `2006-01-02T15:04:05"`)
	}
	local("date_created", o.created)
	local("date_modified", o.updated)
	d.str("total", money(o.subtotal+o.cost))
	d.str("total_tax", money(o.tax))
	d.num("customer_id", customerID(o.customer)[8:])
	wooAddress(d, "billing", &o.buyer, o, o.email())
	wooAddress(d, "shipping", &o.ship, o, "")
	d.str("payment_method", "stripe")
	d.personal("transaction_id", fmt.Sprintf("ch_sim_%016x", mix(st.seed, uint64(o.n), 9)))
	d.personal("customer_ip_address", o.ip)
	d.personal("customer_user_agent", fmt.Sprintf("Mozilla/5.0 (Linux; Android 15; Sim %d)", o.n))
	d.key("customer_note")
	if o.note != "" && d.seen != nil {
		*d.seen = append(*d.seen, o.note)
	}
	d.quote(o.note)
	local("date_completed", o.completed())
	local("date_paid", o.paid)
	d.str("number", o.id)
	d.openList("meta_data")
	if o.phones%9 == 0 {
		d.open("")
		d.int("id", 5120+o.n)
		d.str("key", "_gift_card_to")
		d.personal("value", o.ship.first+" "+o.ship.last)
		d.close()
	}
	d.closeList()
	d.openList("line_items")
	for i, it := range o.items {
		d.open("")
		d.int("id", 30_000+o.n*4+i)
		d.str("name", it.name)
		d.int("quantity", it.quantity)
		d.str("total", money(it.price*it.quantity))
		d.str("sku", it.sku)
		d.num("price", money(it.price))
		d.close()
	}
	d.closeList()
	d.close()
}

// completed is WooCommerce's only end event.
func (o *order) completed() time.Time {
	if o.delivered.IsZero() {
		return o.closed
	}
	return o.delivered
}

func wooAddress(d *doc, k string, p *person, o *order, email string) {
	d.open(k)
	d.personal("first_name", p.first)
	d.personal("last_name", p.last)
	d.key("company")
	d.quote("")
	d.personal("address_1", p.street)
	d.personal("address_2", p.extra)
	d.str("city", p.city)
	d.str("state", p.code)
	d.postal("postcode", p.postal)
	d.str("country", p.loc.iso2)
	if email != "" {
		d.personal("email", email)
	}
	d.personal("phone", p.phone(o.phones))
	d.close()
}

// writeShopify writes Shopify's own shape.
func (st *store) writeShopify(d *doc, o *order) {
	d.quoted = false
	d.open("")
	d.num("id", o.id)
	d.str("name", "#"+o.number)
	d.int("order_number", 1047+o.n)
	d.personal("email", o.email())
	d.personal("contact_email", o.email())
	d.personal("browser_ip", o.ip)
	d.date("created_at", o.created, isoOffset)
	d.date("updated_at", o.updated, isoOffset)
	d.date("cancelled_at", o.cancelled, isoOffset)
	d.date("closed_at", o.closedAt(older), isoOffset)
	d.str("currency", st.dialect().currency)
	d.str("total_price", money(o.subtotal+o.cost))
	d.str("financial_status", "paid")
	d.personal("note", o.note)
	d.open("customer")
	d.num("id", customerID(o.customer))
	d.personal("email", o.email())
	d.personal("first_name", o.buyer.first)
	d.personal("last_name", o.buyer.last)
	d.personal("phone", o.buyer.phone(o.phones))
	d.close()
	shopifyAddress(d, "billing_address", &o.buyer, o.phones)
	shopifyAddress(d, "shipping_address", &o.ship, o.phones+1)
	d.openList("line_items")
	for i, it := range o.items {
		d.open("")
		d.num("id", fmt.Sprintf("%d", 15_330_021_770_101+o.n*4+i))
		d.str("title", it.name)
		d.str("sku", it.sku)
		d.int("quantity", it.quantity)
		d.str("price", money(it.price))
		d.close()
	}
	d.closeList()
	d.close()
}

func shopifyAddress(d *doc, k string, p *person, spelling int) {
	d.open(k)
	d.personal("first_name", p.first)
	d.personal("last_name", p.last)
	d.personal("address1", p.street)
	d.personal("address2", p.extra)
	d.str("city", p.city)
	d.postal("zip", p.postal)
	d.str("province_code", p.code)
	d.str("country_code", p.loc.iso2)
	d.personal("phone", p.phone(spelling))
	d.personal("company", p.company)
	d.close()
}
