package classify

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Phone returns the normal form of a phone number. region is the two-letter
// country in whose national format the number may be written, "" if unknown.
//
// A number with plus, or one that the region explains, gives E.164: "+492065550164".
// Any other text with seven digits or more gives "~" and its last nine digits
// without leading zeros, so that a number still equals itself; see [PhoneTail].
// Fewer digits are no phone number.
func Phone(s, region string) (e164 string, ok bool) {
	digits, plus := dialled(s)
	if len(digits) < 7 {
		return "", false
	}
	if plus {
		if cc := dialCode([]byte(digits)); cc > 0 && len(digits) <= 15 && (digits[cc] != '0' || digits[:cc] == "39") {
			return "+" + oneForm(digits), true
		}
	} else if p, ok := plans[strings.ToUpper(region)]; ok {
		if n := p.national(digits); n != "" {
			return "+" + oneForm(p.code+n), true
		}
	}
	if !ascii(region) || len(region) != 2 {
		region = ""
	}
	text := digits
	if plus {
		text = "+" + digits
	}
	if n, err := phonenumbers.Parse(text, strings.ToUpper(region)); err == nil {
		if e164 := phonenumbers.Format(n, phonenumbers.E164); len(e164) > 7 && len(e164) <= 16 {
			return "+" + oneForm(e164[1:]), true
		}
	}
	return "~" + tail(digits), true
}

// PhoneTail returns the last nine digits of the national number, without leading
// zeros. Every format of a number has the same tail, whatever the region; numbers
// of different countries may share one.
func PhoneTail(s string) (string, bool) {
	digits, plus := dialled(s)
	if len(digits) < 7 {
		return "", false
	}
	if plus {
		digits = digits[dialCode([]byte(digits)):]
	}
	return tail(digits), true
}

func tail(digits string) string {
	return strings.TrimLeft(digits[max(0, len(digits)-9):], "0")
}

// maxPhone bounds the text of a phone number, in bytes; longer text is prose.
const maxPhone = 96

// dialled returns the digits of s up to an extension, and whether they start
// with a country code. A trunk zero in parentheses, as in +44 (0)20, is dropped.
func dialled(s string) (digits string, plus bool) {
	s = strings.TrimSpace(s)
	if len(s) > maxPhone {
		return "", false
	}
	trunk := strings.Contains(s, "(0)")
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	buf := make([]byte, 0, 20)
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			buf = append(buf, byte(r))
		case unicode.IsDigit(r):
			buf = append(buf, byte('0'+digitValue(r)))
		case (r == '+' || r == '＋') && len(buf) == 0:
			plus = true
		case r == ')' && plus && len(buf) > 1 && buf[len(buf)-1] == '0' && trunk:
			buf = buf[:len(buf)-1]
		case (unicode.IsLetter(r) || r == ';' || r == '#' || r == ',') && len(buf) > 0:
			return trimExit(buf, plus)
		}
		if len(buf) == cap(buf) {
			break
		}
	}
	return trimExit(buf, plus)
}

// trimExit drops an international prefix 00, which stands for the plus.
func trimExit(buf []byte, plus bool) (string, bool) {
	if !plus && len(buf) > 9 && buf[0] == '0' && buf[1] == '0' {
		return string(buf[2:]), true
	}
	return string(buf), plus
}

// oneForm drops what some countries write and others leave out: the mobile 1 of
// Mexico, which is not dialled since 2019.
func oneForm(digits string) string {
	if len(digits) == 13 && strings.HasPrefix(digits, "521") {
		return "52" + digits[3:]
	}
	return digits
}

// plan is as much of a country's numbering plan as the common formats need. The
// library knows all of it, but takes 15 µs for a number, a third of what taking
// in a whole order may cost; a test holds the two side by side.
type plan struct {
	code     string // country calling code
	trunk    string // what is dialled before a national number; "" if nothing
	min, max int    // digits of a national number
}

// national returns the national significant number, or "" if the digits do not
// fit the plan.
func (p plan) national(digits string) string {
	n := digits
	if p.trunk != "" && strings.HasPrefix(n, p.trunk) {
		n = n[len(p.trunk):]
	}
	if len(n) < p.min || len(n) > p.max || n[0] == '0' {
		return ""
	}
	return n
}

var plans = map[string]plan{
	"US": {"1", "1", 10, 10}, "CA": {"1", "1", 10, 10},
	"MX": {"52", "", 10, 10}, "ES": {"34", "", 9, 9}, "FR": {"33", "0", 9, 9},
	"GB": {"44", "0", 10, 10}, "PT": {"351", "", 9, 9}, "CL": {"56", "", 9, 9},
	"PE": {"51", "0", 8, 9}, "CO": {"57", "", 10, 10}, "AU": {"61", "0", 9, 9},
	"NL": {"31", "0", 9, 9}, "BE": {"32", "0", 8, 9}, "CH": {"41", "0", 9, 9},
	"PL": {"48", "", 9, 9}, "IN": {"91", "0", 10, 10},
}
