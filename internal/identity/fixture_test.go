package identity_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/identity"
	"strongroom/internal/seal"
)

// fixture is an identity over a real database, log and policies.
type fixture struct {
	*identity.Identity
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	clock  *strongroom.Clock
	key    seal.Key

	mu      sync.Mutex
	refused []string
	owners  map[string]identity.Ownership // those not named are active
	other   bool                          // another owner could sign in
}

func fresh(t testing.TB, env strongroom.Environment) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), key: seal.NewKey()}
	f.ground = guardtest.Open(t, f.clock, identity.Schema())
	f.db, f.log = f.ground.DB, f.ground.Log
	f.guard = f.ground.Start(t, env, guard.Options{})
	f.Identity = f.another(env)
	return f
}

// another returns a second identity over the same database, as another process
// would have.
func (f *fixture) another(env strongroom.Environment) *identity.Identity {
	return identity.New(identity.Options{
		Guard: f.guard, Environment: env, Key: f.key, Clock: f.clock, Recheck: 200 * time.Millisecond,
		Local: map[uint32][]string{1000: {"operator"}}, Owner: f.owner,
		OtherOwner: func(*db.Reader, string, time.Time) (bool, error) { return f.other, nil },
		Refused: func(_ context.Context, _ netip.Addr, code string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.refused = append(f.refused, code)
		},
	})
}

func (f *fixture) owner(_ *db.Reader, person string, _ time.Time) (identity.Ownership, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok := f.owners[person]; ok {
		return o, nil
	}
	return identity.OwnerActive, nil
}

func (f *fixture) stand(person string, o identity.Ownership) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.owners == nil {
		f.owners = map[string]identity.Ownership{}
	}
	f.owners[person] = o
}

func actor(roles ...string) strongroom.Actor { return guardtest.Person("", time.Now(), roles...) }

// make makes a key for an application at all stores.
func (f *fixture) make(t testing.TB, change func(*identity.KeySpec)) (identity.Key, string) {
	t.Helper()
	spec := identity.KeySpec{Label: "shipping", Roles: []string{"application"}, AllStores: true}
	if change != nil {
		change(&spec)
	}
	k, s, err := f.CreateKey(t.Context(), actor("owner"), spec)
	if err != nil {
		t.Fatal(err)
	}
	return k, s.Reveal()
}

// events returns the log, decoded.
func (f *fixture) events(t testing.TB) []audit.Event {
	t.Helper()
	return f.ground.Events(t)
}

const (
	dumpKeys     = "select id, sealed from identity_key order by id"
	dumpSecrets  = "select id || account, digest from identity_secret order by id"
	dumpReceipts = "select resource, name from identity_receipt order by name"
	swapAccount  = "update identity_secret set account = $2 where account = $1"
	laterKey     = "update identity_key set expires_at = expires_at + 1 where id = $1"
	laterSecret  = "update identity_secret set expires_at = expires_at + 1 where account = $1"
)

// disk returns every byte at rest: the files on SQLite, and on both engines the
// rows. The log is in it.
func (f *fixture) disk(t testing.TB) []byte {
	t.Helper()
	return f.ground.Disk(t, func(r *db.Reader, put func(*db.Rows, error)) {
		put(r.Query(dumpKeys))
		put(r.Query(dumpSecrets))
		put(r.Query(dumpReceipts))
	})
}
