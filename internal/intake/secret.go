package intake

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// Secret is a store's access token. It does not print: every verb of fmt, slog
// and JSON show a fixed word. The zero Secret is empty.
type Secret struct{ text string }

// NewSecret returns the secret of a text.
func NewSecret(text string) Secret { return Secret{text} }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
