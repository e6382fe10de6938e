package classify

// international looks at a plus that ends before i: a country code and 8 to 15
// digits in all, 9 where no separator shows that it is written as a number to
// dial. at is where the plus starts.
func (s *scanner) international(at, i int) (Match, bool) {
	if s.is(at-1, wordy) || !s.is(i, digit) && s.at(i) != '(' {
		return Match{}, false
	}
	var d [15]byte
	n, seps, end := 0, 0, i
	for j := i; ; {
		switch {
		case s.is(j, digit):
			if n == len(d) {
				return Match{}, false
			}
			d[n] = s.b[j]
			n, j, end = n+1, j+1, j+1
			continue
		case s.at(j) == '(' && s.is(j+1, digit):
			j, seps = j+1, seps+1
			continue
		}
		sep, next := s.separator(j)
		if sep == 0 && j+1 < len(s.b) && (s.b[j] == ' ' || s.b[j] == '-') && s.b[j+1] == '(' && s.is(j+2, digit) {
			sep, next = ' ', j+2
		}
		if sep == 0 {
			break
		}
		j, seps = next, seps+1
	}
	need := 9
	if seps > 0 {
		need = 8
	}
	if n < need || dialCode(d[:n]) == 0 || s.is(end, letter|under) && lower(s.at(end)) != 'x' {
		return Match{}, false
	}
	return Match{TypePhone, at, end}, true
}

// dialCode returns the length of the country code that d starts with, 0 if none
// is assigned.
func dialCode(d []byte) int {
	if len(d) < 3 || d[0] == '0' {
		return 0
	}
	if d[0] == '1' || d[0] == '7' {
		return 1
	}
	switch number(d[:2]) {
	case 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49,
		51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66,
		81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98:
		return 2
	case 28, 83, 89:
		return 0
	}
	if number(d[:3]) == 999 {
		return 0
	}
	return 3
}

// nationalPhone recognises the groupings that national numbers are written in.
// Each rule is narrow on purpose: dates, thousands, order numbers and licence
// keys are groups of digits too.
func nationalPhone(s *scanner, c *cluster) int {
	if c.n < 2 {
		if c.n == 1 && labelled(s, c.start[0]) && c.total[0] >= 7 && c.total[0] <= 15 {
			return 1
		}
		return 0
	}
	if k := northAmerican(c); k > 0 {
		return k
	}
	if c.paren {
		if c.len(0) > 3 && c.first(0) != '0' {
			return 0 // "(2026) 000123"
		}
		return c.fit(2, 9, 12)
	}
	// In "INV-0123-456789" the digits are part of an id.
	if p := s.at(c.start[0] - 1); (p == '-' || p == '/' || p == '.') && s.is(c.start[0]-2, wordy) {
		return 0
	}
	if c.first(0) == '0' {
		return trunk(c)
	}
	return grouped(c)
}

// labelled reports whether "tel:" or "sms:" stands before i.
func labelled(s *scanner, i int) bool {
	if i < 4 || s.b[i-1] != ':' {
		return false
	}
	w := [3]byte{lower(s.b[i-4]), lower(s.b[i-3]), lower(s.b[i-2])}
	return string(w[:]) == "tel" || string(w[:]) == "sms"
}

// northAmerican recognises 3-3-4, with or without a leading 1; area code and
// exchange start with 2 to 9.
func northAmerican(c *cluster) int {
	k := 0
	if c.first(0) == '1' && c.len(0) == 1 && c.n >= 4 {
		k = 1
	}
	if c.n < k+3 || c.len(k) != 3 || c.len(k+1) != 3 || c.len(k+2) != 4 {
		return 0
	}
	if c.first(k) < '2' || c.first(k+1) < '2' {
		return 0
	}
	return k + 3
}

// fit returns the number of groups from at least from whose digits number
// between lo and hi and whose separators after the first are alike, the longest
// such run, or 0.
func (c *cluster) fit(from, lo, hi int) int {
	best := 0
	for k := 2; k <= c.n; k++ {
		if k > 3 && c.sep[k-2] != c.sep[1] {
			break
		}
		if t := c.total[k-1]; t > hi {
			break
		} else if t >= lo && k >= from {
			best = k
		}
	}
	return best
}

// trunk recognises numbers with a trunk prefix 0 ("030 23125 417") or an
// international prefix 00 ("0049 30 23125 417").
func trunk(c *cluster) int {
	if c.len(0) >= 2 && c.group(0)[1] == '0' {
		if c.sep[0] == '.' || c.len(0) > 6 || dialCode(c.digits[2:c.total[c.n-1]]) == 0 {
			return 0
		}
		return c.fit(3, 11, 16)
	}
	if c.len(0) < 2 || c.len(0) > 5 {
		return 0
	}
	if c.n >= 3 && c.len(0) == 2 && c.len(1) == 2 && c.len(2) == 4 && number(c.group(2)) >= 1900 && number(c.group(2)) < 2100 {
		return 0 // a date, day or month first
	}
	from := 2
	if c.sep[0] == '.' {
		from = 3 // two groups with a point are a decimal number
	}
	return c.fit(from, 9, 11)
}

// grouped recognises further formats without trunk prefix by the lengths of
// their groups: Mexico, Brazil, China, Spain, Russia, Chile, India.
func grouped(c *cluster) int {
	spaced := c.sep[0] == ' '
	switch {
	case c.lens(2, 4, 4):
		if spaced || c.sep[0] == '-' && bigArea(c.group(0)) {
			return 3
		}
	case c.lens(2, 5, 4):
		if c.first(1) == '9' && (spaced || c.sep[0] == '-') {
			return 3
		}
	case c.lens(3, 4, 4):
		if g := c.group(0); g[0] == '1' && g[1] >= '3' && c.sep[0] != '.' {
			return 3
		}
	case c.lens(3, 3, 2, 2):
		if spaced {
			return 4
		}
	case c.lens(3, 3, 3):
		if f := c.first(0); spaced && c.sep[1] == ' ' && (f == '6' || f == '7' || f == '9') {
			return 3
		}
	case c.lens(1, 4, 4):
		if spaced && c.first(0) == '9' {
			return 3
		}
	case c.lens(5, 5):
		if spaced && c.first(0) >= '6' {
			return 2
		}
	}
	return 0
}

// bigArea reports whether g is one of Mexico's four two-digit area codes. Other
// pairs with dashes may be a year: "26-1120-0001".
func bigArea(g []byte) bool {
	switch string(g) {
	case "33", "55", "56", "81":
		return true
	}
	return false
}

// lens reports whether c starts with groups of these lengths.
func (c *cluster) lens(want ...int) bool {
	if c.n < len(want) {
		return false
	}
	for k, n := range want {
		if c.len(k) != n {
			return false
		}
	}
	return true
}
