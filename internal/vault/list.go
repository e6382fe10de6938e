package vault

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Clock is the event a record's retention runs from.
type Clock struct {
	Anchor string // see [Anchor]
	At     time.Time
}

// Record is a record without its personal values.
type Record struct {
	ID, Store  string
	ExternalID string // the platform's id
	Kind       string
	Origin     Origin
	Clock      Clock
	ExpiresAt  time.Time // the key dies then; reaching it is a refusal at once
	Version    int
	Leaves     int      // sealed values
	Classes    []string // of the sealed values
	Body       []byte   // tokenised JSON, only from [Vault.Record]
	// Damaged says that the row was changed, moved or cut behind the product's back.
	// ID and Store alone are set then: nothing else of it can be trusted.
	Damaged bool
}

// ListQuery asks for a page of a store's records.
type ListQuery struct {
	Store  string
	Kind   string // singular or plural resource name; "" means every kind
	Cursor string
	Limit  int // up to 200, default 50
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

func clampLimit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return min(n, maxLimit)
}

func compareHash(a, b hash) int { return slices.Compare(a[:], b[:]) }

func sortStores(list []*store) {
	slices.SortFunc(list, func(a, b *store) int { return cmp.Compare(a.num, b.num) })
}

func faultCode(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return "internal"
}

// shown is a row on its way into an answer, with the key it opens with.
type shown struct {
	st      *store
	row     *row
	key     seal.Key
	eraseBy time.Time // as the wrap of the key binds it, whatever the row says
	damage  error     // why it does not open, if that is known already
}

// show loads the key of a row; false for one that died since it was listed.
func (v *Vault) show(view *guard.View, st *store, r *row) (shown, bool, error) {
	w, err := v.keys.Load(view, uint64(r.id))
	if gone(err) {
		return shown{}, false, nil
	}
	if err != nil {
		return shown{}, false, err
	}
	switch forged, err := v.forged(&view.Reader, r, w); {
	case err != nil:
		return shown{}, false, err
	case forged || r.version > w.Version:
		return shown{}, false, errTampered()
	case r.version < w.Version:
		return shown{}, false, nil
	}
	key, err := v.keys.Open(st.id, w)
	if err != nil {
		return shown{}, false, errTampered().Because(err)
	}
	return shown{st: st, row: r, key: key, eraseBy: w.EraseBy}, true, nil
}

// describeRecord opens the tokenised part of a row and describes the record.
func (v *Vault) describeRecord(s shown, withBody bool) (Record, error) {
	if s.damage != nil {
		return Record{}, s.damage
	}
	r := s.row
	b, err := v.openBody(s.st.id, r, s.key)
	if err != nil {
		return Record{}, err
	}
	name := r.platform.String()
	if r.platform == 0 {
		name = b.Platform
	}
	out := Record{
		ID: r.id.String(), Store: s.st.id, ExternalID: plainID(b.ExternalID), Kind: r.kind.String(),
		Origin: Origin{
			Provider: r.provider.String(), Store: s.st.id, Platform: name, Version: r.api.String(),
			Endpoint: b.Endpoint, Fetched: r.fetched, How: r.how.String(),
		},
		Clock:     Clock{Anchor: r.anchor.String(), At: r.anchorAt},
		ExpiresAt: s.eraseBy, Version: int(r.version), Leaves: r.leafCount, Classes: classNames(r.classes),
	}
	if withBody {
		out.Body, err = v.renderTokens(nil, s.st, r.id, b)
	}
	return out, err
}

// plainID returns a platform's id, or nothing where it may itself be personal:
// then the record goes by its own id, and by its tokenised part.
func plainID(id string) string {
	if strongroom.CheckName("id", id) != nil {
		return ""
	}
	if _, personal := classify.Has([]byte(id)); personal {
		return ""
	}
	return id
}

// describeAll runs after the event is durable. A row that does not open is
// recorded; in a list it stands as damaged, so that whoever can change a row
// cannot keep its neighbours from being seen.
func (v *Vault) describeAll(ctx context.Context, who strongroom.Actor, a strongroom.Action, rec *guard.Receipt, list []shown) ([]Record, error) {
	out := make([]Record, 0, len(list))
	for _, s := range list {
		one, err := v.describeRecord(s, a.Name == actionRead.Name)
		if err != nil {
			res := strongroom.Resource{Type: "Record", ID: s.row.id.String(), Store: s.st.id}
			index, _ := rec.Index()
			if lost := v.guard.Failed(ctx, who, a, res, faultCode(err), index); lost != nil {
				return nil, lost
			}
			if IsDamaged(err) {
				v.damaged(res.ID)
			}
			if a.Name == actionRead.Name || !IsDamaged(err) {
				return nil, err
			}
			one = Record{ID: s.row.id.String(), Store: s.st.id, Damaged: true}
		}
		out = append(out, one)
	}
	return out, nil
}

// Records lists the live records of one kind, or of all, oldest first. next is
// empty at the end.
func (v *Vault) Records(ctx context.Context, who strongroom.Actor, q ListQuery) (list []Record, next string, err error) {
	kinds, after, err := checkList(q)
	if err != nil {
		return nil, "", v.refuse(ctx, who, actionList, v.storeOr(q.Store), err)
	}
	limit := clampLimit(q.Limit)
	var rows []shown
	var receipt *guard.Receipt
	err = v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		rows, next = nil, ""
		if err := view.Allow(actionList, storeResource(q.Store), guard.Context{}); err != nil {
			return err
		}
		receipt = view.Receipt()
		st, err := v.connectedStore(&view.Reader, q.Store)
		if err != nil {
			return err
		}
		found, err := listKinds(&view.Reader, st.num, kinds, after, view.Now(), limit+1)
		if err != nil {
			return err
		}
		if len(found) > limit {
			found = found[:limit]
			next = found[limit-1].id.cursor()
		}
		rows, err = v.showAll(view, st, found)
		view.Note("records", int64(len(rows)))
		return err
	})
	if err != nil {
		return nil, "", err
	}
	list, err = v.describeAll(ctx, who, actionList, receipt, rows)
	return list, next, err
}

func (v *Vault) showAll(view *guard.View, st *store, rows []*row) ([]shown, error) {
	return v.showEach(view, rows, func(*row) *store { return st })
}

// showEach loads the keys of rows, many at a time. Rows that died since they
// were listed are left out, and so are those of no store. A row that is ahead of
// its key, or says another date than it, was changed: a new version writes both.
func (v *Vault) showEach(view *guard.View, rows []*row, storeOf func(*row) *store) ([]shown, error) {
	ids := make([]uint64, len(rows))
	for i, r := range rows {
		ids[i] = uint64(r.id)
	}
	wraps, err := v.keys.LoadMany(view, ids)
	if err != nil {
		return nil, err
	}
	out := make([]shown, 0, len(rows))
	for _, r := range rows {
		st, w := storeOf(r), wraps[uint64(r.id)]
		s := shown{st: st, row: r, eraseBy: w.EraseBy}
		switch {
		case st == nil || w.Record == 0:
			continue
		case r.broken || r.version > w.Version:
			s.damage = errTampered()
		default:
			forged, err := v.forged(&view.Reader, r, w)
			if err != nil {
				return nil, err
			}
			if forged {
				s.damage = errTampered()
			} else if r.version < w.Version {
				continue
			} else if s.key, err = v.keys.Open(st.id, w); err != nil {
				s.damage = errTampered().Because(err)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// listKinds merges the lists of several kinds: each is a walk along the index of
// its kind, so a page costs the same wherever it lies.
func listKinds(r *db.Reader, store int64, kinds []kind, after recordID, now time.Time, limit int) ([]*row, error) {
	var all []*row
	for _, k := range kinds {
		rows, err := listRows(r, store, k, after, now, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b *row) int { return cmp.Compare(a.id, b.id) })
	return all[:min(len(all), limit)], nil
}

func allKinds() []kind { return []kind{kindOrder, kindCustomer, kindFulfillment, kindStore} }

// Kinds are the words by which records are of a kind, as lists show them.
func Kinds() []string {
	var out []string
	for _, k := range allKinds() {
		out = append(out, k.String())
	}
	return out
}

func checkList(q ListQuery) ([]kind, recordID, error) {
	if !checkStoreID(q.Store) {
		return nil, 0, noStore()
	}
	kinds := allKinds()
	if q.Kind != "" {
		k, ok := fieldmap.ParseKind(q.Kind)
		if !ok {
			return nil, 0, strongroom.Faultf(strongroom.Invalid, "kind", "kind must be order, customer, fulfillment or store")
		}
		kinds = []kind{k}
	}
	after, err := parseCursor(q.Cursor)
	return kinds, after, err
}

// storeOr is the resource of a refusal: the store if the id can be one.
func (v *Vault) storeOr(id string) strongroom.Resource {
	if checkStoreID(id) {
		return storeResource(id)
	}
	return instance()
}

// Record returns one record with its tokenised body.
func (v *Vault) Record(ctx context.Context, who strongroom.Actor, store, id string) (Record, error) {
	rid, err := parseRecordID(id)
	if err == nil && !checkStoreID(store) {
		err = noStore()
	}
	if err != nil {
		return Record{}, v.refuse(ctx, who, actionRead, v.storeOr(store), err)
	}
	var one shown
	var receipt *guard.Receipt
	err = v.guard.Read(ctx, who, func(_ context.Context, view *guard.View) error {
		r := &reveal{v: v, id: rid, store: store}
		found := r.load(view)
		if found == nil {
			_, found = v.storeForReader(&view.Reader, store)
		}
		if err := view.Allow(actionRead, r.resource(), guard.Context{}); err != nil {
			return err
		}
		receipt = view.Receipt()
		if found != nil {
			return found
		}
		var ok bool
		var err error
		if one, ok, err = v.show(view, r.st, r.row); err == nil && !ok {
			err = strongroom.Faultf(strongroom.Erased, "erased", "the record was erased")
		}
		return err
	})
	if IsDamaged(err) {
		v.damaged(id)
	}
	if err != nil {
		return Record{}, err
	}
	list, err := v.describeAll(ctx, who, actionRead, receipt, []shown{one})
	if err != nil {
		return Record{}, err
	}
	return list[0], nil
}

// Gauges are live facts for metrics.
type Gauges struct {
	// OldestPII is when the oldest record that still has a key came in; zero if
	// there is none.
	OldestPII time.Time
	// Overdue counts what is past its date and not gone: keys and remains.
	Overdue int64
	// NextDue is the next erase-by date; zero if there is none.
	NextDue time.Time
	// Damaged counts the rows that did not open since the process began, wherever
	// they were met, each once. It is not 0 only if somebody changed the database.
	Damaged int64
}
