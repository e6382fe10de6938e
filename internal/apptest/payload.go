package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Payload is a file of the example payloads with what the manifest says of it.
type Payload struct {
	File      string   `json:"file"`
	Store     string   `json:"store"`
	Resource  string   `json:"resource"`
	Version   string   `json:"version"`
	Platform  string   `json:"platform"`
	Records   int      `json:"records"`
	RecordIDs []string `json:"record_ids"`
	Clock     map[string]struct {
		Anchor string    `json:"anchor"`
		At     time.Time `json:"at"`
	} `json:"clock"`
	PII      []string `json:"pii"`
	Derived  []string `json:"derived"`
	Linkable []string `json:"linkable"`
	Secrets  []string `json:"secrets"`
	NotPII   []string `json:"not_pii"`

	Body []byte `json:"-"`
}

// Personal returns every value of the payload that may be readable nowhere.
func (p Payload) Personal() []string {
	return slices.Concat(p.PII, p.Derived, p.Linkable, p.Secrets)
}

// In says how the payload is taken in under the store.
func (p Payload) In(store string) In {
	in := In{Store: store, Resource: p.Resource, Version: p.Version, Platform: p.Platform}
	if p.Resource == "webhook_delivery" {
		in.Resource = "orders"
	}
	if p.File == "fulfillments_list_shopify_v2.json" {
		in.Order = "6120448100002"
	}
	return in
}

// DeadAt returns the ids of the payload's records whose date is not after t, by
// the table of clocks.
func (p Payload) DeadAt(t time.Time) (dead []string) {
	const day = 24 * time.Hour
	life := map[string]time.Duration{"delivered": 30 * day, "cancelled": 7 * day, "closed": 30 * day, "shipped": 45 * day, "created": 60 * day}
	for id, c := range p.Clock {
		if !t.Before(c.At.Add(life[c.Anchor])) {
			dead = append(dead, id)
		}
	}
	slices.Sort(dead)
	return dead
}

// Payloads returns the example payloads that hold records, and the moment they
// were written for.
func Payloads(t testing.TB) (list []Payload, asOf time.Time) {
	t.Helper()
	dir := filepath.Join("..", "..", "testdata", "ecartapi")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	must(t, err)
	var m struct {
		AsOf  time.Time `json:"as_of"`
		Files []Payload `json:"files"`
	}
	must(t, json.Unmarshal(text, &m))
	for _, p := range m.Files {
		if p.Records == 0 {
			continue
		}
		p.Body, err = os.ReadFile(filepath.Join(dir, p.File))
		must(t, err)
		list = append(list, p)
	}
	if len(list) != 16 {
		t.Fatalf("%d payloads hold records", len(list))
	}
	return list, m.AsOf
}

// Decode reads JSON with the exact text of its numbers.
func Decode(t testing.TB, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %.80q", err, b)
	}
	return v
}

// Objects returns the payload's records by external id, as they have to come
// back. Of objects with the same id the largest is the record; the others are
// inside of it.
func (p Payload) Objects(t testing.TB) map[string]map[string]any {
	t.Helper()
	out := make(map[string]map[string]any)
	walk(Decode(t, p.Body), func(v any) {
		o, ok := v.(map[string]any)
		if id := fmt.Sprint(o["id"]); ok && slices.Contains(p.RecordIDs, id) && len(o) > len(out[id]) {
			out[id] = o
		}
	})
	if len(out) != p.Records {
		t.Fatalf("%s: %d records, want %d", p.File, len(out), p.Records)
	}
	return out
}

// Readable reports whether a JSON text holds a key, a string or a number with
// this text.
func Readable(t testing.TB, body []byte, want string) (found bool) {
	t.Helper()
	walk(Decode(t, body), func(v any) {
		switch v := v.(type) {
		case map[string]any:
			_, has := v[want]
			found = found || has
		case string:
			found = found || strings.Contains(v, want)
		case json.Number:
			found = found || v.String() == want
		}
	})
	return found
}

// walk visits every value of a decoded JSON text.
func walk(v any, visit func(any)) {
	visit(v)
	switch v := v.(type) {
	case map[string]any:
		for _, c := range v {
			walk(c, visit)
		}
	case []any:
		for _, c := range v {
			walk(c, visit)
		}
	}
}
