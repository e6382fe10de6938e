package fieldmap

import (
	"encoding/binary"

	"strongroom"
)

// A template is the object's text in which each leaf is a hole:
//
//	0x00  uvarint(number)  what  class  uvarint(len(alt))  alt
//
// what is the treatment with two flags. JSON text holds no 0x00, so a hole needs
// no escape.
const (
	holeMark     = 0x00
	holeString   = 0x40
	holeInner    = 0x80
	holeTreatMax = 0x3f
)

// Hole is one leaf's place in a template.
type Hole struct {
	Number    uint32 // leaf number, chosen by the caller of AppendTemplate
	Class     Class
	Treatment Treatment
	String    bool   // the value is a JSON string
	Inner     bool   // the hole lies inside a JSON document held in a string
	Alt       []byte // what a coarse leaf keeps
}

// Fill says what goes into holes.
type Fill struct {
	// Value appends the leaf's exact text as AppendTemplate left it out, and
	// reports true, or reports false to leave the hole closed. nil closes all.
	Value func(dst []byte, h Hole) ([]byte, bool)
	// Token appends the text of a token or pseudonym, without quotes and made of
	// letters, digits and the marks _ - . @ only. It is asked for closed holes of
	// the treatments Token, Pseudonym and KeyToken. nil is a programmer's error
	// when a hole stays closed.
	Token func(dst []byte, h Hole) []byte
}

// AppendTemplate appends o's template to dst. number gives leaf i its number.
func AppendTemplate(dst []byte, o *Object, number func(i int) uint32) []byte {
	at := 0
	for i := range o.Leaves {
		l := &o.Leaves[i]
		dst = append(dst, o.Raw[at:l.Start]...)
		what := byte(l.Treatment)
		if l.String {
			what |= holeString
		}
		if l.Inner {
			what |= holeInner
		}
		dst = append(dst, holeMark)
		dst = binary.AppendUvarint(dst, uint64(number(i)))
		dst = append(dst, what, byte(l.Class))
		dst = binary.AppendUvarint(dst, uint64(len(l.Alt)))
		dst = append(dst, l.Alt...)
		at = l.End
	}
	return append(dst, o.Raw[at:]...)
}

// Render appends tmpl with its holes filled. The fault is Invalid "template" when
// tmpl is none; dst may then hold a part of it.
func Render(dst, tmpl []byte, f Fill) ([]byte, error) {
	for {
		text, h, rest, err := nextHole(tmpl)
		if err != nil {
			return dst, err
		}
		dst = append(dst, text...)
		if rest == nil {
			return dst, nil
		}
		dst = f.appendHole(dst, h)
		tmpl = rest
	}
}

// Holes calls yield for each hole of tmpl in order until it returns false.
func Holes(tmpl []byte, yield func(Hole) bool) error {
	for {
		_, h, rest, err := nextHole(tmpl)
		if err != nil || rest == nil || !yield(h) {
			return err
		}
		tmpl = rest
	}
}

func (f Fill) appendHole(dst []byte, h Hole) []byte {
	if f.Value != nil {
		if out, open := f.Value(dst, h); open {
			return out
		}
	}
	switch h.Treatment {
	case Null:
		return append(dst, "null"...)
	case Coarse:
		return quote(append(quote(dst, h.Inner), h.Alt...), h.Inner)
	}
	return quote(f.Token(quote(dst, h.Inner), h), h.Inner)
}

func quote(dst []byte, inner bool) []byte {
	if inner {
		dst = append(dst, '\\')
	}
	return append(dst, '"')
}

// nextHole splits tmpl into the text before its first hole, the hole and what
// follows it; rest is nil when there is no hole.
func nextHole(tmpl []byte) (text []byte, h Hole, rest []byte, err error) {
	at := 0
	for at < len(tmpl) && tmpl[at] != holeMark {
		at++
	}
	if at == len(tmpl) {
		return tmpl, h, nil, nil
	}
	text, rest = tmpl[:at], tmpl[at+1:]
	number, n := binary.Uvarint(rest)
	if n <= 0 || number > 1<<32-1 || len(rest) < n+2 {
		return nil, h, nil, errTemplate()
	}
	what, class := rest[n], rest[n+1]
	rest = rest[n+2:]
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) || what&holeTreatMax >= byte(treatments) || class >= byte(classes) {
		return nil, h, nil, errTemplate()
	}
	h = Hole{
		Number: uint32(number), Class: Class(class), Treatment: Treatment(what & holeTreatMax),
		String: what&holeString != 0, Inner: what&holeInner != 0,
	}
	if size > 0 {
		h.Alt = rest[n : n+int(size) : n+int(size)]
	}
	return text, h, rest[n+int(size):], nil
}

func errTemplate() error {
	return strongroom.Faultf(strongroom.Invalid, "template", "the stored text is no template")
}
