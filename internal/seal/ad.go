package seal

import (
	"encoding/binary"
	"fmt"
)

// Kinds of parts in associated data.
const (
	adText   = 's'
	adBytes  = 'b'
	adSigned = 'i'
	adNumber = 'u'
)

// AD returns the canonical bytes of a context: each part with its kind and
// length. Parts are strings, byte slices, and the integers int, int64, uint64
// and uint32; numbers of equal value and signedness are the same part whatever
// their width. Another type is a mistake in the program and panics.
func AD(parts ...any) []byte { return AppendAD(make([]byte, 0, 96), parts...) }

// AppendAD appends AD(parts...) to dst. Appending in two steps gives the same
// bytes as in one.
func AppendAD(dst []byte, parts ...any) []byte {
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			dst = binary.AppendUvarint(append(dst, adText), uint64(len(p)))
			dst = append(dst, p...)
		case []byte:
			dst = binary.AppendUvarint(append(dst, adBytes), uint64(len(p)))
			dst = append(dst, p...)
		case int:
			dst = binary.BigEndian.AppendUint64(append(dst, adSigned, 8), uint64(p))
		case int64:
			dst = binary.BigEndian.AppendUint64(append(dst, adSigned, 8), uint64(p))
		case uint64:
			dst = binary.BigEndian.AppendUint64(append(dst, adNumber, 8), p)
		case uint32:
			dst = binary.BigEndian.AppendUint64(append(dst, adNumber, 8), uint64(p))
		default:
			panic(fmt.Sprintf("seal: a context has no part of type %T", part))
		}
	}
	return dst
}
