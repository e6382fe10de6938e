package apptest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// TestObligation_3_1_5_LabelsComeBackSealed sends an order to a carrier whose answer is a
// label with the address on it: the application gets an id, a person opens the label once
// by a link of hers, and nothing of it lies anywhere in the clear.
func TestObligation_3_1_5_LabelsComeBackSealed(t *testing.T) {
	i := apptest.Start(t, apptest.Options{Cluster: apptest.NewCluster(t, false), Owner: app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail}})
	var heard []byte
	carrier := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard, _ = io.ReadAll(r.Body) // an empty one shows below
		label := append([]byte("%PDF-1.4\n"), heard...)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"tracking":"T-1","label":{"format":"PDF","data":"%s"}}`, base64.StdEncoding.EncodeToString(label))
	}))
	t.Cleanup(carrier.Close)
	store := i.AddStore("Larkspur Lane", "shopify")
	a := i.Ingest(apptest.In{Store: store, Resource: "orders", Version: "v2", Platform: "shopify"},
		[]byte(`{"order":{"id":"7001","createdAt":"`+time.Now().UTC().Format(time.RFC3339)+`","shippingAddress":{"firstName":"Anacleta","lastName":"Quilombola","address1":"Calle Zarzamora 12"}}}`))
	var in struct {
		Order struct{ ShippingAddress map[string]string }
	}
	must(t, json.Unmarshal(a.Body, &in))
	to := in.Order.ShippingAddress
	spec := `{"name":"labels","upstream":"` + carrier.URL + `","purpose":"fulfilment","budget":{"calls":10,"tokens":100},"calls":[
		{"method":"POST","path":"/label","body":"json","places":[{"in":"json","at":"/name","classes":["name"]},{"in":"json","at":"/street","classes":["address"]}],
		 "answer":{"as":"document","at":"/label/data","types":["application/pdf"],"shape":{"tracking":"code"}}}]}`
	var way struct{ ID string }
	i.Want(http.StatusCreated, apptest.Request{Path: "/v1/routes", Body: map[string]any{"route": json.RawMessage(spec)}}, &way)
	m := &mirrored{Instance: i}
	other := m.otherKey(t)
	i.Want(http.StatusOK, apptest.Request{Method: http.MethodPost, Path: "/v1/routes/" + way.ID + "/approve", Key: other}, nil)
	var made struct {
		Document, Record, Type string
		Answer                 struct{ Tracking string }
	}
	sent := i.Want(http.StatusOK, apptest.Request{Path: "/route/labels/label", Header: http.Header{"Strongroom-Reference": {"7001"}},
		Body: map[string]string{"name": to["firstName"], "street": to["address1"]}}, &made)
	if !bytes.Contains(heard, []byte("Calle Zarzamora 12")) {
		t.Fatalf("the carrier heard %s", heard)
	}
	if made.Type != "application/pdf" || made.Answer.Tracking != "T-1" || !strings.HasPrefix(made.Document, "doc_") {
		t.Errorf("the application got %s", sent.Body)
	}

	// A person opens it by a link of hers, under an elevation that another approved.
	p := person{Instance: i}
	_, link, _ := strings.Cut(i.Made.Link, "#")
	p.enrol(link)
	p.signIn()
	for _, topic := range []string{"data-protection", "it-security"} {
		p.want(http.StatusNoContent, "POST", "/v1/trainings", map[string]string{"topic": topic, "version": "2026-1"}, nil)
	}
	for _, pledge := range []string{"confidentiality", "acceptable-use"} {
		p.want(http.StatusNoContent, "POST", "/v1/pledges", map[string]string{"pledge": pledge, "version": "2026-1"}, nil)
	}
	linked := func() string {
		var l struct{ Code string }
		i.Want(http.StatusCreated, apptest.Request{Path: "/v1/documents/" + made.Document + "/links",
			Body: map[string]string{"person": i.Made.Owner, "purpose": "fulfilment", "reference": "7001"}}, &l)
		return l.Code
	}
	code := linked()
	open := map[string]string{"code": code}
	p.want(http.StatusForbidden, "POST", "/v1/documents/open", open, nil) // an owner ships nothing
	var asked struct{ ID string }
	p.want(http.StatusCreated, "POST", "/v1/requests", map[string]any{"kind": "elevation", "reason": "the printer jams",
		"right": map[string]any{"store": store, "purpose": "fulfilment", "reference": "7001", "duration_seconds": 1800}}, &asked)
	i.Want(http.StatusOK, apptest.Request{Method: http.MethodPost, Path: "/v1/requests/" + asked.ID + "/approve"}, nil)
	p.signIn()                                                                                // rights have changed
	i.Want(http.StatusNotFound, apptest.Request{Path: "/v1/documents/open", Body: open}, nil) // a key is nobody's hand
	var got struct{ Body []byte }
	p.want(http.StatusOK, "POST", "/v1/documents/open", open, &got)
	if !bytes.Contains(got.Body, []byte("Calle Zarzamora 12")) {
		t.Errorf("the label is %s", got.Body)
	}
	p.want(http.StatusForbidden, "POST", "/v1/documents/open", open, nil) // used up: no purpose is left that the elevation covers
	for action, n := range map[string]int{"document.keep": 1, "document.link": 1} {
		if c := countEvents(t, i, action, ""); c != n {
			t.Errorf("%d events of %s", c, action)
		}
	}

	scan := apptest.NewScanner([]string{"Anacleta", "Quilombola", "Calle Zarzamora 12", code})
	for _, h := range scan.Scan(append(i.Bytes(), apptest.Part{Name: "the application's answer", Bytes: sent.Body})...) {
		t.Errorf("leak: %v", h)
	}
	if len(scan.Scan(apptest.Part{Name: "planted", Bytes: got.Body})) == 0 {
		t.Error("the scan finds nothing")
	}

	// Erased, it opens for nobody, and a link to it is not made.
	code = linked()
	if a := i.Erase(store, made.Record); a.Status >= 300 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	p.want(http.StatusGone, "POST", "/v1/documents/open", map[string]string{"code": code}, nil)
	i.Sweep()
	var list struct{ Documents []any }
	i.Want(http.StatusOK, apptest.Request{Path: "/v1/stores/" + store + "/documents"}, &list)
	if len(list.Documents) != 0 {
		t.Errorf("%d documents are left", len(list.Documents))
	}
}
