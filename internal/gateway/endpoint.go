package gateway

import (
	"net/http"
	"strings"

	"strongroom/internal/audit"
)

// Endpoint is a row of the table: one call of EcartAPI and how it is treated.
type Endpoint struct {
	Method string
	Path   string // behind the version: "/orders/{id}"; {…} is one element
	// Answer is the resource whose objects the answer holds ("orders"): they are
	// sealed, and leave with tokens. Empty where the answer holds no record.
	Answer string
	// Shape says what may stand in an answer without records, and in one to a
	// write that shows none. What it does not name does not leave.
	Shape *Shape
	// List is the key of the answer's list, where it may be long.
	List string
	// Body says where in a request tokens may stand; nil takes no body.
	Body *Places
	// Order says that the first {…} of the path is the id of an order.
	Order bool
	// Refused says why the call never passes, and Instead what to do.
	Refused, Instead string

	word audit.Term
}

// matches reports whether the row is for a path.
func (e *Endpoint) matches(segments []string) bool {
	want := strings.Split(e.Path[1:], "/")
	if len(want) != len(segments) {
		return false
	}
	for i, w := range want {
		if w[0] != '{' && w != segments[i] {
			return false
		}
	}
	return true
}

// named returns what stands for the first {…} of the row's path.
func (e *Endpoint) named(segments []string) string {
	for i, w := range strings.Split(e.Path[1:], "/") {
		if w[0] == '{' && i < len(segments) {
			return segments[i]
		}
	}
	return ""
}

// find returns the row for a call, nil if there is none. A row without {…} comes
// before one with it.
func find(table []Endpoint, method string, segments []string) *Endpoint {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var found *Endpoint
	for i := range table {
		e := &table[i]
		if e.Method == method && e.matches(segments) && (found == nil || strings.Count(e.Path, "{") < strings.Count(found.Path, "{")) {
			found = e
		}
	}
	return found
}

// Endpoints returns the table of what passes and what does not.
func Endpoints() []Endpoint {
	return append(records(), others()...)
}

// records are the calls whose answers hold records.
func records() []Endpoint {
	return []Endpoint{
		{Method: "GET", Path: "/orders", Answer: "orders", List: "orders", word: audit.Word("orders.list")},
		{Method: "GET", Path: "/orders/{id}", Answer: "orders", Order: true, word: audit.Word("orders.get")},
		{Method: "POST", Path: "/orders", Answer: "orders", Body: orderPlaces(), word: audit.Word("orders.create")},
		{Method: "PUT", Path: "/orders/{id}", Answer: "orders", Order: true, Body: orderPlaces(), word: audit.Word("orders.update")},
		{Method: "DELETE", Path: "/orders/{id}", Answer: "orders", Order: true, word: audit.Word("orders.delete")},
		{Method: "POST", Path: "/orders/{id}/complete", Answer: "orders", Order: true, Body: orderPlaces(), word: audit.Word("orders.complete")},
		{Method: "POST", Path: "/orders/{id}/cancel", Answer: "orders", Order: true, Body: orderPlaces(), word: audit.Word("orders.cancel")},
		{Method: "GET", Path: "/orders/{id}/fulfillments", Answer: "fulfillments", List: "fulfillments", Order: true, word: audit.Word("fulfillments.list")},
		{Method: "POST", Path: "/orders/{id}/fulfillments", Answer: "fulfillments", Order: true, Body: fulfillmentPlaces(), word: audit.Word("fulfillments.create")},
		{Method: "GET", Path: "/customers", Answer: "customers", List: "customers", word: audit.Word("customers.list")},
		{Method: "GET", Path: "/customers/{id}", Answer: "customers", word: audit.Word("customers.get")},
		{Method: "GET", Path: "/customers/{id}/orders", Answer: "orders", List: "orders", word: audit.Word("customers.orders")},
		{Method: "POST", Path: "/customers", Answer: "customers", Body: customerPlaces(), word: audit.Word("customers.create")},
		{Method: "PUT", Path: "/customers/{id}", Answer: "customers", Body: customerPlaces(), word: audit.Word("customers.update")},
		{Method: "DELETE", Path: "/customers/{id}", Answer: "customers", word: audit.Word("customers.delete")},
		{Method: "GET", Path: "/store", Answer: "store", word: audit.Word("store.get")},
	}
}

// others are the calls whose answers hold no records, and those that do not pass.
func others() []Endpoint {
	rates := &Places{Under: []string{"origin", "destination", "rate.origin", "rate.destination"}}
	carrier := &Places{Own: true}
	return []Endpoint{
		{Method: "GET", Path: "/orders/count", Shape: countShape(), word: audit.Word("orders.count")},
		{Method: "GET", Path: "/customers/count", Shape: countShape(), word: audit.Word("customers.count")},
		{Method: "GET", Path: "/products/count", Shape: countShape(), word: audit.Word("products.count")},
		{Method: "GET", Path: "/orders/{id}/packages", Order: true, Shape: packageShape(), List: "packages", word: audit.Word("packages.list")},
		{Method: "GET", Path: "/packages", Shape: packageShape(), List: "packages", word: audit.Word("packages.list")},
		{Method: "GET", Path: "/products", Shape: productShape(), List: "products", word: audit.Word("products.list")},
		{Method: "GET", Path: "/products/{id}", Shape: productShape(), word: audit.Word("products.get")},
		{Method: "GET", Path: "/ecommerces", Shape: platformShape(), word: audit.Word("ecommerces.list")},
		{Method: "GET", Path: "/services/carriers", Shape: carrierShape(), List: "carriers", word: audit.Word("carriers.list")},
		{Method: "GET", Path: "/services/carriers/{id}", Shape: carrierShape(), word: audit.Word("carriers.get")},
		{Method: "GET", Path: "/services/allowed", Shape: carrierShape(), word: audit.Word("carriers.allowed")},
		{Method: "POST", Path: "/services/carriers", Shape: carrierShape(), Body: carrier, word: audit.Word("carriers.create")},
		{Method: "PUT", Path: "/services/carriers/{id}", Shape: carrierShape(), Body: carrier, word: audit.Word("carriers.update")},
		{Method: "DELETE", Path: "/services/carriers/{id}", Shape: carrierShape(), word: audit.Word("carriers.delete")},
		{Method: "POST", Path: "/services/carriers/actions", Shape: rateShape(), Body: rates, word: audit.Word("carriers.rates")},
		{Method: "POST", Path: "/services/carriers/{id}/actions", Shape: rateShape(), Body: rates, word: audit.Word("carriers.rates")},
		refused("POST", "/webhooks", "deliveries would reach the application with personal data", "register the application's address with: strongroom webhook add"),
		refused("POST", "/authorize", "its answer holds a credential", "connect the store with: strongroom connect"),
		refused("GET", "/accesses/me/{shop}", "its answer holds a credential", "connect the store with: strongroom connect"),
		refused("GET", "/apps", "it is a call of the account, not of the store", "see: strongroom connect"),
		refused("GET", "/apps/{app}", "it is a call of the account, not of the store", "see: strongroom connect"),
		refused("DELETE", "/apps/{app}/accesses", "it revokes the merchant's grant", "revoke it with: POST /v1/stores/{store}/revoke"),
	}
}

func refused(method, path, why, instead string) Endpoint {
	return Endpoint{Method: method, Path: path, Refused: why, Instead: instead, word: audit.Word("refused")}
}
