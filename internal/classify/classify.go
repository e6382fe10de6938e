package classify

// InfoType says what kind of personal data or secret a match is. The zero value
// is no type.
type InfoType uint8

// The types the detector tells apart.
const (
	TypeEmail InfoType = iota + 1
	TypePhone
	TypeCard
	TypeIBAN
	TypeIP
	TypeNationalID
	TypeGeo
	TypeSecret
)

var typeNames = [...]string{
	0: "none", TypeEmail: "e-mail address", TypePhone: "phone number", TypeCard: "card number",
	TypeIBAN: "bank account", TypeIP: "IP address", TypeNationalID: "national id",
	TypeGeo: "coordinates", TypeSecret: "secret",
}

// String returns the type's name in words; it is safe to log.
func (t InfoType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return typeNames[0]
}

// Match is one find: its type and the half-open range of bytes it covers.
type Match struct {
	Type       InfoType
	Start, End int
}

// Scan returns every match in b from left to right; matches do not overlap.
func Scan(b []byte) []Match {
	var out []Match
	s := scanner{b: b}
	for {
		m, ok := s.next()
		if !ok {
			return out
		}
		if n := len(out); n > 0 && m.Start < out[n-1].End {
			continue // a local part or prefix that an earlier match already covers
		}
		out = append(out, m)
	}
}

// Has reports whether b holds anything personal or secret, and the type of the
// first find. It does not allocate.
func Has(b []byte) (InfoType, bool) {
	s := scanner{b: b}
	m, ok := s.next()
	return m.Type, ok
}

// The byte classes. A word is a run of letters, digits and underscores; a byte
// of several scripts (0x80 and above) is no part of a word, because in scripts
// without spaces a number may follow a letter directly.
const (
	letter = 1 << iota // A-Z a-z
	digit              // 0-9
	under              // _
	start              // a byte that may start a match by itself

	wordy = letter | digit | under
)

var class = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = letter, letter
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = digit
	}
	t['_'] = under
	for _, c := range "+(@%\\-" {
		t[c] = start
	}
	return t
}()

// scanner holds the place up to which a text has been read.
type scanner struct {
	b []byte
	i int
}

// next returns the next match at or after the scanner's place and moves behind it.
func (s *scanner) next() (Match, bool) {
	b := s.b
	for i := s.i; i < len(b); {
		c := class[b[i]]
		if c == 0 {
			i++
			continue
		}
		if c == start {
			if m, ok := s.mark(i); ok {
				s.i = m.End
				return m, true
			}
			i++
			continue
		}
		j, bits := i+1, c
		for j < len(b) {
			d := class[b[j]]
			if d&wordy == 0 {
				break
			}
			bits |= d
			j++
		}
		// Most words of an event are letters only: they are done here.
		if bits&digit != 0 || j-i >= longWord || shortWords[min(j-i, 7)] {
			m, to, ok := s.word(i, j, bits)
			if ok {
				s.i = m.End
				return m, true
			}
			if to > j {
				i = to
				continue
			}
		}
		i = j
	}
	s.i = len(b)
	return Match{}, false
}

// longWord is the length from which a word without digits is looked at; the
// words of shortWords are "at", "fdab:…", "bearer" and "private".
const longWord = 16

var shortWords = [8]bool{2: true, 4: true, 6: true, 7: true}

// mark looks at a byte that may start or join a match by itself.
func (s *scanner) mark(i int) (Match, bool) {
	b := s.b
	switch b[i] {
	case '@':
		return s.email(i, i+1)
	case '%':
		if has(b, i, "%40") {
			return s.email(i, i+3)
		}
		if has(b, i, "%2B") || has(b, i, "%2b") {
			return s.international(i, i+3)
		}
	case '\\':
		if has(b, i, `\u0040`) {
			return s.email(i, i+6)
		}
		if has(b, i, `\u002b`) || has(b, i, `\u002B`) {
			return s.international(i, i+6)
		}
	case '+':
		return s.international(i, i+1)
	case '(':
		if s.is(i+1, digit) {
			return s.number(i)
		}
	case '-':
		if has(b, i, "-----BEGIN ") {
			return Match{TypeSecret, i, i + len("-----BEGIN ")}, true
		}
	}
	return Match{}, false
}

// word looks at the word b[i:j]. Where it finds nothing, to is the place from
// which the scan goes on if that is beyond j.
func (s *scanner) word(i, j int, bits uint8) (m Match, to int, ok bool) {
	if bits&digit == 0 {
		m, ok = s.letters(i, j)
		return m, 0, ok
	}
	if j-i == 8 {
		if end := s.uuid(i); end > 0 {
			return m, end, false
		}
	}
	if j < len(s.b) && s.b[j] == ':' && j-i <= 4 {
		if m, ok = s.ipv6(i); ok {
			return m, 0, true
		}
	}
	if class[s.b[i]] == digit {
		if m, ok = s.number(i); ok {
			return m, 0, true
		}
		if bits == digit {
			return m, 0, false
		}
	}
	if m, ok = s.secret(i, j); ok {
		return m, 0, true
	}
	m, ok = s.document(i, j)
	return m, 0, ok
}

// is reports whether the byte at i is there and of a class in mask.
func (s *scanner) is(i int, mask uint8) bool {
	return i >= 0 && i < len(s.b) && class[s.b[i]]&mask != 0
}

// at returns the byte at i, or 0 outside the text.
func (s *scanner) at(i int) byte {
	if i < 0 || i >= len(s.b) {
		return 0
	}
	return s.b[i]
}

// has reports whether prefix stands at b[i:].
func has(b []byte, i int, prefix string) bool {
	return len(b)-i >= len(prefix) && string(b[i:i+len(prefix)]) == prefix
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 32
	}
	return c
}
