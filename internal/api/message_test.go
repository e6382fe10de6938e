package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/authz"
	"strongroom/internal/jwe"
)

// sealing is a caller with a key of its own, who seals what it sends.
type sealing struct {
	*fixture
	key  string
	own  jwe.PrivateKey
	to   jwe.PublicKey // of the instance
	last []byte        // what went over the wire, both ways
}

// callSealed sends a body sealed, asks for a sealed answer and opens it.
func (s *sealing) callSealed(method, path, body, id string) (status int, text []byte) {
	s.t.Helper()
	sent := ""
	if body != "" {
		var err error
		sent, err = s.to.Seal([]byte(body), "application/json", id, time.Now())
		s.must(err)
	}
	return s.raw(method, path, sent, jwe.Type, jwe.Type)
}

func (s *sealing) raw(method, path, body, kind, accept string) (status int, text []byte) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := http.DefaultClient.Do(req)
	s.must(err)
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	s.must(err)
	s.last = append([]byte(body+"\n"), text...)
	if res.Header.Get("Content-Type") == jwe.Type {
		text, err = s.own.Open(text)
		s.must(err)
	}
	return res.StatusCode, text
}

func newSealing(t *testing.T, change func(*api.Options)) *sealing {
	t.Helper()
	s := &sealing{fixture: serve(t, change)}
	var err error
	s.own, err = jwe.NewPrivate()
	s.must(err)
	s.key = s.newKey(authz.Application)
	who, err := s.identity.Authenticate(t.Context(), s.key, netip.MustParseAddr("127.0.0.1"))
	s.must(err)
	maker := strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "command"}
	_, err = s.messages.Add(t.Context(), maker, who.ID, s.own.Public().JWK(), time.Time{})
	s.must(err)
	if made, err := s.messages.Tend(t.Context()); err != nil || !made {
		t.Fatalf("no key of the instance: %v", err)
	}
	var set struct{ Keys []json.RawMessage }
	res, err := http.Get(s.base + "/.well-known/jwks.json")
	s.must(err)
	defer res.Body.Close()
	s.must(json.NewDecoder(res.Body).Decode(&set))
	if len(set.Keys) != 1 {
		t.Fatalf("%d: %d keys are published", res.StatusCode, len(set.Keys))
	}
	s.to, err = jwe.ParsePublic(set.Keys[0])
	s.must(err)
	return s
}

const sealedOrder = `{"order":{"id":"9001","createdAt":"%s","email":"anacleta@correo.example","shippingAddress":{"firstName":"Anacleta"}}}`

// TestObligation_2_5_4_SealedBothWays: an order goes in and is revealed while somebody in
// the middle sees neither. Beside it stands the same in the clear, where he does.
func TestObligation_2_5_4_SealedBothWays(t *testing.T) {
	s := newSealing(t, nil)
	store, _ := s.store()
	order := fmt.Sprintf(sealedOrder, time.Now().UTC().Format(time.RFC3339))
	path := "/v1/stores/" + store + "/ingest?resource=orders&version=v2"
	status, text := s.callSealed("POST", path, order, "m1")
	if status >= 300 {
		t.Fatalf("%d %s", status, text)
	}
	if bytes.Contains(s.last, []byte("nacleta")) {
		t.Error("the one in the middle reads what goes in")
	}
	status, text = s.callSealed("POST", "/v1/find", `{"email":"anacleta@correo.example"}`, "m2")
	var found struct{ Records []struct{ ID string } }
	if err := json.Unmarshal(text, &found); status != 200 || err != nil || len(found.Records) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	reveal := "/v1/stores/" + store + "/records/" + found.Records[0].ID + "/reveal"
	const why = `{"purpose":"fulfilment","reference":"9001"}`
	status, text = s.callSealed("POST", reveal, why, "m3")
	if status != 200 || !bytes.Contains(text, []byte("Anacleta")) || bytes.Contains(s.last, []byte("nacleta")) {
		t.Errorf("%d %s", status, text)
	}
	// The planted negative.
	if status, _ := s.raw("POST", reveal, why, "application/json", ""); status != 200 || !bytes.Contains(s.last, []byte("Anacleta")) {
		t.Errorf("in the clear: %d %s", status, s.last)
	}

	sealed := func(body, id string, at time.Time) string {
		m, err := s.to.Seal([]byte(body), "application/json", id, at)
		s.must(err)
		return m
	}
	stranger, err := jwe.NewPrivate()
	s.must(err)
	foreign, err := stranger.Public().Seal([]byte(why), "application/json", "m9", time.Now())
	s.must(err)
	again := sealed(why, "m4", time.Now())
	if status, text := s.raw("POST", reveal, again, jwe.Type, ""); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for name, c := range map[string]struct {
		body string
		code string
	}{
		"a second time":  {again, "message-replayed"},
		"its id again":   {sealed(`{"purpose":"tax","reference":"9001"}`, "m4", time.Now()), "message-replayed"},
		"late":           {sealed(why, "m5", time.Now().Add(-6*time.Minute)), "message-time"},
		"early":          {sealed(why, "m6", time.Now().Add(6*time.Minute)), "message-time"},
		"without an id":  {sealed(why, "", time.Time{}), "message-time"},
		"to another key": {foreign, "message-key"},
		"in the clear":   {why, "message"},
		"cut":            {again[:len(again)-4], "message"},
		"another thing":  {sealed(`nothing`, "m7", time.Now()), ""},
	} {
		status, text := s.raw("POST", reveal, c.body, jwe.Type, "")
		if status < 400 || status >= 500 || c.code != "" && !bytes.Contains(text, []byte(`"code":"`+c.code+`"`)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	// Who has no key registered is told so before anything is done.
	n := s.size()
	s.key = s.newKey(authz.Application)
	if status, text := s.raw("POST", reveal, why, "application/json", jwe.Type); status != 400 || !bytes.Contains(text, []byte("no-message-key")) {
		t.Errorf("%d %s", status, text)
	}
	for _, e := range s.since(n) {
		if e.Action.Name == "record.reveal" && e.Outcome == 1 {
			t.Error("it was revealed all the same")
		}
	}
}

// TestObligation_2_5_4_NothingElseIsTaken: where TLS ends at somebody who is not trusted,
// a call in the clear is refused before anything is done, and is an event.
func TestObligation_2_5_4_NothingElseIsTaken(t *testing.T) {
	s := newSealing(t, func(o *api.Options) { o.Untrusted = true })
	const find = `{"email":"anacleta@correo.example"}`
	for name, c := range map[string]struct{ method, path, body, kind, accept string }{
		"all in the clear":    {"POST", "/v1/find", find, "application/json", ""},
		"the body":            {"POST", "/v1/find", find, "application/json", jwe.Type},
		"the answer":          {"GET", "/v1/stores", "", "", ""},
		"lines":               {"POST", "/v1/stores/" + strongroom.NewID("str") + "/ingest?resource=orders&version=v2", "{}\n", "application/x-ndjson", ""},
		"a route out":         {"POST", "/route/labels/x", "{}", "application/json", ""},
		"a write of a mirror": {"POST", "/ecartapi/" + strongroom.NewID("str") + "/api/v2/orders", "{}", "application/json", ""},
	} {
		n := s.size()
		status, text := s.raw(c.method, c.path, c.body, c.kind, c.accept)
		if status != 403 && status != 404 || status == 403 && !bytes.Contains(text, []byte(api.CodeUntrusted)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
		if status == 403 && len(s.since(n)) == 0 {
			t.Errorf("%s: no event", name)
		}
	}
	if status, _ := s.raw("POST", "/v1/session/begin", `{"email":"a@b.example"}`, "application/json", ""); status != 403 {
		t.Errorf("a sign-in in the clear: %d", status)
	}
	if status, text := s.callSealed("POST", "/v1/find", find, "u1"); status != 200 { // the planted negative
		t.Errorf("sealed: %d %s", status, text)
	}
	if status, text := s.raw("GET", "/healthz", "", "", ""); status != 200 {
		t.Errorf("a probe: %d %s", status, text)
	}
}
