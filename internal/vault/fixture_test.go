package vault_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/lifecycle"
	"strongroom/internal/vault"
)

// fixture is a vault over a real database, log, guard and keyring.
type fixture struct {
	*vault.Vault
	t     testing.TB
	db    *db.DB
	log   *audit.Log
	guard *guard.Guard
	keys  *keys.Keys
	ring  *keys.Ring
	opt   vault.Options
	clock *strongroom.Clock
	who   strongroom.Actor // may do everything: this is a test instance
	store string
	dir   string
}

// asOf is when the payloads of testdata were written.
func asOf() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

type setup struct {
	at      time.Time
	budgets vault.Budgets
	cases   vault.Cases
	engine  db.Engine
}

func open(t testing.TB) *fixture { return openWith(t, setup{}) }

func openWith(t testing.TB, s setup) *fixture {
	t.Helper()
	if s.at.IsZero() {
		s.at = asOf()
	}
	if s.engine == "" {
		s.engine = dbtest.Engine(t)
	}
	f := &fixture{t: t, clock: new(strongroom.Clock), dir: t.TempDir()}
	f.setClock(s.at)
	f.who = strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http",
	}
	f.db = dbtest.Open(t, s.engine, f.clock, audit.Schema(), keys.Schema(), vault.Schema(), lifecycle.Schema())
	f.openKeys()
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	f.must(err)
	f.opt = vault.Options{
		Guard: f.guard, Keys: f.keys, Maps: maps, Environment: strongroom.Test, Clock: f.clock, Budgets: s.budgets, Cases: s.cases,
	}
	f.Vault = vault.New(f.opt)
	f.store = f.addStore("Nopalito Norte")
	return f
}

func (f *fixture) openKeys() {
	f.t.Helper()
	root, err := keys.CreateRootFile(filepath.Join(f.dir, "root"))
	f.must(err)
	dir := filepath.Join(f.dir, "keys")
	f.must(os.Mkdir(dir, 0o700))
	f.ring, err = keys.CreateRing(context.Background(), keys.RingOptions{Dir: dir, KMS: root, Environment: strongroom.Test, Clock: f.clock})
	f.must(err)
	f.t.Cleanup(func() { f.ring.Close() })
	signer, err := f.ring.LogSigner("example.test/log")
	f.must(err)
	f.log, err = audit.New(f.db, audit.Options{Signer: signer, Clock: f.clock})
	f.must(err)
	f.must(f.log.Start(context.Background()))
	engine, err := authz.New(nil, authz.Options{Environment: strongroom.Test})
	f.must(err)
	f.guard = guard.New(guard.Options{DB: f.db, Log: f.log, Policy: func() *authz.Engine { return engine }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.guard.Run(ctx) }()
	f.t.Cleanup(func() { cancel(); <-ended })
	f.keys, err = keys.New(f.ring, f.guard, keys.Options{Ledger: filepath.Join(f.dir, "ledger"), ReaderGrace: -1})
	f.must(err)
	f.t.Cleanup(func() { f.keys.Close() })
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) setClock(at time.Time) { f.clock.SetOffset(time.Until(at)) }

// pass lets the data clock run on.
func (f *fixture) pass(d time.Duration) { f.clock.SetOffset(f.clock.Offset() + d) }

func (f *fixture) addStore(name string) string {
	f.t.Helper()
	s, err := f.CreateStore(context.Background(), f.who, vault.StoreSpec{Name: name, Platform: "shopify"})
	f.must(err)
	return s.ID
}

// in makes an order body ready to be taken in.
func (f *fixture) in(resource, body string) vault.In {
	return vault.In{Store: f.store, Resource: resource, Version: "v2", Platform: "shopify", How: "sync", Body: []byte(body)}
}

func (f *fixture) ingest(resource, body string) *vault.Ingested {
	f.t.Helper()
	out, err := f.Ingest(context.Background(), f.who, f.in(resource, body))
	f.must(err)
	return out
}

func (f *fixture) reveal(record string, fields ...string) (string, error) {
	out, err := f.Reveal(context.Background(), f.who, vault.RevealRequest{
		Store: f.store, Record: record, Purpose: strongroom.Fulfilment, Reference: "order-1047", Fields: fields,
	})
	return string(out.Body), err
}

func (f *fixture) tokens(tokens ...string) []vault.TokenValue {
	f.t.Helper()
	out, err := f.RevealTokens(context.Background(), f.who, vault.TokenRequest{
		Purpose: strongroom.Fulfilment, Reference: "order-1047", Tokens: tokens,
	})
	f.must(err)
	return out
}

func (f *fixture) find(q vault.FindQuery) []vault.Record {
	f.t.Helper()
	list, _, err := f.Find(context.Background(), f.who, q)
	f.must(err)
	return list
}

// sweep lets die what is due, as the product does in the background.
func (f *fixture) sweep() (expired, cleared int) {
	f.t.Helper()
	who := strongroom.System("sweeper")
	for more := true; more; {
		var n int
		var err error
		n, more, err = f.keys.ExpireStep(context.Background(), who, 100)
		f.must(err)
		expired += n
	}
	for more := true; more; {
		var n int
		var err error
		n, more, err = f.ClearStep(context.Background(), who, 100)
		f.must(err)
		cleared += n
	}
	return expired, cleared
}

// events returns the events of an action, oldest first.
func (f *fixture) events(action string) (out []audit.Event) {
	f.t.Helper()
	f.eachEvent(func(e audit.Event) {
		if e.Action.Name == action {
			out = append(out, e)
		}
	})
	return out
}

// eachEvent calls fn with every event, oldest first.
func (f *fixture) eachEvent(fn func(e audit.Event)) {
	f.t.Helper()
	for after := int64(-1); ; {
		es, err := f.log.Events(context.Background(), after, 500)
		f.must(err)
		if len(es) == 0 {
			return
		}
		for _, e := range es {
			after = e.Position
			event, err := e.Event()
			f.must(err)
			fn(event)
		}
	}
}

// exec changes the database behind the product's back.
func (f *fixture) exec(change func(tx *db.Tx) error) {
	f.t.Helper()
	f.must(f.db.Update(context.Background(), change))
}

// want fails unless err is a fault of the kind and code.
func want(t testing.TB, err error, kind strongroom.Kind, code string) {
	t.Helper()
	if !strongroom.IsKind(err, kind) || vault.FaultCode(err) != code {
		t.Fatalf("got %v (%v), want %v with code %q", err, strongroom.KindOf(err), kind, code)
	}
}

// member returns a member of a JSON object by path.
func member(t testing.TB, body []byte, path ...string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no object at %q", p)
		}
		v = m[p]
	}
	return v
}

func text(t testing.TB, body []byte, path ...string) string {
	t.Helper()
	s, ok := member(t, body, path...).(string)
	if !ok {
		t.Fatalf("no string at %v in %s", path, body)
	}
	return s
}

type counts struct{ records, entries, stones, references int64 }

// count counts the rows of the vault.
func (f *fixture) count() (c counts) {
	f.t.Helper()
	f.must(f.db.Read(context.Background(), func(r *db.Reader) error {
		f.must(r.QueryRow("select count(*) from vault_record").Scan(&c.records))
		f.must(r.QueryRow("select count(*) from vault_index").Scan(&c.entries))
		f.must(r.QueryRow("select count(*) from vault_tombstone").Scan(&c.stones))
		return r.QueryRow("select count(*) from vault_reference").Scan(&c.references)
	}))
	return c
}
