package vault

import (
	"strings"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// What other packages keep beside a record: a few bytes, such as the key of a
// document, sealed under the record's own key. They move along when the record gets
// a new version, and nothing opens them once it is dead.

// maxBeside is how many bytes lie beside a record under one name.
const maxBeside = 256

// Owner says which record a token is of. It is no proof that the record lives.
type Owner struct {
	Store, Record string
	// Kind is order, customer, fulfilment or store; empty where the record is gone.
	Kind string
}

// Owners returns the owners of tokens, the zero Owner for what is no token of ours.
// Nothing is opened. It is for a package that is about to decide, and discloses
// nothing by itself.
func (v *Vault) Owners(r *db.Reader, tokens []string) ([]Owner, error) {
	out := make([]Owner, len(tokens))
	byTag := make(map[[5]byte]*store)
	kinds := make(map[recordID]string)
	for i, text := range tokens {
		token := strings.TrimSuffix(text, emailDomain)
		env, tag, ok := seal.ParseToken(token)
		if !ok || env != v.tokenEnv {
			continue
		}
		st, known := byTag[tag]
		if !known {
			var err error
			if st, err = v.loadStoreByTag(r, tag); err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
				return nil, err
			}
			byTag[tag] = st
		}
		if st == nil || st.token.IsZero() {
			continue
		}
		n, _, ok := st.token.Decode(token)
		if !ok {
			continue
		}
		id := recordID(n)
		if _, ok := kinds[id]; !ok {
			row, err := loadOutline(r, id)
			if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
				return nil, err
			}
			if kinds[id] = ""; err == nil && row.store == st.num {
				kinds[id] = kindAttr(row.kind)
			}
		}
		out[i] = Owner{Store: st.id, Record: id.String(), Kind: kinds[id]}
	}
	return out, nil
}

// Living returns those of the records that are alive now. Like [Vault.Owners] it
// discloses nothing by itself.
func (v *Vault) Living(r *db.Reader, records []string) (map[string]bool, error) {
	out := make(map[string]bool, len(records))
	for _, s := range records {
		id, err := parseRecordID(s)
		if err != nil {
			continue
		}
		row, err := loadOutline(r, id)
		switch {
		case strongroom.IsKind(err, strongroom.NotFound):
		case err != nil:
			return nil, err
		case v.alive(row, r.Now()) == nil:
			out[s] = true
		}
	}
	return out, nil
}

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
	h, err := v.besideHash(store, name)
	return id, h, w, err
}

// SealBesideTx keeps up to 256 bytes beside a record under a name. The caller has
// been allowed to. Faults: NotFound and Erased of the record and its store, Denied
// store-closed.
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
	sealed := key.Seal(nil, v.referenceAD(store, id, w.Version, h), secret)
	_, err = tx.Exec(sqlReferenceAdd, int64(id), h[:], db.Micros(tx.Now()), sealed)
	return err
}

// Beside is what lies beside a record, still sealed.
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
	if tx.Behind() > clockSlack {
		return nil, strongroom.Faultf(strongroom.Unavailable, "clock-behind", "the clock is behind the newest event of the log, so nothing is opened").
			Advise("set the host's time and try again")
	}
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
	out, err := key.Open(nil, b.v.referenceAD(b.store, b.id, b.key.Version, b.hash), b.sealed)
	if err != nil {
		b.v.damaged(b.id.String())
		return nil, errTampered()
	}
	return out, nil
}

// classOf returns the classes of a record's leaves by their numbers.
func (o *opened) classOf() (map[uint32]string, error) {
	out := make(map[uint32]string)
	err := fieldmap.Holes(o.Template, func(h fieldmap.Hole) bool {
		out[h.Number] = h.Class.String()
		return true
	})
	return out, err
}
