package lifecycle

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/vault"
)

// Records is what requests ask of package vault.
type Records interface {
	// EraseShopper destroys the records of shoppers and orders of one store.
	EraseShopper(ctx context.Context, who strongroom.Actor, q vault.ShopperErasure) (vault.Erased, *guard.Receipt, error)
	// Disconnect ends a store at once, and says how many records that takes.
	Disconnect(ctx context.Context, who strongroom.Actor, store string, dry bool) (vault.Preview, error)
	// EraseStoreStep erases up to limit records of it and in the end its keys.
	EraseStoreStep(ctx context.Context, who strongroom.Actor, store string, limit int) (n int, more bool, err error)
	// Find returns the records that an identifier leads to.
	Find(ctx context.Context, who strongroom.Actor, q vault.FindQuery) (list []vault.Record, next string, err error)
}

// RequestsOptions configure a [Requests]. All but Queue are required.
type RequestsOptions struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key     seal.Key
	Cases   *Cases
	Records Records
	// Store returns nil if a store is there and holds something, else a fault.
	Store func(r *db.Reader, id string) error
	// Epoch tells the number of the current epoch and whether the key of an older one is
	// still there. Instants would not do: a clock may be set back.
	Epoch func() (current uint32, waits bool)
	// Queue has [Requests.Run] called for a request after the commit, until it returns
	// nil; nil leaves that to whoever calls [Requests.Tend].
	Queue func(tx *guard.Tx, request string) error
}

// Requests keeps what is asked for from outside and does it. It is safe for
// concurrent use.
type Requests struct {
	o    RequestsOptions
	seal seal.Key
	mark seal.Key
}

// NewRequests returns a Requests. A missing required option is a mistake of the
// program and panics.
func NewRequests(o RequestsOptions) *Requests {
	if o.Guard == nil || o.Key.IsZero() || o.Cases == nil || o.Records == nil || o.Store == nil || o.Epoch == nil {
		panic("lifecycle: RequestsOptions needs Guard, Key, Cases, Records, Store and Epoch")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("lifecycle: RequestsOptions needs an Environment")
	}
	if o.Queue == nil {
		o.Queue = func(*guard.Tx, string) error { return nil }
	}
	env := []byte(o.Environment)
	return &Requests{o: o, seal: o.Key.Derive("request seal", env), mark: o.Key.Derive("request mark", env)}
}

// OpenTx opens a request within a transaction whose caller has been allowed to, and
// notes its id on the decision. Erasing begins with the commit, unless something waits
// or has its day. Faults: Invalid.
func (rs *Requests) OpenTx(tx *guard.Tx, s RequestSpec) (Request, error) {
	if err := checkRequest(s); err != nil {
		return Request{}, err
	}
	q := &held{Request: Request{
		ID: strongroom.NewID(requestPrefix), Kind: s.Kind, Scope: s.Scope, Source: s.Source, Stores: slices.Compact(slices.Sorted(slices.Values(s.Stores))),
		Waits: s.Waits, Certificate: s.Certificate,
	}}
	q.body = requestBody{Shoppers: s.Shoppers, Orders: s.Orders, Shop: s.Shop, Certificate: s.Certificate, Citation: s.Citation}
	if strongroom.CheckName("reference", s.Reference) == nil {
		q.Reference, q.body.Reference = s.Reference, s.Reference
	}
	if q.mark = []byte{}; s.Mark != [32]byte{} {
		q.mark = rs.markOf(s.Mark)
	}
	q.clocks(s, db.Time(db.Micros(tx.Now())))
	if len(q.Stores) == 0 && s.Source != FromEBay { // an account there is not of one shop
		q.Waits = waitsOf(bitsOf(q.Waits) | bitsOf([]WaitReason{WaitShop}))
	}
	tx.Note("request", q.ID)
	tx.Note("kind", requestWord(q.Kind))
	tx.Note("due_us", db.Micros(q.DeleteBy))
	if err := rs.proceed(tx, q); err != nil {
		return Request{}, err
	}
	row, err := rs.row(q)
	if err != nil {
		return Request{}, err
	}
	q.settle(rs, tx.Now())
	return q.Request, insertRequest(tx, row)
}

func checkRequest(s RequestSpec) error {
	bad := func(what string) error { return strongroom.Faultf(strongroom.Invalid, "request", "%s", what) }
	switch {
	case db.Place(RequestKinds(), s.Kind) == 0 || db.Place(RequestScopes(), s.Scope) == 0 || db.Place(RequestSources(), s.Source) == 0:
		return bad("a request has a kind, a scope and a source")
	case s.Scope == ScopeStore && len(s.Shoppers)+len(s.Orders) > 0:
		return bad("a request about a store names no shopper and no order")
	case s.Scope == ScopePerson && len(s.Shoppers)+len(s.Orders) == 0 && !slices.Contains(s.Waits, WaitScope):
		return bad("a request about people names a shopper or an order")
	case s.Kind == Access && s.Scope != ScopePerson:
		return bad("only people ask what is held of them")
	}
	for _, id := range s.Stores {
		if !strongroom.IsID("str", id) {
			return strongroom.Faultf(strongroom.NotFound, "store", "no such store")
		}
	}
	return nil
}

// proceed does what can be done with a request that waits for nobody: it opens the
// case of a question, and has an erasure begun whose day has come.
func (rs *Requests) proceed(tx *guard.Tx, q *held) error {
	switch {
	case len(q.Waits) > 0:
		return nil
	case q.Kind == Access:
		if q.Case != "" {
			return nil
		}
		if rs.o.Cases.o.Store(&tx.Reader, q.store()) != nil { // closed, or gone: nothing can be opened there
			q.Stores, q.Waits = nil, []WaitReason{WaitShop}
			return nil
		}
		c, err := rs.o.Cases.openTx(tx, CaseSpec{Purpose: strongroom.SubjectRequest, Citation: citationOf(q.body.Citation), Store: q.store(), Due: q.DeleteBy})
		if err != nil {
			return err
		}
		q.Case, q.DeleteBy = c.ID, c.Due
		tx.Note("case", c.ID)
		return nil
	case q.Erased.IsZero() && !tx.Now().Before(q.EraseAt):
		return rs.o.Queue(tx, q.ID)
	}
	return nil
}

// citationOf is the law a question of a shopper rests on; ours where none is named.
func citationOf(s string) string {
	if s == "" {
		return "GDPR Art. 15(1)"
	}
	return s
}

func (rs *Requests) markOf(m [32]byte) []byte {
	sum := rs.mark.MAC(m[:])
	return sum[:]
}

// SeenTx returns the requests that the same words opened before, newest first, at most
// 16. A request about people loses its mark once it is over and its dates are.
func (rs *Requests) SeenTx(tx *guard.Tx, mark [32]byte) (list []Request, err error) {
	rows, err := seenRequests(&tx.Reader, rs.markOf(mark))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		q, err := rs.open(&rows[i], tx.Now())
		if err != nil {
			return nil, err
		}
		list = append(list, q.Request)
	}
	return list, nil
}

// Open opens a request that somebody was asked for by mouth, letter or mail. Faults:
// Invalid, Denied, NotFound (store).
func (rs *Requests) Open(ctx context.Context, who strongroom.Actor, s RequestSpec) (q Request, err error) {
	s.Source, s.Waits, s.Mark = FromHand, nil, [32]byte{}
	if err := checkRequest(s); err != nil || len(s.Stores) == 0 {
		if err == nil {
			err = strongroom.Faultf(strongroom.Invalid, "store", "name the store it is about")
		}
		return q, rs.refuse(ctx, who, actionRequestOpen, err)
	}
	err = rs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionRequestOpen, requestResource("", storeOf(s.Stores)), guard.Context{}); err != nil {
			return err
		}
		if len(s.Stores) > 1 && !who.AllStores {
			return beyondRequest()
		}
		for _, id := range s.Stores {
			if err := rs.o.Store(&tx.Reader, id); err != nil {
				return err
			}
		}
		q, err = rs.OpenTx(tx, s)
		return err
	})
	return q, err
}

func storeOf(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return ""
}

// Assign says which store a waiting request is about. The store need not be open, but
// it holds something still. Faults: Denied, NotFound (request, store), Conflict.
func (rs *Requests) Assign(ctx context.Context, who strongroom.Actor, id, store string) (Request, error) {
	if !strongroom.IsID("str", store) {
		return Request{}, rs.refuse(ctx, who, actionRequestDecide, strongroom.Faultf(strongroom.NotFound, "store", "no such store"))
	}
	return rs.decide(ctx, who, id, store, func(tx *guard.Tx, q *held) error {
		if !slices.Contains(q.Waits, WaitShop) {
			return strongroom.Faultf(strongroom.Conflict, "request-state", "the request does not wait for a store")
		}
		if err := rs.o.Store(&tx.Reader, store); err != nil {
			return err
		}
		q.Stores = []string{store}
		q.Waits = waitsOf(bitsOf(q.Waits) &^ bitsOf([]WaitReason{WaitShop}))
		return nil
	})
}

// Confirm has a waiting request done as it stands, once the store is known. whole says
// that an unclear one covers the whole store. Faults: Denied, NotFound, Conflict.
func (rs *Requests) Confirm(ctx context.Context, who strongroom.Actor, id string, whole bool) (Request, error) {
	return rs.decide(ctx, who, id, "", func(tx *guard.Tx, q *held) error {
		unclear := slices.Contains(q.Waits, WaitScope)
		switch {
		case slices.Contains(q.Waits, WaitShop):
			return strongroom.Faultf(strongroom.Conflict, "request-state", "the request names a shop that no store is known to be").Advise("assign it to a store first")
		case whole && (!unclear || q.Kind != Erasure):
			return strongroom.Faultf(strongroom.Conflict, "request-state", "what the request covers is not in question")
		case unclear && !whole && len(q.body.Shoppers)+len(q.body.Orders) == 0:
			return strongroom.Faultf(strongroom.Conflict, "request-state", "the request names no shopper and no order").
				Advise("confirm it for the whole store, or dismiss it")
		}
		if whole {
			q.Scope = ScopeStore
			q.body.Shoppers, q.body.Orders = nil, nil
		}
		q.Waits, q.body.Confirmed = nil, true
		return nil
	})
}

// Dismiss ends a request that waits without doing it. Faults: Invalid (reason),
// Denied, NotFound, Conflict.
func (rs *Requests) Dismiss(ctx context.Context, who strongroom.Actor, id string, reason DismissReason) (Request, error) {
	if db.Place(DismissReasons(), reason) == 0 {
		err := strongroom.Faultf(strongroom.Invalid, "reason", "a request is dismissed as one of %v", DismissReasons())
		return Request{}, rs.refuse(ctx, who, actionRequestDecide, err)
	}
	return rs.decide(ctx, who, id, "", func(tx *guard.Tx, q *held) error {
		tx.Note("reason", dismissWord(reason))
		q.Closed, q.ClosedFor = db.Time(db.Micros(tx.Now())), reason
		q.body.forget()
		return nil
	})
}

// decide loads a waiting request, asks whether who may decide about it, at the store
// where one is named, and stores what fn makes of it.
func (rs *Requests) decide(ctx context.Context, who strongroom.Actor, id, store string, fn func(tx *guard.Tx, q *held) error) (Request, error) {
	if !strongroom.IsID(requestPrefix, id) {
		return Request{}, rs.refuse(ctx, who, actionRequestDecide, noRequest())
	}
	var q *held
	err := rs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		var found error
		if q, found = rs.load(&tx.Reader, id, tx.Now()); found != nil && !strongroom.IsKind(found, strongroom.NotFound) {
			return found
		}
		at := store
		if at == "" && found == nil {
			at = q.store()
		}
		if err := tx.Allow(actionRequestDecide, requestResource(id, at), guard.Context{}); err != nil {
			return err
		}
		if found != nil {
			return found
		}
		if !who.AllStores && !q.within(who) {
			return beyondRequest()
		}
		if q.State != RequestWaiting {
			return strongroom.Faultf(strongroom.Conflict, "request-state", "the request does not wait for a decision")
		}
		if err := fn(tx, q); err != nil {
			return err
		}
		if err := rs.proceed(tx, q); err != nil {
			return err
		}
		return rs.write(tx, q)
	})
	if err != nil {
		return Request{}, err
	}
	return q.Request, nil
}

// write stores a request as it is now.
func (rs *Requests) write(tx *guard.Tx, q *held) error {
	row, err := rs.row(q)
	if err != nil {
		return err
	}
	q.settle(rs, tx.Now())
	return updateRequest(tx, row)
}

// load returns the request of an id; a fault of kind NotFound if there is none.
func (rs *Requests) load(r *db.Reader, id string, now time.Time) (*held, error) {
	row, err := loadRequest(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return nil, noRequest()
	}
	if err != nil {
		return nil, err
	}
	return rs.open(&row, now)
}

func requestResource(id, store string) strongroom.Resource {
	if id == "" {
		if store == "" {
			return instance()
		}
		return strongroom.Resource{Type: "Store", ID: store, Store: store}
	}
	return strongroom.Resource{Type: "Request", ID: id, Store: store}
}

func noRequest() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "request", "there is no such request")
}

func beyondRequest() error {
	return denied("stores", "a request cannot reach further than who handles it")
}

// refuse records that something was refused before it began.
func (rs *Requests) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, err error) error {
	return rs.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, instance(), guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

func requestWord(k RequestKind) audit.Term {
	if k == Access {
		return audit.Word("access")
	}
	return audit.Word("erasure")
}

func dismissWord(r DismissReason) audit.Term {
	switch r {
	case DismissDuplicate:
		return audit.Word("duplicate")
	case DismissNotHeld:
		return audit.Word("not_held")
	}
	return audit.Word("mistaken")
}
