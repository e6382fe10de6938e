package fieldmap

import (
	"hash/maphash"
	"strings"
	"time"
)

// record is what a walk gathers about the object it is in.
type record struct {
	object      Object
	first       int       // index of its first leaf
	name        [2]string // first and last name of the innermost object that has them
	number      string    // as stated, when it stayed clear
	conditional []conditional
	ids         map[Identifier]bool
	unknown     map[uint64]int // lines of the report by hash
	states      []string
	parcel      parcelState
	needs, not  int // items that need shipping, and that do not
}

// conditional is a leaf that is none if its text is the order's number.
type conditional struct {
	leaf  int
	index IndexKind
	text  string
}

type parcelState struct {
	stated                      string
	delivered, shipped, changed time.Time
}

func (r *record) reset(kind Kind, states int) {
	clear(r.ids)
	clear(r.unknown)
	r.states = append(r.states[:0], make([]string, states)...)
	*r = record{object: Object{Kind: kind}, ids: r.ids, unknown: r.unknown, states: r.states,
		conditional: r.conditional[:0]}
}

func (r *record) countParcel() {
	a, p := &r.object.Anchors, &r.parcel
	a.Packages++
	if p.shipped.After(a.LastPackageSent) {
		a.LastPackageSent = p.shipped
	}
	if p.delivered.IsZero() && p.stated == "delivered" {
		p.delivered = p.changed
	}
	if p.delivered.IsZero() && p.stated != "delivered" {
		return
	}
	a.PackagesDelivered++
	if p.delivered.IsZero() {
		a.undatedDelivery = true
	} else if p.delivered.After(a.LastPackageDelivered) {
		a.LastPackageDelivered = p.delivered
	}
}

// identify adds an identifier once.
func (w *walker) identify(kind IndexKind, text string) {
	r := &w.rec
	id := Identifier{kind, text}
	if text == "" || w.holes != nil || !w.inRecord {
		return
	}
	// A handful is compared one by one; more go through a map.
	const few = 12
	known := r.object.Identifiers
	if len(known) < few {
		for _, k := range known {
			if k == id {
				return
			}
		}
	} else {
		if len(r.ids) == 0 {
			if r.ids == nil {
				r.ids = map[Identifier]bool{}
			}
			for _, k := range known {
				r.ids[k] = true
			}
		}
		if r.ids[id] {
			return
		}
		r.ids[id] = true
	}
	if known == nil {
		known = make([]Identifier, 0, 8)
	}
	r.object.Identifiers = append(known, id)
}

// fullName adds the name of an object that has a first or a last one.
func (w *walker) fullName() {
	first, last := w.rec.name[0], w.rec.name[1]
	switch {
	case first == "":
		w.identify(NameIndex, last)
	case last == "":
		w.identify(NameIndex, first)
	default:
		w.buf = append(append(append(w.buf[:0], first...), ' '), last...)
		w.identify(NameIndex, w.text.keep(w.buf))
	}
}

// maxUnknown bounds the report of one object; what is beyond is one line more.
const maxUnknown = 200

// report notes an unknown value at the present place.
func (w *walker) report(typ string, why Reason) {
	if !w.inRecord || w.holes != nil {
		return
	}
	r := &w.rec
	if r.unknown == nil {
		r.unknown = map[uint64]int{}
	}
	name, path := w.names(true)
	// A keyed hash stands for the line, so that only new lines allocate.
	w.real = append(append(append(name, 0), typ...), byte(why))
	h := maphash.Bytes(w.m.set.seed, w.real)
	at, ok := r.unknown[h]
	if !ok && len(r.object.Unknown) >= maxUnknown {
		name, path, typ, h = nil, []byte("{key}"), "more", 0
		at, ok = r.unknown[h]
	}
	if !ok {
		at = len(r.object.Unknown)
		r.unknown[h] = at
		r.object.Unknown = append(r.object.Unknown, UnknownField{
			Path: w.text.keep(path), Name: w.text.keep(name), Type: typ, Reason: why,
		})
	}
	r.object.Unknown[at].Count++
}

// anchor notes a time that the object states. A date that comes twice counts as
// it stands last, but for deliveries and refunds, where the latest one counts.
func (r *record) anchor(ro role, t time.Time) {
	a := &r.object.Anchors
	switch ro {
	case roleCreated:
		a.Created = t
	case roleUpdated:
		a.Updated = t
	case rolePaid:
		a.Paid = t
	case roleShipped:
		a.Shipped = t
	case roleCancelled:
		a.Cancelled = t
	case roleClosed:
		a.Closed = t
	case roleDelivered:
		a.Delivered = later(a.Delivered, t)
	case roleRefunded:
		a.Refunded = later(a.Refunded, t)
	case rolePackageShipped:
		r.parcel.shipped = later(r.parcel.shipped, t)
	case rolePackageChanged:
		r.parcel.changed = later(r.parcel.changed, t)
	case rolePackageDelivered:
		r.parcel.delivered = later(r.parcel.delivered, t)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (a *Anchors) of(ro role) time.Time {
	switch ro {
	case roleCreated:
		return a.Created
	case roleUpdated:
		return a.Updated
	case rolePaid:
		return a.Paid
	case roleShipped:
		return a.Shipped
	case roleDelivered:
		return a.Delivered
	case roleCancelled:
		return a.Cancelled
	case roleRefunded:
		return a.Refunded
	case roleClosed:
		return a.Closed
	}
	return time.Time{}
}

// finish settles what needed the whole object.
func (r *record) finish(m *Map) {
	a := &r.object.Anchors
	a.Digital = r.not > 0 && r.needs == 0
	for _, d := range m.derived {
		said := r.states[d.state-1]
		for _, word := range d.is {
			if said != word {
				continue
			}
			if d.anchor == roleRefunded && d.from == noRole {
				a.FullyRefunded = true
			} else if from := a.of(d.from); a.of(d.anchor).IsZero() && !from.IsZero() {
				r.anchor(d.anchor, from)
			}
		}
	}
}

// isOrderNumber reports whether an order's name is its number, alone or in the
// dress shops give it: marks, digits and up to three capitals around it, as in
// #1047 or LL-20933. Capitals need three digits to dress, lest initials pass.
func isOrderNumber(name, number string) bool {
	if number == "" || len(name) > len(number)+12 {
		return false
	}
	before, after, found := strings.Cut(name, number)
	if !found {
		return false
	}
	capitals, digits := 0, 0
	for _, c := range []byte(before + after) {
		switch {
		case c >= 'A' && c <= 'Z':
			capitals++
		case (c < '0' || c > '9') && strings.IndexByte("#-_./", c) < 0:
			return false
		}
	}
	for _, c := range []byte(number) {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return before+after == "" || digits > 0 && capitals == 0 || digits >= 3 && capitals <= 3
}
