package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what there is to pull. The zero value serves seven stores of a
// thousand orders each, most of them old, without faults.
type Options struct {
	// Seed chooses the world. Equal seeds, stores, counts and instants give equal
	// bytes.
	Seed uint64
	// Now is the instant that ages are counted from; zero means 2026-11-20
	// 12:00 UTC.
	Now time.Time
	// Stores name what is served; nil means [DefaultStores].
	Stores []StoreSpec
	// Orders is the number of orders of each store that names none; 0 means 1000.
	Orders int
	// Dead is the share of orders that are long past every clock (created 220
	// days to three years ago). The others are at most twenty days old: delivered,
	// in transit, pending or freshly cancelled. 0 means 0.8; negative means none.
	Dead float64
	// Full writes every documented key, with null where there is no value (about
	// 4 KB an order); else keys without value are left out (about 1.2 KB).
	Full bool
	// Quirks are the oddities to show.
	Quirks Quirks
}

// StoreSpec describes one store.
type StoreSpec struct {
	Name     string // a host name
	Platform string // shopify, woocommerce, prestashop, magento2, ecwid, bigcommerce, liverpool, linio or jumpseller
	Version  string // the API version to pull it with: v1, v2 or v3
	Orders   int    // 0 means Options.Orders
}

// DefaultStores returns seven stores of seven platforms.
func DefaultStores() []StoreSpec {
	return []StoreSpec{
		{Name: "larkspur-lane.example.com", Platform: "shopify", Version: "v2"},
		{Name: "wool-and-kiln.example.com", Platform: "woocommerce", Version: "v1"},
		{Name: "coquelicot-bleu.example.com", Platform: "prestashop", Version: "v2"},
		{Name: "persimmon-satchels.example.com", Platform: "magento2", Version: "v2"},
		{Name: "jasmine-lamps.example.com", Platform: "ecwid", Version: "v2"},
		{Name: "wattle-post.example.com", Platform: "bigcommerce", Version: "v3"},
		{Name: "bugambilia-casa.example.com", Platform: "liverpool", Version: "v2"},
	}
}

// StoreInfo is a store as its owner knows it.
type StoreInfo struct {
	Name, Platform, Version string
	// Token is the store's bearer token, in the form EcartAPI gives out.
	Token  string
	Orders int
}

// Sim is a running world. It is safe for concurrent use.
type Sim struct {
	o      Options
	stores []*store
	byAuth map[string]*store

	requests atomic.Uint64 // seeds the faults
	account  account
	hooks    struct {
		sync.Mutex
		list []hook
	}
}

// store is one store: what is fixed, and the few orders that were changed since.
type store struct {
	sim  *Sim
	spec StoreSpec
	seed uint64
	info StoreInfo

	mu      sync.Mutex
	revoked bool
	touched map[int]time.Time // order number -> when it was changed
}

// New returns a world. It panics on a platform it does not know, which is a
// mistake of the programmer.
func New(o Options) *Sim {
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	}
	o.Now = o.Now.UTC().Truncate(time.Second)
	if o.Stores == nil {
		o.Stores = DefaultStores()
	}
	if o.Orders == 0 {
		o.Orders = 1000
	}
	switch {
	case o.Dead == 0:
		o.Dead = 0.8
	case o.Dead < 0:
		o.Dead = 0
	case o.Dead > 1:
		o.Dead = 1
	}
	s := &Sim{o: o, byAuth: map[string]*store{}}
	for i, spec := range o.Stores {
		if _, ok := dialects[spec.Platform]; !ok {
			panic(fmt.Sprintf("sim: no platform %q", spec.Platform))
		}
		if spec.Orders == 0 {
			spec.Orders = o.Orders
		}
		if spec.Version == "" {
			spec.Version = "v2"
		}
		st := &store{sim: s, spec: spec, seed: mix(o.Seed, uint64(i)+1, 0), touched: map[int]time.Time{}}
		st.info = StoreInfo{spec.Name, spec.Platform, spec.Version, token(st.seed), spec.Orders}
		s.stores = append(s.stores, st)
		s.byAuth[st.info.Token] = st
	}
	return s
}

// Stores lists the stores in the order of the options.
func (s *Sim) Stores() []StoreInfo {
	out := make([]StoreInfo, len(s.stores))
	for i, st := range s.stores {
		out[i] = st.info
	}
	return out
}

// Now returns the instant that ages are counted from.
func (s *Sim) Now() time.Time { return s.o.Now }

func (s *Sim) find(name string) *store {
	for _, st := range s.stores {
		if st.spec.Name == name {
			return st
		}
	}
	panic(fmt.Sprintf("sim: no store %q", name))
}

// PII returns every personal value that the JSON of the order holds, in every
// shape it is served in: order, fulfilments and customer. Orders are numbered
// from 0, oldest first; see [Sim.Order].
func (s *Sim) PII(name string, order int) []string {
	st := s.find(name)
	var seen []string
	o := st.order(order)
	for _, version := range []string{"v1", "v2"} {
		d := st.doc(&seen)
		st.writeOrder(d, o, version)
	}
	st.writeFulfillments(st.doc(&seen), o)
	st.writeCustomer(st.doc(&seen), o.customer)
	return unique(seen)
}

// StorePII returns the personal values of the store object.
func (s *Sim) StorePII(name string) []string {
	st := s.find(name)
	var seen []string
	st.writeStore(st.doc(&seen))
	return unique(seen)
}

func unique(in []string) []string {
	out, have := in[:0], map[string]bool{}
	for _, v := range in {
		if !have[v] {
			have[v] = true
			out = append(out, v)
		}
	}
	return out
}

// Body returns the JSON of one order in its store's version, without envelope.
func (s *Sim) Body(name string, order int) []byte {
	st := s.find(name)
	d := st.doc(nil)
	st.writeOrder(d, st.order(order), st.spec.Version)
	return d.b
}

// Update changes an order at an instant: its phone number becomes another and
// its updatedAt moves.
func (s *Sim) Update(name string, order int, at time.Time) {
	st := s.find(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.touched[order] = at.UTC().Truncate(time.Second)
}

func (st *store) doc(seen *[]string) *doc {
	return &doc{b: make([]byte, 0, 2048), seen: seen, full: st.sim.o.Full, quoted: true}
}

// mix hashes three numbers to one (a round of splitmix64 each).
func mix(a, b, c uint64) uint64 {
	x := a
	for _, v := range [...]uint64{b, c} {
		x += 0x9E3779B97F4A7C15 + v*0xBF58476D1CE4E5B9
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		x ^= x >> 31
	}
	return x
}

// random returns the generator for thing n of a kind at the store.
func (st *store) random(kind, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(st.seed, kind, n), kind))
}

// Kinds of things that have their own generator.
const (
	kindOrder = iota + 1
	kindCustomer
	kindRecipient
	kindOwner
	kindBody
	kindUpdate
)

// token returns a store token as EcartAPI makes them: a JSON web token with an
// issuer of 32 characters, a time in milliseconds and no expiry. The signature
// is random.
func token(seed uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	h := sha256.Sum256(b[:])
	iss := fmt.Sprintf("%X", h[:16])
	enc := base64.RawURLEncoding
	sig := append(h[:], h[:]...)
	return enc.EncodeToString([]byte(`{"alg":"HS512","typ":"JWT"}`)) + "." +
		enc.EncodeToString(fmt.Appendf(nil, `{"iss":"%s","iat":%d}`, iss, 1_763_000_000_000+seed%1_000_000_000)) + "." +
		enc.EncodeToString(sig)
}
