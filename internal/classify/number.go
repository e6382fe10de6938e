package classify

// maxGroups bounds how many groups of digits are read as one number, and with it
// the work per byte.
const maxGroups = 8

// cluster is a run of digit groups with one separator between each two: the
// shape of a formatted phone number, card or national id.
type cluster struct {
	start, end [maxGroups]int
	// sep[k] stands between group k and k+1: ' ', '-', '.', '/' or ')'. A non-
	// breaking space counts as a space, a typographic hyphen as '-'.
	sep    [maxGroups]byte
	n      int
	paren  bool // the first group stood in parentheses
	digits [32]byte
	total  [maxGroups]int // digits up to and with group k
}

func (c *cluster) len(k int) int      { return c.end[k] - c.start[k] }
func (c *cluster) first(k int) byte   { return c.digits[c.total[k]-c.len(k)] }
func (c *cluster) group(k int) []byte { return c.digits[c.total[k]-c.len(k) : c.total[k]] }

// read fills c from the digits at i, or from the parenthesis before them. A
// last group that runs into a letter is not a group.
func (c *cluster) read(s *scanner, i int) {
	c.paren = s.at(i) == '('
	if c.paren {
		i++
	}
	have := 0
	for c.n < maxGroups {
		j := i
		for s.is(j, digit) {
			j++
		}
		if j == i || s.is(j, letter|under) || have+j-i > len(c.digits) {
			return
		}
		have += copy(c.digits[have:], s.b[i:j])
		k := c.n
		c.start[k], c.end[k], c.total[k] = i, j, have
		c.n++
		c.sep[k], i = s.separator(j)
		if c.sep[k] == 0 {
			return
		}
	}
}

// separator reads what stands between two groups of digits and returns its
// canonical byte and the place of the next group, or 0.
func (s *scanner) separator(i int) (sep byte, next int) {
	switch c := s.at(i); c {
	case ' ', '-', '.', '/':
		sep, i = c, i+1
		if c == ' ' && (s.at(i) == '-' || s.at(i) == '/') && s.at(i+1) == ' ' {
			i += 2 // "030 - 123"
		}
	case ')':
		sep, i = c, i+1
		if x := s.at(i); x == ' ' || x == '-' || x == '.' || x == '/' {
			i++
		}
	case 0xC2:
		if s.at(i+1) != 0xA0 { // no-break space
			return 0, i
		}
		sep, i = ' ', i+2
	case 0xE2:
		if s.at(i+1) != 0x80 {
			return 0, i
		}
		switch s.at(i + 2) {
		case 0xAF: // narrow no-break space
			sep = ' '
		case 0x90, 0x91, 0x92, 0x93: // hyphens and dashes
			sep = '-'
		default:
			return 0, i
		}
		i += 3
	default:
		return 0, i
	}
	if !s.is(i, digit) {
		return 0, i
	}
	return sep, i
}

// number looks at the digits at i, or at the parenthesis before them.
func (s *scanner) number(i int) (Match, bool) {
	if s.at(i) != '(' {
		if m, ok := s.coordinates(i); ok {
			return m, true
		}
	}
	var c cluster
	c.read(s, i)
	if c.n == 0 {
		return Match{}, false
	}
	// Direct calls: through a table of functions c would move to the heap.
	if k := quad(&c); k > 0 && s.bounded(&c, k) {
		return Match{TypeIP, i, c.end[k-1]}, true
	}
	if k := personalNumber(s, &c); k > 0 && s.bounded(&c, k) {
		return Match{TypeNationalID, i, c.end[k-1]}, true
	}
	if k := card(&c); k > 0 && s.bounded(&c, k) {
		return Match{TypeCard, i, c.end[k-1]}, true
	}
	if k := nationalPhone(s, &c); k > 0 && s.bounded(&c, k) {
		return Match{TypePhone, i, c.end[k-1]}, true
	}
	return Match{}, false
}

// bounded reports whether the first k groups stand by themselves: a longer chain
// with the same mark on either side is another kind of number.
func (s *scanner) bounded(c *cluster, k int) bool {
	mark := byte('.') // one group alone: only a decimal point joins it to more
	if k > 1 {
		mark = c.sep[k-2]
	}
	if k < c.n && c.sep[k-1] == mark && mark != ' ' {
		return false
	}
	first := mark
	if k > 1 {
		first = c.sep[0]
	}
	before := c.start[0] - 1
	return c.paren || s.at(before) != first || first == ' ' || !s.is(before-1, digit)
}

// quad recognises an IPv4 address. A quad that looks like a version does not
// count: after a letter, or small in all its parts (first below 10, none above
// 99). Loopback and unspecified name nobody.
func quad(c *cluster) int {
	if c.paren || c.n < 4 || c.sep[0] != '.' || c.sep[1] != '.' || c.sep[2] != '.' {
		return 0
	}
	small, head := true, 0
	for k := range 4 {
		g := c.group(k)
		if len(g) > 3 || len(g) > 1 && g[0] == '0' {
			return 0
		}
		v := number(g)
		if v > 255 {
			return 0
		}
		if k == 0 {
			head = v
		}
		small = small && v <= 99
	}
	if head == 0 || head == 127 || head < 10 && small {
		return 0
	}
	return 4
}

// number returns the value of at most nine digits.
func number(g []byte) int {
	v := 0
	for _, d := range g {
		v = v*10 + int(d-'0')
	}
	return v
}

// card recognises a payment card: one group, or several with one separator.
func card(c *cluster) int {
	if c.paren {
		return 0
	}
	for k := 1; k <= c.n; k++ {
		if k > 2 && c.sep[k-2] != c.sep[0] || k > 1 && c.len(k-1) < 2 {
			return 0
		}
		if t := c.total[k-1]; t > 19 {
			return 0
		} else if t >= 14 && issued(c.digits[:t]) && luhn(c.digits[:t]) {
			return k
		}
	}
	return 0
}

// issued reports whether length and first digits belong to an issuer. Ranges of
// Maestro are left out: they overlap with everything.
func issued(d []byte) bool {
	p4 := number(d[:4])
	p3, p2 := p4/10, p4/100
	switch len(d) {
	case 14: // Diners Club
		return p2 == 36 || p2 == 38 || p2 == 39 || p3 >= 300 && p3 <= 305
	case 15: // American Express
		return p2 == 34 || p2 == 37
	case 16: // Visa, Mastercard, Discover, JCB, UnionPay, RuPay
		return p2/10 == 4 || p2 >= 51 && p2 <= 55 || p4 >= 2221 && p4 <= 2720 ||
			p4 == 6011 || p2 == 65 || p3 >= 644 && p3 <= 649 || p4 >= 3528 && p4 <= 3589 ||
			p2 == 62 || p2 == 60
	case 19: // Visa, UnionPay
		return p2/10 == 4 || p2 == 62
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// coordinates recognises latitude and longitude in one text, five decimals or
// more each. One number alone cannot be told from an amount or a rate.
func (s *scanner) coordinates(i int) (Match, bool) {
	a, j, ok := s.degrees(i)
	if !ok || a > 180 || s.at(j) != ',' {
		return Match{}, false
	}
	j++
	if s.at(j) == ' ' {
		j++
	}
	if s.at(j) == '-' {
		j++
	}
	b, end, ok := s.degrees(j)
	if !ok || b > 180 || a > 90 && b > 90 || s.is(end, wordy) {
		return Match{}, false
	}
	if s.at(i-1) == '-' {
		i--
	}
	return Match{TypeGeo, i, end}, true
}

// degrees reads up to three digits, a point and at least five decimals.
func (s *scanner) degrees(i int) (whole, end int, ok bool) {
	j := i
	for s.is(j, digit) && j-i < 3 {
		j++
	}
	if j == i || s.at(j) != '.' || s.at(i-1) == '.' {
		return 0, 0, false
	}
	end = j + 1
	for s.is(end, digit) {
		end++
	}
	return number(s.b[i:j]), end, end-j-1 >= 5
}
