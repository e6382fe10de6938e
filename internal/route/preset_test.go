package route_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/route"
)

// putPreset puts a preset in force, at a fake of its service.
func (h *house) putPreset(name, credential string, fake http.HandlerFunc) {
	h.t.Helper()
	p, err := route.PresetOf(name)
	if err != nil {
		h.t.Fatal(err)
	}
	var there struct{ Upstream string }
	if err := yaml.Unmarshal([]byte(p.Text), &there); err != nil || !strings.HasPrefix(there.Upstream, "https://") {
		h.t.Fatalf("%s leads to %q, %v", name, there.Upstream, err)
	}
	spec, err := yaml.YAMLToJSON([]byte(strings.Replace(p.Text, there.Upstream, h.carrier.URL, 1)))
	if err != nil {
		h.t.Fatal(err)
	}
	h.put(string(spec), credential)
	h.reply = func(w http.ResponseWriter, r *http.Request, body string) {
		r.Body = io.NopCloser(strings.NewReader(body))
		fake(w, r)
	}
}

// service is what the fakes of public protocols have in common.
type service struct {
	t      *testing.T
	method string
	auth   string
	// refuse answers a call that is not authorised, limited or wrong.
	refuse func(w http.ResponseWriter, status int, field string)
}

// busy is a field's value by which a test has the service say that it has enough.
const busy = "429 please"

// take reads the JSON of a call as the service's protocol has it; nil if it was refused.
func (s service) take(w http.ResponseWriter, r *http.Request) map[string]any {
	if r.Method != s.method || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("the service heard %s of %s", r.Method, r.Header.Get("Content-Type"))
	}
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.refuse(w, http.StatusBadRequest, "body")
		return nil
	}
	if r.Header.Get("Authorization") != s.auth {
		s.refuse(w, http.StatusUnauthorized, "authorization")
		return nil
	}
	if strings.Contains(fmt.Sprint(in), busy) {
		w.Header().Set("Retry-After", "7")
		s.refuse(w, http.StatusTooManyRequests, "rate")
		return nil
	}
	return in
}

// missing returns the first of the fields that in does not have.
func missing(in map[string]any, fields ...string) string {
	for _, f := range fields {
		if v, ok := in[f]; !ok || v == "" {
			return f
		}
	}
	return ""
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the test sees what is missing
}

type object = map[string]any

// easypost answers as EasyPost v2 does: rates of a shipment, then one is bought. It says
// back all that it was told.
func easypost(t *testing.T) http.HandlerFunc {
	s := service{t, "POST", "Basic " + base64.StdEncoding.EncodeToString([]byte("EZTK1:")), func(w http.ResponseWriter, status int, field string) {
		code := map[int]string{401: "APIKEY.INACTIVE", 422: "SHIPMENT.INVALID_PARAMS", 429: "RATE_LIMITED"}[status]
		writeJSON(w, status, object{"error": object{"code": code, "message": "Unable to create shipment",
			"errors": []any{object{"field": field, "message": "is required"}}}})
	}}
	var to any
	rate := object{"id": "rate_1", "object": "Rate", "carrier": "USPS", "service": "GroundAdvantage", "rate": "5.93", "currency": "USD", "delivery_days": 3}
	return func(w http.ResponseWriter, r *http.Request) {
		in := s.take(w, r)
		if in == nil {
			return
		}
		switch r.URL.Path {
		case "/v2/shipments":
			ship, _ := in["shipment"].(map[string]any)
			address, _ := ship["to_address"].(map[string]any)
			field := missing(ship, "to_address", "from_address", "parcel")
			if field == "" {
				field = missing(address, "street1", "city", "zip", "country")
			}
			if field != "" {
				s.refuse(w, http.StatusUnprocessableEntity, field)
				return
			}
			to = address
			writeJSON(w, http.StatusCreated, object{"id": "shp_1", "object": "Shipment", "mode": "test", "to_address": to, "buyer_address": to,
				"rates": []any{rate}, "postage_label": nil, "tracking_code": nil, "messages": []any{}})
		case "/v2/shipments/shp_1/buy":
			writeJSON(w, http.StatusCreated, object{"id": "shp_1", "status": "unknown", "to_address": to, "selected_rate": rate,
				"postage_label": object{"label_url": "https://files.example/label.png", "label_size": "4x6"},
				"tracking_code": "9400100110368063271234", "tracker": object{"id": "trk_1", "public_url": "https://track.example/x"}})
		default:
			s.refuse(w, http.StatusNotFound, "path")
		}
	}
}

// taxjar answers as TaxJar v2 does.
func taxjar(t *testing.T) http.HandlerFunc {
	s := service{t, "POST", "Bearer taxjar-key", func(w http.ResponseWriter, status int, field string) {
		writeJSON(w, status, object{"status": status, "error": http.StatusText(status), "detail": "No " + field + ", required when country is US"})
	}}
	return func(w http.ResponseWriter, r *http.Request) {
		in := s.take(w, r)
		if in == nil {
			return
		}
		if r.URL.Path != "/v2/taxes" {
			s.refuse(w, http.StatusNotFound, "path")
			return
		}
		if field := missing(in, "to_country", "to_zip", "to_state", "shipping"); field != "" {
			s.refuse(w, http.StatusBadRequest, strings.ReplaceAll(field, "_", " "))
			return
		}
		writeJSON(w, http.StatusOK, object{"tax": object{"order_total_amount": 16.5, "shipping": 1.5, "taxable_amount": 15.0, "amount_to_collect": 1.35,
			"rate": 0.09, "has_nexus": true, "freight_taxable": false, "tax_source": "destination",
			"jurisdictions": object{"country": in["to_country"], "state": in["to_state"], "city": in["to_city"]}}})
	}
}

// sendgrid answers as SendGrid v3 does: 202 and no body.
func sendgrid(t *testing.T) http.HandlerFunc {
	s := service{t, "POST", "Bearer SG.key", func(w http.ResponseWriter, status int, field string) {
		writeJSON(w, status, object{"errors": []any{object{"message": "The field is required", "field": field, "help": nil}}})
	}}
	return func(w http.ResponseWriter, r *http.Request) {
		in := s.take(w, r)
		if in == nil {
			return
		}
		field := missing(in, "personalizations", "from")
		if field == "" && missing(in, "content", "template_id") != "" && in["content"] == nil && in["template_id"] == nil {
			field = "content"
		}
		if r.URL.Path != "/v3/mail/send" || field != "" {
			s.refuse(w, http.StatusBadRequest, field)
			return
		}
		w.Header().Set("X-Message-Id", "14c5d75ce93.dfd.64b469")
		w.WriteHeader(http.StatusAccepted)
	}
}

const (
	toEasyPost = `{"shipment":{"to_address":{"name":"{{firstName}}","street1":"{{address1}}","city":"{{city}}","zip":"{{postalCode}}","country":"MX",
"phone":"{{phone}}","email":"{{email}}"},"from_address":{"street1":"417 Montgomery Street","city":"San Francisco","zip":"94104","country":"US"},
"parcel":{"length":20.2,"width":10.9,"height":5,"weight":65.9}}}`
	toTaxJar   = `{"from_zip":"94104","from_state":"CA","from_country":"US","to_country":"US","to_state":"CA","to_zip":"{{postalCode}}","to_city":"{{city}}","to_street":"{{address1}}","amount":15,"shipping":1.5}`
	toSendGrid = `{"personalizations":[{"to":[{"email":"{{email}}","name":"{{firstName}}"}],"dynamic_template_data":{"city":"{{city}}"}}],
"from":{"email":"shop@shop.example"},"subject":"On its way","content":[{"type":"text/html","value":"<p>Dear {{firstName}}</p>"}]}`
)

// TestObligation_3_1_2_PresetsSpeakTheirProtocols runs each preset against a fake of the
// service it is for: the service takes the call for one of its own clients', the
// application sees what the preset names, and nothing of what the service says back
// about the shopper.
func TestObligation_3_1_2_PresetsSpeakTheirProtocols(t *testing.T) {
	h := open(t, nil)
	h.putPreset("label", base64.StdEncoding.EncodeToString([]byte("EZTK1:")), easypost(t))
	label := h.reply
	h.putPreset("tax", "taxjar-key", taxjar(t))
	tax := h.reply
	h.putPreset("email", "SG.key", sendgrid(t))
	mail := h.reply
	for _, c := range []struct {
		name, target, body string
		service            func(http.ResponseWriter, *http.Request, string)
		status             int
		answer             string // whole
		heard              []string
	}{
		{"rates", "label/v2/shipments", toEasyPost, label, 201,
			`{"id":"shp_1","rates":[{"carrier":"USPS","currency":"USD","delivery_days":3,"id":"rate_1","rate":"5.93","service":"GroundAdvantage"}]}`,
			[]string{"Ana", "Calle Norte 12", "Monterrey", "64000", "+52 55 1234 5678", "ana.lopez@correo.example"}},
		{"a label", "label/v2/shipments/shp_1/buy", `{"rate":{"id":"rate_1"}}`, label, 201,
			`{"id":"shp_1","selected_rate":{"carrier":"USPS","rate":"5.93","service":"GroundAdvantage","currency":"USD"},"status":"unknown","tracker":{"id":"trk_1"},"tracking_code":"9400100110368063271234"}`, nil},
		{"a label without address", "label/v2/shipments", `{"shipment":{"from_address":{},"parcel":{},"to_address":{"name":"{{firstName}}"}}}`, label, 422,
			upstream(422, `{"error":{"code":"SHIPMENT.INVALID_PARAMS","errors":[{"field":"street1","message":"is required"}],"message":"Unable to create shipment"}}`), []string{"Ana"}},
		{"too many labels", "label/v2/shipments", `{"shipment":{"to_address":{"name":"{{firstName}}"},"x":"` + busy + `"}}`, label, 429,
			upstream(429, `{"error":{"code":"RATE_LIMITED","errors":[{"field":"rate","message":"is required"}],"message":"Unable to create shipment"}}`), []string{"Ana"}},
		{"tax", "tax/v2/taxes", toTaxJar, tax, 200,
			`{"tax":{"amount_to_collect":1.35,"freight_taxable":false,"has_nexus":true,"order_total_amount":16.5,"rate":0.09,"shipping":1.5,"tax_source":"destination","taxable_amount":15}}`,
			[]string{"64000", "Monterrey", "Calle Norte 12"}},
		{"tax without a state", "tax/v2/taxes", `{"to_country":"US","to_zip":"{{postalCode}}","shipping":1}`, tax, 400,
			upstream(400, `{"detail":"No to state, required when country is US","error":"Bad Request"}`), []string{"64000"}},
		{"a mail", "email/v3/mail/send", toSendGrid, mail, 202, `{}`, []string{"ana.lopez@correo.example", "Ana", "Monterrey"}},
		{"a mail from nobody", "email/v3/mail/send", `{"personalizations":[{"to":[{"email":"{{email}}"}]}]}`, mail, 400,
			upstream(400, `{"errors":[{"field":"from","message":"The field is required"}]}`), []string{"ana.lopez@correo.example"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.reply = c.service
			before := len(h.calls())
			w, err := h.send("POST", "/route/"+c.target, "application/json", c.body)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || !sameJSON(w.Body.String(), c.answer) {
				t.Errorf("the application got %d %s", w.Code, w.Body)
			}
			got := h.calls()[before:]
			if len(got) != 1 {
				t.Fatalf("the service heard %d calls", len(got))
			}
			for _, v := range values {
				if heard := strings.Contains(got[0].body, v); heard != slices.Contains(c.heard, v) {
					t.Errorf("%s: heard %v", v, heard)
				}
				if strings.Contains(w.Body.String(), v) {
					t.Errorf("the application was told %s", v)
				}
			}
		})
	}
	// The planted negative: a service that is not shown its credential refuses.
	h.putPreset("tax", "another-key", taxjar(t))
	if _, err := h.send("POST", "/route/tax/v2/taxes", "application/json", toTaxJar); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("a wrong credential: %v", err)
	}
}

// upstream is how the application is told that the service refuses.
func upstream(status int, says string) string {
	return fmt.Sprintf(`{"message":"the upstream answers %d","upstream":%s}`, status, says)
}

// values are those of the order that goes out.
var values = []string{"Ana", "López", "Calle Norte 12", "Monterrey", "64000", "+52 55 1234 5678", "ana.lopez@correo.example"}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func TestPresetsAreListed(t *testing.T) {
	var names []string
	for _, p := range route.Presets() {
		names = append(names, p.Name)
		if p.About == "" || strings.Contains(p.About, "\n") || !strings.Contains(p.Text, "\nname: "+p.Name+"\n") {
			t.Errorf("%s: %q", p.Name, p.About)
		}
	}
	if !slices.Equal(names, []string{"email", "label", "tax"}) {
		t.Error(names)
	}
	if _, err := route.PresetOf("../tax"); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Error(err)
	}
}

// Where a record has no room for a document, nothing goes out: no label is made that
// could not be kept.
func TestNoLabelWithoutRoom(t *testing.T) {
	room := error(strongroom.Faultf(strongroom.Conflict, "documents", "full"))
	h := open(t, func(o *route.Options) { o.Room = func(*db.Reader, string) error { return room } })
	h.put(labels, "")
	h.reply = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"label":{"id":"l1","data":"%s"}}`, base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 x")))
	}
	if _, err := h.send("POST", "/route/labels/label", "application/json", `{"name":"{{firstName}}"}`); !strongroom.IsKind(err, strongroom.Conflict) || len(h.calls()) != 0 {
		t.Errorf("%v after %d calls", err, len(h.calls()))
	}
	room = nil // the planted negative
	if w, err := h.send("POST", "/route/labels/label", "application/json", `{"name":"{{firstName}}"}`); err != nil || w.Code != 200 || len(h.calls()) != 1 {
		t.Errorf("%v after %d calls", err, len(h.calls()))
	}
}
