package fieldmap

import (
	"strconv"
	"time"
)

// Limits bound one body. A zero field means its default.
type Limits struct {
	Bytes int // default 16 MiB
	Depth int // nesting of arrays and objects, default 64, at most 512
	Nodes int // values, default 500,000
}

// Envelope is a parsed body.
type Envelope struct {
	// Objects are the records in the body, in document order. A list may hold
	// none.
	Objects []Object
	// Leaves are the personal values around the objects, such as a page link
	// with an e-mail address in it. Their spans count from the start of the
	// body. Nothing around the objects is ever stored.
	Leaves []Leaf

	raw   []byte
	spans []span // of Objects in raw
}

// Object is one record.
type Object struct {
	Kind       Kind
	ExternalID string // the platform's id; "" if the object states none
	OrderID    string // the order a fulfilment belongs to, where the body says so
	CustomerID string // the platform's id of the shopper; "" if none
	Number     string // the order number a shopper knows

	Raw         []byte       // the object's exact JSON text, inside the body
	Leaves      []Leaf       // in document order; spans count from the start of Raw
	Identifiers []Identifier // each kind and text once
	Anchors     Anchors
	Unknown     []UnknownField // what no map names or what drifted, each once with a count
}

// Leaf is one personal value, or one personal object key.
type Leaf struct {
	Start, End int // span of the JSON text in Raw, quotes included
	Class      Class
	Treatment  Treatment
	String     bool   // the text is a JSON string: false for numbers and booleans
	Inner      bool   // the span lies inside a JSON document held in a string
	Alt        []byte // what a coarse leaf keeps, without quotes; else nil
	Place      string // stable and unique within the object; never log it
	Path       string // of known keys: "shippingAddress.phone", "items.name", "customer.{key}"
}

// Text returns the leaf's exact JSON text as it stands in raw, the object's Raw.
func (l *Leaf) Text(raw []byte) []byte { return raw[l.Start:l.End] }

// Identifier is a text a record can be found by, decoded but not normalised.
type Identifier struct {
	Kind IndexKind
	Raw  string
}

// Reason says why a field stands in the report of unknown fields.
type Reason uint8

// The reasons of the report.
const (
	Unmapped Reason = iota // no map names the key
	Drifted                // the map expects another type or shape
	Detected               // a clear field held a value that looks personal
)

// UnknownField is one line of the report of unknown fields. Path is safe to show;
// Name holds key names as they came and must be sealed.
type UnknownField struct {
	Path   string // known keys, and {key} for each that is not: "customer.{key}", "{key}[].{key}"
	Name   string // real names: "customer.birthdate"; "" when the report was cut short
	Type   string // string, number, boolean, null, object, array
	Reason Reason
	Count  int
}

// Anchors are the times a body states, in UTC; zero means not stated or not
// readable. Which of them starts a clock is not decided here.
type Anchors struct {
	Created, Updated, Paid, Shipped, Cancelled, Refunded, Closed time.Time
	// Delivered is the delivery the object itself states, or for a fulfilment
	// whose shipment is delivered the time of its last change.
	Delivered time.Time
	// Packages counts the parcels of the body, PackagesDelivered those that
	// state a delivery. The times are the latest stated.
	Packages, PackagesDelivered           int
	LastPackageDelivered, LastPackageSent time.Time
	undatedDelivery                       bool // a parcel is delivered, nobody says when
	// FullyRefunded: the payment status says refunded, with or without a date.
	FullyRefunded bool
	// Digital: there are items and none needs shipping.
	Digital bool
	// Unreadable counts dates that were stated and could not be read.
	Unreadable int
}

// DeliveredAt returns when all of it was delivered. An order that states its
// own delivery counts from there or from its last parcel, whichever is later;
// else every parcel must be delivered and dated, and the last one counts.
func (a *Anchors) DeliveredAt() (time.Time, bool) {
	if !a.Delivered.IsZero() {
		if a.LastPackageDelivered.After(a.Delivered) {
			return a.LastPackageDelivered, true
		}
		return a.Delivered, true
	}
	all := a.Packages > 0 && a.Packages == a.PackagesDelivered && !a.undatedDelivery
	return a.LastPackageDelivered, all
}

// ShippedAt returns when the first known shipping of all of it was: the stated
// date, else the date of the last parcel sent.
func (a *Anchors) ShippedAt() (time.Time, bool) {
	if !a.Shipped.IsZero() {
		return a.Shipped, true
	}
	return a.LastPackageSent, !a.LastPackageSent.IsZero()
}

type span struct{ start, end int }

// Render appends the body with each object replaced by the text in objects, one
// per Objects in order, and each leaf around them by a token: token appends the
// text for Leaves[i] without quotes. A nil token makes them null (keys "key1",
// "key2", …). It panics if the counts differ.
func (e *Envelope) Render(dst []byte, objects [][]byte, token func(dst []byte, i int) []byte) []byte {
	if len(objects) != len(e.spans) {
		panic("fieldmap: one text per object")
	}
	at, l := 0, 0
	upTo := func(end int) {
		for ; l < len(e.Leaves) && e.Leaves[l].Start < end; l++ {
			dst = append(dst, e.raw[at:e.Leaves[l].Start]...)
			dst = e.appendLeaf(dst, l, token)
			at = e.Leaves[l].End
		}
		dst = append(dst, e.raw[at:end]...)
	}
	for i, s := range e.spans {
		upTo(s.start)
		dst = append(dst, objects[i]...)
		at = s.end
	}
	upTo(len(e.raw))
	return dst
}

func (e *Envelope) appendLeaf(dst []byte, i int, token func(dst []byte, i int) []byte) []byte {
	l := &e.Leaves[i]
	if l.Treatment == KeyToken && token == nil {
		return append(strconv.AppendInt(append(dst, `"key`...), int64(i+1), 10), '"')
	}
	if l.Treatment == Null || token == nil {
		return append(dst, "null"...)
	}
	return append(token(append(dst, '"'), i), '"')
}
