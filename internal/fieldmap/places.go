package fieldmap

import (
	"strconv"
	"strings"

	"strongroom"
)

// Place says where a leaf of a stored template stands.
type Place struct {
	Number    uint32
	Place     string // as Leaf.Place under the map that walked
	Path      string // as Leaf.Path
	Name      string // real key names, arrays left out: "customer.birthdate"; never log it
	Class     Class
	Treatment Treatment
}

// located is a hole with the span its value has in the restored text.
type located struct {
	start, end int
	hole       Hole
}

// Places walks a stored template again under m, which may be a newer map than
// the one that made it, and says where each leaf stands, in document order.
// value returns the exact text of a leaf, as it was left out. The fault is
// Invalid when template and values do not make an object.
func (m *Map) Places(tmpl []byte, value func(number uint32) []byte) ([]Place, error) {
	var holes []located
	var raw []byte
	for rest := tmpl; rest != nil; {
		text, h, next, err := nextHole(rest)
		if err != nil {
			return nil, err
		}
		if raw = append(raw, text...); next != nil {
			start := len(raw)
			raw = append(raw, value(h.Number)...)
			holes = append(holes, located{start, len(raw), h})
		}
		rest = next
	}
	if len(holes) == 0 {
		return nil, nil
	}
	w := m.set.scratch.Get().(*walker)
	defer w.release()
	w.m, w.b, w.holes, w.hole = m, raw, holes, 0
	w.lim = Limits{Depth: maxDepth, Nodes: len(raw) + 1}
	w.begin(skipSpace(raw, 0), true)
	w.root.watching = false
	w.inRecord, w.up, w.found = true, m.root, make([]Place, 0, len(holes))
	w.rec.reset(m.id.kind, m.states)
	if w.i >= len(raw) || raw[w.i] != '{' || !w.value(m.root) {
		return nil, errTemplate()
	}
	if len(w.found) != len(holes) {
		return nil, strongroom.Faultf(strongroom.Invalid, "template", "the template and its leaves do not fit")
	}
	return w.found, nil
}

// locateScalar stands in for the decisions of a parse: which holes are here?
func (w *walker) locateScalar(n *node, start, end int, first byte, escaped bool) bool {
	whole := w.hole < len(w.holes) && w.holes[w.hole].start == w.at(start)
	if first == '"' && end-start > 2 && !whole && n != nil && n.rule != nil && n.rule.inside && w.pos == nil {
		if !w.document(n, start, end, escaped) {
			return false
		}
	}
	w.locateAt(n, start, end, false)
	return true
}

func (w *walker) locate(start, end int, key bool) { w.locateAt(nil, start, end, key) }

// locateAt takes the holes that begin in a key or scalar. More than one, or one
// that is not the whole of it, are pieces of a document that is now treated as
// one text; their places match no leaf of a parse, so their numbers retire.
func (w *walker) locateAt(n *node, start, end int, key bool) {
	from, to := w.at(start), w.at(end)
	for piece := 0; w.hole < len(w.holes) && w.holes[w.hole].start < to; piece++ {
		h := w.holes[w.hole]
		w.hole++
		p := Place{Number: h.hole.Number, Class: h.hole.Class, Treatment: h.hole.Treatment, Path: w.unknownPath()}
		name, _ := w.names(false)
		p.Name = string(name)
		switch {
		case h.start != from || h.end != to:
			w.build()
			p.Place = string(append(strconv.AppendInt(append(w.place, segInside), int64(piece), 10), segEnd))
		case key:
			w.build()
			p.Place = string(append(w.place, segKey))
		default:
			p.Place = strings.Clone(w.where(n))
		}
		if n != nil {
			p.Path = n.path
		}
		w.found = append(w.found, p)
	}
}

// Select returns the places that fields name: a class ("email"), a path
// ("shippingAddress.phone") or the path of a container, which names all inside
// it ("shippingAddress"). An unmapped key goes by its real name. missing lists
// the fields that name nothing.
func Select(places []Place, fields []string) (open []Place, missing []string) {
	hit := make([]bool, len(fields))
	for _, p := range places {
		chosen := false
		for i, f := range fields {
			if p.in(f) {
				hit[i], chosen = true, true
			}
		}
		if chosen {
			open = append(open, p)
		}
	}
	for i, f := range fields {
		if !hit[i] {
			missing = append(missing, f)
		}
	}
	return open, missing
}

// Has reports whether field is a class or the path of a field or container that
// m knows, whether or not a record has it.
func (m *Map) Has(field string) bool {
	if _, ok := ParseClass(field); ok {
		return true
	}
	n := m.root
	for key := range strings.SplitSeq(field, ".") {
		for n.element != nil {
			n = n.element
		}
		if n = n.members[key]; n == nil {
			return false
		}
	}
	return true
}

func (p *Place) in(field string) bool {
	if field == "" {
		return false
	}
	if c, ok := ParseClass(field); ok && c == p.Class {
		return true
	}
	return under(p.Path, field) || under(p.Name, field)
}

func under(path, field string) bool {
	return strings.HasPrefix(path, field) && (len(path) == len(field) || path[len(field)] == '.')
}
