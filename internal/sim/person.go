package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// person is somebody who does not exist.
type person struct {
	place
	first, last string
	email       string
	digits      string // the national number, digits only
	nationalID  string
	company     string
	street      string
	extra       string
	references  string
	postal      string
	lat, lon    string
}

// place is where a person lives.
type place struct {
	loc               *locale
	city, state, code string
}

// locale is a country's way to write people.
type locale struct {
	iso2, iso3, country string
	dial, currency      string
	firsts, lasts       []string // "Name|ascii"
	streets, extras     []string
	notes               []string
	places              [][3]string // city, state, state code
	// number, postal and id are patterns: N is any digit; the rest stands for
	// itself. number is national, digits only.
	number, postal, id string
	// formats are spellings of the number: # takes its next digit, ~ skips it.
	formats []string
}

// person returns person n of a kind. Customers repeat: a shopper with several
// orders is one person.
func (st *store) person(kind, n uint64) person {
	r := st.random(kind, n)
	ls := dialects[st.spec.Platform].locales
	loc := locales[ls[r.IntN(len(ls))]]
	p := person{}
	at := pick(r, loc.places)
	p.place = place{loc, at[0], at[1], at[2]}
	first, ascii1 := split(pick(r, loc.firsts))
	last, ascii2 := split(pick(r, loc.lasts))
	p.first, p.last = first, last
	if r.IntN(3) == 0 {
		second, more := split(pick(r, loc.lasts))
		if second != last && loc.iso2 != "JP" {
			p.last, ascii2 = last+"-"+second, ascii2+more
		}
	}
	p.email = fmt.Sprintf("%s.%s.%x@example.%s", ascii1, ascii2, mix(st.seed, kind, n)&0xFFFFF, pick(r, []string{"com", "org", "net"}))
	p.digits = fill(r, loc.number)
	p.postal = fill(r, loc.postal)
	p.nationalID = fill(r, loc.id)
	p.street = fill(r, pick(r, loc.streets))
	if r.IntN(3) == 0 {
		p.extra = fill(r, pick(r, loc.extras))
	}
	if r.IntN(8) == 0 {
		p.company = last + " & Co. " + fill(r, "NNN")
	}
	if r.IntN(10) == 0 {
		p.references = pick(r, loc.notes) + " " + fill(r, "NNN")
	}
	if r.IntN(6) == 0 {
		p.lat = fmt.Sprintf("%d.%08d", 20+r.IntN(35), r.IntN(1e8))
		p.lon = fmt.Sprintf("-%d.%08d", 1+r.IntN(120), r.IntN(1e8))
	}
	return p
}

// phone returns the person's number in the n-th spelling of the country.
func (p *person) phone(n int) string {
	f := p.loc.formats[n%len(p.loc.formats)]
	digits := p.digits
	var b strings.Builder
	for _, c := range f {
		if c != '#' && c != '~' {
			b.WriteRune(c)
			continue
		}
		if c == '#' {
			b.WriteByte(digits[0])
		}
		digits = digits[1:]
	}
	return b.String()
}

// e164 is the one form that all spellings stand for.
func (p *person) e164() string { return "+" + p.loc.dial + strings.TrimPrefix(p.digits, "0") }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func split(pair string) (name, ascii string) {
	name, ascii, ok := strings.Cut(pair, "|")
	if !ok {
		ascii = strings.ToLower(strings.NewReplacer(" ", "", "'", "", "-", "").Replace(name))
	}
	return name, ascii
}

// fill replaces each N of a pattern by a digit.
func fill(r *rand.Rand, pattern string) string {
	if !strings.Contains(pattern, "N") {
		return pattern
	}
	b := []byte(pattern)
	for i, c := range b {
		if c == 'N' {
			b[i] = byte('0' + r.IntN(10))
		}
	}
	return string(b)
}
