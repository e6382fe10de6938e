package gateway_test

import (
	"strings"
	"testing"

	"strongroom/internal/gateway"
)

func TestSlots(t *testing.T) {
	tok := aToken()
	for _, c := range []struct {
		name, method, path, body string
		found                    int
		code                     string
	}{
		{"a phone of a fulfilment", "POST", "/orders/1/fulfillments", `{"fulfillment":{"phone":"TOK","items":[{"id":"1"}]}}`, 1, ""},
		{"at the root", "POST", "/orders/1/fulfillments", `{"phone":"TOK"}`, 1, ""},
		{"an address of an order", "PUT", "/orders/1", `{"order":{"email":"TOK@pii.invalid","shippingAddress":{"address1":"TOK","city":"TOK"}}}`, 3, ""},
		{"in a list", "POST", "/customers", `{"customer":{"addresses":[{"phone":"TOK"},{"phone":"TOK"}]}}`, 2, ""},
		{"spelt with an escape", "POST", "/orders/1/fulfillments", `{"fulfillment":{"phone":"\u0073` + tok[1:] + `"}}`, 1, ""},
		{"none", "POST", "/orders", `{"order":{"note":"plain","total":1.50}}`, 0, ""},
		{"elsewhere", "PUT", "/orders/1", `{"order":{"items":[{"name":"TOK"}]}}`, 0, "token-place"},
		{"in a key", "PUT", "/orders/1", `{"order":{"customer":{"TOK":"x"}}}`, 0, "token-place"},
		{"inside a text", "PUT", "/orders/1", `{"order":{"note":"call TOK now"}}`, 0, "token-place"},
		{"two in a text", "PUT", "/orders/1", `{"order":{"note":"TOKTOK"}}`, 0, "token-place"},
		{"a pseudonym", "PUT", "/orders/1", `{"order":{"customer":{"id":"pn_abcdefghijklmnopqrstuv"}}}`, 0, "token-place"},
		{"where no token belongs", "POST", "/services/carriers", `{"carrier":{"name":"TOK"}}`, 0, "token-place"},
		{"a foreign address", "POST", "/services/carriers", `{"carrier":{"url":"https://evil.example/rates"}}`, 0, "address"},
		{"the own address", "POST", "/services/carriers", `{"carrier":{"url":"https://here.example/rates"}}`, 0, ""},
		{"an address like the own one", "POST", "/services/carriers", `{"carrier":{"url":"https://here.example.evil.example/"}}`, 0, "address"},
		{"a user before the own one", "POST", "/services/carriers", `{"carrier":{"url":"https://x@here.example/"}}`, 0, "address"},
		{"a live rate", "POST", "/services/carriers/actions", `{"destination":{"name":"TOK","street":"TOK"},"items":[{"name":"x"}]}`, 2, ""},
		{"no object", "POST", "/orders", `["TOK"]`, 0, "json"},
		{"no JSON", "POST", "/orders", `{"order":`, 0, "json"},
		{"two bodies", "POST", "/orders", `{} {}`, 0, "json"},
		{"a key twice", "POST", "/orders", `{"order":{"note":"a","note":"TOK"}}`, 0, "json"},
		{"a key twice, once with an escape", "POST", "/orders", `{"order":{"email":"TOK","\u0065mail":"x"}}`, 0, "json"},
		{"an object twice", "POST", "/orders", `{"order":{},"order":{"note":"TOK"}}`, 0, "json"},
		{"a key in two objects", "POST", "/orders", `{"order":{"customer":{"email":"TOK"},"email":"TOK","items":[{"id":1},{"id":2}]}}`, 2, ""},
		{"too deep", "POST", "/orders", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), 0, "depth"},
		{"too deep in lists", "POST", "/orders", `{"a":` + strings.Repeat(`[`, 100) + strings.Repeat("]", 100) + `}`, 0, "depth"},
	} {
		body := strings.ReplaceAll(c.body, "TOK", tok)
		found, err := gateway.Slots(c.method, c.path, "https://here.example", []byte(body))
		if code(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err == nil && len(found) != c.found {
			t.Errorf("%s: %d tokens", c.name, len(found))
		}
		for _, f := range found {
			if f[0] != '"' || f[len(f)-1] != '"' || len(f) < 20 {
				t.Errorf("%s: the place is wrong: %s", c.name, f)
			}
		}
	}
	if _, err := gateway.Slots("POST", "/services/carriers", "", []byte(`{"url":"https://here.example"}`)); code(err) != "address" {
		t.Error("an instance that does not know its own address passes any")
	}
}
