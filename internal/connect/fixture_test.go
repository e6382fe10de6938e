package connect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/connect"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/keys"
	"strongroom/internal/sim"
	"strongroom/internal/vault"
)

// house is everything below a Connect, and EcartAPI outside.
type house struct {
	*connect.Connect
	t      testing.TB
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	vault  *vault.Vault
	intake *intake.Intake
	clock  *strongroom.Clock
	real   *strongroom.Clock
	who    strongroom.Actor // an operator in a production instance
	sim    *sim.Sim
	ecart  *httptest.Server
	app    string

	mu     sync.Mutex
	jobs   []string // stores whose access is to be ended
	closed []string
	known  []string // stores with what EcartAPI named them
	asked  []string // what EcartAPI was asked for
	status int      // what EcartAPI answers instead, 0: as it should
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) EndUpstream(_ *guard.Tx, store string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs = append(h.jobs, store)
	return strongroom.NewID("job"), nil
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: new(strongroom.Clock), real: new(strongroom.Clock)}
	h.sim = sim.New(sim.Options{Seed: 7, Orders: 6, Dead: -1, Stores: sim.DefaultStores()[:2]})
	h.ecart = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.Method+" "+r.URL.Path)
		status := h.status
		h.mu.Unlock()
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		h.sim.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(h.ecart.Close)
	h.clock.SetOffset(time.Until(h.sim.Now()))
	h.who = strongroom.Actor{
		Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Operator}, AllStores: true, Door: "socket",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Device: "managed", Verified: time.Now()},
	}
	schemas := []db.Schema{audit.Schema(), keys.Schema(), vault.Schema(), intake.Schema(), connect.Schema()}
	h.db = dbtest.Open(t, dbtest.Engine(t), h.clock, schemas...)
	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	h.must(err)
	h.must(os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	ring, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: filepath.Join(dir, "keys"), KMS: root, Environment: strongroom.Test, Clock: h.clock})
	h.must(err)
	t.Cleanup(func() { ring.Close() })
	signer, err := ring.LogSigner("example.test/log")
	h.must(err)
	h.log, err = audit.New(h.db, audit.Options{Signer: signer, Clock: h.clock})
	h.must(err)
	h.must(h.log.Start(context.Background()))
	engine, err := authz.New(nil, authz.Options{Environment: strongroom.Test})
	h.must(err)
	h.guard = guard.New(guard.Options{DB: h.db, Log: h.log, Policy: func() *authz.Engine { return engine }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.guard.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	ks, err := keys.New(ring, h.guard, keys.Options{Ledger: filepath.Join(dir, "ledger"), ReaderGrace: -1})
	h.must(err)
	t.Cleanup(func() { ks.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	h.must(err)
	h.vault = vault.New(vault.Options{Guard: h.guard, Keys: ks, Maps: maps, Environment: strongroom.Test, Clock: h.clock})
	h.intake = intake.New(intake.Options{
		Guard: h.guard, Keys: ks, Vault: h.vault, Clock: h.clock, BaseURL: h.ecart.URL,
		Retry: intake.Retry{Tries: 1, Sleep: func(context.Context, time.Duration) error { return nil }},
		Lost: func(ctx context.Context, store, cause string) {
			c := connect.Unauthorized
			if cause == intake.LostForbidden {
				c = connect.Forbidden
			}
			_ = h.Lost(ctx, store, c) // the test looks at the store
		},
	})
	h.Connect = connect.New(connect.Options{
		Guard: h.guard, Keys: ks, Vault: h.vault, Intake: h.intake, Clock: h.clock, Environment: strongroom.Test,
		Key: ring.InstanceKey("connect"), Real: h.real, Chores: h, OAuth: h.ecart.URL + "/oauth",
		Known: func(_ *guard.Tx, store, platform, address string) error {
			h.known = append(h.known, store+" "+platform+" "+address)
			return nil
		},
		Closed: func(_ *guard.Tx, store string, cause connect.Cause) error {
			h.closed = append(h.closed, store+" "+cause.String())
			return nil
		},
	})
	app, err := h.AddApp(context.Background(), h.who, connect.AppSpec{Name: "Nopalito Ships", EcartApp: sim.AppID, ClientID: h.sim.ClientID()})
	h.must(err)
	h.app = app.ID
	return h
}

// back is the browser of a shop's owner coming back.
func (h *house) back(store int) (connect.Connected, error) {
	return h.Callback(context.Background(), h.app, h.sim.Callback(h.name(store)).Encode(), "")
}

func (h *house) name(store int) string { return h.sim.Stores()[store].Name }

// sync pulls a store's orders.
func (h *house) sync(store string) error {
	_, err := h.intake.Sync(context.Background(), h.who, intake.SyncRequest{Store: store, Resources: []string{"orders"}}, nil)
	return err
}

// events returns the actions recorded so far with their outcome and code.
func (h *house) events() (out []string) {
	h.t.Helper()
	for after := int64(-1); ; {
		list, err := h.log.Events(context.Background(), after, 500)
		h.must(err)
		if len(list) == 0 {
			return out
		}
		for _, e := range list {
			out = append(out, string(e.Leaf))
			after = e.Position
		}
	}
}

// dump returns what the database files hold; on PostgreSQL, the rows as text.
func (h *house) dump() []byte {
	h.t.Helper()
	var out []byte
	var path string
	if h.db.Engine() == db.SQLite {
		h.must(h.db.Read(context.Background(), func(r *db.Reader) error {
			return r.QueryRow("select file from pragma_database_list where name = 'main'").Scan(&path)
		}))
		for _, name := range []string{path, path + "-wal"} {
			if b, err := os.ReadFile(name); err == nil {
				out = append(out, b...)
			}
		}
		return out
	}
	h.must(h.db.Read(context.Background(), func(r *db.Reader) error {
		read := func(row *db.Row) {
			var s string
			h.must(row.Scan(&s))
			out = append(out, s...)
		}
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from connect_app t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from connect_grant t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from connect_token t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from intake_connection t"))
		read(r.QueryRow("select coalesce(string_agg(t::text, ' '), '') from vault_store t"))
		return nil
	}))
	return out
}

// doJob does the job that [house.EndUpstream] was given.
func (h *house) doJob(store string) error {
	return h.Connect.EndUpstream(context.Background(), store)
}

// raw asks EcartAPI with a token.
func (h *house) raw(path, token string) (body []byte, status int) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, h.ecart.URL+path, nil)
	h.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	h.must(err)
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	h.must(err)
	return body, res.StatusCode
}

// credential uses a store's credential as the mirror does.
func (h *house) credential(store string) (c intake.Connection, err error) {
	err = h.guard.Read(context.Background(), h.who, func(_ context.Context, v *guard.View) (err error) {
		if err := v.Allow(intake.ActionSync, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		c, err = h.intake.CredentialTx(&v.Reader, store)
		return err
	})
	return c, err
}

func pasted(h *house) connect.Pasted { return connect.Pasted{Token: h.sim.Stores()[0].Token} }

// exec changes the database behind the product's back.
func (h *house) exec(fn func(tx *db.Tx) error) {
	h.t.Helper()
	h.must(h.db.Update(context.Background(), fn))
}
