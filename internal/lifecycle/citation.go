package lifecycle

import (
	"strings"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/classify"
)

// maxCitation is the longest citation, in characters.
const maxCitation = 120

// citationMarks is what a citation may hold beside letters, digits and single
// spaces.
const citationMarks = "§¶.,:;()/#&+_'-–ºª°"

// checkCitation reports whether s can be a citation: a law, an order or an
// incident by its number, such as "GDPR Art. 15(1)", "AO § 147" or "incident
// 2026-0007". It holds Latin letters, digits and the marks of the field, at least
// one letter and one digit, and nothing that looks like personal data. The error
// never repeats s.
func checkCitation(s string) error {
	n := utf8.RuneCountInString(s)
	if n < 3 || n > maxCitation {
		return badCitation("a citation has 3 to %d characters", maxCitation)
	}
	var letters, digits int
	before := ' '
	for _, c := range s {
		switch {
		case isLatin(c):
			letters++
		case c >= '0' && c <= '9':
			digits++
		case c == ' ' && before != ' ':
		case strings.ContainsRune(citationMarks, c):
		default:
			return badCitation("a citation holds Latin letters, digits, single spaces and %s only", citationMarks)
		}
		before = c
	}
	switch {
	case before == ' ':
		return badCitation("a citation does not end with a space")
	case letters == 0 || digits == 0:
		return badCitation("a citation names its law, order or incident by words and a number")
	}
	if _, hit := classify.Has([]byte(s)); hit {
		return badCitation("the citation looks like personal data")
	}
	return nil
}

// isLatin reports whether c is a letter of a Latin script, composed: other
// scripts are written in these.
func isLatin(c rune) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 'À' && c <= 'ɏ' && c != '×' && c != '÷'
}

func badCitation(format string, args ...any) error {
	return strongroom.Faultf(strongroom.Invalid, "citation", format, args...).
		Advise("such as GDPR Art. 15(1), AO § 147 or incident 2026-0007")
}
