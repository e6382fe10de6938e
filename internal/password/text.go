package password

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// characters counts what a reader sees as characters in text, which is in NFKC.
// It follows UAX #29 in what keyboards produce, and counts less rather than more:
// marks, joiners and what they join, conjuncts, skin tones, and the second half
// of a flag add nothing.
func characters(text string) int {
	n := 0
	joined, flag := false, false
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.M, unicode.Cf) || r >= 0x1F3FB && r <= 0x1F3FF || isJamoTail(r):
			joined = r == 0x200D || norm.NFC.PropertiesString(string(r)).CCC() == 9
			continue
		case joined:
		case r >= 0x1F1E6 && r <= 0x1F1FF:
			if flag = !flag; flag {
				n++
			}
			joined = false
			continue
		default:
			n++
		}
		joined, flag = false, false
	}
	return n
}

// isJamoTail reports a vowel or final consonant that NFKC left uncomposed.
func isJamoTail(r rune) bool {
	return r >= 0x1160 && r <= 0x11FF || r >= 0xD7B0 && r <= 0xD7FF
}

// fold brings text to a form without case, without the difference of the two
// kana, and without compatibility forms, composed so that a letter with its accent
// is one rune. Folding twice changes nothing.
func fold(text string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || r == 'ـ' {
			return -1 // joiners, soft hyphens and the Arabic stretch hide between letters
		}
		return r
	}, norm.NFKD.String(text))
	// Folding turns Cherokee letters into each other; lower case after it makes
	// them one.
	seen = norm.NFKC.String(strings.ToLower(cases.Fold().String(seen)))
	return strings.Map(func(r rune) rune {
		if r >= 'ァ' && r <= 'ヶ' {
			return r - 'ァ' + 'ぁ'
		}
		return r
	}, seen)
}

// plain is r without its accents. Syllables of Hangul stay whole.
func plain(r rune) string {
	if unicode.Is(unicode.Hangul, r) {
		return string(r)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(string(r)))
}

// forms are the spellings one text has: itself without accents, and one for each
// scheme of transliteration, all folded.
type forms []string

func formsOf(text string) forms {
	folded := fold(text)
	fs := forms{spell(folded, func(r rune) string { return plain(r) })}
	for scheme := range schemes {
		f := spell(folded, func(r rune) string { return latin(r, scheme) })
		if f != fs[0] && f != fs[len(fs)-1] {
			fs = append(fs, f)
		}
	}
	return fs
}

func spell(folded string, letter func(rune) string) string {
	var b strings.Builder
	for _, r := range folded {
		b.WriteString(letter(r))
	}
	return b.String()
}

// latin is r in Latin letters by one scheme, or r without accents if no scheme
// knows it.
func latin(r rune, scheme int) string {
	if spelt, ok := spellings[r]; ok {
		return spelt[min(scheme, len(spelt)-1)]
	}
	base := plain(r)
	var b strings.Builder
	for _, q := range base {
		if spelt, ok := spellings[q]; ok {
			b.WriteString(spelt[min(scheme, len(spelt)-1)])
		} else {
			b.WriteRune(q)
		}
	}
	return b.String()
}

func reversed(s string) string {
	rs := []rune(s)
	for i, j := 0, len(rs)-1; i < j; i, j = i+1, j-1 {
		rs[i], rs[j] = rs[j], rs[i]
	}
	return string(rs)
}
