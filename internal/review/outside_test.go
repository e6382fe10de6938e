package review_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/review"
)

var database = review.System{Name: "db-1", Sort: review.Database}

// outside imports one account of a database and returns its id.
func (o *office) outside(account string) string {
	o.t.Helper()
	_, err := o.Import(context.Background(), o.chief, database, []review.Listed{{Account: account, Privilege: "superuser"}}, false)
	o.must(err)
	list := o.ways()
	return list[len(list)-1].ID
}

// ways reads the register as it is now, a page at a time.
func (o *office) ways() (out []review.Way) {
	o.t.Helper()
	for q := (review.WayQuery{Live: true, Limit: 1}); ; {
		list, next, err := o.Ways(context.Background(), o.chief, q)
		o.must(err)
		out = append(out, list...)
		if q.Cursor = next; next == "" {
			return out
		}
	}
}

func TestRegisterOfWaysOutside(t *testing.T) {
	o, ctx := enter(t), context.Background()
	clerk := o.hire(authz.Operator)
	all := []review.Listed{{"postgres", "superuser", ""}, {"jane", "login", clerk.ID}}
	dry, err := o.Preview(ctx, o.chief, database, all)
	if err != nil || dry != (review.Imported{Added: 2, Unbound: 1}) || len(o.ways()) != 0 {
		t.Fatalf("a dry run: %+v, %v, %d there", dry, err, len(o.ways()))
	}
	n, err := o.Import(ctx, o.chief, database, all, false)
	if err != nil || n != (review.Imported{Added: 2, Unbound: 1}) {
		t.Fatalf("%+v, %v", n, err)
	}
	list := o.ways()
	way := map[string]string{}
	for _, w := range list {
		way[w.Account] = w.ID
	}
	o.must(o.Bind(ctx, o.chief, way["postgres"], o.chief.ID))
	want(t, "given away", o.Bind(ctx, o.chief, way["postgres"], o.sec.ID), strongroom.Denied, "own")
	want(t, "bound to nobody", o.Bind(ctx, o.chief, way["jane"], strongroom.NewID("usr")), strongroom.NotFound, "")
	_, err = o.Preview(ctx, clerk, database, all)
	want(t, "a dry run without the right", err, strongroom.Denied, "")
	want(t, "without the right", o.Bind(ctx, clerk, way["jane"], clerk.ID), strongroom.Denied, "")

	// A campaign covers it; an import that does not list it any more is the proof.
	c, err := o.Open(ctx, o.sec, review.People)
	o.must(err)
	o.must(o.Decide(ctx, o.sec, c.ID, []review.Decision{remove(o.numberOf(c.ID, way["jane"]))}, 0))
	o.keepAll(c.ID)
	x, err := o.Execute(ctx, o.sec, c.ID)
	if err != nil || x.Waiting != 1 || x.Verified != 0 {
		t.Errorf("%+v, %v", x, err)
	}
	_, err = o.Close(ctx, o.sec, c.ID)
	want(t, "closed with a way open", err, strongroom.Conflict, "unverified")
	rest := []review.Listed{{"postgres", "superuser", ""}}
	if dry, err = o.Preview(ctx, o.chief, database, rest); err != nil || dry != (review.Imported{Kept: 1, Ended: 1}) || len(o.ways()) != 2 {
		t.Errorf("a dry run: %+v, %v", dry, err)
	}
	n, err = o.Import(ctx, o.chief, database, rest, false)
	if err != nil || n != (review.Imported{Kept: 1, Ended: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	if x, err = o.Execute(ctx, o.sec, c.ID); err != nil || x.Verified != 1 {
		t.Errorf("%+v, %v", x, err)
	}
	_, err = o.Close(ctx, o.sec, c.ID)
	o.must(err)

	// The leaver's proof has the time for each system.
	if w, err := o.WaysOf(ctx, o.chief, clerk.ID); err != nil || len(w) != 1 || w[0].Ended.IsZero() || w[0].Stated {
		t.Errorf("%+v, %v", w, err)
	}
	delete(o.reg.items, o.chief.ID)
	if got := o.flawsOf(review.People, way["postgres"]); len(got) != 2 || got[1] != review.FlawLeaver {
		t.Errorf("the way of a leaver: %v", got)
	}
	want(t, "in the future", o.EndWay(ctx, o.sec, way["postgres"], o.clock.Now().Add(time.Hour)), strongroom.Invalid, "when")
	o.must(o.EndWay(ctx, o.sec, way["postgres"], time.Time{}))
	if w, err := o.WaysOf(ctx, o.sec, o.chief.ID); err != nil || !w[0].Stated || w[0].Ended.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
	o.exec(func(tx *db.Tx) error { return run(tx.Exec(`update review_outside set ended_at = 0`)) })
	_, _, err = o.Ways(ctx, o.sec, review.WayQuery{Limit: 10})
	want(t, "an edited row", err, strongroom.Internal, "review-sealed")
}

// Nobody states the end of a way of their own, or gives it away to do so; an import does.
func TestNobodyEndsTheirOwnWay(t *testing.T) {
	o, ctx := enter(t), context.Background()
	robot := o.service(strongroom.NewID("usr"))
	o.reg.hands[robot] = o.chief.ID
	way := o.outside("root")
	for what, bound := range map[string]string{"themselves": o.chief.ID, "a service of their hand": robot} {
		o.must(o.Bind(ctx, o.chief, way, bound))
		want(t, what, o.EndWay(ctx, o.chief, way, time.Time{}), strongroom.Denied, "own")
		want(t, what+", given away", o.Bind(ctx, o.chief, way, o.sec.ID), strongroom.Denied, "own")
		if w := o.ways(); len(w) != 1 || !w[0].Ended.IsZero() {
			t.Fatalf("%s: %+v", what, w)
		}
	}
	// Planted: it is refused for whose it is alone.
	o.must(o.EndWay(ctx, o.sec, way, time.Time{}))
	way = o.outside("root")
	o.must(o.Bind(ctx, o.chief, way, o.chief.ID))
	n, err := o.Import(ctx, o.chief, database, []review.Listed{{Account: "jane"}}, true)
	if err != nil || n.Ended != 1 {
		t.Errorf("by an import: %+v, %v", n, err)
	}
}

// An import that ends all of a system, or most of many, is confirmed.
func TestImportThatEndsMuch(t *testing.T) {
	for name, x := range map[string]struct {
		there, stay int
		asks        bool
	}{
		"the only one": {1, 0, true}, "all of two": {2, 0, true}, "half of ten": {10, 5, false}, "more than half of nine": {9, 4, true},
		"four of five": {5, 1, false}, "few of many": {20, 15, false}, "none": {3, 3, false},
	} {
		o, ctx := enter(t), t.Context()
		var list []review.Listed
		for i := range x.there {
			list = append(list, review.Listed{Account: "user-" + strconv.Itoa(i)})
		}
		_, err := o.Import(ctx, o.chief, database, append(list, review.Listed{Account: "gone"}), false)
		o.must(err)
		_, err = o.Import(ctx, o.chief, database, list, false) // what has ended does not count
		o.must(err)
		n, err := o.Preview(ctx, o.chief, database, list[:x.stay])
		if err != nil || n.Sweeping != x.asks || n.Ended != x.there-x.stay {
			t.Errorf("%s: looked at: %+v, %v", name, n, err)
		}
		left := x.stay
		_, err = o.Import(ctx, o.chief, database, list[:x.stay], false)
		if x.asks {
			want(t, name, err, strongroom.Conflict, "confirm")
			left = x.there
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		live := func() (n int) {
			w, _, err := o.Ways(ctx, o.chief, review.WayQuery{Live: true, Limit: 100})
			o.must(err)
			return len(w)
		}
		if got := live(); got != left {
			t.Errorf("%s: %d of %d stay", name, got, left)
		}
		_, err = o.Import(ctx, o.chief, database, list[:x.stay], true)
		if o.must(err); live() != x.stay {
			t.Errorf("%s, confirmed: %d stay", name, live())
		}
	}
}

// Names of accounts outside rest sealed.
func TestNamesOutsideAreSealed(t *testing.T) {
	o := enter(t)
	o.outside("jane.doe")
	rows := 0
	o.must(o.db.Read(context.Background(), func(r *db.Reader) error {
		q, err := r.Query(`select sealed, mark from review_outside`)
		if err != nil {
			return err
		}
		for q.Next() {
			var a, b []byte
			if err := q.Scan(&a, &b); err != nil {
				return err
			}
			rows++
			if strings.Contains(string(a)+string(b), "jane") {
				t.Error("a name is readable in the database")
			}
		}
		return q.Close()
	}))
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
}

func TestCatalogue(t *testing.T) {
	o, ctx := enter(t), context.Background()
	list, ok, err := o.Catalogue(ctx, o.chief)
	o.must(err)
	pg := false
	o.must(o.db.Read(ctx, func(r *db.Reader) error { pg = r.Engine() == db.Postgres; return nil }))
	if ok != pg || pg && (len(list) == 0 || review.CheckListed(list) != nil) {
		t.Errorf("%v on an engine with roles %v: %d", ok, pg, len(list))
	}
}

func TestParseLists(t *testing.T) {
	o := strongroom.NewID("usr")
	for name, text := range map[string]string{
		"csv":  "\xef\xbb\xbfBound,account,note\n" + o + ",root,x\n,backup,\n",
		"json": `[{"account":"root","bound":"` + o + `","more":1},{"account":"backup"}]`,
	} {
		parse := review.ParseCSV
		if name == "json" {
			parse = review.ParseJSON
		}
		list, err := parse([]byte(text))
		if err != nil || len(list) != 2 || list[0].Bound != o || list[1].Account != "backup" {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	for _, bad := range []string{
		"", "name\nroot\n", "account\n\"\n", "account\nroot\nroot\n", "account,account\na,b\n", "account\n\x00\n",
		"account,bound\nroot,jane.doe@example.com\n", "account\n\xff\n", "account\na,b\n",
	} {
		_, err := review.ParseCSV([]byte(bad))
		want(t, "csv", err, strongroom.Invalid, "import")
		if err != nil && strings.Contains(err.Error(), "jane") {
			t.Error("a fault repeats the import")
		}
	}
	for _, bad := range []string{"", "null", "{}", `[{}]`, `[1]`, `[{"account":"a"},{"account":"a"}]`} {
		_, err := review.ParseJSON([]byte(bad))
		want(t, "json", err, strongroom.Invalid, "import")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("account,bound\nroot,\n"))
	f.Add([]byte(`[{"account":"root"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) ([]review.Listed, error){review.ParseCSV, review.ParseJSON} {
			if list, err := parse(text); err == nil && review.CheckListed(list) != nil {
				t.Error("what was parsed is not what may be imported")
			}
		}
		for _, shape := range []review.Shape{review.Okta, review.Entra, review.Generic} {
			_, _ = review.ParseProvider(shape, text)
		}
	})
}
