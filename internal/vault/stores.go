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
	"strongroom/internal/seal"
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
	Damaged      bool // its row was changed in the database: ID alone is set
}

// StoreSpec says which store to add.
type StoreSpec struct {
	Name     string // up to 200 bytes, any script
	Platform string // "" if unknown
}

// storeState is a store's state; the numbers are on disk.
type storeState uint8

const (
	storeConnected    storeState = 1
	storeDisconnected storeState = 2
)

// store is a store's row with its derived keys.
type store struct {
	num          int64
	id           string
	tag          [5]byte
	platform     platform
	state        storeState
	kinds        uint64 // bit per kind of record that ever came in
	fields       int64  // number of the newest decision about a field
	connected    time.Time
	disconnected time.Time
	card         []byte
	token        seal.TokenKey
}

const (
	storeColumns = `num, id, tag, platform, status, kinds, fields, connected, disconnected, card`

	sqlStoreAdd = `insert into vault_store (num, id, tag, platform, tainted, status, kinds, fields, connected, disconnected, card)
		select coalesce(max(num), 0) + 1, $1, $2, $3, 1, 1, 0, 0, $4, 0, $5 from vault_store`
	sqlStore           = `select ` + storeColumns + ` from vault_store where id = $1`
	sqlStoreState      = `select status from vault_store where id = $1`
	sqlStoreByTag      = `select ` + storeColumns + ` from vault_store where tag = $1`
	sqlStores          = `select ` + storeColumns + ` from vault_store where num > $1 order by num limit $2`
	sqlStoreKinds      = `update vault_store set kinds = kinds | $2 where num = $1`
	sqlStoreDisconnect = `update vault_store set status = 2, disconnected = $2 where num = $1 and status = 1`
)

// storeCard is what is sealed of a store, under its key for merchant data.
type storeCard struct {
	Name     string `json:"n"`
	Platform string `json:"p,omitempty"` // where the platform has no number
}

func (v *Vault) cardAD(id string) []byte {
	return seal.AD("strongroom/store/1", string(v.env), id)
}

func storeResource(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Store", ID: id, Store: id}
}

// instance is the resource of what concerns no single store.
func instance() strongroom.Resource { return strongroom.Resource{Type: "Instance", ID: "instance"} }

func noStore() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
}

// CreateStore adds a store and its keys. It counts as holding personal data from
// now on. Faults: Invalid for a name that is empty, too long or looks like a
// person's contact.
func (v *Vault) CreateStore(ctx context.Context, who strongroom.Actor, spec StoreSpec) (Store, error) {
	id := strongroom.NewID(storePrefix)
	p, err := v.checkStore(spec)
	if err != nil {
		return Store{}, v.refuse(ctx, who, actionStoreAdd, storeResource(id), err)
	}
	var card storeCard
	card.Name = spec.Name
	if p == 0 {
		card.Platform = spec.Platform
	}
	var tag [5]byte
	rand.Read(tag[:]) // never fails: crypto/rand aborts the program instead
	var now time.Time
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionStoreAdd, storeResource(id), guard.Context{}); err != nil {
			return err
		}
		// The keys come first: a key without a store harms nobody.
		if err := v.keys.EnsureStore(id); err != nil {
			return err
		}
		key, err := v.keys.StoreKey(id, keys.Merchant)
		if err != nil {
			return err
		}
		text, err := json.Marshal(card)
		if err != nil {
			return err
		}
		now = tx.Now()
		_, err = tx.Exec(sqlStoreAdd, id, tag[:], p, db.Micros(now), key.Seal(nil, v.cardAD(id), text))
		return err
	})
	if err != nil {
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
	out := Store{ID: s.id, Platform: s.platform.String(), Tainted: true, Connected: s.connected, Disconnected: s.disconnected}
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

func scanStore(scan func(...any) error) (*store, error) {
	var s store
	var tag []byte
	var connected, disconnected int64
	if err := scan(&s.num, &s.id, &tag, &s.platform, &s.state, &s.kinds, &s.fields, &connected, &disconnected, &s.card); err != nil {
		return nil, err
	}
	if len(tag) != len(s.tag) {
		return nil, badRow("store")
	}
	s.tag, s.connected = [5]byte(tag), db.Time(connected)
	if disconnected != 0 {
		s.disconnected = db.Time(disconnected)
	}
	return &s, nil
}

// loadStore returns a store with its token key; NotFound if there is none.
func (v *Vault) loadStore(r *db.Reader, id string) (*store, error) {
	return v.withToken(scanStore(r.QueryRow(sqlStore, id).Scan))
}

func (v *Vault) loadStoreByTag(r *db.Reader, tag [5]byte) (*store, error) {
	return v.withToken(scanStore(r.QueryRow(sqlStoreByTag, tag[:]).Scan))
}

// withToken adds the token key, derived once per store and process. A store
// whose keys are destroyed has none: nothing is made or read for it any more.
func (v *Vault) withToken(s *store, err error) (*store, error) {
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, noStore().Because(err)
	}
	if err != nil {
		return nil, err
	}
	v.stores.mu.RLock()
	known := v.stores.byID[s.id]
	v.stores.mu.RUnlock()
	if known != nil && s.state == storeConnected {
		s.token = known.token
		return s, nil
	}
	key, err := v.keys.StoreKey(s.id, keys.Token)
	if strongroom.IsKind(err, strongroom.Erased) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.token = seal.NewTokenKey(key, v.tokenEnv, s.tag)
	v.stores.mu.Lock()
	v.stores.byID[s.id] = s
	v.stores.mu.Unlock()
	return s, nil
}

// connectedStore is loadStore for verbs that need a store at work.
func (v *Vault) connectedStore(r *db.Reader, id string) (*store, error) {
	s, err := v.loadStore(r, id)
	if err != nil {
		return nil, err
	}
	if s.state != storeConnected {
		return nil, disconnected()
	}
	return s, nil
}

// CheckStore returns nil if a store is there and connected, else a fault of kind
// NotFound or Erased. It is for verbs of other packages that name a store, inside
// their own transaction; it discloses nothing else.
func (v *Vault) CheckStore(r *db.Reader, id string) error {
	_, err := v.connectedStore(r, id)
	return err
}

// storeForReader is connectedStore for verbs that need no more of a store than
// what never changes: of one that is known its state alone is read.
func (v *Vault) storeForReader(r *db.Reader, id string) (*store, error) {
	known := v.cachedStore(id)
	if known == nil {
		return v.connectedStore(r, id)
	}
	var state int64
	err := r.QueryRow(sqlStoreState, id).Scan(&state)
	switch {
	case strongroom.IsKind(err, strongroom.NotFound):
		return nil, noStore().Because(err)
	case err != nil:
		return nil, err
	case storeState(state) != storeConnected:
		return nil, disconnected()
	}
	return known, nil
}

// sharedStores are the connected stores that the transaction has read, by id.
type sharedStores map[string]*store

type sharedStoresKey struct{}

func storesOfTx(tx *guard.Tx) sharedStores {
	return tx.Shared(sharedStoresKey{}, func() any { return make(sharedStores) }).(sharedStores)
}

// sharedStore is connectedStore, read once for all who share the transaction.
// Whoever changes a store says so with forgetStores.
func (v *Vault) sharedStore(tx *guard.Tx, id string) (*store, error) {
	all := storesOfTx(tx)
	if s := all[id]; s != nil {
		return s, nil
	}
	s, err := v.connectedStore(&tx.Reader, id)
	if err == nil {
		all[id] = s
	}
	return s, err
}

// forgetStores has stores read again, after a change and after it is undone.
func forgetStores(tx *guard.Tx) {
	all := storesOfTx(tx)
	clear(all)
	tx.OnUndo(func() { clear(all) })
}

func disconnected() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Erased, "store", "the store is disconnected and its records are gone")
}
