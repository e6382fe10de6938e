package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// entry is a key that was good when it was last looked at.
type entry struct {
	actor    strongroom.Actor
	networks []netip.Prefix
	ends     time.Time    // data clock: the earlier of account's and secret's expiry
	loaded   time.Time    // real time
	used     atomic.Int64 // microseconds; 0 since the last stamp
	looking  atomic.Bool  // somebody is looking again
}

// Authenticate returns the actor whose API key bearer is. source is the
// caller's address, invalid over a Unix socket: a key limited to networks is of no
// use there. The fault is Unauthenticated for whoever is not known, whatever the
// reason; its code tells the holder of a key more than a guesser can use.
func (i *Identity) Authenticate(ctx context.Context, bearer string, source netip.Addr) (strongroom.Actor, error) {
	a, err := i.authenticate(ctx, bearer, source)
	if err != nil && strongroom.IsKind(err, strongroom.Unauthenticated) {
		i.refused(ctx, source, err)
	}
	return a, err
}

func (i *Identity) authenticate(ctx context.Context, bearer string, source netip.Addr) (strongroom.Actor, error) {
	if err := checkForm(bearer, i.o.Environment); err != nil {
		return strongroom.Actor{}, err
	}
	return i.recall(sha256.Sum256([]byte(bearer)), source, func() (*entry, error) { return i.load(ctx, bearer) })
}

// Service returns the actor of a service that has proved itself by something else
// than a key: a signed workload token, a certificate. What holds for keys holds for
// it: networks, end, suspension. The fault is Unauthenticated for one that is not
// good.
func (i *Identity) Service(ctx context.Context, id string, source netip.Addr) (strongroom.Actor, error) {
	a, err := i.recall(sha256.Sum256([]byte("service "+id)), source, func() (*entry, error) { return i.loadService(ctx, id) })
	if err != nil && strongroom.IsKind(err, strongroom.Unauthenticated) {
		i.refused(ctx, source, err)
	}
	return a, err
}

func (i *Identity) loadService(ctx context.Context, id string) (*entry, error) {
	if !strongroom.IsID("svc", id) {
		return nil, unknown()
	}
	seen := i.o.Guard.Turn()
	var r keyRow
	err := i.o.Guard.Look(ctx, guard.LookUp, func(q *db.Reader) (err error) {
		r, err = loadKey(q, id)
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, unknown()
	}
	if err != nil {
		return nil, err
	}
	k, err := i.openAccount(r)
	if err != nil || !k.Revoked.IsZero() {
		return nil, unknown()
	}
	return i.entry(k, seen)
}

// recall returns the actor remembered under h, or looks it up.
func (i *Identity) recall(h [32]byte, source netip.Addr, load func() (*entry, error)) (strongroom.Actor, error) {
	i.mu.RLock()
	e, turn := i.known[h], i.turn
	miss := i.strangers.has(h, i.real.Now().Add(-i.o.Recheck))
	i.mu.RUnlock()
	if miss {
		return strongroom.Actor{}, unknown()
	}
	if !i.trusted(e) {
		fresh, err := load()
		i.keep(h, fresh, turn, strongroom.IsKind(err, strongroom.Unauthenticated))
		if err != nil {
			return strongroom.Actor{}, err
		}
		e = fresh
	}
	at := i.o.Clock.Now()
	if !at.Before(e.ends) {
		return strongroom.Actor{}, strongroom.Faultf(strongroom.Unauthenticated, "key-expired", "the key has expired").Advise("make or rotate one")
	}
	if len(e.networks) > 0 && !slices.ContainsFunc(e.networks, func(p netip.Prefix) bool { return p.Contains(source) }) {
		return strongroom.Actor{}, strongroom.Faultf(strongroom.Unauthenticated, "key-network", "the key may not be used from there")
	}
	e.used.Store(db.Micros(at))
	return e.actor, nil
}

// trusted reports whether e may be used without looking again. Past half of its
// time one caller is sent to look while the others go on, so that a busy key is
// never a queue.
func (i *Identity) trusted(e *entry) bool {
	if e == nil {
		return false
	}
	if i.o.Guard.Current(e.actor) != nil {
		return false
	}
	age := i.real.Now().Sub(e.loaded)
	return age <= i.o.Recheck/2 || age <= i.o.Recheck && !e.looking.CompareAndSwap(false, true)
}

// keep remembers e under h, or nothing if e is nil, unless keys were made or
// revoked in between: then what was read may be older. A stranger is a key that is
// not known.
func (i *Identity) keep(h [32]byte, e *entry, turn uint64, stranger bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := i.known[h]
	switch {
	case e == nil:
		delete(i.known, h)
		if stranger && turn == i.turn {
			i.strangers.add(h, i.real.Now())
		}
	case turn == i.turn:
		if old != nil {
			e.used.CompareAndSwap(0, old.used.Load())
		}
		i.known[h] = e
	}
}

// forget drops all that is remembered of an account, and of keys that are not
// known: one of them may be good now. It runs after the commit that changed the
// account and before the caller hears of it.
func (i *Identity) forget(account string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.turn++
	i.strangers = strangers{}
	for k, e := range i.known {
		if e.actor.ID == account {
			delete(i.known, k)
		}
	}
}

// load looks a key up. A bad digest, a proof that does not fit and an account
// that does not open all mean: not known.
func (i *Identity) load(ctx context.Context, bearer string) (*entry, error) {
	digest := i.digest(bearer)
	seen := i.o.Guard.Turn()
	var s secretRow
	var r keyRow
	err := i.o.Guard.Look(ctx, guard.LookUp, func(q *db.Reader) error {
		var err error
		if s, err = loadSecret(q, digest[:]); err != nil {
			return err
		}
		r, err = loadKey(q, s.account)
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, unknown()
	}
	if err != nil {
		return nil, err
	}
	proof := i.proof(digest[:], s.id, s.account, s.expires)
	k, err := i.openAccount(r)
	if err != nil || subtle.ConstantTimeCompare(proof[:], s.proof) != 1 {
		i.o.Guard.Damage().Saw(s.account) // its digest is known: somebody changed the rest
		return nil, unknown()
	}
	if !k.Revoked.IsZero() {
		return nil, unknown()
	}
	e, err := i.entry(k, seen)
	if err != nil {
		return nil, err
	}
	e.actor.Session = s.id
	if s.expires > 0 && db.Time(s.expires).Before(e.ends) {
		e.ends = db.Time(s.expires)
	}
	return e, nil
}

// entry describes an account that is good, unless it is suspended, as it was looked
// up from a turn of the guard on.
func (i *Identity) entry(k Key, seen uint64) (*entry, error) {
	if !k.Suspended.IsZero() {
		return nil, strongroom.Faultf(strongroom.Unauthenticated, "key-suspended", "the key is suspended").
			Advise("have its service resumed")
	}
	e := &entry{networks: k.Networks, ends: k.Expires, loaded: i.real.Now(), actor: strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: k.ID, Roles: k.Roles, Stores: k.Stores, AllStores: k.AllStores, Door: "http",
		Seen: seen,
	}}
	if !k.Grace.IsZero() && k.Grace.Before(e.ends) {
		e.ends = k.Grace
	}
	return e, nil
}

func unknown() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "key-unknown", "the key is not known, or no longer")
}

func (i *Identity) refused(ctx context.Context, source netip.Addr, err error) {
	code := "key-unknown"
	if f, ok := err.(*strongroom.Fault); ok {
		code = f.Code
	}
	i.o.Refused(ctx, source, code)
}

// digest is what is stored of a key.
func (i *Identity) digest(text string) [32]byte { return i.mac.MAC([]byte("api key"), []byte(text)) }

// proof binds a secret's row to its account and its end.
func (i *Identity) proof(digest []byte, id, account string, expires int64) [32]byte {
	var end [8]byte
	binary.BigEndian.PutUint64(end[:], uint64(expires))
	return i.mac.MAC([]byte("secret row"), digest, []byte(id), []byte(account), end[:])
}

// addSecret stores the digest of a new secret of account.
func (i *Identity) addSecret(tx *guard.Tx, account string, s Secret) error {
	digest := i.digest(s.Reveal())
	id := strongroom.NewID("key")
	proof := i.proof(digest[:], id, account, 0)
	return insertSecret(tx, secretRow{digest: digest[:], id: id, account: account, proof: proof[:]})
}

// endSecrets lets the present secret of account end after overlap, and removes
// every other.
func (i *Identity) endSecrets(tx *guard.Tx, account string, overlap time.Duration) error {
	old, err := secretsOf(&tx.Reader, account)
	if err != nil {
		return err
	}
	for _, s := range old {
		if overlap == 0 || s.expires != 0 {
			tx.Ends(s.id)
		}
	}
	if err := deleteSecrets(tx, account); err != nil || overlap == 0 {
		return err
	}
	for _, s := range old {
		if s.expires != 0 {
			continue // already ending: a second rotation ends it now
		}
		s.expires = db.Micros(tx.Now().Add(overlap))
		proof := i.proof(s.digest, s.id, account, s.expires)
		s.proof = proof[:]
		if err := insertSecret(tx, s); err != nil {
			return err
		}
	}
	return nil
}

// LocalActor returns the actor for an OS user at the other end of the Unix
// socket, or Unauthenticated for one that has no roles here.
func (i *Identity) LocalActor(ctx context.Context, uid uint32) (strongroom.Actor, error) {
	rs := i.o.Local[uid]
	if len(rs) == 0 {
		err := strongroom.Faultf(strongroom.Unauthenticated, "os-user", "this OS user has no role here").
			Advise("map it in the configuration, or use a key")
		i.refused(ctx, netip.Addr{}, err)
		return strongroom.Actor{}, err
	}
	return strongroom.Actor{
		Kind: strongroom.PersonActor, ID: "uid:" + strconv.FormatUint(uint64(uid), 10), Roles: rs,
		AllStores: true, Door: "socket",
	}, nil
}

// Actor returns who an account would be in a call now, for explanations. ok is
// false for one that is not there or whose key is refused.
func (i *Identity) Actor(ctx context.Context, id string) (who strongroom.Actor, ok bool, err error) {
	e, err := i.loadService(ctx, id)
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		return who, false, nil
	}
	if err != nil {
		return who, false, err
	}
	return e.actor, i.o.Clock.Now().Before(e.ends), nil
}
