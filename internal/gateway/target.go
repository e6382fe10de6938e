package gateway

import (
	"net/url"
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

// Bounds of what a caller may put into an address.
const (
	maxSegment = 128  // bytes of one element of the path
	maxQuery   = 4096 // bytes of the query
)

// target is what a call asks for, taken apart and checked.
type target struct {
	version  string   // v1, v2 or v3
	segments []string // behind the version, unescaped
	query    url.Values
}

// path returns the path behind the version, as it is sent on.
func (t *target) path() string { return strings.Join(t.segments, "/") }

func badPath() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "mirror-path", "the path is not one that EcartAPI has").
		Advise("an element of it has letters, digits and . _ ~ : - and is sent as it is, without empty or dotted ones")
}

// parseTarget reads the path behind the store and the query. escaped is the path as it was
// sent: what hides a slash or a dot behind an escape is refused, not understood.
func parseTarget(escaped, query string) (target, error) {
	var t target
	rest, ok := strings.CutPrefix(escaped, "/ecartapi/")
	if !ok {
		return t, badPath()
	}
	_, rest, _ = strings.Cut(rest, "/") // the store, which the door has read
	parts := strings.Split(rest, "/")
	if len(parts) < 3 || parts[0] != "api" {
		return t, badPath()
	}
	t.version = parts[1]
	if t.version != "v1" && t.version != "v2" && t.version != "v3" {
		return t, badPath()
	}
	for _, p := range parts[2:] {
		if !isSegment(p) {
			return t, badPath()
		}
		if hasToken(p) || strings.HasPrefix(p, "pn_") {
			return t, strongroom.Faultf(strongroom.Denied, "token-place", "a token stands in the path, where none is put back").
				Advise("name orders and customers by the platform's id, which answers show")
		}
		t.segments = append(t.segments, p)
	}
	return t, t.parseQuery(query)
}

func (t *target) parseQuery(query string) (err error) {
	if len(query) > maxQuery {
		return strongroom.Faultf(strongroom.TooLarge, "query", "the query has more than %d bytes", maxQuery)
	}
	if t.query, err = url.ParseQuery(query); err != nil {
		return strongroom.Faultf(strongroom.Invalid, "query", "the query cannot be read")
	}
	for k, values := range t.query {
		for _, v := range append([]string{k}, values...) {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
				return strongroom.Faultf(strongroom.Invalid, "query", "the query holds characters that have no place there")
			}
			if hasToken(v) {
				return strongroom.Faultf(strongroom.Denied, "token-place", "a token stands in the query, where none is put back").
					Advise("search with POST /v1/find, which needs no platform")
			}
		}
	}
	return nil
}

// isSegment reports whether an element of a path is one as the platforms write
// their ids: no escape, no dot alone, nothing a proxy could read otherwise.
func isSegment(s string) bool {
	if s == "" || len(s) > maxSegment || strings.Trim(s, ".") == "" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '_', c == '~', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

// hasToken reports whether a token of ours stands anywhere in s.
func hasToken(s string) bool {
	for {
		i := strings.Index(s, "sr")
		if i < 0 || len(s)-i < seal.TokenSize {
			return false
		}
		if _, _, ok := seal.ParseToken(s[i : i+seal.TokenSize]); ok {
			return true
		}
		s = s[i+2:]
	}
}

// emailDomain follows the tokens of e-mail addresses.
const emailDomain = "@pii.invalid"

// isToken reports whether s is a token and nothing else.
func isToken(s string) bool {
	_, _, ok := seal.ParseToken(strings.TrimSuffix(s, emailDomain))
	return ok
}
