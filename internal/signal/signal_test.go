package signal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/signal"
)

const corpus = "../../testdata/ecartapi"

// sample is an erasure message of the examples with what the manifest says of it.
type sample struct {
	File      string            `json:"file"`
	Platform  string            `json:"platform"`
	Headers   map[string]string `json:"headers"`
	Secret    string            `json:"test_secret"`
	PublicKey string            `json:"public_key"`
	Expect    string            `json:"expect"`
	NoticeAt  time.Time         `json:"notice_at"`
	DeleteBy  string            `json:"delete_by"`
	GoneBy    string            `json:"no_live_instance_by"`
	PII       []string          `json:"pii"`
	Challenge struct {
		Code     string `json:"challenge_code"`
		Token    string `json:"verification_token"`
		Endpoint string `json:"endpoint"`
		Response string `json:"challenge_response"`
	} `json:"challenge"`

	m signal.Message
}

func samples(t testing.TB) (list []sample) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Erasure []sample }
	if err := json.Unmarshal(text, &m); err != nil || len(m.Erasure) != 7 {
		t.Fatalf("%d erasure messages, %v", len(m.Erasure), err)
	}
	for _, s := range m.Erasure {
		if s.m.Body, err = os.ReadFile(filepath.Join(corpus, s.File)); err != nil {
			t.Fatal(err)
		}
		s.m.Header = http.Header{}
		for k, v := range s.Headers {
			s.m.Header.Set(k, v)
		}
		list = append(list, s)
	}
	return list
}

func (s *sample) sender(t testing.TB) signal.Sender {
	out := signal.Sender{Secret: signal.NewSecret(s.Secret)}
	if s.PublicKey != "" {
		var err error
		if out.Key, err = signal.ParseKey(s.PublicKey); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func kind(t testing.TB, s string) signal.Kind {
	t.Helper()
	k, err := signal.ParseKind(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func want(t testing.TB, err error, k strongroom.Kind, code string) {
	t.Helper()
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Kind != k || f.Code != code {
		t.Fatalf("got %v, want %v with code %q", err, k, code)
	}
}

func TestObligation_2_7_1_EverySampleIsRead(t *testing.T) {
	says := map[string]string{
		"erasure/ecartapi_deletion_notice.txt":        "store-redact DN-2026-0613 nopalito-norte.example.com [] [] 2026-11-17T15:00:00Z 2026-12-17 2027-02-15 true",
		"erasure/ecartapi_deletion_notice.json":       "customers-redact DN-2026-0614 nopalito-norte.example.com [{7730188240155 philomenka.brakelhoff@example.net   }] [6120448100005] 2026-11-18T15:00:00Z 2026-12-18 2027-02-16 false",
		"erasure/shopify_customers_redact.json":       "customers-redact  nopalito-norte.example.com [{7730188240151 inigo.etxegoniz@example.com +52 55 0000 6192  }] [6120448100001] 0001-01-01T00:00:00Z 0001-01-01 0001-01-01 false",
		"erasure/shopify_customers_data_request.json": "customers-data-request 99613 nopalito-norte.example.com [{7730188240152 Brunhilde.Groessmuellner@example.org +49 30 23125 417  }] [6120448100002] 0001-01-01T00:00:00Z 0001-01-01 0001-01-01 false",
		"erasure/shopify_shop_redact.json":            "store-redact  nopalito-norte.example.com [] [] 0001-01-01T00:00:00Z 0001-01-01 0001-01-01 false",
		"erasure/ebay_account_deletion.json":          "customers-redact 61f0aa77-2719-4c61-8d5e-0c77e1a50613_4b1d  [{u61kQz7TnWy    marmalade_thistle_613}] [] 2026-11-18T03:04:05Z 0001-01-01 0001-01-01 false",
		"erasure/tiendanube_store_redact.json":        "store-redact   [] [] 0001-01-01T00:00:00Z 0001-01-01 0001-01-01 false",
	}
	for _, s := range samples(t) {
		got, err := kind(t, s.Platform).Parse(s.m)
		if err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		line := fmt.Sprint(got.Topic, " ", got.Reference, " ", got.Shop.Domain, " ", got.People, " ", got.Orders, " ",
			got.Issued.Format(time.RFC3339), " ", got.DeleteBy.Format(time.DateOnly), " ", got.GoneBy.Format(time.DateOnly), " ", got.Certificate)
		if line != says[s.File] || got.Unclear {
			t.Errorf("%s:\n got %s\nwant %s, unclear %v", s.File, line, says[s.File], got.Unclear)
		}
		if !s.NoticeAt.IsZero() && (!got.Issued.Equal(s.NoticeAt) || got.DeleteBy.Format(time.DateOnly) != s.DeleteBy || got.GoneBy.Format(time.DateOnly) != s.GoneBy) {
			t.Errorf("%s: dates %v %v %v", s.File, got.Issued, got.DeleteBy, got.GoneBy)
		}
	}
}

// TestForged: each signature holds for its message, its sender and its kind alone.
func TestForged(t *testing.T) {
	signed := 0
	for _, s := range samples(t) {
		k := kind(t, s.Platform)
		if s.Secret == "" && s.PublicKey == "" {
			if k.Signed(s.m.Header) {
				t.Errorf("%s is taken for signed", s.File)
			}
			continue
		}
		signed++
		sender := s.sender(t)
		if err := k.Verify(s.m, sender); err != nil || !k.Signed(s.m.Header) {
			t.Fatalf("%s: %v", s.File, err)
		}
		forged := func(what string, m signal.Message, by signal.Sender, k signal.Kind) {
			t.Helper()
			if err := k.Verify(m, by); err == nil {
				t.Errorf("%s: taken with %s", s.File, what)
			} else {
				want(t, err, strongroom.Unauthenticated, "signal-signature")
			}
		}
		forged("another body", signal.Message{Header: s.m.Header, Body: append(bytes.Clone(s.m.Body), ' ')}, sender, k)
		forged("no signature", signal.Message{Header: http.Header{}, Body: s.m.Body}, sender, k)
		forged("no secret", s.m, signal.Sender{}, k)
		other := sender
		other.Secret, other.Key = signal.NewSecret("another"), nil
		forged("another secret", s.m, other, k)
		for _, p := range signal.Platforms() {
			if p != k.Platform {
				forged("the address of "+string(p), s.m, sender, signal.Kind{Platform: p})
			}
		}
		for name := range s.m.Header {
			if strings.Contains(strings.ToLower(name), "hmac") || strings.Contains(strings.ToLower(name), "signature") {
				h := s.m.Header.Clone()
				for _, v := range []string{"", "=", "AAAA", h.Get(name)[1:], h.Get(name) + "A"} {
					h.Set(name, v)
					forged("a broken signature", signal.Message{Header: h, Body: s.m.Body}, sender, k)
				}
			}
		}
	}
	if signed != 5 {
		t.Errorf("%d samples are signed", signed)
	}
}

func TestEcartAPISecret(t *testing.T) {
	k, sender := kind(t, "ecartapi"), signal.Sender{Secret: signal.NewSecret("wh_9f2c1d0e")}
	for given, ok := range map[string]bool{"wh_9f2c1d0e": true, "Bearer wh_9f2c1d0e": true, "": false, "Bearer": false, "wh_9f2c1d0": false, "wh_9f2c1d0e ": false} {
		err := k.Verify(signal.Message{Header: http.Header{"Authorization": {given}}}, sender)
		if (err == nil) != ok {
			t.Errorf("%q: %v", given, err)
		}
	}
	if err := k.Verify(signal.Message{Header: http.Header{}}, signal.Sender{}); err == nil {
		t.Error("nothing matches nothing")
	}
}

func TestChallenge(t *testing.T) {
	for _, s := range samples(t) {
		if s.Challenge.Code == "" {
			continue
		}
		sender := signal.Sender{Secret: signal.NewSecret(s.Challenge.Token), Endpoint: s.Challenge.Endpoint}
		got, err := signal.Challenge(s.Challenge.Code, sender)
		if err != nil || got != s.Challenge.Response {
			t.Errorf("%s, %v", got, err)
		}
		sender.Endpoint += "/"
		if got, _ := signal.Challenge(s.Challenge.Code, sender); got == s.Challenge.Response {
			t.Error("another address gives the same answer")
		}
		_, err = signal.Challenge("", sender)
		want(t, err, strongroom.Invalid, "challenge-code")
		_, err = signal.Challenge("x", signal.Sender{})
		want(t, err, strongroom.NotFound, "signal-secret")
		return
	}
	t.Error("no sample has a challenge")
}

func TestKinds(t *testing.T) {
	for s, ok := range map[string]bool{
		"shopify": true, "nuvemshop": true, "tiendanube-store-redact": true, "tiendanube_customers_redact": true, "shopline-merchants-redact": true,
		"": false, "Shopify": false, "ebay-store-redact": false, "ecartapi-customers-redact": false, "shopify-orders-create": false, "amazon": false,
	} {
		if _, err := signal.ParseKind(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestTopics: header, address and body do not contradict each other, and nothing is
// guessed.
func TestTopics(t *testing.T) {
	const redact = `{"store_id":7,"customer":{"id":1,"email":"a@example.com","phone":null,"identification":"X1"},"orders_to_redact":[213,"34"]}`
	const asked = `{"store_id":"7","customer":{"id":1},"orders_requested":[],"data_request":{"id":5}}`
	for _, c := range []struct{ kind, topic, body, want string }{
		{"tiendanube", "", redact, "customers-redact"},
		{"tiendanube", "", asked, "customers-data-request"},
		{"tiendanube", "", `{"store_id":7}`, "store-redact"},
		{"tiendanube-store-redact", "", `{"store_id":7}`, "store-redact"},
		{"tiendanube-store-redact", "", redact, "!"},
		{"tiendanube-customers-redact", "", `{"store_id":7}`, "!"},
		{"tiendanube-customers-redact", "", asked, "!"},
		{"tiendanube-customers-data-request", "", redact, "!"},
		{"tiendanube-customers-redact", "", redact, "customers-redact"},
		{"shopify", "customers/redact", `{"shop_id":7,"customer":{"id":1},"orders_to_redact":[]}`, "customers-redact"},
		{"shopify", "shop/redact", `{"shop_id":7,"customer":{"id":1}}`, "!"},
		{"shopify", "orders/create", `{"shop_id":7}`, "!"},
		{"shopify-shop-redact", "customers/redact", `{"shop_id":7}`, "!"},
		{"shopify", "customers/redact", `{"shop_id":7,"customer":{}}`, "!"},
		{"shopify", "customers/redact", `{"customer":{"id":1}}`, "!"},
		{"shopline", "merchants/redact", `{"store_id":"1","store_domain":"x.example.com"}`, "store-redact"},
		{"shopline", "customers/redact", `{"shop_id":"1","shop_domain":"x.example.com","customer":{"id":"2","email":"","phone":"1"},"orders_to_redact":["#72"]}`, "customers-redact"},
		{"shopify", "shop/redact", `[]`, "!"},
		{"shopify", "shop/redact", `{"shop_id":7} {}`, "!"},
		{"shopify", "shop/redact", `{"shop_id":{}}`, "!"},
		{"shopify", "shop/redact", ``, "!"},
		{"ebay", "", `{"metadata":{"topic":"OTHER"},"notification":{"notificationId":"1","data":{"userId":"u"}}}`, "!"},
		{"ebay", "", `{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"},"notification":{"notificationId":"1","data":{}}}`, "!"},
	} {
		h := http.Header{}
		if c.topic != "" {
			h.Set("X-Shopify-Topic", c.topic)
			h.Set("X-Shopline-Topic", c.topic)
		}
		s, err := kind(t, c.kind).Parse(signal.Message{Header: h, Body: []byte(c.body)})
		switch {
		case c.want == "!" && err == nil:
			t.Errorf("%s %s %s is taken for %s", c.kind, c.topic, c.body, s.Topic)
		case c.want == "!":
			if strongroom.KindOf(err) != strongroom.Invalid {
				t.Errorf("%s: %v", c.body, err)
			}
		case err != nil || string(s.Topic) != c.want:
			t.Errorf("%s %s %s: %s, %v", c.kind, c.topic, c.body, s.Topic, err)
		}
	}
}

// TestNotices: the same notice reads the same however it comes, and a scope that is
// not clear is left to a person.
func TestNotices(t *testing.T) {
	k := kind(t, "ecartapi")
	read := func(kind, body string) (signal.Signal, error) {
		return k.Parse(signal.Message{Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)})
	}
	form, err := read("application/x-www-form-urlencoded", "reference=DN-1&store_url=https%3A%2F%2FShop.Example.com%2F&scope=customers&customer_id=7&orders=1%2C2&issued_at=2026-11-18T15:00:00Z&delete_by=2026-12-18")
	if err != nil || form.Topic != signal.RedactCustomer || form.Shop.Domain != "shop.example.com" || len(form.Orders) != 2 || form.Unclear {
		t.Errorf("form: %+v, %v", form, err)
	}
	bare, err := read("application/json", `{"reference":"DN-1","store":{"url":"shop.example.com"},"scope":{"type":"store"}}`)
	if err != nil || bare.Topic != signal.RedactStore || bare.Unclear {
		t.Errorf("bare: %+v, %v", bare, err)
	}
	const head = "Reference: DN-2\nStore address: https://shop.example.com\n"
	for scope, clear := range map[string]bool{
		"all Information of this store":               true,
		"the whole store":                             false, // a word we do not know
		"all Information of these customers":          false,
		"all Information but the orders of the store": false,
		"store":      true,
		"everything": false,
		"customers\nCustomer e-mail: a@example.com":       true,
		"all of the store\nCustomer email: a@example.com": false,
		"": false,
	} {
		s, err := read("text/plain", head+"Scope: "+scope+"\n")
		if err != nil || s.Unclear == clear || s.Unclear && s.Topic == signal.RedactStore {
			t.Errorf("%q: %+v, %v", scope, s, err)
		}
	}
	quoted, err := read("message/rfc822", "From: a@example.com\r\nDate: Tue, 17 Nov 2026 09:00:00 -0600\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nReference: DN-3\r\nStore address: https://shop=\r\n.example.com\r\nScope: store\r\n--b--\r\n")
	if err != nil || quoted.Reference != "DN-3" || quoted.Topic != signal.RedactStore || quoted.Issued.Format(time.RFC3339) != "2026-11-17T15:00:00Z" {
		t.Errorf("quoted: %+v, %v", quoted, err)
	}
	for _, bad := range [][2]string{
		{"text/plain", "hello"}, {"application/json", "{}"}, {"application/x-www-form-urlencoded", "a=1&a=2"}, {"application/x-www-form-urlencoded", "%zz"},
		{"text/html", "<p>"}, {"application/json", `{"notice":{"reference":"x"}}`}, {"text/plain", "Reference: \xff\nStore: x\n"},
	} {
		if s, err := read(bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken: %+v", bad[1], s)
		}
	}
	_, err = read("text/plain", strings.Repeat("x", signal.MaxBody+1))
	want(t, err, strongroom.TooLarge, "size")
}

// TestMark: a message that is sent again has the same mark, another one has not.
func TestMark(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, s := range samples(t) {
		one, err := kind(t, s.Platform).Parse(s.m)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[one.Mark()]; ok {
			t.Errorf("%s and %s have one mark", s.File, other)
		}
		seen[one.Mark()] = s.File
		if s.Platform == "ebay" {
			m := s.m
			m.Body = bytes.Replace(m.Body, []byte(`"publishAttemptCount":1`), []byte(`"publishAttemptCount":2`), 1)
			again, err := kind(t, "ebay").Parse(m)
			if err != nil || again.Mark() != one.Mark() {
				t.Errorf("a repetition of eBay counts as new: %v", err)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for _, s := range samples(t) {
		if s.PublicKey == "" {
			continue
		}
		flat := strings.ReplaceAll(s.PublicKey, "\n", "") // as eBay's interface writes it
		if _, err := signal.ParseKey(flat); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----"} {
		_, err := signal.ParseKey(bad)
		want(t, err, strongroom.Invalid, "public-key")
	}
}

// TestSilence: neither a secret nor an error says a value.
func TestSilence(t *testing.T) {
	s := signal.NewSecret("shpss_abc")
	text, err := json.Marshal(struct{ S signal.Secret }{s})
	if got := fmt.Sprintf("%v %s %q %#v %+v %x %s %v", s, s, s, s, s, s, text, err); strings.Contains(got, "shpss") || strings.Contains(got, fmt.Sprintf("%x", "shpss")) {
		t.Errorf("the secret prints: %s", got)
	}
	for _, k := range []string{"shopify", "ebay", "ecartapi", "tiendanube"} {
		_, err := kind(t, k).Parse(signal.Message{Header: http.Header{}, Body: []byte(`{"customer":{"email":"inigo@example.com"},"reference":"inigo@example.com"}`)})
		if err == nil || strings.Contains(err.Error(), "inigo") {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.Platform, s.m.Header.Get("Content-Type"), s.m.Header.Get("X-Shopify-Topic"), s.m.Body)
	}
	f.Add("ecartapi", "application/x-www-form-urlencoded", "", []byte("reference=a&store=b&scope=store"))
	f.Add("shopline", "application/json", "customers/redact", []byte(`{"shop_id":"1","customer":{"id":"2"}}`))
	f.Fuzz(func(t *testing.T, platform, contentType, topic string, body []byte) {
		k, err := signal.ParseKind(platform)
		if err != nil {
			return
		}
		h := http.Header{}
		h.Set("Content-Type", contentType)
		h.Set("X-Shopify-Topic", topic)
		h.Set("X-Shopify-Hmac-Sha256", topic)
		h.Set("X-Ebay-Signature", topic)
		m := signal.Message{Header: h, Body: body}
		if err := k.Verify(m, signal.Sender{Secret: signal.NewSecret("s")}); err == nil {
			t.Fatal("verified")
		}
		s, err := k.Parse(m)
		if err != nil {
			f, ok := errors.AsType[*strongroom.Fault](err)
			if !ok || f.Err != nil {
				t.Fatalf("%v is no fault of ours", err)
			}
			return
		}
		if s.Topic == signal.RedactStore && (s.Unclear || s.Shop == (signal.Shop{}) || len(s.People)+len(s.Orders) > 0) {
			t.Fatalf("erases a store on %+v", s)
		}
		if !s.Unclear && s.Topic != signal.RedactStore && len(s.People)+len(s.Orders) == 0 {
			t.Fatalf("is about nobody: %+v", s)
		}
		s.Mark()
	})
}
