package vault

import (
	"math/bits"
	"slices"

	"strongroom"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
)

// selected finds out which leaves the fields name, from the tokenised part
// alone: no personal value is open yet.
func (r *reveal) selected(view *guard.View) ([]string, error) {
	if _, err := r.v.storeForReader(&view.Reader, r.store); err != nil {
		return nil, err
	}
	r.count = int64(len(r.fields))
	w, err := r.v.keys.Load(view, uint64(r.id))
	if err != nil {
		return nil, err
	}
	key, err := r.v.keys.Open(r.store, w)
	if err != nil {
		return nil, err
	}
	b, err := r.v.openBody(r.store, r.row, key)
	if err != nil {
		return nil, err
	}
	m, err := r.v.mapOf(r.store, r.row, b)
	if err != nil {
		return nil, err
	}
	stand, err := standIns(b.Template)
	if err != nil {
		return nil, err
	}
	places, err := m.Places(b.Template, stand)
	if err != nil {
		return nil, err
	}
	open, missing := fieldmap.Select(places, r.fields)
	// A field that this record happens not to have is no mistake of the caller.
	missing = slices.DeleteFunc(missing, m.Has)
	if len(missing) > 0 {
		return nil, strongroom.Faultf(strongroom.Invalid, "field", "%d of the fields name nothing in this record", len(missing)).
			Advise("name classes or paths of known keys")
	}
	r.want, r.count = make(map[uint32]bool, len(open)), int64(len(open))
	var mask uint64
	for i := range open {
		r.want[open[i].Number] = true
		mask |= 1 << open[i].Class
	}
	return classNames(mask), nil
}

// standIns returns texts that stand for the closed leaves of a template, so that
// it can be walked before anything personal may be opened. Keys that no map
// knows stay closed: their paths read {key}.
func standIns(tmpl []byte) (func(number uint32) []byte, error) {
	text := make(map[uint32][]byte)
	err := fieldmap.Holes(tmpl, func(h fieldmap.Hole) bool {
		switch {
		case h.Inner && h.String:
			text[h.Number] = []byte(`\"x\"`)
		case h.String || h.Treatment == fieldmap.KeyToken:
			text[h.Number] = []byte(`"x"`)
		default:
			text[h.Number] = []byte(`0`)
		}
		return true
	})
	return func(n uint32) []byte { return text[n] }, err
}

// mapOf returns the field map a stored record was treated with, in its present
// form.
func (v *Vault) mapOf(store string, r *row, b *body) (*fieldmap.Map, error) {
	name := r.platform.String()
	if r.platform == 0 {
		name = b.Platform
	}
	return v.maps.of(store).Find(r.kind.String(), r.api.String(), name)
}

func classNames(mask uint64) []string {
	out := make([]string, 0, bits.OnesCount64(mask))
	for _, c := range fieldmap.Classes() {
		if mask&(1<<c) != 0 {
			out = append(out, c.String())
		}
	}
	return out
}
