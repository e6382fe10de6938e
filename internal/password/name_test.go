package password_test

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"strongroom/internal/password"
)

// Every candidate obeys all other rules, so that the name alone decides.
func TestObligation_2_4_3(t *testing.T) {
	for _, c := range []struct {
		name, candidate, want string
	}{
		// Whole parts of any length and script.
		{"Wei Li", "vD7#Likq9!wTz2", "name"},
		{"Wei Li", "vD7#kq9!wTz2LI", "name"},
		{"Wei Li", "vD7#iLkq9!wTz2", "name"}, // reversed
		{"Wei Li", "vD7#lkiq9!wTz2", ""},
		{"Ng", "vD7#StroNg9!wTz2", "name"},
		{"Ng", "vD7#Strog9n!wTz2", ""},
		{"王 小明", "vD7#王kq9!wTz2", "name"},
		{"王小明", "vD7#王kq9!wTz2", "name"}, // no space tells what is whose
		{"王小明", "vD7#明kq9!wTz2", "name"},
		{"王小明", "vD7#李kq9!wTz2", ""},
		{"김민준", "vD7#김kq9!wTz2", "name"},
		{"김민준", "vD7#박kq9!wTz2", ""},
		{"田中さくら", "vD7#さくらq9!wTz2", "name"},
		{"田中さくら", "vD7#サクラq9!wTz2", "name"},
		{"田中サクラ", "vD7#ｻｸﾗq9!wTz2", "name"},
		{"リー 京子", "vD7#りーq9!wTz2", "name"},
		{"محمد", "vD7#محـمدq9!wTz2", "name"}, // stretched
		{"محمد", "vD7#محﹽمدq9!wTz2", "name"}, // with a mark on the stretch, in one sign
		{"Maria de la Cruz", "vD7#kq9!wTz2de", "name"},
		{"リー 京子", "vD7#リーq9!wTz2", "name"},
		{"リー 京子", "vD7#リkq9!wTz2", ""},
		{"محمد", "vD7#محمدq9!wTz2", "name"},
		{"कुमार", "vD7#कुमारq9!wTz2", "name"},
		// Initials are exempt, in Latin letters and in what they become there.
		{"J. R. Walker", "vD7#Jkq9!Rwz2", ""},
		{"А. Иванов", "vD7#kqA9!wTz2", ""},
		{"А. Иванов", "vD7#kqА9!wTz2", "name"}, // the Cyrillic letter itself
		// Three letters of a longer part.
		{"Guadalupe Ortega", "vD7#dalkq9!wTz2", "name"},
		{"Guadalupe Ortega", "vD7#dAdkq9!wTz2", ""},
		{"Guadalupe Ortega", "vD7#getkq9!wTz2", "name"}, // reversed
		{"Guadalupe Ortega", "vD7#Or3kq9!wTz2", ""},
		{"Seán O'Brien", "vD7#obrkq9!wTz2", "name"},
		{"Jean-Luc Picard", "vD7#lucq9!wTz2", "name"},
		// Accents, case and compatibility forms.
		{"José", "vD7#jOsEq9!wTz2", "name"},
		{"ᏓᎾ", "vD7#ꮣꮎq9!wTz2", "name"},
		{"ꮣꮎ", "vD7#ᏓᎾq9!wTz2", "name"},
		{"Jose", "vD7#josé9!wTz2K", "name"},
		{"José", "vD7#jose\u03019!wTz2K", "name"},
		{"Jose", "vD7#ｊｏｓｅ9!wTz2K", "name"},
		{"Jose", "vD7#𝒿ℴ𝓈ℯ9!wTz2K", "name"},
		{"Jose", "vD7#jo\u00adse9!wTz2K", "name"}, // a soft hyphen hides nothing
		{"İlkay", "vD7#ILKq9!wTz2v", "name"},
		{"Çağlı", "vD7#CAGLIq9!wTz2v", "name"},
		// Transliterated.
		{"Jü", "vD7#jueq9!wTz2", "name"},
		{"Jü", "vD7#juq9!wTz2", "name"},
		{"Jue", "vD7#jüq9!wTz2", "name"},
		{"Müller", "vD7#muelq9!wTz2", "name"},
		{"Groß", "vD7#GROSSq9!wTz2v", "name"},
		{"Gross", "vD7#großq9!wTz2v", "name"},
		{"Bø", "vD7#boq9!wTz2v", "name"},
		{"Åse", "vD7#aaseq9!wTz2v", "name"},
		{"Łukasz", "vD7#lukq9!wTz2v", "name"},
		{"Ян", "vD7#yanq9!wTz2v", "name"},
		{"Ян", "vD7#ianq9!wTz2v", "name"},
		{"Ян", "vD7#JANq9!wTz2v", "name"},
		{"Yan", "vD7#янq9!wTz2v", "name"},
		{"Щукин", "vD7#shchq9!wTz2v", "name"},
		{"Сергій", "vD7#Sergkq9!wTz2v", "name"},
		{"Γιώργος", "vD7#iorq9!wTz2v", "name"},
		{"Θάνος", "vD7#thanq9!wTz2v", "name"},
		{"Garcia", "vD7#gаrсq9!wTz2v", "name"}, // two letters are Cyrillic
		// Digits and signs for letters, in whole parts.
		{"Garcia", "vD7#g4rc1akq9!wTz2", "name"},
		{"Garcia", "vD7#g4rc7akq9!wTz2", ""},
		{"Lisa", "vD7#k!q|i$@9wTz2", "name"},
		{"Lisa", "vD7#a5i1q9wTz2Kv", "name"}, // both at once: reversed
		// Not known here, and said so.
		{"王", "vD7#wangkq9!wTz2", ""},
		{"", strong, ""},
		{"--- ...", strong, ""},
	} {
		check(t, c.candidate, password.Subject{Name: c.name}, c.want)
		check(t, c.candidate, password.Subject{Name: "Zzyzx"}, "") // the planted negative: for somebody else
	}
}

func TestObligation_2_4_3_Email(t *testing.T) {
	for _, c := range []struct {
		email, candidate, want string
	}{
		{"g.ortega@example.com", "vD7#ortkq9!wTz2", "email"},
		{"g.ortega@example.com", "vD7#GORkq9!wTz2", ""}, // no three letters of one word
		{"gortega@example.com", "vD7#GORkq9!wTz2", "email"},
		{"gortega@example.com", "vD7#rogkq9!wTz2", "email"},
		{"g.o@example.com", "vD7#g.okq9!wTz2", "email"},
		{"g.o@example.com", "vD7#gokq9!wTz2", ""},
		{"x9y@example.com", "vD7#X9Ykq9!wTz2", "email"},
		{"li@example.com", "vD7#likq9!wTz2", ""}, // two letters alone are no part; the name decides
		{"müller@example.com", "vD7#muelkq9!wTz2", "email"},
		{"kasper@example.com", "vD7#exakq9!wTz2", ""}, // the domain is not the person
		{"kasper+vault@example.com", "vD7#aultq9!wTz2", "email"},
		{`"a@b"@example.com`, "vD7#akq9!wTz2", ""},
		{`"kurt@home"@example.com`, "vD7#omekq9!wTz2", "email"},
		{"kasper", "vD7#kaspq9!wTz2", "email"},
		{"", strong, ""},
	} {
		check(t, c.candidate, password.Subject{Emails: []string{"other@example.com", c.email}}, c.want)
		check(t, c.candidate, password.Subject{Emails: []string{"zzyzx@example.com"}}, "")
	}
}

func TestWords(t *testing.T) {
	for candidate, want := range map[string]string{
		"vD7#Acmekq9!wTz2":  "word",
		"vD7#@cm3kq9!wTz2":  "word",
		"vD7#emcakq9!wTz2":  "word",
		"vD7#acmkq9!wTz2":   "", // words are compared whole
		"vD7#Gmbkq9!wTz2Hx": "",
		"vD7#会社kq9!wTz2":    "word",
		"vD7#Vault9kq!wTz2": "word",
		strong:              "",
	} {
		check(t, candidate, password.Subject{Words: []string{"Acme Ltd", "会社", "vault9"}}, want)
	}
}

// names draws parts of names in the scripts the rules know.
func names() *rapid.Generator[string] {
	var alphabets []*rapid.Generator[string]
	for _, a := range []string{
		"abcdefghijklmnopqrstuvwxyz", "äöüßøåæœłđñçéıłİ", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ", "αβγδεζηθικλμνξοπρσςτυφχψωάώ",
		"王李张小明陈", "김이박민준", "さくらたろうカナー", "محمدعلي", "דודכהן", "कुमारी",
	} {
		alphabets = append(alphabets, rapid.StringOfN(rapid.RuneFrom([]rune(a)), 2, 9, -1))
	}
	return rapid.OneOf(alphabets...)
}

// What a password is padded with has no letter of any of the names.
var padding = rapid.StringOfN(rapid.RuneFrom([]rune("0235679#%&*?=_~ ")), 6, 12, -1)

// However a part of the name is written into it, a password is refused; and what
// is left without that part is not refused for the name, so the check does not
// simply refuse all.
func TestNameIsNeverAccepted(t *testing.T) {
	p := password.Default()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(names(), 1, 3).Draw(t, "parts")
		s := password.Subject{Name: strings.Join(parts, rapid.SampledFrom([]string{" ", "  ", " - ", ", "}).Draw(t, "between"))}
		part := rapid.SampledFrom(parts).Draw(t, "part")
		if letters := strings.Map(lettersOnly, norm.NFKD.String(part)); len([]rune(letters)) < 2 {
			t.Skip("no letters, or an initial")
		}
		how := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s }, strings.ToUpper, strings.ToLower, norm.NFD.String, norm.NFKD.String, backwards,
		}).Draw(t, "how")
		head, tail := padding.Draw(t, "head"), padding.Draw(t, "tail")
		candidate := head + "Q" + how(part) + "q" + tail
		if len(candidate) > password.MaxBytes {
			t.Skip("too long")
		}
		if !strings.Contains(codes(p, candidate, s), "name") {
			t.Fatalf("%q is accepted for %q", candidate, s.Name)
		}
		if got := codes(p, head+"Q9q"+tail, s); strings.Contains(got, "name") {
			t.Fatalf("%q is refused for %q", head+"Q9q"+tail, s.Name)
		}
	})
}

func lettersOnly(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

// backwards turns text round letter by letter, each with its own marks.
func backwards(text string) string {
	rs := []rune(norm.NFC.String(text))
	var b strings.Builder
	for end := len(rs); end > 0; {
		start := end - 1
		for start > 0 && unicode.IsMark(rs[start]) {
			start--
		}
		b.WriteString(string(rs[start:end]))
		end = start
	}
	return b.String()
}

func FuzzProblems(f *testing.F) {
	f.Add(strong, "Wei Li", "wei.li@example.com")
	f.Add("vD7#王kq9!wTz2", "王小明", "x@y")
	f.Add("ﷺﷺﷺﷺ", "\u0301\u200d", "@@@")
	f.Fuzz(func(t *testing.T, candidate, name, email string) {
		if len(candidate)+len(name)+len(email) > 2_000 {
			return
		}
		p := password.Default()
		s := password.Subject{Name: name, Emails: []string{email}, Words: []string{name}}
		problems := p.Problems([]byte(candidate), s)
		err := p.Refuse([]byte(candidate), s)
		if (err == nil) != (len(problems) == 0) {
			t.Errorf("%d problems and %v", len(problems), err)
		}
		for _, text := range []string{candidate, name, email} {
			if once := password.Fold(text); once != password.Fold(once) {
				t.Errorf("%q folds to %+q and then to %+q", text, once, password.Fold(once))
			}
		}
		if n := password.Characters(candidate); n > len([]rune(candidate)) {
			t.Errorf("%d characters in %d runes", n, len([]rune(candidate)))
		}
	})
}

func BenchmarkRefuse(b *testing.B) {
	p := password.Default()
	s := password.Subject{Name: "Guadalupe Ortega de la Cruz", Emails: []string{"guadalupe.ortega@example.com"}, Words: []string{"Acme Ltd", "Strongroom"}}
	for b.Loop() {
		if p.Refuse([]byte(strong), s) != nil {
			b.Fatal("refused")
		}
	}
}
