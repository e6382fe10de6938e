package fieldmap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/fieldmap"
)

const corpus = "../../testdata/ecartapi"

// entry is one file of the fixtures' manifest.
type entry struct {
	File, Store, Resource, Version, Platform, Shape string
	Records                                         int
	RecordIDs                                       []string `json:"record_ids"`
	Clock                                           map[string]struct{ Anchor, At string }
	PII, Derived, Linkable, Secrets                 []string
	NotPII                                          []string `json:"not_pii"`
}

func manifest(t testing.TB) []entry {
	t.Helper()
	var m struct{ Files []entry }
	if err := json.Unmarshal(read(t, "manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	return m.Files
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// detect stands in for the detector of the house: an address sign is enough.
func detect(text []byte) bool { return bytes.IndexByte(text, '@') >= 0 }

func load(t testing.TB) *fieldmap.Set {
	t.Helper()
	s, err := fieldmap.Load(fieldmap.LoadOptions{Detect: detect})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func find(t testing.TB, s *fieldmap.Set, resource, version, platform string) *fieldmap.Map {
	t.Helper()
	m, err := s.Find(resource, version, platform)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func orders(t testing.TB) *fieldmap.Map { return find(t, load(t), "orders", "v2", "shopify") }

func parse(t testing.TB, m *fieldmap.Map, body string) *fieldmap.Envelope {
	t.Helper()
	e, err := m.Parse([]byte(body), fieldmap.Limits{})
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return e
}

// one parses a body with one order and returns it with its tokenised text.
func one(t testing.TB, m *fieldmap.Map, body string) (*fieldmap.Object, string) {
	t.Helper()
	e := parse(t, m, body)
	if len(e.Objects) != 1 {
		t.Fatalf("%d objects in %s", len(e.Objects), body)
	}
	o := &e.Objects[0]
	return o, string(redacted(t, template(o)))
}

func template(o *fieldmap.Object) []byte {
	return fieldmap.AppendTemplate(nil, o, func(i int) uint32 { return uint32(i) })
}

func redacted(t testing.TB, tmpl []byte) []byte {
	t.Helper()
	out, err := fieldmap.Render(nil, tmpl, fieldmap.Fill{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func token(dst []byte, h fieldmap.Hole) []byte { return fmt.Appendf(dst, "tok_%d", h.Number) }

// restored fills every hole with its value.
func restored(t testing.TB, o *fieldmap.Object, tmpl []byte) []byte {
	t.Helper()
	out, err := fieldmap.Render(nil, tmpl, fieldmap.Fill{Value: func(dst []byte, h fieldmap.Hole) ([]byte, bool) {
		return append(dst, o.Leaves[h.Number].Text(o.Raw)...), true
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// answer is the whole tokenised body.
func answer(t testing.TB, e *fieldmap.Envelope) []byte {
	t.Helper()
	objects := make([][]byte, len(e.Objects))
	for i := range e.Objects {
		objects[i] = redacted(t, template(&e.Objects[i]))
	}
	return e.Render(nil, objects, nil)
}
