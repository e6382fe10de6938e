package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/seal"
	"strongroom/internal/tlog"
)

// fixture is an identity over a real database, log and policies.
type fixture struct {
	*identity.Identity
	db    *db.DB
	dir   string // of the database's files; empty on PostgreSQL
	log   *audit.Log
	guard *guard.Guard
	clock *strongroom.Clock
	key   seal.Key

	mu      sync.Mutex
	refused []string
	owners  map[string]identity.Ownership // those not named are active
}

func fresh(t testing.TB, env strongroom.Environment) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), key: seal.NewKey()}
	o := dbtest.Options(t, dbtest.Engine(t), audit.Schema(), identity.Schema())
	o.Clock = f.clock
	if o.Path != "" {
		f.dir = filepath.Dir(o.Path)
	}
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f.db = d
	if _, err := d.Migrate(context.Background(), []db.Schema{audit.Schema(), identity.Schema()}); err != nil {
		t.Fatal(err)
	}
	signer, err := tlog.NewSigner("strongroom.test/log", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	if f.log, err = audit.New(d, audit.Options{Signer: signer}); err != nil {
		t.Fatal(err)
	}
	if err := f.log.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	engine, err := authz.New(nil, authz.Options{Environment: env})
	if err != nil {
		t.Fatal(err)
	}
	f.guard = guard.New(guard.Options{DB: d, Log: f.log, Policy: func() *authz.Engine { return engine }})
	f.Identity = f.another(env)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.guard.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("guard: %v", err)
		}
	})
	return f
}

// another returns a second identity over the same database, as another process
// would have.
func (f *fixture) another(env strongroom.Environment) *identity.Identity {
	return identity.New(identity.Options{
		Guard: f.guard, Environment: env, Key: f.key, Clock: f.clock, Recheck: 200 * time.Millisecond,
		Local: map[uint32][]string{1000: {"operator"}}, Owner: f.owner,
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

func actor(roles ...string) strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: roles, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Verified: time.Now()}}
}

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
	entries, err := f.log.Events(context.Background(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]audit.Event, len(entries))
	for i, e := range entries {
		if out[i], err = e.Event(); err != nil {
			t.Fatal(err)
		}
	}
	return out
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
	var all bytes.Buffer
	dump := func(rows *db.Rows, err error) {
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var a string
			var b []byte
			if err := rows.Scan(&a, &b); err != nil {
				t.Fatal(err)
			}
			all.WriteString(a)
			all.Write(b)
		}
	}
	if err := f.db.Read(context.Background(), func(r *db.Reader) error {
		dump(r.Query(dumpKeys))
		dump(r.Query(dumpSecrets))
		dump(r.Query(dumpReceipts))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if f.dir != "" {
		if err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := f.log.Events(context.Background(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all.Write(e.Leaf)
	}
	return all.Bytes()
}
