package apptest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"strongroom/internal/apptest"
	"strongroom/internal/db/dbtest"
)

// releaseVar names the binary of a release, releaseDirVar the folder to write.
const (
	releaseVar    = "STRONGROOM_RELEASE_BINARY"
	releaseDirVar = "STRONGROOM_RELEASE_DIR"
)

// making is an instance that a released binary serves while it gets a past.
type making struct {
	*testing.T
	*apptest.Instance
	past apptest.Release
}

// TestMakeRelease has the binary of a release make and fill an instance, and
// keeps what it leaves behind for [TestUpgradeFromEveryRelease]. scripts/release-fixture
// runs it, once a release; the suite does not.
func TestMakeRelease(t *testing.T) {
	binary := os.Getenv(releaseVar)
	if binary == "" {
		t.Skip(releaseVar + " names no binary: scripts/release-fixture does")
	}
	nobody := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer nobody.Close()
	i, stop := apptest.MakeRelease(t, binary, dbtest.Engine(t), nobody.URL)
	m := &making{T: t, Instance: i}
	var version struct{ Version string }
	out, err := exec.Command(binary, "version", "--json").Output()
	if err == nil {
		err = json.Unmarshal(out, &version)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.past.Version, m.past.APIKey, m.past.LogKey = version.Version, i.Made.APIKey, i.Made.LogKey

	list, asOf := apptest.Payloads(t)
	m.SetClock(time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC))
	for _, p := range list {
		if len(p.DeadAt(asOf)) > 0 && p.File != "order_jumpseller_v2_cancelled.json" {
			m.payload(p, asOf)
		}
	}
	m.SetClock(asOf)
	m.Sweep()
	for _, p := range list {
		if len(p.DeadAt(asOf)) == 0 && p.Store != "" {
			m.payload(p, asOf)
		}
	}
	m.shop(asOf)
	m.keys()
	m.waiting()
	m.SetClock(asOf.Add(time.Hour))
	m.past.At = asOf.Add(time.Hour + time.Minute)
	for n := range m.past.Records {
		r := &m.past.Records[n]
		a := m.Call(apptest.Request{Path: "/v1/stores/" + r.Store + "/records/" + r.ID})
		if want := map[bool]int{true: http.StatusOK, false: http.StatusGone}[r.State == "live"]; a.Status != want {
			t.Fatalf("a record that should be %s answers %d", r.State, a.Status)
		}
		if r.State == "live" {
			var read apptest.Record
			m.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + r.Store + "/records/" + r.ID}, &read)
			r.Tokenised = read.Record
		}
	}
	m.past.Checkpoint = string(m.Want(http.StatusOK, apptest.Request{Path: "/v1/audit/checkpoint"}, nil).Body)
	stop()
	m.Pack(filepath.Join(os.Getenv(releaseDirVar), m.past.Version), m.past)
}

// payload takes an example payload in and notes its records: those that will be
// dead at a time as expired.
func (m *making) payload(p apptest.Payload, at time.Time) {
	m.Helper()
	store := m.AddStore(p.Store, p.Platform)
	if a := m.Ingest(p.In(store), p.Body); a.Status != http.StatusOK {
		m.Fatalf("%s: %d %s", p.File, a.Status, a.Body)
	}
	objects := p.Objects(m.T)
	found, _ := m.Records(store)
	for _, r := range found {
		if o := objects[r.ExternalID]; o != nil {
			original, err := json.Marshal(o)
			if err != nil {
				m.Fatal(err)
			}
			email, _ := o["email"].(string)
			if r.Kind == "store" {
				email = "" // a shop is not found by its own address
			}
			state := "live"
			if slices.Contains(p.DeadAt(at), r.ExternalID) {
				state = "expired"
			}
			m.past.Records = append(m.past.Records, apptest.ReleaseRecord{Store: store, ID: r.ID, ExternalID: r.ExternalID, State: state, Original: original, Email: email})
		}
	}
}

// order takes an order of the test's own in and notes it.
func (m *making) order(store, state string, o apptest.Order, body []byte) string {
	m.Helper()
	a := m.Ingest(apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"}, body)
	if a.Status != http.StatusOK {
		m.Fatalf("ingest answered %d: %s", a.Status, a.Body)
	}
	id := m.ByExternalID(store, o.ID)
	m.past.Records = append(m.past.Records, apptest.ReleaseRecord{Store: store, ID: id, ExternalID: o.ID, State: state, Original: body, Email: o.Email})
	return id
}

// shop fills a store with everything that can happen to a record.
func (m *making) shop(at time.Time) {
	m.Helper()
	store := m.AddStore("Releases", "shopify")
	m.past.Store, m.past.Field = store, "loyaltyTier"
	order := func(n int) apptest.Order { return apptest.NewOrder(n, at.AddDate(0, 0, -9)) }

	o := order(1)
	m.order(store, "live", o, append([]byte(`{"loyaltyTier":"Xanthippine","giftFor":"Xanthippe",`), o.JSON()[1:]...))
	var known struct {
		Fields []struct{ ID, Name, Path string }
	}
	m.Want(http.StatusOK, apptest.Request{Path: "/v1/fields", Query: map[string][]string{"store": {store}, "names": {"true"}}}, &known)
	for _, f := range known.Fields {
		if f.Name == m.past.Field {
			var job struct{ Job string }
			m.Want(http.StatusOK, apptest.Request{Path: "/v1/fields/classify", Body: map[string]string{"store": store, "field": f.ID, "as": "clear"}}, &job)
			m.Await(job.Job)
		}
	}

	erase := func(id string) {
		m.Want(http.StatusOK, apptest.Request{Method: "POST", Path: "/v1/stores/" + store + "/records/" + id + "/erase"}, nil)
	}
	o = order(2)
	erase(m.order(store, "erased", o, o.JSON()))
	o = order(3)
	m.order(store, "live", o, o.JSON())
	m.Roll()
	o = order(4) // after the roll, so erased under an epoch that lives
	erase(m.order(store, "erased", o, o.JSON()))
	o = order(5) // dies within the last hour of this past
	o.Created, o.Delivered = at.AddDate(0, 0, -40), at.AddDate(0, 0, -30).Add(30*time.Minute)
	m.order(store, "expired", o, o.JSON())
	o = order(6)
	o.Delivered = at.AddDate(0, 0, -2)
	m.order(store, "live", o, o.JSON())

	gone := m.AddStore("Gone", "woocommerce")
	o = order(7)
	m.order(gone, "erased", o, o.JSON())
	var job struct{ Job string }
	m.Want(http.StatusAccepted, apptest.Request{Method: "DELETE", Path: "/v1/stores/" + gone}, &job)
	m.Await(job.Job)
}

// keys makes a service key and revokes it.
func (m *making) keys() {
	m.Helper()
	var key struct {
		ID     string
		Secret string `json:"api_key"`
	}
	m.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{"label": "leaver", "roles": []string{"application"}, "all_stores": true}}, &key)
	m.Want(http.StatusNoContent, apptest.Request{Method: "DELETE", Path: "/v1/keys/" + key.ID}, nil)
	m.past.RevokedKey = key.Secret
}

// waiting leaves a sync in the queue: EcartAPI does not answer.
func (m *making) waiting() {
	m.Helper()
	m.past.Token = "ecart-token-of-the-release"
	store := m.AddStore("Waiting", "shopify")
	m.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + store + "/credential", Body: map[string]string{"access_token": m.past.Token}}, nil)
	var job struct{ Job string }
	m.Want(http.StatusAccepted, apptest.Request{Method: "POST", Path: "/v1/stores/" + store + "/sync"}, &job)
	m.past.Job = job.Job
}
