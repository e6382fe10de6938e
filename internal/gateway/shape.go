package gateway

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/classify"
)

// Form is what a value of a [Shape] may look like.
type Form uint8

// The forms. A value of another form does not leave.
const (
	Bool   Form = iota + 1 // true, false, or the words as strings
	Number                 // a number, or one in a string
	Code                   // a name without spaces, of up to 128 letters, digits and ._:/#-
	Text                   // up to 4,096 bytes in which the detector finds nothing personal
	Date                   // digits, letters and + - : . , and spaces, up to 40
	URL                    // http or https, without query, in which the detector finds nothing
	link                   // the place of a link that the mirror makes
)

func formNames() []string {
	return []string{"", "bool", "number", "code", "text", "date", "url", "link"}
}

// Shape says which keys an answer may have and what may stand under them. It is
// immutable and safe for concurrent use.
type Shape struct{ root *node }

type node struct {
	form    Form
	members map[string]*node
	element *node
}

// NewShape reads a shape of lines of a path and a form: "products[].price number".
// It panics on a line it cannot read, which is a mistake of the program; see
// [ParseShape] for what people write.
func NewShape(lines string) *Shape {
	var rows [][2]string
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 2 {
			panic("gateway: a line of a shape has a path and a form")
		}
		rows = append(rows, [2]string{f[0], f[1]})
	}
	s, err := ParseShape(rows)
	if err != nil {
		panic(err)
	}
	return s
}

// maxRows is how many rows a shape has at most.
const maxRows = 500

// ParseShape reads rows of a path and a form. Faults: Invalid for a row that
// cannot be read; its text names the row's number.
func ParseShape(rows [][2]string) (*Shape, error) {
	if len(rows) == 0 || len(rows) > maxRows {
		return nil, strongroom.Faultf(strongroom.Invalid, "shape", "a shape has 1 to %d rows", maxRows)
	}
	s := &Shape{root: &node{}}
	for i, row := range rows {
		f := slices.Index(formNames(), row[1])
		if f <= 0 || !s.root.lay(row[0], Form(f)) {
			return nil, strongroom.Faultf(strongroom.Invalid, "shape", "row %d of the shape has a wrong path or form", i+1).
				Advise("a path reads products[].price, a form is one of %s", strings.Join(formNames()[1:], ", "))
		}
	}
	return s, nil
}

func (n *node) lay(path string, f Form) bool {
	if len(path) > 200 {
		return false
	}
	for part := range strings.SplitSeq(path, ".") {
		key, lists := part, 0
		for strings.HasSuffix(key, "[]") {
			key, lists = key[:len(key)-2], lists+1
		}
		if key == "" && lists == 0 || key != "" && !isKey(key) {
			return false
		}
		if key != "" {
			if n.members == nil {
				n.members = make(map[string]*node)
			}
			if n.members[key] == nil {
				n.members[key] = &node{}
			}
			n = n.members[key]
		}
		for range lists {
			if n.element == nil {
				n.element = &node{}
			}
			n = n.element
		}
	}
	n.form = f
	return true
}

// isKey reports whether s is a key as a program writes it.
func isKey(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// filter is one body on its way through a shape.
type filter struct {
	d        *json.Decoder
	out      []byte
	withheld int // members and elements that did not pass
	depth    int
}

// maxDepth is how deep an answer may be nested.
const maxDepth = 64

// Filter appends body, without spaces, with what the shape names. What it does not
// name is left out, a value of another form is null, and both are counted. Faults:
// Invalid for what is no JSON, TooLarge for one nested too deep.
func (s *Shape) Filter(dst, body []byte) (out []byte, withheld int, err error) {
	f := &filter{d: json.NewDecoder(bytes.NewReader(body)), out: dst}
	f.d.UseNumber()
	t, err := f.d.Token()
	if err == nil {
		err = f.value(s.root, t)
	}
	if err == nil && f.d.More() {
		err = errBody()
	}
	if err == nil {
		return f.out, f.withheld, nil
	}
	if strongroom.IsKind(err, strongroom.TooLarge) {
		return nil, 0, err
	}
	return nil, 0, errBody()
}

func errBody() error {
	return strongroom.Faultf(strongroom.Invalid, "json", "the body is not JSON")
}

// value writes the value that begins with t, or null where n does not allow it.
func (f *filter) value(n *node, t json.Token) error {
	if f.depth > maxDepth {
		return strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", maxDepth)
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' && n != nil && n.members != nil {
			return f.object(n)
		}
		if v == '[' && n != nil && n.element != nil {
			return f.list(n)
		}
		return f.skip()
	case nil:
		f.out = append(f.out, "null"...)
	case bool:
		if n == nil || n.form != Bool {
			return f.withhold()
		}
		f.out = strconv.AppendBool(f.out, v)
	case json.Number:
		if n == nil || n.form != Number && n.form != Code || len(v) > 32 {
			return f.withhold()
		}
		f.out = append(f.out, v...)
	case string:
		if n == nil || !n.form.takes(v) {
			return f.withhold()
		}
		f.out = appendQuoted(f.out, v)
	}
	return nil
}

func (f *filter) withhold() error {
	f.withheld++
	f.out = append(f.out, "null"...)
	return nil
}

// skip passes over an object or a list that has begun.
func (f *filter) skip() error {
	for open := 1; open > 0; {
		t, err := f.d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
	return f.withhold()
}

func (f *filter) object(n *node) error {
	f.depth++
	f.out = append(f.out, '{')
	first := true
	for f.d.More() {
		key, err := f.d.Token()
		if err != nil {
			return err
		}
		t, err := f.d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		member := n.members[name]
		from := len(f.out)
		if !first {
			f.out = append(f.out, ',')
		}
		f.out = append(appendQuoted(f.out, name), ':')
		if err := f.value(member, t); err != nil {
			return err
		}
		if member == nil { // its key may be anything
			if t == nil {
				f.withheld++
			}
			f.out = f.out[:from]
			continue
		}
		first = false
	}
	return f.end('}')
}

func (f *filter) list(n *node) error {
	f.depth++
	f.out = append(f.out, '[')
	for first := true; f.d.More(); first = false {
		if !first {
			f.out = append(f.out, ',')
		}
		t, err := f.d.Token()
		if err != nil {
			return err
		}
		if err := f.value(n.element, t); err != nil {
			return err
		}
	}
	return f.end(']')
}

func (f *filter) end(c byte) error {
	f.depth--
	f.out = append(f.out, c)
	_, err := f.d.Token()
	return err
}

// takes reports whether a text has the form.
func (f Form) takes(s string) bool {
	switch f {
	case Bool:
		return s == "true" || s == "false"
	case Number:
		_, err := strconv.ParseFloat(s, 64)
		return err == nil && len(s) <= 32 || s == ""
	case Code:
		return len(s) <= 128 && only(s, "._:/#-", "") && !personal(s)
	case Date:
		return len(s) <= 40 && only(s, "+-:.,", " ")
	case Text:
		return len(s) <= 4096 && !personal(s)
	case URL:
		return len(s) <= 2048 && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) &&
			!strings.ContainsAny(s, "?#@ ") && !personal(s)
	case link:
		return s == "" || strings.HasPrefix(s, linkPlace)
	}
	return false
}

// only reports whether s holds letters and digits of ASCII and marks alone.
func only(s, marks, more string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(marks, r) || strings.ContainsRune(more, r))
	})
}

// personal reports whether the detector finds something in s. An id of digits
// alone is none: the platforms' ids are, and telephone numbers have no place in
// a code.
func personal(s string) bool {
	if strings.Trim(s, "0123456789") == "" && len(s) <= 20 {
		return false
	}
	_, found := classify.Has([]byte(s))
	return found
}
