package erasure

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/signal"
	"strongroom/internal/vault"
)

// maxShops bounds how many names of shops are read at once.
const maxShops = 64

// Shop is what a platform calls the shop of a store: a domain, an id, or both.
type Shop struct {
	Platform signal.Platform // of the id; a domain is one whoever says it
	Domain   string
	ID       string
	At       time.Time // when it was said
}

// shopCard is what is sealed of a shop's name.
type shopCard struct {
	Platform string `json:"p,omitempty"`
	Domain   string `json:"d,omitempty"`
	ID       string `json:"i,omitempty"`
}

func (in *Inbox) domainHash(domain string) []byte {
	if domain == "" {
		return []byte{}
	}
	sum := in.hash.MAC([]byte("domain"), []byte(domain))
	return sum[:]
}

func (in *Inbox) idHash(p signal.Platform, id string) []byte {
	if id == "" {
		return []byte{}
	}
	sum := in.hash.MAC([]byte("id"), []byte(p), []byte(id))
	return sum[:]
}

func (in *Inbox) shopAD(r *shopRow) []byte {
	return seal.AD("strongroom/signal-shop/1", string(in.o.Environment), r.hash, r.store, r.at)
}

// KnowTx notes within a transaction whose caller has been allowed to that a store is
// the shop a platform calls so. It is for whoever connects a store. An empty domain and
// id note nothing.
func (in *Inbox) KnowTx(tx *guard.Tx, store string, s Shop) error {
	s.Domain = signal.NormalHost(s.Domain)
	for _, n := range []struct {
		hash []byte
		card shopCard
	}{
		{in.domainHash(s.Domain), shopCard{Domain: s.Domain}},
		{in.idHash(s.Platform, s.ID), shopCard{Platform: string(s.Platform), ID: s.ID}},
	} {
		if len(n.hash) == 0 {
			continue
		}
		text, err := json.Marshal(n.card)
		if err != nil {
			return err
		}
		r := shopRow{hash: n.hash, store: store, at: db.Micros(tx.Now())}
		r.sealed = in.seal.Seal(nil, in.shopAD(&r), text)
		if err := putShop(tx, &r); err != nil {
			return err
		}
	}
	return nil
}

// AddShop says which shop a store is. Faults: Invalid, Denied, NotFound (store).
func (in *Inbox) AddShop(ctx context.Context, who strongroom.Actor, store string, s Shop) error {
	if err := checkShop(store, s); err != nil {
		return in.refuse(ctx, who, actionEdit, err)
	}
	return in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		if err := in.o.Store(&tx.Reader, store); err != nil {
			return err
		}
		return in.KnowTx(tx, store, s)
	})
}

func checkShop(store string, s Shop) error {
	s.Domain = signal.NormalHost(s.Domain)
	switch {
	case !strongroom.IsID("str", store):
		return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
	case s.Domain == "" && s.ID == "":
		return strongroom.Faultf(strongroom.Invalid, "shop", "a shop is known by a domain, or by the id a platform gave it")
	case len(s.Domain) > 253 || len(s.ID) > 128:
		return strongroom.Faultf(strongroom.Invalid, "shop", "a domain has at most 253 bytes and an id 128")
	case s.ID != "" && db.Place(signal.Platforms(), s.Platform) == 0:
		return strongroom.Faultf(strongroom.Invalid, "kind", "an id is of one of %v", signal.Platforms())
	}
	return nil
}

// Shops lists what the shop of a store is called. Faults: Denied, NotFound.
func (in *Inbox) Shops(ctx context.Context, who strongroom.Actor, store string) (list []Shop, err error) {
	if !strongroom.IsID("str", store) {
		return nil, in.refuse(ctx, who, actionList, strongroom.Faultf(strongroom.NotFound, "store", "no such store"))
	}
	err = in.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		list = nil
		if err := v.Allow(actionList, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		rows, err := shopsOf(&v.Reader, store)
		if err != nil {
			return err
		}
		for i := range rows {
			c, err := in.shop(&rows[i])
			if err != nil {
				return err
			}
			list = append(list, Shop{Platform: signal.Platform(c.Platform), Domain: c.Domain, ID: c.ID, At: db.Time(rows[i].at)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// DropShops forgets what the shop of a store is called. Faults: Denied, NotFound.
func (in *Inbox) DropShops(ctx context.Context, who strongroom.Actor, store string) error {
	none := strongroom.Faultf(strongroom.NotFound, "shop", "nothing is known of the store's shop")
	if !strongroom.IsID("str", store) {
		return in.refuse(ctx, who, actionEdit, none)
	}
	return in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		n, err := dropShops(tx, store)
		tx.Note("count", n)
		if err == nil && n == 0 {
			err = none
		}
		return err
	})
}

func (in *Inbox) shop(r *shopRow) (c shopCard, err error) {
	text, err := in.seal.Open(nil, in.shopAD(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, strongroom.Faultf(strongroom.Internal, "shop-sealed", "what a shop is called does not open").
			Advise("its row was changed, or the keyring is another's; remove it and add it anew")
	}
	return c, nil
}

// resolve returns the stores a signal is about; none if that is not certain. named says
// that one was found by its name alone, which dies with the store.
func (in *Inbox) resolve(r *db.Reader, s signal.Signal) (stores []string, named bool, err error) {
	live, err := in.o.Shops(r)
	if err != nil {
		return nil, false, err
	}
	if s.Platform == signal.EBay { // an account there is not of one shop
		var all []string
		for _, shop := range live {
			if shop.Platform == string(signal.EBay) {
				all = append(all, shop.ID)
			}
		}
		return all, false, nil
	}
	rows, err := findShops(r, in.domainHash(s.Shop.Domain), in.idHash(s.Platform, s.Shop.ID))
	if err != nil {
		return nil, false, err
	}
	var known, here []string
	for i := range rows {
		if _, err := in.shop(&rows[i]); err != nil { // a row that somebody put there
			return nil, false, err
		}
		if !slices.Contains(known, rows[i].store) {
			known = append(known, rows[i].store)
			if holds(live, rows[i].store) {
				here = append(here, rows[i].store)
			}
		}
	}
	switch {
	case len(here) == 1:
		return here, false, nil
	case len(here) > 1:
		return nil, false, nil // two stores of one shop: a person says which
	}
	if list := byName(live, s); len(list) == 1 {
		return list, true, nil
	} else if len(list) > 1 {
		return nil, false, nil
	}
	if len(known) > 0 {
		return known[:1], false, nil // the newest; it is gone, and nothing of it is left
	}
	return nil, false, nil
}

func holds(live []vault.Shop, id string) bool {
	return slices.ContainsFunc(live, func(s vault.Shop) bool { return s.ID == id })
}

// byName returns the stores that people here call by the shop's domain.
func byName(live []vault.Shop, s signal.Signal) (out []string) {
	if s.Shop.Domain == "" {
		return nil
	}
	for _, shop := range live {
		mine := s.Platform == signal.EcartAPI || shop.Platform == "" || shop.Platform == string(s.Platform)
		if mine && signal.NormalHost(shop.Name) == s.Shop.Domain {
			out = append(out, shop.ID)
		}
	}
	return out
}
