package keys_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

func ingest() strongroom.Action {
	return strongroom.Action{Name: "record.ingest", Class: 6005, Activity: 5}
}

// fixture is a key service over a real database, log and guard.
type fixture struct {
	*keys.Keys
	t       testing.TB
	db      *db.DB
	path    string // of the database on SQLite
	log     *audit.Log
	guard   *guard.Guard
	ring    *keys.Ring
	ringOpt keys.RingOptions
	opt     keys.Options
	clock   *strongroom.Clock
	who     strongroom.Actor
	store   string
}

func open(t testing.TB) *fixture { return openOn(t, dbtest.Engine(t)) }

func openOn(t testing.TB, engine db.Engine) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(strongroom.Clock), who: strongroom.System("sweeper"), store: strongroom.NewID("str")}
	tables := []db.Schema{audit.Schema(), keys.Schema()}
	o := dbtest.Options(t, engine, tables...)
	o.Clock, f.path = f.clock, o.Path
	var err error
	if f.db, err = db.Open(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	if _, err := f.db.Migrate(context.Background(), tables); err != nil {
		t.Fatal(err)
	}
	f.ringOpt = keys.RingOptions{Dir: keyDir(t), KMS: newRoot(t), Environment: strongroom.Test, Clock: f.clock}
	if f.ring, err = keys.CreateRing(context.Background(), f.ringOpt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.ring.Close() })
	signer, err := f.ring.LogSigner("example.test/log")
	if err != nil {
		t.Fatal(err)
	}
	if f.log, err = audit.New(f.db, audit.Options{Signer: signer, Clock: f.clock}); err != nil {
		t.Fatal(err)
	}
	if err := f.log.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	engineOf, err := authz.New(nil, authz.Options{Environment: strongroom.Test})
	if err != nil {
		t.Fatal(err)
	}
	f.guard = guard.New(guard.Options{DB: f.db, Log: f.log, Policy: func() *authz.Engine { return engineOf }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.guard.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	f.opt = keys.Options{Ledger: filepath.Join(t.TempDir(), "ledger"), ReaderGrace: -1}
	f.renew()
	if err := f.EnsureStore(f.store); err != nil {
		t.Fatal(err)
	}
	return f
}

// renew opens the key service anew, as a restarted process would.
func (f *fixture) renew() {
	f.t.Helper()
	if f.Keys != nil {
		f.Keys.Close()
	}
	k, err := keys.New(f.ring, f.guard, f.opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { k.Close() })
	f.Keys = k
}

// do runs fn in a transaction that has been allowed to store records.
func (f *fixture) do(fn func(tx *guard.Tx) error) error {
	return f.guard.Do(context.Background(), f.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(ingest(), strongroom.Resource{Type: "Store", ID: f.store, Store: f.store}, guard.Context{}); err != nil {
			return err
		}
		return fn(tx)
	})
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// put makes and stores the key of a record.
func (f *fixture) put(record uint64, version uint32, eraseBy time.Time) (seal.Key, keys.Wrapped) {
	f.t.Helper()
	key, w, err := f.NewData(f.store, record, version, eraseBy)
	f.must(err)
	ws := []keys.Wrapped{w}
	f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, ws) }))
	return key, ws[0]
}

// fill stores n keys, records 1 to n, with dates one second apart from first.
func (f *fixture) fill(n int, first time.Time) {
	f.t.Helper()
	for from := 1; from <= n; from += 1000 {
		var ws []keys.Wrapped
		for r := from; r < from+1000 && r <= n; r++ {
			_, w, err := f.NewData(f.store, uint64(r), 1, first.Add(time.Duration(r)*time.Second))
			f.must(err)
			ws = append(ws, w)
		}
		f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, ws) }))
	}
}

// load loads and opens the key of a record.
func (f *fixture) load(record uint64) (key seal.Key, err error) {
	var w keys.Wrapped
	err = f.do(func(tx *guard.Tx) error {
		w, err = f.LoadTx(tx, record)
		return err
	})
	if err != nil {
		return key, err
	}
	return f.Open(f.store, w)
}

func (f *fixture) destroy(reason keys.Reason, records ...uint64) (n int, err error) {
	err = f.do(func(tx *guard.Tx) error {
		n, err = f.DestroyTx(tx, records, reason)
		return err
	})
	return n, err
}

// exec changes the database behind the product's back.
func (f *fixture) exec(change func(tx *db.Tx) error) {
	f.t.Helper()
	f.must(f.db.Update(context.Background(), change))
}

// events counts the events of an action.
func (f *fixture) events(action string) (n int) {
	f.t.Helper()
	for after := int64(-1); ; {
		es, err := f.log.Events(context.Background(), after, 500)
		f.must(err)
		if len(es) == 0 {
			return n
		}
		for _, e := range es {
			after = e.Position
			event, err := e.Event()
			f.must(err)
			if event.Action.Name == action {
				n++
			}
		}
	}
}

func (f *fixture) later() time.Time { return f.clock.Now().Add(30 * 24 * time.Hour) }
