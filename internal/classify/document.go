package classify

// personalNumber recognises national ids that are written as groups of digits.
func personalNumber(s *scanner, c *cluster) int {
	if c.paren {
		return 0
	}
	sep := c.sep
	switch {
	case c.lens(3, 2, 4): // US social security or taxpayer number
		if sep[0] == sep[1] && (sep[0] == '-' || sep[0] == ' ') {
			return 3
		}
	case c.lens(3, 3, 3, 2): // Brazil, CPF
		if sep[0] == '.' && sep[1] == '.' && sep[2] == '-' {
			return 4
		}
	case c.lens(2, 3, 3, 4, 2): // Brazil, CNPJ
		if sep[0] == '.' && sep[1] == '.' && sep[2] == '/' && sep[3] == '-' {
			return 5
		}
	case c.lens(2, 8, 1): // Argentina, CUIT
		if sep[0] == '-' && sep[1] == '-' && cuit(c) {
			return 3
		}
	case c.lens(1, 2, 2, 2, 3, 3, 2): // France, NIR
		if f := c.first(0); f == '1' || f == '2' {
			return 7
		}
	}
	return rut(s, c)
}

// cuit checks type and check digit of an Argentine tax number.
func cuit(c *cluster) bool {
	switch string(c.group(0)) {
	case "20", "23", "24", "25", "26", "27", "30", "33", "34":
	default:
		return false
	}
	sum := 0
	for i, w := range [10]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += w * int(c.digits[i]-'0')
	}
	return (11-sum%11)%11 == int(c.digits[10]-'0')
}

// rut recognises a Chilean number, 12.345.678 with a check digit or K after '-'.
func rut(s *scanner, c *cluster) int {
	if c.n < 3 || c.len(0) > 2 || c.len(1) != 3 || c.len(2) != 3 || c.sep[0] != '.' || c.sep[1] != '.' {
		return 0
	}
	end := c.end[2]
	k := s.at(end+1) | 0x20
	if s.at(end) == '-' && (k == 'k' || s.is(end+1, digit)) && !s.is(end+2, wordy) {
		return 3
	}
	return 0
}

// document looks at a word of letters and digits: IBAN, and the ids that are
// written as one word.
func (s *scanner) document(i, j int) (Match, bool) {
	w := s.b[i:j]
	if s.is(i, letter) && s.is(i+1, letter) && s.is(i+2, digit) && s.is(i+3, digit) {
		if end := s.iban(i); end > 0 {
			return Match{TypeIBAN, i, end}, true
		}
	}
	var is bool
	switch len(w) {
	case 9:
		is = dni(w)
	case 13:
		is = rfc(w)
	case 16:
		is = shaped(w, "LLLLLLDDLDDLDDDL")
	case 18:
		is = shaped(w, "LLLLDDDDDDLLLLLLAD") && dated(w[4:10]) && sex(w[10])
	}
	return Match{TypeNationalID, i, j}, is
}

// shaped reports whether w follows shape: L letter, U upper-case letter, D
// digit, A letter or digit. Letters of both cases count as L.
func shaped(w []byte, shape string) bool {
	for i := range shape {
		c := class[w[i]]
		switch shape[i] {
		case 'L':
			if c != letter {
				return false
			}
		case 'U':
			if c != letter || w[i] > 'Z' {
				return false
			}
		case 'D':
			if c != digit {
				return false
			}
		case 'A':
			if c&(letter|digit) == 0 {
				return false
			}
		}
	}
	return true
}

// dated reports whether six digits are a date as YYMMDD.
func dated(d []byte) bool {
	m, day := number(d[2:4]), number(d[4:6])
	return m >= 1 && m <= 12 && day >= 1 && day <= 31
}

// sex reports whether c is one of the three letters of a CURP.
func sex(c byte) bool {
	c = lower(c)
	return c == 'h' || c == 'm' || c == 'x'
}

// rfc recognises a Mexican tax id of a person with its homoclave. The form
// without homoclave is also what people name batches after, and is let through.
func rfc(w []byte) bool { return shaped(w, "UUUUDDDDDDAAA") && dated(w[4:10]) && upper(w[10:]) }

func upper(w []byte) bool {
	for _, c := range w {
		if c > 'Z' {
			return false
		}
	}
	return true
}

// dni recognises a Spanish DNI or NIE by its check letter, upper case only.
func dni(w []byte) bool {
	v := 0
	switch {
	case shaped(w, "DDDDDDDDU"):
		v = number(w[:8])
	case shaped(w, "UDDDDDDDU") && w[0] >= 'X' && w[0] <= 'Z':
		v = int(w[0]-'X')*10_000_000 + number(w[1:8])
	default:
		return false
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[v%23] == w[8]
}

// iban recognises an IBAN in one word or in groups of four and returns its end.
func (s *scanner) iban(i int) int {
	want := ibanLength(s.b[i : i+2])
	if want == 0 {
		return 0
	}
	var w [34]byte
	n, j := 0, i
	for ; n < want; j++ {
		c := s.at(j)
		switch {
		case s.is(j, letter|digit):
			w[n] = c &^ 0x20
			if class[c] == digit {
				w[n] = c
			}
			n++
		case (c == ' ' || c == '-') && n%4 == 0 && s.is(j+1, letter|digit):
		default:
			return 0
		}
	}
	if s.is(j, wordy) || !mod97(w[:n]) {
		return 0
	}
	return j
}

// mod97 checks the ISO 7064 remainder of an IBAN in upper case.
func mod97(w []byte) bool {
	r := 0
	for i := range w {
		c := w[(i+4)%len(w)]
		if class[c] == digit {
			r = (r*10 + int(c-'0')) % 97
		} else {
			r = (r*100 + int(c-'A') + 10) % 97
		}
	}
	return r == 1
}

// ibanLength returns the length of an IBAN of the country, 0 if it has none.
func ibanLength(country []byte) int {
	a, b := country[0]&^0x20, country[1]&^0x20
	for i := 0; i+4 <= len(ibanLengths); i += 4 {
		if ibanLengths[i] == a && ibanLengths[i+1] == b {
			return number([]byte{ibanLengths[i+2], ibanLengths[i+3]})
		}
	}
	return 0
}

// ibanLengths is the IBAN registry: two letters and two digits each.
const ibanLengths = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27" +
	"DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26" +
	"IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18" +
	"NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23" +
	"TN24TR26UA29VA22VG24XK20YE30"
