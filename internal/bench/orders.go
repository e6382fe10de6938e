package bench

import (
	"encoding/json"
	"runtime"
	"strings"
	"sync"
	"time"

	"strongroom/internal/sim"
)

// order is one order on its way in: its JSON, and what the load asks for later.
type order struct {
	body  []byte
	name  string // what the platform calls it
	email string
}

// shop makes the orders of a run, the same for floor and product.
type shop struct {
	sim     *sim.Sim
	name    string
	average int // bytes of an order
}

const shopPlatform = "shopify"

// newShop returns a shop with n orders, none of them past its clock at now.
func newShop(n int, now time.Time) *shop {
	s := &shop{name: "larkspur-lane.example.com"}
	s.sim = sim.New(sim.Options{
		Seed: 7, Now: now, Orders: n, Dead: -1,
		Stores: []sim.StoreSpec{{Name: s.name, Platform: shopPlatform, Version: "v2"}},
	})
	const sample = 200
	for i := range sample {
		s.average += len(s.sim.Body(s.name, i))
	}
	s.average /= sample
	return s
}

// orders returns the orders from number from up to number to.
func (s *shop) orders(from, to int) []order {
	out := make([]order, to-from)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(out); i += workers {
				body := s.sim.Body(s.name, from+i)
				c := columnsOf(body)
				out[i] = order{body: body, name: c.externalID, email: c.email}
			}
		})
	}
	wg.Wait()
	return out
}

// columns are what the floor indexes.
type columns struct {
	externalID, email, phone, name, postal, national string
}

// columnsOf reads the columns the way a plain application does: one pass of the
// standard library over the whole order into the fields it knows.
func columnsOf(body []byte) columns {
	var o struct {
		ID       string `json:"id"`
		Email    string `json:"email"`
		Customer struct {
			Email     string `json:"email"`
			FirstName string `json:"firstName"`
			LastName  string `json:"lastName"`
			Phone     string `json:"phone"`
			National  string `json:"identificationNumber"`
		} `json:"customer"`
		Shipping struct {
			PostalCode string `json:"postalCode"`
			Phone      string `json:"phone"`
		} `json:"shippingAddress"`
	}
	// A field of another type than expected leaves its column empty, as it would
	// in an application that goes on.
	_ = json.Unmarshal(body, &o)
	c := columns{
		externalID: o.ID, email: strings.ToLower(o.Email), phone: o.Customer.Phone, national: o.Customer.National,
		name: strings.ToLower(o.Customer.FirstName + " " + o.Customer.LastName), postal: o.Shipping.PostalCode,
	}
	if c.email == "" {
		c.email = strings.ToLower(o.Customer.Email)
	}
	if c.phone == "" {
		c.phone = o.Shipping.Phone
	}
	return c
}
