package gateway_test

import (
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/gateway"
)

func TestShape(t *testing.T) {
	s := gateway.NewShape(`
success bool
count number
products[].id code
products[].name text
products[].price number
products[].images[] url
products[].dates.createdAt date
page.next link
[].price number
`)
	for _, c := range []struct {
		name, in, want string
		withheld       int
	}{
		{"what it names", `{ "success": true, "count": "12", "products": [ {"id": 7, "name": "Blue kettle", "price": 12.50} ] }`,
			`{"success":true,"count":"12","products":[{"id":7,"name":"Blue kettle","price":12.50}]}`, 0},
		{"what it does not name", `{"success":true,"owner":{"name":"Ana Pérez"},"products":[{"id":"a","ana@example.com":1}]}`,
			`{"success":true,"products":[{"id":"a"}]}`, 2},
		{"another type", `{"success":{"a":1},"count":[1],"products":[{"id":["x"],"name":7,"price":"cheap"}]}`,
			`{"success":null,"count":null,"products":[{"id":null,"name":null,"price":null}]}`, 5},
		{"something personal", `{"products":[{"name":"for ana@example.com","id":"ana@example.com"}]}`, `{"products":[{"name":null,"id":null}]}`, 2},
		{"a link of the platform", `{"page":{"next":"https://api.example/?page=2"}}`, `{"page":{"next":null}}`, 1},
		{"a link of ours", `{"page":{"next":"` + gateway.LinkPlace + `1"}}`, `{"page":{"next":"` + gateway.LinkPlace + `1"}}`, 0},
		{"an address with a query", `{"products":[{"images":["https://cdn.example/a.png","https://cdn.example/a?who=x"]}]}`,
			`{"products":[{"images":["https://cdn.example/a.png",null]}]}`, 1},
		{"a list at the root", `[{"price":1},{"price":"2","x":1},3]`, `[{"price":1},{"price":"2"},null]`, 2},
		{"null", `{"success":null,"who":null}`, `{"success":null}`, 1},
		{"a key twice", `{"success":true,"success":"Ana"}`, `{"success":true,"success":null}`, 1},
	} {
		got, withheld, err := s.Filter(nil, []byte(c.in))
		if err != nil || string(got) != c.want || withheld != c.withheld {
			t.Errorf("%s: %s, %d withheld, %v", c.name, got, withheld, err)
		}
	}
	for _, bad := range []string{``, `{`, `{"success":true}x`, `{"success":}`, `{"a":[}`} {
		if _, _, err := s.Filter(nil, []byte(bad)); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// A chain of objects that are named has an end as well.
	deep := gateway.NewShape("a" + strings.Repeat(".a", 80) + " text\n")
	if _, _, err := deep.Filter(nil, []byte(strings.Repeat(`{"a":`, 80)+`{"a":"x"}`+strings.Repeat("}", 80))); !strongroom.IsKind(err, strongroom.TooLarge) {
		t.Errorf("depth: %v", err)
	}
}

func TestParseShape(t *testing.T) {
	for _, bad := range [][2]string{{"", "text"}, {"a..b", "text"}, {"a", "anything"}, {"a", ""}, {"a b", "text"}, {"ana@example.com", "text"}, {"a.[", "text"}} {
		if _, err := gateway.ParseShape([][2]string{bad}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q: %v", bad, err)
		} else if bad[0] != "" && strings.Contains(err.Error(), "ana@") {
			t.Error("the fault repeats what was sent")
		}
	}
	if _, err := gateway.ParseShape(nil); err == nil {
		t.Error("a shape without rows passes")
	}
}

func TestPlainMessages(t *testing.T) {
	for s, want := range map[string]bool{
		"Order not found": true, "Invalid token": true, "limit is no number": true, "Too many requests.": false, "Too many items.": true,
		"No customer Ana": false, "ana@example.com not found": false, "": false, "order 5512345678 not found": false,
	} {
		if got := gateway.IsPlain(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func FuzzShape(f *testing.F) {
	s := gateway.NewShape("success bool\nitems[].id code\nitems[].name text\n")
	f.Add([]byte(`{"success":true,"items":[{"id":"1","name":"x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, _, err := s.Filter(nil, body)
		if err != nil {
			return
		}
		again, withheld, err := s.Filter(nil, got)
		if err != nil || string(again) != string(got) || withheld != 0 {
			t.Errorf("%q became %q and then %q, %d, %v", body, got, again, withheld, err)
		}
	})
}
