package demo

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
)

// minValue is the shortest value, in bytes, that is searched for. Anything
// shorter turns up by chance in megabytes of sealed bytes.
const minValue = 6

// Form is a way a value may be written down.
type Form string

// The forms that are searched for. Letters match in any case where the form
// allows it.
const (
	Plain   Form = "text"
	Escaped Form = "json"
	Percent Form = "percent"
	HTML    Form = "html"
	Base64  Form = "base64"
	Hex     Form = "hex"
	UTF16   Form = "utf16"
)

// Hit is a value found: which one, how it was written and where.
type Hit struct {
	Value  int // index into the values given to [NewSearch]
	Form   Form
	File   string // empty where bytes were searched
	Offset int
}

// String names the place and never the value.
func (h Hit) String() string {
	return fmt.Sprintf("value %d as %s in %s at byte %d", h.Value, h.Form, h.File, h.Offset)
}

// match says when a pattern that stands somewhere counts.
type match uint8

const (
	anyCase    match = iota // wherever it stands, ASCII letters in any case
	exact                   // byte for byte: base64 tells cases apart
	word                    // a short text: byte for byte, or in another case as a word of its own
	number                  // digits: not a part of a longer number
	wordNumber              // few digits: not a part of a number or a hex digest
)

type pattern struct {
	text  string
	value int32
	next  int32 // the next pattern with the same head, 0 for none
	match match
	form  Form
}

// Search finds any of many values in bytes, in one pass at some hundred
// megabytes a second. The first six bytes of each pattern, in lower case, are
// its head; a bitmap over hashes of heads passes over what cannot match.
// Safe for concurrent use.
type Search struct {
	values   int
	patterns []pattern // from 1
	heads    map[uint64]int32
	bitmap   []uint64
}

const bitmapBits = 22

// NewSearch returns a search for values in all forms. Values shorter than six
// bytes are left out; [Search.Values] counts the others.
func NewSearch(values []string) *Search {
	s := &Search{patterns: make([]pattern, 1), heads: map[uint64]int32{}, bitmap: make([]uint64, 1<<bitmapBits/64)}
	seen := map[string]bool{}
	for i, v := range values {
		if len(v) < minValue || seen[v] {
			continue
		}
		seen[v] = true
		s.values++
		for _, w := range written(v) {
			s.add(int32(i), w)
		}
	}
	return s
}

// Values returns how many different values are searched for.
func (s *Search) Values() int { return s.values }

func (s *Search) add(value int32, w writing) {
	if len(w.text) < minValue {
		return
	}
	head := uint64(0)
	for i := range minValue {
		head = head<<8 | uint64(lower(w.text[i]))
	}
	s.patterns = append(s.patterns, pattern{text: w.text, value: value, next: s.heads[head], match: w.match, form: w.form})
	s.heads[head] = int32(len(s.patterns) - 1)
	h := slot(head)
	s.bitmap[h/64] |= 1 << (h % 64)
}

// slot hashes a head by a multiplication with the golden ratio.
func slot(head uint64) uint64 { return head * 0x9E3779B97F4A7C15 >> (64 - bitmapBits) }

// Bytes returns what is found in text, each value once for each form.
func (s *Search) Bytes(text []byte) []Hit {
	var hits []Hit
	type key struct {
		value int32
		form  Form
	}
	var seen map[key]bool
	head := uint64(0)
	for i, c := range text {
		head = (head<<8 | uint64(lower(c))) & (1<<(8*minValue) - 1)
		h := slot(head)
		if s.bitmap[h/64]&(1<<(h%64)) == 0 || i < minValue-1 {
			continue
		}
		at := i - minValue + 1
		for n := s.heads[head]; n != 0; n = s.patterns[n].next {
			p := &s.patterns[n]
			if k := (key{p.value, p.form}); p.stands(text, at) && !seen[k] {
				if seen == nil {
					seen = map[key]bool{}
				}
				seen[k] = true
				hits = append(hits, Hit{Value: int(p.value), Form: p.form, Offset: at})
			}
		}
	}
	return hits
}

// stands reports whether p counts at text[at:]. Its head is known to be there in
// some case.
func (p *pattern) stands(text []byte, at int) bool {
	end := at + len(p.text)
	if end > len(text) {
		return false
	}
	here := text[at:end]
	alone := func(part func(byte) bool) bool {
		return (at == 0 || !part(text[at-1])) && (end == len(text) || !part(text[end]))
	}
	switch p.match {
	case exact:
		return string(here) == p.text
	case word:
		return string(here) == p.text || sameFold(here, p.text) && alone(alnum)
	case number:
		return string(here) == p.text && alone(digit)
	case wordNumber:
		return string(here) == p.text && alone(alnum)
	}
	return sameFold(here, p.text)
}

func sameFold(a []byte, b string) bool {
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
func alnum(c byte) bool { return digit(c) || 'a' <= lower(c) && lower(c) <= 'z' }

// writing is one way to write a value.
type writing struct {
	text  string
	match match
	form  Form
}

// written returns every way in which v is searched for.
func written(v string) []writing {
	var all []writing
	add := func(form Form, m match, texts ...string) {
		for _, t := range texts {
			if !slices.ContainsFunc(all, func(w writing) bool { return w.text == t }) {
				all = append(all, writing{t, m, form})
			}
		}
	}
	plain := anyCase
	switch digits := !strings.ContainsFunc(v, func(r rune) bool { return r < '0' || r > '9' }); {
	case digits && len(v) < 12:
		plain = wordNumber
	case digits:
		plain = number
	case len(v) < 8:
		plain = word
	}
	add(Plain, plain, v)
	for _, other := range []string{strings.ToLower(v), strings.ToUpper(v)} {
		if len(other) != len(v) || !sameFold([]byte(other), v) { // letters beyond ASCII have a case, too
			add(Plain, plain, other)
		}
	}
	add(Escaped, plain, quoted(v), asciiQuoted(v))
	add(Percent, plain, url.QueryEscape(v), url.PathEscape(v))
	add(HTML, plain, html.EscapeString(v))
	for k := range 3 {
		add(Base64, exact, base64Core(base64.RawStdEncoding, k, v), base64Core(base64.RawURLEncoding, k, v))
	}
	add(Hex, anyCase, hex.EncodeToString([]byte(v)))
	add(UTF16, anyCase, wide(v, 0), wide(v, 1))
	return all
}

// base64Core returns the letters that v makes in Base64, k bytes after a
// multiple of three, without those that depend on what stands around it.
func base64Core(enc *base64.Encoding, k int, v string) string {
	text := enc.EncodeToString(append(make([]byte, k), v...))
	return text[(8*k+5)/6 : 8*(k+len(v))/6]
}

// quoted returns v as Go writes it into JSON, without the quotes.
func quoted(v string) string {
	b, err := json.Marshal(v)
	if err != nil || len(b) < 2 {
		return v
	}
	return string(b[1 : len(b)-1])
}

// asciiQuoted returns v in JSON with everything beyond ASCII escaped.
func asciiQuoted(v string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(v)) {
		switch {
		case u == '"' || u == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(u))
		case u < ' ' || u > '~':
			fmt.Fprintf(&b, "\\u%04x", u)
		default:
			b.WriteByte(byte(u))
		}
	}
	return b.String()
}

// wide returns v in UTF-16 with the low byte at index low of each pair.
func wide(v string, low int) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(v)) {
		pair := [2]byte{}
		pair[low], pair[1-low] = byte(u), byte(u>>8)
		b = append(b, pair[:]...)
	}
	return string(b)
}

// Swept says what a search of a folder went through.
type Swept struct {
	Files int
	Bytes int64
	Hits  []Hit
}

// Folder searches every regular file under dir, names included.
func (s *Search) Folder(dir string) (sw Swept, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) { // a temporary file of the engine, gone meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		sw.Files++
		sw.Bytes += int64(len(text))
		for _, found := range [][]Hit{s.Bytes(text), s.Bytes([]byte(d.Name()))} {
			for _, h := range found {
				h.File = path
				sw.Hits = append(sw.Hits, h)
			}
		}
		return nil
	})
	return sw, err
}
