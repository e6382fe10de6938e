package identity

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Limits of an account.
const (
	maxStores   = 1000
	maxNetworks = 64
	// MaxOverlap is how long the old secret of a rotated key may stay good.
	MaxOverlap = 7 * 24 * time.Hour
	// DefaultLife is how long a key lives that is made without an expiry, and at most
	// unless [Options.MaxLife] says otherwise; ours, no text asks for a number.
	DefaultLife = 365 * 24 * time.Hour
)

// Roles returns the roles a key may carry: those of the policies, without the
// roles of the product itself and of the OS user on the spot.
func Roles() []string {
	return slices.DeleteFunc(authz.Roles(), func(r string) bool { return r == authz.SystemRole || r == authz.Maintenance })
}

// KeySpec says what a new key is for.
type KeySpec struct {
	// Label tells keys apart for people. It is a name of the caller's choice: its
	// grammar is checked, personal data in it is refused, and it is sealed.
	Label     string
	Roles     []string // at least one of [Roles]
	Stores    []string // the ids of the stores it may touch
	AllStores bool     // lifts the limit; then Stores must be empty
	// Expires is when it ends; zero means [DefaultLife] from now, or the longest life
	// there is where that is shorter.
	Expires time.Time
	// Networks limits where it may be used from; none means anywhere.
	Networks []netip.Prefix

	// Owner is the person who answers for it, Purpose what it is there for (a name,
	// sealed) and RotateEvery how long a secret of it is used at most. They come from
	// an approved request ([Identity.AddServiceTx]) or with [Identity.Adopt];
	// [Identity.CreateKey] takes none of them.
	Owner       string
	Purpose     string
	RotateEvery time.Duration
}

// Key is a service account with an API key, without the secret.
type Key struct {
	ID        string // "svc_…", the actor's id in the log
	Label     string
	Roles     []string
	Stores    []string
	AllStores bool
	Networks  []netip.Prefix
	Created   time.Time
	Expires   time.Time
	Revoked   time.Time // zero while it is good
	Used      time.Time // within some seconds; zero if never

	Owner       string        // "usr_…"; empty until somebody adopts it
	Purpose     string        // what it is there for
	RotateEvery time.Duration // how long a secret is used at most; 0 is unbounded
	Case        string        // the request it came by, "req_…"; empty if it was adopted
	Rotated     time.Time     // when its present secret was made
	Suspended   time.Time     // since when it is refused; zero if it is not
	Resumed     time.Time     // when it was last let go on or adopted
	Grace       time.Time     // when it dies unless somebody adopts it; zero if it does not
	// Hands are the persons who made it or took a secret of it, each once. Keys of
	// older releases have none until they are rotated.
	Hands []string
	// Damaged says that the row was changed in the database. ID alone is set then;
	// the key is good for nothing.
	Damaged bool
}

// CreateKey makes a service account and its key. The secret is in the answer and
// nowhere else. Nobody owns it: somebody adopts it within [Unowned], or it dies,
// unless it is a key of tests in a test instance. Faults: Invalid for a bad spec, Denied where who may not give
// these roles or stores, and what [Options.CheckStore] says of a store.
func (i *Identity) CreateKey(ctx context.Context, who strongroom.Actor, spec KeySpec) (Key, Secret, error) {
	err := i.check(spec)
	if err == nil && (spec.Owner != "" || spec.Purpose != "" || spec.RotateEvery != 0) {
		err = strongroom.Faultf(strongroom.Invalid, "owner", "a service with an owner comes from an approved request").
			Advise("ask for it, or adopt the key afterwards")
	}
	if err != nil {
		return Key{}, Secret{}, i.refuse(ctx, who, keyAdd, err)
	}
	secret := newSecret(i.o.Environment)
	k := Key{
		ID: strongroom.NewID("svc"), Label: spec.Label, Roles: spec.Roles, Stores: spec.Stores,
		AllStores: spec.AllStores, Networks: spec.Networks,
	}
	err = i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(keyAdd, resource(k, who), guard.Context{}); err != nil {
			return err
		}
		if err := within(who, k.Stores, k.AllStores); err != nil {
			return err
		}
		if err := i.hand(&tx.Reader, &k, who); err != nil {
			return err
		}
		if err := i.insert(tx, &k, spec.Expires); err != nil {
			return err
		}
		return i.addSecret(tx, k.ID, secret)
	})
	i.forget(k.ID)
	if err != nil {
		return Key{}, Secret{}, err
	}
	return k, secret, nil
}

// insert stores a new account.
func (i *Identity) insert(tx *guard.Tx, k *Key, expires time.Time) (err error) {
	for _, s := range k.Stores {
		if err := i.o.CheckStore(&tx.Reader, s); err != nil {
			return err
		}
	}
	k.Created = tx.Now()
	k.Rotated = k.Created
	if k.Expires, err = i.lifeOf(k.Created, expires); err != nil {
		return err
	}
	sealed, err := i.sealAccount(*k)
	if err != nil {
		return err
	}
	return insertKey(tx, *k, sealed)
}

// lifeOf returns when a key ends that is made at a time and asked for until
// another.
func (i *Identity) lifeOf(created, asked time.Time) (time.Time, error) {
	if asked.IsZero() {
		return created.Add(min(DefaultLife, i.o.MaxLife)), nil
	}
	if !asked.After(created) {
		return asked, strongroom.Faultf(strongroom.Invalid, "expires", "a key must expire later than now")
	}
	if asked.After(created.Add(i.o.MaxLife)) {
		return asked, strongroom.Faultf(strongroom.Invalid, "expires", "a key lives at most %.4g days", i.o.MaxLife.Hours()/24).
			Advise("rotate it before it ends; the configuration's key_max_life says how long")
	}
	return asked, nil
}

// check refuses a spec that no policy could make good.
func (i *Identity) check(s KeySpec) error {
	if err := checkWord("label", s.Label); err != nil {
		return err
	}
	known := Roles()
	if len(s.Roles) == 0 || len(s.Roles) > len(known) {
		return strongroom.Faultf(strongroom.Invalid, "roles", "a key needs one to %d roles", len(known)).Advise("roles are %v", known)
	}
	for _, r := range s.Roles {
		if !slices.Contains(known, r) {
			return strongroom.Faultf(strongroom.Invalid, "roles", "roles must be of %v", known)
		}
		if r == authz.TestEverything && i.o.Environment != strongroom.Test {
			return strongroom.Faultf(strongroom.Invalid, "roles", "the role of tests exists in a test instance only")
		}
	}
	if len(s.Stores) > maxStores || len(s.Networks) > maxNetworks {
		return strongroom.Faultf(strongroom.Invalid, "limits", "a key takes at most %d stores and %d networks", maxStores, maxNetworks)
	}
	if s.AllStores == (len(s.Stores) > 0) {
		return strongroom.Faultf(strongroom.Invalid, "stores", "a key names its stores or is for all stores, one of the two")
	}
	for _, id := range s.Stores {
		if err := checkWord("stores", id); err != nil {
			return err
		}
	}
	for _, n := range s.Networks {
		if !n.IsValid() {
			return strongroom.Faultf(strongroom.Invalid, "networks", "a network must be an address with a prefix length")
		}
	}
	return nil
}

// checkWord refuses what breaks the grammar of names or looks personal.
func checkWord(what, s string) error {
	if err := strongroom.CheckName(what, s); err != nil {
		return err
	}
	if _, found := classify.Has([]byte(s)); found {
		return strongroom.Faultf(strongroom.Invalid, what, "%s looks like personal data", what).Advise("choose another")
	}
	return nil
}

// resource describes an account to the policies. It is the own of the service and
// of the person who owns it.
func resource(k Key, who strongroom.Actor) strongroom.Resource {
	return strongroom.Resource{Type: "Key", ID: k.ID, Attrs: map[string]any{"roles": k.Roles, "own": isOwn(k, who)}}
}

func isOwn(k Key, who strongroom.Actor) bool {
	return who.ID == k.ID || k.Owner != "" && who.Kind == strongroom.PersonActor && who.ID == k.Owner
}

// within refuses stores that who may not touch himself. Policies speak of roles;
// this is the same rule for stores.
func within(who strongroom.Actor, stores []string, all bool) error {
	if who.AllStores {
		return nil
	}
	ok := !all
	for _, s := range stores {
		ok = ok && slices.Contains(who.Stores, s)
	}
	if !ok {
		return strongroom.Faultf(strongroom.Denied, "stores", "a key cannot reach further than who handles it")
	}
	return nil
}

// Keys lists up to limit accounts in order of their ids, those after cursor; who
// is limited to some stores sees the accounts within them. next is empty at the
// end.
func (i *Identity) Keys(ctx context.Context, who strongroom.Actor, cursor string, limit int) (keys []Key, next string, err error) {
	if cursor != "" && !strongroom.IsID("svc", cursor) {
		return nil, "", i.refuse(ctx, who, keyList, strongroom.Faultf(strongroom.Invalid, "cursor", "this is no cursor of ours"))
	}
	if limit <= 0 || limit > 1000 {
		limit = 100
	}
	var rows []keyRow
	var receipt *guard.Receipt
	err = i.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(keyList, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		receipt = v.Receipt()
		var err error
		rows, err = listKeys(&v.Reader, cursor, limit+1)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].id
	}
	for _, r := range rows {
		k, err := i.openAccount(r)
		if err != nil {
			// Somebody changed the row. It must not keep the others out of the list.
			if k, err = i.damaged(ctx, who, r.id, receipt); err != nil {
				return nil, "", err
			}
		}
		if within(who, k.Stores, k.AllStores || k.Damaged) == nil {
			keys = append(keys, k)
		}
	}
	return keys, next, nil
}

// damaged records that a listed account does not open and describes it.
func (i *Identity) damaged(ctx context.Context, who strongroom.Actor, id string, rec *guard.Receipt) (Key, error) {
	index, _ := rec.Index()
	res := strongroom.Resource{Type: "Key", ID: id}
	i.o.Guard.Damage().Saw(id)
	return Key{ID: id, Damaged: true}, i.o.Guard.Failed(ctx, who, keyList, res, "key-sealed", index)
}

// RotateKey gives an account a new secret. The old one stays good for overlap,
// at most [MaxOverlap]; zero ends it at once.
func (i *Identity) RotateKey(ctx context.Context, who strongroom.Actor, id string, overlap time.Duration) (Key, Secret, error) {
	if !strongroom.IsID("svc", id) {
		return Key{}, Secret{}, i.refuse(ctx, who, keyRotate, noKey())
	}
	if overlap < 0 || overlap > MaxOverlap {
		err := strongroom.Faultf(strongroom.Invalid, "overlap", "the overlap lies between 0 and %s", MaxOverlap)
		return Key{}, Secret{}, i.refuse(ctx, who, keyRotate, err)
	}
	secret := newSecret(i.o.Environment)
	var k Key
	err := i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		var err error
		if k, err = i.handle(tx, who, keyRotate, id); err != nil {
			return err
		}
		if !k.Revoked.IsZero() || !k.Expires.After(tx.Now()) {
			return ended()
		}
		if err := i.endSecrets(tx, id, overlap); err != nil {
			return err
		}
		k.Rotated = tx.Now()
		if err := i.hand(&tx.Reader, &k, who); err != nil {
			return err
		}
		if err := i.save(tx, k); err != nil {
			return err
		}
		return i.addSecret(tx, id, secret)
	})
	i.forget(id)
	if err != nil {
		return Key{}, Secret{}, err
	}
	return k, secret, nil
}

// RevokeKey ends an account at once and for good. Revoking it again changes
// nothing.
func (i *Identity) RevokeKey(ctx context.Context, who strongroom.Actor, id string) error {
	if !strongroom.IsID("svc", id) {
		return i.refuse(ctx, who, keyRevoke, noKey())
	}
	err := i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		k, err := i.handle(tx, who, keyRevoke, id)
		if err != nil || !k.Revoked.IsZero() {
			return err
		}
		return revoke(tx, id, db.Micros(tx.Now()))
	})
	i.forget(id)
	return err
}

// handle loads an account and asks whether who may do a to it. An account that
// does not exist is asked about all the same, so that the answer is recorded and
// tells a stranger nothing.
func (i *Identity) handle(tx *guard.Tx, who strongroom.Actor, a strongroom.Action, id string) (Key, error) {
	row, err := loadKey(&tx.Reader, id)
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return Key{}, err
	}
	k := Key{ID: id}
	if err == nil {
		if k, err = i.openAccount(row); err != nil {
			return Key{}, err
		}
	}
	if derr := tx.Allow(a, resource(k, who), guard.Context{}); derr != nil {
		return Key{}, derr
	}
	if err != nil {
		return Key{}, noKey()
	}
	if isOwn(k, who) {
		return k, nil // what its owner may do with it was decided when it was approved
	}
	return k, within(who, k.Stores, k.AllStores)
}

func noKey() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "key", "there is no such key")
}

// refuse records that something was refused before it began. It returns err, or
// the denial of a caller who may not ask for it at all.
func (i *Identity) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, err error) error {
	return i.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, strongroom.Resource{Type: "Instance", ID: "instance"}, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}
