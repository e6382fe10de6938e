package intake

import (
	"encoding/json"
	"errors"
	"net/url"
)

// maxQuery bounds the query of a next page, in bytes.
const maxQuery = 4096

// errShape says that a body is no envelope: cut off, HTML, or something else. It
// never tells what the body holds.
var errShape = errors.New("the answer is no list")

// span is a part of a body.
type span struct{ from, to int }

// envelope is what the client needs of a list: where its objects lie and how to
// go on. Everything else is the vault's.
type envelope struct {
	items []span
	paged bool   // there was a member "page"
	next  string // query of the next page; "" at the end
	bare  bool   // the body is an array without envelope
}

// readEnvelope walks the top of a list without decoding the objects in it. name
// is the resource, such as "orders".
func readEnvelope(body []byte, name string) (envelope, error) {
	var e envelope
	i := skipSpace(body, 0)
	if i < len(body) && body[i] == '[' {
		items, end, ok := elements(body, i)
		if !ok || skipSpace(body, end) != len(body) {
			return e, errShape
		}
		return envelope{items: items, bare: true}, nil
	}
	found := false
	end, ok := members(body, i, func(key string, v span) bool {
		switch key {
		case name:
			items, _, ok := elements(body, v.from)
			e.items, found = items, true
			return ok
		case "page":
			var p struct{ Next *string }
			if json.Unmarshal(body[v.from:v.to], &p) != nil {
				return false
			}
			e.paged = true
			if p.Next != nil && *p.Next != "" {
				query, ok := nextQuery(*p.Next)
				e.next = query
				return ok
			}
		}
		return true
	})
	if !ok || !found || skipSpace(body, end) != len(body) {
		return e, errShape
	}
	return e, nil
}

// nextQuery returns the query of a next link: host and path are not followed. A
// link that cannot be followed is no end of the list: what is behind it would be
// missed without a word.
func nextQuery(link string) (query string, ok bool) {
	u, err := url.Parse(link)
	if err != nil || u.RawQuery == "" || len(u.RawQuery) > maxQuery {
		return "", false
	}
	return u.RawQuery, true
}

// members calls fn with each member of the object at i and returns its end.
func members(b []byte, i int, fn func(key string, v span) bool) (end int, ok bool) {
	if i >= len(b) || b[i] != '{' {
		return i, false
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		k := i
		if i, ok = skipString(b, i); !ok {
			return i, false
		}
		key := string(b[k+1 : i-1])
		if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
			return i, false
		}
		from := skipSpace(b, i+1)
		if i, ok = skipValue(b, from); !ok || !fn(key, span{from, i}) {
			return i, false
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == '}' {
			return i + 1, true
		}
		if i >= len(b) || b[i] != ',' {
			return i, false
		}
		i = skipSpace(b, i+1)
	}
}

// elements returns the parts of the array at i and its end.
func elements(b []byte, i int) (items []span, end int, ok bool) {
	if i >= len(b) || b[i] != '[' {
		return nil, i, false
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return nil, i + 1, true
	}
	for {
		from := i
		if i, ok = skipValue(b, i); !ok {
			return nil, i, false
		}
		items = append(items, span{from, i})
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ']' {
			return items, i + 1, true
		}
		if i >= len(b) || b[i] != ',' {
			return nil, i, false
		}
		i = skipSpace(b, i+1)
	}
}

// skipValue returns the end of the value at i. It counts brackets and minds
// strings; whether the inside is JSON is for the vault's parser.
func skipValue(b []byte, i int) (int, bool) {
	if i >= len(b) {
		return i, false
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
	default:
		from := i
		for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
			i++
		}
		return i, i > from
	}
	depth, ok := 0, false
	for i < len(b) {
		switch b[i] {
		case '"':
			if i, ok = skipString(b, i); !ok {
				return i, false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return i, false
}

func skipString(b []byte, i int) (int, bool) {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return i, false
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}
