package vault_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/vault"
)

// index goes through the months, as the product does in the background.
func (f *fixture) index() (moved int) {
	f.t.Helper()
	for more := true; more; {
		var n int
		var err error
		n, more, err = f.IndexStep(context.Background(), strongroom.System("index"), 3)
		f.must(err)
		moved += n
	}
	return moved
}

// indexCopy is what an older copy of the database holds of the blind index.
func (f *fixture) indexCopy() map[string]bool {
	f.t.Helper()
	out := make(map[string]bool)
	f.must(f.db.Read(context.Background(), func(r *db.Reader) error {
		rows, err := r.Query("select hash from vault_index")
		if err != nil {
			return err
		}
		for rows.Next() {
			var h []byte
			if err := rows.Scan(&h); err != nil {
				return err
			}
			out[string(h)] = true
		}
		return rows.Close()
	}))
	return out
}

// matches counts the entries of a copy that can be computed from an e-mail with
// the index keys that are left.
func (f *fixture) matches(copied map[string]bool, email string) (n int) {
	f.t.Helper()
	for _, month := range f.keys.LivePeriods(f.store) {
		key, err := f.keys.IndexKey(f.store, 1, month)
		f.must(err)
		sum := key.MAC([]byte(strings.ToLower(email)))
		if copied[string(sum[:16])] {
			n++
		}
	}
	return n
}

// TestLongLivedRecordsAreIndexedAnew: a customer whose orders go on outlives the
// month it came in. Find finds it before, during and after; the month's key dies;
// an older copy matches nothing computed with the keys that are left.
func TestLongLivedRecordsAreIndexedAnew(t *testing.T) {
	f := open(t) // 2026-11-20
	const email = "mara.zarco@example.com"
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-19T09:00:00Z"`))
	f.ingest("customers", customerOf("c1", email))
	f.ingest("customers", customerOf("c2", "nadia.roble@example.com"))
	found := func(when string, want int) {
		t.Helper()
		if list := f.find(vault.FindQuery{Email: email}); len(list) != want {
			t.Errorf("%s: found %d records, want %d", when, len(list), want)
		}
	}
	found("at first", 2)
	november := f.indexCopy()
	if f.matches(november, email) != 1 {
		t.Fatal("a copy matches nothing while its key lives: the check cannot fail")
	}
	f.pass(45 * day) // 2027-01-04
	f.ingest("orders", orderOf("7002", "c1", `"createdAt":"2027-01-03T09:00:00Z"`))
	f.sweep()
	if moved := f.index(); moved != 0 {
		t.Errorf("%d records were indexed anew before their time", moved)
	}
	f.pass(12 * day) // 2027-01-16: 45 days after the end of November
	if n, more, err := f.IndexStep(context.Background(), f.who, 1); n != 1 || !more || err != nil {
		t.Errorf("a step of one moved %d, more %v, %v", n, more, err)
	}
	found("during", 3)
	f.Vault = vault.New(f.opt) // and is cut off
	f.index()
	found("after", 3)
	f.pass(2 * time.Minute)
	f.index()
	found("after the key", 3)
	if got := f.keys.LivePeriods(f.store); slices.Contains(got, "2026-11") {
		t.Errorf("the key of November lives: %v", got)
	}
	if n := f.matches(november, email); n != 0 {
		t.Errorf("%d entries of an older copy match", n)
	}
	left := 0
	for h := range f.indexCopy() {
		if november[h] {
			left++
		}
	}
	if left != 2 { // the links of two customers, under the lasting key
		t.Errorf("%d entries of November are left, want the two links", left)
	}
	// What was indexed anew dies like everything else.
	for _, r := range f.all(f.store) {
		_, err := f.Erase(context.Background(), f.who, vault.EraseRequest{Store: f.store, Records: []string{r.ID}})
		f.must(err)
	}
	f.sweep()
	if c := f.count(); c.entries != 0 {
		t.Errorf("%d entries of erased records are left", c.entries)
	}
}

// A row that somebody changed opens for nobody. It leaves the index, so that it
// keeps no key alive.
func TestTamperedRowsKeepNoMonth(t *testing.T) {
	f := open(t)
	f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
	f.ingest("orders", orderOf("7001", "c1", `"createdAt":"2026-11-19T09:00:00Z"`))
	f.exec(func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set expires_at = $1, leaves = body", db.Micros(asOf().Add(300*day)))
		return err
	})
	f.exec(func(tx *db.Tx) error { // as its own verb does it, a customer may live that long
		_, err := tx.Exec("update keys_data set erase_by = $1", db.Micros(asOf().Add(300*day)))
		return err
	})
	f.pass(57 * day)
	if moved := f.index(); moved != 2 {
		t.Errorf("%d rows left the index of their month, want 2", moved)
	}
	f.pass(2 * time.Minute)
	f.index()
	if got := f.keys.LivePeriods(f.store); slices.Contains(got, "2026-11") {
		t.Errorf("rows that do not open keep a key alive: %v", got)
	}
	failed := 0
	for _, e := range f.events("retention.sweep") {
		for _, n := range e.Notes {
			if n.Key == "failed" {
				failed++
			}
		}
	}
	if failed == 0 {
		t.Error("no event counts the rows that did not open")
	}
}

// A store object stands in no index, so it keeps no month's key.
func TestStoreObjectsKeepNoMonth(t *testing.T) {
	f := open(t)
	f.ingest("stores", `{"store":{"id":"s1","name":"Nopalito Norte","email":"shop@example.com"}}`)
	f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
	f.pass(100 * day)
	f.sweep()
	f.index()
	if got := f.keys.LivePeriods(f.store); len(got) != 0 {
		t.Errorf("there are keys of %v", got)
	}
	if len(f.all(f.store)) != 1 {
		t.Error("the store object is gone")
	}
}

// TestIndexModel lets months pass over shoppers who come and go. Whoever lives is
// found, nobody else is, and no key outlasts its time.
func TestIndexModel(t *testing.T) {
	f := openWith(t, setup{budgets: unlimited()})
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	f.must(checks.Value.Set("20")) // each goes on in time where the last one ended
	defer checks.Value.Set(was)
	rapid.Check(t, func(t *rapid.T) {
		f.store = f.addStore("Index shop")
		m := &indexModel{f: f}
		t.Repeat(map[string]func(*rapid.T){
			"order":   m.order,
			"again":   m.again,
			"month":   m.month,
			"restart": func(*rapid.T) { f.Vault = vault.New(f.opt) },
			"":        m.check,
		})
	})
}

type indexModel struct {
	f      *fixture
	orders int
}

func (m *indexModel) email(n int) string { return fmt.Sprintf("shopper%d@example.com", n) }

func (m *indexModel) body(shopper, order int) string {
	return strings.ReplaceAll(orderOf(fmt.Sprint(8000+order), fmt.Sprint("c", shopper),
		fmt.Sprintf(`"createdAt":%q`, m.f.clock.Now().UTC().Format(time.RFC3339))), "mara.zarco@example.com", m.email(shopper))
}

// order brings a new order of a shopper.
func (m *indexModel) order(t *rapid.T) {
	m.orders++
	m.f.ingest("orders", m.body(rapid.IntRange(1, 3).Draw(t, "shopper"), m.orders))
}

// again fetches a shopper's customer object.
func (m *indexModel) again(t *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(t, "shopper")
	m.f.ingest("customers", customerOf(fmt.Sprint("c", n), m.email(n)))
}

// month lets days pass, sweeps and indexes.
func (m *indexModel) month(t *rapid.T) {
	before, copied := m.f.keys.LivePeriods(m.f.store), m.f.indexCopy()
	m.f.pass(time.Duration(rapid.IntRange(5, 40).Draw(t, "days")) * day)
	m.f.sweep()
	m.f.index()
	m.f.pass(2 * time.Minute)
	m.f.index()
	now := m.f.clock.Now().UTC()
	for _, name := range m.f.keys.LivePeriods(m.f.store) {
		p, err := time.Parse("2006-01", name)
		if err != nil {
			t.Fatal(err)
		}
		month := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
		if p.Before(month) && now.After(p.AddDate(0, 1, 45)) {
			t.Fatalf("on %s the key of %s lives", now.Format(time.DateOnly), name)
		}
	}
	// Where every key of that day is gone, its copy of the index says nothing.
	if !slices.ContainsFunc(before, func(p string) bool { return slices.Contains(m.f.keys.LivePeriods(m.f.store), p) }) {
		for n := 1; n <= 3; n++ {
			if m.f.matches(copied, m.email(n)) != 0 {
				t.Fatal("an older copy matches what is computed with the keys that are left")
			}
		}
	}
}

// check: everyone who lives is found by e-mail, and by nothing else.
func (m *indexModel) check(t *rapid.T) {
	live := make(map[string][]string)
	for _, r := range m.f.all(m.f.store) {
		body, err := m.f.reveal(r.ID)
		if strongroom.IsKind(err, strongroom.Erased) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 3; n++ {
			if strings.Contains(body, m.email(n)) {
				live[m.email(n)] = append(live[m.email(n)], r.ID)
			}
		}
	}
	for n := 1; n <= 3; n++ {
		var got []string
		for _, r := range m.f.find(vault.FindQuery{Store: m.f.store, Email: m.email(n)}) {
			got = append(got, r.ID)
		}
		want := live[m.email(n)]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s leads to %d records, %d live", m.email(n), len(got), len(want))
		}
	}
}

// A record that opens and that the present limits or maps do not take can still
// be found, so its month's key stays, and an event counts it.
func TestRecordsThatCannotBeTakenApartStay(t *testing.T) {
	f := open(t)
	f.ingest("customers", customerOf("c1", "mara.zarco@example.com"))
	f.pass(40 * day)
	f.ingest("orders", orderOf("7002", "c1", `"createdAt":"2026-12-29T09:00:00Z"`))
	f.pass(17 * day)
	f.opt.Limits = fieldmap.Limits{Depth: 1}
	f.Vault = vault.New(f.opt)
	if moved := f.index(); moved != 0 {
		t.Errorf("%d records were indexed anew", moved)
	}
	if got := f.keys.LivePeriods(f.store); !slices.Contains(got, "2026-11") {
		t.Errorf("the key of a month that is needed is gone: %v", got)
	}
	f.opt.Limits = fieldmap.Limits{}
	f.Vault = vault.New(f.opt)
	if list := f.find(vault.FindQuery{Email: "mara.zarco@example.com"}); len(list) != 2 {
		t.Errorf("found %d records, want 2", len(list))
	}
	if moved := f.index(); moved != 1 {
		t.Errorf("%d records were indexed anew once it could be done, want 1", moved)
	}
}
