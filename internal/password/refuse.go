package password

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"strongroom"
)

// Subject is whom a password is meant for. All of it is personal and none of it
// appears in a message.
type Subject struct {
	Name   string   // the full name, in any script
	Emails []string // addresses; the part before the @ counts
	Words  []string // further words close at hand: the account, the organisation, the product
}

// Problem is one reason to refuse a password.
type Problem struct {
	Code string // password-form, -short, -classes, -name, -email, -word, -common or -repeat
	What string // to be read after "the password"
}

// Refuse returns nil if candidate is acceptable for s, else a fault Invalid that
// tells every problem and carries the code of the first. Length, name and classes
// are DPP 2.4.2, 2.4.3 and 2.4.4; the rest is ours.
func (p Profile) Refuse(candidate []byte, s Subject) error {
	problems := p.Problems(candidate, s)
	if len(problems) == 0 {
		return nil
	}
	whats := make([]string, len(problems))
	for i, q := range problems {
		whats[i] = q.What
	}
	return strongroom.Faultf(strongroom.Invalid, problems[0].Code, "the password %s", strings.Join(whats, "; it ")).
		Advise("several unrelated words, with some digits and punctuation between them, serve well")
}

// Problems returns everything that is wrong with candidate for s, in a fixed
// order; nil if nothing is.
func (p Profile) Problems(candidate []byte, s Subject) []Problem {
	if what := unfit(candidate); what != "" {
		return []Problem{{codeForm, what}}
	}
	text := norm.NFKC.String(string(candidate))
	var found []Problem
	add := func(bad bool, code, what string) {
		if bad {
			found = append(found, Problem{"password-" + code, what})
		}
	}
	add(characters(text) < p.MinLength, "short", fmt.Sprintf("has fewer than %d characters", p.MinLength))
	lacks := p.lacks(text)
	add(lacks != "", "classes", "needs at least "+lacks)
	c := formsOf(text)
	add(nameNeedles(s.Name).in(c), "name", "contains a part of the person's name")
	add(emailNeedles(s.Emails).in(c), "email", "contains a part of the person's e-mail address")
	add(wordNeedles(s.Words).in(c), "word", "contains a word that is easy to guess here, such as the organisation's name")
	add(common(text), "common", "is little more than a password that many people use")
	add(repetitive(text, p.MinLength), "repeat", "is mostly repetition, or runs of letters, digits or neighbouring keys")
	return found
}

// Normal returns the one form of a password that is compared and hashed: NFKC.
// What was typed must be text in UTF-8 of 1 to [MaxBytes] bytes, without control
// characters and unassigned code points; else the fault is Invalid.
func Normal(typed []byte) ([]byte, error) {
	if what := unfit(typed); what != "" {
		return nil, strongroom.Faultf(strongroom.Invalid, codeForm, "the password %s", what)
	}
	return norm.NFKC.Bytes(typed), nil
}

const codeForm = "password-form"

// unfit says why typed cannot be a password at all, or "".
func unfit(typed []byte) string {
	switch {
	case len(typed) == 0:
		return "is empty"
	case len(typed) > MaxBytes:
		return fmt.Sprintf("has more than %d bytes", MaxBytes)
	case !utf8.Valid(typed):
		return "is not text in UTF-8"
	}
	for _, r := range string(typed) {
		if !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			return "contains a character that is not for display"
		}
	}
	return ""
}

// lacks names the classes text has too few of. A letter of a script without case
// counts for length and for no class: it is neither upper nor lower. Whatever is
// not a letter, a mark or a digit is special, spaces and pictures included.
func (p Profile) lacks(text string) string {
	var upper, lower, digit, special int
	for _, r := range text {
		switch {
		case unicode.IsUpper(r) || unicode.IsTitle(r):
			upper++
		case unicode.IsLower(r):
			lower++
		case unicode.IsDigit(r):
			digit++
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.Cf, r):
		default:
			special++
		}
	}
	var lacks []string
	for _, c := range []struct {
		have, want int
		name       string
	}{
		{upper, p.Upper, "upper-case letter"}, {lower, p.Lower, "lower-case letter"},
		{digit, p.Digit, "digit"}, {special, p.Special, "special character"},
	} {
		if c.have < c.want {
			plural := "s"
			if c.want == 1 {
				plural = ""
			}
			lacks = append(lacks, fmt.Sprintf("%d %s%s", c.want, c.name, plural))
		}
	}
	return strings.Join(lacks, ", ")
}
