package vault

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// ShopperErasure names by what the platform knows them the shoppers and orders of one
// store whose records are to die.
type ShopperErasure struct {
	Store    string
	Orders   []string // the platform's ids, up to 1,000
	Shoppers []Shopper
	Reason   string // as in [EraseRequest]
	// Most refuses an erasure that would take more records than this, because what it
	// goes by is no one person's own; 0 takes what there is.
	Most int
}

// Shopper is one person by what a platform knows them by. A record is theirs if it
// states the id, the address, the identity document or, where none of these is
// known, the telephone number with its country.
type Shopper struct {
	ID         string // the platform's; "0" is what platforms write for a guest, and nobody
	Email      string
	Phone      string
	NationalID string
}

// Limits of one erasure of shoppers.
const (
	maxErasedOrders   = 1000
	maxErasedShoppers = 100
	shopperStep       = 500 // records of one transaction
)

// EraseShopper destroys the keys of the records that belong to shoppers and orders:
// the orders, their fulfilments, the customer objects, and what else states the
// shopper's own identifiers. Objects that are named and not here are kept away by a
// tombstone as well, so that no later sync brings them. It works in steps of some
// hundred records; what was done before a fault stays done, and a repetition goes on.
// The receipt is that of the last step's decision.
//
// Faults: Invalid, Denied, NotFound (store), Erased (a disconnected store), Conflict
// (code "broad": more than Most records, and none is erased).
func (v *Vault) EraseShopper(ctx context.Context, who strongroom.Actor, q ShopperErasure) (out Erased, receipt *guard.Receipt, err error) {
	why, err := checkShoppers(q)
	if err != nil {
		return out, nil, v.refuse(ctx, who, actionErase, v.storeOr(q.Store), err)
	}
	most := q.Most
	for more := true; more; most = 0 { // a broad one is refused before its first step
		var n int
		var failed []string
		err := v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(actionErase, storeResource(q.Store), guard.Context{}); err != nil {
				return err
			}
			receipt = tx.Receipt()
			s, err := v.newShopperSearch(tx, q, why)
			if err != nil {
				return err
			}
			ids, err := s.records(most)
			if err != nil {
				return err
			}
			if more = len(ids) > shopperStep; more {
				ids = ids[:shopperStep]
			}
			n, failed, err = s.erase(ids, !more)
			return err
		})
		out.Count += n
		out.Failed = append(out.Failed, failed...)
		if err != nil {
			return out, receipt, err
		}
	}
	return out, receipt, nil
}

func checkShoppers(q ShopperErasure) (keys.Reason, error) {
	if !checkStoreID(q.Store) {
		return 0, noStore()
	}
	if len(q.Orders) > maxErasedOrders || len(q.Shoppers) > maxErasedShoppers || len(q.Orders)+len(q.Shoppers) == 0 {
		return 0, strongroom.Faultf(strongroom.Invalid, "shoppers", "an erasure names up to %d orders and %d shoppers", maxErasedOrders, maxErasedShoppers)
	}
	for _, o := range q.Orders {
		if o == "" || len(o) > 1024 {
			return 0, strongroom.Faultf(strongroom.Invalid, "shoppers", "an identifier has 1 to 1,024 bytes")
		}
	}
	for _, p := range q.Shoppers {
		if max(len(p.ID), len(p.Email), len(p.Phone), len(p.NationalID)) > 1024 {
			return 0, strongroom.Faultf(strongroom.Invalid, "shoppers", "an identifier has 1 to 1,024 bytes")
		}
	}
	return parseReason(q.Reason)
}

// own returns the normal forms of what is one shopper's own. A number alone marks a
// person only if nothing better does: households share it.
func (p Shopper) own() (out []term) {
	if _, dropped, ok := classify.Email(p.Email); ok {
		out = append(out, term{entryEmail, dropped})
	}
	if n := classify.NationalID(p.NationalID); n != "" {
		out = append(out, term{entryNational, n})
	}
	if len(out) == 0 && p.id() == "" {
		if n, ok := classify.Phone(p.Phone, ""); ok && n[0] == '+' {
			out = append(out, term{entryPhone, n})
		}
	}
	return out
}

func (p Shopper) id() string {
	if p.ID == "0" {
		return ""
	}
	return p.ID
}

// shopperSearch finds what one erasure of shoppers is about, inside its transaction.
type shopperSearch struct {
	v      *Vault
	e      *erasing
	q      ShopperErasure
	ident  seal.Key
	list   []recordID        // what was found, in that order
	found  map[recordID]bool // whether it still has to die
	absent map[hash]kind     // named objects that are not here
}

func (v *Vault) newShopperSearch(tx *guard.Tx, q ShopperErasure, why keys.Reason) (*shopperSearch, error) {
	st, err := v.loadStore(&tx.Reader, q.Store)
	if err != nil {
		return nil, err
	}
	if st.state == storeDisconnected {
		return nil, disconnected()
	}
	ident, err := v.keys.StoreKey(q.Store, keys.Ident)
	if err != nil {
		return nil, err
	}
	if _, err := v.layMaps(&tx.Reader, st); err != nil {
		return nil, err
	}
	e := v.newErasing(tx, why)
	e.st = st
	return &shopperSearch{v: v, e: e, q: q, ident: ident, found: map[recordID]bool{}, absent: map[hash]kind{}}, nil
}

// records returns what is to die, sorted: what was found and is not erased yet. More
// than most, unless that is 0, are a fault.
func (s *shopperSearch) records(most int) ([]recordID, error) {
	for _, o := range s.q.Orders {
		if err := s.object(kindOrder, o); err != nil {
			return nil, err
		}
		if err := s.linked(linkHash(s.ident, linkOrder, o), most); err != nil {
			return nil, err
		}
	}
	for _, p := range s.q.Shoppers {
		if err := s.shopper(p, most); err != nil {
			return nil, err
		}
	}
	if err := s.follow(most); err != nil {
		return nil, err
	}
	ids := slices.DeleteFunc(slices.Clone(s.list), func(id recordID) bool { return !s.found[id] })
	if most > 0 && len(ids) > most {
		return nil, broad()
	}
	slices.Sort(ids)
	return ids, nil
}

func broad() error {
	return strongroom.Faultf(strongroom.Conflict, "broad", "the identifiers lead to more records than one person has").
		Advise("look whether they are one person's own, and confirm")
}

// object adds the object that the platform calls so.
func (s *shopperSearch) object(k kind, external string) error {
	h := identOf(s.ident, k, external)
	r, err := loadIdent(&s.e.tx.Reader, h)
	if err != nil {
		return err
	}
	if r == nil {
		s.absent[h] = k
		return nil
	}
	return s.add([]recordID{r.id})
}

func (s *shopperSearch) shopper(p Shopper, most int) error {
	if id := p.id(); id != "" {
		if err := s.object(kindCustomer, id); err != nil {
			return err
		}
		if err := s.linked(linkHash(s.ident, linkCustomer, id), most); err != nil {
			return err
		}
	}
	for _, month := range s.v.keys.LivePeriods(s.e.st.id) {
		for _, t := range p.own() {
			key, err := s.v.keys.IndexKey(s.e.st.id, uint8(t.kind), month)
			if gone(err) {
				continue // the month's last record has just died
			}
			if err != nil {
				return err
			}
			if err := s.linked(short(key.MAC([]byte(t.text))), most); err != nil {
				return err
			}
		}
	}
	return nil
}

// linked adds all that a hash leads to; far more than most is refused before all of it
// is read.
func (s *shopperSearch) linked(h hash, most int) error {
	for after := recordID(0); ; {
		ids, err := indexed(&s.e.tx.Reader, []hash{h}, after, maxLinked)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := s.add(ids); err != nil {
			return err
		}
		if most > 0 && len(s.found) > most+10*maxLinked {
			return broad()
		}
		if after = ids[len(ids)-1]; len(ids) < maxLinked {
			return nil
		}
	}
}

// add notes records, and whether they still have to die.
func (s *shopperSearch) add(ids []recordID) error {
	if err := s.e.in.find(s.v, s.e.tx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if _, known := s.found[id]; known {
			continue
		}
		r := s.e.in.rows[id]
		s.list = append(s.list, id)
		s.found[id] = r != nil && (r.broken || r.store == s.e.st.num && r.status != erased)
	}
	return nil
}

// follow adds what hangs on what was found: the fulfilments of an order, and the
// orders of a customer object.
func (s *shopperSearch) follow(most int) error {
	for i := 0; i < len(s.list); i++ { // it grows on the way
		if err := s.hanging(s.list[i], most); err != nil {
			return err
		}
	}
	return nil
}

// hanging adds what hangs on one record.
func (s *shopperSearch) hanging(id recordID, most int) error {
	r := s.e.in.rows[id]
	if !s.found[id] || r.broken || r.status != live {
		return nil
	}
	switch r.kind {
	case kindCustomer:
		for _, h := range linksOf(r.entries) {
			if err := s.linked(h, most); err != nil {
				return err
			}
		}
	case kindOrder:
		if o := s.e.object(r); o != nil {
			return s.linked(linkHash(s.ident, linkOrder, o.ExternalID), most)
		}
	}
	return nil
}

// erase kills the records; last also leaves the tombstones of what is not here.
func (s *shopperSearch) erase(ids []recordID, last bool) (n int, failed []string, err error) {
	if len(ids) > 0 {
		if err := s.e.records(ids); err != nil {
			return 0, nil, err
		}
	}
	for _, id := range s.e.failed {
		failed = append(failed, id.String())
	}
	if last {
		if err := s.keepAway(); err != nil {
			return 0, nil, err
		}
	}
	n, err = s.e.finish()
	return n, failed, err
}

// keepAway leaves tombstones of the objects that were named and never came, and of the
// shoppers' identifiers.
func (s *shopperSearch) keepAway() error {
	now, none := s.e.tx.Now(), facts{}
	until := now.Add(s.v.profile.Tombstone)
	var rows []*row
	for h, k := range s.absent {
		rows = append(rows, &row{
			id: s.v.ids.next(now), store: s.e.st.num, kind: k, status: erased, version: 1, provider: providerEcart, platform: s.e.st.platform,
			api: 2, how: 2, fetched: now, anchorAt: until, expires: now, period: periodOf(now), ident: h, facts: none.appendTo(nil),
		})
	}
	for _, p := range s.q.Shoppers {
		for _, t := range p.own() {
			s.e.graves = append(s.e.graves, grave{graveHash(s.ident, t), s.e.st.num, s.e.why})
		}
	}
	return insertRows(s.e.tx, rows)
}
