package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// shape is how a platform's orders look in the unified versions.
type shape int

const (
	newest  shape = iota // every group of keys, dates with deliveredAt
	older                // without deliveredAt
	legacy               // postalcode, products, flat country, dates at the top
	scalars              // customer and totals are bare values
)

// style is how a platform writes an instant.
type style int

const (
	isoOffset  style = iota // 2026-10-29T09:11:52-06:00
	isoMillis               // 2026-10-30T07:42:18.204Z
	plain                   // 2026-11-12 10:44:05, in UTC
	plainZone               // 2026-10-27 21:50:02 +0000
	epoch                   // "1793342538"
	rfc2822                 // Mon, 02 Nov 2026 10:15:00 +0100
	styleCount              // how many there are
)

// dialect is what sets a platform's answers apart.
type dialect struct {
	shape    shape
	style    style
	currency string
	limit    int // the most a page holds
	ascii    bool
	person   bool // order.name holds the buyer's name
	locales  []string
	first    int                // number of the first order
	id       func(n int) string // order id
	parse    func(s string) int // and back; below first if it is none
}

func decimal(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

var dialects = map[string]dialect{
	"shopify": {shape: newest, style: isoOffset, currency: "USD", limit: 250, locales: []string{"US", "US", "DE", "JP", "MX", "KZ"},
		first: 6_120_448_100_001, id: strconv.Itoa, parse: decimal},
	"woocommerce": {shape: newest, style: isoMillis, currency: "EUR", limit: 100, locales: []string{"GB", "GB", "DE", "FR"},
		first: 719_361, id: strconv.Itoa, parse: decimal},
	"prestashop": {shape: legacy, style: plain, currency: "EUR", limit: 100, locales: []string{"FR", "FR", "DE"},
		first: 5107, id: strconv.Itoa, parse: decimal},
	"magento2": {shape: older, style: plain, currency: "USD", limit: 50, locales: []string{"US", "US", "BR"},
		first: 719, id: func(n int) string { return fmt.Sprintf("%09d", n) }, parse: decimal},
	"ecwid": {shape: scalars, style: isoMillis, currency: "AED", limit: 100, person: true, locales: []string{"AE", "GB"},
		first: 9_613_408, id: base36, parse: fromBase36},
	"bigcommerce": {shape: newest, style: rfc2822, currency: "AUD", limit: 250, locales: []string{"GB", "US", "JP"},
		first: 300_617, id: strconv.Itoa, parse: decimal},
	"liverpool": {shape: newest, style: isoOffset, currency: "MXN", limit: 100, locales: []string{"MX"},
		first: 7_719_003, id: func(n int) string { return "MX-LIV-" + strconv.Itoa(n) },
		parse: func(s string) int {
			if len(s) < 8 || s[:7] != "MX-LIV-" {
				return -1
			}
			return decimal(s[7:])
		}},
	"linio": {shape: older, style: plain, currency: "PEN", limit: 100, ascii: true, person: true, locales: []string{"MX", "BR"},
		first: 204_881_930, id: strconv.Itoa, parse: decimal},
	"jumpseller": {shape: older, style: plainZone, currency: "CLP", limit: 100, locales: []string{"MX", "BR"},
		first: 40_917, id: strconv.Itoa, parse: decimal},
}

func base36(n int) string {
	b := []byte(strconv.FormatInt(int64(n), 36))
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 32
		}
	}
	return string(b)
}

func fromBase36(s string) int {
	n, err := strconv.ParseInt(s, 36, 63)
	if err != nil {
		return -1
	}
	return int(n)
}

func (st *store) dialect() dialect { return dialects[st.spec.Platform] }

// date writes an instant in the style of the order, or null.
func (d *doc) date(k string, t time.Time, s style) {
	if t.IsZero() {
		d.null(k)
		return
	}
	d.key(k)
	d.b = append(d.b, '"')
	switch s {
	case isoOffset:
		d.b = t.In(time.FixedZone("", -6*3600)).AppendFormat(d.b, "2006-01-02T15:04:05-07:00")
	case isoMillis:
		d.b = t.UTC().AppendFormat(d.b, "2006-01-02T15:04:05.000Z")
	case plain:
		d.b = t.UTC().AppendFormat(d.b, "2006-01-02 15:04:05")
	case plainZone:
		d.b = t.UTC().AppendFormat(d.b, "2006-01-02 15:04:05 -0700")
	case epoch:
		d.b = strconv.AppendInt(d.b, t.Unix(), 10)
	case rfc2822:
		d.b = t.In(time.FixedZone("", 3600)).AppendFormat(d.b, "Mon, 02 Jan 2006 15:04:05 -0700")
	}
	d.b = append(d.b, '"')
}

// style returns how an order writes its dates: as its platform does, or any way
// where that quirk is on.
func (st *store) style(r *rand.Rand) style {
	s := style(r.IntN(int(styleCount)))
	if st.sim.o.Quirks.DateFormats {
		return s
	}
	return st.dialect().style
}
