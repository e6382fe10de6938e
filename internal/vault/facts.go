package vault

import (
	"encoding/binary"
	"time"

	"strongroom"
)

// facts are the dated events that bodies ever stated about an object, with what
// its fulfilments and orders add. A fact once stated is kept when a later body
// no longer mentions it. The clock is a function of the facts alone, so the same
// facts always give the same date.
type facts struct {
	Created, Updated    time.Time
	Shipped, Delivered  time.Time
	Cancelled, Refunded time.Time
	Closed, Paid        time.Time
	Received            time.Time // when the first body came in
	Seen                time.Time // when the object was last fetched
	Renewed             time.Time // the newest order event seen since the first version
	ParcelsShipped      time.Time // last ship date over the order's fulfilments
	ParcelsDelivered    time.Time // last delivery, where every fulfilment is delivered
	LastOrder           time.Time // a customer: the latest erase-by date of its orders
	HasPaid, HasRefund  bool
	Digital             bool // nothing in the order is shipped
}

const factCount = 14

// slots lists the times in the order they stand on disk. Append only.
func (f *facts) slots() [factCount]*time.Time {
	return [factCount]*time.Time{
		&f.Created, &f.Updated, &f.Shipped, &f.Delivered, &f.Cancelled, &f.Refunded, &f.Closed, &f.Paid,
		&f.Received, &f.Seen, &f.Renewed, &f.ParcelsShipped, &f.ParcelsDelivered, &f.LastOrder,
	}
}

const (
	flagPaid = 1 << iota
	flagRefund
	flagDigital
)

// appendTo writes the facts: a mask of the slots present, the flags, then the
// present times, each as the difference to the one before to keep it short.
func (f *facts) appendTo(dst []byte) []byte {
	var mask uint64
	slots := f.slots()
	for i, t := range slots {
		if !t.IsZero() {
			mask |= 1 << i
		}
	}
	var flags byte
	for i, on := range [...]bool{f.HasPaid, f.HasRefund, f.Digital} {
		if on {
			flags |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	dst = append(dst, flags)
	prev := int64(0)
	for _, t := range slots {
		if !t.IsZero() {
			us := t.UnixMicro()
			dst = binary.AppendVarint(dst, us-prev)
			prev = us
		}
	}
	return dst
}

// parseFacts reads what appendTo wrote.
func parseFacts(b []byte) (f facts, err error) {
	mask, n := binary.Uvarint(b)
	if n <= 0 || mask>>factCount != 0 || len(b) == n {
		return facts{}, badRow("facts")
	}
	flags := b[n]
	b = b[n+1:]
	f.HasPaid, f.HasRefund, f.Digital = flags&flagPaid != 0, flags&flagRefund != 0, flags&flagDigital != 0
	prev := int64(0)
	for i, t := range f.slots() {
		if mask&(1<<i) == 0 {
			continue
		}
		d, n := binary.Varint(b)
		if n <= 0 {
			return facts{}, badRow("facts")
		}
		b, prev = b[n:], prev+d
		*t = time.UnixMicro(prev).UTC()
	}
	if len(b) != 0 {
		return facts{}, badRow("facts")
	}
	return f, nil
}

// sane returns the facts without the dates that cannot be believed: unreadable
// or zero, more than a day ahead of receipt, or before creation.
func (f facts) sane(received time.Time) facts {
	f.Received, f.Seen = received, received
	first, last := earliest(), received.Add(day)
	for _, t := range f.slots() {
		if t.Before(first) || t.After(last) {
			*t = time.Time{}
		}
	}
	for _, t := range [...]*time.Time{&f.Shipped, &f.Delivered, &f.Cancelled, &f.Refunded, &f.Closed, &f.Paid} {
		if t.Before(f.Created) {
			*t = time.Time{}
		}
	}
	return f
}

// latest is the newest order event the facts state. An expired order comes back
// only with an event later than this one.
func (f *facts) latest() time.Time {
	var t time.Time
	for _, c := range [...]time.Time{f.Created, f.Updated, f.Shipped, f.Delivered, f.Cancelled, f.Refunded, f.Closed, f.Paid} {
		if c.After(t) {
			t = c
		}
	}
	return t
}

// merge returns the facts after a newer body: what the body states wins, what it
// leaves out stays. An event later than every earlier one renews an open order.
func (f *facts) merge(newer facts) facts {
	out := newer
	keep := func(dst *time.Time, old time.Time) {
		if dst.IsZero() {
			*dst = old
		}
	}
	from, to := f.slots(), out.slots()
	for i := range from {
		keep(to[i], *from[i])
	}
	if !f.Created.IsZero() && out.Created.After(f.Created) {
		out.Created = f.Created // creation does not move; a later one would stretch the cap
	}
	if !f.Received.IsZero() {
		out.Received = f.Received
	}
	out.HasPaid = f.HasPaid || newer.HasPaid
	out.HasRefund = f.HasRefund || newer.HasRefund
	out.Digital = newer.Digital
	out.Renewed = f.Renewed
	if ev := newer.latest(); ev.After(f.latest()) && ev.After(f.Renewed) {
		out.Renewed = ev
	}
	return out
}

func badRow(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Internal, "row", "a stored row does not have its shape (%s)", what).
		Advise("restore it from a recovery point; run doctor")
}

// headstone is what a tombstone keeps: enough to tell a new order event from an
// old one, and how long ago the object first came.
func (f *facts) headstone() facts {
	return facts{Updated: f.latest(), Received: f.Received}
}
