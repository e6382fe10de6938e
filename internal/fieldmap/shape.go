package fieldmap

import (
	"bytes"
	"net/url"
	"unicode"
	"unicode/utf8"
)

// shape is the form the value of a clear field must have. Whatever does not fit
// counts as unknown: a clear field is a promise about values, not about a key.
type shape uint8

const (
	shapeText   shape = iota // one printable line of at most 100 characters
	shapeRef                 // a platform's id: letters, digits, marks; never looked at by the detector
	shapeID                  // as ref, with a digit or without small letters
	shapeWord                // words of any script, at most 48 characters, at most 6 digits in a row
	shapeCode                // at most 10 letters, digits, - and _
	shapeNumber              // an amount, a count, a rate
	shapeBool                // true, false, yes, no, 0, 1
	shapeDate                // a date in one of the five forms
	shapeURL                 // http(s), no user, no query, no fragment
	shapeLink                // as url, with a query of paging and filter words only
	shapes
)

var shapeNames = [shapes]string{"text", "ref", "id", "word", "code", "number", "bool", "date", "url", "link"}

func parseShape(s string) (shape, bool) {
	for i, n := range shapeNames {
		if n == s {
			return shape(i), true
		}
	}
	return 0, false
}

// detectable reports whether a value of this shape could hold what a detector
// finds. Amounts, flags, dates and short codes cannot.
func (s shape) detectable() bool {
	switch s {
	case shapeNumber, shapeBool, shapeDate, shapeCode, shapeRef:
		return false
	}
	return true
}

// fits reports whether the decoded, non-empty text v has the shape.
func (s shape) fits(v []byte) bool {
	switch s {
	case shapeRef:
		return isRef(v)
	case shapeID:
		return isRef(v) && (bytes.ContainsAny(v, "0123456789") || !bytes.ContainsFunc(v, unicode.IsLower))
	case shapeWord:
		return isWords(v)
	case shapeCode:
		return isCode(v)
	case shapeNumber:
		return isAmount(v)
	case shapeBool:
		return isBool(v)
	case shapeDate:
		_, ok := parseTime(v)
		return ok
	case shapeURL, shapeLink:
		return isURL(v, s == shapeLink)
	}
	return isLine(v)
}

// fitsNumber reports whether a JSON number may stand in a clear field.
func (s shape) fitsNumber(v []byte) bool {
	switch s {
	case shapeNumber:
		return true
	case shapeDate:
		_, ok := parseTime(v)
		return ok
	case shapeText: // an article number, but nothing as long as a card number
		return len(v) <= 12
	case shapeURL, shapeLink:
		return false
	}
	return s.fits(v) || s == shapeBool && len(v) == 1
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isRef(v []byte) bool {
	if len(v) > 128 {
		return false
	}
	for _, c := range v {
		if !alnum(c) && bytes.IndexByte([]byte("#_.:/=-"), c) < 0 {
			return false
		}
	}
	return true
}

func isCode(v []byte) bool {
	if len(v) > 10 {
		return false
	}
	for _, c := range v {
		if !alnum(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isWords(v []byte) bool {
	runes, run := 0, 0
	for i := 0; i < len(v); {
		r, size := rune(v[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(v[i:])
		}
		i += size
		runes++
		run++
		switch {
		case r >= '0' && r <= '9':
		case r < utf8.RuneSelf && alnum(byte(r)), unicode.IsLetter(r), unicode.IsMark(r):
			run = 0
		case r < utf8.RuneSelf && bytes.IndexByte([]byte(" _-./()&+:,"), byte(r)) >= 0:
			run = 0
		default:
			return false
		}
		if runes > 48 || run > 6 {
			return false
		}
	}
	return true
}

func isAmount(v []byte) bool {
	if len(v) > 24 {
		return false
	}
	seen, whole, dot := 0, 0, false
	for i, c := range v {
		switch {
		case c >= '0' && c <= '9':
			if seen++; !dot {
				whole++
			}
		case c == '.':
			dot = true
		case c == ',' || c == '%' && i == len(v)-1:
		case (c == '-' || c == '+') && (i == 0 || v[i-1]|0x20 == 'e'):
		case c|0x20 == 'e' && seen > 0:
		default:
			return false
		}
	}
	return seen > 0 && whole <= 12
}

func isBool(v []byte) bool {
	return isNo(v) || isYes(v)
}

func isNo(v []byte) bool {
	return isWord(v, "false") || isWord(v, "no") || isWord(v, "n") || isWord(v, "0")
}

func isYes(v []byte) bool {
	return isWord(v, "true") || isWord(v, "yes") || isWord(v, "y") || isWord(v, "1")
}

// isWord compares with a word in small letters, in any letter case and without
// allocating.
func isWord(v []byte, word string) bool {
	if len(v) != len(word) {
		return false
	}
	for i, c := range v {
		if c|0x20 != word[i] && c != word[i] {
			return false
		}
	}
	return true
}

func isLine(v []byte) bool {
	if len(v) > 400 || utf8.RuneCount(v) > 100 {
		return false
	}
	return !bytes.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) })
}

// linkKeys are the query parameters that page and filter and cannot name a
// person. Whatever else stands in a query makes the whole link personal.
var linkKeys = map[string]bool{
	"limit": true, "page": true, "per_page": true, "page_info": true, "cursor": true, "offset": true,
	"sinceId": true, "since_id": true, "sort": true, "order": true, "fields": true, "ids": true,
	"createdAt[from]": true, "createdAt[to]": true, "updatedAt[from]": true, "updatedAt[to]": true,
	"status": true, "status[status]": true, "created_at_min": true, "created_at_max": true,
	"updated_at_min": true, "updated_at_max": true,
}

func isURL(v []byte, query bool) bool {
	if len(v) > 2048 || !bytes.HasPrefix(v, []byte("http://")) && !bytes.HasPrefix(v, []byte("https://")) {
		return false
	}
	if !query {
		return isPlainURL(v)
	}
	u, err := url.Parse(string(v))
	if err != nil || u.User != nil || u.Fragment != "" || u.Host == "" {
		return false
	}
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	for k, values := range params {
		for _, p := range values {
			if !linkKeys[k] || !isLine([]byte(p)) || bytes.ContainsAny([]byte(p), "@ ") {
				return false
			}
		}
	}
	return true
}

// isPlainURL needs no parser: what could carry more than a path is not allowed.
func isPlainURL(v []byte) bool {
	host := v[bytes.IndexByte(v, '/')+2:]
	return len(host) > 0 && host[0] != '/' && !bytes.ContainsFunc(v, func(r rune) bool {
		return r <= ' ' || r >= utf8.RuneSelf || r == '?' || r == '#' || r == '@' || r == '\\' || r == '"'
	})
}
