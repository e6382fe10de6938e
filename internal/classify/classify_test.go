package classify_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/classify"
)

// personal are values the detector must find, alone and inside a sentence and a
// JSON document.
var personal = []struct {
	want classify.InfoType
	text string
}{
	{classify.TypeEmail, "jane.doe@example.com"},
	{classify.TypeEmail, "JANE+news@Sub.Example.CO.UK"},
	{classify.TypeEmail, "jane.doe%40example.com"},
	{classify.TypeEmail, `jane.doe\u0040example.com`},
	{classify.TypeEmail, "jürgen@münchen.example"},
	{classify.TypeEmail, "x@xn--bcher-kva.example"},
	{classify.TypeEmail, "jane.doe.at.example.com"},
	{classify.TypeEmail, "jane-at-example.org"},
	{classify.TypeEmail, "jane[at]example.net"},
	{classify.TypePhone, "+49 30 23125 417"},
	{classify.TypePhone, "+493023125417"},
	{classify.TypePhone, "+44 (0)20 7946 0018"},
	{classify.TypePhone, "+1 (206) 555-0164"},
	{classify.TypePhone, "%2B493023125417"},
	{classify.TypePhone, "+52 55 0000 6192"},
	{classify.TypePhone, "(206) 555-0164"},
	{classify.TypePhone, "206-555-0164"},
	{classify.TypePhone, "802.555.0137"},
	{classify.TypePhone, "1-206-555-0164"},
	{classify.TypePhone, "tel:2065550164"},
	{classify.TypePhone, "06 39 98 61 97"},
	{classify.TypePhone, "030 23125 417"},
	{classify.TypePhone, "03-0000-6194"},
	{classify.TypePhone, "0491 570 804"},
	{classify.TypePhone, "(091) 000 6208"},
	{classify.TypePhone, "(73) 0000-6203"},
	{classify.TypePhone, "33 0000 6200"},
	{classify.TypePhone, "55-0000-6192"},
	{classify.TypePhone, "11 90000-6202"},
	{classify.TypePhone, "138 0000 6194"},
	{classify.TypePhone, "0049 30 23125 417"},
	{classify.TypeCard, "4000002760003184"},
	{classify.TypeCard, "4000 0027 6000 3184"},
	{classify.TypeCard, "4000-0027-6000-3184"},
	{classify.TypeCard, "378282246310005"},
	{classify.TypeCard, "3782 822463 10005"},
	{classify.TypeIBAN, "DE89370400440532013000"},
	{classify.TypeIBAN, "DE89 3704 0044 0532 0130 00"},
	{classify.TypeIBAN, "gb82west12345698765432"},
	{classify.TypeIP, "203.0.113.214"},
	{classify.TypeIP, "10.61.204.139"},
	{classify.TypeIP, "2001:db8::7:1"},
	{classify.TypeIP, "fe80::1ff:fe23:4567:890a"},
	{classify.TypeNationalID, "917-00-6134"},
	{classify.TypeNationalID, "613.408.271-00"},
	{classify.TypeNationalID, "99.613.408-K"},
	{classify.TypeNationalID, "11.222.333/0001-81"},
	{classify.TypeNationalID, "20-12345678-6"},
	{classify.TypeNationalID, "ETNI850317QX4"},
	{classify.TypeNationalID, "OAXQ910722MDFCCT00"},
	{classify.TypeNationalID, "12345678Z"},
	{classify.TypeNationalID, "X1234567L"},
	{classify.TypeNationalID, "RSSMRA85T10A562S"},
	{classify.TypeGeo, "53.24571806,-9.30612297"},
	{classify.TypeGeo, "47.64903127, -122.39871544"},
	{classify.TypeSecret, "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJURVNUIn0.GkBoz80L1obQIBD76wulR0"},
	{classify.TypeSecret, "shpat_test_61f0aa77c2d94be0"},
	{classify.TypeSecret, "sr_test_0123456789abcdefghjk"},
	{classify.TypeSecret, "Bearer 0a1b2c3d4e5f6071"},
	{classify.TypeSecret, "PRIVATE+KEY+strongroom+0a1b2c3d+AbCdEf"},
	{classify.TypeSecret, "-----BEGIN PRIVATE KEY-----"},
}

func TestFinds(t *testing.T) {
	for _, c := range personal {
		for _, text := range []string{c.text, "call " + c.text + " now", `{"a":"` + c.text + `","n":1}`, "電話" + c.text + "です", "ref/" + c.text} {
			if text == "ref/"+c.text && c.want == classify.TypePhone {
				continue // "ref/0123…" is an id; see TestReferences
			}
			got, ok := classify.Has([]byte(text))
			if !ok || got != c.want {
				t.Errorf("Has(%q) = %v, %v; want %v", text, got, ok, c.want)
			}
		}
		b := []byte(c.text)
		ms := classify.Scan(b)
		if len(ms) != 1 || ms[0].Type != c.want {
			t.Errorf("Scan(%q) = %v; want one %v", c.text, ms, c.want)
		}
	}
}

func TestSpans(t *testing.T) {
	text := `Write to <jane.doe@example.com>, or call (206) 555-0164 or +49 30 23125 417; card 4000 0027 6000 3184, from 203.0.113.214.`
	want := []string{"jane.doe@example.com", "(206) 555-0164", "+49 30 23125 417", "4000 0027 6000 3184", "203.0.113.214"}
	var got []string
	for _, m := range classify.Scan([]byte(text)) {
		got = append(got, text[m.Start:m.End])
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("spans %q, want %q", got, want)
	}
}

// harmless are texts the detector must let through: a false alarm would refuse
// honest work.
var harmless = []string{
	"#1047", "6120448100001", "LL-20933", "PO-LARK-7781", "case/2026-11", "inv:2026/000123",
	"MX-LIV-7719003", "EZQ7M", "000000719", "0090210061340", "REM-55120", "FO-99111", "wh_66120a9be1",
	"113-1234567-1234567", "12-34567-89012", "26-1120-0001", "INV-0123-456789", "LARK261120", "SKU-12345678",
	"case/2026-11-20/0001", "2026-11-20-000123", "order:2026:000123", "a.at.b", "meet.at.noon", "v1.at.head",
	"svc_0123456789abcdefghjkmnpqrs", "rec_7zzz6666yyyy5555xxxx4444ww", "srt_0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d0a",
	"srt_0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d0a@pii.invalid",
	"b7d1f2c0-61aa-4f0e-9d5e-0c77e1a51b21", "12345678-1234-1234-1234-123456789012", "61340555-0164-2065-5501-400000276000",
	"6d1f0e77c4b24c61a92f8f1b36719e02", "3aaa1bff86d70916651e993cc01fe5163a7a34afc21381eeae8c0e7fe21e1fca",
	"0000000000000000000000000000000000000000000000000000000000000001", "sha256:3aaa1bff86d70916651e993cc01fe516",
	"5JVd4xZgtnUxO44hY6mra22JQSuM9nNjAxIShsl3D2E=", "lkM/prCNQmCAoIAiVqcnNOYQcn2EZdjNBRG220ybU0c=",
	"2026-11-20", "2026-11-20T12:00:00Z", "2026-10-29T09:11:52-06:00", "2026-11-12 10:44:05", "2026-10-27 21:50:02 +0000",
	"01-11-2026 12:30", "09/10/2026 12:30", "Mon, 02 Nov 2026 10:15:00 +0100", "Tue, 03 Nov 2026 23:05:09 -0700",
	"1763640000", "1763640000000", "1763640000000000", "1763640000000000000", "18446744073709551615",
	"1268.00", "12.345.678,00", "1 234 567.89", "0.5142857142857143", "1e+10", "-122.39871544", "17.234567",
	"9.4.1", "v1.2.3", "1.18.0.3", "v10.20.30.40", "Chrome/139.0.6134.27", "go1.26.8", "0.0.0.0", "127.0.0.1",
	"golang.org/x/mod@v0.42.0", "logo@2x.png", "@type", "a@b", "user@localhost", "C++20", "x+12345",
	"12:00:00", "aa:bb:cc:dd:ee:ff", "std::vector", "a1::b2", "::1", "Record::\"rec_1\"", "10.00-20.00",
	"guard/denied", "vault.reveal", "4000000000000000", "4111111111111112", "DE89370400440532013001",
	"customFields[2].{key}", "items[0].sku", "Bearer token", "a bearer authentication-required",
}

func TestLetsThrough(t *testing.T) {
	for _, text := range harmless {
		for _, in := range []string{text, `{"id":"` + text + `","count":3}`, "x " + text + " y"} {
			if ms := classify.Scan([]byte(in)); len(ms) > 0 {
				t.Errorf("Scan(%q) = %v on %q", in, ms[0].Type, in[ms[0].Start:ms[0].End])
			}
		}
	}
}

// TestReferences holds what a caller may and may not put into a reference, whose
// grammar has no space, plus or at sign.
func TestReferences(t *testing.T) {
	for _, s := range []string{"206-555-0164", "tel:206-555-0164", "tel/206.555.0164", "06.39.98.61.97", "4000002760003184",
		"DE89370400440532013000", "203.0.113.214", "917-00-6134", "jane.doe.at.example.com", "ip:2001:db8::7:1", "case:917-00-6134"} {
		if _, ok := classify.Has([]byte(s)); !ok {
			t.Errorf("the reference %q passes", s)
		}
	}
}

// event is what an audit event looks like on its way to the log.
const event = `{"time":1795176000123456,"class_uid":6005,"activity_id":10,"action":"record.reveal",` +
	`"actor":{"kind":"service","id":"svc_0123456789abcdefghjkmnpqrs","session":"key_7zzz6666yyyy5555xxxx4444ww"},` +
	`"resource":{"type":"Record","id":"rec_1b9m8v3k2t7qx","store":"str_5c7e9g1j3m5p7r9t1w3y5a7b9d"},"status_id":1,` +
	`"purpose":"fulfilment","reference":"3aaa1bff86d70916651e993cc01fe5163a7a34afc21381eeae8c0e7fe21e1fca",` +
	`"policies":["policy0","application.reveal"],"notes":{"leaves":17,"classes":["email","phone"],"version":3,` +
	`"digest":"5JVd4xZgtnUxO44hY6mra22JQSuM9nNjAxIShsl3D2E="},"index":6120448100001}`

func TestEventIsClean(t *testing.T) {
	if ms := classify.Scan([]byte(event)); len(ms) > 0 {
		t.Errorf("an event gives a false alarm: %v at %q", ms[0].Type, event[ms[0].Start:ms[0].End])
	}
	planted := strings.Replace(event, "3aaa1bff86d7", "206-555-0164 ", 1)
	if _, ok := classify.Has([]byte(planted)); !ok {
		t.Error("a planted phone number in an event is not found")
	}
}

func TestHasDoesNotAllocate(t *testing.T) {
	b := []byte(event)
	var sum int
	texts := [][]byte{b}
	for _, c := range personal {
		texts = append(texts, []byte(c.text))
	}
	for _, text := range texts {
		if n := testing.AllocsPerRun(20, func() {
			if _, ok := classify.Has(text); ok {
				sum++
			}
		}); n > 0 {
			t.Errorf("Has(%q) allocates %v times", text, n)
		}
	}
}

// TestFixtures measures recall on the personal values of the sample payloads,
// for the types that a value shows by itself.
func TestFixtures(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/ecartapi/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct {
			File     string   `json:"file"`
			PII      []string `json:"pii"`
			NotPII   []string `json:"not_pii"`
			Either   []string `json:"either"`
			Linkable []string `json:"linkable"`
		} `json:"files"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	covered, missed := 0, 0
	for _, f := range manifest.Files {
		for _, v := range f.PII {
			if !strings.Contains(v, "@") && !strings.HasPrefix(v, "+") && !strings.Contains(v, "4000 0027") && !grouped(v) {
				continue
			}
			covered++
			if _, ok := classify.Has([]byte(v)); !ok {
				missed++
				t.Errorf("%s: not found: %q", f.File, v)
			}
		}
		for _, v := range slices.Concat(f.NotPII, f.Either, f.Linkable) {
			if typ, ok := classify.Has([]byte(v)); ok {
				t.Errorf("%s: false %v: %q", f.File, typ, v)
			}
		}
	}
	if covered < 70 {
		t.Errorf("only %d values compared: the manifest has changed its form", covered)
	}
	t.Logf("%d of %d found", covered-missed, covered)
}

// grouped reports whether v is nine digits or more in three groups or more: a
// phone number or a national id in a national format.
func grouped(v string) bool {
	digits, marks := 0, 0
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case strings.ContainsRune(" -./()", c):
			marks++
		case c != 'K':
			return false
		}
	}
	return digits >= 9 && marks >= 2 && v[0] != '-'
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(event))
	for _, c := range personal {
		f.Add([]byte(c.text))
	}
	for _, h := range harmless {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ms := classify.Scan(b)
		if typ, ok := classify.Has(b); ok != (len(ms) > 0) || ok && typ != ms[0].Type {
			t.Fatalf("Has and Scan differ on %q", b)
		}
		last := 0
		for _, m := range ms {
			if m.Start < last || m.End <= m.Start || m.End > len(b) || m.Type == 0 {
				t.Fatalf("match %v of %q after %d", m, b, last)
			}
			last = m.End
		}
	})
}

func BenchmarkHasEvent(b *testing.B) {
	text := []byte(event)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := classify.Has(text); ok {
			b.Fatal("false alarm")
		}
	}
}

func BenchmarkScanOrders(b *testing.B) {
	text, err := os.ReadFile("../../testdata/ecartapi/orders_list_shopify_v2.json")
	if err != nil {
		b.Fatal(err)
	}
	var small bytes.Buffer
	if err := json.Compact(&small, text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(small.Len()))
	for b.Loop() {
		classify.Scan(small.Bytes())
	}
}
