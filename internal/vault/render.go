package vault

import (
	"strongroom/internal/fieldmap"
)

// emailDomain follows the token of an e-mail address, so that a client's check
// of the address's form passes. The domain is reserved and receives nothing.
const emailDomain = "@pii.invalid"

// pseudonymPrefix marks a pseudonym in an answer.
const pseudonymPrefix = "pn_"

// renderTokens appends a record as an application sees it without a reveal.
func (v *Vault) renderTokens(dst []byte, st *store, id recordID, b *body) ([]byte, error) {
	return fieldmap.Render(dst, b.Template, fieldmap.Fill{Token: b.tokens(st, id, 0, 0)})
}

// tokens fills closed holes. Leaves from cut on are none of the record's and get
// the token of nowhere, which never opens; a cut of 0 is none.
func (b *body) tokens(st *store, id, nowhere recordID, cut uint32) func(dst []byte, h fieldmap.Hole) []byte {
	return func(dst []byte, h fieldmap.Hole) []byte {
		if h.Treatment == fieldmap.Pseudonym {
			if sum, ok := b.pseudonym(h.Number); ok {
				dst = append(dst, pseudonymPrefix...)
				return recordEncoding.AppendEncode(dst, sum[:])
			}
		}
		of := id
		if cut > 0 && h.Number >= cut {
			of = nowhere
		}
		dst = st.token.AppendToken(dst, uint64(of), h.Number)
		if h.Class == fieldmap.Email && h.String && h.Treatment == fieldmap.Token && !h.Inner {
			dst = append(dst, emailDomain...)
		}
		return dst
	}
}

// renderOpen appends a record with the holes that want opens filled with their
// original text; a nil want opens all, which gives the original byte for byte.
func (v *Vault) renderOpen(dst []byte, st *store, id recordID, o *opened, want func(number uint32) bool) ([]byte, error) {
	if dst == nil {
		dst = make([]byte, 0, len(o.Template)+o.size)
	}
	return fieldmap.Render(dst, o.Template, fieldmap.Fill{
		Value: func(dst []byte, h fieldmap.Hole) ([]byte, bool) {
			text, ok := o.leaves[h.Number]
			if !ok || want != nil && !want(h.Number) {
				return dst, false
			}
			return append(dst, text...), true
		},
		Token: o.tokens(st, id, 0, 0),
	})
}
