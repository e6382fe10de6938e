package fieldmap_test

import (
	"errors"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/fieldmap"
)

func TestEnvelopes(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ids      string // external ids, joined by blanks
		out      string // the answer; "" means as in
	}{
		{"single", `{"success":true,"order":{"id":"1"}}`, "1", ""},
		{"list", `{"success":"true","orders":[{"id":"1"},{"id":2}],"page":{"next":null,"previous":null}}`, "1 2", ""},
		{"empty list", `{"success":true,"orders":[],"page":{}}`, "", ""},
		{"no order", `{"success":false,"order":null}`, "", ""},
		{"holes in a list", `{"orders":[null,{"id":"1"},null]}`, "1", ""},
		{"white space", "\r\n {\t\"order\" : {\"id\":\"1\"}\n} \n", "1", ""},
		{"object at the root", `{"id":"b7d1","number":"10077"}`, "b7d1", ""},
		{"object at the root, id last", `{"number":"10077","id":"b7d1"}`, "b7d1", ""},
		{"event fields first", `{"resource":"orders","action":"update","webhookId":"wh_1","order":{"id":"1"}}`, "1", ""},
		{"event id first", `{"id":"evt_1","order":{"id":"1"},"action":"update"}`, "1", ""},
		{"wrapped twice", `{"order":{"id":"1"},"orders":[{"id":"2"}],"order":{"id":"3"}}`, "1 2 3", ""},
		{"notice without an order", `{"resource":"orders","action":"update","id":"612","occurredAt":"2026-11-19T20:20:20.000Z"}`, "", ""},
		{"notice, id first", `{"id":"612","resource":"orders","action":"update"}`, "", ""},
		{"page link", `{"orders":[],"page":{"next":"https://api.ecartapi.com/api/v2/orders?limit=5&page=2&sort=createdAt"}}`, "", ""},
		{"page link with a person",
			`{"orders":[],"page":{"next":"https://api.ecartapi.com/api/v2/orders?page=2&email=a%40x.example"}}`, "",
			`{"orders":[],"page":{"next":null}}`},
		{"page link with a person in a known word",
			`{"orders":[],"page":{"next":"https://api.ecartapi.com/api/v2/orders?sort=a%40x.example"}}`, "",
			`{"orders":[],"page":{"next":null}}`},
		{"unknown around objects", `{"orders":[],"message":"for Maria","meta":{"Maria":[1,""]}}`, "",
			`{"orders":[],"message":null,"meta":{"key2":[null,""]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := parse(t, orders(t), c.in)
			var ids []string
			for i := range e.Objects {
				ids = append(ids, e.Objects[i].ExternalID)
			}
			if got := strings.Join(ids, " "); got != c.ids {
				t.Errorf("records %q, want %q", got, c.ids)
			}
			if c.out == "" {
				c.out = c.in
			}
			if got := string(answer(t, e)); got != c.out {
				t.Errorf("got  %s\nwant %s", got, c.out)
			}
		})
	}
}

func TestEnvelopeTokens(t *testing.T) {
	e := parse(t, orders(t), `{"order":{"id":"1"},"message":"for Maria"}`)
	out := e.Render(nil, [][]byte{[]byte(`{}`)}, func(dst []byte, i int) []byte { return append(dst, "dead"...) })
	if got, want := string(out), `{"order":{},"message":"dead"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRootArrayOnlyWhereDocumented(t *testing.T) {
	set := load(t)
	e := parse(t, find(t, set, "orders", "v1", "woocommerce"), ` [ {"id":719361}, null, {"id":719362} ] `)
	if len(e.Objects) != 2 || e.Objects[1].ExternalID != "719362" {
		t.Errorf("%d objects", len(e.Objects))
	}
	if _, err := find(t, set, "orders", "v2", "woocommerce").Parse([]byte(`[{"id":1}]`), fieldmap.Limits{}); err == nil {
		t.Error("v2 took in an array")
	}
}

func TestRefused(t *testing.T) {
	m := orders(t)
	deep := func(n int) string {
		return `{"order":{"id":"1","x":` + strings.Repeat("[", n-2) + strings.Repeat("]", n-2) + `}}`
	}
	for _, c := range []struct {
		name, body string
		lim        fieldmap.Limits
		kind       strongroom.Kind
		code       string
	}{
		{"empty", "", fieldmap.Limits{}, strongroom.Invalid, "json"},
		{"blank", " \n", fieldmap.Limits{}, strongroom.Invalid, "json"},
		{"HTML", "<html><body>502 secret</body></html>", fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"truncated", `{"order":{"id":"1","email":"secret@x.ex`, fieldmap.Limits{}, strongroom.Invalid, "json"},
		{"array", `[{"id":"secret"}]`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"scalar", `"secret"`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"null", `null`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"no order in it", `{"message":"secret"}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"empty object", `{}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"wrong resource", `{"success":true,"customer":{"id":"secret"}}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"list for an object", `{"order":[{"id":"secret"}]}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"object for a list", `{"orders":{"id":"secret"}}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"scalar for an object", `{"order":"secret"}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"scalar in a list", `{"orders":[{"id":"1"},"secret"]}`, fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"after the end", `{"order":{"id":"1"}} secret`, fieldmap.Limits{}, strongroom.Invalid, "json"},
		{"not UTF-8", "{\"order\":{\"id\":\"\xff\"}}", fieldmap.Limits{}, strongroom.Invalid, "utf8"},
		{"byte order mark", "\ufeff{\"order\":{\"id\":\"1\"}}", fieldmap.Limits{}, strongroom.Invalid, "envelope"},
		{"control character", "{\"order\":{\"id\":\"a\x00\"}}", fieldmap.Limits{}, strongroom.Invalid, "json"},
		{"too many bytes", `{"order":{"id":"1"}}`, fieldmap.Limits{Bytes: 19}, strongroom.TooLarge, "size"},
		{"too deep", deep(65), fieldmap.Limits{}, strongroom.TooLarge, "depth"},
		{"too many values", `{"order":{"id":"1","x":[1,2,3]}}`, fieldmap.Limits{Nodes: 6}, strongroom.TooLarge, "nodes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := m.Parse([]byte(c.body), c.lim)
			f, ok := errors.AsType[*strongroom.Fault](err)
			if !ok || f.Kind != c.kind || f.Code != c.code {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the fault repeats what was sent: %v", err)
			}
		})
	}
	// The limits let through what they should.
	for _, body := range []string{deep(40), deep(64)} {
		if _, err := m.Parse([]byte(body), fieldmap.Limits{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Parse([]byte(`{"order":{"id":"1","x":[1,2,3]}}`), fieldmap.Limits{Nodes: 7}); err != nil {
		t.Error(err)
	}
}

func TestBadJSONIsRefusedEverywhere(t *testing.T) {
	m := orders(t)
	for _, bad := range []string{
		`{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{'a':1}`, `{"a":1 "b":2}`, `{"a":1]`,
		`[1,]`, `[,1]`, `[1 2]`, `[1}`, `[`, `{`, `01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e+`, `0x1`, `NaN`, `Infinity`,
		`tru`, `truex`, `nul`, `True`, `"a`, `"\x"`, `"\u12g4"`, `"\u12"`, "\"\t\"", `"a"b"`, `/*c*/1`, ``,
	} {
		for _, body := range []string{
			`{"order":{"id":"1","note":` + bad + `}}`, `{"order":{"id":"1","x":` + bad + `}}`,
			`{"order":{"id":"1","items":[` + bad + `]}}`, `{"x":` + bad + `,"order":{"id":"1"}}`,
		} {
			if bad == "" && strings.Contains(body, "[]") {
				continue
			}
			if _, err := m.Parse([]byte(body), fieldmap.Limits{}); !strongroom.IsKind(err, strongroom.Invalid) {
				t.Errorf("%s: %v", body, err)
			}
		}
	}
}
