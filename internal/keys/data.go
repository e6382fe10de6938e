package keys

import (
	"fmt"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Wrapped is the data key of one version of a record as it lies in the database.
// It opens only with all of its fields as they were.
type Wrapped struct {
	Record  uint64
	Version uint32
	Store   uint32 // the store's number in the keyring
	Epoch   uint32
	EraseBy time.Time // microseconds count
	Wrap    []byte

	aside bool // the roll could not open it
}

// String names the wrap without its bytes.
func (w Wrapped) String() string {
	return fmt.Sprintf("record %d version %d epoch %d", w.Record, w.Version, w.Epoch)
}

// wrapAD is the context of a data key under its epoch key. Another record,
// store, environment, version, epoch or date is another context.
func wrapAD(dst []byte, s *state, store string, w *Wrapped) []byte {
	return seal.AppendAD(dst, "strongroom/data-key/1", string(s.env), store,
		w.Record, w.Version, w.Epoch, w.EraseBy.UnixMicro())
}

// NewData makes a fresh data key for a version of a record that must be dead at
// eraseBy, and wraps it under the current epoch key. It is work in memory alone;
// nothing lasts until PutTx. Faults: NotFound for an unknown store, Erased for
// one whose keys are destroyed.
func (k *Keys) NewData(store string, record uint64, version uint32, eraseBy time.Time) (seal.Key, Wrapped, error) {
	s := k.ring.now.Load()
	st, ok := s.stores[store]
	if !ok {
		return seal.Key{}, Wrapped{}, noStore()
	}
	if st.gone {
		return seal.Key{}, Wrapped{}, storeGone()
	}
	key := seal.NewKey()
	w := Wrapped{Record: record, Version: version, Store: st.number, EraseBy: eraseBy.UTC().Truncate(time.Microsecond)}
	return key, w, k.ring.wrap(&w, key)
}

// Open unwraps a data key. Faults: Denied (code "wrap") if the wrap is not the
// one made for exactly this store, record, version, epoch and date; Erased (code
// "epoch") if its epoch key is destroyed.
func (k *Keys) Open(store string, w Wrapped) (seal.Key, error) {
	s := k.ring.now.Load()
	if st, ok := s.stores[store]; !ok || st.number != w.Store {
		return seal.Key{}, wrongWrap()
	}
	return k.ring.unwrap(&w)
}

// Redate returns the same data key wrapped for another erase-by date, for PutTx.
// The sealed bytes stay as they are; the old wrap does not open with the new
// date.
func (k *Keys) Redate(store string, w Wrapped, eraseBy time.Time) (Wrapped, error) {
	key, err := k.Open(store, w)
	if err != nil {
		return Wrapped{}, err
	}
	defer key.Zero()
	w.EraseBy = eraseBy.UTC().Truncate(time.Microsecond)
	return w, k.ring.wrap(&w, key)
}

// wrap fills in epoch and wrap of w for key.
func (r *Ring) wrap(w *Wrapped, key seal.Key) error {
	r.epochs.RLock()
	defer r.epochs.RUnlock()
	s := r.now.Load()
	w.Epoch = s.epoch
	ad := wrapAD(make([]byte, 0, 160), s, s.byNumber[w.Store], w)
	w.Wrap = s.entries[slot{use: epochUse, epoch: s.epoch}].key.Wrap(ad, key)
	return nil
}

func (r *Ring) unwrap(w *Wrapped) (seal.Key, error) {
	r.epochs.RLock()
	defer r.epochs.RUnlock()
	s := r.now.Load()
	if w.aside {
		return seal.Key{}, wrongWrap() // changed, not erased
	}
	e := s.entries[slot{use: epochUse, epoch: w.Epoch}]
	if e == nil {
		return seal.Key{}, strongroom.Faultf(strongroom.Erased, "epoch", "the key of epoch %d is destroyed", w.Epoch)
	}
	key, err := e.key.Unwrap(wrapAD(make([]byte, 0, 160), s, s.byNumber[w.Store], w), w.Wrap)
	if err != nil {
		return seal.Key{}, wrongWrap()
	}
	return key, nil
}

func wrongWrap() error {
	return strongroom.Faultf(strongroom.Denied, "wrap", "the data key does not open in this place").
		Advise("the row was moved or changed; compare it with a recovery point")
}

// PutTx stores wrapped keys, each in the place of the record's older version,
// whose key is gone with it. A wrap of an older epoch is moved to the current
// one first, so that no row begins to depend on a key that is about to be
// destroyed; ws is changed accordingly. A newer version that is stored already
// stays; the caller, who compares and swaps the record itself, learns it there.
// PutTx asks for no decision of its own: it serves the verb that has been
// allowed to store the record.
func (k *Keys) PutTx(tx *guard.Tx, ws []Wrapped) error {
	if err := k.ready(ws); err != nil {
		return err
	}
	return putMany(tx, ws)
}

// AddTx is [Keys.PutTx] for records that have no key yet, each named once: it does
// not look for an older one, which spares PostgreSQL half of the work. Where there
// is one after all, the transaction fails.
func (k *Keys) AddTx(tx *guard.Tx, ws []Wrapped) error {
	if err := k.ready(ws); err != nil {
		return err
	}
	return addMany(tx, ws)
}

// ready moves wraps of an older epoch to the current one and notes the first date
// among them.
func (k *Keys) ready(ws []Wrapped) error {
	if len(ws) == 0 {
		return nil
	}
	epoch := k.ring.now.Load().epoch
	first := ws[0].EraseBy
	for i := range ws {
		w := &ws[i]
		if w.Epoch != epoch {
			if err := k.ring.rewrap(w); err != nil {
				return tooLate(err)
			}
		}
		if w.EraseBy.Before(first) {
			first = w.EraseBy
		}
	}
	k.due.put(first)
	return nil
}

// tooLate tells who made a wrap before a whole roll went by that making it again
// will do; nothing was erased.
func tooLate(err error) error {
	if strongroom.IsKind(err, strongroom.Erased) {
		return strongroom.Faultf(strongroom.Unavailable, "epoch", "the data key was made too long ago to be stored").Advise("try again")
	}
	return err
}

// rewrap moves w to the current epoch.
func (r *Ring) rewrap(w *Wrapped) error {
	key, err := r.unwrap(w)
	if err != nil {
		return err
	}
	defer key.Zero()
	return r.wrap(w, key)
}

// LoadTx returns the wrapped key of a record. Faults: Erased if its date is
// reached, swept or not (code "expired"), or its key was destroyed for another
// reason (code "erased"); NotFound if no trace of the record is left here.
func (k *Keys) LoadTx(tx *guard.Tx, record uint64) (Wrapped, error) {
	return k.load(&tx.Writer.Reader, record, tx.Now())
}

// Load is LoadTx on the snapshot of a view. What it finds may be gone by the
// time the view is confirmed, so a reveal loads again with LoadTx there.
func (k *Keys) Load(v *guard.View, record uint64) (Wrapped, error) {
	return k.load(&v.Reader, record, v.Now())
}

func (k *Keys) load(r *db.Reader, record uint64, now time.Time) (Wrapped, error) {
	if k.gone.has(record) {
		return Wrapped{}, erased()
	}
	w, err := readRow(r, record)
	switch {
	case strongroom.IsKind(err, strongroom.NotFound):
		return Wrapped{}, missing(r, record)
	case err != nil:
		return Wrapped{}, err
	case !now.Before(w.EraseBy):
		return Wrapped{}, expired()
	}
	return w, nil
}

// missing tells a record whose key died, and why, from one that never was.
func missing(r *db.Reader, record uint64) error {
	reason, err := diedOf(r, record)
	switch {
	case err != nil:
		return err
	case reason == Expired:
		return expired()
	case reason != 0:
		return erased()
	}
	return strongroom.Faultf(strongroom.NotFound, "record", "there is no key of such a record")
}

func expired() error {
	return strongroom.Faultf(strongroom.Erased, "expired", "the record has reached its erase-by date")
}
