package fieldmap_test

import (
	"strings"
	"testing"

	"strongroom/internal/fieldmap"
)

// Each case is an order's members and what a tokenised answer shows of them.
func TestTreatments(t *testing.T) {
	m := orders(t)
	for _, c := range []struct{ name, in, out string }{
		{"unknown string", `"loyalty":"gold"`, `"tok_0":"tok_1"`},
		{"unknown number and boolean", `"custom":{"points":12.50,"enabled":true}`, `"custom":{"points":null,"enabled":null}`},
		{"nothing stays nothing", `"custom":{"items":[],"value":null,"text":"","options":{}}`,
			`"custom":{"items":[],"value":null,"text":"","options":{}}`},
		{"personal key", `"custom":{"Maria Lopez":"","maria@x.example":null}`, `"custom":{"tok_0":"","tok_1":null}`},
		{"empty key", `"":"x"`, `"":"tok_0"`},
		{"duplicate keys", `"email":"a@x.example","email":"b@x.example","total":1,"total":2`,
			`"email":"tok_0","email":"tok_1","total":null,"total":null`},
		{"duplicate containers", `"customer":{"email":"a"},"customer":{"email":"b"}`,
			`"customer":{"email":"tok_0"},"customer":{"email":"tok_1"}`},
		{"escaped key is the same key", `"\u0065mail":"a@x.example"`, `"\u0065mail":"tok_0"`},

		{"scalar customer", `"customer":73340981`, `"customer":"tok_0"`},
		{"empty customer", `"customer":{}`, `"customer":{}`},
		{"customer in a list", `"customer":[{"email":"a"}]`, `"customer":[{"email":"tok_0"}]`},
		{"scalar totals", `"totals":"128.40"`, `"totals":"128.40"`},
		{"totals that are no amount", `"totals":"Maria"`, `"totals":"tok_0"`},
		{"totals of the wrong kind", `"totals":{"total":{"amount":"1.00"}}`, `"totals":{"total":{"amount":"tok_0"}}`},
		{"numbers keep their text", `"totals":{"total":1E400,"tax":-0.10e-7,"weight":123456789012345678901234567890}`,
			`"totals":{"total":1E400,"tax":-0.10e-7,"weight":123456789012345678901234567890}`},
		{"holes in lists", `"items":[null,{},[],{"name":"x"}]`, `"items":[null,{},[],{"name":"tok_0"}]`},
		{"object for a scalar", `"email":{"value":"a@x.example"}`, `"email":{"value":"tok_0"}`},
		{"list for a scalar", `"currency":["EUR",1]`, `"currency":["tok_0",null]`},
		{"scalar for a list", `"items":"none","tags":"vip"`, `"items":"tok_0","tags":"tok_1"`},
		{"flat and nested country", `"billingAddress":{"country":"France","countryCode":"FR"},"shippingAddress":{"country":{"code":"FR","name":"France"}}`,
			`"billingAddress":{"country":"France","countryCode":"FR"},"shippingAddress":{"country":{"code":"FR","name":"France"}}`},
		{"country that is none", `"shippingAddress":{"country":"call 5512345678"}`, `"shippingAddress":{"country":"tok_0"}`},

		{"nine digits keep five", `"shippingAddress":{"postalCode":"98199-6134"}`, `"shippingAddress":{"postalCode":"98199"}`},
		{"other postal codes go", `"shippingAddress":{"postalCode":"01999-870","postalcode":"H99 X6T3"}`,
			`"shippingAddress":{"postalCode":"tok_0","postalcode":"tok_1"}`},
		{"nine characters are not nine digits", `"shippingAddress":{"postalCode":"AB199-6134"}`, `"shippingAddress":{"postalCode":"tok_0"}`},
		{"postal code as a number", `"shippingAddress":{"postalCode":981996134}`, `"shippingAddress":{"postalCode":null}`},
		{"personal number and boolean", `"phone":5512345678,"note":true`, `"phone":null,"note":null`},

		{"clear value that looks personal", `"items":[{"sku":"for maria@x.example"}]`, `"items":[{"sku":"tok_0"}]`},
		{"clear link", `"items":[{"imageUrl":"https://cdn.example.com/a.jpg","ecartapiUrl":"https://x.example/?who=maria"}]`,
			`"items":[{"imageUrl":"https://cdn.example.com/a.jpg","ecartapiUrl":"tok_0"}]`},
		{"date that is none", `"dates":{"createdAt":"Maria","paidAt":1795026002}`, `"dates":{"createdAt":"tok_0","paidAt":1795026002}`},

		{"name is the number", `"number":"1047","name":"#1047"`, `"number":"1047","name":"#1047"`},
		{"name before the number", `"name":"LL-20933","number":20933`, `"name":"LL-20933","number":20933`},
		{"name is a person", `"number":"1047","name":"Maria 1047"`, `"number":"1047","name":"tok_0"`},
		{"name and number are a person", `"number":"Maria","name":"Maria"`, `"number":"tok_0","name":"tok_1"`},
		{"initials are no dress", `"number":"A","name":"ANA"`, `"number":"A","name":"tok_0"`},
		{"name without a number", `"name":"1047"`, `"name":"tok_0"`},

		{"document in a string", `"meta":{"extension_attributes":"{\"gift_message\": \"hi\", \"total\":5, \"ana\":[true,\"\\u00f1\"]}"}`,
			`"meta":{"extension_attributes":"{\"gift_message\": \"tok_0\", \"total\":null, \"tok_2\":[null,\"tok_4\"]}"}`},
		{"broken document", `"meta":{"extension_attributes":"{\"a\":"}`, `"meta":{"extension_attributes":"tok_0"}`},
		{"text for a document", `"meta":{"extension_attributes":"Maria"}`, `"meta":{"extension_attributes":"tok_0"}`},
		{"document elsewhere", `"note":"{\"a\":1}"`, `"note":"tok_0"`},
		{"white space stays", "\"note\" :\t\"x\" ,\n \"tags\": [ \"y\" , null ]", "\"note\" :\t\"tok_0\" ,\n \"tags\": [ \"tok_1\" , null ]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"success":true,"order":{"id":"77",` + c.in + `}}`
			e := parse(t, m, body)
			sound(t, m, e)
			if got, want := string(answer(t, e)), `{"success":true,"order":{"id":"77",`+c.out+`}}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestUnknownFieldsAreReported(t *testing.T) {
	o, _ := one(t, orders(t), `{"order":{"id":"1","customer":{"hobby":"chess","hobby":"go"},"Maria":[{"x":1}],
		"email":{"value":"a"},"items":[{"sku":"a@x.example"}],"totals":"lots"}}`)
	var got []string
	for _, u := range o.Unknown {
		got = append(got, strings.Join([]string{u.Path, u.Name, u.Type, strings.Repeat("+", u.Count), string('0' + rune(u.Reason))}, " "))
	}
	want := []string{
		"customer.{key} customer.hobby string ++ 0",
		"{key}[].{key} Maria[].x number + 0",
		"email email object + 1",
		"email.{key} email.value string + 1",
		"items[].sku items[].sku string + 2",
		"totals totals string + 1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, u := range o.Unknown {
		if strings.Contains(u.Path, "hobby") || strings.Contains(u.Path, "Maria") {
			t.Errorf("the path %q shows a key that no map knows", u.Path)
		}
	}
}

func TestReportIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"order":{"id":"1","custom":{"x":1`)
	for i := range 5000 {
		b.WriteString(`,"k` + strings.Repeat("y", i%700) + `":1`)
	}
	b.WriteString(`}}}`)
	o, _ := one(t, orders(t), b.String())
	total := 0
	for _, u := range o.Unknown {
		total += u.Count
	}
	if len(o.Unknown) > 201 || total != 5001 {
		t.Errorf("%d lines, %d fields", len(o.Unknown), total)
	}
}

func TestIdentifiers(t *testing.T) {
	o, _ := one(t, orders(t), `{"order":{"id":4711,"number":"9","email":"A@x.example","customer":{"id":"c1","email":"A@x.example",
		"lastName":"Etxego\u00f1iz","firstName":"I","phone":5215512345678,"identificationNumber":"XYZ"},
		"shippingAddress":{"lastName":"Solo","postalCode":"98199-6134"},"billingAddress":{"firstName":"","phone":null}}}`)
	want := []fieldmap.Identifier{
		{Kind: fieldmap.EmailIndex, Raw: "A@x.example"},
		{Kind: fieldmap.PhoneIndex, Raw: "5215512345678"},
		{Kind: fieldmap.NationalIndex, Raw: "XYZ"},
		{Kind: fieldmap.NameIndex, Raw: "I Etxegoñiz"},
		{Kind: fieldmap.PostalIndex, Raw: "98199-6134"},
		{Kind: fieldmap.NameIndex, Raw: "Solo"},
	}
	if len(o.Identifiers) != len(want) {
		t.Fatalf("got %q", o.Identifiers)
	}
	for i, id := range o.Identifiers {
		if id != want[i] {
			t.Errorf("got %q, want %q", id, want[i])
		}
	}
	if o.ExternalID != "4711" || o.CustomerID != "c1" || o.Number != "9" {
		t.Errorf("ids %q %q %q", o.ExternalID, o.CustomerID, o.Number)
	}
}
