package fieldmap

import (
	"unicode/utf8"

	"strongroom"
)

const (
	defaultBytes = 16 << 20
	defaultDepth = 64
	defaultNodes = 500_000
	maxDepth     = 512
)

func (l Limits) orDefault() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Nodes <= 0 {
		l.Nodes = defaultNodes
	}
	l.Depth = min(l.Depth, maxDepth)
	return l
}

// rootState is what the keys at the root of a body have shown so far.
type rootState struct {
	watching bool // the keys at depth 1 are the body's own
	object   bool // the body is walked as an object, not as an envelope
	wrapped  bool // a wrapper was met
	resource bool // "resource" and "action" together make a webhook notice
	action   bool
	retry    bool // the first guess was wrong: walk again the other way
}

// Parse takes body apart. Faults are Invalid ("json", "utf8", "envelope") or
// TooLarge ("size", "depth", "nodes").
func (m *Map) Parse(body []byte, lim Limits) (*Envelope, error) {
	lim = lim.orDefault()
	if len(body) > lim.Bytes {
		return nil, strongroom.Faultf(strongroom.TooLarge, "size", "the body has more than %d bytes", lim.Bytes)
	}
	if !utf8.Valid(body) {
		return nil, strongroom.Faultf(strongroom.Invalid, "utf8", "the body is not valid UTF-8")
	}
	w := m.set.scratch.Get().(*walker)
	e, fault := w.parse(m, body, lim)
	w.release()
	if fault != nil {
		return nil, fault
	}
	return e, nil
}

// release puts the walker back without what it pointed to. A walker grown by a
// giant body is left to the collector.
func (w *walker) release() {
	pool := w.m.set.scratch
	if cap(w.leaves) > 1<<15 || cap(w.held) > 1<<20 {
		return
	}
	clear(w.leaves)
	clear(w.outside)
	clear(w.frames[:cap(w.frames)])
	clear(w.rec.ids)
	clear(w.rec.unknown)
	clear(w.rec.conditional[:cap(w.rec.conditional)])
	*w = walker{
		frames: w.frames[:0], place: w.place[:0], leaves: w.leaves[:0], outside: w.outside[:0],
		held: w.held[:0], buf: w.buf[:0], real: w.real[:0], shown: w.shown[:0],
		rec: record{ids: w.rec.ids, unknown: w.rec.unknown, states: w.rec.states[:0],
			conditional: w.rec.conditional[:0]},
	}
	pool.Put(w)
}

func (w *walker) parse(m *Map, body []byte, lim Limits) (*Envelope, *strongroom.Fault) {
	w.m, w.b, w.lim = m, body, lim
	e := &Envelope{raw: body}
	w.env = e
	start := skipSpace(body, 0)
	switch {
	case start == len(body):
		return nil, strongroom.Faultf(strongroom.Invalid, "json", "the body is empty")
	case body[start] == '[' && m.list:
		w.i = start
		return w.settle(e, w.records(e))
	case body[start] != '{':
		return nil, w.notEnvelope()
	}
	object := w.guess(start)
	for range 2 {
		w.begin(start, object)
		ok := false
		if object {
			ok = w.recordAt(e)
		} else {
			ok = w.value(m.envelope)
		}
		if w.root.retry || ok && w.misjudged(e) {
			object = !object
			*e = Envelope{raw: body}
			continue
		}
		return w.settle(e, ok)
	}
	return nil, w.notEnvelope()
}

func (w *walker) notEnvelope() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "envelope", "the body holds no %s where one belongs", w.m.id.kind).
		Advise("send a JSON object with %q or %q, or one %s with its id", w.m.wrap[0], w.m.wrap[1], w.m.id.kind)
}

// begin starts a walk over.
func (w *walker) begin(start int, object bool) {
	w.i, w.depth, w.dynamic, w.hashed, w.base, w.from = start, 0, 0, 0, 0, 0
	w.inRecord, w.nodes, w.up, w.pos = false, 0, nil, nil
	w.frames, w.leaves, w.outside = w.frames[:0], w.leaves[:0], w.outside[:0]
	w.root = rootState{watching: true, object: object}
}

// guess looks at the first key: an envelope begins with a wrapper or with a key
// that no object has. The walk tells when the guess was wrong.
func (w *walker) guess(start int) (object bool) {
	i := skipSpace(w.b, start+1)
	if i >= len(w.b) || w.b[i] != '"' {
		return true
	}
	end, _ := skipString(w.b, i)
	if end < 0 {
		return true
	}
	key := w.b[i+1 : end-1]
	return w.m.root.members[string(key)] != nil || w.m.envelope.members[string(key)] == nil
}

// rootKey looks at a key at the root of the body.
func (w *walker) rootKey(key []byte, child *node) bool {
	r := &w.root
	switch string(key) {
	case "resource":
		r.resource = true
	case "action":
		r.action = true
	case w.m.wrap[0], w.m.wrap[1]:
		if !r.object {
			r.wrapped = true
		} else if child == nil && w.i < len(w.b) && (w.b[w.i] == '{' || w.b[w.i] == '[') {
			r.retry = true
			return false
		}
	}
	return true
}

// misjudged reports whether a walk that went well took the body for the wrong
// thing.
func (w *walker) misjudged(e *Envelope) bool {
	notice := w.root.resource && w.root.action
	if w.root.object {
		return notice || e.Objects[0].ExternalID == ""
	}
	return !w.root.wrapped && !notice
}

// settle checks the end of the body and hands the leaves over.
func (w *walker) settle(e *Envelope, ok bool) (*Envelope, *strongroom.Fault) {
	if !ok {
		return nil, w.fault
	}
	if w.i = skipSpace(w.b, w.i); w.i != len(w.b) {
		w.bad(w.i)
		return nil, w.fault
	}
	e.Leaves = append([]Leaf(nil), w.outside...)
	all := append(make([]Leaf, 0, len(w.leaves)), w.leaves...)
	for i := range e.Objects {
		o := &e.Objects[i]
		n := len(o.Leaves)
		o.Leaves, all = all[:n:n], all[n:]
	}
	return e, nil
}

// wrapped walks what stands under a wrapper: one object, or a list of them.
func (w *walker) wrapped(n *node) bool {
	w.i = skipSpace(w.b, w.i)
	if w.i < len(w.b) {
		switch c := w.b[w.i]; {
		case c == 'n':
			return w.value(nil)
		case c == '{' && n.wrap == wrapsOne:
			return w.recordAt(w.env)
		case c == '[' && n.wrap == wrapsMany:
			return w.records(w.env)
		}
	}
	return w.fail(w.notEnvelope())
}

// records walks a list. null elements hold nothing and stay; any other element
// that is no object is refused.
func (w *walker) records(e *Envelope) bool {
	if !w.enter() {
		return false
	}
	for first := true; ; first = false {
		done, ok := w.separator(']', first)
		if done || !ok {
			w.depth--
			return ok
		}
		switch c := w.b[w.i]; {
		case c == '{':
			ok = w.recordAt(e)
		case c == 'n':
			ok = w.value(nil)
		default:
			return w.fail(w.notEnvelope())
		}
		if !ok {
			return false
		}
	}
}

// recordAt walks the object at w.i as a record.
func (w *walker) recordAt(e *Envelope) bool {
	r := &w.rec
	r.reset(w.m.id.kind, w.m.states)
	start, from, dynamic, hashed := w.i, w.from, w.dynamic, w.hashed
	w.from, w.dynamic, w.hashed = len(w.frames), 0, 0
	w.inRecord, w.base, r.first, w.up, w.why = true, start, len(w.leaves), w.m.root, Unmapped
	if !w.value(w.m.root) {
		return false
	}
	w.from, w.dynamic, w.hashed = from, dynamic, hashed
	w.dropNumbers()
	w.inRecord, w.base, w.up = false, 0, nil
	r.finish(w.m)
	o := r.object
	if o.Kind == Customer && o.CustomerID == "" {
		o.CustomerID = o.ExternalID
	}
	o.Raw = w.b[start:w.i:w.i]
	o.Leaves = w.leaves[r.first:] // only its length counts until settle
	e.Objects = append(e.Objects, o)
	e.spans = append(e.spans, span{start, w.i})
	return true
}

// dropNumbers takes out leaves that turned out to be the order's number.
func (w *walker) dropNumbers() {
	for i := len(w.rec.conditional) - 1; i >= 0; i-- {
		c := w.rec.conditional[i]
		if isOrderNumber(c.text, w.rec.number) {
			w.leaves = append(w.leaves[:c.leaf], w.leaves[c.leaf+1:]...)
		} else {
			w.identify(c.index, c.text)
		}
	}
}
