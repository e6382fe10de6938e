package review

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

// Kind is whose access is looked at; the policy asks for both apart.
type Kind string

// The kinds of populations.
const (
	People   Kind = "people"   // DPP 2.2.10
	Services Kind = "services" // DPP 2.2.11
)

// Kinds lists the kinds. Their places are stored.
func Kinds() []Kind { return []Kind{People, Services} }

// Sort is what an item is.
type Sort string

// The sorts of items.
const (
	Account Sort = "account" // a person or a service
	Right   Sort = "right"   // a grant
	Outside Sort = "outside" // a way outside the product, see [Way]
	// Connector is a stored credential by which data of a store comes in. It belongs to
	// the store, and its id is the store's.
	Connector Sort = "connector"
)

// Item is an account or a right as a review sees it. It holds ids and names of
// roles, and of a way outside what the register says of it.
type Item struct {
	ID      string   `json:"id"` // "usr_…", "svc_…", "grt_…", "ext_…", "str_…"
	Sort    Sort     `json:"sort"`
	Account string   `json:"account,omitempty"` // whose it is; empty for a way bound to nobody
	Owner   string   `json:"owner,omitempty"`   // the person who answers for a service
	Roles   []string `json:"roles,omitempty"`   // of a right, or of a service itself
	// Elevated says that the right is one for hours; it is in no baseline.
	Elevated  bool      `json:"elevated,omitempty"`
	Stores    []string  `json:"stores,omitempty"`
	AllStores bool      `json:"all_stores,omitempty"`
	Case      string    `json:"case,omitempty"` // the request it came by; empty if there is none
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`   // zero: until it is taken away
	System    string    `json:"system,omitempty"` // of a way outside; its account's name is in the register alone
	Privilege string    `json:"privilege,omitempty"`

	// Used is when it was last used, zero if never. Suspended says that it gives no
	// access now. Neither is part of the digest.
	Used      time.Time `json:"used,omitzero"`
	Suspended bool      `json:"suspended,omitempty"`
}

// Scope is what a right shall be instead.
type Scope struct {
	Roles     []string  `json:"roles,omitempty"`
	Stores    []string  `json:"stores,omitempty"`
	AllStores bool      `json:"all_stores,omitempty"`
	Until     time.Time `json:"until,omitzero"` // zero: as before
}

// scope returns what an item gives.
func (i *Item) scope() Scope {
	return Scope{Roles: i.Roles, Stores: i.Stores, AllStores: i.AllStores, Until: i.Until}
}

// Within reports whether s gives nothing that o does not.
func (s Scope) Within(o Scope) bool {
	missing := func(list []string) func(string) bool {
		return func(x string) bool { return !slices.Contains(list, x) }
	}
	if slices.ContainsFunc(s.Roles, missing(o.Roles)) || s.AllStores && !o.AllStores {
		return false
	}
	if !o.AllStores && slices.ContainsFunc(s.Stores, missing(o.Stores)) {
		return false
	}
	return o.Until.IsZero() || !s.Until.IsZero() && !s.Until.After(o.Until)
}

// concerns reports whether who would judge the own case: the own account, or a
// service they answer for.
func (i *Item) concerns(who string) bool {
	return who != "" && (who == i.Account || who == i.Owner || who == i.ID)
}

// own reports whether who would judge the own case: what concerns them, or a service
// whose key they hold.
func (v *Review) own(r *db.Reader, who string, i *Item) (bool, error) {
	if i.concerns(who) || !isAccount(i.Account) || !isAccount(who) {
		return i.concerns(who), nil
	}
	return v.o.Registers.SameHand(r, who, i.Account)
}

// decides reports whether the item lets somebody review others. A lapse leaves it,
// or nobody could mend the lapse.
func (i *Item) decides() bool {
	return slices.Contains(i.Roles, authz.Owner) || slices.Contains(i.Roles, authz.Security)
}

// sortItems brings items into the one order that is hashed.
func sortItems(items []Item) {
	for i := range items {
		slices.Sort(items[i].Roles)
		slices.Sort(items[i].Stores)
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID))
	})
}

// digest is SHA-256 over the items in their order, one line of JSON each, without
// what changes by use alone.
func digest(items []Item) ([]byte, error) {
	h := sha256.New()
	for _, i := range items {
		i.Used, i.Suspended = time.Time{}, false
		line, err := json.Marshal(i)
		if err != nil {
			return nil, err
		}
		h.Write(append(line, '\n'))
	}
	return h.Sum(nil), nil
}

// population returns what there is of a kind now, with the ways outside that are
// bound to it. Ways bound to nobody are looked at with the persons.
func (v *Review) population(r *db.Reader, kind Kind, now time.Time) ([]Item, error) {
	items, err := v.o.Registers.Items(r, kind, now)
	if err != nil {
		return nil, err
	}
	ways, err := v.liveWays(r)
	if err != nil {
		return nil, err
	}
	owner := map[string]string{}
	for _, i := range items {
		if i.Sort == Account {
			owner[i.ID] = i.Owner
		}
	}
	for _, w := range ways {
		if strongroom.IsID("svc", w.Bound) == (kind == Services) {
			items = append(items, w.item(owner[w.Bound]))
		}
	}
	for _, i := range items {
		if i.ID == "" || i.Account == "" && i.Sort != Outside {
			return nil, strongroom.Faultf(strongroom.Internal, "population", "the registers name something without an account")
		}
	}
	sortItems(items)
	return items, nil
}

// byID maps items by their ids.
func byID(items []Item) map[string]Item {
	m := make(map[string]Item, len(items))
	for _, i := range items {
		m[i.ID] = i
	}
	return m
}

func hexed(b []byte) string { return hex.EncodeToString(b) }
