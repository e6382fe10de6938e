package sim

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// State is how far an order has come.
type State string

// The states of an order.
const (
	Delivered State = "delivered"
	Transit   State = "transit"
	Pending   State = "pending"
	Cancelled State = "cancelled"
	Digital   State = "digital"
)

// order is one order with everything its shapes may show.
type order struct {
	n        int // from 0, oldest first
	id       string
	number   string
	state    State
	customer int
	buyer    person
	ship     person
	gift     bool // ship is somebody else
	phones   int  // which spelling of the phone numbers
	style    style

	bare, noCustomer, nullItem bool // oddities of shape, where they are on

	created, paid, shipped, delivered, cancelled, closed, updated time.Time

	items               []item
	subtotal, tax, cost int
	note, giftMessage   string
	tracking            string
	ip                  string
	touched             bool
}

type item struct {
	name, sku string
	quantity  int
	price     int
}

const (
	oldest  = 3 * 365 * 24 * time.Hour
	newOld  = 220 * 24 * time.Hour // the newest of the old orders
	fresh   = 20 * 24 * time.Hour  // the oldest of the fresh ones
	maxLife = 12 * 24 * time.Hour  // from creation to the last event
)

// dead is the number of old orders; they come first.
func (st *store) dead() int { return int(float64(st.spec.Orders)*st.sim.o.Dead + 0.5) }

// created returns when order n was made. It grows with n, so that a window over
// createdAt is a range of numbers.
func (st *store) created(n int) time.Time {
	now, dead := st.sim.o.Now, st.dead()
	if n < dead {
		step := (oldest - newOld) / time.Duration(max(dead, 1))
		return now.Add(-oldest + step*time.Duration(n)).Truncate(time.Second)
	}
	step := (fresh - time.Hour) / time.Duration(max(st.spec.Orders-dead, 1))
	return now.Add(-fresh + step*time.Duration(n-dead)).Truncate(time.Second)
}

// from returns the number of the first order made at t or later.
func (st *store) from(t time.Time) int {
	return sort.Search(st.spec.Orders, func(n int) bool { return !st.created(n).Before(t) })
}

// life returns an order's course, without the people and things in it: enough
// for filters and counts.
func (st *store) life(n int) (order, *rand.Rand) {
	r := st.random(kindOrder, uint64(n))
	d := st.dialect()
	o := order{n: n, id: d.id(d.first + n), number: fmt.Sprint(1047 + n), created: st.created(n)}
	now := st.sim.o.Now
	hours := func(from, to int) time.Duration {
		return time.Duration(from*3600+r.IntN((to-from)*3600)) * time.Second
	}
	o.paid = o.created.Add(hours(0, 1))
	shipped, delivered := o.created.Add(hours(4, 72)), o.created.Add(hours(76, 250))
	what, cancelled := r.IntN(100), o.created.Add(hours(2, 48))
	switch {
	case what < 6 && (n < st.dead() || o.created.After(now.Add(-5*24*time.Hour))) && !cancelled.After(now):
		o.state, o.cancelled = Cancelled, cancelled
	case what < 10 && d.shape != scalars:
		o.state, o.closed = Digital, o.paid.Add(time.Minute)
	case what < 12 || shipped.After(now):
		o.state = Pending
	case delivered.After(now):
		o.state, o.shipped = Transit, shipped
	default:
		o.state, o.shipped, o.delivered = Delivered, shipped, delivered
	}
	for _, t := range []*time.Time{&o.paid, &o.closed} {
		if t.After(now) {
			*t = time.Time{}
		}
	}
	o.updated = o.created
	for _, t := range []time.Time{o.paid, o.shipped, o.delivered, o.cancelled, o.closed} {
		if t.After(o.updated) {
			o.updated = t
		}
	}
	st.mu.Lock()
	if at, ok := st.touched[n]; ok {
		o.touched = true
		if at.After(o.updated) {
			o.updated = at
		}
	}
	st.mu.Unlock()
	return o, r
}

var goods = [][2]string{
	{"Hand-bound journal A5, green", "LARK-JRNL-A5"}, {"Walnut ink 50 ml", "LARK-INK-50"}, {"Molcajete de piedra 18 cm", "NOP-MOLC-02"},
	{"Canvas satchel 12 l", "AUS-SATCH-12"}, {"Steel flask 0.7 l", "AUS-FLASK-07"}, {"Bol en grès bleu", "CERA-BOL-BLEU"},
	{"Winter horse rug 145 cm", "HRS-RUG-145"}, {"Wool sweater M", "WOOL-SWTR-M"}, {"Brass lamp", "NOOR-LAMP-3"}, {"Drip coffee maker, 12 cups", "LIV-CAFET-9"},
}

// order returns order n whole.
func (st *store) order(n int) *order {
	o, r := st.life(n)
	o.customer = r.IntN(st.customers())
	o.buyer = st.person(kindCustomer, uint64(o.customer))
	o.ship = o.buyer
	if o.gift = r.IntN(7) == 0; o.gift {
		o.ship = st.person(kindRecipient, uint64(n))
	}
	o.phones, o.style = r.IntN(60), st.style(r)
	q := st.sim.o.Quirks
	o.bare = r.IntN(2) == 0 && q.MixedScalars
	o.noCustomer = r.IntN(12) == 0 && q.OddShapes
	o.nullItem = r.IntN(20) == 0 && q.OddShapes
	for range 1 + r.IntN(2) {
		g := pick(r, goods)
		it := item{g[0], fmt.Sprintf("%s-%02d", g[1], r.IntN(40)), 1 + r.IntN(3), 490 + r.IntN(20_000)}
		o.items = append(o.items, it)
		o.subtotal += it.quantity * it.price
	}
	o.tax, o.cost = o.subtotal*19/119, 390+r.IntN(1200)
	switch r.IntN(10) {
	case 0:
		o.note = pick(r, o.ship.loc.notes) + ", " + o.ship.first + " " + o.ship.last + fmt.Sprintf(" (%d)", 1000+n)
	case 1:
		o.giftMessage = pick(r, o.ship.loc.notes) + fmt.Sprintf(", %s %d", o.buyer.first, 1000+n)
	}
	if !o.shipped.IsZero() {
		o.tracking = fmt.Sprintf("SIM%010d%s", mix(st.seed, uint64(n), 7)%10_000_000_000, o.ship.loc.iso2)
	}
	o.ip = fmt.Sprintf("203.0.113.%d", 1+r.IntN(254))
	if o.touched {
		u := st.random(kindUpdate, uint64(n))
		o.buyer.digits = fill(u, o.buyer.loc.number)
		if !o.gift {
			o.ship.digits = o.buyer.digits
		}
	}
	return &o
}

// customers is the number of shoppers of the store.
func (st *store) customers() int { return st.spec.Orders/3 + 1 }

// Truth is what is known about an order before anybody has parsed it.
type Truth struct {
	ID         string // the platform's id
	State      State
	Dead       bool // past every clock at the reference instant
	Created    time.Time
	Updated    time.Time
	Delivered  time.Time // zero if it was not
	CustomerID string
	First      string // the buyer's name
	Last       string
	Email      string
	Phone      string // E.164
	PostalCode string
	NationalID string
}

// Order returns what is true of an order. Orders are numbered from 0, oldest
// first.
func (s *Sim) Order(name string, n int) Truth {
	st := s.find(name)
	o := st.order(n)
	return Truth{
		ID: o.id, State: o.state, Dead: n < st.dead(), Created: o.created, Updated: o.updated, Delivered: o.delivered,
		CustomerID: customerID(o.customer), First: o.buyer.first, Last: o.buyer.last, Email: o.buyer.email,
		Phone: o.buyer.e164(), PostalCode: o.buyer.postal, NationalID: o.buyer.nationalID,
	}
}

func customerID(n int) string { return fmt.Sprint(7_730_188_240_151 + n) }
