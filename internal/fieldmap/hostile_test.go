package fieldmap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile bodies of about 2 MB, each aimed at a place that could be quadratic.
func hostile() map[string]string {
	keys, same, ids := new(strings.Builder), new(strings.Builder), new(strings.Builder)
	for i := range 60_000 {
		fmt.Fprintf(keys, `"key %d":"v%d",`, i, i)
		same.WriteString(`"email":"a@x.example","other":"b",`)
		fmt.Fprintf(ids, `{"name":"n","id":"%d"},`, i%7)
	}
	nested := strings.Repeat(`[`, 60) + strings.Repeat(`"x",`, 400_000) + `"x"` + strings.Repeat(`]`, 60)
	within := strings.Repeat(`[{"name":`, 28) + `"` + strings.Repeat("x", 1_900_000) + `"` + strings.Repeat(`}]`, 28)
	document := `"` + strings.Repeat(`x\"`, 600_000) + `"`
	order := func(s string) string { return `{"order":{"id":"1",` + s + `}}` }
	return map[string]string{
		"many keys":            order(keys.String() + `"z":1`),
		"the same keys":        order(same.String() + `"z":1`),
		"the same ids":         order(`"items":[` + ids.String() + `null]`),
		"ids at the end":       order(`"items":[` + strings.Repeat(`{"associatedItems":[`, 28) + `"` + strings.Repeat("x", 1_900_000) + `"` + strings.Repeat(`],"id":"1"}`, 28) + `]`),
		"nested lists":         order(`"x":` + nested),
		"nested elements":      order(`"x":` + within),
		"document":             order(`"meta":{"extension_attributes":` + document + `}`),
		"identifiers":          order(`"items":[` + strings.Repeat(`null,`, 400_000) + `null]`),
		"items":                string(giant(3000)),
		"wrong guess":          `{"x":[` + strings.Repeat(`1,`, 400_000) + `1],"order":{"id":"1"}}`,
		"half an array of ids": order(`"refunds":[` + strings.Repeat(`{"id":"7","reason":"r"},`, 60_000) + `{}]`),
	}
}

// TestNothingIsQuadratic gives each body ten times what the slowest needs on a
// slow machine; a quadratic place needs minutes.
func TestNothingIsQuadratic(t *testing.T) {
	m := orders(t)
	for name, body := range hostile() {
		start := time.Now()
		e := parse(t, m, body)
		spent := time.Since(start)
		if spent > 5*time.Second {
			t.Errorf("%s: %d bytes took %v", name, len(body), spent)
		}
		if testing.Verbose() {
			t.Logf("%-22s %8d bytes %6d leaves %v", name, len(body), len(e.Objects[0].Leaves), spent.Round(time.Millisecond))
		}
	}
}
