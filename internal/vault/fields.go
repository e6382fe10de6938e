package vault

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// Field is a key of incoming bodies that no field map knows, or whose value was
// not what its map expects. It counts as personal until a person decides.
type Field struct {
	ID       string // "fld_…"
	Store    string
	Resource string
	Version  string
	Platform string
	Path     string // of known keys; {key} stands for each that is not
	Name     string // the real key names, sealed at rest; "" if not known
	Type     string // JSON type of the value
	Why      string // unmapped, drifted or detected
	Count    int64  // how often it came
	First    time.Time
	Last     time.Time
	As       string // what a person decided; "" while nobody has
}

// fieldCard is what is sealed of a field.
type fieldCard struct {
	Resource string `json:"r"`
	Version  string `json:"v"`
	Platform string `json:"p,omitempty"`
	Path     string `json:"path"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Why      string `json:"why"`
	As       string `json:"as,omitempty"`
}

const (
	fieldPrefix = "fld"

	sqlFieldSeen = `insert into vault_field (hash, id, store, decision, count, first_at, last_at, sealed)
		values ($1, $2, $3, 0, $4, $5, $5, $6)
		on conflict (hash) do update set count = vault_field.count + excluded.count, last_at = excluded.last_at`
	sqlFieldCount = `update vault_field set count = count + $2, last_at = $3 where hash = $1`
	sqlFields     = `select hash, id, store, decision, count, first_at, last_at, sealed from vault_field
		where store = $1 and id > $2 order by id limit $3`
	sqlField = `select hash, id, store, decision, count, first_at, last_at, sealed from vault_field where id = $1`

	sqlFieldDecide  = `update vault_field set decision = decision + 1, sealed = $2 where hash = $1`
	sqlFieldDecided = `select hash, id, store, decision, count, first_at, last_at, sealed from vault_field
		where store = $1 and decision > 0 order by id`
	sqlStoreFields = `update vault_store set fields = fields + 1 where num = $1`
)

// pendingFields counts sightings of fields that are in the table already. They
// are written with the next new one, or when somebody looks: a count that a
// crash loses by some is no loss.
type pendingFields struct {
	mu    sync.Mutex
	known map[hash]int64 // sightings not written yet
}

// maxPending bounds the memory of fields seen by this process.
const maxPending = 10_000

// unknownTally is a field in the call at work.
type unknownTally struct {
	card  fieldCard
	count int64
}

// tally counts an object's unknown fields.
func (p *placing) tally(w *work) {
	for i := range w.obj.Unknown {
		u := &w.obj.Unknown[i]
		h := short(p.ident.MAC([]byte("field"), []byte{byte(w.obj.Kind), byte(w.doc.from.api)},
			[]byte(w.doc.in.Platform), []byte(u.Path), []byte(u.Name), []byte(u.Type)))
		if p.unknown == nil {
			p.unknown = make(map[hash]*unknownTally)
		}
		t := p.unknown[h]
		if t == nil {
			t = &unknownTally{card: fieldCard{
				Resource: w.obj.Kind.String(), Version: w.doc.in.Version, Platform: w.doc.in.Platform,
				Path: u.Path, Name: u.Name, Type: u.Type, Why: reasonName(u.Reason),
			}}
			p.unknown[h] = t
		}
		t.count += int64(u.Count)
	}
}

func reasonName(r fieldmap.Reason) string {
	switch r {
	case fieldmap.Drifted:
		return "drifted"
	case fieldmap.Detected:
		return "detected"
	case fieldmap.Unmapped:
	}
	return "unmapped"
}

// writeUnknown writes the fields this process has not seen before and keeps the
// sightings of the others for later.
func (p *placing) writeUnknown() error {
	if len(p.unknown) == 0 {
		return nil
	}
	seen, fresh := p.unknown, make(map[hash]*unknownTally)
	q := &p.v.pending
	q.mu.Lock()
	for h, t := range seen {
		if _, ok := q.known[h]; !ok {
			fresh[h] = t
		}
	}
	q.mu.Unlock()
	if len(fresh) == 0 {
		p.tx.AfterCommit(func() { q.note(seen, nil) })
		return nil
	}
	key, err := p.v.keys.StoreKey(p.st.id, keys.Merchant)
	if err != nil {
		return err
	}
	now := db.Micros(p.tx.Now())
	for h, t := range fresh {
		text, err := json.Marshal(t.card)
		if err != nil {
			return err
		}
		sealed := key.Seal(nil, p.v.fieldAD(p.st.id, h), text)
		hash := h
		if err := p.tx.Queue(sqlFieldSeen, hash[:], strongroom.NewID(fieldPrefix), p.st.num, t.count, now, sealed); err != nil {
			return err
		}
	}
	p.tx.AfterCommit(func() { q.note(seen, fresh) })
	return nil
}

// note remembers the fields that are in the table now and counts the others.
func (q *pendingFields) note(seen, written map[hash]*unknownTally) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known == nil || len(q.known) > maxPending {
		q.known = make(map[hash]int64)
	}
	for h, t := range seen {
		if _, ok := written[h]; ok {
			q.known[h] += 0
		} else {
			q.known[h] += t.count
		}
	}
}

// take returns the sightings to be written and forgets them.
func (q *pendingFields) take() map[hash]int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make(map[hash]int64)
	for h, n := range q.known {
		if n > 0 {
			out[h], q.known[h] = n, 0
		}
	}
	return out
}

// giveBack counts again what could not be written.
func (q *pendingFields) giveBack(counts map[hash]int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for h, n := range counts {
		if _, ok := q.known[h]; ok {
			q.known[h] += n
		}
	}
}

func (v *Vault) fieldAD(store string, h hash) []byte {
	return seal.AD("strongroom/field/1", string(v.env), store, h[:])
}

// fieldRow is a field as it lies in its table.
type fieldRow struct {
	hash            hash
	id              string
	store           int64
	decision        int64
	count           int64
	firstAt, lastAt int64
	sealed          []byte
	card            fieldCard
}

func scanField(scan func(...any) error) (*fieldRow, error) {
	var f fieldRow
	var h []byte
	if err := scan(&h, &f.id, &f.store, &f.decision, &f.count, &f.firstAt, &f.lastAt, &f.sealed); err != nil {
		return nil, err
	}
	if len(h) != len(f.hash) {
		return nil, badRow("field")
	}
	f.hash = hash(h)
	return &f, nil
}

func (v *Vault) openField(store string, f *fieldRow) error {
	key, err := v.keys.StoreKey(store, keys.Merchant)
	if err != nil {
		return err
	}
	text, err := key.Open(nil, v.fieldAD(store, f.hash), f.sealed)
	if err != nil {
		return badRow("field")
	}
	return json.Unmarshal(text, &f.card)
}

func (f *fieldRow) field(store string) Field {
	c := &f.card
	return Field{
		ID: f.id, Store: store, Resource: c.Resource, Version: c.Version, Platform: c.Platform, Path: c.Path, Name: c.Name,
		Type: c.Type, Why: c.Why, Count: f.count, First: db.Time(f.firstAt), Last: db.Time(f.lastAt), As: c.As,
	}
}

func fieldRows(rows *db.Rows, err error) ([]*fieldRow, error) {
	if err != nil {
		return nil, err
	}
	var out []*fieldRow
	for rows.Next() {
		f, err := scanField(rows.Scan)
		if err != nil {
			rows.Close()
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Close()
}

// FieldQuery asks for a store's unknown fields.
type FieldQuery struct {
	Store  string
	Cursor string // the ID of the last one seen
	Limit  int
	// Names asks for the real names of their keys, which may be personal: for
	// whoever may classify the fields.
	Names bool
}

// Fields lists a store's unknown fields by the paths of known keys.
func (v *Vault) Fields(ctx context.Context, who strongroom.Actor, q FieldQuery) (list []Field, next string, err error) {
	store, cursor, limit, action := q.Store, q.Cursor, q.Limit, actionFieldList
	if q.Names {
		action = actionFieldClassify
	}
	if !checkStoreID(store) {
		return nil, "", v.refuse(ctx, who, action, instance(), noStore())
	}
	limit = clampLimit(limit)
	counts := v.pending.take()
	err = v.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		list, next = nil, ""
		if err := tx.Allow(action, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		st, err := v.keptStore(&tx.Reader, store)
		if err != nil {
			return err
		}
		for h, n := range counts {
			if err := tx.Queue(sqlFieldCount, append([]byte(nil), h[:]...), n, db.Micros(tx.Now())); err != nil {
				return err
			}
		}
		rows, err := fieldRows(tx.Query(sqlFields, st.num, checkedField(cursor), limit+1))
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].id
		}
		for _, f := range rows {
			if err := v.openField(store, f); err != nil {
				return err
			}
			one := f.field(store)
			if !q.Names {
				one.Name = ""
			}
			list = append(list, one)
		}
		tx.Note("fields", int64(len(list)))
		return nil
	})
	if err != nil {
		v.pending.giveBack(counts)
		return nil, "", err
	}
	return list, next, nil
}

// checkedField returns s if it can be a field's id, else "": nothing else may
// reach a statement or the log.
func checkedField(s string) string {
	if strongroom.IsID(fieldPrefix, s) {
		return s
	}
	return ""
}
