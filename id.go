package strongroom

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// letters leave out i, l, o and u, which are read as something else.
const letters = "0123456789abcdefghjkmnpqrstvwxyz"

const idChars = 26 // 16 bytes in base32

var idEncoding = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// RecordID returns a record's id as callers see it: rec_ and 26 characters of
// base32, the shape of every other id, of which the first eight bytes are zero.
func RecordID(number uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], number)
	return IDFrom("rec", b)
}

// NewID returns prefix, an underscore and 128 random bits in lower-case
// Crockford base32. It says nothing about what it names.
func NewID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return IDFrom(prefix, b)
}

// IDFrom returns the id of the shape of [NewID] whose bits are b, for ids that are
// computed.
func IDFrom(prefix string, b [16]byte) string { return prefix + "_" + idEncoding.EncodeToString(b[:]) }

// IsID reports whether s has the shape that [NewID] gives ids with prefix. What
// has not is never looked up or written to the log.
func IsID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && len(rest) == 1+idChars && rest[0] == '_' && strings.Trim(rest[1:], letters) == ""
}

// IsAnyID reports whether s has the shape that [NewID] gives with some prefix: a
// word of one to eight lower-case letters. No name is spelled so.
func IsAnyID(s string) bool {
	prefix, _, _ := strings.Cut(s, "_")
	return prefix != "" && len(prefix) <= 8 && strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz") == "" && IsID(prefix, s)
}

// MaxName is the longest name a caller may choose, in bytes.
const MaxName = 64

// CheckName reports whether s obeys the grammar of every id and reference a
// caller can choose: [A-Za-z0-9][A-Za-z0-9._#:/-]{0,63}. The error never repeats
// s. Whether s looks like personal data is the detector's question, not ours.
func CheckName(what, s string) error {
	if s == "" || len(s) > MaxName {
		return Faultf(Invalid, what, "%s must have 1 to %d characters", what, MaxName)
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		mark := c == '.' || c == '_' || c == '#' || c == ':' || c == '/' || c == '-'
		if !alnum && (i == 0 || !mark) {
			return Faultf(Invalid, what, "%s may hold letters, digits and . _ # : / - only, and starts with a letter or digit", what)
		}
	}
	return nil
}
