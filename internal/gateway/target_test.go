package gateway_test

import (
	"errors"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/gateway"
	"strongroom/internal/seal"
)

// aToken is spelt like a token.
func aToken() string { return "srt_" + strings.Repeat("0", seal.TokenSize-4) }

func code(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return ""
}

func TestTarget(t *testing.T) {
	for _, ok := range []struct{ path, query, version, rest string }{
		{"/ecartapi/str_x/api/v2/orders", "limit=50&createdAt[from]=2026-01-01", "v2", "orders"},
		{"/ecartapi/str_x/api/v1/orders/MX-LIV-1/fulfillments", "", "v1", "orders/MX-LIV-1/fulfillments"},
		{"/ecartapi/str_x/api/v3/orders/701-1234567-1234567", "", "v3", "orders/701-1234567-1234567"},
	} {
		version, rest, err := gateway.Target(ok.path, ok.query)
		if err != nil || version != ok.version || rest != ok.rest {
			t.Errorf("%s: %q %q %v", ok.path, version, rest, err)
		}
	}
	for _, bad := range []struct{ path, query, code string }{
		{"/ecartapi/str_x/api/v2/orders/..", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/.", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2//orders", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/%2e%2e/apps", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders%2f1", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders%252f1", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders%5c1", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders;x=1", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/1%00", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/1%0d%0aHost:%20x", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/customers/ana@example.com", "", "mirror-path"},
		{"/ecartapi/str_x/api/v4/orders", "", "mirror-path"},
		{"/ecartapi/str_x/webhooks", "", "mirror-path"},
		{"/v1/stores", "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/" + strings.Repeat("1", 129), "", "mirror-path"},
		{"/ecartapi/str_x/api/v2/orders/" + aToken(), "", "token-place"},
		{"/ecartapi/str_x/api/v2/customers/pn_abcdef", "", "token-place"},
		{"/ecartapi/str_x/api/v2/customers", "email=" + aToken() + "@pii.invalid", "token-place"},
		{"/ecartapi/str_x/api/v2/customers", aToken() + "=1", "token-place"},
		{"/ecartapi/str_x/api/v2/orders", "a=1;b=2", "query"},
		{"/ecartapi/str_x/api/v2/orders", "a=%0d%0aX:1", "query"},
		{"/ecartapi/str_x/api/v2/orders", "a=%ff", "query"},
		{"/ecartapi/str_x/api/v2/orders", "a=" + strings.Repeat("x", 5000), "query"},
	} {
		if _, _, err := gateway.Target(bad.path, bad.query); code(err) != bad.code {
			t.Errorf("%s?%s: %v", bad.path, bad.query, err)
		}
	}
}

// Every call that is documented has a row, and what is not has none.
func TestEndpoints(t *testing.T) {
	for call, want := range map[string]string{
		"GET /orders": "/orders", "GET /orders/count": "/orders/count", "GET /orders/17": "/orders/{id}", "HEAD /orders/17": "/orders/{id}",
		"POST /orders": "/orders", "PUT /orders/17": "/orders/{id}", "DELETE /orders/17": "/orders/{id}",
		"POST /orders/17/complete": "/orders/{id}/complete", "POST /orders/17/cancel": "/orders/{id}/cancel",
		"GET /customers": "/customers", "GET /customers/count": "/customers/count", "GET /customers/9": "/customers/{id}",
		"GET /customers/9/orders": "/customers/{id}/orders", "POST /customers": "/customers", "PUT /customers/9": "/customers/{id}", "DELETE /customers/9": "/customers/{id}",
		"GET /orders/17/fulfillments": "/orders/{id}/fulfillments", "POST /orders/17/fulfillments": "/orders/{id}/fulfillments",
		"GET /packages": "/packages", "GET /products": "/products", "GET /products/4": "/products/{id}", "GET /store": "/store",
		"GET /services/carriers": "/services/carriers", "POST /services/carriers": "/services/carriers",
		"GET /services/carriers/3": "/services/carriers/{id}", "PUT /services/carriers/3": "/services/carriers/{id}",
		"DELETE /services/carriers/3": "/services/carriers/{id}", "GET /services/allowed": "/services/allowed",
		"GET /ecommerces": "/ecommerces", "POST /webhooks": "/webhooks", "GET /apps": "/apps", "POST /authorize": "/authorize",
		"GET /transactions": "", "PATCH /orders/17": "", "GET /orders/17/secrets": "", "POST /store": "", "GET /orders/17/fulfillments/1": "",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := gateway.Find(method, "v2", path, ""); got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
	for _, e := range gateway.Endpoints() {
		if e.Refused == "" && e.Answer == "" && e.Shape == nil {
			t.Errorf("%s %s passes what it likes", e.Method, e.Path)
		}
	}
}
