package api

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/web"
)

// param is one value of path or query and the field it goes to.
type param struct {
	name  string
	path  bool  // else query
	field []int // by index
	kind  paramKind
	max   int64    // of an intParam; 0 is none
	page  int64    // of a limit: the longest page there is; more counts as this
	of    []string // all values that there are, of a word; nil is any
	must  bool     // it may not be missing
	doc   string
}

type paramKind uint8

const (
	wordParam   paramKind = iota // a name by grammar that is not personal
	cursorParam                  // an opaque string we gave out
	intParam
	boolParam
	timeParam  // RFC 3339
	wordsParam // names, the parameter repeated
	bareParam  // anything: the row refuses it by itself
)

// paramsOf reads the tags of a request type: `path:"store"`, `query:"limit"`; a
// cursor says `query:"cursor,opaque"`, a number its greatest value with
// `max:"200"`, a part of a path that the row looks at by itself says
// `path:"hook,bare"`, the limit of a list its longest page with `cap:"200"`, a word the closed list it is of with `of:"orders customers"`, and
// what may not be missing `must:"true"`. body is true if any other field is JSON.
func paramsOf(t reflect.Type) (ps []param, body bool) {
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous { // its fields come by themselves
			continue
		}
		p := param{field: f.Index, max: numberOf(f, "max"), page: numberOf(f, "cap"), of: strings.Fields(f.Tag.Get("of")), must: f.Tag.Get("must") != "", doc: f.Tag.Get("doc")}
		var tag string
		if tag, p.path = f.Tag.Lookup("path"); !p.path {
			tag = f.Tag.Get("query")
		}
		if tag == "" {
			body = true
			continue
		}
		var opaque bool
		var bare bool
		p.name, opaque = strings.CutSuffix(tag, ",opaque")
		p.name, bare = strings.CutSuffix(p.name, ",bare")
		switch {
		case opaque:
			p.kind = cursorParam
		case bare:
			p.kind = bareParam
		case f.Type == reflect.TypeFor[time.Time]():
			p.kind = timeParam
		case f.Type == reflect.TypeFor[[]string]():
			p.kind = wordsParam
		case f.Type.Kind() == reflect.Int64:
			p.kind = intParam
		case f.Type.Kind() == reflect.Bool:
			p.kind = boolParam
		case f.Type.Kind() != reflect.String:
			panic("api: a parameter cannot be a " + f.Type.String())
		}
		ps = append(ps, p)
	}
	return ps, body
}

// numberOf reads a field's tag that holds a number, 0 if it has none.
func numberOf(f reflect.StructField, name string) int64 {
	tag := f.Tag.Get(name)
	if tag == "" {
		return 0
	}
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || n <= 0 {
		panic("api: " + f.Name + " has a greatest value that is no number")
	}
	return n
}

// bind fills in from body, path and query.
func (c *call) bind(in any) error {
	if c.route.body && (len(c.body) > 0 || !c.route.BodyOptional) {
		if err := web.DecodeJSON(c.body, in); err != nil {
			return err
		}
		if err := checkCaps(reflect.ValueOf(in).Elem(), c.route.caps); err != nil {
			return err
		}
	}
	return bindParams(c.r, c.route.params, reflect.ValueOf(in).Elem())
}

// bindParams fills the fields of into from path and query. A query field the
// route does not know is refused without naming it.
func bindParams(r *http.Request, ps []param, into reflect.Value) error {
	var q url.Values
	if r.URL.RawQuery != "" {
		var err error
		if q, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return strongroom.Faultf(strongroom.Invalid, "query", "the query cannot be read")
		}
	}
	known := 0
	for _, p := range ps {
		var v string
		if p.path {
			v = r.PathValue(p.name)
		} else if vs, ok := q[p.name]; ok {
			known++
			if p.kind == wordsParam {
				if err := p.setWords(into.FieldByIndex(p.field), vs); err != nil {
					return err
				}
				continue
			}
			if len(vs) > 1 {
				return strongroom.Faultf(strongroom.Invalid, p.name, "%s is given twice", p.name)
			}
			v = vs[0]
		}
		if v == "" && !p.path {
			if p.must {
				return strongroom.Faultf(strongroom.Invalid, p.name, "%s is missing", p.name).Advise("see /openapi.json")
			}
			continue
		}
		if err := p.set(into.FieldByIndex(p.field), v); err != nil {
			return err
		}
	}
	if known < len(q) {
		return strongroom.Faultf(strongroom.Invalid, "query", "the query has a field this call does not know").
			Advise("see /openapi.json")
	}
	return nil
}

// capped is a number of a body that has a greatest value.
type capped struct {
	name  string
	field int
	max   int64 // more is refused; 0 is none
	page  int64 // more counts as this; 0 is none
}

func capsOf(t reflect.Type) (out []capped) {
	for i := range t.NumField() {
		f := t.Field(i)
		top, page := numberOf(f, "max"), numberOf(f, "cap")
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && top+page > 0 {
			out = append(out, capped{name, i, top, page})
		}
	}
	return out
}

// checkCaps refuses a number of the body that is over its greatest value, and cuts
// one that asks for a longer page than there is.
func checkCaps(in reflect.Value, caps []capped) error {
	for _, c := range caps {
		n := in.Field(c.field).Int()
		if c.page > 0 && n > c.page {
			in.Field(c.field).SetInt(c.page)
			continue
		}
		if n < 0 || c.max > 0 && n > c.max {
			return outOfRange(c.name, max(c.max, c.page))
		}
	}
	return nil
}

// outOfRange refuses a number with words that name the greatest one.
func outOfRange(name string, limit int64) error {
	return strongroom.Faultf(strongroom.Invalid, name, "%s must be a whole number from 0 to %d", name, limit)
}

// maxWords is how often a parameter may be repeated.
const maxWords = 16

func (p param) setWords(f reflect.Value, vs []string) error {
	if len(vs) > maxWords {
		return strongroom.Faultf(strongroom.Invalid, p.name, "%s is given more than %d times", p.name, maxWords)
	}
	for _, v := range vs {
		if err := p.checkWord(v); err != nil {
			return err
		}
	}
	f.Set(reflect.ValueOf(vs))
	return nil
}

func (p param) set(f reflect.Value, v string) error {
	switch p.kind {
	case wordParam:
		if err := p.checkWord(v); err != nil {
			return err
		}
		f.SetString(v)
	case cursorParam:
		if len(v) > maxCursor || !isOpaque(v) {
			return strongroom.Faultf(strongroom.Invalid, p.name, "this is no %s of ours", p.name)
		}
		f.SetString(v)
	case intParam:
		n, err := strconv.ParseInt(v, 10, 64)
		if p.page > 0 && n > p.page {
			n, err = p.page, nil // an answer says with its cursor that there is more
		}
		if p.max > 0 && (err != nil || n < 0 || n > p.max) {
			return outOfRange(p.name, p.max)
		}
		if err != nil || n < 0 {
			return strongroom.Faultf(strongroom.Invalid, p.name, "%s must be a whole number, 0 or more", p.name)
		}
		f.SetInt(n)
	case boolParam:
		b, err := strconv.ParseBool(v)
		if err != nil {
			return strongroom.Faultf(strongroom.Invalid, p.name, "%s must be true or false", p.name)
		}
		f.SetBool(b)
	case bareParam:
		f.SetString(v)
	case wordsParam: // setWords
	case timeParam:
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return strongroom.Faultf(strongroom.Invalid, p.name, "%s must be a time such as 2026-11-20T12:00:00Z", p.name)
		}
		f.Set(reflect.ValueOf(t.UTC()))
	}
	return nil
}

// checkWord refuses what is not of the closed list, and where there is none, a
// name that breaks the grammar or looks personal.
func (p param) checkWord(s string) error {
	if len(p.of) > 0 {
		if !slices.Contains(p.of, s) {
			return strongroom.Faultf(strongroom.Invalid, p.name, "%s must be one of %s", p.name, strings.Join(p.of, ", "))
		}
		return nil
	}
	if err := strongroom.CheckName(p.name, s); err != nil {
		return err
	}
	if _, found := classify.Has([]byte(s)); found {
		return strongroom.Faultf(strongroom.Invalid, p.name, "%s looks like personal data", p.name)
	}
	return nil
}

// isOpaque reports whether s could be a cursor: base64 or base32 letters.
func isOpaque(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' && c != '=' && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// pageSize returns the limit of a list: the default where none is given. What is
// over the cap has been cut to it.
func pageSize(n int64) int {
	if n <= 0 {
		return defaultLimit
	}
	return int(n)
}
