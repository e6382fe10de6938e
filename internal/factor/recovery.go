package factor

import (
	"crypto/rand"
	"encoding/base32"
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

// RecoveryCodes is how many codes a set holds (ours; the policy names none).
const RecoveryCodes = 10

const (
	codeBytes = 15 // 120 random bits: a fast hash keeps them well (ASVS 6.5.2 asks for 112)
	codeChars = 24
	codeGroup = 4
)

// letters leaves out i, l, o and u, which are read or heard as something else.
const letters = "0123456789abcdefghjkmnpqrstvwxyz"

var alphabet = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// asMeant reads the letters people write for digits they resemble.
var asMeant = strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1")

// Code is a recovery code: 120 random bits that stand in once for a lost second
// factor. It prints as a redaction.
type Code struct{ seal.Secret }

// NewRecovery returns n fresh codes, [RecoveryCodes] for a set. They are shown
// once; keep only their digests.
func NewRecovery(n int) []Code {
	codes := make([]Code, n)
	for i := range codes {
		var b [codeBytes]byte
		rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
		codes[i] = Code{seal.SecretFrom(alphabet.EncodeToString(b[:]))}
	}
	return codes
}

// ParseRecovery reads a code as a person types it: in any case, with or without
// hyphens and spaces, with o for 0 and i or l for 1. A text that cannot be a code
// is a fault Unauthenticated, as a wrong code is.
func ParseRecovery(text string) (Code, error) {
	t := asMeant.Replace(strings.ToLower(text))
	if len(t) != codeChars || strings.Trim(t, letters) != "" {
		return Code{}, strongroom.Faultf(strongroom.Unauthenticated, "recovery-code", "this is not a recovery code").
			Advise("a code has %d letters and digits in %d groups", codeChars, codeChars/codeGroup)
	}
	return Code{seal.SecretFrom(t)}, nil
}

// Reveal returns the code in groups of four, to be shown once to who it belongs to.
func (c Code) Reveal() string {
	text := c.Secret.Reveal()
	if len(text) != codeChars {
		return ""
	}
	shown := text[:codeGroup]
	for i := codeGroup; i < codeChars; i += codeGroup {
		shown += "-" + text[i:i+codeGroup]
	}
	return shown
}

// MAC is a keyed hash over parts that are told apart, as seal.Key has.
type MAC interface {
	MAC(parts ...[]byte) [32]byte
}

// Digest returns what is kept of the code: its keyed hash, bound to the person it
// was made for. Equal codes of one person under one key have equal digests, so a
// code is found by looking its digest up.
func (c Code) Digest(key MAC, person string) [32]byte {
	return key.MAC([]byte("recovery code"), []byte(person), []byte(c.Secret.Reveal()))
}
