package vault

import (
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// prepare does everything for a body that needs no database: origin, parsing,
// dates, hashes, and the seal of each object as a new record. Most objects of a
// first sync are new, so for them the transaction has only rows left to write.
func (v *Vault) prepare(in *In, now time.Time) *doc {
	d := &doc{in: in}
	d.err = v.prepareDoc(d, now)
	return d
}

func (v *Vault) prepareDoc(d *doc, now time.Time) error {
	if !checkStoreID(d.in.Store) {
		return noStore()
	}
	if err := v.checkOrigin(d, now); err != nil {
		return err
	}
	d.generation = v.maps.generation(d.in.Store)
	m, err := v.maps.of(d.in.Store).Find(d.in.Resource, d.in.Version, d.in.Platform)
	if err != nil {
		return err
	}
	if d.env, err = m.Parse(d.in.Body, v.limits); err != nil {
		return err
	}
	hk, err := v.hashKeys(d.in.Store, periodOf(now))
	if err != nil {
		return err
	}
	d.work = make([]*work, len(d.env.Objects))
	for i := range d.env.Objects {
		if d.work[i], err = v.prepareObject(d, m, &d.env.Objects[i], hk); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin reads the origin. Nothing comes in without one (DPP 2.8), and
// nothing a caller chose comes in unread.
func (v *Vault) checkOrigin(d *doc, now time.Time) (err error) {
	d.from.fetched = now
	if d.from.how, d.from.provider, err = parseHow(d.in.How); err != nil {
		return err
	}
	if d.from.api, err = parseAPI(d.in.Version); err != nil {
		return err
	}
	if d.in.Platform != "" {
		if d.from.platform, err = v.parsePlatform(d.in.Platform); err != nil {
			return err
		}
		if d.from.platform == 0 {
			d.from.spelt = d.in.Platform
		}
	}
	if d.in.Order != "" {
		if err := checkLabel("order", d.in.Order); err != nil {
			return err
		}
	}
	if d.in.Endpoint != "" {
		if err := checkEndpoint(d.in.Endpoint); err != nil {
			return err
		}
		d.from.endpoint = d.in.Endpoint
	}
	return nil
}

// checkEndpoint accepts a path without query: a query may carry anything.
func checkEndpoint(s string) error {
	if s[0] == '/' {
		s = s[1:]
	}
	return checkLabel("endpoint", s)
}

// hashKeys are the keys that hash a store's objects this month.
type hashKeys struct {
	store  string
	period period
	v      *Vault
	ident  seal.Key
	memo   [entryNational + 1]seal.Key
}

func (v *Vault) hashKeys(store string, p period) (*hashKeys, error) {
	ident, err := v.keys.StoreKey(store, keys.Ident)
	if err != nil {
		return nil, err
	}
	return &hashKeys{store: store, period: p, v: v, ident: ident}, nil
}

func (h *hashKeys) entry(t term) (hash, error) {
	k := h.memo[t.kind]
	if k.IsZero() {
		var err error
		if k, err = h.v.keys.IndexKey(h.store, uint8(t.kind), h.period.String()); err != nil {
			return hash{}, err
		}
		h.memo[t.kind] = k
	}
	return short(k.MAC([]byte(t.text))), nil
}

func (v *Vault) prepareObject(d *doc, m *fieldmap.Map, o *fieldmap.Object, hk *hashKeys) (*work, error) {
	w := &work{doc: d, obj: o, m: m, period: hk.period, external: o.ExternalID}
	if w.external == "" {
		if o.Kind != kindStore {
			return nil, strongroom.Faultf(strongroom.Invalid, "no-id", "an object in the body states no id")
		}
		w.external = "store" // there is one of it
	}
	if o.OrderID == "" && o.Kind == kindFulfillment {
		o.OrderID = d.in.Order
	}
	w.ident = identOf(hk.ident, o.Kind, w.external)
	if o.Kind != kindStore { // a shop is no shopper, and would outlive its month's key
		w.terms = terms(o.Identifiers)
	}
	w.entries = make([]hash, 0, len(w.terms)+2)
	for _, t := range w.terms {
		h, err := hk.entry(t)
		if err != nil {
			return nil, err
		}
		w.entries = append(w.entries, h)
	}
	w.link(hk)
	w.facts = factsOf(&o.Anchors, d.from.fetched)
	for i := range o.Leaves {
		w.classes |= 1 << o.Leaves[i].Class
		if isToken(o.Leaves[i].Text(o.Raw)) {
			return nil, strongroom.Faultf(strongroom.Invalid, "tokens", "the body holds tokens where values belong; to take it in would lose the values").
				Advise("send the body as it came from the platform")
		}
	}
	var err error
	w.sealed, err = v.sealFirst(w)
	return w, err
}

// isToken reports whether the text of a leaf is a token of ours, as in an answer
// that is sent back.
func isToken(text []byte) bool {
	if len(text) < seal.TokenSize+2 || text[0] != '"' || text[1] != 's' || text[2] != 'r' {
		return false
	}
	word := strings.TrimSuffix(string(text[1:len(text)-1]), emailDomain)
	_, _, ok := seal.ParseToken(word)
	return ok
}

// link adds the entries by which an order, its fulfilments and its shopper find
// each other, whichever comes first.
func (w *work) link(hk *hashKeys) {
	switch w.obj.Kind {
	case kindFulfillment:
		if w.obj.OrderID != "" {
			w.links = append(w.links, linkHash(hk.ident, linkOrder, w.obj.OrderID))
		}
	case kindOrder:
		if w.obj.CustomerID != "" {
			w.links = append(w.links, linkHash(hk.ident, linkCustomer, w.obj.CustomerID))
		}
	case kindCustomer:
		w.links = append(w.links, linkHash(hk.ident, linkCustomer, w.external))
	case kindStore, fieldmap.NoKind:
	}
}

// factsOf reads a body's dates. Those that cannot be believed are dropped here,
// judged by the moment their body came in.
func factsOf(a *fieldmap.Anchors, received time.Time) facts {
	f := facts{
		Created: a.Created, Updated: a.Updated, Cancelled: a.Cancelled, Refunded: a.Refunded, Closed: a.Closed, Paid: a.Paid,
		HasPaid: !a.Paid.IsZero(), HasRefund: a.FullyRefunded || !a.Refunded.IsZero(), Digital: a.Digital,
	}
	if t, ok := a.DeliveredAt(); ok {
		f.Delivered = t
	}
	if t, ok := a.ShippedAt(); ok {
		f.Shipped = t
	}
	return f.sane(received)
}
