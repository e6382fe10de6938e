package strongroom

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// RecordID returns a record's id as callers see it: rec_ and 26 characters of
// base32, the shape of every other id, of which the first eight bytes are zero.
func RecordID(number uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], number)
	return "rec_" + idEncoding.EncodeToString(b[:])
}

// NewID returns prefix, an underscore and 128 random bits in lower-case
// Crockford base32. It says nothing about what it names.
func NewID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return prefix + "_" + idEncoding.EncodeToString(b[:])
}

// IsID reports whether s has the shape that [NewID] gives: a word of lower-case
// letters, an underscore and 26 characters of base32. No name is spelled so.
func IsID(s string) bool {
	prefix, rest, ok := strings.Cut(s, "_")
	if !ok || prefix == "" || len(prefix) > 8 || len(rest) != idEncoding.EncodedLen(16) {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] < 'a' || prefix[i] > 'z' {
			return false
		}
	}
	_, err := idEncoding.DecodeString(rest)
	return err == nil
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
