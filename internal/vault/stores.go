package vault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// Store is one shop whose owner granted access.
type Store struct {
	ID        string // "str_…"
	Name      string // sealed at rest
	Platform  string
	Tainted   bool // counts as holding personal data; always true (DPP 3.0)
	Connected time.Time
	Records   int64 // live records; only [Vault.Store] counts them
	// Disconnected is when the store was disconnected; zero while it is not. Its
	// records die at once, the row stays so that its id is never used again.
	Disconnected time.Time
	// Closed is when access ended because the Customer's grant did; zero while it is
	// open. Its records stay sealed and die on their dates, and nobody is shown them.
	Closed  time.Time
	Damaged bool // its row was changed in the database: ID alone is set
}

// StoreSpec says which store to add.
type StoreSpec struct {
	Name     string // up to 200 bytes, any script
	Platform string // "" if unknown
}

func storeResource(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: id, Store: id}
}

// instance is the resource of what concerns no single store.
func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func noStore() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
}

func disconnected() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Erased, "store", "the store is disconnected and its records are gone")
}

// CreateStore adds a store and its keys. It counts as holding personal data from
// now on. Faults: Invalid for a name that is empty, too long or looks like a
// person's contact.
func (v *Vault) CreateStore(ctx context.Context, who strongroom.Actor, spec StoreSpec) (s Store, err error) {
	id := NewStoreID()
	if err := v.CheckStoreSpec(spec); err != nil {
		return Store{}, v.refuse(ctx, who, actionStoreAdd, storeResource(id), err)
	}
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreAdd, storeResource(id), guard.Context{}); err != nil {
			return err
		}
		s, err = v.CreateStoreTx(tx, id, spec)
		return err
	})
	if err != nil {
		return Store{}, err
	}
	return s, nil
}

// NewStoreID returns an id for a store that is about to be added.
func NewStoreID() string { return strongroom.NewID(storePrefix) }

// CheckStoreSpec returns why no store can be added so, nil if one can.
func (v *Vault) CheckStoreSpec(spec StoreSpec) error {
	_, err := v.checkStore(spec)
	return err
}

// CreateStoreTx is [Vault.CreateStore] as a part of a caller's own act, which has
// been allowed; id is of [NewStoreID].
func (v *Vault) CreateStoreTx(tx *guard.Tx, id string, spec StoreSpec) (Store, error) {
	p, err := v.checkStore(spec)
	if err != nil {
		return Store{}, err
	}
	card := storeCard{Name: spec.Name}
	if p == 0 {
		card.Platform = spec.Platform
	}
	var tag [5]byte
	rand.Read(tag[:]) // never fails: crypto/rand aborts the program instead
	// The keys come first: a key without a store harms nobody.
	if err := v.keys.EnsureStore(id); err != nil {
		return Store{}, err
	}
	key, err := v.keys.StoreKey(id, keys.Merchant)
	if err != nil {
		return Store{}, err
	}
	text, err := json.Marshal(card)
	if err != nil {
		return Store{}, err
	}
	now := tx.Now()
	if _, err := tx.Exec(sqlStoreAdd, id, tag[:], p, db.Micros(now), key.Seal(nil, v.cardAD(id), text)); err != nil {
		return Store{}, err
	}
	return Store{ID: id, Name: spec.Name, Platform: spec.Platform, Tainted: true, Connected: now}, nil
}

func (v *Vault) checkStore(spec StoreSpec) (platform, error) {
	if spec.Name == "" || len(spec.Name) > 200 {
		return 0, strongroom.Faultf(strongroom.Invalid, "name", "a store's name has 1 to 200 bytes")
	}
	if _, hit := classify.Has([]byte(spec.Name)); hit {
		return 0, strongroom.Faultf(strongroom.Invalid, "name", "the store's name looks like personal data").
			Advise("name the shop, not its owner")
	}
	if spec.Platform == "" {
		return 0, nil
	}
	return v.parsePlatform(spec.Platform)
}

// Stores lists the stores the actor may see, oldest first. next is empty at the
// end.
func (v *Vault) Stores(ctx context.Context, who strongroom.Actor, cursor string, limit int) (list []Store, next string, err error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return nil, "", v.refuse(ctx, who, actionStoreList, instance(), err)
	}
	limit = clampLimit(limit)
	var rows []*store
	var receipt *guard.Receipt
	err = v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		if err := view.Allow(actionStoreList, instance(), guard.Context{}); err != nil {
			return err
		}
		receipt = view.Receipt()
		var err error
		if rows, err = visibleStores(&view.Reader, who, int64(after), limit+1); err != nil {
			return err
		}
		view.Note("records", int64(min(len(rows), limit)))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = recordID(rows[limit-1].num).cursor()
	}
	for _, s := range rows {
		one, err := v.describe(s)
		if IsDamaged(err) {
			index, _ := receipt.Index()
			if lost := v.guard.Failed(ctx, who, actionStoreList, storeResource(s.id), faultCode(err), index); lost != nil {
				return nil, "", lost
			}
			v.damaged(s.id)
			one, err = Store{ID: s.id, Damaged: true}, nil
		}
		if err != nil {
			return nil, "", err
		}
		list = append(list, one)
	}
	return list, next, nil
}

// visibleStores returns the stores of the actor's scope after a number.
func visibleStores(r *db.Reader, who strongroom.Actor, after int64, limit int) ([]*store, error) {
	if !who.AllStores {
		var out []*store
		for _, id := range who.Stores {
			s, err := scanStore(r.QueryRow(sqlStore, id).Scan)
			if strongroom.IsKind(err, strongroom.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if s.num > after {
				out = append(out, s)
			}
		}
		sortStores(out)
		return out[:min(limit, len(out))], nil
	}
	rows, err := r.Query(sqlStores, after, limit)
	if err != nil {
		return nil, err
	}
	var out []*store
	for rows.Next() {
		s, err := scanStore(rows.Scan)
		if err != nil {
			rows.Close()
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Close()
}

// Store returns one store with the number of its live records.
func (v *Vault) Store(ctx context.Context, who strongroom.Actor, id string) (Store, error) {
	if !checkStoreID(id) {
		return Store{}, v.refuse(ctx, who, actionStoreList, instance(), noStore())
	}
	var row *store
	var count int64
	err := v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		if err := view.Allow(actionStoreList, storeResource(id), guard.Context{}); err != nil {
			return err
		}
		var err error
		if row, err = v.loadStore(&view.Reader, id); err != nil {
			return err
		}
		count, err = countRecords(&view.Reader, row.num)
		return err
	})
	if err != nil {
		return Store{}, err
	}
	s, err := v.describe(row)
	s.Records = count
	return s, err
}

func countRecords(r *db.Reader, num int64) (total int64, err error) {
	for k := kindOrder; k <= kindStore; k++ {
		var n int64
		if err := r.QueryRow(sqlCountLive, num, k).Scan(&n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// describe opens what is sealed of a store. Once its keys are gone the name is
// gone with them.
func (v *Vault) describe(s *store) (Store, error) {
	out := Store{ID: s.id, Platform: s.platform.String(), Tainted: true, Connected: s.connected, Disconnected: s.disconnected, Closed: s.closed}
	key, err := v.keys.StoreKey(s.id, keys.Merchant)
	if strongroom.IsKind(err, strongroom.Erased) {
		return out, nil
	}
	if err != nil {
		return Store{}, err
	}
	text, err := key.Open(nil, v.cardAD(s.id), s.card)
	if err != nil {
		return Store{}, badRow("store")
	}
	var card storeCard
	if err := json.Unmarshal(text, &card); err != nil {
		return Store{}, badRow("store")
	}
	out.Name = card.Name
	if s.platform == 0 {
		out.Platform = card.Platform
	}
	return out, nil
}
