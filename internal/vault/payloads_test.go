package vault_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/vault"
)

// payload is an entry of the manifest of the example payloads.
type payload struct {
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
	PII     []string `json:"pii"`
	Derived []string `json:"derived"`
	NotPII  []string `json:"not_pii"`
	Secrets []string `json:"secrets"`

	body []byte
}

func payloads(t testing.TB) []payload {
	t.Helper()
	dir := filepath.Join("..", "..", "testdata", "ecartapi")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files []payload `json:"files"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	var out []payload
	for _, p := range m.Files {
		if p.Records == 0 {
			continue
		}
		if p.body, err = os.ReadFile(filepath.Join(dir, p.File)); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	if len(out) < 14 {
		t.Fatalf("%d payloads hold records", len(out))
	}
	return out
}

func (f *fixture) load(p payload, store string) *vault.Ingested {
	f.t.Helper()
	out, err := f.Ingest(context.Background(), f.who, vault.In{
		Store: store, Resource: p.Resource, Version: p.Version, Platform: p.Platform, How: "sync", Body: p.body,
	})
	if err != nil {
		f.t.Fatalf("%s: %v", p.File, err)
	}
	return out
}

// lifeOf is how long a record lives from its anchor, by the table of the
// documentation.
func lifeOf(anchor string) time.Duration {
	day := 24 * time.Hour
	return map[string]time.Duration{
		"delivered": 30 * day, "cancelled": 7 * day, "closed": 30 * day, "shipped": 45 * day, "created": 60 * day,
	}[anchor]
}

// TestPayloadClocks takes every example payload in by itself and compares each
// record's clock with the manifest. A record whose date was reached is not kept.
func TestPayloadClocks(t *testing.T) {
	f := open(t)
	for _, p := range payloads(t) {
		store := f.addStore("Shop of " + p.File[:5])
		in := f.load(p, store)
		records := f.all(store)
		dead := 0
		for id, c := range p.Clock {
			r, kept := records[id]
			until := c.At.Add(lifeOf(c.Anchor))
			switch {
			case !asOf().Before(until):
				dead++
				if kept {
					t.Errorf("%s: %s is kept past its date %v", p.File, id, until)
				}
			case !kept:
				t.Errorf("%s: %s is not kept", p.File, id)
			case r.Clock.Anchor != c.Anchor || r.Clock.At.Sub(c.At).Abs() > time.Millisecond:
				t.Errorf("%s: %s runs from %+v, want %+v", p.File, id, r.Clock, c)
			case r.ExpiresAt.Sub(until).Abs() > time.Millisecond:
				t.Errorf("%s: %s expires %v, want %v", p.File, id, r.ExpiresAt, until)
			}
		}
		if in.Dead != dead || in.Stored != p.Records-dead {
			t.Errorf("%s: stored %d, dead %d, want %d, %d", p.File, in.Stored, in.Dead, p.Records-dead, dead)
		}
	}
}

// all returns a store's live records by external id: kind after kind, and once
// more in one list, which has to show the same.
func (f *fixture) all(store string) map[string]vault.Record {
	f.t.Helper()
	out := make(map[string]vault.Record)
	var each, mixed int
	for _, kind := range []string{"order", "customer", "fulfillment", "store", ""} {
		for cursor := ""; ; {
			list, next, err := f.Records(context.Background(), f.who, vault.ListQuery{Store: store, Kind: kind, Cursor: cursor, Limit: 2})
			f.must(err)
			for _, r := range list {
				out[r.ExternalID] = r
			}
			if each += len(list); kind == "" {
				each, mixed = each-len(list), mixed+len(list)
			}
			if cursor = next; next == "" {
				break
			}
		}
	}
	if each != mixed || mixed != len(out) {
		f.t.Errorf("%d records by kind, %d in one list, %d ids", each, mixed, len(out))
	}
	return out
}

// TestPayloadsLeakNothing takes all payloads in while all of them live, and looks
// for their personal values in the answers, the records as read, and every byte
// of the database.
func TestPayloadsLeakNothing(t *testing.T) {
	f := openWith(t, setup{at: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)})
	stores := make(map[string]string)
	var found int
	for _, p := range payloads(t) {
		store := stores[p.Store]
		if store == "" {
			store = f.addStore("Shop " + p.Platform)
			stores[p.Store] = store
		}
		in := f.load(p, store)
		if in.Dead > 0 && p.File != "order_shopify_v2_full.json" && in.Dead == p.Records && p.Clock != nil {
			t.Logf("%s: %d dead", p.File, in.Dead)
		}
		for _, v := range append(append(append([]string(nil), p.PII...), p.Derived...), p.Secrets...) {
			if len(v) >= 4 && bytes.Contains(in.Body, []byte(v)) {
				t.Errorf("%s: the answer holds a personal value of %d bytes", p.File, len(v))
			}
		}
		for _, v := range p.NotPII {
			if !holds(t, in.Body, v) {
				t.Errorf("%s: %q is not readable in the answer", p.File, v)
			}
		}
		original := objects(t, p.body)
		for _, ref := range in.Records {
			body, err := f.revealIn(store, ref.ID)
			f.must(err)
			if !oneOf(t, original, body) {
				t.Errorf("%s: %s did not come back as it was", p.File, ref.ID)
			}
			found++
		}
	}
	if found < 15 {
		t.Fatalf("%d records revealed", found)
	}
	pages := f.dump()
	for _, p := range payloads(t) {
		values := append(append(append([]string(nil), p.PII...), p.Derived...), p.Secrets...)
		for _, v := range append(values, p.NotPII...) {
			if len(v) >= 6 && pages.holds(v) {
				t.Errorf("%s: the database holds %q in clear", p.File, v)
			}
		}
	}
	// The planted negative: what is there is found.
	if !pages.holds("planted shop name") {
		f.exec(func(tx *db.Tx) error {
			_, err := tx.Exec("update vault_store set card = $1 where num = 1", []byte("xx planted shop name xx"))
			return err
		})
		if pages = f.dump(); !pages.holds("planted shop name") {
			t.Error("the search does not find what was planted")
		}
	}
}

func (f *fixture) revealIn(store, id string) ([]byte, error) {
	out, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{
		Store: store, Record: id, Purpose: "fulfilment", Reference: "LL-20933",
	})
	return out.Body, err
}

// objects returns the records of an envelope as decoded JSON with exact numbers.
func objects(t testing.TB, body []byte) []any {
	t.Helper()
	v := decode(t, body)
	m, ok := v.(map[string]any)
	if !ok {
		return []any{v}
	}
	out := []any{v}
	for _, key := range []string{"order", "orders", "customer", "customers", "fulfillment", "fulfillments", "store", "data", "body"} {
		switch c := m[key].(type) {
		case []any:
			out = append(out, c...)
		case map[string]any:
			out = append(out, c)
			for _, inner := range c {
				out = append(out, inner)
			}
		}
	}
	return out
}

func decode(t testing.TB, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func oneOf(t testing.TB, list []any, body []byte) bool {
	got := decode(t, body)
	for _, v := range list {
		if reflect.DeepEqual(v, got) {
			return true
		}
	}
	return false
}

// holds reports whether a JSON text holds a string or number with this text.
func holds(t testing.TB, body []byte, want string) bool {
	found := false
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, c := range v {
				found = found || k == want
				walk(c)
			}
		case []any:
			for _, c := range v {
				walk(c)
			}
		case string:
			found = found || strings.Contains(v, want)
		case json.Number:
			found = found || v.String() == want
		}
	}
	walk(decode(t, body))
	return found
}

// pages is every byte of a database.
type pages [][]byte

func (p pages) holds(v string) bool {
	for _, b := range p {
		if bytes.Contains(b, []byte(v)) || bytes.Contains(b, []byte(hex.EncodeToString([]byte(v)))) {
			return true
		}
	}
	return false
}

// dump returns the bytes of the database files, or what PostgreSQL shows of
// every table, where bytes are in hex.
func (f *fixture) dump() pages {
	f.t.Helper()
	var out pages
	if f.db.Engine() == db.SQLite {
		var path string
		f.must(f.db.Read(context.Background(), func(r *db.Reader) error {
			return r.QueryRow("select file from pragma_database_list where name = 'main'").Scan(&path)
		}))
		for _, name := range []string{path, path + "-wal"} {
			if b, err := os.ReadFile(name); err == nil {
				out = append(out, b)
			}
		}
		return out
	}
	f.must(f.db.Read(context.Background(), func(r *db.Reader) error {
		read := func(row *db.Row) {
			var s string
			f.must(row.Scan(&s))
			out = append(out, []byte(s))
		}
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_store t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_record t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_index t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_tombstone t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_reference t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_field t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from audit_event t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from keys_data t"))
		return nil
	}))
	return out
}
