package lifecycle

import (
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// Request is what somebody outside asks for: that data die (DPP 2.7.1, 3.2.10), or
// that a shopper be told what is held of her (DPP 3.2.8). Whom it is about is sealed
// and never part of it.
type Request struct {
	ID     string // "erq_…"
	Kind   RequestKind
	Scope  RequestScope
	Source RequestSource
	State  RequestState // when it was read
	// Waits says what a person has to decide first; empty otherwise.
	Waits []WaitReason
	// Stores are those it is about, as far as they are known.
	Stores    []string
	Reference string // the sender's own number of it, if it is a name

	Received time.Time // by the data clock, as all times of a request
	Issued   time.Time // as the sender says, if that can be; else Received
	// DeleteBy is when all of it must be deleted: 30 days after the notice, or the
	// earlier date it states (DPP 2.7). Of a shopper's question it is the answer's date.
	DeleteBy time.Time
	// GoneBy is when no live instance may be left: 90 days after the notice.
	GoneBy  time.Time
	EraseAt time.Time // when the product erases by itself; the receipt, if nothing waits
	Erased  time.Time // zero while it is not
	Closed  time.Time // zero while it is open
	// ClosedFor is why it was dismissed.
	ClosedFor DismissReason
	Case      string // of a shopper's question: the case to answer it under
	Records   int64  // erased
	Failed    int64  // damaged records that could not be erased and open for nobody
	// Proof is the position in the log of the event that settled it, 0 if none did.
	Proof int64
	// Certificate says that EcartAPI asks for a written certificate (DPP 2.7.5).
	Certificate bool
	// CopiesDead says that a complete epoch roll began after the erasure: no older copy
	// of the database opens what it erased.
	CopiesDead bool
	// Overdue says that a date of it has passed and it is not done.
	Overdue bool
}

// RequestKind is what a request asks for.
type RequestKind string

// The kinds of requests.
const (
	Erasure RequestKind = "erasure"
	Access  RequestKind = "access" // to be told; it becomes a [Case]
)

// RequestKinds lists the closed set. Their places are stored.
func RequestKinds() []RequestKind { return []RequestKind{Erasure, Access} }

// RequestScope is how far a request reaches.
type RequestScope string

// The scopes of requests.
const (
	ScopeStore  RequestScope = "store"  // everything of a store, its keys and credentials included
	ScopePerson RequestScope = "person" // the named shoppers and orders
)

// RequestScopes lists the closed set. Their places are stored.
func RequestScopes() []RequestScope { return []RequestScope{ScopeStore, ScopePerson} }

// RequestSource is where a request came from.
type RequestSource string

// The sources of requests.
const (
	FromEcartAPI   RequestSource = "ecartapi"
	FromShopify    RequestSource = "shopify"
	FromEBay       RequestSource = "ebay"
	FromTiendanube RequestSource = "tiendanube"
	FromShopline   RequestSource = "shopline"
	FromClosing    RequestSource = "closing" // the Customer's grant is gone
	FromHand       RequestSource = "hand"    // a person who was asked
)

// RequestSources lists the closed set. Their places are stored.
func RequestSources() []RequestSource {
	return []RequestSource{FromEcartAPI, FromShopify, FromEBay, FromTiendanube, FromShopline, FromClosing, FromHand}
}

// RequestState says in a word where a request stands.
type RequestState string

// The states of a request.
const (
	RequestWaiting   RequestState = "waiting"   // a person decides first
	RequestScheduled RequestState = "scheduled" // its day to erase has not come
	RequestErasing   RequestState = "erasing"
	RequestErased    RequestState = "erased"
	RequestAnswering RequestState = "answering" // its case is open
	RequestAnswered  RequestState = "answered"  // its case is closed
	RequestDismissed RequestState = "dismissed"
)

// WaitReason is what a person has to decide before a request goes on.
type WaitReason string

// The reasons to wait.
const (
	WaitShop     WaitReason = "shop"     // no store is known to be the shop it names
	WaitScope    WaitReason = "scope"    // what it covers could not be read for certain
	WaitBroad    WaitReason = "broad"    // its identifiers lead to more records than one person has
	WaitRepeated WaitReason = "repeated" // the same was asked and done for an earlier store of the shop
)

// WaitReasons lists the closed set. Their places are stored, as bits.
func WaitReasons() []WaitReason {
	return []WaitReason{WaitShop, WaitScope, WaitBroad, WaitRepeated}
}

func bitsOf(list []WaitReason) (bits int64) {
	for i, w := range WaitReasons() {
		if slices.Contains(list, w) {
			bits |= 1 << i
		}
	}
	return bits
}

func waitsOf(bits int64) (list []WaitReason) {
	for i, w := range WaitReasons() {
		if bits&(1<<i) != 0 {
			list = append(list, w)
		}
	}
	return list
}

// DismissReason says why a request that waited was dismissed.
type DismissReason string

// The reasons to dismiss.
const (
	DismissMistaken  DismissReason = "mistaken"  // nobody asked for this
	DismissDuplicate DismissReason = "duplicate" // another request does it
	DismissNotHeld   DismissReason = "not_held"  // nothing of the shop was ever here
	DismissGranted   DismissReason = "granted"   // access was granted anew
)

// DismissReasons lists the closed set. Their places are stored.
func DismissReasons() []DismissReason {
	return []DismissReason{DismissMistaken, DismissDuplicate, DismissNotHeld, DismissGranted}
}

// Shopper is whom a request is about, by what the platform knows her by.
type Shopper struct {
	ID         string `json:"i,omitempty"`
	Email      string `json:"e,omitempty"`
	Phone      string `json:"p,omitempty"`
	NationalID string `json:"n,omitempty"`
	Username   string `json:"u,omitempty"`
}

// RequestSpec says which request to open.
type RequestSpec struct {
	Kind     RequestKind
	Scope    RequestScope
	Source   RequestSource
	Stores   []string // none: which is not known, and the request waits
	Shoppers []Shopper
	Orders   []string
	Shop     string // what the sender called the shop, for whoever assigns it; sealed
	// Reference is the sender's own number of it; one that is no name is not kept.
	Reference string
	Issued    time.Time // zero: now
	DeleteBy  time.Time // as stated; the earlier of it and 30 days counts
	GoneBy    time.Time // as stated; the earlier of it and 90 days counts
	EraseAt   time.Time // zero: now
	Waits     []WaitReason
	Citation  string // of the case of a shopper's question
	// Mark tells this request from others, see [Requests.SeenTx]; zero tells nothing.
	Mark        [32]byte
	Certificate bool
}

// Terms of a notice (DPP 2.7).
const (
	deleteDays = 30
	goneDays   = 90
)

// maxShopper is how many records the identifiers of one request may lead to before a
// person looks: shops write the same address into many orders of nobody's. Ours.
const maxShopper = 200

// clocks sets a request's dates. A date that a notice states counts where it is the
// earlier one; one before the notice itself is none.
func (q *Request) clocks(s RequestSpec, now time.Time) {
	q.Received, q.Issued = now, now
	if !s.Issued.IsZero() && s.Issued.Before(now) {
		q.Issued = db.Time(db.Micros(s.Issued))
	}
	if q.Kind == Access {
		q.DeleteBy = addMonths(now, answerMonths)
		return
	}
	earlier := func(at, stated time.Time) time.Time {
		if stated.After(q.Issued) && stated.Before(at) {
			return db.Time(db.Micros(stated))
		}
		return at
	}
	q.DeleteBy = earlier(q.Issued.AddDate(0, 0, deleteDays), s.DeleteBy)
	q.GoneBy = earlier(q.Issued.AddDate(0, 0, goneDays), s.GoneBy)
	if q.EraseAt = now; s.EraseAt.After(now) {
		q.EraseAt = db.Time(db.Micros(s.EraseAt))
	}
	if q.EraseAt.After(q.DeleteBy) {
		q.EraseAt = q.DeleteBy
	}
}

// state returns where the request stands at an instant; of a question whose case is
// open or not says answered.
func (q *Request) state(now time.Time) RequestState {
	switch {
	case q.ClosedFor != "":
		return RequestDismissed
	case len(q.Waits) > 0:
		return RequestWaiting
	case q.Kind == Access && !q.Closed.IsZero():
		return RequestAnswered
	case q.Kind == Access:
		return RequestAnswering
	case !q.Erased.IsZero():
		return RequestErased
	case now.Before(q.EraseAt):
		return RequestScheduled
	}
	return RequestErasing
}

// store is the one store the request is about, empty if there is none or many.
func (q *Request) store() string {
	if len(q.Stores) == 1 {
		return q.Stores[0]
	}
	return ""
}

// within reports whether who may see the request: all its stores are theirs.
func (q *Request) within(who strongroom.Actor) bool {
	return who.AllStores || len(q.Stores) > 0 && !slices.ContainsFunc(q.Stores, func(s string) bool { return !slices.Contains(who.Stores, s) })
}
