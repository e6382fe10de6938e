package seal

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
)

// SecretChars is how much of a secret follows its prefix.
const SecretChars = bitChars + sumChars

const (
	bitChars = 52 // 32 bytes in base32
	sumChars = 7  // 4 bytes in base32
)

var secretEncoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// Secret is a text that its owner alone is to see: it prints as a fixed word, and
// only [Secret.Reveal] gives it. Types of secrets embed it. The zero Secret is
// empty.
type Secret struct{ text string }

// NewSecret returns a fresh secret: prefix, 256 random bits, and a checksum of all
// before it, so that one that was not copied whole is known without a look-up.
func NewSecret(prefix string) Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	head := prefix + secretEncoding.EncodeToString(b[:])
	return Secret{head + checksum(head)}
}

// SecretFrom returns the secret that somebody else made and that text is.
func SecretFrom(text string) Secret { return Secret{text} }

// IsSecret reports whether text has the form that [NewSecret] gives with prefix.
// Whether anybody was given it is another question; prefix and checksum are no
// secret, so it takes no care of time.
func IsSecret(prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != SecretChars || strings.Trim(rest, alphabet) != "" {
		return false
	}
	cut := len(text) - sumChars
	return checksum(text[:cut]) == text[cut:]
}

func checksum(head string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(head)))
	return secretEncoding.EncodeToString(sum[:])
}

// Reveal returns the text, to be shown or sent once to whom it belongs.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

const hidden = "[secret]"

// Format writes a fixed word, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// String returns a fixed word.
func (Secret) String() string { return hidden }

// GoString returns a fixed word.
func (Secret) GoString() string { return hidden }

// LogValue returns a fixed word.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON returns a fixed word.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText returns a fixed word.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
