package session

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

// The shape of a token: prefix, 256 random bits, CRC-32 of all before it.
const (
	prefixLive  = "srs_live_"
	prefixTest  = "srs_test_"
	secretChars = 52 // 32 bytes in base32
	sumChars    = 7  // 4 bytes in base32
	tokenChars  = len(prefixLive) + secretChars + sumChars
)

const letters = "0123456789abcdefghjkmnpqrstvwxyz"

var alphabet = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Token is what the holder of a session shows with every call. It prints as a
// redaction; only [Token.Reveal] gives the text.
type Token struct{ text string }

// Reveal returns the token's text, to be handed to the browser once.
func (t Token) Reveal() string { return t.text }

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.text == "" }

const redacted = "[session token]"

// String returns a redaction.
func (t Token) String() string { return redacted }

// GoString returns a redaction.
func (t Token) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a redaction.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// newToken returns a fresh token for env.
func newToken(env strongroom.Environment) Token {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	head := prefixOf(env) + alphabet.EncodeToString(b[:])
	return Token{head + checksum(head)}
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

// IsToken reports whether text has the form of a session's token of either
// environment; a door tells sessions from API keys by it.
func IsToken(text string) bool {
	return strings.HasPrefix(text, prefixLive) || strings.HasPrefix(text, prefixTest)
}

// checkForm says whether text can be a token of env at all. It looks nothing up.
func checkForm(text string, env strongroom.Environment) error {
	if text == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-missing", "the call carries no session").Advise("sign in")
	}
	if len(text) != tokenChars || !IsToken(text) || strings.Trim(text[len(prefixLive):], letters) != "" ||
		checksum(text[:tokenChars-sumChars]) != text[tokenChars-sumChars:] {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-form", "this is not a whole session token").Advise("sign in again")
	}
	if !strings.HasPrefix(text, prefixOf(env)) {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-environment", "the session belongs to another environment")
	}
	return nil
}
