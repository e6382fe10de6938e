package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
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
	"strongroom/internal/intake"
	"strongroom/internal/keys"
	"strongroom/internal/sim"
	"strongroom/internal/vault"
)

// house is everything below an intake, on a real database.
type house struct {
	t       testing.TB
	db      *db.DB
	options db.Options
	guard   *guard.Guard
	keys    *keys.Keys
	vault   *vault.Vault
	clock   *strongroom.Clock
	who     strongroom.Actor // runs syncs and opens nothing
}

func build(t testing.TB, now time.Time) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, clock: new(strongroom.Clock)}
	h.clock.SetOffset(time.Until(now))
	h.who = strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{authz.Operator}, AllStores: true, Door: "socket"}
	schemas := []db.Schema{audit.Schema(), keys.Schema(), vault.Schema(), intake.Schema()}
	h.options = dbtest.Options(t, dbtest.Engine(t), schemas...)
	h.options.Clock = h.clock
	var err error
	h.db, err = db.Open(context.Background(), h.options)
	must(err)
	t.Cleanup(func() { h.db.Close() })
	_, err = h.db.Migrate(context.Background(), schemas)
	must(err)

	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	must(err)
	must(os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	ring, err := keys.CreateRing(context.Background(), keys.RingOptions{Dir: filepath.Join(dir, "keys"), KMS: root, Environment: strongroom.Test, Clock: h.clock})
	must(err)
	t.Cleanup(func() { ring.Close() })
	signer, err := ring.LogSigner("example.test/log")
	must(err)
	log, err := audit.New(h.db, audit.Options{Signer: signer, Clock: h.clock})
	must(err)
	must(log.Start(context.Background()))
	engine, err := authz.New(nil, authz.Options{Environment: strongroom.Test})
	must(err)
	h.guard = guard.New(guard.Options{DB: h.db, Log: log, Policy: func() *authz.Engine { return engine }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.guard.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	h.keys, err = keys.New(ring, h.guard, keys.Options{Ledger: filepath.Join(dir, "ledger"), ReaderGrace: -1})
	must(err)
	t.Cleanup(func() { h.keys.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	must(err)
	h.vault = vault.New(vault.Options{Guard: h.guard, Keys: h.keys, Maps: maps, Environment: strongroom.Test, Clock: h.clock})
	return h
}

// intake returns a new Intake, as after a restart; v is the vault or a stand-in.
func (h *house) intake(v intake.Vault, base string) *intake.Intake {
	return intake.New(intake.Options{Guard: h.guard, Keys: h.keys, Vault: v, Clock: h.clock, BaseURL: base, Retry: quick(nil)})
}

// connect adds the stores of a world and gives their credentials away.
func (h *house) connect(i *intake.Intake, s *sim.Sim) (ids []string) {
	h.t.Helper()
	for _, st := range s.Stores() {
		store, err := h.vault.CreateStore(context.Background(), h.who, vault.StoreSpec{Name: st.Name, Platform: st.Platform})
		if err != nil {
			h.t.Fatal(err)
		}
		err = i.Connect(context.Background(), h.who, store.ID, intake.Connection{Token: intake.NewSecret(st.Token), Version: st.Version})
		if err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, store.ID)
	}
	return ids
}

// orders returns the external ids of a store's live orders, each once.
func (h *house) orders(store string) map[string]bool {
	h.t.Helper()
	out := map[string]bool{}
	for cursor := ""; ; {
		list, next, err := h.vault.Records(context.Background(), h.who, vault.ListQuery{Store: store, Kind: "order", Cursor: cursor, Limit: 200})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, r := range list {
			if out[r.ExternalID] {
				h.t.Errorf("order %s is there twice", r.ExternalID)
			}
			out[r.ExternalID] = true
		}
		if next == "" {
			return out
		}
		cursor = next
	}
}

// compare expects exactly the live orders of the world in the vault.
func (h *house) compare(s *sim.Sim, st sim.StoreInfo, store string) {
	h.t.Helper()
	got, want := h.orders(store), 0
	for n := range st.Orders {
		o := s.Order(st.Name, n)
		if o.Dead {
			if got[o.ID] {
				h.t.Errorf("%s: dead order %s is kept", st.Platform, o.ID)
			}
			continue
		}
		want++
		if !got[o.ID] {
			h.t.Errorf("%s: order %s (%s, created %v) is missing", st.Platform, o.ID, o.State, o.Created)
		}
	}
	if len(got) != want {
		h.t.Errorf("%s: %d orders, want %d", st.Platform, len(got), want)
	}
}

func sync(t *testing.T, i *intake.Intake, who strongroom.Actor, q intake.SyncRequest) intake.Summary {
	t.Helper()
	sum, err := i.Sync(context.Background(), who, q, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestSyncEveryPlatform(t *testing.T) {
	for name, quirks := range map[string]sim.Quirks{"plain": {}, "odd": sim.AllQuirks()} {
		t.Run(name, func(t *testing.T) {
			s := sim.New(sim.Options{Seed: 11, Orders: 250, Dead: 0.5, Quirks: quirks})
			srv := httptest.NewServer(s.Handler())
			defer srv.Close()
			h := build(t, s.Now())
			i := h.intake(h.vault, srv.URL)
			for k, store := range h.connect(i, s) {
				st := s.Stores()[k]
				var told intake.Summary
				sum, err := i.Sync(context.Background(), h.who, intake.SyncRequest{Store: store}, func(p intake.Summary) { told = p })
				if err != nil {
					t.Fatalf("%s: %v", st.Platform, err)
				}
				if sum.Stored < 125 || sum.Refused != 0 || sum.Dead != 0 || told.Stored != sum.Stored || told.Rate() <= 0 {
					t.Errorf("%s: %+v, last told %+v", st.Platform, sum, told)
				}
				h.compare(s, st, store)
			}
		})
	}
}

// TestSyncGoesOn syncs again and again: nothing is stored twice, what changed
// comes.
func TestSyncGoesOn(t *testing.T) {
	s := sim.New(sim.Options{Seed: 12, Orders: 400, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	store, st := h.connect(i, s)[0], s.Stores()[0]
	q := intake.SyncRequest{Store: store, Resources: []string{"orders"}}
	one := sync(t, i, h.who, q)
	if one.Stored != 80 || one.Fetched != 80 {
		t.Errorf("the first sync of an old shop fetches %d and stores %d, want 80", one.Fetched, one.Stored)
	}
	two := sync(t, i, h.who, q)
	if two.Stored != 0 || two.Fetched > 20 {
		t.Errorf("the second sync: %+v", two)
	}
	h.clock.SetOffset(h.clock.Offset() + time.Hour)
	s.Update(st.Name, 399, s.Now().Add(30*time.Minute))
	three := sync(t, h.intake(h.vault, srv.URL), h.who, q)
	if three.Stored != 1 {
		t.Errorf("after one change: %+v", three)
	}
	// Asked to reach back, it fetches the dead and keeps none.
	q.Since = s.Now().AddDate(-4, 0, 0)
	all := sync(t, i, h.who, q)
	if all.Dead != 320 || all.Stored != 0 || all.Fetched != 400 {
		t.Errorf("everything since four years: %+v", all)
	}
	h.compare(s, st, store)
	if err := i.Check(context.Background(), h.who, store); err != nil {
		t.Error(err)
	}
	if sum := sync(t, i, h.who, intake.SyncRequest{Store: store, Resources: []string{"customers"}}); sum.Stored == 0 {
		t.Errorf("customers: %+v", sum)
	}
}

// A sync since a later time than the last one's end reads its own window; what
// lies between is for the next sync.
func TestSinceLeavesNoGap(t *testing.T) {
	s := sim.New(sim.Options{Seed: 12, Orders: 100, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	store, st := h.connect(i, s)[0], s.Stores()[0]
	q := intake.SyncRequest{Store: store, Resources: []string{"orders"}}
	sync(t, i, h.who, q)
	h.clock.SetOffset(h.clock.Offset() + 5*time.Hour)
	s.Update(st.Name, 99, s.Now().Add(2*time.Hour))
	late := q
	late.Since = s.Now().Add(4 * time.Hour)
	if sum := sync(t, i, h.who, late); sum.Fetched != 0 {
		t.Errorf("the window since four hours: %+v", sum)
	}
	if sum := sync(t, i, h.who, q); sum.Stored != 1 {
		t.Errorf("the change between the two windows is lost: %+v", sum)
	}
}

// crashing is a vault whose process dies at its n-th call: before the call, or
// after it is durable and before the answer.
type crashing struct {
	*vault.Vault
	calls, at int
	after     bool
	die       func()
}

func (c *crashing) IngestMany(ctx context.Context, who strongroom.Actor, ins []vault.In) ([]vault.Outcome, error) {
	c.calls++
	if c.calls == c.at && !c.after {
		c.die()
		return nil, context.Canceled
	}
	out, err := c.Vault.IngestMany(ctx, who, ins)
	if c.calls == c.at {
		c.die()
		return nil, context.Canceled
	}
	return out, err
}

func TestCrashInTheMiddle(t *testing.T) {
	s := sim.New(sim.Options{Seed: 13, Orders: 300, Dead: -1, Stores: sim.DefaultStores()[:1]})
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		s.Handler().ServeHTTP(w, r)
	}))
	defer srv.Close()
	for at := 1; at <= 4; at++ {
		for _, after := range []bool{false, true} {
			h := build(t, s.Now())
			ctx, die := context.WithCancel(context.Background())
			c := &crashing{Vault: h.vault, at: at, after: after, die: die}
			i := h.intake(c, srv.URL)
			store := h.connect(i, s)[0]
			q := intake.SyncRequest{Store: store, Limit: 25, Resources: []string{"orders"}}
			requests.Store(0)
			if _, err := i.Sync(ctx, h.who, q, nil); err == nil {
				if c.calls < at {
					continue // the pages came in fewer calls
				}
				t.Fatalf("at %d the sync survives", at)
			}
			kept := int64(len(h.orders(store)))
			requests.Store(0)
			sum := sync(t, h.intake(h.vault, srv.URL), h.who, q)
			if sum.Stored+kept != 300 {
				t.Errorf("at %d, after %v: %d kept and %d more", at, after, kept, sum.Stored)
			}
			if n := requests.Load(); at > 1 && n >= 14 {
				t.Errorf("at %d, after %v: the second run makes %d requests, as if from the beginning", at, after, n)
			}
			h.compare(s, s.Stores()[0], store)
			die()
		}
	}
}

// TestCredentialIsSealed looks for the token and the cursor in the bytes of the
// database.
func TestCredentialIsSealed(t *testing.T) {
	if dbtest.Engine(t) != db.SQLite {
		return // the file is looked at; the rows are the same
	}
	s := sim.New(sim.Options{Seed: 14, Orders: 200, Dead: -1, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	ctx, die := context.WithCancel(context.Background())
	defer die()
	i := h.intake(&crashing{Vault: h.vault, at: 2, die: die}, srv.URL)
	store := h.connect(i, s)[0]
	_, _ = i.Sync(ctx, h.who, intake.SyncRequest{Store: store}, nil)
	token := s.Stores()[0].Token
	for _, name := range []string{h.options.Path, h.options.Path + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{token, token[:40], "updatedAt", "limit=50", "eyJ"} {
			if bytes.Contains(raw, []byte(what)) {
				t.Errorf("%q lies in clear in the database", what)
			}
		}
		if name == h.options.Path+"-wal" && !bytes.Contains(raw, []byte(store)) {
			t.Error("the check does not find what lies there in clear")
		}
	}
}

func TestRefusals(t *testing.T) {
	s := sim.New(sim.Options{Seed: 15, Orders: 30, Stores: sim.DefaultStores()[:1]})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	h := build(t, s.Now())
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, s)[0]
	other, err := h.vault.CreateStore(context.Background(), h.who, vault.StoreSpec{Name: "other", Platform: "wix"})
	if err != nil {
		t.Fatal(err)
	}
	run := func(who strongroom.Actor, q intake.SyncRequest) error {
		_, err := i.Sync(context.Background(), who, q, nil)
		return err
	}
	want := func(what string, err error, kind strongroom.Kind) {
		t.Helper()
		if !strongroom.IsKind(err, kind) {
			t.Errorf("%s: %v, want %v", what, err, kind)
		}
	}
	want("a store without credential", run(h.who, intake.SyncRequest{Store: other.ID}), strongroom.Conflict)
	want("an unknown resource", run(h.who, intake.SyncRequest{Store: store, Resources: []string{"products"}}), strongroom.Invalid)
	auditor := h.who
	auditor.Roles = []string{authz.Auditor}
	want("an auditor", run(auditor, intake.SyncRequest{Store: store}), strongroom.Denied)
	want("an auditor's credential", i.Connect(context.Background(), auditor, store, intake.Connection{Token: intake.NewSecret("x")}), strongroom.Denied)
	want("no token", i.Connect(context.Background(), h.who, store, intake.Connection{}), strongroom.Invalid)
	want("plain http", i.Connect(context.Background(), h.who, store, intake.Connection{Token: intake.NewSecret("x"), Base: "http://shop.example.com"}), strongroom.Invalid)
	want("an unknown store", i.Connect(context.Background(), h.who, strongroom.NewID("str"), intake.Connection{Token: intake.NewSecret("x")}), strongroom.NotFound)
	if err := i.Connect(context.Background(), h.who, store, intake.Connection{Token: intake.NewSecret("wrong")}); err != nil {
		t.Fatal(err)
	}
	want("a wrong token", run(h.who, intake.SyncRequest{Store: store}), strongroom.Denied)
	err = h.guard.Do(context.Background(), h.who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(intake.ActionSync, strongroom.Resource{Type: "Store", ID: store, Store: store}, guard.Context{}); err != nil {
			return err
		}
		return i.ForgetTx(tx, store)
	})
	if err != nil {
		t.Fatal(err)
	}
	want("a forgotten store", run(h.who, intake.SyncRequest{Store: store}), strongroom.Conflict)
}

// page serves one list of given objects and a count that falls with each call.
func shop(counts *atomic.Int64, pages ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/orders/count" {
			fmt.Fprintf(w, `{"success":true,"count":"%d"}`, counts.Add(-1))
			return
		}
		n := 0
		fmt.Sscan(r.URL.Query().Get("page"), &n)
		next := "null"
		if n+1 < len(pages) {
			next = fmt.Sprintf(`"?page=%d"`, n+1)
		}
		fmt.Fprintf(w, `{"success":true,"orders":[%s],"page":{"next":%s}}`, pages[n], next)
	})
}

func object(id int, at time.Time) string {
	return fmt.Sprintf(`{"id":"%d","number":"%[1]d","email":"a%[1]d@example.com","dates":{"createdAt":"%[2]s","updatedAt":"%[2]s"}}`, id, at.Format(time.RFC3339))
}

// TestOneBadObject: what is no record is counted, the others are taken in.
func TestOneBadObject(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var counts atomic.Int64
	counts.Store(4)
	srv := httptest.NewServer(shop(&counts, object(1, now)+`,{"id":"2","number":"\ud800","email":tru},`+object(3, now)))
	defer srv.Close()
	h := build(t, now)
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, sim.New(sim.Options{Stores: sim.DefaultStores()[:1]}))[0]
	if sum := sync(t, i, h.who, intake.SyncRequest{Store: store}); sum.Stored != 2 || sum.Refused != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestDamagedRow: an object whose record somebody changed fails alone, and the
// summary says so.
func TestDamagedRow(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var counts atomic.Int64
	counts.Store(3)
	srv := httptest.NewServer(shop(&counts, object(1, now)+","+object(2, now)+","+object(3, now)))
	defer srv.Close()
	h := build(t, now)
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, sim.New(sim.Options{Stores: sim.DefaultStores()[:1]}))[0]
	if sum := sync(t, i, h.who, intake.SyncRequest{Store: store}); sum.Stored != 3 || sum.Damaged != 0 {
		t.Fatalf("%+v", sum)
	}
	err := h.db.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("update vault_record set body = leaves where id = (select min(id) from vault_record)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum := sync(t, i, h.who, intake.SyncRequest{Store: store}); sum.Unchanged != 2 || sum.Damaged != 1 || sum.Refused != 0 {
		t.Errorf("%+v", sum)
	}
}

// TestShrinkingList reads a window again whose count fell meanwhile, and stops
// after a while.
func TestShrinkingList(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var counts atomic.Int64
	counts.Store(500)
	srv := httptest.NewServer(shop(&counts, object(1, now), object(2, now)))
	defer srv.Close()
	h := build(t, now)
	i := h.intake(h.vault, srv.URL)
	store := h.connect(i, sim.New(sim.Options{Stores: sim.DefaultStores()[:1]}))[0]
	if sum := sync(t, i, h.who, intake.SyncRequest{Store: store}); sum.Stored != 2 || sum.Pages != 6 {
		t.Errorf("%+v, want six pages: the list three times", sum)
	}
}
