package tlog

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// redacted is what a key prints as.
const redacted = "[log key]"

// ErrKey is the error of a name or key that a signed note cannot have.
var ErrKey = errors.New("tlog: malformed key or key name")

// Signer signs checkpoints with an Ed25519 key. It does not print the key and is
// safe for concurrent use. It implements note.Signer.
type Signer struct {
	key      ed25519.PrivateKey
	verifier *Verifier
}

// NewSigner returns a signer under the given name, which is the log's origin: no
// spaces, no plus sign. The key is copied.
func NewSigner(name string, key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, ErrKey
	}
	v, err := VerifierOf(name, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Signer{key: append(ed25519.PrivateKey(nil), key...), verifier: v}, nil
}

// Name returns the name that stands beside each signature.
func (s *Signer) Name() string { return s.verifier.Name() }

// KeyHash returns the key's hash as signed notes use it.
func (s *Signer) KeyHash() uint32 { return s.verifier.KeyHash() }

// Sign returns the signature of msg.
func (s *Signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// Verifier returns the public side.
func (s *Signer) Verifier() *Verifier { return s.verifier }

// Format, String, LogValue and MarshalJSON hide the key from every verb.
func (s Signer) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (s Signer) String() string               { return redacted }
func (s Signer) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (s Signer) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Verifier checks signatures of one key. It is public and safe for concurrent
// use. It implements note.Verifier.
type Verifier struct {
	note.Verifier
	text string
}

// VerifierOf returns the verifier of a public key under a name.
func VerifierOf(name string, key ed25519.PublicKey) (*Verifier, error) {
	if !validName(name) || len(key) != ed25519.PublicKeySize {
		return nil, ErrKey
	}
	text, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		return nil, ErrKey
	}
	return ParseVerifier(text)
}

// ParseVerifier reads a verifier key as C2SP signed-note writes it:
// name+hash+base64.
func ParseVerifier(text string) (*Verifier, error) {
	v, err := note.NewVerifier(text)
	if err != nil || !validName(v.Name()) {
		return nil, ErrKey
	}
	return &Verifier{Verifier: v, text: text}, nil
}

// String returns the verifier key's text; it is public.
func (v *Verifier) String() string { return v.text }

// validName reports whether s can name a key or a log: what signed notes demand,
// and no control characters.
func validName(s string) bool {
	bad := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	return s != "" && len(s) <= 256 && utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0
}
