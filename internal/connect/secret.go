package connect

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// secret is a client id of an account. It does not print. The zero secret is empty.
type secret struct{ text string }

// IsZero reports whether there is no secret.
func (s secret) IsZero() bool { return s.text == "" }

func (secret) String() string               { return redacted }
func (secret) GoString() string             { return redacted }
func (secret) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
