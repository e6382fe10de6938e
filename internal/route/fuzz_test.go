package route_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/route"
)

// Whatever text comes: it is a route that reads the same when it is written, or a fault
// that repeats nothing of it; none of either makes the check fall.
func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{labels, places, `{}`, `{"calls":[{}]}`, `{"name":"a","extra":1}`, `[]`, ``, `{"budget":{"calls":1e99}}`,
		`{"name":"x","upstream":"https://a.example","purpose":"fulfilment","budget":{"calls":1,"tokens":1},"calls":[{"method":"GET","path":"/{a}/..","answer":{"as":"status"}}]}`,
		`{"name":"x","upstream":"https://u:p@a.example","networks":["0.0.0.0/0"],"pins":["sha256/"],"roots":"x","auth":{"header":"Host"}}`,
	} {
		f.Add([]byte(strings.ReplaceAll(seed, "UPSTREAM", "https://carrier.example")))
	}
	h := open(f, nil)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := route.ParseSpec(text)
		if err != nil {
			if !strongroom.IsKind(err, strongroom.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = route.ParseSpec(written); err != nil {
			if len(written) > len(text) {
				return // escapes made it longer than a route may be
			}
			t.Fatal(err)
		}
		if again, _ := json.Marshal(s); !bytes.Equal(again, written) {
			t.Errorf("%s\n%s", written, again)
		}
		if err := h.Check(context.Background(), h.one, s); err != nil && !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%v", err)
		}
	})
}
