package apptest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Order is an invented order of the test's own: as small as an order can be that
// has an owner, a place, a line and dates.
type Order struct {
	ID        string
	Name      string
	Email     string
	Phone     string
	Total     string // a JSON number, written as it stands here
	Note      string
	Created   time.Time
	Updated   time.Time // zero: as created
	Delivered time.Time // zero: not yet
}

// NewOrder returns the n-th order of a series: all its values tell n.
func NewOrder(n int, created time.Time) Order {
	return Order{
		ID: fmt.Sprintf("%d", 7_000_000_000+n), Name: fmt.Sprintf("Quintilia Zweiundfuffzig%d", n),
		Email: fmt.Sprintf("quintilia.%d@example.net", n), Phone: fmt.Sprintf("+5255%08d", n),
		Total: fmt.Sprintf("%d.50", n), Note: fmt.Sprintf("Leave it with Hortensius Ypsilanti %d", n), Created: created,
	}
}

// JSON returns the order as EcartAPI v2 sends it.
func (o Order) JSON() []byte {
	text := func(s string) string {
		b, _ := json.Marshal(s) // a string: cannot fail
		return string(b)
	}
	date := func(t time.Time) string {
		if t.IsZero() {
			return "null"
		}
		return text(t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if o.Updated.IsZero() {
		o.Updated = o.Created
	}
	status := "null"
	if !o.Delivered.IsZero() {
		status = `"delivered"`
	}
	return fmt.Appendf(nil, `{"id":%s,"number":%s,"email":%s,"fulfillmentStatus":%s,"currency":"MXN","totals":{"total":%s},`+
		`"status":{"financial":"paid"},"customer":{"id":%s,"firstName":%s,"email":%s,"phone":%s},`+
		`"shippingAddress":{"firstName":%s,"phone":%s,"address1":"Calle Zarzaparrilla %s","postalCode":"06700","city":"CDMX"},`+
		`"items":[{"id":"1","sku":"NOP-1","quantity":1}],"note":%s,`+
		`"dates":{"createdAt":%s,"updatedAt":%s,"deliveredAt":%s}}`,
		text(o.ID), text(o.ID), text(o.Email), status, o.Total, text("c"+o.ID), text(o.Name), text(o.Email), text(o.Phone),
		text(o.Name), text(o.Phone), o.ID, text(o.Note), date(o.Created), date(o.Updated), date(o.Delivered))
}

// Personal returns the order's personal values.
func (o Order) Personal() []string {
	return []string{o.Name, o.Email, o.Phone, o.Note, "Calle Zarzaparrilla " + o.ID}
}

// Take sends an order in and returns the id of its record.
func (i *Instance) Take(store string, o Order) string {
	i.t.Helper()
	a := i.Ingest(In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}, o.JSON())
	if a.Status != 200 || a.Header.Get("Strongroom-Dead") != "0" {
		i.t.Fatalf("ingest answered %d, dead %s: %s", a.Status, a.Header.Get("Strongroom-Dead"), a.Body)
	}
	return i.ByExternalID(store, o.ID)
}

// ByExternalID returns the id of the one record with this external id.
func (i *Instance) ByExternalID(store, id string) string {
	i.t.Helper()
	list, _ := i.Find(map[string]string{"store": store, "external_id": id})
	if len(list) != 1 {
		i.t.Fatalf("%d records have the external id", len(list))
	}
	return list[0].ID
}
