package keys_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

func TestDataKeyComesBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		f := openOn(t, engine)
		want, w := f.put(7, 1, f.later())
		got, err := f.load(7)
		if err != nil || !same(got, want) {
			t.Fatal("the key does not come back:", err)
		}
		// A new version has a fresh key, and the old one is gone.
		newer, _ := f.put(7, 2, f.later())
		if got, err = f.load(7); err != nil || !same(got, newer) || same(newer, want) {
			t.Error("the new version's key:", err)
		}
		// An older version does not come back.
		f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, []keys.Wrapped{w}) }))
		if got, err = f.load(7); err != nil || !same(got, newer) {
			t.Error("an older version took the place of a newer:", err)
		}
		_, err = f.load(8)
		wantKind(t, "no such record", err, strongroom.NotFound)
		_, _, err = f.NewData("str_nobody", 1, 1, f.later())
		wantKind(t, "unknown store", err, strongroom.NotFound)
	})
}

// The date is a refusal at once, swept or not.
func TestExpiredAtOnce(t *testing.T) {
	f := open(t)
	f.put(1, 1, f.clock.Now().Add(time.Hour))
	if _, err := f.load(1); err != nil {
		t.Fatal("before its date it must open:", err)
	}
	f.clock.SetOffset(time.Hour)
	_, err := f.load(1)
	wantKind(t, "at its date", err, strongroom.Erased)
	var viewed error
	f.must(f.guard.Read(context.Background(), f.who, func(_ context.Context, v *guard.View) error {
		_, viewed = f.Load(v, 1)
		return v.Allow(ingest(), strongroom.Resource{Type: "Store", ID: f.store, Store: f.store}, guard.Context{})
	}))
	wantKind(t, "at its date, on a view", viewed, strongroom.Erased)
}

// A row swapped between records, stores, environments or epochs, or given
// another version or date, does not open. Each is planted in the database or in
// the wrap; the untouched one opens.
func TestSwappedRowsDoNotOpen(t *testing.T) {
	f := open(t)
	other := strongroom.NewID("str")
	f.must(f.EnsureStore(other))
	_, w := f.put(1, 1, f.later())
	_, w2 := f.put(2, 1, f.later())
	if _, err := f.Open(f.store, w); err != nil {
		t.Fatal("the untouched one must open:", err)
	}
	_, theirs, err := f.NewData(other, 1, 1, w.EraseBy)
	f.must(err)
	f.must(f.guard.Do(context.Background(), strongroom.System("roll"), func(_ context.Context, tx *guard.Tx) error {
		return tx.Allow(ingest(), strongroom.Resource{Type: "Store", ID: f.store, Store: f.store}, guard.Context{})
	}))
	for name, forge := range map[string]func(w *keys.Wrapped) string{
		"another record's wrap": func(w *keys.Wrapped) string { w.Wrap = w2.Wrap; return f.store },
		"record":                func(w *keys.Wrapped) string { w.Record = 2; return f.store },
		"store":                 func(w *keys.Wrapped) string { w.Store = theirs.Store; return other },
		"store number alone":    func(w *keys.Wrapped) string { w.Store = theirs.Store; return f.store },
		"store id alone":        func(w *keys.Wrapped) string { return other },
		"unknown store":         func(w *keys.Wrapped) string { return "str_nobody" },
		"another store's wrap":  func(w *keys.Wrapped) string { w.Wrap = theirs.Wrap; return f.store },
		"version":               func(w *keys.Wrapped) string { w.Version = 2; return f.store },
		"later date":            func(w *keys.Wrapped) string { w.EraseBy = w.EraseBy.Add(time.Microsecond); return f.store },
		"earlier date":          func(w *keys.Wrapped) string { w.EraseBy = w.EraseBy.Add(-time.Microsecond); return f.store },
		"short":                 func(w *keys.Wrapped) string { w.Wrap = w.Wrap[:59]; return f.store },
		"empty":                 func(w *keys.Wrapped) string { w.Wrap = nil; return f.store },
	} {
		bad := w
		store := forge(&bad)
		_, err := f.Open(store, bad)
		wantKind(t, name, err, strongroom.Denied)
	}
	bad := w
	bad.Epoch = 99
	_, err = f.Open(f.store, bad)
	wantKind(t, "an epoch that is not", err, strongroom.Erased)

	// Between epochs: both keys exist, but the wrap belongs to one.
	f.must(keys.NewEpoch(f.ring))
	bad = w
	bad.Epoch = 2
	_, err = f.Open(f.store, bad)
	wantKind(t, "another epoch", err, strongroom.Denied)
}

// The same keys in the other environment make another wrap.
func TestObligation_3_5_3_Wraps(t *testing.T) {
	f := open(t)
	_, w := f.put(1, 1, f.later())
	_, err := keys.OpenAs(f.ring, strongroom.Production, w)
	wantKind(t, "the other environment", err, strongroom.Denied)
	if _, err := keys.OpenAs(f.ring, strongroom.Test, w); err != nil {
		t.Fatal("its own environment must open:", err)
	}
}

// The date can be moved by who holds the keys, and then only the new one counts.
func TestRedate(t *testing.T) {
	f := open(t)
	key, w := f.put(1, 1, f.later())
	moved, err := f.Redate(f.store, w, f.later().Add(time.Hour))
	f.must(err)
	f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, []keys.Wrapped{moved}) }))
	if got, err := f.load(1); err != nil || !same(got, key) {
		t.Error("moved, the key does not come back:", err)
	}
	w.EraseBy = moved.EraseBy
	_, err = f.Open(f.store, w)
	wantKind(t, "the old wrap under the new date", err, strongroom.Denied)
	w.EraseBy = moved.EraseBy.Add(time.Hour)
	_, err = f.Redate(f.store, w, f.later())
	wantKind(t, "moving what does not open", err, strongroom.Denied)
}

// A wrap made before a new epoch and stored after it is stored under the new
// one, so that nothing begins to depend on a key about to be destroyed.
func TestPutAfterNewEpoch(t *testing.T) {
	f := open(t)
	key, w, err := f.NewData(f.store, 1, 1, f.later())
	f.must(err)
	f.must(keys.NewEpoch(f.ring))
	ws := []keys.Wrapped{w}
	f.must(f.do(func(tx *guard.Tx) error { return f.PutTx(tx, ws) }))
	if ws[0].Epoch != 2 || w.Epoch != 1 {
		t.Errorf("stored under epoch %d, made under %d", ws[0].Epoch, w.Epoch)
	}
	if got, err := f.load(1); err != nil || !same(got, key) {
		t.Error("the key does not come back:", err)
	}
}

// A wrap kept back for a whole roll is refused in a way that asks to try again.
func TestPutAfterWholeRoll(t *testing.T) {
	f := open(t)
	_, w, err := f.NewData(f.store, 1, 1, f.later())
	f.must(err)
	f.must(f.Roll(context.Background(), f.who, nil))
	err = f.do(func(tx *guard.Tx) error { return f.PutTx(tx, []keys.Wrapped{w}) })
	wantKind(t, "a wrap of a destroyed epoch", err, strongroom.Unavailable)
	f.put(1, 1, f.later())
}

// A root that does not answer holds up nobody who only adds keys.
func TestSlowRootHoldsUpNobody(t *testing.T) {
	r, o := newRing(t)
	if err := r.EnsureStore("str_a"); err != nil {
		t.Fatal(err)
	}
	slow := &slowRoot{KMS: o.KMS, asked: make(chan struct{}), answer: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- r.Rewrap(context.Background(), slow) }()
	<-slow.asked
	if err := r.EnsureStore("str_b"); err != nil {
		t.Error(err)
	}
	if _, err := r.LogKey(); err != nil {
		t.Error(err)
	}
	close(slow.answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r = reopen(t, r, o)
	for _, id := range []string{"str_a", "str_b"} {
		if _, err := r.StoreKey(id, keys.Token); err != nil {
			t.Error(err)
		}
	}
}

// slowRoot says when it is asked and waits for leave to answer.
type slowRoot struct {
	keys.KMS
	asked, answer chan struct{}
}

func (s *slowRoot) Wrap(ctx context.Context, ad, plain []byte) ([]byte, error) {
	close(s.asked)
	<-s.answer
	return s.KMS.Wrap(ctx, ad, plain)
}

// A store whose keys are destroyed makes no new data keys and never comes back.
func TestDestroyStore(t *testing.T) {
	f := open(t)
	ctx := context.Background()
	other := strongroom.NewID("str")
	f.must(f.EnsureStore(other))
	month := keys.PeriodOf(f.clock.Now())
	for _, s := range []string{f.store, other} {
		_, err := f.IndexKey(s, 1, month)
		f.must(err)
	}
	f.must(f.DestroyStore(ctx, f.who, f.store, keys.Token, keys.Ident, keys.Pseudonym, keys.Credential))
	_, err := f.StoreKey(f.store, keys.Token)
	wantKind(t, "token key", err, strongroom.Erased)
	_, err = f.IndexKey(f.store, 1, month)
	wantKind(t, "index key", err, strongroom.Erased)
	if _, err := f.StoreKey(f.store, keys.Merchant); err != nil {
		t.Error("the merchant's key was to stay:", err)
	}
	f.must(f.DestroyStore(ctx, f.who, f.store))
	_, err = f.StoreKey(f.store, keys.Merchant)
	wantKind(t, "merchant key", err, strongroom.Erased)
	wantKind(t, "coming back", f.EnsureStore(f.store), strongroom.Erased)
	_, _, err = f.NewData(f.store, 9, 1, f.later())
	wantKind(t, "a new record", err, strongroom.Erased)
	f.must(f.DestroyStore(ctx, f.who, f.store)) // again: nothing left to do
	for _, u := range keys.StoreUses() {
		if _, err := f.StoreKey(other, u); err != nil {
			t.Error("another store lost a key:", err)
		}
	}
	if n := f.events("key.destroy"); n != 3 {
		t.Errorf("%d events of destroyed keys, want 3", n)
	}
	f.ring.Close()
	f.ring, err = keys.OpenRing(ctx, f.ringOpt)
	f.must(err)
	f.renew()
	wantKind(t, "coming back after a restart", f.EnsureStore(f.store), strongroom.Erased)
	if got := f.LivePeriods(other); len(got) != 1 {
		t.Error("live periods of the other store:", got)
	}
	f.must(f.DropPeriod(ctx, f.who, other, month))
	if got := f.LivePeriods(other); len(got) != 0 {
		t.Error("a dropped month lives on:", got)
	}
	wantKind(t, "no month", f.DropPeriod(ctx, f.who, other, "x"), strongroom.Invalid)
}

// Who may not, does not, and the keys stay.
func TestDestroyStoreDenied(t *testing.T) {
	f := open(t)
	f.who = strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{"auditor"}, AllStores: true, Door: "http", Standing: strongroom.Standing{Trained: true}}
	wantKind(t, "auditor", f.DestroyStore(context.Background(), f.who, f.store), strongroom.Denied)
	if _, err := f.StoreKey(f.store, keys.Token); err != nil {
		t.Error("a denied destruction destroyed:", err)
	}
	wantKind(t, "auditor rotates", f.RotateRoot(context.Background(), f.who, newRoot(t)), strongroom.Denied)
}

func TestRotateRootGuarded(t *testing.T) {
	f := open(t)
	f.who = strongroom.Actor{Kind: strongroom.PersonActor, ID: strongroom.NewID("usr"), Roles: []string{"owner"}, AllStores: true, Door: "command"}
	next := newRoot(t)
	f.must(f.RotateRoot(context.Background(), f.who, next))
	if f.events("root.rotate") != 1 {
		t.Error("no event of the rotation")
	}
	f.ring.Close()
	_, err := keys.OpenRing(context.Background(), f.ringOpt)
	wantKind(t, "the old root", err, strongroom.Denied)
	f.ringOpt.KMS = next
	f.ring, err = keys.OpenRing(context.Background(), f.ringOpt)
	f.must(err)
}

func TestParity(t *testing.T) { dbtest.Parity(t, keys.Schema()) }
