package apptest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
	"strongroom/internal/sim"
)

// hooked is an instance that a shop posts to, and the application that is told.
type hooked struct {
	*testing.T
	*apptest.Instance
	sim    *sim.Sim
	shop   sim.StoreInfo
	store  string
	secret string
	lines  []byte // what went over the wire to the application

	mu   sync.Mutex
	subs map[string][2]string      // resource and action: path of the address, secret
	told map[string]map[string]int // body's order: webhook-id: times
}

// newHooked makes an instance that is not served yet.
func newHooked(t *testing.T, orders int) *hooked {
	h := &hooked{T: t, subs: map[string][2]string{}, told: map[string]map[string]int{}}
	h.sim = sim.New(sim.Options{Seed: 77, Now: start, Stores: sim.DefaultStores()[:1], Orders: orders, Dead: -1})
	h.shop = h.sim.Stores()[0]
	shop := httptest.NewServer(http.HandlerFunc(h.ecartapi))
	t.Cleanup(shop.Close)
	h.Instance = apptest.Make(t, apptest.Options{Cluster: apptest.NewCluster(t, false), Config: func(c *app.Config) { c.EcartAPI = shop.URL }})
	return h
}

// ecartapi stands before the shop and remembers what was subscribed to.
func (h *hooked) ecartapi(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/webhooks") {
		body, _ := io.ReadAll(r.Body)
		var b struct {
			Webhook struct{ Resource, Action, URL, Auth string }
		}
		if s := &b.Webhook; json.Unmarshal(body, &b) == nil {
			h.mu.Lock()
			h.subs[s.Resource+" "+s.Action] = [2]string{s.URL[strings.Index(s.URL, "/v1/"):], s.Auth}
			h.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	h.sim.Handler().ServeHTTP(w, r)
}

// application takes messages and checks who signed them.
func (h *hooked) application(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, body...)
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var order struct{ ID string }
	if json.Unmarshal(body, &order) == nil {
		if h.told[order.ID] == nil {
			h.told[order.ID] = map[string]int{}
		}
		h.told[order.ID][r.Header.Get("webhook-id")]++
	}
}

// connect connects the store, subscribes and names the application.
func (h *hooked) connect() {
	h.Helper()
	h.SetClock(start)
	h.store = h.AddStore(h.shop.Name, h.shop.Platform)
	path := "/v1/stores/" + h.store
	h.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: path + "/credential", Body: map[string]string{"access_token": h.shop.Token}}, nil)
	application := httptest.NewServer(http.HandlerFunc(h.application))
	h.Cleanup(application.Close)
	var added struct{ Secret string }
	h.Want(http.StatusCreated, apptest.Request{Method: "POST", Path: path + "/webhooks", Body: map[string]string{"url": application.URL + "/orders"}}, &added)
	h.secret = added.Secret
	var job struct{ Job string }
	h.Want(http.StatusAccepted, apptest.Request{Method: "POST", Path: path + "/subscriptions"}, &job)
	h.Await(job.Job)
}

// post delivers an order as the shop does and returns the status, 0 if the answer
// did not come.
func (h *hooked) post(order int, form sim.Form) int {
	h.mu.Lock()
	to := h.subs["orders create"]
	h.mu.Unlock()
	req, err := http.NewRequest(http.MethodPost, h.URL+to[0], bytes.NewReader(h.sim.Delivery(h.shop.Name, order, form)))
	if err != nil {
		h.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", to[1])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

// settle waits until nothing is under way.
func (h *hooked) settle() {
	h.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var l struct{ Waiting int64 }
		h.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + h.store + "/webhooks"}, &l)
		if l.Waiting == 0 {
			return
		}
		if time.Now().After(end) {
			h.Fatalf("%d deliveries and messages are still under way", l.Waiting)
		}
	}
}

// TestKilledBetweenAcceptAndProcess kills the instance while deliveries come in.
// None that was acknowledged is lost, and none is told as two.
func TestKilledBetweenAcceptAndProcess(t *testing.T) {
	const rounds, each = 3, 10
	h := newHooked(t, rounds*each)
	child := h.Spawn()
	h.connect()
	var acknowledged []int
	for round := range rounds {
		var mu sync.Mutex
		var wg sync.WaitGroup
		taken := make(chan struct{}, each)
		for k := range each {
			wg.Go(func() {
				n := round*each + k
				if h.post(n, sim.Root) == http.StatusAccepted {
					mu.Lock()
					acknowledged = append(acknowledged, n)
					mu.Unlock()
				}
				taken <- struct{}{}
			})
		}
		for range 1 + round*3 {
			<-taken
		}
		child.Kill()
		wg.Wait()
		child = h.Spawn()
		for k := range each { // who got no answer posts again, as does who got one and forgot
			if n := round*each + k; h.post(n, sim.Root) == http.StatusAccepted {
				acknowledged = append(acknowledged, n)
			}
		}
	}
	if len(acknowledged) < rounds*each {
		t.Fatalf("%d deliveries were acknowledged", len(acknowledged))
	}
	h.settle()
	list, _ := h.RecordsOf(h.store, "order")
	have := map[string]int{}
	for _, r := range list {
		have[r.ExternalID]++
	}
	h.mu.Lock()
	for _, n := range acknowledged {
		id := h.sim.Order(h.shop.Name, n).ID
		if have[id] != 1 {
			t.Errorf("order %d is there %d times", n, have[id])
		}
		if len(h.told[id]) != 1 {
			t.Errorf("order %d was told as %d messages", n, len(h.told[id]))
		}
	}
	h.mu.Unlock()
	child.Stop()
}

// TestObligation_3_1_5_WebhooksLeakNothing: no value of what was delivered lies on
// the disk or in a log, or goes to the application.
func TestObligation_3_1_5_WebhooksLeakNothing(t *testing.T) {
	h := newHooked(t, 12)
	h.Serve()
	h.connect()
	var values []string
	for n := range 12 {
		if got := h.post(n, sim.Form(n%3)); got != http.StatusAccepted {
			t.Fatalf("delivery %d: %d", n, got)
		}
		values = append(values, h.sim.PII(h.shop.Name, n)...)
	}
	h.settle()
	h.mu.Lock()
	defer h.mu.Unlock()
	values = append(values, h.secret, h.subs["orders create"][1], h.shop.Token)
	scanner := apptest.NewScanner(values)
	parts := append(h.Bytes(), apptest.Part{Name: "the wire to the application", Bytes: h.lines})
	for _, p := range parts {
		for _, hit := range scanner.Scan(p) {
			t.Errorf("found %v", hit)
		}
	}
	if len(h.told) == 0 || len(h.lines) == 0 {
		t.Error("the application was told nothing")
	}
	// The planted negative: a value that is put there is found.
	if len(scanner.Scan(apptest.Part{Name: "planted", Bytes: []byte("x " + values[0] + " y")})) == 0 {
		t.Errorf("the scanner does not find %q", values[0])
	}
}
