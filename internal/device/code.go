package device

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strings"

	"strongroom"
)

var alphabet = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Code lets a device into the register once: 128 random bits. It prints as a
// redaction; only [Code.Reveal] gives the text.
type Code struct{ text string }

const redacted = "[device code]"

// Reveal returns the text, to be shown once.
func (c Code) Reveal() string { return c.text }

// String returns a redaction.
func (Code) String() string { return redacted }

// GoString returns a redaction.
func (Code) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (Code) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (Code) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (Code) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a redaction.
func (Code) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const codeChars = 26 // 16 bytes in base32

func codeHead(env strongroom.Environment) string {
	if env == strongroom.Production {
		return "srd_live_"
	}
	return "srd_test_"
}

func newCode(env strongroom.Environment) Code {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return Code{codeHead(env) + alphabet.EncodeToString(b[:])}
}

func isCode(env strongroom.Environment, text string) bool {
	rest, ok := strings.CutPrefix(text, codeHead(env))
	return ok && len(rest) == codeChars && strings.Trim(rest, letters) == ""
}

// digest is what is stored of a code.
func (d *Devices) digest(text string) []byte {
	m := d.mac.MAC([]byte("code"), []byte(text))
	return m[:]
}
