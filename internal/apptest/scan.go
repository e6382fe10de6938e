package apptest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Scanner looks for values in bytes, in every form in which they might lie
// there: as UTF-8 in any letter case, JSON-escaped, percent-encoded, in hex, in
// Base64 at all three alignments with both alphabets, and in UTF-16 of both byte
// orders. It runs over the bytes twice whatever the number of values.
type Scanner struct {
	folded, exact *needles
}

// Hit is a value that was found.
type Hit struct {
	Value, Form, Part string
}

// String describes the hit for a test's output.
func (h Hit) String() string { return fmt.Sprintf("%q as %s in %s", h.Value, h.Form, h.Part) }

// minimum is the length below which a value occurs by chance.
const minimum = 6

// NewScanner returns a scanner for those of the values that have six characters
// or more.
func NewScanner(values []string) *Scanner {
	s := &Scanner{folded: newNeedles(), exact: newNeedles()}
	seen := map[string]bool{}
	for _, v := range values {
		if len([]rune(v)) < minimum || seen[v] {
			continue
		}
		seen[v] = true
		for _, as := range []string{v, strings.ToLower(v), strings.ToUpper(v)} {
			s.add(v, as)
		}
	}
	return s
}

func (s *Scanner) add(v, as string) {
	fold := func(form, text string) { s.folded.add(v, form, []byte(strings.ToLower(text))) }
	fold("text", as)
	fold("hex", hex.EncodeToString([]byte(as)))
	fold("percent-encoding", url.QueryEscape(as))
	fold("percent-encoding", url.PathEscape(as))
	for _, ascii := range []bool{false, true} {
		fold("JSON string", jsonText(as, ascii))
	}
	units := utf16.Encode([]rune(as))
	little, big := make([]byte, 0, 2*len(units)), make([]byte, 0, 2*len(units))
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	s.exact.add(v, "UTF-16LE", little)
	s.exact.add(v, "UTF-16BE", big)
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			s.exact.add(v, "Base64", base64Core(enc, as, shift))
		}
	}
}

// jsonText returns the inside of the JSON string for v, with everything beyond
// ASCII escaped if asked.
func jsonText(v string, ascii bool) string {
	b, _ := json.Marshal(v) // a string: cannot fail
	text := string(b[1 : len(b)-1])
	if !ascii {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, u)
		}
	}
	return out.String()
}

// base64Core returns the letters of v's Base64 that do not depend on its
// neighbours when shift bytes stand before it.
func base64Core(enc *base64.Encoding, v string, shift int) []byte {
	text := enc.EncodeToString(append(make([]byte, shift), v...))
	from := (shift*8 + 5) / 6
	to := (shift + len(v)) * 8 / 6
	return []byte(text[from:to])
}

// Scan returns what it finds in the parts, each value and form once a part.
func (s *Scanner) Scan(parts ...Part) []Hit {
	var hits []Hit
	seen := map[Hit]bool{}
	for _, p := range parts {
		found := func(n *needle) {
			h := Hit{n.value, n.form, p.Name}
			if !seen[h] {
				seen[h] = true
				hits = append(hits, h)
			}
		}
		s.exact.scan(p.Bytes, found)
		s.folded.scan(bytes.ToLower(p.Bytes), found)
	}
	return hits
}

// needle is a text to look for.
type needle struct {
	value, form string
	text        []byte
	digits      bool // digits only, and short: it must stand alone
}

// needles finds many texts at once: by their first four bytes, with a bit map in
// front that says no to nearly every place.
type needles struct {
	maybe [1 << 13]uint64
	by    map[uint32][]needle
}

func newNeedles() *needles { return &needles{by: make(map[uint32][]needle)} }

func (n *needles) add(value, form string, text []byte) {
	if len(text) < 4 {
		return
	}
	k := binary.LittleEndian.Uint32(text)
	for _, other := range n.by[k] {
		if bytes.Equal(other.text, text) {
			return
		}
	}
	h := hash(k)
	n.maybe[h>>6] |= 1 << (h & 63)
	n.by[k] = append(n.by[k], needle{value, form, text, len(text) < 10 && onlyDigits(text)})
}

func hash(k uint32) uint32 { return k * 2654435761 >> 13 } // 19 bits

func (n *needles) scan(b []byte, found func(*needle)) {
	for i := 0; i+4 <= len(b); i++ {
		k := binary.LittleEndian.Uint32(b[i:])
		h := hash(k)
		if n.maybe[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		list := n.by[k]
		for j := range list {
			c := &list[j]
			if bytes.HasPrefix(b[i:], c.text) && (!c.digits || alone(b, i, i+len(c.text))) {
				found(c)
			}
		}
	}
}

// alone reports whether no letter or digit touches b[from:to]: a short number is
// part of many longer ones.
func alone(b []byte, from, to int) bool {
	return (from == 0 || !alnum(b[from-1])) && (to == len(b) || !alnum(b[to]))
}

func alnum(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }

func onlyDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
