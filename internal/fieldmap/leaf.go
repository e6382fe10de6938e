package fieldmap

import (
	"bytes"
	"encoding/json"
	"net/url"
)

// scalar decides on the string, number, boolean or null from w.i to end. first
// is its first byte, '0' for a number.
func (w *walker) scalar(n *node, end int, first byte, escaped bool) bool {
	if end < 0 {
		return w.bad(w.i)
	}
	start := w.i
	w.i = end
	if w.holes != nil {
		return w.locateScalar(n, start, end, first, escaped)
	}
	switch first {
	case '"':
		return w.str(n, start, end, escaped)
	case '0':
		w.number(n, start, end)
	case 't', 'f':
		w.boolean(n, start, end)
	case 'n':
		if n == nil {
			w.report("null", w.why)
		}
	}
	return true
}

// decoded returns the content of the string from start to end. It is valid until
// the next call.
func (w *walker) decoded(start, end int, escaped bool) []byte {
	content := w.b[start+1 : end-1]
	if !escaped {
		return content
	}
	w.buf = unescape(w.buf[:0], content, nil)
	return w.buf
}

func (w *walker) str(n *node, start, end int, escaped bool) bool {
	if end-start == 2 {
		if n == nil {
			w.report("string", w.why)
		}
		return true
	}
	if n == nil || n.rule == nil {
		w.unknown(n, start, end, "string")
		return true
	}
	r := n.rule
	if r.inside && w.pos == nil {
		return w.document(n, start, end, escaped)
	}
	text := w.decoded(start, end, escaped)
	read := w.meaning(n, text)
	switch r.treatment {
	case Clear:
		fits := read
		if r.shape != shapeDate {
			fits = r.shape.fits(text)
		}
		if !fits {
			w.report("string", Drifted)
			w.emit(n, start, end, Leaf{Treatment: Token, String: true})
		} else if r.shape.detectable() && w.detects(r.shape, text) {
			w.report("string", Detected)
			w.emit(n, start, end, Leaf{Treatment: Token, String: true})
		} else if r.role == roleNumber && w.inRecord {
			w.rec.number = w.rec.object.Number
		}
	case Coarse:
		if kept := coarse(text); kept > 0 && !escaped {
			alt := w.b[start+1 : start+1+kept : start+1+kept]
			if w.pos != nil {
				alt = bytes.Clone(alt) // held documents are scratch
			}
			w.emit(n, start, end, Leaf{Class: r.class, Treatment: Coarse, String: true, Alt: alt})
			break
		}
		w.emit(n, start, end, Leaf{Class: r.class, Treatment: Token, String: true})
	default:
		if r.number && w.inRecord {
			w.rec.conditional = append(w.rec.conditional, conditional{len(w.leaves), r.index, w.text.keep(text)})
		}
		w.emit(n, start, end, Leaf{Class: r.class, Treatment: r.treatment, String: true})
	}
	return true
}

func (w *walker) number(n *node, start, end int) {
	if n == nil || n.rule == nil {
		w.unknown(n, start, end, "number")
		return
	}
	r, text := n.rule, w.b[start:end]
	read := w.meaning(n, text)
	switch r.treatment {
	case Clear:
		fits := read
		if r.shape != shapeDate {
			fits = r.shape.fitsNumber(text)
		}
		if !fits {
			w.report("number", Drifted)
			w.emit(n, start, end, Leaf{Treatment: Null})
		} else if r.shape.detectable() && w.detects(r.shape, text) {
			w.report("number", Detected)
			w.emit(n, start, end, Leaf{Treatment: Null})
		} else if r.role == roleNumber && w.inRecord {
			w.rec.number = w.rec.object.Number
		}
	case Pseudonym:
		w.emit(n, start, end, Leaf{Class: r.class, Treatment: Pseudonym})
	default:
		w.emit(n, start, end, Leaf{Class: r.class, Treatment: Null})
	}
}

func (w *walker) boolean(n *node, start, end int) {
	if n == nil || n.rule == nil {
		w.unknown(n, start, end, "boolean")
		return
	}
	w.meaning(n, w.b[start:end])
	if n.rule.treatment != Clear {
		w.emit(n, start, end, Leaf{Class: n.rule.class, Treatment: Null})
	}
}

// unknown treats what no rule covers: n is nil, or a place that holds no scalars.
func (w *walker) unknown(n *node, start, end int, typ string) {
	why := w.why
	if n != nil {
		why = Drifted
	}
	w.report(typ, why)
	t := Null
	if typ == "string" {
		t = Token
	}
	w.emit(n, start, end, Leaf{Treatment: t, String: t == Token})
}

// key makes a leaf of an object key.
func (w *walker) key(start, end int) {
	if w.holes != nil {
		w.locate(start, end, true)
		return
	}
	w.emit(nil, start, end, Leaf{Class: Key, Treatment: KeyToken, String: true})
}

// emit adds l, which spans start to end of the walked text.
func (w *walker) emit(n *node, start, end int, l Leaf) {
	l.Start, l.End, l.Inner = w.at(start), w.at(end), w.pos != nil
	if n != nil {
		l.Path = n.path
	} else {
		l.Path = w.unknownPath()
	}
	l.Place = w.where(n)
	if l.Treatment == KeyToken {
		w.place = append(w.place, segKey)
		l.Place = w.text.keep(w.place)
		w.place = w.place[:len(w.place)-1]
	}
	if w.inRecord {
		w.leaves = append(w.leaves, l)
	} else {
		w.outside = append(w.outside, l)
	}
}

// at turns an offset of the walked text into one of the record, or of the body
// outside of records.
func (w *walker) at(i int) int {
	if w.pos != nil {
		i = w.off + w.pos[i]
	}
	return i - w.base
}

// meaning notes what the value says beyond being personal or not. It reports
// whether a date could be read.
func (w *walker) meaning(n *node, text []byte) (read bool) {
	r := n.rule
	if r.index == NoIndex && r.role == noRole && n.state == 0 && r.shape != shapeDate {
		return false
	}
	if r.shape == shapeDate && r.treatment == Clear {
		t, ok := parseTime(text)
		if ok && w.inRecord {
			w.rec.anchor(r.role, t)
		} else if r.role != noRole && w.inRecord {
			w.rec.object.Anchors.Unreadable++
		}
		return ok
	}
	if !w.inRecord {
		return false
	}
	if r.index != NoIndex && !r.number {
		kept := w.text.keep(text)
		if r.part != wholeName {
			w.rec.name[r.part-firstName] = kept
		} else {
			w.identify(r.index, kept)
		}
	}
	if n.state > 0 && len(text) <= 48 {
		w.rec.states[n.state-1] = string(bytes.ToLower(text))
	}
	w.play(r.role, text)
	return false
}

func (w *walker) play(ro role, text []byte) {
	o := &w.rec.object
	switch ro {
	case roleExternal:
		o.ExternalID = w.text.keep(text)
	case roleCustomer:
		// 0 is how shops write that a guest ordered: nobody's id, and not one shopper's.
		if string(text) != "0" {
			o.CustomerID = w.text.keep(text)
		}
	case roleOrder:
		o.OrderID = w.text.keep(text)
	case roleNumber:
		o.Number = w.text.keep(text)
	case roleShipping:
		if isNo(text) {
			w.rec.not++
		} else {
			w.rec.needs++
		}
	case rolePackageStatus:
		w.rec.parcel.stated = string(bytes.ToLower(text))
	}
}

// detects asks the detector about a clear value, and about a link also what it
// says once decoded.
func (w *walker) detects(s shape, text []byte) bool {
	// The shortest thing a detector could find is a@b.co, and a bare run of few
	// digits is nothing: most clear values are one or the other.
	detect := w.m.set.detect
	if detect == nil || len(text) < 6 || len(text) <= 12 && skipDigits(text, 0) == len(text) {
		return false
	}
	if detect(text) {
		return true
	}
	if s != shapeLink && s != shapeURL || bytes.IndexByte(text, '%') < 0 {
		return false
	}
	plain, err := url.QueryUnescape(string(text))
	return err != nil || detect([]byte(plain))
}

// coarse returns how many bytes of a postal code may stay: the first five of a
// ZIP+4, none of any other, because what is a wide area in one country is one
// building in the next.
func coarse(text []byte) int {
	if len(text) != 10 || text[5] != '-' && text[5] != ' ' {
		return 0
	}
	if skipDigits(text, 0) != 5 || skipDigits(text, 6) != 10 {
		return 0
	}
	return 5
}

// document treats the JSON document that a string holds, inside. What is no
// document is one token.
func (w *walker) document(n *node, start, end int, escaped bool) bool {
	content := w.b[start+1 : end-1]
	held := append(w.held[:0], content...)
	pos := make([]int, 0, len(content)+1)
	if escaped {
		held = unescape(w.held[:0], content, &pos)
	} else {
		for i := range content {
			pos = append(pos, i)
		}
	}
	pos = append(pos, len(content))
	w.held = held
	// The outer text is walked in one pass; only a document in a string, which is
	// rare, is checked before it is walked, so that a broken one leaves no trace.
	i := skipSpace(held, 0)
	if i >= len(held) || held[i] != '{' && held[i] != '[' || !json.Valid(held) {
		if w.holes == nil {
			w.emit(n, start, end, Leaf{Class: n.rule.class, Treatment: Token, String: true})
		}
		return true
	}
	b, at, up, why := w.b, w.i, w.up, w.why
	w.b, w.i, w.pos, w.off = held, i, pos, start+1
	w.frames[len(w.frames)-1].inner = true
	w.dynamic++
	inside := n
	if held[i] == '{' && n.members == nil || held[i] == '[' && n.element == nil {
		inside, w.up, w.why = nil, n, Unmapped
	}
	ok := w.value(inside)
	w.dynamic--
	w.b, w.i, w.pos, w.up, w.why = b, at, nil, up, why
	return ok
}
