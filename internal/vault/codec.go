package vault

import (
	"encoding/binary"

	"strongroom/internal/fieldmap"
)

// bodyFormat is the first byte of every body part.
const bodyFormat = 1

// body is the first sealed part of a record: what stands in a tokenised answer,
// behind the few names that must not lie in clear.
type body struct {
	ExternalID string
	OrderID    string
	CustomerID string
	Endpoint   string
	Platform   string // spelt out where the platform has no number
	Pseudonyms []pseudonym
	Template   []byte
}

// pseudonym is the text that stands for a linkable value, kept beside the
// template so that a tokenised answer needs no leaf opened.
type pseudonym struct {
	leaf uint32
	sum  [pseudonymSize]byte
}

const pseudonymSize = 10

func (b *body) appendTo(dst []byte) []byte {
	dst = append(dst, bodyFormat)
	for _, s := range [...]string{b.ExternalID, b.OrderID, b.CustomerID, b.Endpoint, b.Platform} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Pseudonyms)))
	for i := range b.Pseudonyms {
		dst = binary.AppendUvarint(dst, uint64(b.Pseudonyms[i].leaf))
		dst = append(dst, b.Pseudonyms[i].sum[:]...)
	}
	return append(dst, b.Template...)
}

// parseBody reads what appendTo wrote. Template points into p.
func parseBody(p []byte) (*body, error) {
	if len(p) == 0 || p[0] != bodyFormat {
		return nil, badRow("body")
	}
	p = p[1:]
	var b body
	for _, s := range [...]*string{&b.ExternalID, &b.OrderID, &b.CustomerID, &b.Endpoint, &b.Platform} {
		text, rest, ok := cutBytes(p)
		if !ok {
			return nil, badRow("body")
		}
		*s, p = string(text), rest
	}
	n, rest, ok := cutUvarint(p)
	if !ok || n > uint64(len(rest)) {
		return nil, badRow("body")
	}
	p = rest
	for range n {
		leaf, rest, ok := cutUvarint(p)
		if !ok || len(rest) < pseudonymSize {
			return nil, badRow("body")
		}
		b.Pseudonyms = append(b.Pseudonyms, pseudonym{uint32(leaf), [pseudonymSize]byte(rest)})
		p = rest[pseudonymSize:]
	}
	b.Template = p
	return &b, nil
}

func (b *body) pseudonym(leaf uint32) ([pseudonymSize]byte, bool) {
	for i := range b.Pseudonyms {
		if b.Pseudonyms[i].leaf == leaf {
			return b.Pseudonyms[i].sum, true
		}
	}
	return [pseudonymSize]byte{}, false
}

// leaves is the second sealed part: leaf number to exact JSON text.
type leaves map[uint32][]byte

// appendLeaves writes the personal values of an object in document order.
func appendLeaves(dst []byte, o *fieldmap.Object, numbers []uint32) []byte {
	for i := range o.Leaves {
		text := o.Leaves[i].Text(o.Raw)
		dst = binary.AppendUvarint(dst, uint64(numbers[i]))
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return dst
}

// parseLeaves reads what appendLeaves wrote. The texts point into p.
func parseLeaves(p []byte, count int) (leaves, error) {
	out := make(leaves, count)
	for len(p) > 0 {
		n, rest, ok := cutUvarint(p)
		if !ok {
			return nil, badRow("leaves")
		}
		text, rest, ok := cutBytes(rest)
		if !ok {
			return nil, badRow("leaves")
		}
		out[uint32(n)], p = text, rest
	}
	return out, nil
}

func cutUvarint(p []byte) (uint64, []byte, bool) {
	n, w := binary.Uvarint(p)
	if w <= 0 {
		return 0, nil, false
	}
	return n, p[w:], true
}

func cutBytes(p []byte) (text, rest []byte, ok bool) {
	n, p, ok := cutUvarint(p)
	if !ok || n > uint64(len(p)) {
		return nil, nil, false
	}
	return p[:n], p[n:], true
}
