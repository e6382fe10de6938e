package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"

	"strongroom"
)

// The shape of a key: prefix, 256 random bits, CRC-32 of all before it.
const (
	prefixLive  = "sr_live_"
	prefixTest  = "sr_test_"
	secretChars = 52 // 32 bytes in base32
	sumChars    = 7  // 4 bytes in base32
	keyChars    = len(prefixLive) + secretChars + sumChars
)

const letters = "0123456789abcdefghjkmnpqrstvwxyz"

var alphabet = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Secret is an API key as its owner holds it. It prints as a redaction; only
// [Secret.Reveal] gives the text.
type Secret struct{ text string }

// Reveal returns the key's text, to be shown once to who made it.
func (s Secret) Reveal() string { return s.text }

const redacted = "[api key]"

// String returns a redaction.
func (s Secret) String() string { return redacted }

// GoString returns a redaction.
func (s Secret) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// newSecret returns a fresh key for env.
func newSecret(env strongroom.Environment) Secret {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	head := prefixOf(env) + alphabet.EncodeToString(b[:])
	return Secret{head + checksum(head)}
}

func prefixOf(env strongroom.Environment) string {
	if env == strongroom.Production {
		return prefixLive
	}
	return prefixTest
}

func checksum(head string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(head)))
	return alphabet.EncodeToString(sum[:])
}

// checkForm says whether text can be a key of env at all. It looks nothing up.
func checkForm(text string, env strongroom.Environment) error {
	if text == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "key-missing", "the call carries no key").
			Advise("send Authorization: Bearer sr_…")
	}
	if len(text) != keyChars || !strings.HasPrefix(text, prefixLive) && !strings.HasPrefix(text, prefixTest) {
		return strongroom.Faultf(strongroom.Unauthenticated, "key-form", "this is not a Strongroom key")
	}
	if !strings.HasPrefix(text, prefixOf(env)) {
		return strongroom.Faultf(strongroom.Unauthenticated, "key-environment", "the key belongs to another environment")
	}
	// Trim stops at the first strange character on each side, so what is left
	// over tells whether there is one.
	if strings.Trim(text[len(prefixLive):], letters) != "" || checksum(text[:keyChars-sumChars]) != text[keyChars-sumChars:] {
		return badSum()
	}
	return nil
}

func badSum() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "key-form", "the key is damaged").
		Advise("check that it was copied whole")
}
