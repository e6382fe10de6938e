package fieldmap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strongroom/internal/fieldmap"
)

// keeper numbers leaves over updates the way a record does: from the stored
// template alone, keeping the number of a place of the same class and never
// using one again.
type keeper struct {
	m      *fieldmap.Map
	next   uint32
	tmpl   []byte
	values map[uint32][]byte
}

// update takes in a new version and returns its leaves' numbers.
func (k *keeper) update(t testing.TB, o *fieldmap.Object) []uint32 {
	t.Helper()
	type spot struct {
		place string
		class fieldmap.Class
	}
	old := map[spot]uint32{}
	if k.tmpl != nil {
		places, err := k.m.Places(k.tmpl, func(n uint32) []byte { return k.values[n] })
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range places {
			old[spot{p.Place, p.Class}] = p.Number
		}
	}
	numbers := make([]uint32, len(o.Leaves))
	k.values = map[uint32][]byte{}
	for i := range o.Leaves {
		n, ok := old[spot{o.Leaves[i].Place, o.Leaves[i].Class}]
		if !ok {
			n = k.next
			k.next++
		}
		numbers[i] = n
		k.values[n] = o.Leaves[i].Text(o.Raw)
	}
	k.tmpl = fieldmap.AppendTemplate(nil, o, func(i int) uint32 { return numbers[i] })
	return numbers
}

// item is one line of the model's order.
type item struct{ id, name string }

func (it item) json() string {
	if it.id == "" {
		return `{"name":"` + it.name + `"}`
	}
	return `{"id":"` + it.id + `","name":"` + it.name + `"}`
}

// TestNumbersBelongToOnePlace updates an order at random. What a number stands
// for must never change: the line with that id, or the very line at that index,
// or a key of the order.
func TestNumbersBelongToOnePlace(t *testing.T) {
	m := orders(t)
	rapid.Check(t, func(rt *rapid.T) {
		k := &keeper{m: m}
		meaning := map[uint32]string{} // of every number ever given
		for range rapid.IntRange(1, 6).Draw(rt, "versions") {
			var parts, spots []string
			if rapid.Bool().Draw(rt, "email") {
				parts, spots = append(parts, `"email":"e"`), append(spots, "email")
			}
			seen := map[string]int{}
			var lines []string
			for i := range rapid.IntRange(0, 5).Draw(rt, "lines") {
				it := item{rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(rt, "id"), rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "name")}
				spot := "line " + it.id
				if seen[it.id]++; it.id == "" || seen[it.id] > 1 {
					spot = fmt.Sprintf("line at %d %s %s", i, it.id, it.name)
				}
				lines, spots = append(lines, it.json()), append(spots, spot)
			}
			parts = append(parts, `"items":[`+strings.Join(lines, ",")+`]`)
			if rapid.Bool().Draw(rt, "note") {
				parts, spots = append(parts, `"note":"n","note":"m"`), append(spots, "note", "note again")
			}
			o, _ := one(t, m, `{"order":{"id":"7",`+strings.Join(parts, ",")+`}}`)
			for i, n := range k.update(t, o) {
				if was, ok := meaning[n]; ok && was != spots[i] {
					rt.Fatalf("number %d was %q and is %q", n, was, spots[i])
				}
				meaning[n] = spots[i]
			}
		}
	})
}

// What stays keeps its number; what moves without an id does not.
func TestNumbersSurviveUpdates(t *testing.T) {
	k := &keeper{m: orders(t)}
	step := func(body string) []uint32 {
		o, _ := one(t, k.m, body)
		return k.update(t, o)
	}
	first := step(`{"order":{"id":"1","email":"a","items":[{"id":"x1","name":"1"},{"id":"y1","name":"2"}],"tags":["p","q"]}}`)
	second := step(`{"order":{"items":[{"name":"3","id":"y1"},{"name":"9","id":"z1"},{"name":"1","id":"x1"}],"email":"b","id":"1","tags":["q","p"]}}`)
	if want := []uint32{0, 1, 2, 3, 4}; !slices.Equal(first, want) {
		t.Errorf("first %v, want %v", first, want)
	}
	if want := []uint32{2, 5, 1, 0, 6, 7}; !slices.Equal(second, want) {
		t.Errorf("second %v, want %v", second, want)
	}
}

// An object and a document in a string are not one place.
func TestDocumentIsAnotherPlace(t *testing.T) {
	k := &keeper{m: orders(t)}
	o, _ := one(t, k.m, `{"order":{"id":"1","meta":{"extension_attributes":{"text":"a"}}}}`)
	first := k.update(t, o)
	o, _ = one(t, k.m, `{"order":{"id":"1","meta":{"extension_attributes":"{\"text\":\"a\"}"}}}`)
	if second := k.update(t, o); first[0] == second[0] {
		t.Error("the number went over")
	}
}

// What a held document keeps does not change when the next body is parsed.
func TestCoarseInsideDocument(t *testing.T) {
	set, err := load(t).With(fieldmap.Override{Resource: "order", Version: "v2", Platform: "any",
		Path: "meta.extension_attributes.zip", Spec: "coarse postal"})
	if err != nil {
		t.Fatal(err)
	}
	m := find(t, set, "order", "v2", "any")
	body := func(zip string) string {
		return `{"order":{"id":"1","meta":{"extension_attributes":"{\"zip\":\"` + zip + `\"}"}}}`
	}
	o, _ := one(t, m, body("98199-6134"))
	one(t, m, body("11111-1111"))
	if got, want := string(redacted(t, template(o))), `{"id":"1","meta":{"extension_attributes":"{\"zip\":\"98199\"}"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A template may be walked under a newer map than the one that made it.
func TestPlacesUnderAnotherMap(t *testing.T) {
	set := load(t)
	newer, err := set.With(
		fieldmap.Override{Resource: "order", Version: "v2", Platform: "any", Path: "meta.extension_attributes", Spec: "token text"},
		fieldmap.Override{Resource: "order", Version: "v2", Platform: "any", Path: "loyalty.card", Spec: "token payment"},
		fieldmap.Override{Resource: "order", Version: "v2", Platform: "any", Path: "note", Spec: "json"},
	)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := one(t, find(t, set, "order", "v2", "any"), `{"order":{"id":"1","loyalty":{"card":"c1"},
		"meta":{"extension_attributes":"{\"text\":\"a\",\"value\":\"b\"}"},"note":"{\"text\":\"a\",\"value\":\"b\"}"}}`)
	values := func(n uint32) []byte { return o.Leaves[n].Text(o.Raw) }
	places, err := find(t, newer, "order", "v2", "any").Places(template(o), values)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	seen := map[string]bool{}
	for _, p := range places {
		got = append(got, p.Path)
		if seen[p.Place] {
			t.Errorf("two leaves at %q", p.Place)
		}
		seen[p.Place] = true
	}
	want := "{key} {key} loyalty.card meta.extension_attributes meta.extension_attributes note"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestPlacesOfWhatDoesNotFit(t *testing.T) {
	m := orders(t)
	o, _ := one(t, m, `{"order":{"id":"1","email":"a","note":"b"}}`)
	for name, value := range map[string]func(uint32) []byte{
		"no values":     func(uint32) []byte { return nil },
		"broken values": func(uint32) []byte { return []byte(`"`) },
		"more values":   func(uint32) []byte { return []byte(`1,"x":2`) },
	} {
		if _, err := m.Places(template(o), value); name != "more values" && err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
	for _, tmpl := range []string{"", "{\x00", "{\x00\x01", "{\x00\x01\x01\x01\x05ab}", "{\x00\x01\x0f\x01\x00}", "[\x00\x01\x01\x01\x00]"} {
		if _, err := m.Places([]byte(tmpl), func(uint32) []byte { return []byte("1") }); err == nil && tmpl != "" {
			t.Errorf("%q: no fault", tmpl)
		}
	}
}

func TestSelect(t *testing.T) {
	m := orders(t)
	o, _ := one(t, m, `{"order":{"id":"1","email":"a","customer":{"email":"b","phone":"c","hobby":"d"},
		"shippingAddress":{"phone":"e","city":"f"},"items":[{"id":"1","name":"g"},{"id":"2","name":"h"}],"gift":[{"to":"i"}]}}`)
	places, err := m.Places(template(o), func(n uint32) []byte { return o.Leaves[n].Text(o.Raw) })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ fields, open, missing string }{
		{"email", `"a" "b"`, ""},
		{"phone", `"c" "e"`, ""},
		{"shippingAddress.phone", `"e"`, ""},
		{"shippingAddress", `"e" "f"`, ""},
		{"shipping", ``, "shipping"},
		{"items.name", `"g" "h"`, ""},
		{"customer.hobby", `"hobby" "d"`, ""},
		{"gift.to text", `"g" "h" "to" "i"`, ""},
		{"name email nonsense", `"a" "b"`, "name nonsense"},
		{"unknown", `"d" "i"`, ""},
	} {
		open, missing := fieldmap.Select(places, strings.Fields(c.fields))
		var got []string
		for _, p := range open {
			got = append(got, string(o.Leaves[p.Number].Text(o.Raw)))
		}
		if strings.Join(got, " ") != c.open || strings.Join(missing, " ") != c.missing {
			t.Errorf("%s: open %s, missing %s", c.fields, got, missing)
		}
	}
}
