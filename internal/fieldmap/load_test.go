package fieldmap_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"strongroom"
	"strongroom/internal/fieldmap"
)

func overlay(t *testing.T, files map[string]string) (*fieldmap.Set, error) {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fieldmap.Load(fieldmap.LoadOptions{Overlay: folder, Detect: detect})
}

func TestFind(t *testing.T) {
	set := load(t)
	for _, c := range []struct {
		resource, version, platform string
		kind                        fieldmap.Kind
	}{
		{"order", "v2", "shopify", fieldmap.Order}, {"orders", "v3", "nobody knows", fieldmap.Order},
		{"webhook_delivery", "v2", "wix", fieldmap.Order}, {"orders", "v1", "vtex", fieldmap.Order},
		{"customers", "v2", "kometia", fieldmap.Customer}, {"customer", "v1", "shopify", fieldmap.Customer},
		{"fulfillments", "v2", "shopify", fieldmap.Fulfillment}, {"fulfilments", "v1", "shopify", fieldmap.Fulfillment},
		{"store", "v2", "squarespace", fieldmap.Store}, {"store", "v1", "wix", fieldmap.Store},
	} {
		if m := find(t, set, c.resource, c.version, c.platform); m.Kind() != c.kind {
			t.Errorf("%s is %s", c.resource, m.Kind())
		}
	}
	for _, c := range [][3]string{{"live_rate_request", "v2", "any"}, {"", "v2", "any"}, {"orders", "v4", "any"}, {"orders", "", ""}} {
		if _, err := set.Find(c[0], c[1], c[2]); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// The detector sees the values of clear fields, numbers too, and no others.
func TestDetectorLooksAtClearValues(t *testing.T) {
	var seen []string
	set, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(text []byte) bool {
		seen = append(seen, string(text))
		return strings.HasPrefix(string(text), "4000")
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, out := one(t, find(t, set, "order", "v2", "any"), `{"order":{"id":"4000002760003184","reference":4000002760003184,
"number":"4000002760003184","name":"4000002760003184","note":"4000 unseen","items":[{"sku":"SKU-12345"}],"currency":"EUR"}}`)
	if want := `{"id":"4000002760003184","reference":null,
"number":"tok_1","name":"tok_2","note":"tok_3","items":[{"sku":"SKU-12345"}],"currency":"EUR"}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
	if want := "4000002760003184 4000002760003184 SKU-12345"; strings.Join(seen, " ") != want {
		t.Errorf("the detector saw %q", seen)
	}
}

func TestRawOrderOfUnknownPlatformIsAllPersonal(t *testing.T) {
	_, out := one(t, find(t, load(t), "orders", "v1", "vtex"), `{"id":"v1-1","clientProfileData":{"firstName":"Ana"},"value":12}`)
	if want := `{"id":"v1-1","tok_0":{"firstName":"tok_1"},"value":null}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

const body = `{"order":{"id":"1","loyalty":"gold","customer":{"email":"a@x.example","hobby":"chess"}}}`

func TestOverlayWinsFieldByField(t *testing.T) {
	set, err := overlay(t, map[string]string{
		"ours.yaml":  "resource: orders\nversion: v2\nplatform: any\nfields:\n  loyalty: clear word\n",
		"shop.yaml":  "resource: order\nversion: v2\nplatform: shopify\nfragments:\n  who:\n    hobby: token text\nfields:\n  customer: use:who\n",
		"words.txt":  "somebodys_key",
		"notes.text": "no map",
	})
	if err != nil {
		t.Fatal(err)
	}
	o, out := one(t, find(t, set, "order", "v2", "shopify"), body)
	if want := `{"id":"1","loyalty":"gold","customer":{"email":"tok_0","hobby":"tok_1"}}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
	if len(o.Unknown) != 0 {
		t.Errorf("unknown %v", o.Unknown)
	}
	_, out = one(t, find(t, set, "order", "v2", "wix"), strings.ReplaceAll(body, "hobby", "somebodys_key"))
	if want := `{"id":"1","loyalty":"gold","customer":{"email":"tok_0","somebodys_key":"tok_1"}}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

func TestOverlayMayReplace(t *testing.T) {
	set, err := overlay(t, map[string]string{
		"a.yaml": "resource: order\nversion: v2\nplatform: shopify\nreplace: true\nfields:\n  id: clear ref role:external\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := one(t, find(t, set, "order", "v2", "shopify"), body)
	if len(o.Unknown) != 3 {
		t.Errorf("unknown %v", o.Unknown)
	}
}

func TestWith(t *testing.T) {
	set := load(t)
	next, err := set.With(fieldmap.Override{Resource: "orders", Version: "v2", Platform: "any", Path: "loyalty", Spec: "clear word"})
	if err != nil {
		t.Fatal(err)
	}
	if _, out := one(t, find(t, next, "order", "v2", "wix"), body); !strings.Contains(out, `"loyalty":"gold"`) {
		t.Errorf("the override does nothing: %s", out)
	}
	if _, out := one(t, find(t, set, "order", "v2", "wix"), body); strings.Contains(out, "gold") {
		t.Errorf("the old set changed: %s", out)
	}
	for _, o := range []fieldmap.Override{
		{Resource: "secret", Version: "v2", Platform: "any", Path: "x", Spec: "clear word"},
		{Resource: "order", Version: "v2", Platform: "any", Path: "secret..x", Spec: "clear word"},
		{Resource: "order", Version: "v2", Platform: "any", Path: "x", Spec: "clear secret"},
		{Resource: "order", Version: "v2", Platform: "any", Path: "x", Spec: "use:secret"},
		{Resource: "order", Version: "v2", Platform: "any", Path: "x", Spec: ""},
		{Resource: "order", Version: "v2", Platform: "any", Spec: "clear word"},
	} {
		_, err := set.With(o)
		if !strongroom.IsKind(err, strongroom.Invalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestWrongMapsAreRefused(t *testing.T) {
	const head = "resource: order\nversion: v2\nplatform: any\n"
	for name, text := range map[string]string{
		"no resource":         "version: v2\nplatform: any\nfields: {}\n",
		"unknown resource":    "resource: pets\nversion: v2\nplatform: any\n",
		"unknown key":         head + "field: {}\n",
		"same field twice":    head + "fields:\n  a: clear word\n  a: clear code\n",
		"unknown word":        head + "fields:\n  a: open word\n",
		"unknown shape":       head + "fields:\n  a: clear anything\n",
		"clear without shape": head + "fields:\n  a: clear\n",
		"unknown class":       head + "fields:\n  a: token secret\n",
		"class of keys":       head + "fields:\n  a: token key\n",
		"unknown role":        head + "fields:\n  a: clear date role:born\n",
		"unknown index":       head + "fields:\n  a: token email index:shoe\n",
		"index of nothing":    head + "fields:\n  a: index:email\n",
		"unknown fragment":    head + "fields:\n  a: use:nothing\n",
		"circle":              head + "fragments:\n  f:\n    a: use:f\nfields:\n  a: use:f\n",
		"bad path":            head + "fields:\n  a..b: clear word\n",
		"bad array":           head + "fields:\n  a[0]: clear word\n",
		"key without array":   head + "fields:\n  a: clear word key:id\n",
		"derived from air":    head + "derive:\n  - {anchor: delivered, path: status, is: [x]}\n",
		"derived to nowhere":  head + "derive:\n  - {anchor: external, from: updated, path: status, is: [x]}\n",
		"no YAML":             "\t{",
	} {
		if _, err := overlay(t, map[string]string{"a.yaml": text}); err == nil {
			t.Errorf("%s: taken in", name)
		}
	}
	if _, err := overlay(t, map[string]string{"a.yaml": head + "fields:\n  a: clear word\n"}); err != nil {
		t.Errorf("a right map: %v", err)
	}
}

// Every word of the closed lists has a name, and every name its word.
func TestClosedLists(t *testing.T) {
	for _, c := range fieldmap.Classes() {
		if got, ok := fieldmap.ParseClass(c.String()); !ok || got != c {
			t.Errorf("class %d is %q", c, c)
		}
	}
	for _, k := range []fieldmap.Kind{fieldmap.Order, fieldmap.Customer, fieldmap.Fulfillment, fieldmap.Store} {
		if got, ok := fieldmap.ParseKind(k.String()); !ok || got != k {
			t.Errorf("kind %d is %q", k, k)
		}
	}
	for tr := fieldmap.Clear; tr <= fieldmap.KeyToken; tr++ {
		if tr.String() == "" || tr.String() == "?" {
			t.Errorf("treatment %d has no name", tr)
		}
	}
	for k := fieldmap.EmailIndex; k <= fieldmap.NationalIndex; k++ {
		if k.String() == "" || k.String() == "?" {
			t.Errorf("index %d has no name", k)
		}
	}
}
