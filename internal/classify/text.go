package classify

// email looks at an at sign that covers b[at:i].
func (s *scanner) email(at, i int) (Match, bool) {
	b := s.b
	from := at
	for from > 0 && local(b[from-1]) {
		from--
	}
	for from < at && class[b[from]]&(letter|digit|under) == 0 && b[from] < 0x80 {
		from++ // quotes and points before the local part
	}
	if from == at {
		return Match{}, false
	}
	end, last := s.domain(i)
	if end == 0 || file(b[last:end]) || string(b[i:end]) == "pii.invalid" {
		return Match{}, false
	}
	return Match{TypeEmail, from, end}, true
}

// local reports whether c may stand in a local part as people have them.
func local(c byte) bool {
	return class[c]&wordy != 0 || c >= 0x80 || c == '.' || c == '+' || c == '-' || c == '%' || c == '\''
}

// domain reads a host name of two labels or more that ends in letters, an
// A-label or another script, and returns its end and where its last label
// starts, or 0.
func (s *scanner) domain(i int) (end, last int) {
	label := i
	for j := i; ; j++ {
		c := s.at(j)
		if j < len(s.b) && (class[c]&(letter|digit) != 0 || c >= 0x80 || c == '-' && j > label) {
			continue
		}
		if j == label {
			return end, last // a full stop after the name
		}
		if label > i && topLabel(s.b[label:j]) {
			end, last = j, label
		} else if label > i {
			end = 0
		}
		if c != '.' {
			return end, last
		}
		label = j + 1
	}
}

// topLabel reports whether w can be a top-level domain.
func topLabel(w []byte) bool {
	if len(w) < 2 || len(w) > 63 {
		return false
	}
	if has(w, 0, "xn--") {
		return true
	}
	for _, c := range w {
		if class[c] != letter && c < 0x80 {
			return false
		}
	}
	return true
}

// file reports whether the last label is the suffix of a file, as in logo@2x.png.
func file(w []byte) bool {
	switch string(w) {
	case "png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "mjs", "map", "go", "ts":
		return true
	}
	return false
}

// letters looks at a word without digits.
func (s *scanner) letters(i, j int) (Match, bool) {
	b := s.b
	switch j - i {
	case 2:
		if lower(b[i]) == 'a' && lower(b[i+1]) == 't' {
			return s.spelledAt(i, j)
		}
	case 4:
		if lower(b[i]) == 'f' && s.at(j) == ':' {
			return s.ipv6(i)
		}
	case 6:
		if (b[i] == 'B' || b[i] == 'b') && string(b[i+1:j]) == "earer" {
			return s.bearer(i, j)
		}
	case 7:
		if has(b, i, "PRIVATE+KEY+") {
			return Match{TypeSecret, i, i + len("PRIVATE+KEY+")}, true
		}
	}
	if j-i >= longWord {
		return s.secret(i, j)
	}
	return Match{}, false
}

// spelledAt looks at the word "at" between two marks: jane.doe.at.example.com,
// jane_at_example.org, jane[at]example.net. The domain must end in a common
// top-level domain, because "at" is also a word and the domain of Austria.
func (s *scanner) spelledAt(i, j int) (Match, bool) {
	if i < 2 || !spell(s.at(i-1)) || !spell(s.at(j)) || !s.is(i-2, letter|digit) {
		return Match{}, false
	}
	end, last := s.domain(j + 1)
	for k := last; k < end; k++ {
		if s.b[k] >= 0x80 { // the sentence goes on in another script
			end = k
		}
	}
	if end == 0 || s.is(end, wordy) || !commonTop(s.b[last:end]) {
		return Match{}, false
	}
	from := i - 1
	for from > 0 && local(s.b[from-1]) {
		from--
	}
	return Match{TypeEmail, from, end}, true
}

func spell(c byte) bool {
	switch c {
	case '.', '-', '/', ':', '#', '[', ']', '(', ')', '{', '}':
		return true
	}
	return false
}

func commonTop(w []byte) bool {
	var low [7]byte
	if len(w) > len(low) {
		return false
	}
	for i, c := range w {
		low[i] = lower(c)
	}
	switch string(low[:len(w)]) {
	case "com", "net", "org", "info", "biz", "edu", "gov", "io", "co", "app", "dev", "me", "eu",
		"de", "at", "ch", "fr", "es", "it", "nl", "be", "pt", "uk", "ie", "pl", "se", "no", "dk", "fi",
		"cz", "ru", "ua", "tr", "gr", "us", "ca", "mx", "br", "ar", "cl", "pe", "uy", "ec", "cr",
		"au", "nz", "jp", "cn", "kr", "in", "za", "il", "ae", "example", "test", "invalid":
		return true
	}
	return false
}

// bearer looks behind the word "Bearer" for sixteen characters or more of a
// credential with a digit in it.
func (s *scanner) bearer(i, j int) (Match, bool) {
	if s.at(j) != ' ' {
		return Match{}, false
	}
	k, digits := j+1, 0
	for s.is(k, wordy) || k < len(s.b) && (s.b[k] == '.' || s.b[k] == '-' || s.b[k] == '~' || s.b[k] == '+' || s.b[k] == '/') {
		if class[s.b[k]] == digit {
			digits++
		}
		k++
	}
	return Match{TypeSecret, i, k}, k-j > 16 && digits > 0
}

// secret looks at a word for the prefixes of well-known credentials.
func (s *scanner) secret(i, j int) (Match, bool) {
	b := s.b
	if has(b, i, "eyJ") {
		return s.webToken(i)
	}
	for _, p := range prefixesOf(b[i]) {
		if !has(b, i, p.text) {
			continue
		}
		k := i + len(p.text)
		for s.is(k, wordy) || p.dashes && k < len(b) && (b[k] == '-' || b[k] == '.') {
			k++
		}
		if k-i-len(p.text) >= p.more {
			return Match{TypeSecret, i, k}, true
		}
	}
	return Match{}, false
}

// prefix is how a credential starts, how many characters follow at least, and
// whether dashes and points may be among them.
type prefix struct {
	text   string
	more   int
	dashes bool
}

var (
	prefixA = [...]prefix{{"AKIA", 16, false}, {"ASIA", 16, false}, {"AIza", 30, true}, {"AGE-SECRET-KEY-1", 20, false}}
	prefixG = [...]prefix{{"ghp_", 20, false}, {"gho_", 20, false}, {"ghs_", 20, false}, {"ghu_", 20, false},
		{"github_pat_", 20, false}, {"glpat-", 16, true}}
	prefixH = [...]prefix{{"hvs.", 20, true}, {"hvb.", 20, true}}
	prefixN = [...]prefix{{"npm_", 20, false}}
	prefixR = [...]prefix{{"rk_live_", 12, false}, {"rk_test_", 12, false}}
	prefixS = [...]prefix{{"sr_live_", 12, false}, {"sr_test_", 12, false}, {"sk_live_", 12, false}, {"sk_test_", 12, false},
		{"shpat_", 12, false}, {"shpca_", 12, false}, {"shppa_", 12, false}, {"shpss_", 12, false}}
	prefixX = [...]prefix{{"xoxb-", 10, true}, {"xoxp-", 10, true}, {"xoxa-", 10, true}, {"xoxs-", 10, true}}
)

func prefixesOf(c byte) []prefix {
	switch c {
	case 'A':
		return prefixA[:]
	case 'g':
		return prefixG[:]
	case 'h':
		return prefixH[:]
	case 'n':
		return prefixN[:]
	case 'r':
		return prefixR[:]
	case 's':
		return prefixS[:]
	case 'x':
		return prefixX[:]
	}
	return nil
}

// webToken recognises the three parts of a JSON web token.
func (s *scanner) webToken(i int) (Match, bool) {
	j, parts := i, 1
	for part := i; ; j++ {
		if s.is(j, wordy) || s.at(j) == '-' {
			continue
		}
		if j-part < 10 {
			return Match{}, false
		}
		if s.at(j) != '.' || parts == 3 {
			break
		}
		parts++
		part = j + 1
	}
	return Match{TypeSecret, i, j}, parts == 3
}

// ipv6 recognises an address of the global, unique-local or link-local range.
func (s *scanner) ipv6(i int) (Match, bool) {
	b := s.b
	if first := lower(b[i]); s.at(i-1) == ':' && hex(s.at(i-2)) || first != '2' && first != '3' && first != 'f' {
		return Match{}, false
	}
	j, colons := i, 0
	for j < len(b) && j-i < 45 && (class[b[j]]&(letter|digit) != 0 || b[j] == ':' || b[j] == '.') {
		if b[j] == ':' {
			colons++
		}
		j++
	}
	for j > i && (b[j-1] == '.' || b[j-1] == ':' && b[j-2] != ':') {
		j--
	}
	if colons < 2 || s.at(i+4) != ':' || s.is(j, wordy) {
		return Match{}, false
	}
	return Match{TypeIP, i, j}, validIPv6(b[i:j])
}

// validIPv6 reports whether w is eight groups of hex digits, or fewer with one
// "::" among them. (netip.ParseAddr wants a string, which would allocate.)
func validIPv6(w []byte) bool {
	groups, n, gap := 0, 0, false
	for i, c := range w {
		switch {
		case c == ':' && i > 0 && w[i-1] == ':':
			if gap {
				return false
			}
			gap = true
		case c == ':':
			n = 0
		case hex(c):
			if n == 0 {
				groups++
			}
			if n++; n > 4 {
				return false
			}
		default:
			return false
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

func hex(c byte) bool { return class[c] == digit || lower(c) >= 'a' && lower(c) <= 'f' }

// uuid returns the end of a UUID that starts at i, or 0.
func (s *scanner) uuid(i int) int {
	if len(s.b)-i < 36 {
		return 0
	}
	for k := range 36 {
		c := s.b[i+k]
		if k == 8 || k == 13 || k == 18 || k == 23 {
			if c != '-' {
				return 0
			}
		} else if !hex(c) {
			return 0
		}
	}
	if s.is(i+36, wordy) {
		return 0
	}
	return i + 36
}
