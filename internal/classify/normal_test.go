package classify_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"strongroom"
	"strongroom/internal/classify"
)

// TestRandomIDs draws what fills a log, two hundred thousand values, and expects
// silence.
func TestRandomIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	raw := make([]byte, 48)
	for range 20_000 {
		for i := range raw {
			raw[i] = byte(r.Uint32())
		}
		digits := 1 + r.IntN(13)
		for _, s := range []string{
			strongroom.NewID("svc"), hex.EncodeToString(raw[:32]), hex.EncodeToString(raw[:16]), hex.EncodeToString(raw[:20]),
			base64.StdEncoding.EncodeToString(raw[:32]), base64.RawURLEncoding.EncodeToString(raw),
			fmt.Sprintf("%x-%x-%x-%x-%x", raw[0:4], raw[4:6], raw[6:8], raw[8:10], raw[10:16]),
			fmt.Sprint(1.7e15 + r.Float64()*2e14), fmt.Sprint(r.Int64N(2e17) + 1.7e18), fmt.Sprintf("%0*d", digits, r.Int64N(1e13)),
		} {
			if typ, ok := classify.Has([]byte(`{"v":"` + s + `"}`)); ok {
				t.Errorf("%v in %q", typ, s)
			}
		}
	}
}

func TestEmail(t *testing.T) {
	for _, c := range []struct{ in, kept, dropped string }{
		{"Jane.Doe@Example.COM", "jane.doe@example.com", "jane.doe@example.com"},
		{" jane+news@example.com ", "jane+news@example.com", "jane@example.com"},
		{"Amaral Peças ME <Compras@example.org>", "compras@example.org", "compras@example.org"},
		{"mailto:jane@example.com", "jane@example.com", "jane@example.com"},
		{"jürgen@MÜNCHEN.example", "jürgen@xn--mnchen-3ya.example", "jürgen@xn--mnchen-3ya.example"},
		{"ju\u0308rgen@mu\u0308nchen.example.", "jürgen@xn--mnchen-3ya.example", "jürgen@xn--mnchen-3ya.example"},
		{"ＪＡＮＥ@example.com", "jane@example.com", "jane@example.com"},
		{"+tag@example.com", "+tag@example.com", "+tag@example.com"},
	} {
		kept, dropped, ok := classify.Email(c.in)
		if !ok || kept != c.kept || dropped != c.dropped {
			t.Errorf("Email(%q) = %q, %q, %v; want %q, %q", c.in, kept, dropped, ok, c.kept, c.dropped)
		}
	}
	for _, in := range []string{"", "jane", "@example.com", "jane@", "jane doe@example.com", "jane@exa\u2028mple.com"} {
		if kept, _, ok := classify.Email(in); ok {
			t.Errorf("Email(%q) = %q, want none", in, kept)
		}
	}
}

// TestPhone holds one number per row, in every spelling of it.
func TestPhone(t *testing.T) {
	for _, c := range []struct {
		region, want string
		spellings    []string
	}{
		{"US", "+12065550164", []string{"(206) 555-0164", "206.555.0164", "2065550164", "1-206-555-0164", "+1 206 555 0164", "001 206 555 0164", "tel:+1-206-555-0164", "(206) 555-0164 ext. 12"}},
		{"DE", "+493023125417", []string{"+49 30 23125 417", "030 23125 417", "030/23125-417", "0049 30 23125417", "+49 (0)30 23125 417", "+49 (0) 30 23125 417"}},
		{"MX", "+525500006192", []string{"+52 55 0000 6192", "55 0000 6192", "+52 1 55 0000 6192", "5500006192"}},
		{"FR", "+33639986197", []string{"06 39 98 61 97", "+33 6 39 98 61 97", "0033 639 98 61 97", "+33 (0)6 39986197"}},
		{"GB", "+441632960719", []string{"01632 960719", "+44 1632 960 719", "+44 (0)1632 960719"}},
		{"JP", "+81300006194", []string{"03-0000-6194", "+81 3-0000-6194", "０３－００００－６１９４"}},
		{"IT", "+390600006206", []string{"+39 06 0000 6206", "06 0000 6206"}},
		{"BR", "+551100006202", []string{"+55 11 0000-6202", "(11) 0000-6202"}},
		{"NO", "+4722225555", []string{"+47 22 22 55 55", "22 22 55 55", "0047 22225555"}},
		{"AE", "+97140006199", []string{"+971 4 000 6199", "04 000 6199", "٠٤ ٠٠٠ ٦١٩٩"}},
	} {
		tails := map[string]bool{}
		for _, s := range c.spellings {
			if got, ok := classify.Phone(s, c.region); !ok || got != c.want {
				t.Errorf("Phone(%q, %s) = %q, %v; want %q", s, c.region, got, ok, c.want)
			}
			tail, ok := classify.PhoneTail(s)
			if !ok {
				t.Errorf("PhoneTail(%q) has none", s)
			}
			tails[tail] = true
		}
		if len(tails) != 1 {
			t.Errorf("%s: tails %v differ", c.want, tails)
		}
	}
	for _, s := range []string{"", "12345", "none", "+"} {
		if got, ok := classify.Phone(s, "US"); ok {
			t.Errorf("Phone(%q) = %q, want none", s, got)
		}
	}
	a, _ := classify.Phone("206-555-0164", "")
	b, _ := classify.Phone("(206) 555 0164", "")
	if a != b || a[0] != '~' {
		t.Errorf("without region %q and %q", a, b)
	}
}

// TestPlansAgreeWithLibrary holds the quick numbering plans against the library.
func TestPlansAgreeWithLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, region := range []string{"US", "CA", "MX", "ES", "FR", "GB", "PT", "CL", "PE", "CO", "AU", "NL", "BE", "CH", "PL", "IN"} {
		example := phonenumbers.GetExampleNumber(region)
		differ := 0
		for range 50 {
			national := phonenumbers.Format(example, phonenumbers.NATIONAL)
			text := []byte(national)
			for i := len(text) - 4; i < len(text); i++ {
				if text[i] >= '0' && text[i] <= '9' {
					text[i] = byte('0' + r.IntN(10))
				}
			}
			n, err := phonenumbers.Parse(string(text), region)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := classify.Phone(string(text), region); got != phonenumbers.Format(n, phonenumbers.E164) {
				differ++
				if differ == 1 {
					t.Errorf("%s: %q gives %s, library %s", region, text, got, phonenumbers.Format(n, phonenumbers.E164))
				}
			}
		}
	}
}

func TestName(t *testing.T) {
	for _, c := range []struct {
		want  string
		parts [][]string
	}{
		{"thaddeusz wierzchowicki", [][]string{{"Thaddeusz", "Wierzchowicki"}, {"WIERZCHOWICKI, Thaddeusz"}, {"wierzchowicki  thaddeusz", ""}}},
		{"brunhilde grossmullner", [][]string{{"Brunhilde", "Größmüllner"}, {"Gro\u00dfmu\u0308llner Brunhilde"}}},
		{"baltasar etxegoniz inigo nandubay", [][]string{{"Íñigo-Baltasar", "Etxegoñiz Ñandubáy"}}},
		{"obrien sean", [][]string{{"Seán", "O'Brien"}, {"O’BRIEN Sean"}}},
		{"крыжановская лютых светозара", [][]string{{"Светозара", "Крыжановская-Лютых"}, {"КРЫЖАНОВСКАЯ-ЛЮТЫХ СВЕТОЗАРА"}}},
		{"咲良子 東雲院", [][]string{{"咲良子", "東雲院"}, {"東雲院 咲良子"}, {"東雲院　咲良子"}}},
		{"الزهرانيوسي عبدالمتعالي", [][]string{{"عبدالمتعالي", "الزهرانيوسي"}, {"عَبْدُالمُتَعَالِي الزهرانيوسي"}}},
		{"सिंह सुनीता", [][]string{{"सुनीता", "सिंह"}}},
		{"ヴィクトリア", [][]string{{"ヴィクトリア"}, {"ｳﾞｨｸﾄﾘｱ"}}},
		{"αλεξανδροσ", [][]string{{"Ἀλέξανδρος"}, {"ΑΛΈΞΑΝΔΡΟΣ"}}},
		{"김민준", [][]string{{"김민준"}}},
		{"นภา", [][]string{{"นภา"}}},
		{"", [][]string{{"", "123 -"}}},
	} {
		for _, p := range c.parts {
			if got := classify.Name(p...); got != c.want {
				t.Errorf("Name(%q) = %q (%+q), want %q", p, got, got, c.want)
			}
		}
	}
	if classify.Name("गीता") == classify.Name("गता") {
		t.Error("a vowel sign is lost: different names fold to one")
	}
	if classify.Name("ガク") == classify.Name("カク") {
		t.Error("voicing is lost: different names fold to one")
	}
}

func TestCodes(t *testing.T) {
	for in, want := range map[string]string{"98199-6134": "981996134", "zz99 7rb": "ZZ997RB", "〒９９９−８４６１": "9998461", "01999-870": "01999870", "": ""} {
		if got := classify.PostalCode(in); got != want {
			t.Errorf("PostalCode(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"613.408.271-00": "61340827100", "99.613.408-k": "99613408K", "etni850317qx4": "ETNI850317QX4"} {
		if got := classify.NationalID(in); got != want {
			t.Errorf("NationalID(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzNormal checks that a normal form is its own normal form.
func FuzzNormal(f *testing.F) {
	for _, s := range []string{"Jane+x@Example.COM", "(206) 555-0164", "+49 (0)30 23125", "Größmüllner", "咲良子 東雲院", "ｳﾞｨ", "98199-6134"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if kept, dropped, ok := classify.Email(s); ok {
			if again, _, ok := classify.Email(kept); !ok || again != kept {
				t.Errorf("Email(%q) = %q, again %q %v", s, kept, again, ok)
			}
			_ = dropped
		}
		// Of a national number that starts with zeros the library takes one off each time.
		if n, ok := classify.Phone(s, "MX"); ok && n[0] == '+' && !strings.Contains(n, "00") {
			if again, ok := classify.Phone(n, "MX"); !ok || again != n {
				t.Errorf("Phone(%q) = %q, again %q %v", s, n, again, ok)
			}
		}
		if n := classify.Name(s); n != classify.Name(n) {
			t.Errorf("Name(%q) = %+q, again %+q", s, n, classify.Name(n))
		}
		if c := classify.PostalCode(s); c != classify.PostalCode(c) {
			t.Errorf("PostalCode(%q) = %q", s, c)
		}
	})
}

func BenchmarkNormalForms(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		classify.Email("Brunhilde.Groessmuellner@example.org")
		classify.Phone("+49 30 23125 417", "DE")
		classify.Phone("(206) 555-0164", "US")
		classify.Name("Brunhilde", "Größmüllner")
		classify.PostalCode("98199-6134")
	}
}
