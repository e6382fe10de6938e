package vault

import (
	"context"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// RevealRequest asks for the original of one record.
type RevealRequest struct {
	Store, Record string
	Purpose       strongroom.Purpose
	// Reference names the order the reveal is for; for a legal duty and a subject
	// request it is the id of an open case. It obeys the grammar of names and must
	// not look personal.
	Reference string
	// Fields are classes ("email") or paths of known keys
	// ("shippingAddress.phone", "shippingAddress"). None means everything.
	Fields []string
}

// Revealed is the answer: the record's JSON with what was asked for in clear.
// Without Fields it is the original byte for byte.
type Revealed struct{ Body []byte }

// Reveal opens a record for a purpose. The decision is made on a snapshot; the
// budget is debited, the key loaded and the date checked again in the commit
// that records the event; only then is the seal opened. So no plaintext exists
// before its event is durable, and an erasure or the close of a case that commits
// first wins.
//
// Faults: Invalid (purpose, reference, an unknown field), Denied, NotFound,
// Erased (erased, expired), Exhausted.
func (v *Vault) Reveal(ctx context.Context, who strongroom.Actor, q RevealRequest) (Revealed, error) {
	a, err := v.checkAsked(q.Purpose, q.Reference)
	var id recordID
	if err == nil {
		id, err = parseRecordID(q.Record)
	}
	if err == nil && !checkStoreID(q.Store) {
		err = noStore()
	}
	if err != nil {
		return Revealed{}, v.refuse(ctx, who, actionReveal, instance(), err)
	}
	for try := 0; ; try++ {
		r := &reveal{v: v, asked: a, id: id, store: q.Store, fields: q.Fields, again: try > 0}
		err := r.run(ctx, who)
		if isMoved(err) && try < 3 {
			continue // a new version came in between; decide on that one
		}
		if IsDamaged(err) {
			v.damaged(q.Record)
		}
		if err != nil {
			return Revealed{}, err
		}
		return r.open(ctx, who)
	}
}

// reveal is one record on its way out.
type reveal struct {
	v      *Vault
	asked  asked
	id     recordID
	store  string
	fields []string // nil: everything
	again  bool     // the record changed between a decision and its commit

	early   *row // as it was found together with others; nil if it was not
	own     bool // the reference is the record's own name at the platform
	st      *store
	row     *row
	account accountName
	want    map[uint32]bool // nil: everything
	count   int64           // leaves to open
	ahead   found           // in the recording transaction, before the turn
	receipt *guard.Receipt
	wrapped keys.Wrapped // as the recording transaction found it
	key     seal.Key     // the same, opened; zero if nobody needed it yet
}

func (r *reveal) resource() strongroom.Resource {
	res := strongroom.Resource{Type: "Record", ID: r.id.String(), Store: r.store}
	if r.row != nil {
		res.Attrs = map[string]any{"kind": kindAttr(r.row.kind)}
	}
	return res
}

// kindAttr is a record's kind in the policies' words.
func kindAttr(k kind) string {
	if k == kindFulfillment {
		return "fulfilment"
	}
	return k.String()
}

// decide loads, decides and says what has to be true at the commit.
func (r *reveal) decide(_ context.Context, view *guard.View) error {
	found := r.load(view)
	classes, full := []string(nil), r.fields == nil
	var missing error
	if found == nil {
		classes, r.count = classNames(r.row.classes), int64(r.row.leafCount)
		if !full {
			classes, missing = r.selected(view)
		}
	}
	c := guard.Context{
		Purpose: r.asked.purpose, Reference: r.asked.log, Given: r.asked.reference,
		Attrs: map[string]any{"classes": classes, "fields": r.count, "records": int64(1), "full": full},
	}
	if err := view.Allow(actionReveal, r.resource(), c); err != nil {
		return err
	}
	r.asked.noteCase(view)
	r.receipt = view.Receipt()
	for _, err := range [...]error{found, missing} {
		if err != nil {
			return err
		}
	}
	view.Note("fields", r.count)
	view.Note("by_fields", classes)
	r.own = r.named()
	r.account = accountName{who: view.Actor().ID, purpose: r.asked.purpose, store: r.st.num}
	r.v.atDecision()
	view.Ahead(r.v, r, r.v.fetchAhead)
	view.Jointly(guard.Joint{Key: revealKey{r.v}, End: endReveals})
	view.Confirm(func(tx *guard.Tx) error {
		if err := r.v.caseOpen(tx, &r.asked, r.store); err != nil {
			return err
		}
		if err := r.v.debit(tx, r.account, r.ahead.standing, 1, r.count); err != nil {
			return err
		}
		if err := r.confirm(tx); err != nil {
			return err
		}
		return r.remember(tx)
	})
	return nil
}

// atDecision stops a reveal between its decision and its commit, for tests.
func (v *Vault) atDecision() {
	if hook := v.decided.Load(); hook != nil {
		(*hook)()
	}
}

// load finds the record on the snapshot. A record of another store is none. That
// the store is still connected is for the recording transaction to see, or for
// [Vault.storeForReader].
func (r *reveal) load(view *guard.View) error {
	row, err := r.early, error(nil)
	if row == nil {
		row, err = loadRow(&view.Reader, r.id)
	}
	if row == nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	if r.st == nil {
		r.st = r.v.cachedStore(r.store)
	}
	if r.st == nil || row == nil || row.store != r.st.num {
		// Not seen before, or without this record: gone, perhaps.
		st, err := r.v.connectedStore(&view.Reader, r.store)
		if err != nil {
			return err
		}
		r.st = st
		if row == nil || row.store != st.num {
			return noRecord(nil)
		}
	}
	if err := r.st.state.refusal(); err != nil {
		return err
	}
	if err != nil {
		return err // damaged
	}
	if err := r.v.alive(row, view.Now()); err != nil {
		return err
	}
	r.row = row
	if r.again {
		return r.agrees(view)
	}
	return nil
}

// agrees refuses a row that says something else than its key. A key that died says
// so when the reveal is confirmed.
func (r *reveal) agrees(view *guard.View) error {
	w, err := r.v.keys.Load(view, uint64(r.id))
	if err != nil {
		return nil
	}
	forged, err := r.v.forged(&view.Reader, r.row, w)
	if forged {
		return errTampered()
	}
	return err
}

func noRecord(err error) error {
	if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
		return err
	}
	return strongroom.Faultf(strongroom.NotFound, "record", "no such record")
}

// alive refuses a dead record. Reaching the date is enough, swept or not, and so
// is what the ledger of erasures says of it, whatever the row does.
func (v *Vault) alive(r *row, now time.Time) error {
	switch {
	case r.status == erased || v.keys.Gone(uint64(r.id)):
		return strongroom.Faultf(strongroom.Erased, "erased", "the record was erased")
	case r.status == expired || !now.Before(r.expires):
		return errExpired()
	}
	return nil
}

func errExpired() error {
	return strongroom.Faultf(strongroom.Erased, "expired", "the record has reached its erase-by date")
}

// open runs after the event is durable.
func (r *reveal) open(ctx context.Context, who strongroom.Actor) (Revealed, error) {
	o, err := r.openRow()
	if err == nil {
		var want func(uint32) bool
		if r.want != nil {
			want = func(n uint32) bool { return r.want[n] }
		}
		var text []byte
		if text, err = r.v.renderOpen(nil, r.st, r.id, o, want); err == nil {
			return Revealed{Body: text}, nil
		}
	}
	return Revealed{}, r.failed(ctx, who, err)
}

func (r *reveal) openRow() (*opened, error) {
	if r.key.IsZero() {
		var err error
		if r.key, err = r.v.keys.Open(r.store, r.wrapped); err != nil {
			return nil, err
		}
	}
	return r.v.openRow(r.store, r.row, r.key)
}

// failed records that what was allowed did not open.
func (r *reveal) failed(ctx context.Context, who strongroom.Actor, err error) error {
	if IsDamaged(err) {
		r.v.damaged(r.id.String())
	}
	index, _ := r.receipt.Index()
	if lost := r.v.guard.Failed(ctx, who, actionReveal, r.resource(), "tampered", index); lost != nil {
		return lost
	}
	if strongroom.IsKind(err, strongroom.Denied) { // a wrap that does not open is no answer of a policy
		return errTampered().Because(err)
	}
	return err
}
