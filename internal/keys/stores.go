package keys

import (
	"context"
	"slices"
	"strconv"

	"strongroom"
	"strongroom/internal/seal"
)

// EnsureStore makes the keys of a store that has none. Its keys are on stable
// storage on return, before any row can depend on them; keys of a store that
// never comes to be are harmless. A store whose keys were destroyed is refused
// with Erased: it never comes back under its id.
func (r *Ring) EnsureStore(id string) error {
	if id == "" {
		return strongroom.Faultf(strongroom.Invalid, "store", "a store needs an id")
	}
	if st, ok := r.now.Load().stores[id]; ok && !st.gone {
		return nil
	}
	return r.change(func(s *state) error {
		if st, ok := s.stores[id]; ok {
			if st.gone {
				return storeGone()
			}
			return nil
		}
		number := uint32(len(s.stores) + 1) // entries are never removed
		s.stores[id] = store{number: number}
		s.byNumber[number] = id
		for _, u := range StoreUses() {
			s.entries[slot{use: u, store: number}] = &entry{key: seal.NewKey(), made: r.micros()}
		}
		return nil
	})
}

func storeGone() error {
	return strongroom.Faultf(strongroom.Erased, "store", "the keys of this store are destroyed")
}

func noStore() error {
	return strongroom.Faultf(strongroom.NotFound, "store", "there are no keys of such a store")
}

// StoreKey returns the store's key for a use. Faults: NotFound for an unknown
// store, Erased for one whose key is destroyed.
func (r *Ring) StoreKey(id string, use Use) (seal.Key, error) {
	s := r.now.Load()
	st, ok := s.stores[id]
	if !ok {
		return seal.Key{}, noStore()
	}
	if e := s.entries[slot{use: use, store: st.number}]; e != nil && use >= Token && use <= Credential {
		return e.key, nil
	}
	return seal.Key{}, storeGone()
}

// IndexKey returns the store's blind index key for a kind of value in a calendar
// month such as "2026-11". The key of the current and of the previous month is
// made when it is first asked for; another month without key is Erased.
func (r *Ring) IndexKey(id string, kind uint8, month string) (seal.Key, error) {
	p, err := parsePeriod(month)
	if err != nil {
		return seal.Key{}, err
	}
	s := r.now.Load()
	st, ok := s.stores[id]
	if !ok {
		return seal.Key{}, noStore()
	}
	if st.gone {
		return seal.Key{}, storeGone()
	}
	at := slot{use: indexUse, store: st.number, period: p}
	e := s.entries[at]
	if e == nil {
		// The previous month serves work that began before midnight.
		if now := periodOf(r.clock.Now()); p != now && p != now-1 {
			return seal.Key{}, strongroom.Faultf(strongroom.Erased, "period", "the index key of that month is destroyed")
		}
		if e, err = r.makePeriod(id, at); err != nil {
			return seal.Key{}, err
		}
	}
	return e.derive(strconv.Itoa(int(kind))), nil
}

func (r *Ring) makePeriod(id string, at slot) (*entry, error) {
	var e *entry
	err := r.change(func(s *state) error {
		if s.stores[id].gone {
			return storeGone()
		}
		if s.entries[at] == nil { // another caller may have made it meanwhile
			s.entries[at] = &entry{key: seal.NewKey(), made: r.micros()}
			s.addPeriod(at)
			r.makeOthers(s, at.period)
		}
		e = s.entries[at]
		return nil
	})
	return e, err
}

// makeOthers makes the month's key for every store that had one the month
// before. Each would ask for it within hours, and each change writes the whole
// file: at the turn of a month, a thousand stores make one write, not a thousand.
func (r *Ring) makeOthers(s *state, p period) {
	for _, st := range s.stores {
		at := slot{use: indexUse, store: st.number, period: p}
		if s.entries[at] == nil && slices.Contains(st.periods, p-1) {
			s.entries[at] = &entry{key: seal.NewKey(), made: r.micros()}
			s.addPeriod(at)
		}
	}
}

// addPeriod lists the month of an index key with its store.
func (s *state) addPeriod(at slot) {
	id := s.byNumber[at.store]
	st := s.stores[id]
	st.periods = append(slices.Clone(st.periods), at.period)
	slices.Sort(st.periods)
	s.stores[id] = st
}

// LivePeriods lists the months for which the store has an index key, oldest
// first. A search hashes once for each.
func (r *Ring) LivePeriods(id string) []string {
	ps := r.now.Load().stores[id].periods
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.String()
	}
	return out
}

// removeStore takes the store's keys of the given uses, all if none is given,
// and its index keys out of the ring. The store never gets keys again.
func (r *Ring) removeStore(ctx context.Context, id string, uses []Use) error {
	if len(uses) == 0 {
		uses = StoreUses()
	}
	now := r.now.Load()
	st, ok := now.stores[id]
	left := slices.ContainsFunc(uses, func(u Use) bool { return now.entries[slot{use: u, store: st.number}] != nil })
	if !ok || !left && len(st.periods) == 0 {
		return nil // done before
	}
	return r.destroy(ctx, func(s *state) error {
		st := s.stores[id]
		for _, p := range st.periods {
			delete(s.entries, slot{use: indexUse, store: st.number, period: p})
		}
		for _, u := range uses {
			delete(s.entries, slot{use: u, store: st.number})
		}
		s.stores[id] = store{number: st.number, gone: true}
		return nil
	})
}

// removePeriod takes the store's index key of one month out of the ring.
func (r *Ring) removePeriod(ctx context.Context, id, month string) error {
	p, err := parsePeriod(month)
	if err != nil {
		return err
	}
	now := r.now.Load()
	at := slot{use: indexUse, store: now.stores[id].number, period: p}
	if now.entries[at] == nil {
		return nil
	}
	return r.destroy(ctx, func(s *state) error {
		delete(s.entries, at)
		st := s.stores[id]
		st.periods = slices.DeleteFunc(slices.Clone(st.periods), func(q period) bool { return q == p })
		s.stores[id] = st
		return nil
	})
}
