package vault

import (
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// storeState is a store's state; the numbers are on disk.
type storeState uint8

const (
	storeConnected    storeState = 1
	storeDisconnected storeState = 2
	storeClosed       storeState = 3 // the grant is gone; records and keys stay until their dates
)

// refusal is why a store in this state takes nothing in and shows nothing; nil for
// one that is connected.
func (s storeState) refusal() error {
	switch s {
	case storeConnected:
		return nil
	case storeClosed:
		return closed()
	}
	return disconnected()
}

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
	closed       time.Time // zero unless state is storeClosed
	card         []byte
	token        seal.TokenKey
}

const (
	storeColumns = `num, id, tag, platform, status, kinds, fields, connected, disconnected, closed, card`

	sqlStoreAdd = `insert into vault_store (num, id, tag, platform, tainted, status, kinds, fields, connected, disconnected, closed, card)
		select coalesce(max(num), 0) + 1, $1, $2, $3, 1, 1, 0, 0, $4, 0, 0, $5 from vault_store`
	sqlStore           = `select ` + storeColumns + ` from vault_store where id = $1`
	sqlStoreState      = `select status from vault_store where id = $1`
	sqlStoreByTag      = `select ` + storeColumns + ` from vault_store where tag = $1`
	sqlStores          = `select ` + storeColumns + ` from vault_store where num > $1 order by num limit $2`
	sqlStoreKinds      = `update vault_store set kinds = kinds | $2 where num = $1`
	sqlStoreDisconnect = `update vault_store set status = 2, disconnected = $2 where num = $1 and status <> 2`
	sqlStoreClose      = `update vault_store set status = 3, closed = $2 where num = $1 and status = 1`
	sqlStoreReopen     = `update vault_store set status = 1, closed = 0 where num = $1 and status = 3`
)

// storeCard is what is sealed of a store, under its key for merchant data.
type storeCard struct {
	Name     string `json:"n"`
	Platform string `json:"p,omitempty"` // where the platform has no number
}

func (v *Vault) cardAD(id string) []byte {
	return seal.AD("strongroom/store/1", string(v.env), id)
}

func scanStore(scan func(...any) error) (*store, error) {
	var s store
	var tag []byte
	var connected, disconnected, closed int64
	if err := scan(&s.num, &s.id, &tag, &s.platform, &s.state, &s.kinds, &s.fields, &connected, &disconnected, &closed, &s.card); err != nil {
		return nil, err
	}
	if len(tag) != len(s.tag) {
		return nil, badRow("store")
	}
	s.tag, s.connected = [5]byte(tag), db.Time(connected)
	if disconnected != 0 {
		s.disconnected = db.Time(disconnected)
	}
	if closed != 0 {
		s.closed = db.Time(closed)
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
// whose keys are destroyed has none: nothing is made or read for it any more. One
// that is closed is not remembered: what is remembered of a store is connected.
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
	if known != nil && s.state != storeDisconnected {
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
	if s.state == storeClosed {
		return s, nil
	}
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
	if err := s.state.refusal(); err != nil {
		return nil, err
	}
	return s, nil
}

// keptStore is loadStore for verbs that go on after the grant is gone: what is kept
// of a closed store can still be erased and sealed further.
func (v *Vault) keptStore(r *db.Reader, id string) (*store, error) {
	s, err := v.loadStore(r, id)
	if err != nil {
		return nil, err
	}
	if s.state == storeDisconnected {
		return nil, disconnected()
	}
	return s, nil
}

// CheckStore returns nil if a store is there and connected, else a fault of kind
// NotFound, Erased, or Denied with the code "store-closed". It is for verbs of other packages that name a store, inside
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
	}
	if err := storeState(state).refusal(); err != nil {
		return nil, err
	}
	return known, nil
}

// sharedStores are the stores that the transaction has read, by id.
type sharedStores map[string]*store

type sharedStoresKey struct{}

func storesOfTx(tx *guard.Tx) sharedStores {
	return tx.Shared(sharedStoresKey{}, func() any { return make(sharedStores) }).(sharedStores)
}

// sharedStore is keptStore, read once for all who share the transaction. Whoever changes a store says so with forgetStores.
func (v *Vault) sharedStore(tx *guard.Tx, id string) (*store, error) {
	all := storesOfTx(tx)
	if s := all[id]; s != nil {
		return s, nil
	}
	s, err := v.keptStore(&tx.Reader, id)
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
