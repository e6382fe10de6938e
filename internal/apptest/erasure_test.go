package apptest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/apptest"
)

// erasureSample is an erasure message of the example payloads.
type erasureSample struct {
	File      string            `json:"file"`
	Platform  string            `json:"platform"`
	Headers   map[string]string `json:"headers"`
	Secret    string            `json:"test_secret"`
	PublicKey string            `json:"public_key"`
	Targets   []string          `json:"targets"`
	DeleteBy  string            `json:"delete_by"`
	GoneBy    string            `json:"no_live_instance_by"`
	PII       []string          `json:"pii"`
	Derived   []string          `json:"derived"`
	Linkable  []string          `json:"linkable"`
	Challenge struct {
		Code     string `json:"challenge_code"`
		Token    string `json:"verification_token"`
		Endpoint string `json:"endpoint"`
		Response string `json:"challenge_response"`
	} `json:"challenge"`
	body []byte
}

func erasureSamples(t *testing.T) (list []erasureSample) {
	dir := filepath.Join("..", "..", "testdata", "ecartapi")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Erasure []erasureSample }
	if err := json.Unmarshal(text, &m); err != nil || len(m.Erasure) != 7 {
		t.Fatalf("%d samples, %v", len(m.Erasure), err)
	}
	for _, s := range m.Erasure {
		if s.body, err = os.ReadFile(filepath.Join(dir, s.File)); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// request is the signal as its platform sends it, or as a known caller hands in a
// notice, which nobody signs.
func (s *erasureSample) request() apptest.Request {
	r := apptest.Request{Path: "/v1/erasure-signals/" + s.Platform, Body: s.body, Key: "none", Header: http.Header{}}
	for k, v := range s.Headers {
		r.Header.Set(k, v)
	}
	if len(s.Headers) == 0 {
		r.Key = ""
		if strings.HasSuffix(s.File, ".txt") {
			r.Type = "text/plain"
		}
	}
	return r
}

type erasure struct {
	ID, Kind, State, Case string
	Waits, Stores         []string
	Received              time.Time `json:"received_at"`
	DeleteBy              time.Time `json:"delete_by"`
	GoneBy                time.Time `json:"no_live_instance_by"`
	Records               int64
	Proof                 int64
	Certificate           bool `json:"certificate_requested"`
	Overdue               bool
	CopiesDead            bool `json:"copies_unreadable"`
}

// senders registers the senders of all samples.
func senders(i *apptest.Instance, list []erasureSample) {
	for _, s := range list {
		if s.Secret == "" && s.PublicKey == "" {
			continue
		}
		in := map[string]string{"kind": s.Platform, "name": "our-app", "secret": s.Secret}
		if s.PublicKey != "" {
			in["secret"], in["endpoint"], in["public_key"] = s.Challenge.Token, s.Challenge.Endpoint, s.PublicKey
		}
		i.Want(http.StatusOK, apptest.Request{Method: "PUT", Path: "/v1/signal-senders", Body: in}, nil)
	}
}

// settled waits until a request is done.
func settled(t *testing.T, i *apptest.Instance, id string) (e erasure) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures/" + id}, &e)
		if e.State != "erasing" {
			return e
		}
	}
	t.Fatalf("request %s is not done", id)
	return e
}

// TestObligation_2_7_1_EverySignal: each signal of the samples, as it comes, erases
// what it is about and nothing else; nothing of it is opened or comes back by a sync.
func TestObligation_2_7_1_EverySignal(t *testing.T) {
	payloads, asOf := apptest.Payloads(t)
	i := apptest.Start(t, apptest.Options{At: asOf})
	samples := erasureSamples(t)
	senders(i, samples)
	for _, s := range samples {
		t.Run(filepath.Base(s.File), func(t *testing.T) {
			const domain = "nopalito-norte.example.com"
			store, other := i.AddStore(domain, "shopify"), i.AddStore("Another Shop", "shopify")
			tiendanube := i.AddStore("Una tienda", "tiendanube")
			i.Want(http.StatusNoContent, apptest.Request{Method: "PUT", Path: "/v1/stores/" + tiendanube + "/shop", Body: map[string]string{"kind": "tiendanube", "id": "7719613"}}, nil)
			ours := map[string][]string{} // record id -> what the manifest calls it
			for _, p := range payloads {
				if p.Store != domain {
					continue
				}
				for _, st := range []string{store, other} {
					i.Ingest(p.In(st), p.Body)
				}
			}
			list, _ := i.Records(store)
			for _, r := range list {
				for _, p := range payloads {
					if p.Store == domain && slices.Contains(p.RecordIDs, r.ExternalID) {
						ours[r.ID] = append(ours[r.ID], p.File+"#"+r.ExternalID)
					}
				}
			}
			if len(ours) != 8 {
				t.Fatalf("%d records", len(ours))
			}
			meant := func(id string) bool {
				return slices.ContainsFunc(ours[id], func(name string) bool {
					file, _, _ := strings.Cut(name, "#")
					return slices.Contains(s.Targets, name) || slices.Contains(s.Targets, file+"#*")
				})
			}
			doomed := func(id string) bool { return !strings.Contains(s.File, "data_request") && meant(id) }
			before, _ := i.Records(other)

			var taken struct {
				ID, Kind, State string
				Again           bool
			}
			i.Want(http.StatusOK, s.request(), &taken)
			e := settled(t, i, taken.ID)
			whole := false
			switch {
			case strings.Contains(s.File, "data_request"):
				if e.Kind != "access" || e.State != "answering" || e.Case == "" || e.Records != 0 {
					t.Errorf("%+v", e)
				}
				var m struct{ Records []string }
				i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures/" + e.ID + "/records"}, &m)
				if len(m.Records) == 0 {
					t.Error("the case finds no record")
				}
				for _, id := range m.Records {
					if !meant(id) {
						t.Errorf("the case finds %v", ours[id])
					}
				}
				reveal := apptest.Revealing(store, m.Records[0])
				reveal.Body = map[string]string{"purpose": "subject_request", "reference": e.Case}
				i.Want(http.StatusOK, reveal, nil)
			case e.Kind != "erasure" || e.State != "erased":
				t.Errorf("%+v", e)
			default:
				whole = strings.Contains(s.File, ".txt") || strings.Contains(s.File, "shop_redact")
			}
			if s.DeleteBy != "" && (e.DeleteBy.Format(time.DateOnly) != s.DeleteBy || e.GoneBy.Format(time.DateOnly) != s.GoneBy) {
				t.Errorf("dates %v and %v", e.DeleteBy, e.GoneBy)
			}
			died := int64(0)
			for id, names := range ours {
				a := i.Call(apptest.Revealing(store, id))
				switch {
				case doomed(id):
					died++
					if a.Status != http.StatusGone {
						t.Errorf("%v opens after the erasure: %d %s", names, a.Status, a.Body)
					}
				case a.Status != http.StatusOK:
					t.Errorf("%v died: %d %s", names, a.Status, a.Body)
				}
			}
			if died != e.Records || s.Platform == "shopify" && !strings.Contains(s.File, "data_request") && died == 0 {
				t.Errorf("%d died, the request says %d", died, e.Records)
			}
			if after, _ := i.Records(other); len(after) != len(before) {
				t.Errorf("another store has %d records, had %d", len(after), len(before))
			}
			for _, p := range payloads { // nothing comes back
				if p.Store != domain {
					continue
				}
				if a := i.Call(p.In(store).Request(p.Body)); whole && a.Status != http.StatusGone || !whole && a.Status != http.StatusOK {
					t.Errorf("a later sync is answered %d: %s", a.Status, a.Body)
				}
			}
			for id := range ours {
				if doomed(id) {
					if a := i.Call(apptest.Revealing(store, id)); a.Status != http.StatusGone {
						t.Errorf("%v came back: %d", ours[id], a.Status)
					}
				}
			}
			if !whole {
				for _, list := range s.Targets {
					file, id, _ := strings.Cut(list, "#")
					if found, _ := i.Find(map[string]string{"store": store, "external_id": id}); id != "*" && len(found) > 0 && !strings.Contains(s.File, "data_request") {
						t.Errorf("%s of %s is found again", id, file)
					}
				}
			}
			var again struct {
				ID    string
				Again bool
			}
			i.Want(http.StatusOK, s.request(), &again)
			if !again.Again || again.ID != taken.ID {
				t.Errorf("the same signal opened another request: %+v", again)
			}
			// The next sample has the shop for itself.
			for _, st := range []string{store, other, tiendanube} {
				if !whole || st != store {
					i.Call(apptest.Request{Method: "DELETE", Path: "/v1/stores/" + st})
				}
			}
		})
	}
	// Whom the signals were about stands nowhere.
	var secrets []string
	for _, s := range samples {
		secrets = append(secrets, slices.Concat(s.PII, s.Derived, s.Linkable)...)
		if s.Secret != "" {
			secrets = append(secrets, s.Secret)
		}
	}
	secrets = append(secrets, samples[5].Challenge.Token)
	look := func(text []byte, where string) {
		for _, v := range secrets {
			if bytes.Contains(text, []byte(v)) {
				t.Errorf("%s holds a value of a signal", where)
			}
		}
	}
	look(i.Lines.Bytes(), "the operational log")
	for _, p := range i.Bytes() {
		look(p.Bytes, p.Name)
	}
	look(i.Call(apptest.Request{Path: "/v1/erasures"}).Body, "the list of requests")
	planted := false
	for _, s := range samples {
		planted = planted || bytes.Contains(s.body, []byte(secrets[3]))
	}
	if !planted {
		t.Error("the check knows no value of a signal")
	}
	if got := metric(t, i, "strongroom_erasures_overdue"); got != "0" {
		t.Errorf("overdue: %s", got)
	}
}

// TestSignalsRefused: what is forged, replayed, of another kind or malformed is refused
// with its status, erases nothing, and is an event.
func TestSignalsRefused(t *testing.T) {
	_, asOf := apptest.Payloads(t)
	i := apptest.Start(t, apptest.Options{At: asOf})
	samples := erasureSamples(t)
	senders(i, samples)
	store := i.AddStore("nopalito-norte.example.com", "shopify")
	at := func(file string) erasureSample {
		return samples[slices.IndexFunc(samples, func(s erasureSample) bool { return strings.HasSuffix(s.File, file) })]
	}
	redact := at("customers_redact.json")
	with := func(change func(r *apptest.Request)) apptest.Request {
		r := redact.request()
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		status int
		code   string
		r      apptest.Request
	}{
		"forged body":      {401, "signal-signature", with(func(r *apptest.Request) { r.Body = append(bytes.Clone(redact.body), '\n') })},
		"forged signature": {401, "signal-signature", with(func(r *apptest.Request) { r.Header.Set("X-Shopify-Hmac-Sha256", "AAAA") })},
		"no signature":     {401, "signal-signature", with(func(r *apptest.Request) { r.Header.Del("X-Shopify-Hmac-Sha256") })},
		"unknown key":      {401, "unauthenticated", with(func(r *apptest.Request) { r.Key = "sr_test_0000000000000000000000000000000000" })},
		"another platform": {401, "signal-signature", with(func(r *apptest.Request) { r.Path = "/v1/erasure-signals/tiendanube" })},
		"another topic":    {400, "signal-topic", with(func(r *apptest.Request) { r.Path = "/v1/erasure-signals/shopify-shop-redact" })},
		"no such kind":     {404, "signal-kind", with(func(r *apptest.Request) { r.Path = "/v1/erasure-signals/amazon" })},
		"too large":        {413, "size", with(func(r *apptest.Request) { r.Body = bytes.Repeat([]byte(" "), 300<<10) })},
		"notice unsigned": {401, "signal-signature", func() apptest.Request {
			s := at("notice.json")
			r := s.request()
			r.Key = "none"
			return r
		}()},
		"malformed by a known caller": {400, "signal-malformed", apptest.Request{Path: "/v1/erasure-signals/ecartapi", Body: "{}"}},
		"no challenge":                {404, "signal-kind", apptest.Request{Path: "/v1/erasure-signals/shopify", Query: url.Values{"challenge_code": {"x"}}, Key: "none"}},
	} {
		a := i.Call(c.r)
		var p struct{ Code string }
		if err := json.Unmarshal(a.Body, &p); err != nil || a.Status != c.status || c.code != "unauthenticated" && p.Code != c.code {
			t.Errorf("%s is answered %d %s, want %d %s", name, a.Status, a.Body, c.status, c.code)
		}
	}
	var page struct{ Erasures []erasure }
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures"}, &page)
	if len(page.Erasures) != 0 {
		t.Fatalf("a refused signal opened %+v", page.Erasures)
	}
	// Replayed: thanked for while the platform may try again, refused later, and left to
	// a person once the shop is another store.
	shop := at("shop_redact.json")
	var taken struct{ ID string }
	i.Want(http.StatusOK, shop.request(), &taken)
	settled(t, i, taken.ID)
	i.Want(http.StatusOK, shop.request(), nil)
	i.SetClock(asOf.Add(49 * time.Hour))
	i.Want(http.StatusConflict, shop.request(), nil)
	again := i.AddStore("nopalito-norte.example.com", "shopify")
	i.Want(http.StatusOK, shop.request(), &taken)
	if e := settled(t, i, taken.ID); e.State != "waiting" || !slices.Equal(e.Waits, []string{"repeated"}) || !slices.Equal(e.Stores, []string{again}) || again == store {
		t.Errorf("a replay for a new store: %+v", e)
	}
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures/" + taken.ID + "/dismiss", Body: map[string]string{"reason": "mistaken"}}, nil)
	// A shop nobody knows waits, visibly, until somebody says which store it is.
	tn := at("tiendanube_store_redact.json")
	i.Want(http.StatusOK, tn.request(), &taken)
	if e := settled(t, i, taken.ID); e.State != "waiting" || !slices.Equal(e.Waits, []string{"shop"}) {
		t.Errorf("%+v", e)
	}
	if got := metric(t, i, "strongroom_erasures_waiting"); got != "1" {
		t.Errorf("waiting: %s", got)
	}
	mine := i.AddStore("Una tienda", "tiendanube")
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasures/" + taken.ID + "/assign", Body: map[string]string{"store": mine}}, nil)
	if e := settled(t, i, taken.ID); e.State != "erased" {
		t.Errorf("%+v", e)
	}
	i.Advance(30 * 24 * time.Hour)
	// eBay's question.
	ebay := at("ebay_account_deletion.json")
	var answer struct{ ChallengeResponse string }
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/erasure-signals/ebay", Query: url.Values{"challenge_code": {ebay.Challenge.Code}}, Key: "none"}, &answer)
	if answer.ChallengeResponse != ebay.Challenge.Response {
		t.Error("eBay's challenge is answered wrongly")
	}
	// Each refusal is in the log: of the sender that proved itself as its own event, of
	// nobody known as a count.
	counted, own := 0, 0
	for end := time.Now().Add(time.Minute); counted == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		counted, own = 0, 0
		for _, e := range i.Events() {
			switch {
			case bytes.Contains(e, []byte(`"unknown-caller"`)):
				counted++
			case bytes.Contains(e, []byte("signal.receive")) && (bytes.Contains(e, []byte("signal-topic")) || bytes.Contains(e, []byte("signal-malformed")) || bytes.Contains(e, []byte("signal-replayed"))):
				own++
			}
		}
	}
	if counted == 0 || own != 3 {
		t.Errorf("%d counted, %d own events", counted, own)
	}
}
