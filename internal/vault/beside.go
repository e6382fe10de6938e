package vault

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
)

// What other packages keep beside a record: a few bytes, such as the key of a
// document, sealed under the record's own key. They move along when the record gets
// a new version, and nothing opens them once it is dead. They lie among the
// references of the record, so that what clears those clears them.

// maxBeside is how many bytes lie beside a record under one name.
const maxBeside = 256

// besideHash names what lies beside a record, unlike every reference.
func (v *Vault) besideHash(store, name string) (hash, error) {
	key, err := v.keys.StoreKey(store, keys.Ident)
	if err != nil {
		return hash{}, err
	}
	mac := key.MAC([]byte("beside a record"), []byte(name))
	return hash(mac[:len(hash{})]), nil
}

// beside loads what both doors need: a live record of a store that is open.
func (v *Vault) beside(tx *guard.Tx, store, record, name string) (recordID, hash, keys.Wrapped, error) {
	none := func(err error) (recordID, hash, keys.Wrapped, error) { return 0, hash{}, keys.Wrapped{}, err }
	if tx.Behind() > clockSlack {
		return none(strongroom.Faultf(strongroom.Unavailable, "clock-behind", "the clock is behind the newest event of the log, so nothing is opened").
			Advise("set the host's time and try again"))
	}
	id, err := parseRecordID(record)
	if err != nil {
		return none(err)
	}
	st, err := v.connectedStore(&tx.Reader, store)
	if err != nil {
		return none(err)
	}
	row, err := loadOutline(&tx.Reader, id)
	if err != nil {
		return none(noRecord(err))
	}
	if row.store != st.num {
		return none(noRecord(nil))
	}
	if err := v.alive(row, tx.Now()); err != nil {
		return none(err)
	}
	w, err := v.keys.LoadTx(tx, uint64(id))
	if err != nil {
		return none(err)
	}
	if !w.EraseBy.Equal(row.expires) { // the date that is bound is the wrap's
		return none(errMoved())
	}
	h, err := v.besideHash(store, name)
	return id, h, w, err
}

// SealBesideTx keeps up to 256 bytes beside a record under a name that is taken
// once. The caller has been allowed to. Faults: NotFound and Erased of the record
// and its store, Denied store-closed, Conflict where the name is taken or the record
// changed, Unavailable clock-behind.
func (v *Vault) SealBesideTx(tx *guard.Tx, store, record, name string, secret []byte) error {
	if len(secret) > maxBeside {
		return strongroom.Faultf(strongroom.Internal, "beside", "too much was to lie beside a record")
	}
	id, h, w, err := v.beside(tx, store, record, name)
	if err != nil {
		return err
	}
	key, err := v.keys.Open(store, w)
	if err != nil {
		return err
	}
	defer key.Zero()
	sealed := key.Seal(nil, v.referenceAD(store, id, w.Version, h), secret)
	n, err := tx.Exec(sqlReferenceAdd, int64(id), h[:], db.Micros(tx.Now()), sealed)
	if err == nil && n != 1 {
		return strongroom.Faultf(strongroom.Conflict, "beside", "something of this name lies beside the record already").Advise("use a new name")
	}
	return err
}

// Beside is what lies beside a record, still sealed. It does not print.
type Beside struct {
	v      *Vault
	store  string
	id     recordID
	hash   hash
	key    keys.Wrapped
	sealed []byte
}

// BesideTx loads what lies beside a record under a name, in the transaction that
// records why. Faults: those of [Vault.SealBesideTx], NotFound beside.
func (v *Vault) BesideTx(tx *guard.Tx, store, record, name string) (*Beside, error) {
	id, h, w, err := v.beside(tx, store, record, name)
	if err != nil {
		return nil, err
	}
	list, err := loadReferences(&tx.Reader, id)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.hash == h {
			return &Beside{v: v, store: store, id: id, hash: h, key: w, sealed: one.sealed}, nil
		}
	}
	return nil, strongroom.Faultf(strongroom.NotFound, "beside", "nothing of this name lies beside the record")
}

// Open returns the bytes, once the event is durable. Faults: Internal where the row
// was changed.
func (b *Beside) Open() ([]byte, error) {
	key, err := b.v.keys.Open(b.store, b.key)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	out, err := key.Open(nil, b.v.referenceAD(b.store, b.id, b.key.Version, b.hash), b.sealed)
	if err != nil {
		b.v.damaged(b.id.String())
		return nil, errTampered()
	}
	return out, nil
}

// DebitTx takes a whole record off the budget of who acts, because what lies beside it
// is about to be disclosed: one record, and as many fields as it holds. It comes with
// the event, in one transaction. Faults: Exhausted budget, and those of the record and
// its store.
func (v *Vault) DebitTx(tx *guard.Tx, store, record string, purpose strongroom.Purpose) error {
	st, err := v.connectedStore(&tx.Reader, store)
	if err != nil {
		return err
	}
	id, err := parseRecordID(record)
	if err != nil {
		return err
	}
	row, err := loadOutline(&tx.Reader, id)
	if err != nil {
		return noRecord(err)
	}
	n := accountName{who: tx.Actor().ID, purpose: purpose, store: st.num}
	return v.debit(tx, n, nil, 1, int64(row.leafCount))
}
