package seal

import (
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/argon2"
)

// Params are the cost of turning a passphrase into a key with Argon2id. They
// are no secret; the caller stores them beside what the key wraps.
type Params struct {
	Salt    []byte `json:"salt"`    // at least 16 bytes
	Time    uint32 `json:"time"`    // passes over the memory
	Memory  uint32 `json:"memory"`  // KiB
	Threads uint8  `json:"threads"` // lanes
}

// Bounds of Params. The least memory is what OWASP asks of Argon2id; the upper
// bounds keep a forged file from taking
// the machine.
const (
	minSalt, maxSalt       = 16, 64
	minTime, maxTime       = 1, 64
	minMemory, maxMemory   = 19 << 10, 4 << 20
	minThreads, maxThreads = 1, 64
)

// MinPassphrase is the fewest bytes a passphrase may have.
const MinPassphrase = 12

var (
	errParams     = errors.New("seal: passphrase parameters are out of bounds")
	errPassphrase = errors.New("seal: a passphrase has 12 bytes or more")
)

// NewParams returns the default cost (3 passes over 64 MiB in 4 lanes, RFC 9106)
// with a fresh salt.
func NewParams() Params {
	salt := make([]byte, minSalt)
	rand.Read(salt)
	return Params{Salt: salt, Time: 3, Memory: 64 << 10, Threads: 4}
}

// Check reports whether p lies within the bounds.
func (p Params) Check() error {
	ok := len(p.Salt) >= minSalt && len(p.Salt) <= maxSalt &&
		p.Time >= minTime && p.Time <= maxTime &&
		p.Memory >= minMemory && p.Memory <= maxMemory &&
		p.Threads >= minThreads && p.Threads <= maxThreads
	if !ok {
		return errParams
	}
	return nil
}

// FromPassphrase derives the key of pass by Argon2id at cost p. The caller may
// wipe pass afterwards.
func FromPassphrase(pass []byte, p Params) (Key, error) {
	if len(pass) < MinPassphrase {
		return Key{}, errPassphrase
	}
	if err := p.Check(); err != nil {
		return Key{}, err
	}
	b := argon2.IDKey(pass, p.Salt, p.Time, p.Memory, p.Threads, KeySize)
	defer clear(b)
	return KeyFrom(b)
}
