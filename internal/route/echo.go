package route

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"unicode"

	"strongroom"
	"strongroom/internal/seal"
)

// cut returns a body of JSON as it may leave: what the shape names, with the values that
// were sent out turned into their tokens, and without any text that holds one.
func (s *sending) cut(f Filter, body []byte) (out []byte, withheld int, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, 0, badAnswer("answer", "the upstream's answer is no JSON")
	}
	e := newEcho(s.sent)
	v = e.walk(v)
	if body, err = json.Marshal(v); err != nil {
		return nil, 0, badAnswer("answer", "the upstream's answer is no JSON")
	}
	if out, withheld, err = f.Filter(nil, body); err != nil {
		if strongroom.IsKind(err, strongroom.TooLarge) {
			return nil, 0, badAnswer("size", "the upstream's answer is nested too deep")
		}
		return nil, 0, badAnswer("answer", "the upstream's answer is no JSON")
	}
	return e.put(out), withheld + e.withheld, nil
}

// echo knows what was sent out. While an answer is cut to its shape, letters that nobody
// can guess stand for the tokens.
type echo struct {
	whole    map[string]int // a value, folded, to its position
	words    map[string]bool
	stand    string
	tokens   []string
	withheld int
}

const (
	shortest = 2 // letters of a value that is looked for
	wordSize = 4 // letters of a part of a value that is looked for
)

func newEcho(values []sent) *echo {
	e := &echo{whole: map[string]int{}, words: map[string]bool{}}
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	for _, c := range b {
		e.stand += string(rune('a'+c>>4)) + string(rune('a'+c&15))
	}
	for i, v := range values {
		e.tokens = append(e.tokens, v.token)
		w := fold(v.text)
		if _, ok := e.whole[w]; !ok && len([]rune(w)) >= shortest {
			e.whole[w] = i
		}
		for _, part := range wordsOf(w) {
			if len([]rune(part)) >= wordSize {
				e.words[part] = true
			}
		}
		if n := digits(v.text); len(n) >= 6 {
			e.words[n] = true
		}
	}
	return e
}

// fold writes texts that differ in letters of case, marks or spaces alone in one way.
func fold(s string) string { return strings.Join(wordsOf(strings.ToLower(s)), " ") }

func wordsOf(s string) []string {
	return strings.FieldsFunc(plain(strings.ToLower(s)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// plain writes Latin letters without their marks, as carriers do.
func plain(s string) string {
	return strings.NewReplacer("á", "a", "à", "a", "ä", "a", "â", "a", "ã", "a", "å", "a", "é", "e", "è", "e", "ë", "e", "ê", "e",
		"í", "i", "ì", "i", "ï", "i", "î", "i", "ó", "o", "ò", "o", "ö", "o", "ô", "o", "õ", "o", "ø", "o", "ú", "u", "ù", "u", "ü", "u", "û", "u",
		"ñ", "n", "ç", "c", "ß", "ss").Replace(s)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// walk returns a value with stand-ins where something was sent, and null where more
// than that stands there.
func (e *echo) walk(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = e.walk(x[k])
		}
	case []any:
		for i := range x {
			x[i] = e.walk(x[i])
		}
	case string:
		return e.text(x)
	case json.Number:
		if i, ok := e.whole[string(x)]; ok && len(x) >= wordSize {
			return e.token(i)
		}
		if e.words[digits(string(x))] {
			e.withheld++
			return nil
		}
	}
	return v
}

// token is what stands for the token at i while the answer is cut: letters alone.
func (e *echo) token(i int) string {
	return e.stand + string(rune('a'+i>>8&15)) + string(rune('a'+i>>4&15)) + string(rune('a'+i&15))
}

func (e *echo) text(s string) any {
	if i, ok := e.whole[fold(s)]; ok {
		return e.token(i)
	}
	for _, form := range spellings(s) {
		w := " " + fold(form) + " "
		for value := range e.whole {
			if strings.Contains(w, " "+value+" ") {
				e.withheld++
				return nil
			}
		}
		for _, part := range wordsOf(form) {
			if e.words[part] {
				e.withheld++
				return nil
			}
		}
		if n := digits(form); len(n) >= 6 {
			for part := range e.words {
				if digits(part) == part && strings.Contains(n, part) {
					e.withheld++
					return nil
				}
			}
		}
	}
	return s
}

// spellings are the ways a text may have to be read.
func spellings(s string) []string {
	out := []string{s}
	if u, err := url.QueryUnescape(s); err == nil && u != s {
		out = append(out, u)
	}
	if h := html.UnescapeString(s); h != s {
		out = append(out, h)
	}
	return out
}

// put writes the tokens where their stand-ins are.
func (e *echo) put(body []byte) []byte {
	if e.tokens == nil {
		return body
	}
	for i, t := range e.tokens {
		if len(t) >= seal.TokenSize {
			body = bytes.ReplaceAll(body, []byte(e.token(i)), []byte(t))
		}
	}
	return body
}
