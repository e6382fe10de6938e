package document_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/document"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
)

const order = `{"order":{"id":"7001","createdAt":"2026-11-01T10:00:00Z","email":"ana.lopez@correo.example"}}`

// label is a PDF as carriers make them, with the address in it.
var label = []byte("%PDF-1.4\n(Ana López, Calle Norte 12, Monterrey)\n%%EOF\n")

// house is everything below the documents, on a real database.
type house struct {
	*document.Book
	t       testing.TB
	ground  *guardtest.Ground
	guard   *guard.Guard
	keys    *keys.Keys
	vault   *vault.Vault
	clock   *strongroom.Clock
	store   string
	record  string
	app     strongroom.Actor
	owner   strongroom.Actor
	packer  strongroom.Actor // a person who ships
	another strongroom.Actor
	route   string
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: new(strongroom.Clock), route: strongroom.NewID("rte")}
	h.ground = guardtest.Open(t, h.clock, keys.Schema(), vault.Schema(), document.Schema())
	h.guard = h.ground.Start(t, strongroom.Test, guard.Options{})
	dir := t.TempDir()
	root, err := keys.CreateRootFile(filepath.Join(dir, "root"))
	h.must(err)
	h.must(os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	ring, err := keys.CreateRing(t.Context(), keys.RingOptions{Dir: filepath.Join(dir, "keys"), KMS: root, Environment: strongroom.Test, Clock: h.clock})
	h.must(err)
	t.Cleanup(func() { ring.Close() })
	h.keys, err = keys.New(ring, h.guard, keys.Options{Ledger: filepath.Join(dir, "ledger"), ReaderGrace: -1})
	h.must(err)
	t.Cleanup(func() { h.keys.Close() })
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	h.must(err)
	h.vault = vault.New(vault.Options{Guard: h.guard, Keys: h.keys, Maps: maps, Environment: strongroom.Test, Clock: h.clock,
		Budgets: vault.Budgets{RecordsHour: hourly}})
	h.Book = document.New(document.Options{
		Guard: h.guard, Vault: h.vault, Environment: strongroom.Test, Key: ring.InstanceKey("document"), Clock: h.clock,
		MaySignIn: func(_ *db.Reader, person string, _ time.Time) error {
			if person == h.packer.ID || person == h.another.ID {
				return nil
			}
			return strongroom.Faultf(strongroom.NotFound, "person", "no such person")
		},
	})
	h.owner = guardtest.Person("", h.clock.Now(), authz.Owner)
	h.packer = guardtest.Person("", h.clock.Now(), authz.Application)
	h.another = guardtest.Person("", h.clock.Now(), authz.Application)
	st, err := h.vault.CreateStore(t.Context(), h.owner, vault.StoreSpec{Name: "tienda", Platform: "shopify"})
	h.must(err)
	h.store = st.ID
	for _, p := range []*strongroom.Actor{&h.packer, &h.another} {
		p.Stores = []string{h.store}
	}
	h.app = strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application}, Stores: []string{h.store}, Door: "http"}
	h.record = h.ingest(order)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) ingest(body string) string {
	h.t.Helper()
	out, err := h.vault.Ingest(context.Background(), h.app, vault.In{Store: h.store, Resource: "orders", Version: "v2", Platform: "shopify", How: "api", Body: []byte(body)})
	h.must(err)
	return out.Records[0].ID
}

// advance moves the clock; who was signed in shows factors anew.
func (h *house) advance(d time.Duration) {
	h.clock.SetOffset(h.clock.Offset() + d)
	h.packer.Standing.Verified = time.Now() // when a factor was shown is real time
}

func (h *house) keep() string {
	h.t.Helper()
	id, err := h.Keep(context.Background(), h.app, document.File{Store: h.store, Record: h.record, Route: h.route, Type: "application/pdf", Body: label})
	h.must(err)
	return id
}

// link makes a link for the packer.
func (h *house) link(id string) string {
	h.t.Helper()
	l, err := h.Link(context.Background(), h.app, id, document.For{Person: h.packer.ID, Purpose: strongroom.Fulfilment, Reference: "7001"})
	h.must(err)
	return l.Secret.Reveal()
}

func (h *house) open(who strongroom.Actor, secret string) ([]byte, error) {
	_, body, err := h.Open(context.Background(), who, secret)
	return body, err
}

func codeOf(err error) string {
	f, ok := err.(*strongroom.Fault)
	if !ok {
		return "no fault"
	}
	return f.Code
}

// TestObligation_3_1_5_DocumentsOpenForOnePersonOnce: the application that keeps a file
// gets an id; the person it is linked for opens it once, and nobody else does.
func TestObligation_3_1_5_DocumentsOpenForOnePersonOnce(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	id := h.keep()
	list, next, err := h.List(ctx, h.app, h.store, h.record, "", 0)
	if err != nil || next != "" || len(list) != 1 || list[0].ID != id || list[0].Bytes != int64(len(label)) || list[0].Type != "application/pdf" || list[0].Route != h.route || list[0].Author != h.app.ID {
		t.Fatalf("%+v, %v", list, err)
	}
	secret := h.link(id)
	for name, c := range map[string]struct {
		who    strongroom.Actor
		secret string
	}{
		"another person":  {h.another, secret},
		"the application": {h.app, secret},
		"an unknown link": {h.packer, h.link(id)[:10]},
	} {
		before := h.events()
		if body, err := h.open(c.who, c.secret); err == nil || bytes.Contains(body, []byte("Ana")) {
			t.Errorf("%s: opened", name)
		}
		if h.events() == before {
			t.Errorf("%s: no event", name)
		}
	}
	if body, err := h.open(h.packer, secret); err != nil || !bytes.Equal(body, label) {
		t.Fatalf("%q, %v", body, err)
	}
	if _, err := h.open(h.packer, secret); codeOf(err) != "document-link" {
		t.Errorf("a second time: %v", err)
	}
	late := h.link(id)
	h.advance(document.LinkLife)
	if _, err := h.open(h.packer, late); codeOf(err) != "document-link" {
		t.Errorf("too late: %v", err)
	}
	for name, q := range map[string]document.For{
		"a stranger":   {Person: strongroom.NewID("usr"), Purpose: strongroom.Fulfilment, Reference: "7001"},
		"no purpose":   {Person: h.packer.ID, Reference: "7001"},
		"no reference": {Person: h.packer.ID, Purpose: strongroom.Fulfilment},
		"an address":   {Person: h.packer.ID, Purpose: strongroom.Fulfilment, Reference: "5255-1234-5678-ana"},
	} {
		if _, err := h.Link(ctx, h.app, id, q); err == nil && name != "an address" {
			t.Errorf("%s: linked", name)
		}
	}
}

// TestObligation_3_1_2_DocumentsDieWithTheirRecord: nothing opens a file whose record was
// erased or is past its date, nor while its store is closed; what is left of it goes.
func TestObligation_3_1_2_DocumentsDieWithTheirRecord(t *testing.T) {
	ctx := t.Context()
	for name, end := range map[string]func(h *house){
		"erased": func(h *house) {
			_, err := h.vault.Erase(ctx, guardtest.Person("", time.Now(), authz.Privacy), vault.EraseRequest{Store: h.store, Records: []string{h.record}})
			h.must(err)
		},
		"past its date": func(h *house) { h.advance(400 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			id := h.keep()
			h.ingest(strings.ReplaceAll(order, "7001", "7002")) // lives on, or comes to its own date
			secret := h.link(id)
			h.must(h.keys.Roll(ctx, h.owner, nil))
			end(h)
			if _, err := h.open(h.packer, secret); err == nil {
				t.Error("it opens")
			}
			if _, err := h.Link(ctx, h.app, id, document.For{Person: h.packer.ID, Purpose: strongroom.Fulfilment, Reference: "7001"}); !strongroom.IsKind(err, strongroom.Erased) {
				t.Errorf("linked: %v", err)
			}
			if _, err := h.Keep(ctx, h.app, document.File{Store: h.store, Record: h.record, Route: h.route, Type: "application/pdf", Body: label}); !strongroom.IsKind(err, strongroom.Erased) {
				t.Errorf("kept: %v", err)
			}
			if n, err := h.Tend(ctx); err != nil || n != 1 {
				t.Errorf("%d removed, %v", n, err)
			}
			if n, err := h.Tend(ctx); err != nil || n != 0 {
				t.Errorf("%d removed the second time, %v", n, err)
			}
			if n := h.rows(); n != 0 {
				t.Errorf("%d rows are left", n)
			}
			if list, _, err := h.List(ctx, h.app, h.store, "", "", 0); err != nil || len(list) != 0 {
				t.Errorf("%+v, %v", list, err)
			}
		})
	}
	t.Run("lives", func(t *testing.T) { // the planted negative
		h := open(t)
		secret := h.link(h.keep())
		h.must(h.keys.Roll(ctx, h.owner, nil))
		if out := h.ingest(strings.ReplaceAll(order, "T10", "T11")); out != h.record {
			t.Fatal("another record")
		}
		if n, err := h.Tend(ctx); err != nil || n != 0 {
			t.Errorf("%d removed, %v", n, err)
		}
		if body, err := h.open(h.packer, secret); err != nil || !bytes.Equal(body, label) {
			t.Errorf("after a roll and a new version: %q, %v", body, err)
		}
	})
}

// TestObligation_2_4_8_DocumentsLieSealed: a row that was changed or moved opens nothing,
// and nothing of a file lies in the clear.
func TestObligation_2_4_8_DocumentsLieSealed(t *testing.T) {
	for name, change := range map[string]func(tx *db.Tx) error{
		"its body": func(tx *db.Tx) error {
			_, err := tx.Exec("update document_file set body = (select o.body from document_file o where o.id <> document_file.id)")
			return err
		},
		"its origin": func(tx *db.Tx) error {
			_, err := tx.Exec("update document_file set author = route")
			return err
		},
		"what its link is to": func(tx *db.Tx) error {
			_, err := tx.Exec("update document_link set document = (select f.id from document_file f where f.id <> document_link.document)")
			return err
		},
		"the life of its link": func(tx *db.Tx) error {
			_, err := tx.Exec("update document_link set until = until + 1")
			return err
		},
		"nothing": func(*db.Tx) error { return nil }, // the planted negative
	} {
		h := open(t)
		id := h.keep()
		h.keep()
		secret := h.link(id)
		h.must(h.ground.DB.Update(t.Context(), change))
		body, err := h.open(h.packer, secret)
		if (err == nil) != (name == "nothing") || err != nil && len(body) > 0 {
			t.Errorf("%s: %v", name, err)
		}
		var text []byte
		h.must(h.ground.DB.Read(t.Context(), func(r *db.Reader) error {
			return r.QueryRow("select body from document_file where id = $1", id).Scan(&text)
		}))
		if bytes.Contains(text, []byte("PDF")) {
			t.Error("it lies in the clear")
		}
	}
}

// What is no document is refused, and so is one too many.
func TestKeepRefuses(t *testing.T) {
	h := open(t)
	for name, f := range map[string]document.File{
		"another type":   {Store: h.store, Record: h.record, Route: h.route, Type: "text/html", Body: label},
		"nothing":        {Store: h.store, Record: h.record, Route: h.route, Type: "application/pdf"},
		"too large":      {Store: h.store, Record: h.record, Route: h.route, Type: "application/pdf", Body: make([]byte, document.MaxBytes+1)},
		"no origin":      {Store: h.store, Record: h.record, Type: "application/pdf", Body: label},
		"another record": {Store: h.store, Record: strongroom.NewID("rec"), Route: h.route, Type: "application/pdf", Body: label},
		"another store":  {Store: strongroom.NewID("str"), Record: h.record, Route: h.route, Type: "application/pdf", Body: label},
	} {
		if _, err := h.Keep(t.Context(), h.app, f); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	for range document.MaxFiles {
		h.keep()
	}
	if _, err := h.Keep(t.Context(), h.app, document.File{Store: h.store, Record: h.record, Route: h.route, Type: "application/pdf", Body: label}); codeOf(err) != "documents" {
		t.Errorf("one too many: %v", err)
	}
	seen := 0
	for after := ""; ; {
		list, next, err := h.List(t.Context(), h.app, h.store, h.record, after, 10)
		h.must(err)
		if seen += len(list); next == "" {
			break
		}
		after = next
	}
	if seen != document.MaxFiles {
		t.Errorf("the pages hold %d", seen)
	}
}

func (h *house) events() int {
	h.t.Helper()
	list, err := h.ground.Log.Events(context.Background(), 0, 10000)
	h.must(err)
	return len(list)
}

// rows counts what lies of documents and links.
func (h *house) rows() (n int) {
	h.t.Helper()
	h.must(h.ground.DB.Read(context.Background(), func(r *db.Reader) error {
		return r.QueryRow("select (select count(*) from document_file) + (select count(*) from document_link)").Scan(&n)
	}))
	return n
}

// A document of a store that is closed opens for nobody, and opens again when the store
// does.
func TestClosedStoresKeepTheirDocuments(t *testing.T) {
	h := open(t)
	id := h.keep()
	first, second := h.link(id), h.link(id)
	turn := func(fn func(tx *guard.Tx, store string) (bool, error)) {
		t.Helper()
		h.must(h.guard.Do(t.Context(), guardtest.Person("", time.Now(), authz.TestEverything), func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(strongroom.Action{Name: "store.close", Class: 3004, Activity: 3}, strongroom.Resource{Type: "Store", ID: h.store, Store: h.store}, guard.Context{}); err != nil {
				return err
			}
			_, err := fn(tx, h.store)
			return err
		}))
	}
	turn(h.vault.CloseTx)
	if _, err := h.open(h.packer, first); codeOf(err) != "store-closed" {
		t.Errorf("closed: %v", err)
	}
	if _, err := h.Link(t.Context(), h.app, id, document.For{Person: h.packer.ID, Purpose: strongroom.Fulfilment, Reference: "7001"}); codeOf(err) != "store-closed" {
		t.Errorf("linked: %v", err)
	}
	turn(h.vault.ReopenTx)
	if body, err := h.open(h.packer, second); err != nil || !bytes.Equal(body, label) {
		t.Errorf("open again: %v", err)
	}
}
