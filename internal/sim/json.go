package sim

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// doc writes one JSON text. Personal values go through personal, which notes
// them where somebody wants to know.
type doc struct {
	b    []byte
	seen *[]string // nil unless personal values are asked for
	// full writes keys without a value as null; else they are left out.
	full bool
	// quoted writes numbers and booleans as strings, as EcartAPI mostly does.
	quoted bool
	// ascii escapes everything beyond ASCII, as some platforms do.
	ascii bool
}

// next puts the comma before a further member or element.
func (d *doc) next() {
	if n := len(d.b); n > 0 && d.b[n-1] != '{' && d.b[n-1] != '[' && d.b[n-1] != ':' {
		d.b = append(d.b, ',')
	}
}

func (d *doc) key(k string) {
	d.next()
	if k != "" {
		d.b = append(d.b, '"')
		d.b = append(d.b, k...)
		d.b = append(d.b, '"', ':')
	}
}

// open starts an object, openList an array; an empty key makes an element.
func (d *doc) open(k string)     { d.key(k); d.b = append(d.b, '{') }
func (d *doc) close()            { d.b = append(d.b, '}') }
func (d *doc) openList(k string) { d.key(k); d.b = append(d.b, '[') }
func (d *doc) closeList()        { d.b = append(d.b, ']') }

// str writes a text that is nobody's; an empty one counts as missing.
func (d *doc) str(k, v string) {
	if v == "" {
		d.null(k)
		return
	}
	d.key(k)
	d.quote(v)
}

// personal writes a text that belongs to a person.
func (d *doc) personal(k, v string) {
	if v != "" && d.seen != nil {
		*d.seen = append(*d.seen, v)
	}
	d.str(k, v)
}

// num writes a number given as text.
func (d *doc) num(k, v string) {
	d.key(k)
	if d.quoted {
		d.quote(v)
		return
	}
	d.b = append(d.b, v...)
}

func (d *doc) int(k string, v int) { d.num(k, strconv.Itoa(v)) }

// cents writes an amount with two decimals.
func (d *doc) cents(k string, v int) { d.num(k, money(v)) }

func money(v int) string {
	s := strconv.Itoa(v / 100)
	c := v % 100
	return s + "." + string([]byte{byte('0' + c/10), byte('0' + c%10)})
}

func (d *doc) bool(k string, v bool) { d.num(k, strconv.FormatBool(v)) }

func (d *doc) null(k string) {
	if d.full {
		d.key(k)
		d.b = append(d.b, "null"...)
	}
}

func (d *doc) nulls(keys ...string) {
	for _, k := range keys {
		d.null(k)
	}
}

// raw writes a JSON text as it is.
func (d *doc) raw(k, v string) {
	d.key(k)
	d.b = append(d.b, v...)
}

const hexDigits = "0123456789abcdef"

// quote appends v as a JSON string.
func (d *doc) quote(v string) {
	d.b = append(d.b, '"')
	for i, r := range v {
		switch {
		case r == '"' || r == '\\':
			d.b = append(d.b, '\\', byte(r))
		case r == '\n':
			d.b = append(d.b, '\\', 'n')
		case r < 0x20:
			d.b = append(d.b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r < utf8.RuneSelf:
			d.b = append(d.b, byte(r))
		case !d.ascii:
			d.b = append(d.b, v[i:i+utf8.RuneLen(r)]...)
		case r > 0xFFFF:
			a, b := utf16.EncodeRune(r)
			d.escape(a)
			d.escape(b)
		default:
			d.escape(r)
		}
	}
	d.b = append(d.b, '"')
}

func (d *doc) escape(r rune) {
	d.b = append(d.b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
