package route

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"strongroom"
)

// maxDepth is how deep a body may be nested.
const maxDepth = 64

func errBody(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "body", "the body is no %s that can be read", what)
}

// draftBody takes a body apart as the call says.
func (k *call) draftBody(body []byte) (d *draft, err error) {
	switch d = new(draft); k.Body {
	case "json":
		err = k.draftJSON(d, body)
	case "form":
		err = k.draftPairs(d, "form", string(body), nil)
	case "xml":
		err = k.draftXML(d, body)
	case "text":
		err = k.draftText(d, body)
	default:
		if len(body) > 0 {
			return nil, strongroom.Faultf(strongroom.Invalid, "body", "this call takes no body")
		}
		d.raw = [][]byte{nil}
	}
	return d, err
}

// mediaTypes of a body, which are what it is sent on as. A text with values in it is of no
// other language than the one that they are written for.
func (k *call) mediaTypes() []string {
	switch k.Body {
	case "json":
		return []string{"application/json"}
	case "form":
		return []string{"application/x-www-form-urlencoded"}
	case "xml":
		return []string{"application/xml", "text/xml"}
	case "text":
		p := k.find("text", func(string) bool { return true })
		switch {
		case p == nil:
			return []string{"text/plain", "application/zpl", "text/csv"}
		case p.Inside == "zpl":
			return []string{"text/plain", "application/zpl"}
		case p.Inside == "html":
			return []string{"text/html"}
		}
		return []string{"text/plain"}
	}
	return nil
}

func (k *call) draftText(d *draft, body []byte) error {
	if !utf8.Valid(body) {
		return errBody("text in UTF-8")
	}
	f, err := look(k.find("text", func(string) bool { return true }), string(body),
		func(dst []byte, s string, _ json.RawMessage) ([]byte, error) { return append(dst, s...), nil })
	if err != nil || f == nil {
		d.raw = [][]byte{body}
		return err
	}
	d.raw, d.fields = [][]byte{nil, nil}, []field{*f}
	return nil
}

// draftPairs takes a form or a query apart. Of a query only the names that are listed
// pass.
func (k *call) draftPairs(d *draft, in, text string, names []string) error {
	last := 0
	whole := []byte(text)
	for at := 0; at <= len(text) && text != ""; {
		end := at + strings.IndexByte(text[at:], '&')
		if end < at {
			end = len(text)
		}
		key, value, _ := strings.Cut(text[at:end], "=")
		name, err := url.QueryUnescape(key)
		v, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil || !utf8.ValidString(v) || strings.Contains(text[at:end], ";") {
			return strongroom.Faultf(strongroom.Invalid, in, "the %s cannot be read", in)
		}
		if hasToken(name) {
			return errPlace("a token stands in a name, where none is put back")
		}
		p := k.find(in, func(at string) bool { return at == name })
		if in == "query" && p == nil && !slices.Contains(names, name) {
			return strongroom.Faultf(strongroom.Denied, "query", "the query has a parameter that the route does not name")
		}
		f, err := look(p, v, func(dst []byte, s string, _ json.RawMessage) ([]byte, error) {
			return append(dst, url.QueryEscape(s)...), nil
		})
		if err != nil {
			return err
		}
		if f != nil {
			d.add(whole, &last, at+len(key)+1, end, *f)
		}
		at = end + 1
	}
	d.piece(whole[last:])
	return nil
}

// draftJSON walks a body of JSON.
func (k *call) draftJSON(d *draft, body []byte) error {
	w := &jsonWalk{k: k, d: d, body: body, dec: json.NewDecoder(bytes.NewReader(body))}
	w.dec.UseNumber()
	err := w.value("", 0)
	if err == nil && len(bytes.TrimSpace(body[w.dec.InputOffset():])) > 0 {
		err = errBody("JSON")
	}
	if _, ok := err.(*strongroom.Fault); err != nil && !ok {
		err = errBody("JSON")
	}
	d.piece(body[w.last:])
	return err
}

type jsonWalk struct {
	k    *call
	d    *draft
	body []byte
	dec  *json.Decoder
	last int
}

func (w *jsonWalk) value(path string, depth int) error {
	if depth > maxDepth {
		return strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", maxDepth)
	}
	before := int(w.dec.InputOffset())
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		return w.inside(v, path, depth)
	case string:
		from := before + bytes.IndexByte(w.body[before:], '"')
		f, err := look(w.k.find("json", func(at string) bool { return isPointer(at, path) }), v, writeJSON)
		if err != nil {
			return err
		}
		if f != nil {
			w.d.add(w.body, &w.last, from, int(w.dec.InputOffset()), *f)
		}
	}
	return nil
}

func (w *jsonWalk) inside(open json.Delim, path string, depth int) error {
	names := map[string]bool{}
	for i := 0; w.dec.More(); i++ {
		step := strconv.Itoa(i)
		if open == '{' {
			key, err := w.dec.Token()
			if err != nil {
				return err
			}
			step, _ = key.(string)
			if hasToken(step) {
				return errPlace("a token stands in a key, where none is put back")
			}
			if names[step] {
				return strongroom.Faultf(strongroom.Invalid, "body", "the body says the same key twice")
			}
			names[step] = true
		}
		if err := w.value(path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(step), depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// isPointer reports whether a pointer of a place leads to path; * is any step.
func isPointer(at, path string) bool {
	a, p := strings.Split(at, "/"), strings.Split(path, "/")
	if len(a) != len(p) {
		return false
	}
	for i := range a {
		if a[i] != "*" && a[i] != p[i] {
			return false
		}
	}
	return true
}

// writeJSON writes a value of JSON as it is, and text as a string.
func writeJSON(dst []byte, text string, whole json.RawMessage) ([]byte, error) {
	if whole != nil && whole[0] != '"' {
		return append(dst, whole...), nil
	}
	b, err := json.Marshal(text)
	return append(dst, b...), err
}

// draftXML walks a body of XML. What could be read one way here and another way
// behind, such as a document type, is refused.
func (k *call) draftXML(d *draft, body []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(body))
	last, path := 0, []string{}
	write := func(dst []byte, s string, _ json.RawMessage) ([]byte, error) {
		var b bytes.Buffer
		err := xml.EscapeText(&b, []byte(s))
		return append(dst, b.Bytes()...), err
	}
	for {
		from := int(dec.InputOffset())
		t, err := dec.RawToken()
		to := int(dec.InputOffset())
		if t == nil && err != nil {
			if from == len(body) && len(path) == 0 && len(body) > 0 {
				d.piece(body[last:])
				return nil
			}
			return errBody("XML")
		}
		switch v := t.(type) {
		case xml.StartElement:
			if path = append(path, v.Name.Local); len(path) > maxDepth {
				return strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", maxDepth)
			}
			if err := k.draftTag(d, body, &last, from, to, path, v, write); err != nil {
				return err
			}
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != v.Name.Local {
				return errBody("XML")
			}
			path = path[:len(path)-1]
		case xml.CharData:
			at := "/" + strings.Join(path, "/")
			f, err := look(k.find("xml", func(a string) bool { return isPointer(a, at) }), strings.TrimSpace(string(v)), write)
			if err != nil {
				return err
			}
			if f != nil {
				d.add(body, &last, from, to, *f)
			}
		case xml.ProcInst:
			if from != 0 || v.Target != "xml" {
				return errBody("XML without instructions")
			}
		case xml.Comment:
			if hasToken(string(v)) {
				return errPlace("a token stands in a comment, where none is put back")
			}
		default:
			return errBody("XML without a document type")
		}
	}
}

// draftTag looks at the names and attributes of a tag, which is written anew where one of
// them carries a token.
func (k *call) draftTag(d *draft, body []byte, last *int, from, to int, path []string, tag xml.StartElement, write func([]byte, string, json.RawMessage) ([]byte, error)) error {
	if hasToken(tag.Name.Local) || hasToken(tag.Name.Space) {
		return errPlace("a token stands in a name, where none is put back")
	}
	found := false
	for _, a := range tag.Attr {
		if hasToken(a.Name.Local) || hasToken(a.Name.Space) {
			return errPlace("a token stands in a name, where none is put back")
		}
		found = found || hasToken(a.Value)
	}
	if !found {
		return nil
	}
	d.carry = append(d.carry, body[*last:from]...)
	d.carry = append(d.carry, "<"+xmlName(tag.Name)...)
	for _, a := range tag.Attr {
		at := "/" + strings.Join(path, "/") + "/@" + a.Name.Local
		f, err := look(k.find("xml", func(x string) bool { return isPointer(x, at) }), a.Value, write)
		if err != nil {
			return err
		}
		d.carry = append(d.carry, " "+xmlName(a.Name)+`="`...)
		if f != nil {
			d.piece(nil)
			d.fields = append(d.fields, *f)
		} else if d.carry, err = write(d.carry, a.Value, nil); err != nil {
			return err
		}
		d.carry = append(d.carry, '"')
	}
	if bytes.HasSuffix(body[from:to], []byte("/>")) {
		d.carry = append(d.carry, '/')
	}
	d.carry, *last = append(d.carry, '>'), to
	return nil
}

func xmlName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}
