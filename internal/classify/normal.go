package classify

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail bounds an address, in bytes: 64 for the local part and 255 for the
// domain, as in RFC 5321, and room for what a client escapes.
const maxEmail = 512

// Email returns the normal form of an e-mail address: local part and domain in
// lower case, the domain as A-labels. kept holds the plus-tag if there was one,
// dropped never does, so that an address can be found with and without it. An
// address in angle brackets after a name counts; anything without local part and
// domain does not.
func Email(s string) (kept, dropped string, ok bool) {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	s = strings.TrimSpace(s)
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || len(s) > maxEmail || strings.ContainsAny(s, " \t\r\n<>") || !utf8.ValidString(s) {
		return "", "", false
	}
	local, domain := foldCase(s[:at]), strings.TrimRight(foldCase(s[at+1:]), ".")
	if domain == "" || strings.ContainsAny(local+domain, " @<>") {
		return "", "", false
	}
	if !ascii(domain) {
		a, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", "", false
		}
		domain = a
	}
	kept = local + "@" + domain
	if plus := strings.IndexByte(local, '+'); plus > 0 {
		return kept, local[:plus] + "@" + domain, true
	}
	return kept, kept, true
}

// foldCase returns s in lower case and compatibility form.
func foldCase(s string) string {
	if !ascii(s) {
		s = norm.NFKC.String(s)
	}
	return strings.ToLower(s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Name folds the parts of a person's name: compatibility forms, case, accents of
// the alphabets that have them as marks, ligatures and apostrophes go; words
// are sorted, so that first name first and last name first are equal. It returns
// "" where no letter is left.
func Name(parts ...string) string {
	var words []string
	for _, p := range parts {
		words = appendWords(words, p)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// appendWords appends the folded words of s.
func appendWords(words []string, s string) []string {
	if !ascii(s) {
		s = norm.NFKD.String(strings.ToValidUTF8(s, " "))
	}
	buf := make([]byte, 0, len(s)+8)
	from := 0
	flush := func() {
		if len(buf) > from {
			w := string(buf[from:])
			if !ascii(w) {
				w = norm.NFC.String(w) // syllables of Hangul, marks in one order
			}
			words, from = append(words, w), len(buf)
		}
	}
	var base rune
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			base = r
			buf = appendFolded(buf, unicode.ToLower(r))
		case unicode.IsMark(r):
			// An accent of an alphabet goes; a vowel sign of Devanagari or the
			// voicing of kana is part of the word.
			if len(buf) > from && !unicode.In(base, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew) {
				buf = utf8.AppendRune(buf, r)
			}
		case apostrophe(r) || unicode.Is(unicode.Cf, r) || r == 'ـ':
			// O'Brien is OBrien; direction marks, joiners and tatweel are
			// no part of a name.
		default:
			flush()
		}
	}
	flush()
	return words
}

func apostrophe(r rune) bool {
	switch r {
	case '\'', '’', '‘', 'ʼ', 'ʻ', '`', '´', '′', 'ʹ':
		return true
	}
	return false
}

// appendFolded appends a lower-case letter, spelled out where Unicode does not
// decompose it.
func appendFolded(buf []byte, r rune) []byte {
	switch r {
	case 'ß':
		return append(buf, "ss"...)
	case 'æ':
		return append(buf, "ae"...)
	case 'œ':
		return append(buf, "oe"...)
	case 'ø':
		return append(buf, 'o')
	case 'đ', 'ð':
		return append(buf, 'd')
	case 'ł':
		return append(buf, 'l')
	case 'þ':
		return append(buf, "th"...)
	case 'ħ':
		return append(buf, 'h')
	case 'ı':
		return append(buf, 'i')
	case 'ς':
		r = 'σ'
	case 'ʼ', 'ʻ', 'ʹ': // modifier letters that serve as apostrophes
		return buf
	}
	return utf8.AppendRune(buf, r)
}

// PostalCode returns the letters and digits of a postal code in upper case. A
// nine-digit code keeps all nine.
func PostalCode(s string) string { return alnum(s) }

// NationalID returns the letters and digits of an id in upper case.
func NationalID(s string) string { return alnum(s) }

func alnum(s string) string {
	if !ascii(s) {
		s = norm.NFKC.String(strings.ToValidUTF8(s, " "))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r):
			return unicode.ToUpper(r)
		case r >= '0' && r <= '9':
			return r
		case unicode.IsDigit(r):
			return '0' + digitValue(r)
		}
		return -1
	}, s)
}

// digitValue returns the value of a decimal digit of any script: Unicode encodes
// each script's ten digits in order, zero first.
func digitValue(r rune) rune {
	v := rune(0)
	for v < 9 && unicode.IsDigit(r-v-1) {
		v++
	}
	return v
}
