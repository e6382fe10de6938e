package fieldmap

import (
	"hash/maphash"

	"strongroom"
)

// walker is one walk over one body. It is pooled; everything in it is scratch.
type walker struct {
	m   *Map
	b   []byte // what is walked: the body, or a document held in a string
	i   int
	lim Limits

	depth, nodes int
	frames       []frame
	from         int    // where the frames of the record begin
	place        []byte // built segments of the frames
	dynamic      int    // frames that keep a place from being the map's path
	hashed       int    // frames that identify an element by its content
	up           *node  // nearest known node above an unknown value
	why          Reason // why it is unknown

	inRecord    bool
	base        int   // start of the record in the body
	pos         []int // inside a held document: offset in its string of each byte
	off         int   // and where that string's content starts in the body
	held        []byte
	buf         []byte // decoded text of the moment
	real, shown []byte // key names of the moment

	leaves  []Leaf // of the records
	outside []Leaf // around them
	text    arena
	rec     record

	env   *Envelope
	root  rootState
	holes []located // locating instead of parsing
	hole  int
	found []Place
	fault *strongroom.Fault
}

// frame is one step of the path to the present value.
type frame struct {
	key     []byte // raw text of the member's key without quotes; nil for an element
	rest    []byte // for an element: the text from its start on
	id      []byte // for an element: what identifies it, or nil
	n       int    // earlier members of the same key, or the element's index
	built   int    // length of place with this frame's segment, 0 while not built
	known   bool
	dynamic bool
	hashed  bool
	inner   bool // the first step inside a held document
}

// tally counts how often a hash was seen before, without a quadratic place and
// without allocating for the usual few.
type tally struct {
	few  [8]uint64
	n    int
	many map[uint64]int
}

func (t *tally) add(h uint64) (earlier int) {
	if t.many == nil && t.n < len(t.few) {
		for _, f := range t.few[:t.n] {
			if f == h {
				earlier++
			}
		}
		t.few[t.n] = h
		t.n++
		return earlier
	}
	if t.many == nil {
		t.many = make(map[uint64]int, 32)
		for _, f := range t.few {
			t.many[f]++
		}
	}
	earlier = t.many[h]
	t.many[h]++
	return earlier
}

func (w *walker) fail(f *strongroom.Fault) bool {
	w.fault = f
	return false
}

func (w *walker) bad(at int) bool {
	if w.pos != nil {
		at = w.off
	}
	return w.fail(strongroom.Faultf(strongroom.Invalid, "json", "the body is not valid JSON at byte %d", at))
}

// value walks the value at w.i, whose place is n; nil means unknown.
func (w *walker) value(n *node) bool {
	w.i = skipSpace(w.b, w.i)
	if w.nodes++; w.nodes > w.lim.Nodes {
		return w.fail(strongroom.Faultf(strongroom.TooLarge, "nodes", "the body has more than %d values", w.lim.Nodes))
	}
	if w.i >= len(w.b) {
		return w.bad(w.i)
	}
	switch c := w.b[w.i]; c {
	case '{':
		if n != nil && n.members == nil {
			return w.drifted(n, "object")
		}
		return w.object(n)
	case '[':
		if n != nil && n.element == nil {
			return w.drifted(n, "array")
		}
		return w.array(n)
	case '"':
		end, escaped := skipString(w.b, w.i)
		if end < 0 {
			return w.bad(w.i)
		}
		return w.scalar(n, end, '"', escaped)
	case 't':
		return w.scalar(n, skipWord(w.b, w.i, "true"), c, false)
	case 'f':
		return w.scalar(n, skipWord(w.b, w.i, "false"), c, false)
	case 'n':
		return w.scalar(n, skipWord(w.b, w.i, "null"), c, false)
	default:
		return w.scalar(n, skipNumber(w.b, w.i), '0', false)
	}
}

// drifted walks a container where the map expects something else: all of it is
// unknown.
func (w *walker) drifted(n *node, typ string) bool {
	up, why := w.up, w.why
	w.up, w.why = n, Drifted
	if next := skipSpace(w.b, w.i+1); next < len(w.b) && w.b[next] != '}' && w.b[next] != ']' {
		w.report(typ, Drifted)
	}
	ok := false
	if typ == "object" {
		ok = w.object(nil)
	} else {
		ok = w.array(nil)
	}
	w.up, w.why = up, why
	return ok
}

func (w *walker) enter() bool {
	if w.depth++; w.depth > w.lim.Depth {
		return w.fail(strongroom.Faultf(strongroom.TooLarge, "depth", "the body is nested deeper than %d", w.lim.Depth))
	}
	w.i = skipSpace(w.b, w.i+1)
	return true
}

func (w *walker) object(n *node) bool {
	if !w.enter() {
		return false
	}
	named := n != nil && n.named
	var outer [2]string
	if named {
		outer, w.rec.name = w.rec.name, [2]string{}
	}
	var seen members
	for first := true; ; first = false {
		done, ok := w.separator('}', first)
		if !ok {
			return false
		}
		if done {
			break
		}
		if !w.member(n, &seen) {
			return false
		}
	}
	if named {
		w.fullName()
		w.rec.name = outer
	}
	w.depth--
	return true
}

// separator reads what stands before the next member or element and reports
// whether the container ended instead.
func (w *walker) separator(closing byte, first bool) (done, ok bool) {
	w.i = skipSpace(w.b, w.i)
	if w.i >= len(w.b) {
		return false, w.bad(w.i)
	}
	switch c := w.b[w.i]; {
	case c == closing:
		w.i++
		return true, true
	case first:
		return false, true
	case c != ',':
		return false, w.bad(w.i)
	}
	w.i = skipSpace(w.b, w.i+1)
	if w.i < len(w.b) && w.b[w.i] == closing {
		return false, w.bad(w.i)
	}
	return false, true
}

// members remembers the keys of one object to tell duplicates: a bit for each
// known one, so that the common case costs nothing.
type members struct {
	known [maxMembers / 64]uint64
	other tally
}

func (s *members) earlier(w *walker, child *node, key []byte) int {
	if child != nil {
		word, bit := &s.known[child.ord/64], uint64(1)<<(child.ord%64)
		if *word&bit == 0 {
			*word |= bit
			return 0
		}
		return 1 + s.other.add(maphash.String(w.m.set.seed, child.path))
	}
	return s.other.add(maphash.Bytes(w.m.set.seed, key))
}

func (w *walker) member(n *node, seen *members) bool {
	start := w.i
	if start >= len(w.b) || w.b[start] != '"' {
		return w.bad(start)
	}
	end, escaped := skipString(w.b, start)
	if end < 0 {
		return w.bad(start)
	}
	if w.i = skipSpace(w.b, end); w.i >= len(w.b) || w.b[w.i] != ':' {
		return w.bad(w.i)
	}
	w.i = skipSpace(w.b, w.i+1)
	raw := w.b[start+1 : end-1]
	key := raw
	if escaped {
		w.buf = unescape(w.buf[:0], raw, nil)
		key = w.buf
	}
	var child *node
	if n != nil {
		child = n.members[string(key)]
	}
	if w.depth == 1 && w.root.watching && !w.rootKey(key, child) {
		return false
	}
	earlier := seen.earlier(w, child, raw)
	public := child != nil || len(key) == 0 || w.m.set.words[string(key)]
	w.push(frame{key: raw, n: earlier, known: child != nil, dynamic: child == nil || earlier > 0})
	up, why := w.up, w.why
	if child == nil && n != nil {
		w.up, w.why = n, Unmapped
	}
	if !public {
		w.key(start, end)
	} else if w.holes != nil {
		w.locate(start, end, true)
	}
	ok := false
	if child != nil && child.wrap != noWrap {
		ok = w.wrapped(child)
	} else {
		ok = w.value(child)
	}
	w.up, w.why = up, why
	w.pop()
	return ok
}

func (w *walker) array(n *node) bool {
	if !w.enter() {
		return false
	}
	var ids tally
	for index := 0; ; index++ {
		done, ok := w.separator(']', index == 0)
		if !ok {
			return false
		}
		if done {
			break
		}
		if !w.element(n, index, &ids) {
			return false
		}
	}
	w.depth--
	return true
}

// element walks one element. It is identified by its id where the map names one,
// else by index and content: an element that moved or changed is another one.
// Inside an element identified by content the index is enough.
func (w *walker) element(n *node, index int, ids *tally) bool {
	f := frame{rest: w.b[w.i:], n: index, known: true, dynamic: true}
	var child *node
	if n != nil {
		child = n.element
		if n.key != "" && w.hashed == 0 && len(f.rest) > 0 && f.rest[0] == '{' {
			id := peekElement(w.b, w.i, n.key)
			if id != nil && ids.add(maphash.Bytes(w.m.set.seed, id)) == 0 {
				f.id = id
			}
		}
	}
	f.hashed = f.id == nil && w.hashed == 0
	w.push(f)
	parcel := child != nil && child.role == rolePackage
	if parcel {
		w.rec.parcel = parcelState{}
	}
	ok := w.value(child)
	if parcel && ok {
		w.rec.countParcel()
	}
	w.pop()
	return ok
}

func (w *walker) push(f frame) {
	if f.dynamic {
		w.dynamic++
	}
	if f.hashed {
		w.hashed++
	}
	w.frames = append(w.frames, f)
}

func (w *walker) pop() {
	f := &w.frames[len(w.frames)-1]
	if f.dynamic {
		w.dynamic--
	}
	if f.hashed {
		w.hashed--
	}
	w.frames = w.frames[:len(w.frames)-1]
}
