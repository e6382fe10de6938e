package vault

import (
	"embed"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

//go:embed schema
var schema embed.FS

// Schema returns the vault's tables.
func Schema() db.Schema { return db.Schema{Package: "vault", FS: schema} }

// Cases tells whether a case is open for a purpose that needs one. A legal duty
// and a subject request open nothing without it (DPP 3.1.2).
type Cases interface {
	// CheckOpen returns nil while the case with an id is open for a purpose in a
	// store at the instant now, else a fault of kind Denied that says why not. It
	// is called in the transaction that records the reveal and reads through r
	// alone, so that a close that commits first wins. Safe for concurrent use.
	CheckOpen(r *db.Reader, now time.Time, id string, purpose strongroom.Purpose, store string) error
}

// Chores put in the jobs that finish what a verb has begun. They are called in
// the verb's own transaction: either both last or neither. They return the job's
// id, or "" if the same job waits already, and must be safe for concurrent use.
type Chores interface {
	// Disconnect puts in the job that calls EraseStoreStep until nothing is left.
	Disconnect(tx *guard.Tx, store string) (job string, err error)
	// Reclassify puts in the job that calls ReclassifyStep for a kind of record.
	Reclassify(tx *guard.Tx, store, kind string) (job string, err error)
}

// Options configure a Vault. Guard, Keys, Maps, Environment and Clock are required.
type Options struct {
	Guard       *guard.Guard
	Keys        *keys.Keys
	Maps        *fieldmap.Set
	Environment strongroom.Environment
	Profile     Profile // retention; zero fields mean the defaults
	Budgets     Budgets // how much may be revealed; zero fields mean the defaults
	Clock       *strongroom.Clock
	Cases       Cases           // nil: no case is ever open
	Chores      Chores          // nil: the caller goes on by himself
	Limits      fieldmap.Limits // of one body; zero fields mean the defaults
	Log         *slog.Logger    // nil discards
}

// Vault keeps records. It is safe for concurrent use.
type Vault struct {
	guard     *guard.Guard
	keys      *keys.Keys
	env       strongroom.Environment
	tokenEnv  byte
	profile   Profile
	budgets   Budgets
	cases     Cases
	chores    Chores
	limits    fieldmap.Limits
	log       *slog.Logger
	platforms map[string]platform

	clock  *strongroom.Clock
	maps   maps
	stores stores
	turns  turns

	ids      recordIDs
	clearing clearing
	late     lateness
	indexing indexing
	pending  pendingFields

	references references

	decided atomic.Pointer[func()] // a test's hook between a reveal's decision and its commit
}

// New returns a Vault. A missing required option or a profile that breaks the
// policy is a mistake of the program and panics.
func New(o Options) *Vault {
	if o.Guard == nil || o.Keys == nil || o.Maps == nil || o.Clock == nil {
		panic("vault: Options needs Guard, Keys, Maps and Clock")
	}
	if err := o.Profile.Check(); err != nil {
		panic("vault: " + err.Error())
	}
	if o.Environment != o.Keys.Environment() {
		panic("vault: the keys are of another environment")
	}
	v := &Vault{
		guard: o.Guard, keys: o.Keys, env: o.Environment, profile: o.Profile.filled(), budgets: o.Budgets.filled(),
		cases: o.Cases, chores: o.Chores, clock: o.Clock, limits: o.Limits, log: o.Log, platforms: make(map[string]platform),
	}
	switch o.Environment {
	case strongroom.Production:
		v.tokenEnv = seal.EnvProduction
	case strongroom.Test:
		v.tokenEnv = seal.EnvTest
	default:
		panic("vault: Options needs an Environment")
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	for i, name := range platforms() {
		if i > 0 {
			v.platforms[name] = platform(i)
		}
	}
	v.maps.base = o.Maps
	v.maps.byStore = make(map[string]laid)
	v.stores.byID = make(map[string]*store)
	return v
}

// checkLabel reports whether a name that a caller chose may come in at all: it
// obeys the grammar of names and nothing in it looks personal.
func checkLabel(what, s string) error {
	if err := strongroom.CheckName(what, s); err != nil {
		return err
	}
	if _, hit := classify.Has([]byte(s)); hit {
		return strongroom.Faultf(strongroom.Invalid, what, "%s looks like personal data", what).
			Advise("name an order, a case or a ticket by its number")
	}
	return nil
}

// logged returns the keyed hash that stands for a caller's word in the log.
func (v *Vault) logged(what, s string) (string, hash, error) {
	h, err := v.keys.Logged(what, s)
	if err != nil {
		return "", hash{}, err
	}
	return hex.EncodeToString(h[:]), h, nil
}

// stores caches what never changes of a store and what other instances change
// rarely. Every transaction reads the store's row again; the cache saves the
// derivation of keys.
type stores struct {
	mu   sync.RWMutex
	byID map[string]*store
}

// maps holds the field maps, with a store's own decisions laid over them.
type maps struct {
	mu      sync.RWMutex
	base    *fieldmap.Set
	byStore map[string]laid
}

// laid is a store's maps and the number of the decision they go up to.
type laid struct {
	set        *fieldmap.Set
	generation int64
}

func (m *maps) of(store string) *fieldmap.Set {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if l, ok := m.byStore[store]; ok {
		return l.set
	}
	return m.base
}

func (m *maps) generation(store string) int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byStore[store].generation
}

func (m *maps) set(store string, s *fieldmap.Set, generation int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byStore[store] = laid{s, generation}
}

// cachedStore returns what this process last saw of a store, nil if it never
// did.
func (v *Vault) cachedStore(id string) *store {
	v.stores.mu.RLock()
	defer v.stores.mu.RUnlock()
	return v.stores.byID[id]
}
