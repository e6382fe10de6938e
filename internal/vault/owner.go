package vault

import (
	"strings"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/seal"
)

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

// classOf returns the classes of a record's leaves by their numbers.
func (o *opened) classOf() (map[uint32]string, error) {
	out := make(map[uint32]string)
	err := fieldmap.Holes(o.Template, func(h fieldmap.Hole) bool {
		out[h.Number] = h.Class.String()
		return true
	})
	return out, err
}
