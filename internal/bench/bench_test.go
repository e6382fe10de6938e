package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/bench"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

func TestLoadCountsCallsAndEndsWithTheFirstError(t *testing.T) {
	o, err := bench.Load(4, 100, 0, func(int) error { return nil })
	if err != nil || o.Ops() != 100 {
		t.Errorf("%d calls, %v; want 100", o.Ops(), err)
	}
	o, err = bench.Load(2, 1<<30, 10*time.Millisecond, func(int) error { time.Sleep(time.Millisecond); return nil })
	if err != nil || o.Ops() == 0 || o.Ops() > 30 {
		t.Errorf("%d calls of a millisecond in ten of two callers, %v", o.Ops(), err)
	}
	bad := errors.New("bad")
	o, err = bench.Load(4, 1000, 0, func(i int) error {
		if i == 10 {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) || o.Ops() == 1000 {
		t.Errorf("a failing call counted as a fast one: %d calls, %v", o.Ops(), err)
	}
}

func TestDuelTakesTurnsAndMedians(t *testing.T) {
	var order string
	side := func(name string, rates ...int) func(int) (bench.Outcome, error) {
		return func(r int) (bench.Outcome, error) {
			order += name
			return bench.NewOutcome(rates[r], time.Second), nil
		}
	}
	a, b, err := bench.Duel(3, side("a", 1, 500, 10), side("b", 7, 8, 9))
	if err != nil || order != "abbaab" {
		t.Errorf("order %s, %v; the sides take turns in going first", order, err)
	}
	if a.Rate() != 10 || b.Rate() != 8 {
		t.Errorf("medians %v and %v, want 10 and 8", a.Rate(), b.Rate())
	}
}

func TestRowsAreJudgedByTheirBar(t *testing.T) {
	for _, c := range []struct {
		product, floor, bar float64
		lower, ok           bool
		ratio               float64
	}{
		{60, 100, 0.5, false, true, 0.6},
		{40, 100, 0.5, false, false, 0.4},
		{2400, 1000, 2.5, true, true, 2.4},
		{2600, 1000, 2.5, true, false, 2.6},
		{61, 0, 60, true, false, 61},
		{0.5, 0, 1, true, true, 0.5},
	} {
		r := bench.Judge(bench.Row{Product: c.product, Floor: c.floor, Bar: c.bar}, c.lower)
		if r.OK != c.ok || r.Ratio != c.ratio || r.Engine != "sqlite" {
			t.Errorf("%+v was judged %v with ratio %v", c, r.OK, r.Ratio)
		}
	}
}

func TestReportHasTheAgreedKeys(t *testing.T) {
	rows := []bench.Row{{Name: "reveal", Engine: "sqlite", Callers: 32, Product: 1, Floor: 2, Ratio: 0.5, Bar: 0.5, OK: true}}
	var out bytes.Buffer
	if err := bench.WriteJSON(&out, rows); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != 1 {
		t.Fatalf("%d rows, %v", len(back), err)
	}
	for _, k := range []string{"name", "engine", "callers", "product_ops_s", "floor_ops_s", "ratio", "bar", "ok"} {
		if _, ok := back[0][k]; !ok {
			t.Errorf("a row has no %q", k)
		}
	}
	out.Reset()
	rows[0].OK = false
	if err := bench.WriteTable(&out, rows); err != nil || !strings.Contains(out.String(), "MISSED") || bench.Missed(rows) != 1 {
		t.Errorf("a missed bar does not show: %v\n%s", err, out.String())
	}
}

func TestFloorReadsWhatItIndexes(t *testing.T) {
	got := bench.Columns([]byte(`{"id":"7","email":"Ana@Example.test","customer":{"firstName":"Ana","lastName":"Sol","phone":"+52 55 1234",
		"identificationNumber":"X1"},"shippingAddress":{"postalCode":"06700"}}`))
	want := [6]string{"7", "ana@example.test", "+52 55 1234", "ana sol", "06700", "X1"}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnswersAreChecked(t *testing.T) {
	if err := bench.Same(context.Background(), t.TempDir(), func(b []byte) []byte { return b }); err != nil {
		t.Errorf("an honest side was refused: %v", err)
	}
	err := bench.Same(context.Background(), t.TempDir(), func(b []byte) []byte { return bytes.Replace(b, []byte("example"), []byte("elsewhere"), 1) })
	if err == nil {
		t.Error("a changed answer passed")
	}
}

func TestResidentMemory(t *testing.T) {
	all, private, err := bench.ResidentOf("Name:\tx\nVmRSS:\t   51200 kB\nRssAnon:\t   20480 kB\n")
	if err != nil || all != 50 || private != 20 {
		t.Errorf("%v, %v, %v", all, private, err)
	}
	if _, _, err := bench.ResidentOf("Name:\tx\n"); err == nil {
		t.Error("a status without figures passed for no memory")
	}
}

func TestStatementsAndTablesOnBothEngines(t *testing.T) {
	found := dbtest.Statements(t, ".")
	if len(found) < 8 {
		t.Errorf("only %d statements were found", len(found))
	}
	dbtest.Each(t, func(t *testing.T, e db.Engine) {
		dbtest.PrepareAll(t, dbtest.NewOn(t, e, bench.Schema()), found)
	})
	dbtest.Parity(t, bench.Schema())
}

func TestUndurableServerIsRefused(t *testing.T) {
	// Throw-away clusters of the tests run without fsync, so they are the planted
	// negative; SQLite is always durable here.
	if err := bench.Durable(context.Background(), dbtest.NewOn(t, db.SQLite)); err != nil {
		t.Errorf("sqlite: %v", err)
	}
	pg := dbtest.NewOn(t, db.Postgres)
	facts, err := pg.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	off := slices.ContainsFunc(facts, func(f db.Fact) bool { return f.Name == "fsync" && f.Value == "off" })
	if err := bench.Durable(context.Background(), pg); off != (err != nil) {
		t.Errorf("fsync off is %v, and the answer %v", off, err)
	}
}

func TestNamesOfEnginesAndParts(t *testing.T) {
	if es, err := bench.ParseEngines("sqlite,postgres"); err != nil || len(es) != 2 {
		t.Error(es, err)
	}
	if _, err := bench.ParseEngines("oracle"); err == nil {
		t.Error("an unknown engine passed")
	}
	if _, err := bench.ParseParts("reveal,http"); err != nil {
		t.Error(err)
	}
	if _, err := bench.ParseParts("nothing"); err == nil {
		t.Error("an unknown part passed")
	}
}

// TestShortRun measures next to nothing, to see that the parts work together.
func TestShortRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rows, err := bench.Run(context.Background(), bench.Options{
		Engines: []db.Engine{db.SQLite}, Quick: true, Dir: t.TempDir(), Only: []string{"bulk", "disk"},
	})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.Product <= 0 || r.Floor <= 0 || r.Ratio <= 0 || r.Bar <= 0 {
			t.Errorf("an empty row: %+v", r)
		}
	}
}

// TestRunThatIsCutOffLeavesItsRows: a run that ends early returns and hands out
// what it has, marked as incomplete.
func TestRunThatIsCutOffLeavesItsRows(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cut := errors.New("cut off")
	var seen []bench.Row
	rows, err := bench.Run(context.Background(), bench.Options{
		Engines: []db.Engine{db.SQLite}, Quick: true, Dir: t.TempDir(), Only: []string{"disk", "find"},
		Section: func(rows []bench.Row) error { seen = rows; return cut },
	})
	if !errors.Is(err, cut) || len(rows) == 0 || len(rows) != len(seen) || !rows[0].Incomplete || !seen[0].Incomplete {
		t.Fatalf("%d rows returned, %d handed out, %v", len(rows), len(seen), err)
	}
	var out bytes.Buffer
	if err := bench.WriteTable(&out, rows); err != nil || !strings.Contains(out.String(), "INCOMPLETE") {
		t.Errorf("the table does not say so: %v\n%s", err, out.String())
	}
	rows[0].Incomplete = false
	out.Reset()
	if err := bench.WriteTable(&out, rows[:1]); err != nil || strings.Contains(out.String(), "INCOMPLETE") {
		t.Errorf("a whole run counts as cut off: %v\n%s", err, out.String())
	}
}

// TestLargeInstanceIsKept: the second run uses what the first one loaded, and one
// of another size does not.
func TestLargeInstanceIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	keep := t.TempDir()
	for _, c := range []struct {
		records int
		kept    bool
	}{{2000, false}, {2000, true}, {2100, false}} {
		var said []string
		rows, err := bench.Run(context.Background(), bench.Options{
			Engines: []db.Engine{db.SQLite}, Quick: true, Dir: t.TempDir(), Only: []string{"flat"}, Records: c.records, Keep: keep,
			Progress: func(line string) { said = append(said, line) },
		})
		if err != nil || len(rows) != 3 || rows[0].Incomplete {
			t.Fatalf("%d records: %d rows, %v", c.records, len(rows), err)
		}
		kept := slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "from the last run") })
		if kept != c.kept {
			t.Errorf("%d records: kept is %v, said %q", c.records, kept, said)
		}
	}
}
