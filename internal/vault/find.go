package vault

import (
	"context"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// FindQuery asks for the records of a shopper by exactly one identifier. Case,
// plus-tags, phone formats and the order of names do not matter.
type FindQuery struct {
	Store      string // "" for all stores the actor may see
	Email      string
	Phone      string
	Name       string
	PostalCode string
	NationalID string
	ExternalID string // the platform's id of an order, customer, fulfilment or store
	Cursor     string
	Limit      int // up to 200, default 50
}

// maxFindStores bounds how many stores one search goes through.
const maxFindStores = 10_000

// Find returns the live records that an identifier leads to, oldest first,
// without personal values. It goes by the blind index alone: one keyed hash per
// store and live month, never by opening records.
//
// Faults: Invalid (not exactly one identifier, or one with nothing to search
// by), Denied, NotFound for an unknown store.
func (v *Vault) Find(ctx context.Context, who strongroom.Actor, q FindQuery) (list []Record, next string, err error) {
	after, terms, err := checkFind(q)
	res := instance()
	if q.Store != "" {
		if res = v.storeOr(q.Store); err == nil && !checkStoreID(q.Store) {
			err = noStore()
		}
	}
	if err != nil {
		return nil, "", v.refuse(ctx, who, actionFind, res, err)
	}
	limit := clampLimit(q.Limit)
	var rows []shown
	var receipt *guard.Receipt
	err = v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		rows, next = nil, ""
		if err := view.Allow(actionFind, res, guard.Context{}); err != nil {
			return err
		}
		receipt = view.Receipt()
		s := search{v: v, view: view, q: q, terms: terms, limit: limit}
		if rows, next, err = s.quick(after); err != nil {
			return err
		}
		count := 1
		if rows == nil {
			stores, err := v.searched(&view.Reader, who, q.Store)
			if err != nil {
				return err
			}
			rows, next, err = s.run(stores, after)
			if count = len(stores); err != nil {
				return err
			}
		}
		view.Note("stores", int64(count))
		view.Note("records", int64(len(rows)))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	list, err = v.describeAll(ctx, who, actionFind, receipt, rows)
	return list, next, err
}

func checkFind(q FindQuery) (recordID, []term, error) {
	n := 0
	for _, s := range [...]string{q.Email, q.Phone, q.Name, q.PostalCode, q.NationalID, q.ExternalID} {
		if s != "" {
			n++
		}
		if len(s) > 1024 {
			return 0, nil, strongroom.Faultf(strongroom.Invalid, "find", "an identifier has at most 1,024 bytes")
		}
	}
	if n != 1 {
		return 0, nil, strongroom.Faultf(strongroom.Invalid, "find", "a search goes by exactly one identifier").
			Advise("give one of email, phone, name, postal_code, national_id, external_id")
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return 0, nil, err
	}
	terms := questionTerms(q)
	if q.ExternalID == "" && len(terms) == 0 {
		return 0, nil, strongroom.Faultf(strongroom.Invalid, "find", "the identifier has nothing to search by")
	}
	return after, terms, nil
}

// searched returns the connected stores of a search.
func (v *Vault) searched(r *db.Reader, who strongroom.Actor, id string) ([]*store, error) {
	if id != "" {
		st, err := v.storeForReader(r, id)
		if err != nil {
			return nil, err
		}
		return []*store{st}, nil
	}
	all, err := visibleStores(r, who, 0, maxFindStores)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *store) bool { return s.state != storeConnected })
	for i, s := range all {
		if all[i], err = v.withToken(s, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// search is one search at work on a view.
type search struct {
	v     *Vault
	view  *guard.View
	q     FindQuery
	terms []term
	limit int
}

// quick is run for one known store and one hash: what that leads to is of a store
// that is connected, so one question does for both. Without rows nothing is said
// yet and run has to look.
func (s *search) quick(after recordID) ([]shown, string, error) {
	st := s.v.cachedStore(s.q.Store)
	if st == nil || s.q.ExternalID != "" {
		return nil, "", nil
	}
	hashes, err := s.hashes(st)
	if err != nil || len(hashes) != 1 {
		return nil, "", nil // run says why
	}
	rows, next, err := s.load(nil, hashes, after)
	if err != nil || len(rows) == 0 {
		return nil, "", err
	}
	return s.alive(rows, next, func(r *row) *store {
		if r.store != st.num {
			return nil
		}
		return st
	})
}

// run returns a page over all stores in the order of records.
func (s *search) run(stores []*store, after recordID) ([]shown, string, error) {
	byNum := make(map[int64]*store, len(stores))
	var hashes []hash
	var ids []recordID
	for _, st := range stores {
		byNum[st.num] = st
		if s.q.ExternalID != "" {
			found, err := s.byExternalID(st, after)
			if err != nil {
				return nil, "", err
			}
			ids = append(ids, found...)
			continue
		}
		more, err := s.hashes(st)
		if err != nil {
			return nil, "", err
		}
		hashes = append(hashes, more...)
	}
	rows, next, err := s.load(ids, hashes, after)
	if err != nil {
		return nil, "", err
	}
	return s.alive(rows, next, func(r *row) *store { return byNum[r.store] })
}

// alive returns what can be shown of a page; it is not nil.
func (s *search) alive(rows []*row, next string, storeOf func(*row) *store) ([]shown, string, error) {
	rows = slices.DeleteFunc(rows, func(r *row) bool { return s.v.alive(r, s.view.Now()) != nil })
	out, err := s.v.showEach(s.view, rows, storeOf)
	return out, next, err
}

// load returns the records with ids, or those that hashes lead to: a page of
// them, and where the next one begins.
func (s *search) load(ids []recordID, hashes []hash, after recordID) (rows []*row, next string, err error) {
	r := &s.view.Reader
	if len(hashes) == 1 {
		if rows, err = loadFound(r, hashes[0], after, s.limit+1); len(rows) > s.limit {
			rows = rows[:s.limit]
			next = rows[s.limit-1].id.cursor()
		}
		return rows, next, err
	}
	if len(hashes) > 0 {
		if ids, err = indexed(r, hashes, after, s.limit+1); err != nil {
			return nil, "", err
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > s.limit {
		ids = ids[:s.limit]
		next = ids[s.limit-1].cursor()
	}
	rows, err = loadShown(r, ids)
	return rows, next, err
}

// hashes returns what the terms hash to in a store, in each month that lives.
func (s *search) hashes(st *store) ([]hash, error) {
	var hashes []hash
	for _, month := range s.v.keys.LivePeriods(st.id) {
		for _, t := range s.terms {
			key, err := s.v.keys.IndexKey(st.id, uint8(t.kind), month)
			if gone(err) {
				continue // the month's last record has just died
			}
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, short(key.MAC([]byte(t.text))))
		}
	}
	return hashes, nil
}

// byExternalID looks the id up as each kind of object.
func (s *search) byExternalID(st *store, after recordID) ([]recordID, error) {
	ident, err := s.v.keys.StoreKey(st.id, keys.Ident)
	if err != nil {
		return nil, err
	}
	var out []recordID
	for k := kindOrder; k <= kindStore; k++ {
		r, err := loadIdent(&s.view.Reader, identOf(ident, k, s.q.ExternalID))
		if err != nil {
			return nil, err
		}
		if r != nil && r.id > after {
			out = append(out, r.id)
		}
	}
	return out, nil
}
