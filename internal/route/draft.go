package route

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/seal"
)

// maxTokens is how many tokens a request may carry.
const maxTokens = 200

// emailDomain follows the tokens of e-mail addresses.
const emailDomain = "@pii.invalid"

// draft is a request taken apart: what goes out as it is, and between its pieces the
// texts with tokens.
type draft struct {
	raw    [][]byte // one more than fields
	fields []field
	carry  []byte // what the next piece begins with
}

// piece ends a piece.
func (d *draft) piece(text []byte) {
	d.raw = append(d.raw, append(d.carry, text...))
	d.carry = nil
}

// field is a text of the request that carries tokens.
type field struct {
	place *Place
	text  string
	marks []mark
	// write appends a text as the place spells it. whole is the value as it is in JSON,
	// where the token was all of it.
	write func(dst []byte, text string, whole json.RawMessage) ([]byte, error)
}

// mark is a token in a text.
type mark struct {
	token    string
	from, to int
}

// add ends the piece before at, puts a field there and begins the next piece at to.
func (d *draft) add(body []byte, last *int, at, to int, f field) {
	d.piece(body[*last:at])
	d.fields = append(d.fields, f)
	*last = to
}

// marks returns the tokens in s.
func marks(s string) (out []mark) {
	for at := 0; ; {
		i := strings.Index(s[at:], "sr")
		if i < 0 || len(s)-at-i < seal.TokenSize {
			return out
		}
		i += at
		if _, _, ok := seal.ParseToken(s[i : i+seal.TokenSize]); !ok {
			at = i + 2
			continue
		}
		to := i + seal.TokenSize
		if strings.HasPrefix(s[to:], emailDomain) {
			to += len(emailDomain)
		}
		out = append(out, mark{s[i:to], i, to})
		at = to
	}
}

func hasToken(s string) bool { return len(marks(s)) > 0 }

func errPlace(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Denied, "token-place", "%s", what).Advise("strongroom route show says which places there are")
}

// look returns the field for a text that stands at a place, nil if it carries no token.
func look(p *Place, text string, write func([]byte, string, json.RawMessage) ([]byte, error)) (*field, error) {
	found := marks(text)
	switch {
	case p != nil && p.Inside == "zpl" && setsPrefix(text):
		return nil, errPlace("the text changes what begins a command, which a value could then hold")
	case len(found) == 0:
		return nil, nil
	case p == nil:
		return nil, errPlace("a token stands where the route has no place for one")
	case len(found) > maxTokens:
		return nil, errMany()
	case p.Inside == "" && (len(found) != 1 || found[0].from != 0 || found[0].to != len(text)):
		return nil, errPlace("a token stands inside a longer text, where the route takes it alone")
	}
	return &field{place: p, text: text, marks: found, write: write}, nil
}

func errMany() error {
	return strongroom.Faultf(strongroom.TooLarge, "tokens", "a request carries up to %d tokens", maxTokens)
}

// find returns the place of a kind at a name.
func (k *call) find(in string, is func(at string) bool) *Place {
	for i := range k.Places {
		if p := &k.Places[i]; p.In == in && is(p.At) {
			return p
		}
	}
	return nil
}

// render puts values in the place of tokens. values are those of all marks in order.
func (d *draft) render(values []json.RawMessage) ([]byte, error) {
	var out []byte
	n := 0
	for i := range d.fields {
		out = append(out, d.raw[i]...)
		f := &d.fields[i]
		text, whole, err := f.fill(values[n : n+len(f.marks)])
		if err == nil {
			out, err = f.write(out, text, whole)
		}
		if err != nil {
			return nil, err
		}
		n += len(f.marks)
	}
	return append(out, d.raw[len(d.fields)]...), nil
}

// fill returns the field's text with values in it.
func (f *field) fill(values []json.RawMessage) (text string, whole json.RawMessage, err error) {
	if f.place.Inside == "" {
		text, err = f.place.value(values[0])
		return text, values[0], err
	}
	var b strings.Builder
	at := 0
	for i, m := range f.marks {
		v, err := f.place.value(values[i])
		if err != nil {
			return "", nil, err
		}
		b.WriteString(f.text[at:m.from])
		b.WriteString(f.place.escape(v))
		at = m.to
	}
	b.WriteString(f.text[at:])
	return b.String(), nil, nil
}

func errValue(what string) error {
	return strongroom.Faultf(strongroom.Denied, "value-place", "%s", what).
		Advise("the value behind a token cannot stand where the token stands")
}

// value returns a JSON value as text that may stand at the place.
func (p *Place) value(v json.RawMessage) (string, error) {
	s, err := textOf(v)
	if err != nil {
		return "", err
	}
	for _, r := range s {
		line := r == '\n' || r == '\r' || r == '\t' || r == '\u0085' || r == '\u2028' || r == '\u2029'
		if line && !p.Lines || !line && (r < ' ' || r >= 0x7f && r < 0xa0) || r == utf8.RuneError {
			return "", errValue("a value holds a line break or a control character, which its place does not take")
		}
	}
	if p.Inside == "zpl" && strings.ContainsAny(s, "^~\n\r") {
		return "", errValue("a value holds what is a command to a printer")
	}
	return s, nil
}

// textOf returns the text of a JSON value that is a string, a number or a truth value.
func textOf(v json.RawMessage) (string, error) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] == '{' || v[0] == '[' || v[0] == 'n' {
		return "", errValue("a value is none that can be written as text")
	}
	if v[0] != '"' {
		return string(v), nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", errValue("a value is none that can be written as text")
	}
	return s, nil
}

// escape writes a value for the language of the text it stands in.
func (p *Place) escape(s string) string {
	switch p.Inside {
	case "html":
		return entities(s)
	case "url":
		return url.QueryEscape(s)
	}
	return s
}

// entities writes a text for HTML so that it ends neither a text nor an attribute, be that
// in quotes or not.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= utf8.RuneSelf || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
			b.WriteRune(r)
			continue
		}
		b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
	}
	return b.String()
}

// setsPrefix reports whether a text in ZPL has its commands begin with another letter
// than ^ and ~: by ^CC, ~CC, ^CT or ~CT.
func setsPrefix(s string) bool {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' }), "")
	for i := 0; i+3 < len(s); i++ {
		if s[i] != '^' && s[i] != '~' {
			continue
		}
		if is := strings.ToUpper(s[i+1 : i+3]); is == "CC" && s[i+3] != '^' || is == "CT" && s[i+3] != '~' {
			return true
		}
	}
	return false
}
