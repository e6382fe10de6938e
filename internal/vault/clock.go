package vault

import (
	"time"

	"strongroom"
)

const day = 24 * time.Hour

// Profile holds the numbers of the retention clocks. The zero value of a field
// means its default. A number may be shortened freely; Check refuses the ones
// that would break the Data Protection Policy.
type Profile struct {
	Delivered time.Duration // after delivery of the last package; the policy's 30 days
	Cancelled time.Duration // after cancellation: refund and tax window; ours, never above 30 days
	Closed    time.Duration // after closing, digital delivery or pick-up; ours, from the policy's 30 days
	Transit   time.Duration // how long a shipped parcel may travel unreported; ours
	Open      time.Duration // after creation while nothing else is known; ours
	OpenCap   time.Duration // how far renewals reach from creation; ours, never above 180 days
	Customer  time.Duration // after the last fetch of a customer without an order; ours
	Tombstone time.Duration // how long an erased or expired id is refused; ours
	Index     time.Duration // how long after its end a month keeps live records in its index; ours
}

// DefaultProfile returns the numbers of the shipped profile.
func DefaultProfile() Profile {
	return Profile{
		Delivered: 30 * day, Cancelled: 7 * day, Closed: 30 * day, Transit: 15 * day,
		Open: 60 * day, OpenCap: 180 * day, Customer: 60 * day, Tombstone: 90 * day, Index: 45 * day,
	}
}

// Number is one number of a profile with where it comes from, so that nobody
// takes a choice of ours for a demand of the policy.
type Number struct {
	Name   string
	Value  time.Duration
	Most   time.Duration // the largest value Check accepts
	Policy bool          // true: a figure of the policy; false: ours
}

// Numbers lists the profile, defaults filled in, in the order of the clock table.
func (p Profile) Numbers() []Number {
	p = p.filled()
	return []Number{
		{"delivered", p.Delivered, 30 * day, true},
		{"cancelled", p.Cancelled, 30 * day, false},
		{"closed", p.Closed, 30 * day, false},
		{"transit", p.Transit, 30 * day, false},
		{"open", p.Open, 60 * day, false},
		{"open_cap", p.OpenCap, 180 * day, false},
		{"customer", p.Customer, 60 * day, false},
		{"tombstone", p.Tombstone, 3650 * day, false},
		{"index", p.Index, 180 * day, false},
	}
}

// Check returns an Invalid fault when a number is negative or above its limit.
func (p Profile) Check() error {
	for _, n := range p.Numbers() {
		if n.Value <= 0 || n.Value > n.Most {
			return strongroom.Faultf(strongroom.Invalid, "profile", "profile number %s must be above 0 and at most %d days", n.Name, n.Most/day)
		}
	}
	return nil
}

func (p Profile) filled() Profile {
	d := DefaultProfile()
	fill := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	fill(&p.Delivered, d.Delivered)
	fill(&p.Cancelled, d.Cancelled)
	fill(&p.Closed, d.Closed)
	fill(&p.Transit, d.Transit)
	fill(&p.Open, d.Open)
	fill(&p.OpenCap, d.OpenCap)
	fill(&p.Customer, d.Customer)
	fill(&p.Tombstone, d.Tombstone)
	fill(&p.Index, d.Index)
	return p
}

// Anchor is the event a record's clock runs from. The numbers are on disk.
type Anchor uint8

// The anchors, in the order of the clock table.
const (
	NoAnchor      Anchor = 0
	Delivered     Anchor = 1 // all packages delivered: the last one's delivery
	Cancelled     Anchor = 2 // cancelled, and refunded or never paid
	Closed        Anchor = 3 // closed, digital or picked up
	Shipped       Anchor = 4 // shipped, delivery unreported: the last ship date
	Created       Anchor = 5 // nothing but the creation is known
	Received      Anchor = 6 // not even the creation is known
	Renewed       Anchor = 7 // an open order that had an event since it came here
	LastOrder     Anchor = 8 // a customer: the date of the last order
	LastFetch     Anchor = 9 // a customer without an order
	Disconnection Anchor = 10
)

var anchorNames = [...]string{
	NoAnchor: "", Delivered: "delivered", Cancelled: "cancelled", Closed: "closed", Shipped: "shipped",
	Created: "created", Received: "received", Renewed: "renewed", LastOrder: "last_order",
	LastFetch: "last_fetch", Disconnection: "disconnection",
}

// String returns the anchor's name in answers; it is never stored.
func (a Anchor) String() string {
	if int(a) < len(anchorNames) {
		return anchorNames[a]
	}
	return ""
}

// verdict is what the clock table says: the row that matched, its date, and the
// moment the record's key has to die.
type verdict struct {
	anchor  Anchor
	at      time.Time
	eraseBy time.Time
}

func (v verdict) deadAt(now time.Time) bool { return !now.Before(v.eraseBy) }

// forever is the erase-by date of what dies with its store only. It is a real
// date, so that every key has one and the sweep's index needs no special case.
func forever() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

// earliest is where dates begin to be believed; shops write 0 and 1970 for
// "never".
func earliest() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// orderClock applies the clock table to an order or a fulfilment: the first row
// from the top that matches.
func (p Profile) orderClock(f facts) verdict {
	ok := func(t time.Time) bool { return !t.IsZero() && !t.Before(f.Created) }

	if ok(f.Delivered) {
		return verdict{Delivered, f.Delivered, f.Delivered.Add(p.Delivered)}
	}
	if ok(f.ParcelsDelivered) {
		return verdict{Delivered, f.ParcelsDelivered, f.ParcelsDelivered.Add(p.Delivered)}
	}
	if ok(f.Cancelled) && (f.HasRefund || !f.HasPaid) {
		at := f.Cancelled
		if ok(f.Refunded) && f.Refunded.After(at) {
			at = f.Refunded
		}
		return verdict{Cancelled, at, at.Add(p.Cancelled)}
	}
	if ok(f.Closed) {
		return verdict{Closed, f.Closed, f.Closed.Add(p.Closed)}
	}
	if f.Digital && ok(f.Paid) {
		return verdict{Closed, f.Paid, f.Paid.Add(p.Closed)}
	}
	if at := later(f.Shipped, f.ParcelsShipped, ok); !at.IsZero() {
		return verdict{Shipped, at, at.Add(p.Transit + p.Delivered)}
	}
	return p.openClock(f)
}

// openClock is the table's last row for orders: creation, or receipt where no
// creation can be read, renewed by order events and capped.
func (p Profile) openClock(f facts) verdict {
	v := verdict{anchor: Created, at: f.Created}
	if f.Created.IsZero() {
		v = verdict{anchor: Received, at: f.Received}
	}
	limit := v.at.Add(p.OpenCap)
	if !f.Renewed.IsZero() && f.Renewed.After(v.at) {
		v.anchor, v.at = Renewed, f.Renewed
	}
	v.eraseBy = v.at.Add(p.Open)
	if v.eraseBy.After(limit) {
		v.eraseBy = limit
	}
	return v
}

// customerClock follows the customer's last order; without one it counts from
// the last fetch.
func (p Profile) customerClock(f facts) verdict {
	if !f.LastOrder.IsZero() {
		return verdict{LastOrder, f.LastOrder, f.LastOrder}
	}
	return verdict{LastFetch, f.Seen, f.Seen.Add(p.Customer)}
}

// clock picks the rows for the record's kind.
func (p Profile) clock(k kind, f facts) verdict {
	switch k {
	case kindCustomer:
		return p.customerClock(f)
	case kindStore:
		return verdict{Disconnection, f.Received, forever()}
	default:
		return p.orderClock(f)
	}
}

func later(a, b time.Time, ok func(time.Time) bool) time.Time {
	switch {
	case ok(a) && (!ok(b) || a.After(b)):
		return a
	case ok(b):
		return b
	}
	return time.Time{}
}
