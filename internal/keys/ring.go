package keys

import (
	"context"
	"crypto/ed25519"
	"maps"
	"sync"
	"sync/atomic"

	"strongroom"
	"strongroom/internal/seal"
	"strongroom/internal/tlog"
)

// RingOptions say which keyring to open and how.
type RingOptions struct {
	// Dir is the key folder, of mode 0700. It lies outside the data folder, so
	// that a copy of the data opens nothing.
	Dir string
	// KMS keeps the root.
	KMS KMS
	// Environment must be the one the keyring was made for.
	Environment strongroom.Environment
	// Clock tells months and the time a key is made; nil is real time.
	Clock *strongroom.Clock
}

// Ring is an open keyring: every key but the data keys, unwrapped in memory. One
// process holds it at a time. It is safe for concurrent use; looking up a key
// takes no lock, and every change is on stable storage before it is seen.
type Ring struct {
	clock  *strongroom.Clock
	folder *folder

	roots sync.Mutex // one call that asks the root at a time; held before mu
	kms   KMS        // guarded by roots
	mu    sync.Mutex // one change at a time; never held while the root is asked

	now    atomic.Pointer[state]
	epochs sync.RWMutex // read-held while an epoch key is in use, held to wipe one
}

// slot is the place of a key in the ring.
type slot struct {
	use    Use
	store  uint32 // number of a store, 0 for none
	period period
	epoch  uint32
}

// entry is a key of the ring and its wrap. The key never changes.
type entry struct {
	key     seal.Key
	made    int64 // Unix microseconds
	wrap    []byte
	derived sync.Map // of what is derived from it and asked for often
}

type store struct {
	number  uint32
	gone    bool     // its keys are destroyed; the number is kept so that it is never used again
	periods []period // months with an index key, oldest first; copied on change
}

// state is one version of the ring. A published state never changes.
type state struct {
	env      strongroom.Environment
	id       string
	serial   uint64
	root     Description
	ringKey  seal.Key
	wrapped  []byte // ringKey under the root
	epoch    uint32 // the current epoch
	stores   map[string]store
	byNumber map[uint32]string
	entries  map[slot]*entry
}

func newState(env strongroom.Environment, id string) *state {
	return &state{env: env, id: id, stores: map[string]store{}, byNumber: map[uint32]string{}, entries: map[slot]*entry{}}
}

func (s *state) clone() *state {
	c := *s
	c.stores, c.byNumber, c.entries = maps.Clone(s.stores), maps.Clone(s.byNumber), maps.Clone(s.entries)
	return &c
}

// CreateRing makes a new keyring in the folder of o, which must exist and be
// private, and opens it. A folder that has one is refused with Conflict.
func CreateRing(ctx context.Context, o RingOptions) (*Ring, error) {
	r, err := newRing(o)
	if err != nil {
		return nil, err
	}
	if _, err := r.folder.read(); !strongroom.IsKind(err, strongroom.NotFound) {
		r.Close()
		return nil, strongroom.Faultf(strongroom.Conflict, "keyring", "the key folder holds a keyring already").
			Advise("a keyring is never replaced: without it nothing sealed can be opened")
	}
	s := newState(o.Environment, strongroom.NewID("ring"))
	s.epoch = 1
	for _, at := range []slot{{use: epochUse, epoch: 1}, {use: logSignUse}, {use: instanceUse}} {
		s.entries[at] = &entry{key: seal.NewKey(), made: r.micros()}
	}
	fresh, err := newRingKey(ctx, s, o.KMS)
	if err != nil {
		r.Close()
		return nil, err
	}
	s.move(fresh)
	if err := r.publish(s); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// OpenRing opens the keyring in the folder of o. Faults: Denied for a wrong root
// or loose permissions, Conflict if another process holds it or it belongs to
// another environment, NotFound if there is none, Unavailable if the root cannot
// be asked.
func OpenRing(ctx context.Context, o RingOptions) (*Ring, error) {
	r, err := newRing(o)
	if err != nil {
		return nil, err
	}
	s, err := r.load(ctx, o)
	if err != nil {
		r.Close()
		return nil, err
	}
	r.now.Store(s)
	return r, nil
}

func (r *Ring) load(ctx context.Context, o RingOptions) (*state, error) {
	b, err := r.folder.read()
	if err != nil {
		return nil, err
	}
	f, err := decodeRing(b)
	if err != nil {
		return nil, err
	}
	if f.Environment != o.Environment {
		return nil, strongroom.Faultf(strongroom.Conflict, "environment", "the keyring belongs to the other environment").
			Advise("production and test never share keys; point at the key folder of this environment")
	}
	return f.open(ctx, o.KMS)
}

func newRing(o RingOptions) (*Ring, error) {
	if o.KMS == nil || o.Dir == "" {
		panic("keys: a ring needs a folder and a root")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		return nil, err
	}
	d, err := openFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	r := &Ring{clock: o.Clock, folder: d, kms: o.KMS}
	if r.clock == nil {
		r.clock = new(strongroom.Clock)
	}
	return r, nil
}

// Close wipes the keys in memory and lets go of the folder. No other call may
// follow or be under way.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.now.Swap(nil); s != nil {
		s.ringKey.Zero()
		for _, e := range s.entries {
			e.key.Zero()
		}
	}
	return r.folder.close()
}

func (r *Ring) micros() int64 { return r.clock.Now().UnixMicro() }

// Environment returns the environment the keyring serves.
func (r *Ring) Environment() strongroom.Environment { return r.now.Load().env }

// ID returns the keyring's id, which stays for life.
func (r *Ring) ID() string { return r.now.Load().id }

// Root describes the root key the ring lies under.
func (r *Ring) Root() Description { return r.now.Load().root }

// change applies fn to a copy of the state, makes it durable and only then lets
// it be seen. New keys go under the ring key in memory, so a change that only
// adds asks no root and crosses no network. An error leaves the state as it was.
func (r *Ring) change(fn func(s *state) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.now.Load().clone()
	if err := fn(s); err != nil {
		return err
	}
	return r.publish(s)
}

// destroy applies fn, which removes keys, and moves all that is left under a
// fresh ring key, so that the old ring key opens nothing that is still in use.
// In memory a removed key goes when its last user lets go of it.
func (r *Ring) destroy(ctx context.Context, fn func(s *state) error) error {
	r.roots.Lock()
	defer r.roots.Unlock()
	fresh, err := newRingKey(ctx, r.now.Load(), r.kms)
	if err != nil {
		return err
	}
	return r.change(func(s *state) error {
		s.move(fresh)
		return fn(s)
	})
}

// ringKey is a ring key and its wrap under a root.
type ringKey struct {
	key     seal.Key
	wrapped []byte
	root    Description
}

// newRingKey makes a ring key and has the root wrap it.
func newRingKey(ctx context.Context, s *state, kms KMS) (ringKey, error) {
	k := ringKey{key: seal.NewKey(), root: kms.Describe()}
	raw := k.key.Expose(nil)
	defer clear(raw)
	var err error
	k.wrapped, err = kms.Wrap(ctx, ringKeyAD(s.env, s.id), raw)
	return k, err
}

// move puts s under another ring key: publish wraps every key anew.
func (s *state) move(k ringKey) {
	s.ringKey, s.wrapped, s.root = k.key, k.wrapped, k.root
	for at, e := range s.entries {
		s.entries[at] = &entry{key: e.key, made: e.made}
	}
}

// publish writes s and then shows it.
func (r *Ring) publish(s *state) error {
	for at, e := range s.entries {
		if e.wrap == nil {
			e.wrap = s.ringKey.Wrap(s.entryAD(at, e.made), e.key)
		}
	}
	s.serial++
	b, err := s.encode()
	if err != nil {
		return unavailable("cannot encode the keyring", err)
	}
	if err := r.folder.replace(b); err != nil {
		return err
	}
	r.now.Store(s)
	return nil
}

// Rewrap moves the keyring under another root: after it the old root opens
// nothing. A crash at any moment leaves a keyring that opens with exactly one of
// the two roots, and calling Rewrap again finishes the work. The caller has
// decided and recorded that it may be done; see Keys.RotateRoot.
func (r *Ring) Rewrap(ctx context.Context, next KMS) error {
	r.roots.Lock()
	defer r.roots.Unlock()
	now := r.now.Load()
	fresh, err := newRingKey(ctx, now, next)
	if err != nil {
		return err
	}
	// A root that wraps and cannot unwrap would be found out only at the next
	// start, when nothing can be done about it any more.
	raw, err := next.Unwrap(ctx, ringKeyAD(now.env, now.id), fresh.wrapped)
	clear(raw)
	if err != nil {
		return err
	}
	if err := r.change(func(s *state) error { s.move(fresh); return nil }); err != nil {
		return err
	}
	r.kms = next
	return nil
}

// LogSigner returns the key that signs checkpoints, under the given origin.
func (r *Ring) LogSigner(origin string) (*tlog.Signer, error) {
	seed := r.now.Load().entries[slot{use: logSignUse}].key.Expose(nil)
	defer clear(seed)
	key := ed25519.NewKeyFromSeed(seed)
	defer clear(key)
	return tlog.NewSigner(origin, key)
}

// InstanceKey returns a key for what belongs to the instance and to no store,
// derived for the purpose that label names.
func (r *Ring) InstanceKey(label string) seal.Key {
	return r.now.Load().entries[slot{use: instanceUse}].derive(label)
}

// derive returns the key for label, made once and kept, so that what the key
// caches inside is kept too.
func (e *entry) derive(label string) seal.Key {
	if k, ok := e.derived.Load(label); ok {
		return k.(seal.Key)
	}
	k, _ := e.derived.LoadOrStore(label, e.key.Derive("strongroom/ring-derived/1", []byte(label)))
	return k.(seal.Key)
}

// LogKey returns the key of the current calendar month that hashes references
// and sources for the log. A new month makes a new key.
func (r *Ring) LogKey() (seal.Key, error) {
	return r.monthly(slot{use: logMACUse, period: periodOf(r.clock.Now())})
}

// LogKeyOf returns the log key of a past month, to look for a known reference
// in that month's events. NotFound if there is none.
func (r *Ring) LogKeyOf(month string) (seal.Key, error) {
	p, err := parsePeriod(month)
	if err != nil {
		return seal.Key{}, err
	}
	if e := r.now.Load().entries[slot{use: logMACUse, period: p}]; e != nil {
		return e.key, nil
	}
	return seal.Key{}, strongroom.Faultf(strongroom.NotFound, "period", "there is no log key of that month")
}

// monthly returns the key at a slot and makes it if it is missing.
func (r *Ring) monthly(at slot) (seal.Key, error) {
	if e := r.now.Load().entries[at]; e != nil {
		return e.key, nil
	}
	var key seal.Key
	err := r.change(func(s *state) error {
		if s.entries[at] == nil { // another caller may have made it meanwhile
			s.entries[at] = &entry{key: seal.NewKey(), made: r.micros()}
		}
		key = s.entries[at].key
		return nil
	})
	if err != nil {
		return seal.Key{}, err
	}
	return key, nil
}
