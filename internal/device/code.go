package device

import (
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

// Code lets a device into the register once: 128 random bits. It prints as a
// redaction; only Reveal gives the text, to be shown once.
type Code struct{ seal.Secret }

const kindOfCodes = "srd" // what codes begin with, before the environment

// codeHead is how the ids begin that codes are spelt like.
func codeHead(env strongroom.Environment) string {
	return strings.TrimSuffix(env.Prefix(kindOfCodes), "_")
}

func newCode(env strongroom.Environment) Code {
	return Code{seal.SecretFrom(strongroom.NewID(codeHead(env)))}
}

func isCode(env strongroom.Environment, text string) bool {
	return strongroom.IsID(codeHead(env), text)
}

// digest is what is stored of a code.
func (d *Devices) digest(text string) []byte {
	m := d.mac.MAC([]byte("code"), []byte(text))
	return m[:]
}
