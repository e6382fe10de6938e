package fieldmap

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"strings"
)

// The bytes that build places. JSON text holds no control characters, so raw
// keys and ids cannot contain them and no two places meet. A place that starts
// with none of them is a path of the map: no array, no unknown or repeated key.
const (
	segEnd    = 0x1f
	segMember = 0x01
	segAgain  = 0x02 // and how many members of the same key came before
	segID     = 0x03 // an element by its id
	segIndex  = 0x04 // an element by index, and content unless an outer one has it
	segKey    = 0x05 // the key itself, not its value
	segInner  = 0x06 // below here: inside a document held in a string
	segInside = 0x07 // a piece of a value that is now treated whole
)

// where returns the place of the present value. Segments are built when the
// first leaf below needs them: most elements of most arrays hold none.
func (w *walker) where(n *node) string {
	if w.dynamic == 0 && n != nil {
		return n.path
	}
	w.build()
	return w.text.keep(w.place)
}

func (w *walker) build() {
	from := len(w.frames)
	for from > w.from && w.frames[from-1].built == 0 {
		from--
	}
	at := 0
	if from > w.from {
		at = w.frames[from-1].built
	}
	w.place = w.place[:at]
	for i := from; i < len(w.frames); i++ {
		f := &w.frames[i]
		if f.inner {
			w.place = append(w.place, segInner)
		}
		w.place = f.appendTo(w.place, w.m.set.seed)
		f.built = len(w.place)
	}
}

func (f *frame) appendTo(dst []byte, seed maphash.Seed) []byte {
	switch {
	case f.rest == nil:
		dst = append(append(dst, segMember), f.key...)
		if f.n > 0 {
			dst = strconv.AppendInt(append(dst, segAgain), int64(f.n), 10)
		}
	case f.id != nil:
		dst = append(append(dst, segID), f.id...)
	default:
		dst = strconv.AppendInt(append(dst, segIndex), int64(f.n), 10)
		if f.hashed {
			text := f.rest[:elementEnd(f.rest)]
			dst = strconv.AppendUint(append(dst, ':'), maphash.Bytes(seed, text), 36)
		}
	}
	return append(dst, segEnd)
}

func elementEnd(rest []byte) int {
	if len(rest) == 0 {
		return 0
	}
	switch rest[0] {
	case '{', '[', '"':
		return skipAny(rest, 0)
	}
	if i := bytes.IndexAny(rest, ",]} \n\r\t"); i >= 0 {
		return i
	}
	return len(rest)
}

// names returns the real key names of the present place and the same with {key}
// for each that no map knows. With arrays, elements show as [] in both. Both are
// valid until the next call.
func (w *walker) names(arrays bool) (name, path []byte) {
	real, shown := w.real[:0], w.shown[:0]
	for i := w.from; i < len(w.frames); i++ {
		f := &w.frames[i]
		if f.rest != nil {
			if arrays {
				real, shown = append(real, "[]"...), append(shown, "[]"...)
			}
			continue
		}
		if len(real) > 0 {
			real, shown = append(real, '.'), append(shown, '.')
		}
		at := len(real)
		real = unescape(real, f.key, nil)
		if f.known {
			shown = append(shown, real[at:]...)
		} else {
			shown = append(shown, "{key}"...)
		}
	}
	w.real, w.shown = real, shown
	return real, shown
}

// unknownPath is the path of an unknown value, as far as a map knows it.
func (w *walker) unknownPath() string {
	switch {
	case w.up == nil:
		return "{key}"
	case w.why == Drifted:
		return w.up.path
	}
	return w.up.below
}

// arena keeps many short strings in few allocations. A block is written once
// and never grown, so the strings in it stay valid.
type arena struct {
	block strings.Builder
	next  int
}

func (a *arena) keep(b []byte) string {
	if a.block.Cap()-a.block.Len() < len(b) {
		a.next = min(max(2*a.next, 512), 1<<16)
		a.block = strings.Builder{}
		a.block.Grow(max(a.next, len(b)))
	}
	at := a.block.Len()
	a.block.Write(b)
	return a.block.String()[at:]
}
