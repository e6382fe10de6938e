package fieldmap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"strongroom/internal/fieldmap"
)

// sound checks what must hold for every body that was taken in.
func sound(t testing.TB, m *fieldmap.Map, e *fieldmap.Envelope) {
	t.Helper()
	for i := range e.Objects {
		o := &e.Objects[i]
		tmpl := template(o)
		if got := restored(t, o, tmpl); !bytes.Equal(got, o.Raw) {
			t.Errorf("came back as %q, was %q", got, o.Raw)
		}
		if out := redacted(t, tmpl); !json.Valid(out) {
			t.Errorf("tokenised, %q is no JSON: %q", o.Raw, out)
		}
		places := map[string]bool{}
		for _, l := range o.Leaves {
			if places[l.Place] {
				t.Errorf("two leaves at %q in %q", l.Place, o.Raw)
			}
			places[l.Place] = true
		}
		again, err := m.Places(tmpl, func(n uint32) []byte { return o.Leaves[n].Text(o.Raw) })
		if err != nil || len(again) != len(o.Leaves) {
			t.Fatalf("%d places of %d leaves in %q: %v", len(again), len(o.Leaves), o.Raw, err)
		}
		for i, p := range again {
			if l := o.Leaves[i]; p.Place != l.Place || p.Path != l.Path || p.Class != l.Class || p.Number != uint32(i) {
				t.Errorf("place %q %q, leaf %q %q in %q", p.Place, p.Path, l.Place, l.Path, o.Raw)
			}
		}
	}
	if out := answer(t, e); !json.Valid(out) {
		t.Errorf("the answer is no JSON: %q", out)
	}
}

// planted draws a JSON value in which every string and every key that is not of
// the maps is a distinct e-mail address with the mark in it.
type planter struct {
	*rapid.T
	n int
}

const mark = "planted"

func (p *planter) text() string {
	p.n++
	forms := []string{"%s%d@x.example", "Ünï %s%d@x.example \\u00e9\\\"", "%s%d@x.example\\n\U0001f409"}
	return fmt.Sprintf(rapid.SampledFrom(forms).Draw(p.T, "form"), mark, p.n)
}

var someKeys = []string{
	"id", "number", "name", "email", "customer", "firstName", "lastName", "phone", "shippingAddress", "items",
	"postalCode", "country", "totals", "total", "status", "dates", "deliveredAt", "createdAt", "note", "tags", "meta",
	"extension_attributes", "packages", "refunds", "locations", "code", "value", "checkoutId", "page", "order",
	"\\u0065mail", "",
}

func (p *planter) value(depth int) string {
	kind := rapid.IntRange(0, 9).Draw(p.T, "kind")
	switch {
	case kind < 2 && depth > 0:
		return p.object(depth - 1)
	case kind < 4 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(p.T, "elements") {
			parts = append(parts, p.value(depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case kind == 4:
		return rapid.SampledFrom([]string{"null", "true", "false", `""`, "{}", "[]"}).Draw(p.T, "plain")
	case kind == 5:
		return rapid.SampledFrom([]string{"0", "-1.5e+300", "12345678901234567890123", "1E5", "1795026120"}).Draw(p.T, "number")
	case kind == 6 && depth > 0:
		return strconv.Quote(strings.ReplaceAll(p.object(depth-1), "\\", "")) // perhaps JSON, perhaps not
	}
	return `"` + p.text() + `"`
}

func (p *planter) object(depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range rapid.IntRange(0, 6).Draw(p.T, "members") {
		if i > 0 {
			b.WriteString(", ")
		}
		key := rapid.SampledFrom(someKeys).Draw(p.T, "key")
		if rapid.IntRange(0, 4).Draw(p.T, "own") == 0 {
			key = p.text()
		}
		fmt.Fprintf(&b, `"%s" :%s`, key, p.value(depth))
	}
	return b.String() + "}"
}

func TestNothingPlantedStays(t *testing.T) {
	set := load(t)
	for _, resource := range []string{"orders", "customers", "fulfillments", "store"} {
		m := find(t, set, resource, "v2", "wix")
		rapid.Check(t, func(rt *rapid.T) {
			p := &planter{T: rt}
			body := fmt.Sprintf(`{"success":true,"%s":%s, "page":{"next":"https://x.example/?email=%s"},"%s":1}`,
				m.Kind(), p.object(5), p.text(), p.text())
			if !json.Valid([]byte(body)) {
				rt.Skip("the planter wrote no JSON")
			}
			e, err := m.Parse([]byte(body), fieldmap.Limits{})
			if err != nil {
				rt.Fatalf("%v: %s", err, body)
			}
			sound(t, m, e)
			if out := answer(t, e); bytes.Contains(out, []byte(mark)) {
				rt.Fatalf("a planted value stays: %s\nof %s", out, body)
			}
			for i := range e.Objects {
				if tmpl := template(&e.Objects[i]); bytes.Contains(tmpl, []byte(mark)) {
					rt.Fatalf("a planted value stays in the template %q", tmpl)
				}
			}
		})
	}
}

// Without a detector a clear text field keeps what is planted in it: the check
// above can fail.
func TestPlantedValueIsSeen(t *testing.T) {
	blind, err := fieldmap.Load(fieldmap.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, out := one(t, find(t, blind, "order", "v2", "wix"), `{"order":{"id":"1","items":[{"sku":"planted1@x.example"}]}}`)
	if !strings.Contains(out, mark) {
		t.Fatal("the value was found without a detector")
	}
}

// Maps are shared by all callers; what one parse returns, no other touches.
func TestMapsAreSharedSafely(t *testing.T) {
	m := orders(t)
	bodies := []string{`{"order":` + small + `}`, string(read(t, "orders_list_shopify_v2.json")), string(read(t, "orders_list_magento2_v2_zip4.json"))}
	var group sync.WaitGroup
	for _, body := range bodies {
		first := string(answer(t, parse(t, m, body)))
		for range 4 {
			group.Go(func() {
				for range 50 {
					e, err := m.Parse([]byte(body), fieldmap.Limits{})
					if err != nil {
						t.Error(err)
						return
					}
					if got := string(answer(t, e)); got != first {
						t.Errorf("got %s, want %s", got, first)
						return
					}
				}
			})
		}
	}
	group.Wait()
}

func FuzzParse(f *testing.F) {
	m := orders(f)
	for _, e := range manifest(f) {
		if e.Resource == "order" || e.Resource == "orders" {
			f.Add(read(f, e.File))
		}
	}
	f.Add([]byte(small))
	f.Add([]byte(`{"order":{"id":1,"meta":{"extension_attributes":"{\"a\":[\"b\",\"\\u0063\"],\"a\":\"d\"}"},"x":{"":[[],{}]}}}`))
	f.Add([]byte(`{"orders":[{"id":"a","email":"b","email":"c","items":[null,{"id":"1","name":"x"},{"id":"1","name":"y"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := m.Parse(body, fieldmap.Limits{})
		if err == nil {
			if !json.Valid(body) {
				t.Fatalf("took in what is no JSON: %q", body)
			}
			sound(t, m, e)
			return
		}
		if strings.Contains(err.Error(), "valid JSON at byte") && json.Valid(body) {
			t.Fatalf("refused JSON: %q: %v", body, err)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	m := orders(f)
	o, _ := one(f, m, small)
	f.Add(template(o))
	f.Add([]byte{'{', 0, 1, 1, 1, 0, '}'})
	f.Fuzz(func(t *testing.T, tmpl []byte) {
		fieldmap.Render(nil, tmpl, fieldmap.Fill{Token: token})
		m.Places(tmpl, func(uint32) []byte { return []byte(`"v"`) })
	})
}
