package apptest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// TestObligation_3_1_1_DeathOnTheDay watches a delivered order die: it opens on
// its last day, not one moment later, is gone after the sweep, and does not come
// back with the next sync.
func TestObligation_3_1_1_DeathOnTheDay(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start, Cluster: apptest.NewCluster(t, false)})
	store := i.AddStore("Mortal", "shopify")
	o := apptest.NewOrder(1, start.AddDate(0, 0, -9))
	o.Delivered = start.AddDate(0, 0, -5)
	id := i.Take(store, o)
	open := apptest.NewOrder(2, start.AddDate(0, 0, -1))
	other := i.Take(store, open)
	i.Advance(25*24*time.Hour - time.Minute)
	if got := i.Reveal(store, id); string(got) != string(o.JSON()) { // the planted negative: it can open
		t.Errorf("on its last day it opens as %s", got)
	}
	i.Advance(2 * time.Minute)
	if a := i.Call(apptest.Revealing(store, id)); a.Status != http.StatusGone {
		t.Errorf("past its date it answers %d", a.Status)
	}
	if a := i.Call(apptest.Request{Path: "/v1/stores/" + store + "/records/" + id}); a.Status != http.StatusGone {
		t.Errorf("past its date a read answers %d", a.Status)
	}
	if list, _ := i.Find(map[string]string{"email": o.Email}); len(list) != 0 {
		t.Error("past its date it is found")
	}
	i.Sweep()
	if n := metric(t, i, "strongroom_overdue_records"); n != "0" {
		t.Errorf("%s records are overdue after a sweep", n)
	}
	o.Updated = o.Delivered.Add(time.Hour)
	for n, body := range [][]byte{o.JSON(), []byte(`{"orders":[` + string(o.JSON()) + `]}`)} {
		a := i.Ingest(apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}, body)
		if a.Status != http.StatusOK || a.Header.Get("Strongroom-Dead") != "1" {
			t.Errorf("sent again (%d): %d, %s dead", n, a.Status, a.Header.Get("Strongroom-Dead"))
		}
	}
	list, _ := i.Records(store)
	if len(list) != 1 || list[0].ID != other {
		t.Errorf("%d records are left", len(list))
	}
	i.Advance(60 * 24 * time.Hour)
	i.Sweep()
	if list, _ := i.Records(store); len(list) != 0 {
		t.Errorf("%d records outlive sixty days without news", len(list))
	}
	for _, h := range apptest.NewScanner(append(o.Personal(), open.Personal()...)).Scan(i.Bytes()...) {
		t.Errorf("leak: %v", h)
	}
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, i *apptest.Instance, name string) string {
	t.Helper()
	a := i.Want(http.StatusOK, apptest.Request{Path: "/metrics"}, nil)
	for line := range strings.Lines(string(a.Body)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return v
		}
	}
	t.Fatalf("no metric %s", name)
	return ""
}

// TestErasedStaysErased erases a shopper and sends her again by every way in.
func TestErasedStaysErased(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Erasing", "shopify")
	o := apptest.NewOrder(1, start.AddDate(0, 0, -9))
	customer := []byte(`{"id":"c` + o.ID + `","firstName":"` + o.Name + `","email":"` + o.Email + `","dates":{"createdAt":"2026-11-01T00:00:00.000Z"}}`)
	in := apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}
	people := in
	people.Resource = "customers"
	i.Take(store, o)
	if a := i.Ingest(people, customer); a.Header.Get("Strongroom-Stored") != "1" {
		t.Fatalf("customer: %d %s", a.Status, a.Body)
	}
	found, _ := i.Find(map[string]string{"email": o.Email})
	if len(found) != 2 { // the planted negative: she is there
		t.Fatalf("found %d", len(found))
	}
	for _, r := range found {
		if a := i.Erase(store, r.ID); a.Status != http.StatusOK {
			t.Fatalf("erase: %d %s", a.Status, a.Body)
		}
		if a := i.Call(apptest.Revealing(store, r.ID)); a.Status != http.StatusGone {
			t.Errorf("erased and answers %d", a.Status)
		}
	}
	i.Restart()
	i.Sweep()
	o.Updated = start
	for name, r := range map[string]apptest.Request{
		"order": in.Request(o.JSON()), "list": in.Request([]byte(`{"orders":[` + string(o.JSON()) + `]}`)),
		"webhook": in.Request([]byte(`{"resource":"orders","action":"update","order":` + string(o.JSON()) + `}`)), "customer": people.Request(customer),
	} {
		a := i.Call(r)
		if a.Status != http.StatusOK || a.Header.Get("Strongroom-Dead") != "1" {
			t.Errorf("%s: %d, %s dead", name, a.Status, a.Header.Get("Strongroom-Dead"))
		}
	}
	if found, _ := i.Find(map[string]string{"email": o.Email}); len(found) != 0 {
		t.Error("she came back")
	}
}

// TestBudgetsHold has 32 callers draw on one budget at once: not one record more
// than allowed is opened.
func TestBudgetsHold(t *testing.T) {
	const allowed, callers, each = 50, 32, 4
	i := apptest.Start(t, apptest.Options{At: start, Config: func(c *app.Config) { c.Budgets.RecordsPerHour = allowed }})
	store := i.AddStore("Budget", "shopify")
	id := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	var opened, refused, other atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				switch a := i.Call(apptest.Revealing(store, id)); a.Status {
				case http.StatusOK:
					opened.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	all.Wait()
	if opened.Load() != allowed || refused.Load() != callers*each-allowed || other.Load() != 0 {
		t.Errorf("%d opened, %d refused, %d else; want %d opened", opened.Load(), refused.Load(), other.Load(), allowed)
	}
	i.Advance(time.Hour)
	i.Reveal(store, id) // the next hour has a budget of its own
}

// TestClockBehind starts an instance whose clock stands before its newest event:
// reveals are refused when it is more than five minutes.
func TestClockBehind(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Late", "shopify")
	id := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	i.Reveal(store, id)
	for back, want := range map[time.Duration]int{4 * time.Minute: http.StatusOK, 6 * time.Minute: http.StatusServiceUnavailable} {
		i.Stop()
		keep := shift(t, i, -back)
		i.Serve()
		if a := i.Call(apptest.Revealing(store, id)); a.Status != want {
			t.Errorf("%v behind, a reveal answers %d, want %d: %s", back, a.Status, want, a.Body)
		}
		i.Stop()
		if err := os.WriteFile(filepath.Join(i.Dir, "clock.json"), keep, 0o600); err != nil {
			t.Fatal(err)
		}
		i.Serve()
	}
	i.Reveal(store, id)
	if a := i.Call(apptest.Request{Path: "/v1/clock", Body: map[string]any{"now": start.Add(-time.Hour)}}); a.Status != http.StatusConflict {
		t.Errorf("with a record there the clock went back: %d", a.Status)
	}
}

// TestClockBackUnderLoad sets the clock back while others are at work: what was
// under way bears the old time, and the log must not stay ahead of the clock.
func TestClockBackUnderLoad(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					i.Call(apptest.Request{Path: "/v1/stores"})
				}
			}
		})
	}
	for n := range 20 {
		i.SetClock(start.AddDate(0, 0, -n))
		if behind := metric(t, i, "strongroom_clock_behind_seconds"); behind != "0" {
			t.Errorf("the clock is %s s behind the log", behind)
		}
	}
	close(stop)
	all.Wait()
}

// shift moves the clock of a stopped instance in its file, as no command would,
// and returns what the file held.
func shift(t *testing.T, i *apptest.Instance, by time.Duration) []byte {
	t.Helper()
	path := filepath.Join(i.Dir, "clock.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]int64
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	c["offset_us"] += by.Microseconds()
	changed, _ := json.Marshal(c)
	if err := os.WriteFile(path, changed, 0o600); err != nil || bytes.Equal(text, changed) {
		t.Fatal(err)
	}
	return text
}
