package apptest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
)

// upgrade is an instance of an older release that today's program took over.
type upgrade struct {
	*testing.T
	*apptest.Instance
	past apptest.Release
}

// TestUpgradeFromEveryRelease unpacks what each release left behind and goes on
// with it: nothing is lost, nothing that died comes back, the log goes on from
// its first event, and work goes on.
func TestUpgradeFromEveryRelease(t *testing.T) {
	engine := dbtest.Engine(t)
	found := apptest.Releases(t, engine)
	if len(found) == 0 {
		t.Fatal("there is no release to upgrade from")
	}
	for _, dir := range found {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			i, past := apptest.Unpack(t, dir, engine)
			u := &upgrade{T: t, Instance: i, past: past}
			u.Configure(func(c *app.Config) { c.EcartAPI = u.shop() })
			u.Serve()
			migrated := bytes.Count(u.Lines.Bytes(), []byte(`"msg":"migrated"`))
			t.Logf("%d migrations", migrated)
			u.keys()
			u.records()
			u.gone()
			u.synced()
			u.goesOn()
			u.log(migrated)
			u.silent()

			u.Restart()
			if again := bytes.Count(u.Lines.Bytes(), []byte(`"msg":"migrated"`)); again != migrated {
				t.Errorf("the second start migrates %d times more", again-migrated)
			}
			u.records()
			u.newer()
		})
	}
}

// keys checks that the old key opens the door, and the revoked one does not.
func (u *upgrade) keys() {
	u.Helper()
	u.Want(http.StatusOK, apptest.Request{Path: "/v1/stores"}, nil)
	u.Want(http.StatusUnauthorized, apptest.Request{Path: "/v1/stores", Key: u.past.RevokedKey}, nil)
	var key struct{ Key string }
	u.Want(http.StatusOK, apptest.Request{Path: "/v1/audit/key"}, &key)
	if key.Key != u.past.LogKey {
		u.Error("the log has another key")
	}
}

// records reads, opens and finds every record that lived, and opens its old tokens.
func (u *upgrade) records() {
	u.Helper()
	opened := 0
	for _, r := range u.past.Records {
		if r.State != "live" {
			continue
		}
		var read apptest.Record
		u.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + r.Store + "/records/" + r.ID}, &read)
		if !reflect.DeepEqual(apptest.Decode(u.T, read.Record), apptest.Decode(u.T, r.Tokenised)) {
			u.Errorf("%s reads otherwise than before: %s", r.ExternalID, read.Record)
		}
		if got := u.Reveal(r.Store, r.ID); !reflect.DeepEqual(apptest.Decode(u.T, got), apptest.Decode(u.T, r.Original)) {
			u.Errorf("%s does not come back as it was sent: %s", r.ExternalID, got)
		}
		if r.Email != "" && !u.finds(r) {
			u.Errorf("%s is not found by its e-mail", r.ExternalID)
		}
		opened += u.tokens(r)
	}
	if opened < 50 {
		u.Errorf("only %d tokens were given out before", opened)
	}
	one := u.past.Records[slices.IndexFunc(u.past.Records, func(r apptest.ReleaseRecord) bool { return bytes.Contains(r.Original, []byte(u.past.Field)) })]
	var open, closed map[string]any
	if err := json.Unmarshal(one.Tokenised, &closed); err != nil {
		u.Fatal(err)
	}
	if err := json.Unmarshal(one.Original, &open); err != nil {
		u.Fatal(err)
	}
	if closed[u.past.Field] != open[u.past.Field] || closed["email"] == open["email"] {
		u.Error("the record whose field was classified does not show that")
	}
}

func (u *upgrade) finds(r apptest.ReleaseRecord) bool {
	u.Helper()
	list, _ := u.Find(map[string]string{"email": strings.ToUpper(r.Email)})
	return slices.ContainsFunc(list, func(f apptest.Record) bool { return f.ID == r.ID })
}

// tokens opens tokens that were given out before the upgrade: each the value of
// its own place. It returns how many.
func (u *upgrade) tokens(r apptest.ReleaseRecord) int {
	u.Helper()
	var list []string
	want := map[string]any{}
	pair(apptest.Decode(u.T, r.Tokenised), apptest.Decode(u.T, r.Original), func(token string, value any) {
		list = append(list, token)
		want[token] = value
	})
	if len(list) == 0 { // an order without a person
		return 0
	}
	var out struct {
		Values []struct {
			Token, Error string
			Value        json.RawMessage
		}
	}
	u.Want(http.StatusOK, apptest.Request{Path: "/v1/reveal", Body: map[string]any{"purpose": "fulfilment", "reference": "LL-20933", "tokens": list}}, &out)
	for n, v := range out.Values {
		if v.Error != "" || !reflect.DeepEqual(apptest.Decode(u.T, v.Value), want[list[n]]) {
			u.Errorf("%s: an old token opens %s %s", r.ExternalID, v.Value, v.Error)
		}
	}
	return len(list)
}

// pair visits each token of a tokenised text with the value in its place.
func pair(tokenised, original any, visit func(string, any)) {
	switch a := tokenised.(type) {
	case map[string]any:
		o, _ := original.(map[string]any)
		for k, v := range a {
			if value, ok := o[k]; ok {
				pair(v, value, visit)
			}
		}
	case []any:
		o, _ := original.([]any)
		for n, v := range a {
			if n < len(o) {
				pair(v, o[n], visit)
			}
		}
	case string:
		if strings.HasPrefix(a, "srt_") {
			visit(a, original)
		}
	}
}

// gone checks that what was erased or had expired stays so, when it is sent
// again too.
func (u *upgrade) gone() {
	u.Helper()
	dead := map[string]int{}
	for _, r := range u.past.Records {
		if r.State == "live" {
			continue
		}
		dead[r.State]++
		if a := u.Call(apptest.Revealing(r.Store, r.ID)); a.Status != http.StatusGone {
			u.Errorf("a record that was %s answers %d", r.State, a.Status)
		}
		if r.Email != "" && u.finds(r) {
			u.Errorf("a record that was %s is found", r.State)
		}
		if r.State == "erased" && r.Store == u.past.Store {
			a := u.Ingest(apptest.In{Store: r.Store, Resource: "orders", Version: "v2", Platform: "shopify"}, r.Original)
			if a.Status != http.StatusOK || a.Header.Get("Strongroom-Dead") != "1" {
				u.Errorf("what was erased is sent again: %d, %s dead", a.Status, a.Header.Get("Strongroom-Dead"))
			}
		}
	}
	if dead["erased"] < 3 || dead["expired"] < 3 {
		u.Errorf("the release left only %v", dead)
	}
}

// shop is EcartAPI as the sync in the old queue meets it: one order.
func (u *upgrade) shop() string {
	o := apptest.NewOrder(40, u.past.At.AddDate(0, 0, -1))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+u.past.Token:
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, "/orders/count"):
			fmt.Fprint(w, `{"success":true,"count":1}`)
		case strings.HasSuffix(r.URL.Path, "/orders"):
			fmt.Fprintf(w, `{"success":true,"orders":[%s],"page":{"next":null}}`, o.JSON())
		default:
			fmt.Fprint(w, `{"success":true,"count":0,"fulfillments":[],"page":{"next":null}}`)
		}
	}))
	u.Cleanup(server.Close)
	return server.URL
}

// synced waits for the job that the release left waiting.
func (u *upgrade) synced() {
	u.Helper()
	u.Await(u.past.Job)
	if list, _ := u.Find(map[string]string{"email": apptest.NewOrder(40, time.Time{}).Email}); len(list) != 1 {
		u.Errorf("the sync that waited brought %d orders", len(list))
	}
}

// goesOn takes in, erases, rolls and sweeps.
func (u *upgrade) goesOn() {
	u.Helper()
	store := u.past.Store
	ids := []string{u.Take(store, apptest.NewOrder(50, u.past.At)), u.Take(store, apptest.NewOrder(51, u.past.At))}
	old := slices.IndexFunc(u.past.Records, func(r apptest.ReleaseRecord) bool { return r.State == "live" && r.ExternalID == "7000000003" })
	for _, id := range []string{ids[0], u.past.Records[old].ID} {
		if a := u.Erase(store, id); a.Status != http.StatusOK {
			u.Fatalf("erase: %d %s", a.Status, a.Body)
		}
	}
	u.past.Records[old].State = "erased"
	u.Roll()
	u.Sweep()
	for _, id := range []string{ids[0], u.past.Records[old].ID} {
		if a := u.Call(apptest.Revealing(store, id)); a.Status != http.StatusGone {
			u.Errorf("erased after the upgrade and answers %d", a.Status)
		}
	}
	if got := u.Reveal(store, ids[1]); !bytes.Equal(got, apptest.NewOrder(51, u.past.At).JSON()) {
		u.Errorf("taken in after the upgrade it opens as %s", got)
	}
}

// log verifies the log from its first event, against the key and a checkpoint of
// the release.
func (u *upgrade) log(migrated int) {
	u.Helper()
	export := u.Want(http.StatusOK, apptest.Request{Path: "/v1/audit/export"}, nil).Body
	report, err := audit.Verify(bytes.NewReader(export), u.past.LogKey, []byte(u.past.Checkpoint))
	if err != nil || report.Logs != 1 || len(report.Breaks) != 0 || report.Events == 0 {
		u.Errorf("the log does not go on: %+v, %v", report, err)
	}
	if n := bytes.Count(export, []byte("instance.migrate")); n != migrated {
		u.Errorf("%d migrations are in the log, want %d", n, migrated)
	}
	lines := bytes.SplitAfter(export, []byte("\n")) // the planted negative: an old event is missing
	cut := bytes.Join(slices.Delete(slices.Clone(lines), 3, 4), nil)
	if _, err := audit.Verify(bytes.NewReader(cut), u.past.LogKey, nil); err == nil {
		u.Error("a log without one of the old events verifies")
	}
}

// silent looks for the personal values of the orders of this test's series.
func (u *upgrade) silent() {
	u.Helper()
	var personal []string
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 40, 50, 51} {
		personal = append(personal, apptest.NewOrder(n, u.past.At).Personal()...)
	}
	parts := u.Bytes()
	s := apptest.NewScanner(append(personal, u.past.Token))
	for _, h := range s.Scan(parts...) {
		u.Errorf("leak: %v", h)
	}
	if len(s.Scan(apptest.Part{Name: "planted", Bytes: []byte(personal[0])})) == 0 {
		u.Error("a planted value is not found")
	}
}

// newer marks the database as one that a newer release has migrated: it is
// refused, and opens again without the mark.
func (u *upgrade) newer() {
	u.Helper()
	u.Stop()
	offline(u.T, u.Instance, func(tx *db.Tx) error {
		_, err := tx.Exec("insert into db_migration (package, number, name, hash, applied) values ('vault', 9000, 'later', 'none', 0)")
		return err
	})
	err := u.TryServe()
	if f, ok := errors.AsType[*strongroom.Fault](err); !ok || f.Code != "downgrade" || f.Hint == "" {
		u.Errorf("a database of a newer release: %v", err)
	}
	offline(u.T, u.Instance, func(tx *db.Tx) error {
		_, err := tx.Exec("delete from db_migration where number = 9000")
		return err
	})
	u.Serve()
	u.keys()
}

// TestMigrationsAreEvents compares the log of a new instance with the record of
// migrations in its database, which begins empty.
func TestMigrationsAreEvents(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false)})
	told := 0
	for _, e := range i.Events() {
		told += bytes.Count(e, []byte(`"instance.migrate"`))
	}
	i.Stop()
	offline(t, i, func(tx *db.Tx) error {
		var n int
		err := tx.QueryRow("select count(*) from db_migration").Scan(&n)
		if n == 0 || n != told {
			t.Errorf("%d migrations are in the log, %d in the database", told, n)
		}
		return err
	})
}
