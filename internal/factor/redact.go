package factor

import (
	"fmt"
	"log/slog"
)

// Shown is a text that is shown once to the person it belongs to. It prints as a
// redaction; only [Shown.Reveal] gives the text.
type Shown struct{ text string }

// Reveal returns the text.
func (s Shown) Reveal() string { return s.text }

const redacted = "[authenticator secret]"

// String returns a redaction.
func (Shown) String() string { return redacted }

// GoString returns a redaction.
func (Shown) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (Shown) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (Shown) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (Shown) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a redaction.
func (Shown) MarshalText() ([]byte, error) { return []byte(redacted), nil }
