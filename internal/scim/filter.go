package scim

import (
	"encoding/json"
	"strings"

	"strongroom"
)

// Bounds of a filter.
const (
	maxFilter = 2000 // bytes
	maxNest   = 10
)

// filter is a parsed filter (RFC 7644, 3.4.2.2): and, or, not, a comparison, or a
// comparison of the elements of a list.
type filter struct {
	op    string // and, or, not, each, pr, or a comparison
	left  *filter
	right *filter
	attr  string // in lower case
	value any    // string, bool, float64 or nil
}

// source gives the values of an attribute; ok is false for one nobody defined.
// Elements of a list are sources themselves.
type source func(attr string) (values []any, ok bool)

func badFilter(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "invalidFilter", "%s", what)
}

// parseFilter reads a filter whole.
func parseFilter(text string) (*filter, error) {
	if len(text) > maxFilter {
		return nil, badFilter("the filter is longer than 2,000 bytes")
	}
	p := &parser{rest: text}
	f, err := p.or(0)
	if err == nil && p.space() != "" {
		err = badFilter("the filter goes on after its end")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// parser reads a filter from the left.
type parser struct{ rest string }

func (p *parser) space() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	return p.rest
}

// word takes a word if it comes next, in whatever case.
func (p *parser) word(w string) bool {
	s := p.space()
	if len(s) < len(w) || !strings.EqualFold(s[:len(w)], w) || len(s) > len(w) && isAttr(s[len(w)]) {
		return false
	}
	p.rest = s[len(w):]
	return true
}

func (p *parser) sign(c byte) bool {
	s := p.space()
	if s == "" || s[0] != c {
		return false
	}
	p.rest = s[1:]
	return true
}

func (p *parser) or(depth int) (*filter, error) {
	if depth > maxNest {
		return nil, badFilter("the filter nests too deep")
	}
	left, err := p.and(depth)
	for err == nil && p.word("or") {
		var right *filter
		right, err = p.and(depth)
		left = &filter{op: "or", left: left, right: right}
	}
	return left, err
}

func (p *parser) and(depth int) (*filter, error) {
	left, err := p.term(depth)
	for err == nil && p.word("and") {
		var right *filter
		right, err = p.term(depth)
		left = &filter{op: "and", left: left, right: right}
	}
	return left, err
}

func (p *parser) term(depth int) (*filter, error) {
	negated := p.word("not")
	if p.sign('(') {
		f, err := p.or(depth + 1)
		if err == nil && !p.sign(')') {
			err = badFilter("a bracket of the filter is not closed")
		}
		if negated {
			f = &filter{op: "not", left: f}
		}
		return f, err
	}
	if negated {
		return nil, badFilter("not stands before a bracket")
	}
	attr := p.attr()
	if attr == "" {
		return nil, badFilter("the filter has no attribute where one belongs")
	}
	if p.sign('[') {
		f, err := p.or(depth + 1)
		if err == nil && !p.sign(']') {
			err = badFilter("a bracket of the filter is not closed")
		}
		return &filter{op: "each", attr: attr, left: f}, err
	}
	if p.word("pr") {
		return &filter{op: "pr", attr: attr}, nil
	}
	for _, op := range []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"} {
		if p.word(op) {
			v, err := p.value()
			return &filter{op: op, attr: attr, value: v}, err
		}
	}
	return nil, badFilter("the filter has no operator where one belongs")
}

func isAttr(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '$' || c == '.' || c == ':'
}

// attr takes the path of an attribute, without the name of a schema of ours.
func (p *parser) attr() string {
	s := p.space()
	n := 0
	for n < len(s) && isAttr(s[n]) {
		n++
	}
	p.rest = s[n:]
	return trimSchema(s[:n])
}

// value takes a JSON value that is no object and no list.
func (p *parser) value() (any, error) {
	for _, w := range []struct {
		word  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if p.word(w.word) {
			return w.value, nil
		}
	}
	s := p.space()
	d := json.NewDecoder(strings.NewReader(s))
	var v any
	if s == "" || s[0] == '{' || s[0] == '[' || d.Decode(&v) != nil {
		return nil, badFilter("the filter has no value where one belongs")
	}
	p.rest = s[d.InputOffset():]
	return v, nil
}

// match reports whether something passes the filter. The fault is Invalid for an
// attribute nobody defined.
func (f *filter) match(from source) (bool, error) {
	switch f.op {
	case "not":
		ok, err := f.left.match(from)
		return !ok, err
	case "and", "or":
		// Both sides are looked at, so that a filter is good or bad whatever there is.
		l, err := f.left.match(from)
		if err != nil {
			return false, err
		}
		r, err := f.right.match(from)
		if f.op == "and" {
			return l && r, err
		}
		return l || r, err
	}
	values, ok := from(f.attr)
	if !ok {
		return false, badFilter("the filter names an attribute that does not exist or cannot be asked for")
	}
	switch f.op {
	case "pr":
		return len(values) > 0, nil
	case "each":
		return f.each(values)
	case "ne":
		for _, v := range values {
			if compare("eq", f.attr, v, f.value) {
				return false, nil
			}
		}
		return true, nil
	}
	for _, v := range values {
		if compare(f.op, f.attr, v, f.value) {
			return true, nil
		}
	}
	return false, nil
}

// each asks about the elements of a list.
func (f *filter) each(values []any) (found bool, err error) {
	for _, v := range values {
		s, ok := v.(source)
		if !ok {
			return false, badFilter("the filter asks for elements of what is no list")
		}
		is, err := f.left.match(s)
		if err != nil {
			return false, err
		}
		found = found || is
	}
	return found, nil
}

// exact are the attributes whose case counts (RFC 7643, 3.1, 4.2, 8.7.1).
func exact(attr string) bool {
	return attr == "id" || attr == "externalid" || strings.HasSuffix(attr, ".value") && !strings.HasPrefix(attr, "emails")
}

// compare compares a value with what is asked for. An element of a list stands for
// its value.
func compare(op, attr string, have, want any) bool {
	if s, ok := have.(source); ok {
		vs, _ := s("value")
		if len(vs) == 0 {
			return false
		}
		have, attr = vs[0], attr+".value"
	}
	if b, ok := have.(bool); ok {
		w, is := truth(want)
		return op == "eq" && is && b == w
	}
	h, hok := have.(string)
	w, wok := want.(string)
	if !hok || !wok {
		return false
	}
	if !exact(attr) {
		h, w = strings.ToLower(h), strings.ToLower(w)
	}
	switch op {
	case "eq":
		return h == w
	case "co":
		return strings.Contains(h, w)
	case "sw":
		return strings.HasPrefix(h, w)
	case "ew":
		return strings.HasSuffix(h, w)
	case "gt":
		return h > w
	case "ge":
		return h >= w
	case "lt":
		return h < w
	case "le":
		return h <= w
	}
	return false
}

// truth reads true and false, also as the text that some directories send.
func truth(v any) (value, ok bool) {
	switch x := v.(type) {
	case bool:
		return x, true
	case string:
		switch strings.ToLower(x) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}
