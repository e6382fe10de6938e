package apptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/audit"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/sim"
)

// rounds is how often each crash test kills.
func rounds(t *testing.T) int {
	text := os.Getenv("STRONGROOM_KILL_ROUNDS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatal("STRONGROOM_KILL_ROUNDS must be a number of rounds")
	}
	return n
}

// world is the shops that a crashing instance pulls from: one a round.
func world(t *testing.T, n int) (*sim.Sim, string) {
	t.Helper()
	var stores []sim.StoreSpec
	platforms := []string{"shopify", "prestashop", "magento2", "bigcommerce", "liverpool"}
	for k := range n {
		stores = append(stores, sim.StoreSpec{Name: fmt.Sprintf("shop-%d.example.com", k), Platform: platforms[k%len(platforms)], Version: "v2", Orders: 150})
	}
	s := sim.New(sim.Options{Seed: 7, Now: start, Stores: stores, Dead: .3})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return s, server.URL
}

// crash is an instance in a process of its own that is killed again and again.
type crash struct {
	*testing.T
	*load
	sim    *sim.Sim
	all    []*told // of the rounds before
	child  *apptest.Child
	pg     *dbtest.Cluster
	events int
	cursor string           // full pages of the log before it are counted
	counts map[string]int64 // successes by action up to there
}

// TestCrash kills an instance under a mixed load at random points with kill -9,
// on PostgreSQL every other time the server of the database instead. Then nothing
// acknowledged is lost, nothing is there by half, the log verifies and knows of
// every act, and a sync goes on without loss or doubles.
func TestCrash(t *testing.T) {
	n := rounds(t)
	s, url := world(t, n)
	c := &crash{T: t, sim: s, counts: map[string]int64{}, pg: apptest.NewCluster(t, true)}
	i := apptest.Make(t, apptest.Options{Cluster: c.pg, Config: func(conf *app.Config) {
		conf.EcartAPI = url
		conf.Budgets = app.BudgetConfig{RecordsPerHour: 1 << 40, RecordsPerDay: 1 << 40, FieldsPerHour: 1 << 40, FieldsPerDay: 1 << 40}
	}})
	c.load = &load{Instance: i}
	c.child = i.Spawn()
	i.SetClock(start)
	c.store = i.AddStore("Crashing", "shopify")
	for round := range n {
		c.round(round)
		if c.wrong.Load() > 0 {
			t.Fatalf("round %d: %d wrong answers, the first: %s", round, c.wrong.Load(), c.first)
		}
	}
	if c.ingests.Load() < int64(n) || c.reveals.Load() < int64(n) || n >= 10 && c.erases.Load() == 0 {
		t.Errorf("too little work: %d ingests, %d reveals, %d erasures", c.ingests.Load(), c.reveals.Load(), c.erases.Load())
	}
	c.Roll() // whatever became of the rolls that were cut off
	if c.check(sample(c.all, 1000)); c.wrong.Load() > 0 {
		t.Fatalf("after the roll: %d wrong answers, the first: %s", c.wrong.Load(), c.first)
	}
	t.Logf("%d kills, %d ingests, %d reveals and %d erasures acknowledged", n, c.ingests.Load(), c.reveals.Load(), c.erases.Load())
	// The planted negative: the check misses what is not there, and sees what is
	// not as it was sent.
	lost := &told{n: 1 << 20, may: []int{0}}
	c.check([]*told{lost})
	if c.wrong.Load() != 1 {
		t.Error("the check does not notice a lost order")
	}
	c.child.Stop()
}

// sample picks some of the orders.
func sample(list []*told, n int) []*told {
	list = slices.Clone(list)
	rand.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	return list[:min(n, len(list))]
}

func (c *crash) round(round int) {
	c.Helper()
	shop := c.sim.Stores()[round]
	store := c.AddStore(shop.Name, shop.Platform)
	c.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: map[string]string{"access_token": shop.Token}}, nil)
	stop, ended := make(chan struct{}), make(chan []*told, 1)
	go func() { ended <- c.run(6, stop) }()
	time.Sleep(time.Duration(30+rand.IntN(120)) * time.Millisecond)
	// The answer may be cut off: the sync is asked for again anyway.
	c.call(apptest.Request{Method: "POST", Path: "/v1/stores/" + store + "/sync"})
	if round%3 == 0 {
		c.call(apptest.Request{Method: "POST", Path: "/v1/epoch/roll"})
	}
	time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
	if c.pg != nil && round%2 == 1 {
		c.killServer()
	} else {
		c.child.Kill()
		c.child = c.Spawn()
	}
	close(stop)
	orders := <-ended
	c.check(orders)
	c.check(sample(c.all, 30))
	c.all = append(c.all, orders...)
	c.syncAgain(store, shop)
	c.verify()
}

// killServer kills PostgreSQL under the running instance and brings it back. The
// instance recovers without a restart; until then it refuses.
func (c *crash) killServer() {
	c.Helper()
	if err := c.pg.Kill(); err != nil {
		c.Fatal(err)
	}
	if a, err := c.Do(apptest.Request{Path: "/readyz"}); err == nil && a.Status == http.StatusOK {
		c.Error("ready without a database")
	}
	if err := c.pg.Start(); err != nil {
		c.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a, err := c.Do(apptest.Request{Path: "/readyz"})
		if err == nil && a.Status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			c.Fatalf("the instance does not recover: %d %s %v\n%s", a.Status, a.Body, err, c.child.Log())
		}
	}
}

// syncAgain runs the sync to its end and compares what the store holds with what
// the shop has.
func (c *crash) syncAgain(store string, shop sim.StoreInfo) {
	c.Helper()
	var job struct{ Job string }
	c.Want(http.StatusAccepted, apptest.Request{Method: "POST", Path: "/v1/stores/" + store + "/sync"}, &job)
	c.Await(job.Job)
	var want, got []string
	for n := range shop.Orders {
		if o := c.sim.Order(shop.Name, n); !o.Dead {
			want = append(want, o.ID)
		}
	}
	list, _ := c.RecordsOf(store, "order")
	for _, r := range list {
		got = append(got, r.ExternalID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		c.fail("after the sync %s has %d orders, want %d", shop.Name, len(got), len(want))
	}
}

// verify checks the exported log with the public key alone and compares it with
// what was acknowledged.
func (c *crash) verify() {
	c.Helper()
	reveals, erases := c.reveals.Load(), c.erases.Load()
	a := c.Want(http.StatusOK, apptest.Request{Path: "/v1/audit/export"}, nil)
	report, err := audit.Verify(bytes.NewReader(a.Body), c.Made.LogKey, nil)
	if err != nil {
		c.fail("the log does not verify: %v", err)
		return
	}
	if len(report.Breaks) > 0 || int(report.Events) <= c.events {
		c.fail("the log has %d breaks, and %d events after %d", len(report.Breaks), report.Events, c.events)
	}
	c.events = int(report.Events)
	counts := c.successes()
	if counts["record.reveal"] < reveals || counts["record.erase"] < erases {
		c.fail("the log knows %d reveals and %d erasures, acknowledged were %d and %d", counts["record.reveal"], counts["record.erase"], reveals, erases)
	}
}

// successes counts the acts that the log says were done. Only the last page is
// read twice.
func (c *crash) successes() map[string]int64 {
	list, next := c.EventsAfter(c.cursor)
	counts := maps.Clone(c.counts)
	for n, e := range list {
		if n == len(list)-len(list)%1000 && next != c.cursor {
			c.counts, c.cursor = maps.Clone(counts), next
		}
		var o struct {
			API struct {
				Operation string `json:"operation"`
			} `json:"api"`
			Status string `json:"status"`
		}
		if json.Unmarshal(e, &o) == nil && o.Status == "Success" {
			counts[o.API.Operation]++
		}
	}
	return counts
}
