package password_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"strongroom"
	"strongroom/internal/password"
)

// strong obeys every rule for nobody in particular; tests bend it.
const strong = "vD7#kq9!wTz2"

func codes(p password.Profile, candidate string, s password.Subject) string {
	var cs []string
	for _, q := range p.Problems([]byte(candidate), s) {
		cs = append(cs, strings.TrimPrefix(q.Code, "password-"))
	}
	return strings.Join(cs, " ")
}

// check runs one candidate and compares the codes of all its problems.
func check(t *testing.T, candidate string, s password.Subject, want string) {
	t.Helper()
	p := password.Default()
	if got := codes(p, candidate, s); got != want {
		t.Errorf("%q for %+v: problems %q, want %q", candidate, s, got, want)
	}
	err := p.Refuse([]byte(candidate), s)
	if (err == nil) != (want == "") || err != nil && !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("%q: %v", candidate, err)
	}
	if err != nil && candidate != "" && strings.Contains(err.Error(), candidate) {
		t.Errorf("the refusal repeats the candidate %q", candidate)
	}
}

// The requirements exist, cannot be switched off, and hold for systems too.
func TestObligation_2_4_1(t *testing.T) {
	if err := password.Default().Check(); err != nil {
		t.Error("the default profile is refused:", err)
	}
	if err := (password.Profile{}).Check(); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Error("a profile without requirements is accepted:", err)
	}
	for _, c := range []struct {
		alphabet, length int
		ok               bool
	}{{32, 52, true}, {256, 32, true}, {64, 43, true}, {2, 256, true}, {32, 51, false}, {10, 64, false}, {1, 9999, false}, {0, 9999, false}, {256, 0, false}, {256, -1, false}} {
		err := password.RefuseGenerated(c.alphabet, c.length)
		if (err == nil) != c.ok {
			t.Errorf("%d characters of %d: %v", c.length, c.alphabet, err)
		}
	}
	ours := 0
	for _, f := range password.Default().Figures() {
		if f.Name == "" || f.Value == "" || f.Clause == "" && !f.Ours {
			t.Errorf("a figure without name, value or origin: %+v", f)
		}
		if f.Ours {
			ours++
		}
	}
	if ours == 0 {
		t.Error("no figure is named ours")
	}
}

func TestProfileWeakerThanPolicy(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		bend func(*password.Profile)
		ok   bool
	}{
		"default":            {func(*password.Profile) {}, true},
		"stricter":           {func(p *password.Profile) { p.MinLength, p.Digit, p.MaxAge = 16, 2, 90*day }, true},
		"no history":         {func(p *password.Profile) { p.History = 0 }, true},
		"eleven characters":  {func(p *password.Profile) { p.MinLength = 11 }, false},
		"absurd length":      {func(p *password.Profile) { p.MinLength = 65 }, false},
		"no upper":           {func(p *password.Profile) { p.Upper = 0 }, false},
		"no lower":           {func(p *password.Profile) { p.Lower = 0 }, false},
		"no digit":           {func(p *password.Profile) { p.Digit = 0 }, false},
		"no special":         {func(p *password.Profile) { p.Special = -1 }, false},
		"impossible classes": {func(p *password.Profile) { p.Special = 62 }, false},
		"classes that wrap":  {func(p *password.Profile) { p.Upper, p.Lower = 1<<62, 1<<62 }, false},
		"less than a day":    {func(p *password.Profile) { p.MinAge = day - 1 }, false},
		"more than a year":   {func(p *password.Profile) { p.MaxAge = 365*day + 1 }, false},
		"never changeable":   {func(p *password.Profile) { p.MinAge = p.MaxAge }, false},
		"negative history":   {func(p *password.Profile) { p.History = -1 }, false},
		"endless history":    {func(p *password.Profile) { p.History = 25 }, false},
	} {
		p := password.Default()
		c.bend(&p)
		if err := p.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestObligation_2_4_2(t *testing.T) {
	for candidate, want := range map[string]string{
		strong:                        "",
		strong[:11]:                   "short",
		"":                            "form",
		"vD7#kq9!wTé":                 "short", // twelve bytes, eleven characters
		"vD7#kq9!wTe\u0301":           "short", // the same, accent by itself
		"vD7#kq9!wTé2":                "",
		"vD7#kq9!wT👩🏽\u200d💻":         "short", // one picture of four code points
		"vD7#kq9!wT🇩🇪":                "short", // one flag of two
		"vD7#kq9!wT🇩🇪🇫🇷":              "",
		"vD7#kq9!\u200d\u200d\u200dw": "short", // joiners are nothing
		"ｖＤ７＃ｋｑ９！ｗＴｚ２":                "",      // full width
		"vD7#kq9 wTz2":                "",
		"vD7#kq9!wTz2" + strings.Repeat("é", 123): "form", // 258 bytes
		"vD7#kq9!wTz\x00":                         "form",
		"vD7#kq9!wTz\n":                           "form",
		"vD7#kq9!wTz\xff":                         "form",
		"vD7#kq9!wTz\ue000":                       "form", // private use
	} {
		check(t, candidate, password.Subject{}, want)
	}
	p := password.Default()
	p.MinLength = 13
	if got := codes(p, strong, password.Subject{}); got != "short" {
		t.Errorf("a stricter length does not hold: %q", got)
	}
	long := "vD7#kq9!wTz2" + strings.Repeat("hF4_", 61)
	if got := codes(p, long, password.Subject{}); len(long) != password.MaxBytes || got != "" {
		t.Errorf("%d bytes: %q", len(long), got)
	}
}

func TestObligation_2_4_4(t *testing.T) {
	for candidate, want := range map[string]string{
		"vD7#kq9!wTz2":  "",
		"vd7#kq9!wtz2":  "classes", // no upper
		"VD7#KQ9!WTZ2":  "classes", // no lower
		"vDp#kqx!wTzm":  "classes", // no digit
		"vD7akq9bwTz2":  "classes", // no special
		"vD7 kq9bwTz2":  "",        // a space is special
		"vD7🔑kq9bwTz2":  "",        // so is a picture
		"жД7#щф9!ъБз2":  "",        // Cyrillic has case
		"vD٧#kqp!wTzm":  "",        // Arabic digits are digits
		"שDאב#kqגדwהז":  "classes", // letters without case are no digit
		"漢字漢7#語9!文化2学":  "classes", // and neither upper nor lower
		"漢Dx7#語9!文化2学":  "",
		"漢Dx7̣語9文化2学漢字": "classes", // nor special, nor is a mark
		"ᾈd7#kq9!wtz2":  "",        // a title letter is upper
	} {
		check(t, candidate, password.Subject{}, want)
	}
	p := password.Default()
	p.Digit, p.Upper = 4, 3
	err := p.Refuse([]byte(strong), password.Subject{})
	if err == nil || !strings.Contains(err.Error(), "3 upper-case letters, 4 digits") {
		t.Errorf("stated minimums are not told: %v", err)
	}
}

// The ages are the policy's, and nothing weaker can be configured.
func TestObligation_2_4_5(t *testing.T) {
	p := password.Default()
	if p.MinAge != 24*time.Hour {
		t.Errorf("minimum age %s", p.MinAge)
	}
	p.MinAge = 0
	if p.Check() == nil {
		t.Error("a profile without a minimum age is accepted")
	}
}

func TestObligation_2_4_6(t *testing.T) {
	p := password.Default()
	if p.MaxAge != 365*24*time.Hour {
		t.Errorf("maximum age %s", p.MaxAge)
	}
	for _, never := range []time.Duration{0, -1, 366 * 24 * time.Hour} {
		if p.MaxAge = never; p.Check() == nil {
			t.Errorf("a maximum age of %s is accepted", never)
		}
	}
}

// Everything that is wrong is told at once, without a value.
func TestRefusalTellsAll(t *testing.T) {
	s := password.Subject{Name: "Ana Garcia", Emails: []string{"ana.garcia@example.com"}, Words: []string{"Examplecorp"}}
	err := password.Default().Refuse([]byte("garcia"), s)
	if err == nil {
		t.Fatal("accepted")
	}
	want := "the password has fewer than 12 characters; it needs at least 1 upper-case letter, 1 digit, 1 special character; " +
		"it contains a part of the person's name; it contains a part of the person's e-mail address; " +
		"it is little more than a password that many people use; it is mostly repetition, or runs of letters, digits or neighbouring keys; " +
		"several unrelated words, with some digits and punctuation between them, serve well"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if strings.Contains(strings.ToLower(err.Error()), "garcia") {
		t.Error("the refusal repeats the name")
	}
}

func TestCommonPasswords(t *testing.T) {
	for candidate, want := range map[string]string{
		"Password1234!":          "common",
		"P@ssw0rd1234!":          "common",
		"!!2024Passw0rd":         "common",
		"pASSWORD#8264":          "common",
		"Drowssap#8264":          "common", // backwards
		"Enihsnus#85271":         "common",
		"PasswordPassword#7":     "common",
		"Trustno1#8264":          "common",
		"Michael#85271":          "common",
		"$unShine#85271":         "common",
		"Pässword#8264":          "common",
		"Ｐassword#8264":          "common",
		"Grandlithograph#85":     "",
		"Silent#Lithograph85":    "",
		"pass#Wordier-lint85":    "",
		"correct-Horse-7-staple": "",
	} {
		check(t, candidate, password.Subject{}, want)
	}
}

func TestRepetition(t *testing.T) {
	for candidate, want := range map[string]string{
		"Aaaaaaaaaaa1!":    "common repeat",
		"Xv7!Xv7!Xv7!":     "repeat",
		"Xv7!Xv7!Xv7!Xv7!": "repeat",
		"Hjklasdfzxcv1!":   "repeat",
		"1qaz2wsx3edC!":    "common repeat",
		"Qwertyuiop12!":    "common repeat",
		"Abcd1234!efgh":    "repeat",
		"Zyxwvut54321!":    "repeat",
		"!@#$%^&*()Qw1":    "repeat",
		"A1!a1!1aA!a1":     "repeat",
		"Йцукенгш1!йц":     "repeat",
		"Abc7#kq9!wTz2":    "",
		"vD7#kq9!wTz2":     "",
		"Xv7!qXv7!qXv7!q":  "repeat",
		"Xv7!Xv7!lithoQ9p": "",
	} {
		check(t, candidate, password.Subject{}, want)
	}
	for text, want := range map[string]string{"ababab": "ab", "abcabcx": "abcx", "aab": "aab", "xabab": "xab", "": "", "aaaa": "aa"} {
		if got := password.Collapse(text); got != want {
			t.Errorf("collapse(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int{"": 0, "a": 1, "ab": 2, "abc": 2, "abcd": 2, "abcx": 3, "aaaax": 3, "cba12": 4, "qwerty": 2, "abcdcba": 4, "acegi": 5} {
		if got := password.Weight(text); got != want {
			t.Errorf("weight(%q) = %d, want %d", text, got, want)
		}
	}
}

// TestLongPasswords shows that 64 characters of any script are accepted as a
// whole, the widest of four bytes, and that the last one counts.
func TestLongPasswords(t *testing.T) {
	for what, tail := range map[string]string{"letters": "kQ3#mZ8%", "Han": "鯨雲琴泉橋笛霜鹿", "four bytes": "𠀋𡈽𡌛𡑮𡢽𠮟𡚴𡸴"} {
		typed := "vD7#kq9!" + strings.Repeat(tail, 7)
		if n := password.Characters(typed); n != 64 {
			t.Fatalf("%s: the test has %d characters", what, n)
		}
		check(t, typed, password.Subject{}, "")
		a, err := password.Normal([]byte(typed))
		if err != nil {
			t.Fatal(what, err)
		}
		if b, err := password.Normal([]byte(string([]rune(typed)[:63]) + "x")); err != nil || string(a) == string(b) {
			t.Errorf("%s: the end is cut off, or %v", what, err)
		}
		if b, err := password.Normal([]byte(strings.ToLower(typed))); err != nil || string(a) == string(b) {
			t.Errorf("%s: the case is lost, or %v", what, err)
		}
	}
}

func TestCharacters(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "é": 1, "e\u0301\u0302": 1, "क्षि": 1, "นี้": 1, "각": 1, "ㄱ\u11a8": 1, "漢字": 2,
		"👨\u200d👩\u200d👧": 1, "👍🏿": 1, "#\ufe0f\u20e3": 1, "🇩🇪": 1, "🇩🇪🇫🇷": 2, "🇩🇪a🇫": 3, "\u0301": 0, "a\u00adb": 2,
	} {
		if got := password.Characters(text); got != want {
			t.Errorf("%q has %d characters, want %d", text, got, want)
		}
	}
}

// Every letter folds to what it stays, and to the same as its other case.
func TestFoldEveryRune(t *testing.T) {
	for r := rune(0); r < 0x30000; r++ {
		once := password.Fold(string(r))
		if again := password.Fold(once); once != again {
			t.Errorf("%U folds to %+q and then to %+q", r, once, again)
		}
		if other := password.Fold(string(unicode.ToUpper(r))); other != once && r != 'ı' {
			t.Errorf("%U folds to %+q, its upper case to %+q", r, once, other)
		}
	}
	if password.Fold("Ä") != "ä" || password.Fold("b") == "a" {
		t.Error("the check cannot fail")
	}
}

func TestNormal(t *testing.T) {
	a, err := password.Normal([]byte("ﬁve\u0301①Ｌ"))
	if err != nil || string(a) != "fivé1L" {
		t.Errorf("%q, %v", a, err)
	}
	again, err := password.Normal(a)
	if err != nil || string(again) != string(a) {
		t.Errorf("a normal form changes: %q, %v", again, err)
	}
	for _, bad := range []string{"", "\x7f", "a\xff", strings.Repeat("x", 257)} {
		if b, err := password.Normal([]byte(bad)); !strongroom.IsKind(err, strongroom.Invalid) || b != nil {
			t.Errorf("%q: %q, %v", bad, b, err)
		}
	}
}
