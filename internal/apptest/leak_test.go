package apptest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"strongroom/internal/apptest"
	"strongroom/internal/db"
)

// leak is an instance that took example payloads in, and what must not be found.
type leak struct {
	*testing.T
	*apptest.Instance
	stores   map[string]string
	latest   map[string]map[string]any // store and external id: the object as last sent
	answers  []apptest.Part            // tokenised: ingest, reads, lists, finds
	revealed int
}

func newLeak(t *testing.T, at time.Time) *leak {
	i := apptest.Start(t, apptest.Options{At: at, Cluster: apptest.NewCluster(t, false)})
	return &leak{T: t, Instance: i, stores: map[string]string{}, latest: map[string]map[string]any{}}
}

func (l *leak) keep(name string, text []byte) {
	l.answers = append(l.answers, apptest.Part{Name: name, Bytes: text})
}

// take sends a payload in and checks the answer and the counts.
func (l *leak) take(p apptest.Payload, dead int) {
	l.Helper()
	store := l.stores[p.Store]
	if store == "" {
		store = l.AddStore(p.Store, p.Platform)
		l.stores[p.Store] = store
	}
	a := l.Ingest(p.In(store), p.Body)
	if a.Status != http.StatusOK {
		l.Fatalf("%s: %d %s", p.File, a.Status, a.Body)
	}
	l.keep("answer to "+p.File, a.Body)
	for _, v := range p.NotPII {
		if !apptest.Readable(l.T, a.Body, v) {
			l.Errorf("%s: %q is not readable in the answer", p.File, v)
		}
	}
	if got := a.Header.Get("Strongroom-Dead"); got != strconv.Itoa(dead) {
		l.Errorf("%s: %s dead on arrival, want %d", p.File, got, dead)
	}
	for id, o := range p.Objects(l.T) {
		l.latest[store+id] = o
	}
}

// readBack reads, finds and opens every record of the instance.
func (l *leak) readBack() {
	l.Helper()
	for name, store := range l.stores {
		list, text := l.Records(store)
		l.keep("list of "+name, text)
		for _, r := range list {
			a := l.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + store + "/records/" + r.ID}, nil)
			l.keep("record of "+name, a.Body)
			want := l.latest[store+r.ExternalID]
			if want == nil {
				l.Errorf("%s: %s was never sent", name, r.ExternalID)
				continue
			}
			got := apptest.Decode(l.T, l.Reveal(store, r.ID))
			if !reflect.DeepEqual(got, any(want)) {
				l.Errorf("%s: %s did not come back as it was", name, r.ExternalID)
			}
			l.revealed++
			l.find(r, want)
		}
	}
}

// find looks the record up by the e-mail address and the phone number it holds
// at the known places.
func (l *leak) find(r apptest.Record, o map[string]any) {
	l.Helper()
	for _, place := range []string{"", "customer", "shippingAddress", "billingAddress"} {
		at := o
		if place != "" {
			at, _ = o[place].(map[string]any)
		}
		for _, field := range []string{"email", "phone"} {
			value, _ := at[field].(string)
			if strings.TrimSpace(value) == "" || r.Kind == "store" {
				continue
			}
			other := strings.ToUpper(value)
			if field == "phone" {
				other = regexp.MustCompile(`[ \-()]`).ReplaceAllString(value, "")
			}
			for _, v := range []string{value, other} {
				list, text := l.Find(map[string]string{field: v})
				l.keep("find", text)
				if !slices.ContainsFunc(list, func(f apptest.Record) bool { return f.ID == r.ID }) {
					l.Errorf("%s %s: not found by %s of %s", r.Kind, r.ExternalID, field, place)
				}
			}
		}
	}
}

// silent checks that none of the values is in any byte, and that the clear ones
// are not on disk either.
func (l *leak) silent(list []apptest.Payload, excused map[string]bool) {
	l.Helper()
	var personal, open []string
	for _, p := range list {
		personal = append(personal, p.Personal()...)
		open = append(open, p.NotPII...)
	}
	parts := l.Bytes()
	personalScan := apptest.NewScanner(personal)
	for _, h := range append(personalScan.Scan(parts...), personalScan.Scan(l.answers...)...) {
		l.Errorf("leak: %v", h)
	}
	for _, h := range apptest.NewScanner(open).Scan(parts...) {
		if !excused[h.Value] {
			l.Errorf("in clear: %v", h)
		}
	}
	l.Stop()
	for _, h := range apptest.NewScanner(append(personal, open...)).Scan(l.Bytes()...) {
		if !excused[h.Value] {
			l.Errorf("after the stop: %v", h)
		}
	}
}

// vocabulary returns the values that stand in an instance without a record: words
// of the product or the engine, which say nothing of a record.
func (l *leak) vocabulary(list []apptest.Payload) map[string]bool {
	l.Helper()
	may := []string{"pending", "delivered", "completed", "enabled", "in_transit", "squarespace"}
	var open []string
	for _, p := range list {
		open = append(open, p.NotPII...)
	}
	excused := map[string]bool{}
	for _, h := range apptest.NewScanner(open).Scan(l.Bytes()...) {
		if !excused[h.Value] {
			l.Logf("in an empty instance: %v", h)
		}
		excused[h.Value] = true
		if !slices.Contains(may, h.Value) {
			l.Errorf("an empty instance holds %v", h)
		}
	}
	return excused
}

// TestObligation_3_1_5_LeakNothing takes the example payloads in, at the moment
// they were written for and once more while those that had died by then still
// lived, and looks for their values everywhere.
func TestObligation_3_1_5_LeakNothing(t *testing.T) {
	list, asOf := apptest.Payloads(t)
	l := newLeak(t, asOf)
	excused := l.vocabulary(list)
	records, dead := 0, map[string][]string{}
	for _, p := range list {
		dead[p.File] = p.DeadAt(asOf)
		records += p.Records - len(dead[p.File])
		l.take(p, len(dead[p.File]))
	}
	l.readBack()
	if l.revealed != records-1 { // one order comes twice
		t.Errorf("%d records opened, want %d", l.revealed, records-1)
	}
	for name, store := range l.stores {
		kept, _ := l.Records(store)
		for _, p := range list {
			for _, r := range kept {
				if p.Store == name && slices.Contains(dead[p.File], r.ExternalID) {
					t.Errorf("%s: %s was dead on arrival and is kept", p.File, r.ExternalID)
				}
			}
		}
	}
	plant(t, l)
	l.silent(list, excused)

	t.Run("second pass", func(t *testing.T) {
		at := map[bool]time.Time{
			false: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC),
			true:  time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC),
		}
		for cancelled, at := range at {
			l := newLeak(t, at)
			var took []apptest.Payload
			records := 0
			for _, p := range list {
				if len(dead[p.File]) > 0 && cancelled == (p.File == "order_jumpseller_v2_cancelled.json") {
					l.take(p, 0)
					took = append(took, p)
					records += p.Records
				}
			}
			l.readBack()
			if l.revealed != records || records == 0 {
				t.Errorf("%d records opened at %v, want %d", l.revealed, at, records)
			}
			l.silent(took, excused)
		}
	})
}

// plant writes a value where nothing may be and demands that it is found, in a
// file of the data folder and, on PostgreSQL, in a table.
func plant(t *testing.T, l *leak) {
	t.Helper()
	const value = "Philomenka van der Brakelhoff"
	s := apptest.NewScanner([]string{value})
	path := filepath.Join(l.Dir, "planted")
	text, _ := json.Marshal(map[string]string{"b": base64.StdEncoding.EncodeToString([]byte("is " + value))})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if len(s.Scan(l.Bytes()...)) != 1 {
		t.Error("a value planted in the data folder is not found")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if l.Engine == db.Postgres {
		const other = "Planted Plantagenet"
		apptest.Query(t, l.Database, "create table planted (v text, b bytea); insert into planted values ('"+other+"', '"+other+"'); checkpoint")
		if hits := apptest.NewScanner([]string{other}).Scan(l.Bytes()...); len(hits) < 3 {
			t.Errorf("a value planted in a table is found %d times: dump, page and write-ahead log", len(hits))
		}
	}
	if len(s.Scan(l.Bytes()...)) != 0 {
		t.Error("what was planted is still there")
	}
}
